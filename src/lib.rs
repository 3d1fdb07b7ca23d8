//! Fusewire: the trading desk's own circuit breaker.
//!
//! The way of the data, and the order of the rooms (a room uses only rooms above its own; `tests/ladder.rs` holds it):
//!
//! ```text
//! venue frames -> feed -> bounded channel -> engine -> outputs -> gate   (memory; first, always)
//! tape ----------------------------------->    |               -> store  (durable; second)
//! seeded world --------------------------->    |               -> outbox -> hooks
//!           time and operator commands are inputs too          -> metrics, report
//! ```
//!
//! Start reading at [`engine`]: one pure call, `Engine::handle`, that live, replay and simulation share. Left of it
//! everything makes inputs, right of it everything obeys outputs. What is *not* here: no clock, socket, file, lock or
//! thread below the drivers (`live`, `replay`, `venue_sim`), and nothing on the right that can make the left wait.

// What markets say, and numbers about numbers.
pub mod event;
#[cfg(feature = "daemon")]
pub mod settings;
#[cfg(feature = "daemon")]
pub mod stats;

// Which markets there are.
#[cfg(feature = "daemon")]
pub mod market;

// The core. Pure.
pub mod breaker;
#[cfg(feature = "daemon")]
pub mod detect;
#[cfg(feature = "daemon")]
pub mod engine;
#[cfg(feature = "daemon")]
pub mod incident;
#[cfg(feature = "daemon")]
pub mod policy;
#[cfg(feature = "daemon")]
pub mod record;
#[cfg(feature = "daemon")]
pub mod trip;

// The edges, each with its pure part inside.
#[cfg(feature = "daemon")]
pub mod feed;
pub mod gate;
#[cfg(feature = "daemon")]
pub mod hook;
#[cfg(feature = "daemon")]
pub mod report;
#[cfg(feature = "daemon")]
pub mod store;

// What people and machines look at, the drivers, and the way in.
#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod live;
#[cfg(feature = "daemon")]
pub mod metrics;
#[cfg(feature = "daemon")]
pub mod replay;
#[cfg(feature = "daemon")]
pub mod serve;
#[cfg(feature = "daemon")]
pub mod venue_sim;

/// The code in the README compiles.
#[cfg(all(doctest, feature = "daemon"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
