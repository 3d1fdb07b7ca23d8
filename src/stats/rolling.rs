//! Mean, variance and z over the last N values: O(1) a push, and no bad value leaves a trace.

use super::math::{sqrt, usable};
use serde::{Deserialize, Serialize};

/// The window's spread may have been this many times what it is now before the sums are made afresh.
const SHRINK: f64 = 64.0;

/// The mean may lie this many variances (squared) from the origin before the sums are made afresh.
const DRIFT: f64 = 16.0;

/// A window of the last N values.
///
/// Keeps `sum (x - o)` and `sum (x - o)^2` around an origin `o` near the mean. The sums are made afresh from the ring, around
/// the mean of the moment, every N pushes and whenever subtraction has cancelled digits: when the spread has shrunk
/// 64-fold since they were last exact (a 1e12 left the window), or the mean has wandered four standard deviations from the
/// origin (the level jumped). A stream can force that only a few times a window, so a push stays O(1).
///
/// Mean (in units of the larger of itself and the standard deviation) and variance hold a relative error of 1e-9 against a
/// two-pass recompute, for windows up to 4096, *while* a bad value is inside as well as after.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rolling {
    ring: Box<[f64]>,
    /// Where the next value goes: the oldest one's place once full.
    next: usize,
    len: usize,
    origin: f64,
    sum: f64,
    squares: f64,
    /// The largest `squares` since the sums were exact.
    peak: f64,
    /// Pushes until the sums are made afresh in any case.
    due: usize,
}

impl Rolling {
    /// An empty window of `window` values.
    ///
    /// # Panics
    /// If `window` is below 2.
    pub fn new(window: usize) -> Self {
        assert!(window >= 2, "window must be 2 or more, got {window}");
        Self {
            ring: vec![0.0; window].into_boxed_slice(),
            next: 0,
            len: 0,
            origin: 0.0,
            sum: 0.0,
            squares: 0.0,
            peak: 0.0,
            due: window,
        }
    }

    /// Takes `x`, and lets go of the oldest value once the window is full; false if `x` is unusable.
    #[inline]
    pub fn push(&mut self, x: f64) -> bool {
        if !usable(x) {
            return false;
        }
        if self.len == 0 {
            self.origin = x;
        }
        let old = self.replace_oldest(x);
        let (d, e) = (x - self.origin, old - self.origin);
        self.sum += d - e;
        self.squares += d * d - e * e;
        self.peak = self.peak.max(self.squares);
        self.due = self.due.saturating_sub(1);
        if self.due == 0 || self.is_unsure() {
            self.make_exact(x);
        }
        true
    }

    /// Mean; 0 when empty.
    #[inline]
    pub fn mean(&self) -> f64 {
        if self.len == 0 { 0.0 } else { self.origin + self.sum / self.len as f64 }
    }

    /// Population variance (divided by n); 0 when empty.
    #[inline]
    pub fn variance(&self) -> f64 {
        if self.len == 0 { 0.0 } else { self.spread() / self.len as f64 }
    }

    /// Sample variance (divided by n - 1); 0 below two values.
    #[inline]
    pub fn sample_variance(&self) -> f64 {
        if self.len < 2 { 0.0 } else { self.spread() / (self.len - 1) as f64 }
    }

    /// Sample standard deviation.
    #[inline]
    pub fn sd(&self) -> f64 {
        sqrt(self.sample_variance())
    }

    /// How many sample standard deviations `value` lies above the mean of the window as it stands: ask before pushing.
    /// 0 while the window has no spread to measure by.
    #[inline]
    pub fn z(&self, value: f64) -> f64 {
        self.z_with_floor(value, 0.0)
    }

    /// The same with a standard deviation of at least `min_sd` (half a tick, say): a flat window then can tell as well.
    #[inline]
    pub fn z_with_floor(&self, value: f64, min_sd: f64) -> f64 {
        let sd = self.sd().max(min_sd);
        if sd > 0.0 && self.len > 0 { (value - self.mean()) / sd } else { 0.0 }
    }

