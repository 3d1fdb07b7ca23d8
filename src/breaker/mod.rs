//! How long, and how back: stance, permission and its meet, and the state machine of one breaker. Pure.

mod permission;

pub use permission::{Permission, Sides, Stance};
