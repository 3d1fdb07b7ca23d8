//! Records what the engine takes in, in the order it took it, so that the run can be replayed bit by bit.

use super::scribe::{Beginning, Scribe};
use crate::engine::{Engine, Input, Output, RunDigest};

/// Hands inputs to the scribe, and keeps the digests of what they brought about.
pub(super) struct Recorder {
    scribe: Scribe,
    /// The tape that is being written, from 1.
    number: u64,
    /// Of the whole run.
    run: RunDigest,
    /// Of what stands in the file that is being written.
    file: RunDigest,
    /// Inputs lost since the file broke off; none while it is whole.
    lost: u64,
}

impl Recorder {
    /// Begins a tape with the state the engine stands in.
    pub(super) fn new(scribe: Scribe, engine: &Engine) -> Self {
        let mut recorder = Self { scribe, number: 0, run: RunDigest::EMPTY, file: RunDigest::EMPTY, lost: 0 };
        recorder.begin(engine);
        recorder
    }

    /// Takes an input before the engine does. One that finds no room breaks the tape: a new one begins, with the engine's
    /// state of that moment, as soon as there is room again.
    pub(super) fn input(&mut self, engine: &Engine, input: &Input) {
        if (self.lost > 0 || self.scribe.wants_beyond(self.number)) && self.scribe.has_room() {
            self.begin(engine);
        }
        if !self.scribe.input(input, self.lost > 0) {
            self.lost += 1;
        }
    }

    pub(super) fn outputs(&mut self, engine: &Engine, outputs: &[Output]) {
        self.run.outputs(engine, outputs);
        self.file.outputs(engine, outputs);
    }

    /// Ends the tape and gives the digest of the run.
    pub(super) fn finish(self, engine: &Engine) -> String {
        self.scribe.end(Some(self.file.finish(engine)), self.lost);
        self.run.finish(engine)
    }

    #[cold]
    fn begin(&mut self, engine: &Engine) {
        let snapshot = engine.snapshot();
        let beginning = Beginning {
            number: self.number + 1,
            digest: Some(self.file.finish_at(&snapshot)),
            lost: self.lost,
            snapshot,
            markets: engine.markets().clone(),
        };
        if self.scribe.begin(beginning) {
            (self.number, self.file, self.lost) = (self.number + 1, RunDigest::EMPTY, 0);
        }
    }
}
