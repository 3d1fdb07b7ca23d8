//! How many of the last 60 seconds held an event: what is left to count when a venue publishes one event a second.

use super::math::ln;
use serde::{Deserialize, Serialize};

/// Seconds looked back on.
const SECONDS: u32 = 60;

/// Occupied seconds of the last minute, one bit each; the second in progress is one of the 60.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Occupancy {
    /// Bit `i`: the second `i` seconds before `second`.
    bits: u64,
    second: i64,
    /// Seconds since the first call, at most 60.
    watched: u32,
}

impl Occupancy {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An event at `at_ns` since the epoch. A time before the latest counts as the latest.
    #[inline]
    pub fn push(&mut self, at_ns: i64) {
        self.advance(at_ns);
        self.bits |= 1;
    }

    /// Lets time pass without an event.
    #[inline]
    pub fn advance(&mut self, at_ns: i64) {
        let second = at_ns.div_euclid(1_000_000_000);
        if self.watched == 0 {
            (self.second, self.watched) = (second, 1);
        } else if second > self.second {
            let passed = u32::try_from(second.saturating_sub(self.second)).unwrap_or(u32::MAX);
            self.bits = self.bits.checked_shl(passed).unwrap_or(0) & (u64::MAX >> (u64::BITS - SECONDS));
            self.watched = self.watched.saturating_add(passed).min(SECONDS);
            self.second = second;
        }
    }

    /// Occupied seconds, 0 to 60.
    #[inline]
    pub fn occupied(&self) -> u32 {
        self.bits.count_ones()
    }

    /// Occupied share of the last 60 seconds, 0 to 1. Reads low until 60 seconds have been watched.
    #[inline]
    pub fn fraction(&self) -> f64 {
        f64::from(self.occupied()) / f64::from(SECONDS)
    }

    /// Whether every second is occupied, so that [`implied_rate`](Self::implied_rate) is only a lower bound.
    #[inline]
    pub fn is_saturated(&self) -> bool {
        self.occupied() == SECONDS
    }

    /// Events a second that would leave so many seconds empty if they came at random: `-ln(1 - o)`. When saturated,
    /// half a second is taken as empty: `ln 120`, 4.8 a second.
    pub fn implied_rate(&self) -> f64 {
        let empty = f64::from(SECONDS - self.occupied().min(SECONDS)).max(0.5);
        ln(f64::from(SECONDS) / empty)
    }

    /// Seconds watched so far, at most 60.
    pub fn watched_secs(&self) -> u32 {
        self.watched
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_near, survives};
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const SECOND: i64 = 1_000_000_000;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Oracle: the set of seconds with an event, cut to the last 60.
        #[test]
        fn counts_the_seconds_of_the_last_minute(
            start in -100 * SECOND..100 * SECOND,
            waits in prop::collection::vec((prop_oneof![0..SECOND, 0..90 * SECOND, -SECOND..0], any::<bool>()), 1..200),
        ) {
            let (mut occupancy, mut seconds) = (Occupancy::new(), BTreeSet::new());
            let (mut at, mut latest) = (start, i64::MIN);
            for (wait, event) in waits {
                at += wait;
                latest = latest.max(at.div_euclid(SECOND));
                if event {
                    occupancy.push(at);
                    seconds.insert(latest);
                } else {
                    occupancy.advance(at);
                }
                prop_assert_eq!(occupancy.occupied() as usize, seconds.range(latest - 59..).count());
            }
        }
    }

    #[test]
    fn a_full_minute_is_a_lower_bound_and_no_infinity() {
        let mut occupancy = Occupancy::new();
        assert_near(occupancy.implied_rate(), 0.0, 0.0, 0.0);
        (0..30).for_each(|second| occupancy.push(second * 2 * SECOND));
        assert_near(occupancy.fraction(), 0.5, 1e-12, 0.0);
        assert_near(occupancy.implied_rate(), std::f64::consts::LN_2, 1e-12, 0.0);
        (60..120).for_each(|second| occupancy.push(second * SECOND));
        assert!(occupancy.is_saturated());
        assert_near(occupancy.implied_rate(), 4.787, 1e-3, 0.0);
        assert_eq!(occupancy.watched_secs(), 60);
        occupancy.advance(i64::MAX);
        assert_eq!(occupancy.occupied(), 0);
    }

    #[test]
    fn survives_anything() {
        survives(Occupancy::new(), |occupancy, chance| {
            let at = (chance.misfortune() * 1e9) as i64;
            if chance.uniform() < 0.5 { occupancy.push(at) } else { occupancy.advance(at) }
        });
    }
}
