//! The clock on the wall, for commands that tell people when.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::event::Nanos;

/// Now, UTC.
#[allow(clippy::disallowed_methods, reason = "a driver: it tells people when it saw something")]
pub(super) fn now_utc() -> Nanos {
    Nanos(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64))
}
