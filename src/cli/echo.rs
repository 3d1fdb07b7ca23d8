//! What comes back from the trading engine: its acknowledgement, weighed against the gate.

use std::fmt;

use serde_json::{Value, json};

use crate::gate::{Ack, AckReader, Glance, Reader, Unheard, now_mono};
use crate::report::words;

/// An acknowledgement at one moment.
pub(super) struct Echo {
    /// The last one, where it could be read.
    ack: Option<Ack>,
    age_secs: f64,
    lag: Option<u64>,
    /// Why it does not count.
    doubt: Option<Unheard>,
}

impl Echo {
    /// Reads the acknowledgement first, then the gate: what the engine has seen was said before.
    pub(super) fn of(acks: &AckReader, gate: &Reader) -> Self {
        let read = acks.read().map_err(Unheard::from).and_then(|ack| ack.ok_or(Unheard::Nothing));
        match (read, gate.glance()) {
            (Ok(ack), Some(gate)) => Self::weighed(ack, &gate, now_mono()),
            (Err(why), _) => Self { ack: None, age_secs: 0.0, lag: None, doubt: Some(why) },
            (Ok(_), None) => Self { ack: None, age_secs: 0.0, lag: None, doubt: Some(Unheard::Nothing) },
        }
    }

    fn weighed(ack: Ack, gate: &Glance, now: u64) -> Self {
        let age_secs = ack.age_ns(now) as f64 / 1e9;
        Self { ack: Some(ack), age_secs, lag: ack.lag(gate), doubt: ack.doubt(gate, now) }
    }

    /// One JSON object; counts as numbers, the generation as text, for it does not fit into a double.
    pub(super) fn json(&self) -> Value {
        let ack = self.ack;
        json!({
            "fresh": self.doubt.is_none(),
            "why": self.doubt.as_ref().map(ToString::to_string),
            "age_seconds": ack.map(|_| self.age_secs),
            "lag_publications": self.lag,
            "generation": ack.map(|ack| ack.generation.to_string()),
            "orders_allowed": ack.map(|ack| ack.allowed),
            "orders_denied": ack.map(|ack| ack.denied),
        })
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.doubt {
            None => write!(f, "engine acknowledges: {} ago", words::lasting(self.age_secs))?,
            Some(why) => write!(f, "no engine acknowledges: {why}")?,
        }
        if let (None, Some(lag)) = (&self.doubt, self.lag) {
            write!(f, ", {lag} publication{} behind", if lag == 1 { "" } else { "s" })?;
        }
        match self.ack {
            Some(ack) => write!(f, "; orders allowed {}, denied {}", ack.allowed, ack.denied),
            None => Ok(()),
        }
    }
}
