//! Every fact worth keeping, in its stable wire form, and the chain of hashes that makes tampering show.
//!
//! A record's body is the JSON of its [`Fact`], written once and hashed as written: `hash = SHA-256(previous hash ‖ seq ‖
//! at ‖ body)`. Fields are only ever added, never renamed; [`FORMAT`] goes up when a reader must know.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::breaker::Permission;
use crate::event::Nanos;
use crate::trip::{Direction, Evidence};

/// Version of the wire form.
pub const FORMAT: u32 = 1;

/// Who did something, told by the credential and never by a field of the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Login name, or `uid:1000` where the system knows none.
    pub name: String,
    /// How it was proven: `socket` (peer credentials), `engine` (the product itself), `tape` (a replay).
    pub via: String,
}

impl Who {
    /// The product acting by itself.
    pub fn engine() -> Self {
        Self { name: "fusewire".to_owned(), via: "engine".to_owned() }
    }
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentChange {
    /// The first trip opened it.
    Opened,
    /// Severity rose.
    Raised,
    /// A person has seen it.
    Acknowledged,
    /// A person declared it over.
    Resolved,
    /// A remark was added.
    Commented,
}

/// One fact. The tag `fact` names it on the wire.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// The engine began.
    Started {
        /// Product version.
        version: String,
        /// SHA-256 of the effective settings, hex.
        config_hash: String,
        /// `venue:NATIVE` of every market.
        markets: Vec<String>,
        /// What it resumed: `fresh`, `snapshot`, `store`.
        resumed: String,
    },
    /// A detector tripped.
    Trip {
        /// `venue:NATIVE`.
        market: String,
        /// Detector.
        detector: String,
        /// Leg of the detector.
        leg: String,
        /// Which way.
        direction: Direction,
        /// The strictest rule that acted on it; empty when none did.
        rule: String,
        /// Wire name of the scope that rule acts at.
        scope: String,
        /// Stance that rule asks for; `Normal` when none acted.
        stance: String,
        /// Score.
        score: f64,
        /// Limit it reached.
        limit: f64,
        /// Once in so many seconds, where history supports a statement.
        return_period_secs: Option<f64>,
        /// Measures for people.
        evidence: Evidence,
        /// When the venue says the event that tripped it happened.
        venue_at: Nanos,
        /// When that event reached us.
        recv_at: Nanos,
        /// Incident it belongs to; empty when no rule asked for anything.
        incident: String,
    },
    /// A breaker moved.
    Breaker {
        /// Wire name of the scope.
        scope: String,
        /// Rule the breaker belongs to.
        rule: String,
        /// State before.
        from: String,
        /// State after.
        to: String,
        /// Stance it asks for after the move.
        stance: String,
        /// All it allows after the move.
        permission: Permission,
        /// Trips in a row.
        strikes: u32,
        /// When it next moves by itself; `None` while it waits for a cause to clear or for a person.
        until: Option<Nanos>,
        /// What moved it.
        cause: String,
        /// Version of this breaker, for compare-and-set on re-arm.
        version: u64,
        /// Incident it belongs to; may be empty.
        incident: String,
        /// Who, when a person did it.
        by: Option<Who>,
        /// Why, when a person did it.
        reason: String,
    },
    /// The effective permission of a market changed.
    Permission {
        /// `venue:NATIVE`.
        market: String,
        /// What is allowed from here on.
        permission: Permission,
        /// The rule that binds most.
        rule: String,
        /// Incident it belongs to; may be empty.
        incident: String,
    },
    /// An incident changed.
    Incident {
        /// Its id.
        id: String,
        /// What happened to it.
        change: IncidentChange,
        /// Kind, as in `flash_crash`.
        kind: String,
        /// 1 (worst) to 4.
        severity: u8,
        /// Title for people.
        title: String,
        /// Wire name of the scope it covers.
        scope: String,
        /// Who.
        by: Who,
        /// Words of the person.
        note: String,
    },
    /// A feed changed its state.
    Feed {
        /// Venue.
        venue: String,
        /// Stream or connection.
        stream: String,
        /// State: `connecting`, `connected`, `delivering`, `down`, `gap`, `overflow`.
        state: String,
        /// Reason in words.
        why: String,
    },
    /// An operator's request was refused.
    Refused {
        /// Who asked.
        by: Who,
        /// What for.
        request: String,
        /// Why not.
        why: String,
    },
    /// A delivery ended.
    Delivered {
        /// Message id, equal on every attempt.
        message: String,
        /// Hook.
        hook: String,
        /// Attempt that ended it, from 1.
        attempt: u32,
        /// Whether it arrived.
        ok: bool,
        /// Status or error in words.
        detail: String,
    },
    /// The engine stopped on purpose.
    Stopped {
        /// Why.
        why: String,
    },
}

impl Fact {
    /// The tag, for columns and counts.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Trip { .. } => "trip",
            Self::Breaker { .. } => "breaker",
            Self::Permission { .. } => "permission",
            Self::Incident { .. } => "incident",
            Self::Feed { .. } => "feed",
            Self::Refused { .. } => "refused",
            Self::Delivered { .. } => "delivered",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// The incident this fact belongs to; empty for none.
    pub fn incident(&self) -> &str {
        match self {
            Self::Trip { incident, .. } | Self::Breaker { incident, .. } | Self::Permission { incident, .. } => {
                incident
            }
            Self::Incident { id, .. } => id,
            _ => "",
        }
    }
}

/// A fact with its place in the order of things.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Place, from 1, without holes.
    pub seq: u64,
    /// Engine time of the decision.
    pub at: Nanos,
    /// What.
    pub fact: Fact,
}

/// A link of the chain.
pub type Hash = [u8; 32];

/// What the first record is chained to.
pub const GENESIS: Hash = [0; 32];

impl Record {
    /// The body as stored and hashed.
    pub fn body(&self) -> String {
        serde_json::to_string(&self.fact).unwrap_or_default()
    }
}

/// The hash of a record with this body behind `previous`.
pub fn link(previous: &Hash, seq: u64, at: Nanos, body: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(seq.to_le_bytes());
    hasher.update(at.0.to_le_bytes());
    hasher.update(body.as_bytes());
    hasher.finalize().into()
}

/// Lower-case hex, as hashes and ids are shown.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
