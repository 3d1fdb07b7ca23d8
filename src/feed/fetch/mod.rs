//! Downloads of Binance's public data files: which of them hold a span, and each one whole, verified and resumable.
//!
//! Nothing here prints, sleeps or reads a clock: a [`Watch`] does. What the network says is hostile: only files that match their
//! published SHA-256 get their name; until then they are `NAME.part`.

mod checksum;
mod day;
mod error;
mod file;
mod part;
mod plan;
mod proxy;
mod tls;
mod web;

pub use day::{Day, Month, Span};
pub use error::FetchError;
pub use file::{Fetcher, Got, Settings, Watch};
pub use plan::{Ask, INTERVALS, Item, Kind, VENUES, plan};
pub use web::{BASE, Base, Web};
