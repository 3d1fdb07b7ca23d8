//! Every metric name, once. Rooms return counters, this one reads them.

use crate::engine::{BreakerView, Engine};

/// A copy of what the engine shows, taken now and then by its own thread and read by everybody else.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    /// Breakers that are not at rest.
    pub breakers: Vec<BreakerView>,
}

impl Vitals {
    /// Copies from the engine.
    pub fn read(&mut self, engine: &Engine) {
        self.breakers = engine.breakers();
    }
}
