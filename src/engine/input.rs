//! Everything that may change what the engine does. Nothing else may.

use serde::{Deserialize, Serialize};

use crate::breaker::Permission;
use crate::event::{Bar, Event, MarketId, Nanos};
use crate::market::VenueId;
use crate::record::Who;
use crate::trip::Scope;

/// One input. Live, replay and simulation differ only in who makes these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A market said something.
    Event(Event),
    /// A bar closed.
    Bar(Bar),
    /// Time passed.
    Tick(Nanos),
    /// A probe walks the whole path; what comes out renews the lease.
    Probe {
        /// Place in the row of probes.
        seq: u64,
        /// When it was sent.
        at: Nanos,
    },
    /// A feed changed its state.
    Feed(FeedReport),
    /// Frames that were refused, counted by reason.
    Bad {
        /// When it was noticed.
        at: Nanos,
        /// Market, where the frame named one.
        market: Option<MarketId>,
        /// How many.
        count: u64,
    },
    /// A person asks for something.
    Command(Command),
    /// Everything up to this record is on disk.
    Stored {
        /// When the store said so.
        at: Nanos,
        /// The last record that is safe.
        seq: u64,
    },
    /// A delivery to a hook ended.
    Delivery(DeliveryReport),
}

impl Input {
    /// When it reached the engine; a bar reaches it at its close.
    pub const fn at(&self) -> Nanos {
        match self {
            Self::Event(event) => event.recv_at,
            Self::Bar(bar) => bar.close_at,
            Self::Tick(at) | Self::Probe { at, .. } | Self::Bad { at, .. } | Self::Stored { at, .. } => *at,
            Self::Feed(report) => report.at,
            Self::Command(command) => command.at,
            Self::Delivery(report) => report.at,
        }
    }
}

/// State of one connection of a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedState {
    /// A connection is being made.
    Connecting,
    /// Subscriptions were acknowledged; nothing came yet.
    Subscribed,
    /// Data arrives.
    Delivering,
    /// The connection is gone.
    Down,
    /// Something is missing from the sequence.
    Gap,
    /// The channel to the engine was full.
    Overflow,
    /// The connection stands, and its data has paused for longer than it ever uses to.
    Late,
    /// Data arrives, and of several connections that shall bring it one is gone.
    Thin,
}

impl FeedState {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Subscribed => "subscribed",
            Self::Delivering => "delivering",
            Self::Down => "down",
            Self::Gap => "gap",
            Self::Overflow => "overflow",
            Self::Late => "late",
            Self::Thin => "thin",
        }
    }
}

/// A feed changed its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedReport {
    /// When.
    pub at: Nanos,
    /// Whose.
    pub venue: VenueId,
    /// Which connection, from 0.
    pub connection: u32,
    /// The new state.
    pub state: FeedState,
    /// Why, in words; hostile text is cut to printable ASCII by the session.
    pub why: String,
}

/// A person asks for something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// When it reached us.
    pub at: Nanos,
    /// Matches the answer to the question.
    pub id: u64,
    /// Who, by the credential.
    pub who: Who,
    /// Why, in the person's words.
    pub reason: String,
    /// What.
    pub action: Action,
}

/// What a person may ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Tighten by hand.
    Trip {
        /// Where.
        scope: Scope,
        /// What is still allowed.
        permission: Permission,
    },
    /// Let a breaker go.
    Rearm {
        /// Where.
        scope: Scope,
        /// Which rule's breaker; `manual` for one tripped by hand.
        rule: String,
        /// The version the person saw.
        version: u64,
    },
    /// Say that an incident was seen.
    Acknowledge {
        /// Which.
        incident: String,
    },
    /// Say that an incident is over.
    Resolve {
        /// Which.
        incident: String,
    },
    /// Add a remark to an incident.
    Comment {
        /// Which.
        incident: String,
    },
}

/// A delivery to a hook ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// When.
    pub at: Nanos,
    /// Message id.
    pub message: String,
    /// Hook.
    pub hook: String,
    /// Attempt, from 1.
    pub attempt: u32,
    /// Whether it arrived.
    pub ok: bool,
    /// Status or error in words.
    pub detail: String,
}
