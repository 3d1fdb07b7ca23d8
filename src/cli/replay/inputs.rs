//! What an engine took in, played as it was recorded.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::cli::Fault;
use crate::cli::progress::Progress;
use crate::feed::tape::{Ending, InputReader};
use crate::replay::{Listener, Runner, play_inputs};

/// The files of one run.
pub(super) struct Inputs {
    tapes: Vec<(PathBuf, InputReader)>,
    /// One line a file that did not end in order.
    pub(super) damage: Vec<String>,
    /// What is wrong where the recorded run came to another digest.
    pub(super) differs: Option<String>,
}

/// Whether a file is a tape of engine inputs with the state they began in.
pub(super) fn is_of_inputs(path: &Path) -> bool {
    open(path, None).is_ok()
}

fn open(path: &Path, progress: Option<&Progress>) -> Result<InputReader, Fault> {
    let named = |why| anyhow::anyhow!("{}: {why}", path.display());
    let file = File::open(path).map_err(named)?;
    let watched = file.try_clone();
    let tape = InputReader::new(BufReader::new(file)).map_err(named)?;
    if let (Some(progress), Ok(file)) = (progress, watched) {
        progress.watch(file);
    }
    Ok(tape)
}

impl Inputs {
    /// Opens the files of a run, in their order.
    pub(super) fn open(paths: &[PathBuf], progress: &Progress) -> Result<Self, Fault> {
        let open = |path: &PathBuf| Ok((path.clone(), open(path, Some(progress))?));
        let tapes = paths.iter().map(open).collect::<Result<_, Fault>>()?;
        Ok(Self { tapes, damage: Vec::new(), differs: None })
    }

    /// The engine's state before the first input.
    pub(super) fn snapshot(&self) -> &[u8] {
        self.tapes.first().map_or(&[], |(_, tape)| tape.snapshot())
    }

    /// Plays them all; returns how many inputs came. A file that does not begin in the state in which the one before it
    /// ended is a fault: what comes out would be no run that ever was.
    pub(super) fn play(
        &mut self,
        runner: &mut Runner,
        listeners: &mut [&mut dyn Listener],
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Fault> {
        let (mut count, mut before) = (0, None::<PathBuf>);
        for (path, tape) in &mut self.tapes {
            if let Some(before) = &before
                && tape.snapshot() != runner.engine.snapshot()
            {
                let why = "does not begin in the state in which the tape before it ends";
                return Err(Fault::usage(format!(
                    "{}: {why} ({}); play it alone, or name the tapes in their order",
                    path.display(),
                    before.display()
                )));
            }
            runner.begin_file();
            count += play_inputs(runner, &mut *tape, listeners, |more| progress(count + more))?;
            self.damage.extend(damage(path, tape));
            self.differs = self.differs.take().or_else(|| differs(path, tape, runner));
            before = Some(path.clone());
        }
        Ok(count)
    }
}

fn damage(path: &Path, tape: &InputReader) -> Option<String> {
    tape.damage().map(|why| format!("{}: {why}", path.display()))
}

fn differs(path: &Path, tape: &InputReader, runner: &Runner) -> Option<String> {
    let Some(Ending::Whole(Some(live))) = tape.ending() else { return None };
    let replayed = runner.finish_file();
    (*live != replayed).then(|| {
        format!(
            "{}: the run that was recorded came to digest {live}, this replay to {replayed}: it was recorded by another \
             version, or the tape was changed",
            path.display()
        )
    })
}
