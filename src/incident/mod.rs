//! The incident room.
