//! Detectors as the engine runs them: finite and self-healing on any prices, mute before they are warm, calm on calm days, and
//! a cascade is seen through a filter of one a second.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly"
)]

mod apart;
mod cascade;
#[path = "../sim/chance.rs"]
mod chance;
mod crowd;
mod day;
mod dislocation;
mod fall;
mod null;
mod shapes;
mod silence;
#[path = "../sim/stage.rs"]
mod stage;
mod status;
mod wild;
