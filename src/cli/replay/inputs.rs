//! What an engine took in, played as it was recorded.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use crate::cli::Fault;
use crate::feed::tape::{Ending, InputReader};
use crate::replay::{Listener, Runner, play_inputs};

/// The files of one run.
pub(super) struct Inputs {
    pub(super) first: Box<InputReader>,
    paths: Vec<PathBuf>,
    /// One line a file that did not end in order.
    pub(super) damage: Vec<String>,
    /// What is wrong where the recorded run came to another digest.
    pub(super) differs: Option<String>,
}

/// Whether a file is a tape of engine inputs with the state they began in.
pub(super) fn is_of_inputs(path: &Path) -> bool {
    open(path).is_ok()
}

fn open(path: &Path) -> Result<InputReader, Fault> {
    let named = |why| anyhow::anyhow!("{}: {why}", path.display());
    Ok(InputReader::new(BufReader::new(File::open(path).map_err(named)?)).map_err(named)?)
}

impl Inputs {
    pub(super) fn open(paths: &[PathBuf]) -> Result<Self, Fault> {
        let Some(first) = paths.first() else { return Err(Fault::usage("no tape")) };
        Ok(Self { first: Box::new(open(first)?), paths: paths.to_vec(), damage: Vec::new(), differs: None })
    }

    /// Plays them all; returns how many inputs came. A file that does not begin in the state in which the one before it
    /// ended is a fault: what comes out would be no run that ever was.
    pub(super) fn play(
        &mut self,
        runner: &mut Runner,
        listeners: &mut [&mut dyn Listener],
        mut progress: impl FnMut(u64),
    ) -> Result<u64, Fault> {
        let mut count = play_inputs(runner, &mut *self.first, listeners, &mut progress)?;
        let paths = self.paths.clone();
        let (first, rest) = paths.split_first().ok_or_else(|| Fault::usage("no tape"))?;
        self.damage.extend(damage(first, &self.first));
        self.differs = differs(first, &self.first, runner);
        let mut before = first;
        for path in rest {
            let mut tape = open(path)?;
            if tape.snapshot() != runner.engine.snapshot() {
                let why = "does not begin in the state in which the tape before it ends";
                return Err(Fault::usage(format!(
                    "{}: {why} ({}); play it alone, or name the tapes in their order",
                    path.display(),
                    before.display()
                )));
            }
            count += play_inputs(runner, &mut tape, listeners, |more| progress(count + more))?;
            self.damage.extend(damage(path, &tape));
            before = path;
        }
        Ok(count)
    }
}

fn damage(path: &Path, tape: &InputReader) -> Option<String> {
    tape.damage().map(|why| format!("{}: {why}", path.display()))
}

fn differs(path: &Path, tape: &InputReader, runner: &Runner) -> Option<String> {
    let Some(Ending::Whole(Some(live))) = tape.ending() else { return None };
    let replayed = runner.finish();
    (*live != replayed).then(|| {
        format!(
            "{}: the run that was recorded came to digest {live}, this replay to {replayed}: it was recorded by another \
             version, or the tape was changed",
            path.display()
        )
    })
}
