//! Everything the engine asks of the world, in the order it must happen: gate, then store, then hooks.

use serde::{Deserialize, Serialize};

use crate::breaker::Permission;
use crate::event::{MarketId, Nanos};
use crate::record::Record;

/// One output. Drivers obey these in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::large_enum_variant,
    reason = "records are rare, and a box would cost an allocation on the way to the gate"
)]
pub enum Output {
    /// Write a market's permission into the gate.
    Gate(GateWrite),
    /// Append a record to the store; deliveries follow from it there.
    Record(Record),
    /// A probe came through: renew the lease.
    Beat {
        /// The probe.
        seq: u64,
        /// Its time.
        at: Nanos,
    },
    /// The answer to a command. `after` names the record that must be on disk before the person may see it.
    Answer {
        /// The command.
        id: u64,
        /// What was done, or why not.
        result: Result<String, String>,
        /// The record to wait for.
        after: u64,
    },
}

/// What a cell of the gate says from now on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateWrite {
    /// Which market.
    pub market: MarketId,
    /// Which strategy slot; 0 is all strategies.
    pub slot: u8,
    /// What is allowed.
    pub permission: Permission,
    /// Why, as a number: the rule's place in the policy from 1; see [`Reason`].
    pub reason: u32,
    /// Number of the incident, 0 for none: the leading 8 bytes of its id's hash.
    pub incident: u64,
}

/// Reason codes below the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing binds.
    None = 0,
    /// The daemon starts and no feed has delivered yet.
    Starting = 1,
    /// Detectors are not warm yet.
    Warming = 2,
    /// A person tightened by hand.
    Manual = 3,
}

impl Reason {
    /// Rule codes begin here: rule `i` of the policy has code `FIRST_RULE + i`.
    pub const FIRST_RULE: u32 = 16;
}
