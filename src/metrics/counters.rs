//! What the rooms around the engine count. The driver fills these; nothing here adds up by itself.

use std::sync::Arc;

use super::{Latencies, Latency, Vitals};
use crate::engine::FeedState;
use crate::event::Nanos;
use crate::feed::session::{Counters, Standing};
use crate::hook::HookNumbers;

/// One connection of a venue.
#[derive(Clone, Debug)]
pub struct FeedCounters {
    /// The venue.
    pub venue: String,
    /// Which of its connections, from 0.
    pub connection: u32,
    /// Where it stands, if that is known.
    pub state: Option<FeedState>,
    /// What its session counts.
    pub session: Counters,
    /// How many lines it wants and has, and which endpoint it uses.
    pub standing: Standing,
}

impl FeedCounters {
    /// Of a session by its name, as in `binance-coinm/0`.
    pub fn named(name: &str, state: Option<FeedState>, session: Counters) -> Self {
        let (venue, connection) = name.rsplit_once('/').unwrap_or((name, "0"));
        Self {
            venue: venue.to_owned(),
            connection: connection.parse().unwrap_or(0),
            state,
            session,
            standing: Standing::default(),
        }
    }

    /// The same with where it stands.
    #[must_use]
    pub fn standing(self, standing: Standing) -> Self {
        Self { standing, ..self }
    }
}

/// The channel from feeds to engine: `offered` is the sum of what was passed on, conflated, dropped, and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelCounters {
    /// Inputs that feeds offered.
    pub offered: u64,
    /// Quotes among them that gave way to a later one of their market.
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

/// What the trading engine acknowledges. Of the last acknowledgement that could be believed, where there was one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AckCounters {
    /// Whether it counts: of this gate, and fresh.
    pub fresh: bool,
    /// Seconds since it was written.
    pub age_secs: Option<f64>,
    /// Publications of this gate that the engine has not seen; `None` where it reads another one.
    pub lag: Option<u64>,
    /// Orders allowed, whole or in part, and orders denied, since the engine started.
    pub orders: Option<(u64, u64)>,
}

/// The store.
#[derive(Clone, Debug, Default)]
pub struct StoreCounters {
    /// Records on disk since the start.
    pub records: u64,
    /// From handing a batch over to the disk's word.
    pub append: Latency,
}

/// Recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordCounters {
    /// Bytes on disk.
    pub bytes: u64,
    /// Files begun.
    pub files: u64,
    /// Files deleted to make room.
    pub deleted: u64,
    /// Inputs that found no room on their way to the disk.
    pub lost_inputs: u64,
    /// Frames that found none.
    pub lost_frames: u64,
    /// Whether nothing is written any more.
    pub stopped: bool,
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
    /// Acknowledgements; `None` where no engine is expected to give any.
    pub acks: Option<AckCounters>,
    /// The channel; `None` where feeds call the engine themselves.
    pub channel: Option<ChannelCounters>,
    /// Connections.
    pub feeds: Vec<FeedCounters>,
    /// The store; `None` where there is none.
    pub store: Option<StoreCounters>,
    /// Hooks by name.
    pub hooks: Vec<(String, HookNumbers)>,
    /// Recordings; `None` where none are made.
    pub record: Option<RecordCounters>,
}
