//! When the silence of a whole connection is worth a word: sooner than any market of it could say so alone.

use super::{SessionSettings, nanos};
use crate::stats::gaps::GapLaw;

/// Gaps remembered.
const MEMORY_GAPS: f64 = 20_000.0;

/// Gaps to learn from before a silence means anything.
const WARM_GAPS: u64 = 500;

/// The limit is worked out anew after so many gaps.
const FIT_GAPS: u64 = 64;

/// The law of the gaps between frames with data, over all losses of the connection.
pub(super) struct Lateness {
    law: GapLaw,
    /// The last frame with data on this connection, steady time.
    heard: Option<i64>,
    /// A silence of so long is late; never while nothing is known.
    limit: i64,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self { law: GapLaw::new(MEMORY_GAPS), heard: None, limit: i64::MAX }
    }

    /// A new connection: its first frame ends no gap.
    pub(super) const fn restart(&mut self) {
        self.heard = None;
    }

    /// A frame with data came.
    pub(super) fn hear(&mut self, now: i64, settings: &SessionSettings) {
        if let Some(before) = self.heard.replace(now) {
            self.law.push((now - before) as f64 / 1e9);
            let count = self.law.count();
            if count >= WARM_GAPS && count.is_multiple_of(FIT_GAPS) {
                self.limit = nanos(self.law.silence_secs(settings.late_phi).max(settings.late_floor_secs));
            }
        }
    }

    /// When the silence since the last frame will be late, steady time.
    pub(super) fn due(&self) -> i64 {
        self.heard.map_or(i64::MAX, |heard| heard.saturating_add(self.limit))
    }
}
