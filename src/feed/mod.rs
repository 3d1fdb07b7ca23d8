//! What venues say: connect, subscribe, decode; and the same from recordings.

pub mod clock;
pub mod frames;
pub mod instrument;
pub mod session;
pub mod socket;
pub mod tape;
pub mod trust;
pub mod turnstile;
pub mod venue;
