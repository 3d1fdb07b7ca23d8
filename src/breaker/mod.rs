//! How long, and how back: stance, permission and its meet, and the state machine of one breaker. Pure.

#[cfg(feature = "daemon")]
mod machine;
mod order;
mod permission;

#[cfg(feature = "daemon")]
pub use machine::{Breaker, Cause, Plan, State};
pub use order::{Contract, Denial, Exposure, Intent, Order, Side, Verdict};
pub use permission::{Permission, Sides, Stance};

#[cfg(all(test, feature = "daemon"))]
mod laws;
