//! The daemon as a whole, in a process of its own, against misfortune: each test is named after its accident.
//!
//! The test plays the venue over real sockets and reads what a trading engine, an operator and a scraper would read. The
//! time each promise took is printed.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a driver of tests: it measures time, waits, and may fail loudly"
)]

mod audit;
mod chance;
mod rig;
mod scene;
mod web;

mod acks;
mod feeds;
mod flood;
mod hands;
mod hooks;
mod kills;
mod own_venue;
mod places;
mod silence;
mod tape;
