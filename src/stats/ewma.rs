//! EW mean and variance of a level on irregular times.

use super::math::{ageing, sqrt, usable, without_dust};
use serde::{Deserialize, Serialize};

/// Exponentially weighted mean and variance of a level (a basis, a spread, a log volume), by time and not by tick.
///
/// `a = 1 - e^(-dt/tau)`, `d = x - m`, `m <- m + a d`, `v <- (1 - a)(v + a d^2)`: West 1979 in the form of Finch,
/// "Incremental calculation of weighted mean and variance", 2009, eq. 124 and 143. Never `E[x^2] - E[x]^2`, so the variance
/// cannot turn negative. The first value is the first mean; until a few `tau` have been seen the variance reads low.
/// What a bad value leaves behind fades as `e^(-dt/tau)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ewma {
    rate: f64,
    mean: f64,
    variance: f64,
    seen_secs: f64,
    started: bool,
}

impl Ewma {
    /// An empty average with time constant `tau_secs` (half of the weight lies within 0.69 tau).
    ///
    /// # Panics
    /// If `tau_secs` is not above zero.
    pub fn new(tau_secs: f64) -> Self {
        assert!(tau_secs > 0.0 && usable(tau_secs), "tau_secs must be above 0, got {tau_secs}");
        Self { rate: 1.0 / tau_secs, mean: 0.0, variance: 0.0, seen_secs: 0.0, started: false }
    }

    /// Takes `x`, seen `dt_secs` after the last value; false if either is unusable, and then nothing changed.
    #[inline]
    pub fn push(&mut self, x: f64, dt_secs: f64) -> bool {
        if !usable(x) || !usable(dt_secs) {
            return false;
        }
        if self.started {
            self.learn(x, dt_secs.max(0.0));
        } else {
            self.mean = x;
            self.started = true;
        }
        true
    }

    /// Mean; 0 when empty.
    #[inline]
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Variance, by weights that sum to one (no small-sample correction).
    #[inline]
    pub fn variance(&self) -> f64 {
        self.variance
    }

    /// Standard deviation.
    #[inline]
    pub fn sd(&self) -> f64 {
        sqrt(self.variance)
    }

    /// How many standard deviations `x` lies above the mean, before `x` is pushed; 0 while there is no spread to measure by.
    #[inline]
    pub fn z(&self, x: f64) -> f64 {
        if self.variance > 0.0 { (x - self.mean) / self.sd() } else { 0.0 }
    }

    /// Seconds between the first and the last value, for warm-up.
    #[inline]
    pub fn seen_secs(&self) -> f64 {
        self.seen_secs
    }

    /// Whether no value has been taken yet.
    pub fn is_empty(&self) -> bool {
        !self.started
    }

    #[inline]
    fn learn(&mut self, x: f64, dt_secs: f64) {
        let age = ageing(dt_secs * self.rate);
        let d = x - self.mean;
        self.mean += age.gain * d;
        self.variance = without_dust(age.keep * (self.variance + age.gain * d * d));
        self.seen_secs += dt_secs;
    }
}
