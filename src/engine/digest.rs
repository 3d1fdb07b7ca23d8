//! One number for a whole run: SHA-256 chained over every output and, now and then, the whole state.
//!
//! `d <- SHA-256(d ‖ bytes)`, so that a run can be cut and resumed with 32 bytes carried over. Equal inputs and settings
//! give equal digests on any machine; the last bit of any score changes it, for the state holds the trace of all scores.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Engine, Output};
use crate::record::{Hash, hex};

/// The whole state is taken in every so many inputs.
const STATE_EVERY: u64 = 1 << 20;

/// A digest in the making.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest(Hash);

impl Digest {
    /// The digest of nothing.
    pub const EMPTY: Self = Self([0; 32]);

    /// Takes in what one input brought about.
    #[inline]
    pub fn outputs(&mut self, engine: &Engine, outputs: &[Output]) {
        if !outputs.is_empty() {
            self.chain(&postcard::to_stdvec(outputs).unwrap_or_default());
        }
        if engine.inputs().is_multiple_of(STATE_EVERY) {
            self.state(engine);
        }
    }

    /// Takes in the whole state.
    pub fn state(&mut self, engine: &Engine) {
        self.chain(&engine.snapshot());
    }

    /// The digest of a run that ends here, in hex.
    pub fn finish(&self, engine: &Engine) -> String {
        self.finish_at(&engine.snapshot())
    }

    /// The same for whoever has the state's snapshot at hand.
    pub fn finish_at(&self, snapshot: &[u8]) -> String {
        let mut last = self.clone();
        last.chain(snapshot);
        hex(&last.0)
    }

    fn chain(&mut self, bytes: &[u8]) {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(bytes);
        self.0 = hasher.finalize().into();
    }
}
