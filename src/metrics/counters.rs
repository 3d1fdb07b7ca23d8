//! What the rooms around the engine count. The driver fills these; nothing here adds up by itself.

use std::sync::Arc;

use super::{Latencies, Latency, Vitals};
use crate::engine::FeedState;
use crate::event::Nanos;
use crate::feed::session::Counters;
use crate::hook::HookNumbers;

/// One connection of a venue.
#[derive(Clone, Debug)]
pub struct FeedCounters {
    /// The venue.
    pub venue: String,
    /// Which of its connections, from 0.
    pub connection: u32,
    /// Where it stands.
    pub state: FeedState,
    /// What its session counts.
    pub session: Counters,
}

/// The channel from feeds to engine: `offered` is the sum of the other three and of what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Inputs that feeds offered.
    pub offered: u64,
    /// Inputs that the engine took.
    pub handled: u64,
    /// Quotes and the like that gave way to a newer one of their market.
    pub conflated: u64,
    /// Inputs that found no room.
    pub dropped: u64,
    /// Inputs that wait.
    pub depth: u64,
}

/// The lease of the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaseCounters {
    /// Probes that walked the whole path and renewed it.
    pub beats: u64,
    /// When the last one did; `None` before the first.
    pub last_at: Option<Nanos>,
}

/// The store.
#[derive(Clone, Debug, Default)]
pub struct StoreCounters {
    /// Records on disk since the start.
    pub records: u64,
    /// From handing a batch over to the disk's word.
    pub append: Latency,
}

/// Everything a scrape shows.
#[derive(Clone, Debug, Default)]
pub struct Readings {
    /// The engine.
    pub vitals: Arc<Vitals>,
    /// What the engine thread times.
    pub latencies: Latencies,
    /// The lease; `None` where there is no gate.
    pub lease: Option<LeaseCounters>,
    /// The channel; `None` where feeds call the engine themselves.
    pub channel: Option<ChannelCounters>,
    /// Connections.
    pub feeds: Vec<FeedCounters>,
    /// The store; `None` where there is none.
    pub store: Option<StoreCounters>,
    /// Hooks by name.
    pub hooks: Vec<(String, HookNumbers)>,
}
