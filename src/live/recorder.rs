//! Records what the engine takes in, in the order it took it, so that the run can be replayed bit by bit.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use crate::engine::{Engine, Input, Output, RunDigest};
use crate::feed::tape::InputWriter;

/// A tape of inputs and the digest of what they brought about.
pub(super) struct Recorder {
    tape: InputWriter<BufWriter<File>>,
    digest: RunDigest,
    failed: Option<io::Error>,
}

impl Recorder {
    /// Begins a tape with the state the engine stands in.
    pub(super) fn create(path: &Path, engine: &Engine) -> io::Result<Self> {
        let tape = InputWriter::new(BufWriter::new(File::create(path)?), &engine.snapshot())?;
        Ok(Self { tape, digest: RunDigest::EMPTY, failed: None })
    }

    pub(super) fn input(&mut self, input: &Input) {
        if self.failed.is_none() {
            self.failed = self.tape.write(input).err();
        }
    }

    pub(super) fn outputs(&mut self, engine: &Engine, outputs: &[Output]) {
        self.digest.outputs(engine, outputs);
    }

    /// Ends the tape and gives the digest of the run.
    pub(super) fn finish(self, engine: &Engine) -> io::Result<String> {
        self.failed.map_or(Ok(()), Err)?;
        self.tape.finish()?;
        Ok(self.digest.finish(engine))
    }
}