    /// Values inside.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is inside.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the window has filled.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len == self.ring.len()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.next, self.len, self.due) = (0, 0, self.ring.len());
        (self.origin, self.sum, self.squares, self.peak) = (0.0, 0.0, 0.0, 0.0);
    }

    /// Puts `x` into the ring; gives the value it replaced, or the origin (which weighs nothing) while the ring fills.
    #[inline]
    fn replace_oldest(&mut self, x: f64) -> f64 {
        let full = self.is_full();
        let mut old = self.origin;
        if let Some(place) = self.ring.get_mut(self.next) {
            if full {
                old = *place;
            } else {
                self.len += 1;
            }
            *place = x;
        }
        self.next = if self.next + 1 < self.ring.len() { self.next + 1 } else { 0 };
        old
    }

    /// `sum (x - mean)^2`.
    #[inline]
    fn spread(&self) -> f64 {
        (self.squares - self.sum * self.sum / self.len as f64).max(0.0)
    }

    /// Whether digits have been lost: see the type.
    #[inline]
    fn is_unsure(&self) -> bool {
        let n = self.len as f64;
        self.squares * SHRINK < self.peak || (1.0 + DRIFT) * self.sum * self.sum > DRIFT * n * self.squares
    }

    /// Makes the sums afresh around the mean. `near` is any value inside: with it a constant window comes out exact.
    #[cold]
    fn make_exact(&mut self, near: f64) {
        let values = self.ring.get(..self.len).unwrap_or_default();
        self.origin = near + sums(values, near).0 / self.len as f64;
        (self.sum, self.squares) = sums(values, self.origin);
        self.peak = self.squares;
        self.due = self.ring.len();
    }
}

