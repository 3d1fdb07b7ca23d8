//! When the silence of a whole connection is worth a word: sooner than any market of it could say so alone.

use super::{SessionSettings, nanos};
use crate::stats::gaps::GapLaw;

/// Gaps remembered.
const MEMORY_GAPS: f64 = 20_000.0;

/// Gaps to learn from before a silence means anything.
const WARM_GAPS: u64 = 500;

/// The limit is worked out anew after so many gaps.
const FIT_GAPS: u64 = 64;

/// The law of the gaps between data, over all losses of the connection.
#[derive(Clone)]
pub(super) struct Lateness {
    law: GapLaw,
    /// A silence of so long is late; never while nothing is known.
    limit: i64,
}

impl Lateness {
    pub(super) fn new() -> Self {
        Self { law: GapLaw::new(MEMORY_GAPS), limit: i64::MAX }
    }

    /// Data came `gap` nanoseconds after the data before. What shares an instant (one frame may hold many events) ends no gap.
    pub(super) fn hear(&mut self, gap: i64, settings: &SessionSettings) {
        if gap <= 0 {
            return;
        }
        self.law.push(gap as f64 / 1e9);
        let count = self.law.count();
        if count >= WARM_GAPS && count.is_multiple_of(FIT_GAPS) {
            self.limit = nanos(self.law.silence_secs(settings.late_phi).max(settings.late_floor_secs));
        }
    }

    /// The silence that is late, in nanoseconds.
    pub(super) const fn limit(&self) -> i64 {
        self.limit
    }
}
