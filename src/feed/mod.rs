//! The feed room.

pub mod instrument;
pub mod tape;
