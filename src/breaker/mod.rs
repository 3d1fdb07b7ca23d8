//! How long, and how back: stance, permission and its meet, and the state machine of one breaker. Pure.

mod order;
mod permission;

pub use order::{Contract, Denial, Exposure, Intent, Order, Side, Verdict};
pub use permission::{Permission, Sides, Stance};
