//! The engine: stories named after misfortunes, one digest for one tape, and snapshots that continue bit by bit.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly"
)]

#[path = "../sim/chance.rs"]
mod chance;
mod composed;
mod digest;
mod restart;
mod snapshot;
#[path = "../sim/stage.rs"]
mod stage;
mod stories;
