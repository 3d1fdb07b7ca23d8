//! Time that only goes on: the sum of plausible advances of a clock that may step.

use crate::event::Nanos;

/// Timers of a session run on this. It is poked at least once a second, so a larger advance is a step of the clock (or
/// a process that was asleep): it counts as one second, so that timers neither fire at once nor stand still.
#[derive(Clone)]
pub(super) struct Steady {
    outer: Nanos,
    inner: i64,
    steps: u64,
}

impl Steady {
    /// The largest advance taken whole.
    const ADVANCE_MAX: i64 = 5 * Nanos::SECOND;

    pub(super) const fn new(outer: Nanos) -> Self {
        Self { outer, inner: 0, steps: 0 }
    }

    pub(super) fn advance(&mut self, outer: Nanos) {
        let by = outer.0.saturating_sub(self.outer.0);
        self.outer = outer;
        if (0..=Self::ADVANCE_MAX).contains(&by) {
            self.inner += by;
        } else {
            self.steps += 1;
            self.inner += by.clamp(0, Nanos::SECOND);
        }
    }

    /// Steady time, from 0.
    pub(super) const fn now(&self) -> i64 {
        self.inner
    }

    /// The outer clock as last seen.
    pub(super) const fn outer(&self) -> Nanos {
        self.outer
    }

    /// When the outer clock will show steady time `inner`, if it does not step.
    pub(super) const fn outside(&self, inner: i64) -> Nanos {
        Nanos(self.outer.0.saturating_add(inner.saturating_sub(self.inner)))
    }

    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_moves_timers_by_a_second_at_most() {
        let mut clock = Steady::new(Nanos::from_secs(1000));
        for (outer, inner) in [(1001, 1), (1005, 5), (4605, 6), (4606, 7), (1006, 7), (1007, 8)] {
            clock.advance(Nanos::from_secs(outer));
            assert_eq!(clock.now(), inner * Nanos::SECOND, "at {outer}");
        }
        assert_eq!(clock.steps(), 2);
        assert_eq!(clock.outside(9 * Nanos::SECOND), Nanos::from_secs(1008));
        clock.advance(Nanos(i64::MIN));
        clock.advance(Nanos(i64::MAX));
        assert_eq!(clock.now(), 9 * Nanos::SECOND);
    }
}
