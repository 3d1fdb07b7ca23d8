//! Sessions of every venue against the pretended venue, over real sockets: a venue in the table is tested by that alone.

#![cfg(feature = "daemon")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests may fail loudly, and a test is a driver"
)]

mod books;
mod chaos;
mod command;
mod misfortunes;
mod own;
#[allow(dead_code, reason = "each of the two suites uses a part")]
#[path = "../session/running.rs"]
mod running;
mod scene;
mod table;
