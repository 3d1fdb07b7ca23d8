//! One engine and the digest of its run, fed input by input.

use crate::engine::{Engine, Input, Output, RunDigest};
use crate::market::Markets;

/// Whoever wants to see what goes in and what comes out.
pub trait Listener {
    /// An input is about to be handled.
    fn input(&mut self, engine: &Engine, input: &Input) {
        let _ = (engine, input);
    }

    /// An output came.
    fn output(&mut self, engine: &Engine, output: &Output);
}

/// An engine that is driven by a tape.
#[derive(Debug)]
pub struct Runner {
    /// The engine.
    pub engine: Engine,
    digest: RunDigest,
    /// Of the file that is being played, of a tape of engine inputs.
    file: RunDigest,
    out: Vec<Output>,
    verbatim: bool,
}

impl Runner {
    /// A runner that makes the ticks the engine asks for and answers its records as stored.
    pub const fn new(engine: Engine) -> Self {
        Self { engine, digest: RunDigest::EMPTY, file: RunDigest::EMPTY, out: Vec::new(), verbatim: false }
    }

    /// A runner for a tape of engine inputs, which holds ticks and acknowledgements itself.
    pub fn verbatim(engine: Engine) -> Self {
        Self { verbatim: true, ..Self::new(engine) }
    }

    /// A runner that goes on where another one was cut.
    pub fn resumed(engine: Engine, digest: RunDigest) -> Self {
        Self { digest, ..Self::new(engine) }
    }

    /// The digest so far, to be resumed from.
    pub const fn digest(&self) -> &RunDigest {
        &self.digest
    }

    /// The digest of a run that ends here.
    pub fn finish(&self) -> String {
        self.digest.finish(&self.engine)
    }

    /// A file of a recorded run begins.
    pub fn begin_file(&mut self) {
        self.file = RunDigest::EMPTY;
    }

    /// The digest of the file that ends here, as its recorder took it.
    pub fn finish_file(&self) -> String {
        self.file.finish(&self.engine)
    }

    /// Tells the engine of markets that a tape has met.
    pub fn meet(&mut self, table: &Markets) {
        for (_, market) in table.iter().skip(self.engine.markets().len()) {
            self.engine.add_market(market.clone());
        }
    }

    /// Feeds one input, with the time before it.
    #[inline]
    pub fn feed(&mut self, input: Input, listeners: &mut [&mut dyn Listener]) {
        if !self.verbatim {
            while let Some(due) = self.engine.deadline().filter(|due| *due < input.at()) {
                self.handle(Input::Tick(due), listeners);
            }
        }
        self.handle(input, listeners);
    }

    #[inline]
    fn handle(&mut self, input: Input, listeners: &mut [&mut dyn Listener]) {
        for listener in listeners.iter_mut() {
            listener.input(&self.engine, &input);
        }
        self.engine.handle(input, &mut self.out);
        self.digest.outputs(&self.engine, &self.out);
        if self.verbatim {
            self.file.outputs(&self.engine, &self.out);
        }
        if !self.out.is_empty() {
            self.tell(listeners);
        }
    }

    #[cold]
    fn tell(&mut self, listeners: &mut [&mut dyn Listener]) {
        let mut stored = None;
        for output in self.out.drain(..) {
            for listener in listeners.iter_mut() {
                listener.output(&self.engine, &output);
            }
            if let Output::Record(record) = &output {
                stored = Some(record.seq);
            }
        }
        if let Some(seq) = stored.filter(|_| !self.verbatim) {
            self.handle(Input::Stored { at: self.engine.now(), seq }, listeners);
        }
    }
}
