//! What venues say: connect, subscribe, decode; and the same from recordings.

pub mod book;
pub mod catalog;
pub mod clock;
pub mod fetch;
pub mod frames;
pub mod instrument;
pub mod listing;
pub mod reel;
pub mod session;
pub mod socket;
pub mod spelling;
pub mod tape;
pub mod trust;
pub mod turnstile;
pub mod venue;
