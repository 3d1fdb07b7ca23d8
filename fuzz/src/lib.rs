//! What must hold of any bytes at all: one file a target, shared by the fuzzer and by `tests/corpus.rs`.
//!
//! Every `check` returns when the property holds and panics when it does not.

#![allow(clippy::expect_used, clippy::panic, reason = "a property that does not hold is told by a panic")]
#![allow(missing_docs, clippy::missing_panics_doc, reason = "each file says at its top what it holds")]
#![allow(unreachable_pub, reason = "a library for the fuzzer, a private module for the test")]

pub mod config;
pub mod control;
pub mod gate;
pub mod inputs;
pub mod rooms;
pub mod session;
pub mod snapshot;
pub mod sound;
pub mod tapes;
pub mod venues;

/// Holds what a target holds, of these bytes; panics where it does not.
pub type Check = fn(&[u8]);

/// Every target by its name, which is also the name of its folder of examples.
pub const TARGETS: &[(&str, Check)] = &[
    ("config", config::check),
    ("control", control::check),
    ("gate", gate::check),
    ("inputs", inputs::check),
    ("session", session::check),
    ("snapshot", snapshot::check),
    ("tapes", tapes::check),
    ("venues", venues::check),
];
