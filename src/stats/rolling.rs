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
    for four in values.chunks(4) {
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
