//! Every metric name, once. Rooms return counters, this one reads them.
//!
//! [`Vitals`] is what the engine shows; [`Readings`] adds what the rooms around it count; [`render`] turns both into the
//! text that Prometheus scrapes. [`Shared`] carries them from the thread that counts to the thread that is asked. What is
//! *not* here: a registry of global metrics, a handle in the hot path, a clock.

mod counters;
mod latency;
mod names;
mod page;
mod render;
mod shared;
mod vitals;

pub use counters::{
    AckCounters, ChannelCounters, FeedCounters, LeaseCounters, Readings, RecordCounters, StoreCounters,
};
pub use latency::{Latencies, Latency};
pub use names::{Metric, MetricKind, table};
pub use render::{MARKETS_MAX, render};
pub use shared::Shared;
pub use vitals::{INCIDENTS_MAX, MARKETS_A_READ, MarketVitals, Vitals};

/// The content type of [`render`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
