//! What venues say: connect, subscribe, decode; and the same from recordings.

pub mod instrument;
pub mod tape;
pub mod venue;
