//! The venue_sim room.
