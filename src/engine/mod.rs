//! The only meeting place: inputs in, outputs out, the same on every machine.

mod input;
mod output;

pub use input::{Action, Command, DeliveryReport, FeedReport, FeedState, Input};
pub use output::{GateWrite, Output, Reason};
