//! Hooks: telling the world what the engine decided, at least once, under one id, without ever waiting for the world.
//!
//! ```text
//! record -> router (which hooks, which words) -> outbox on disk -> courier (one thread a hook) -> carrier (http, exec, …)
//!                                                    ^                  |  answer
//!                                                    +---- verdict -----+  delivered | again later | dead letter
//! ```
//! Read in this order. Pure: no clock, no socket, no thread before [`courier`].

mod answer;
mod date;
mod message;
mod outbox;
mod queue;
mod router;
mod secret;
mod settings;
mod stats;

mod address;
pub mod exec;
pub mod http;
mod kinds;
pub mod sign;

mod courier;
mod dispatch;

pub use answer::{Answer, Outcome};
pub use courier::{Attempted, Clock, Courier, Errand};
pub use dispatch::Dispatch;
pub use kinds::{Carrier, Kind, Parcel};
pub use message::Message;
pub use outbox::{Chance, MAX_DELAY_SECS, Verdict, backoff_secs, verdict};
pub use router::Router;
pub use secret::Secret;
pub use settings::{HookSettings, Topic};
pub use stats::{HookNumbers, HookStats};
