//! The hook room.