/// `sum (x - origin)` and `sum (x - origin)^2`, in four lanes of fixed order: four times as fast as one, and the same bits.
fn sums(values: &[f64], origin: f64) -> (f64, f64) {
    let (mut plain, mut square) = ([0.0; 4], [0.0; 4]);
    let (fours, rest) = values.as_chunks::<4>();
    let mut last = [origin; 4];
    last.iter_mut().zip(rest).for_each(|(place, x)| *place = *x);
    for four in fours.iter().chain([&last]) {
        for ((x, plain), square) in four.iter().zip(&mut plain).zip(&mut square) {
            let d = x - origin;
            *plain += d;
            *square += d * d;
        }
    }
    let [a, b, c, d] = plain;
    let [p, q, r, s] = square;
    ((a + b) + (c + d), (p + q) + (r + s))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chance, assert_near, bad_tick, bits, no_number, survives, value};
    use super::*;
    use proptest::prelude::*;

    /// Two passes over the last `window` values, the second one corrected for the rounding of the mean: mean and sample variance.
    fn naive(values: &[f64], window: usize) -> (f64, f64) {
        let inside = &values[values.len().saturating_sub(window)..];
        let n = inside.len() as f64;
        let mean = inside[0] + inside.iter().map(|x| x - inside[0]).sum::<f64>() / n;
        let rest: f64 = inside.iter().map(|x| x - mean).sum();
        let squares: f64 = inside.iter().map(|x| (x - mean) * (x - mean)).sum();
        (mean, (squares - rest * rest / n) / (n - 1.0).max(1.0))
    }

    /// Pushes all and compares at every step.
    fn check(values: &[f64], window: usize) {
        let mut rolling = Rolling::new(window);
        for seen in 1..=values.len() {
            assert!(rolling.push(values[seen - 1]));
            let (mean, variance) = naive(&values[..seen], window);
            assert_near(rolling.mean(), mean, 1e-9, sqrt(variance));
            assert_near(rolling.sample_variance(), variance, 1e-9, 0.0);
        }
    }

    /// pandas 3.1.1: `Series(x).rolling(4)`, `.mean()`, `.var()`, `.var(ddof=0)`; equal to exact rationals (Python
    /// `fractions`) where the 1e12 is inside and after.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn agrees_with_pandas_before_inside_and_after_a_bad_tick() {
        let values = [100.0, 100.5, 99.25, 101.0, 103.5, 98.0, 97.5, 1e12, 99.0, 100.25, 100.75, 102.0, 101.5];
        let figures = [
            (3, 100.1875, 0.557291666666667, 0.4179687500000002),
            (4, 101.0625, 3.1822916666666665, 2.38671875),
            (6, 100.0, 7.833333333333331, 5.874999999999998),
            (7, 250000000074.75, 2.499999999501667e+23, 1.8749999996262502e+23),
            (10, 250000000075.0, 2.4999999995e+23, 1.874999999625e+23),
            (11, 100.5, 1.5416666666666667, 1.15625),
            (12, 101.125, 0.6041666666666666, 0.453125),
        ];
        for (last, mean, sample, population) in figures {
            let mut rolling = Rolling::new(4);
            for x in &values[..=last] {
                assert!(rolling.push(*x));
            }
            assert_near(rolling.mean(), mean, 1e-14, 0.0);
            assert_near(rolling.sample_variance(), sample, 1e-14, 0.0);
            assert_near(rolling.variance(), population, 1e-14, 0.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn is_the_two_pass_window_whatever_comes(
            values in prop::collection::vec(prop_oneof![8 => value(), 1 => bad_tick()], 1..400),
            window in 2_usize..90,
        ) {
            check(&values, window);
        }

        #[test]
        fn holds_on_prices_with_bad_ticks(
            steps in prop::collection::vec((-1.0..1.0_f64, prop::option::weighted(0.02, bad_tick())), 1..400),
            window in 2_usize..90,
        ) {
            let mut price = 1e5;
            let values: Vec<f64> = steps.iter().map(|(step, bad)| { price += step; bad.unwrap_or(price) }).collect();
            check(&values, window);
        }

        /// A bad value in front of the window: the rest is the same as without it.
        #[test]
        fn no_number_changes_nothing(values in prop::collection::vec(value(), 0..40), bad in no_number()) {
            let mut rolling = Rolling::new(16);
            for x in &values { assert!(rolling.push(*x)); }
            let before = bits(&rolling);
            prop_assert!(!rolling.push(bad));
            prop_assert_eq!(bits(&rolling), before);
        }
    }

    #[test]
    fn the_level_jumps_and_the_spread_stays_right() {
        let mut chance = Chance(5);
        let values: Vec<f64> = (0..3000).map(|i| [0.0, 1e5, -3e7, 1e12][i / 750] + 1e-3 * chance.normal()).collect();
        check(&values, 256);
    }

    #[test]
    fn long_windows_hold_too() {
        let mut chance = Chance(6);
        let (mut rolling, mut values) = (Rolling::new(4096), Vec::new());
        for i in 0..20_000 {
            values.push(if i == 5000 { 1e12 } else { 1e5 + chance.normal() });
            rolling.push(values[i]);
            if i % 97 == 0 {
                let (mean, variance) = naive(&values, 4096);
                assert_near(rolling.mean(), mean, 1e-12, 0.0);
                assert_near(rolling.sample_variance(), variance, 1e-9, 0.0);
            }
        }
    }

    #[test]
    fn a_constant_window_has_no_spread_and_costs_no_recompute() {
        let mut rolling = Rolling::new(1024);
        let mut exact = 0;
        for i in 0..10_000 {
            rolling.push(if i < 2000 { f64::from(i) } else { 0.1 });
            exact += usize::from(rolling.due == 1024);
        }
        assert_near(rolling.variance(), 0.0, 0.0, 0.0);
        assert_near(rolling.mean(), 0.1, 0.0, 0.0);
        assert!(exact < 40, "{exact} recomputes");
    }

    #[test]
    fn misfortunes_cannot_force_a_recompute_a_push() {
        let mut chance = Chance(9);
        let mut rolling = Rolling::new(1024);
        let exact = (0..100_000)
            .filter(|_| {
                let heavy = 1.0 / chance.uniform();
                rolling.push(heavy * heavy) && rolling.due == 1024
            })
            .count();
        assert!(exact < 2000, "{exact} recomputes in 98 windows");
    }

    #[test]
    fn z_is_against_the_window_before_the_value() {
        let mut rolling = Rolling::new(3);
        assert_near(rolling.z(7.0), 0.0, 0.0, 0.0);
        for x in [9.0, 1.0, 2.0, 3.0] {
            assert!(rolling.push(x));
        }
        assert_near(rolling.z(7.0), 5.0, 1e-12, 0.0);
        assert_near(rolling.z_with_floor(7.0, 2.0), 2.5, 1e-12, 0.0);
        assert!(rolling.is_full() && rolling.len() == 3);
        rolling.clear();
        assert!(rolling.is_empty() && !rolling.is_full());
        assert_eq!(bits(&rolling).len(), bits(&Rolling::new(3)).len());
    }

    #[test]
    fn survives_anything() {
        survives(Rolling::new(64), |rolling, chance| {
            rolling.push(chance.misfortune());
        });
    }
}
