//! EW mean and variance of a level on irregular times.

use super::math::{ageing, sqrt, usable, without_dust};
use serde::{Deserialize, Serialize};

/// Exponentially weighted mean and variance of a level (a basis, a spread, a log volume), by time and not by tick.
///
/// `a = 1 - e^(-dt/tau)`, `w <- (1 - a) w + a`, `g = a / w`, `d = x - m`, `m <- m + g d`, `v <- (1 - g)(v + g d^2)`: West 1979 in the form of Finch,
/// "Incremental calculation of weighted mean and variance", 2009. Never `E[x^2] - E[x]^2`, so the variance
/// cannot turn negative. Weights are those over their sum, by the time that each value stands for, so nothing is biased at
/// the start; the first value stands for no time and is the mean until the second. What a bad value
/// leaves behind fades as `e^(-dt/tau)`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ewma {
    rate: f64,
    mean: f64,
    variance: f64,
    seen_secs: f64,
    /// Sum of the weights behind mean and variance, in [0, 1].
    weight: f64,
    started: bool,
}

impl Ewma {
    /// An empty average with time constant `tau_secs` (half of the weight lies within 0.69 tau).
    ///
    /// # Panics
    /// If `tau_secs` is not above zero.
    pub fn new(tau_secs: f64) -> Self {
        assert!(tau_secs > 0.0 && usable(tau_secs), "tau_secs must be above 0, got {tau_secs}");
        Self { rate: 1.0 / tau_secs, mean: 0.0, variance: 0.0, seen_secs: 0.0, weight: 0.0, started: false }
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
        self.weight = age.keep * self.weight + age.gain;
        // No time to speak of has passed.
        if self.weight <= 0.0 {
            return;
        }
        let gain = age.gain / self.weight;
        let d = x - self.mean;
        self.mean += gain * d;
        self.variance = without_dust((1.0 - gain) * (self.variance + gain * d * d));
        self.seen_secs += dt_secs;
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::exp_m1;
    use super::super::testing::{assert_near, bits, dt, no_number, survives, value};
    use super::*;
    use proptest::prelude::*;

    const LEVELS: [f64; 8] = [100.0, 100.5, 99.25, 101.0, 103.5, 98.0, 97.5, 99.0];

    /// Explicit weights `e^(-age/tau)` over their sum: from the second value on what pandas calls
    /// `Series(LEVELS[1:]).ewm(alpha=1-exp(-0.25), adjust=True)`, `.mean()` and `.var(bias=True)`.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn agrees_with_pandas_on_a_regular_grid() {
        let means = [
            100.0,
            100.49999999999999,
            99.79727937389275,
            100.30149468105506,
            101.42075407233908,
            100.36024501947242,
            99.54584352507008,
            99.39970899039409,
        ];
        let variances = [
            0.0,
            2.0194839173657902e-28,
            0.3845845042774974,
            0.5755526196902342,
            2.701363866659207,
            4.3669428213909,
            4.789675215759465,
            3.5657831931412063,
        ];
        let mut ewma = Ewma::new(4.0);
        for ((x, mean), variance) in LEVELS.iter().zip(means).zip(variances) {
            assert!(ewma.push(*x, 1.0));
            assert_near(ewma.mean(), mean, 1e-14, 1.0);
            assert_near(ewma.variance(), variance, 1e-12, 1.0);
        }
    }

    /// Explicit weights, `1 - e^(-dt/tau)` of each value's own wait, fading, over their sum.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn is_right_on_irregular_times() {
        let waits = [0.0, 0.5, 0.001, 2.0, 30.0, 0.25, 7.0, 0.0];
        let means = [
            100.0,
            100.49999999999999,
            100.49744209606412,
            100.90913537845297,
            103.47030587275448,
            103.32993571025477,
            100.33889638313694,
            100.33889638313694,
        ];
        let mut ewma = Ewma::new(10.0);
        for ((x, dt), mean) in LEVELS.iter().zip(waits).zip(means) {
            ewma.push(*x, dt);
            assert_near(ewma.mean(), mean, 1e-13, 1.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Oracle: explicit weights, `a_i` times all later `1 - a`, and the two-pass variance under them.
        #[test]
        fn is_the_weighted_mean_and_variance(calls in prop::collection::vec((value(), dt()), 1..60)) {
            let mut ewma = Ewma::new(30.0);
            for (x, dt) in &calls { ewma.push(*x, *dt); }
            let mut weights = Vec::new();
            for (i, (_, dt)) in calls.iter().enumerate() {
                let a = if i == 0 { 0.0 } else { -exp_m1(-dt / 30.0) };
                for w in &mut weights { *w *= 1.0 - a; }
                weights.push(a);
            }
            let total: f64 = weights.iter().sum();
            if total <= 0.0 { return Ok(()); }
            let mean: f64 = calls.iter().zip(&weights).map(|((x, _), w)| w * x).sum::<f64>() / total;
            let variance: f64 = calls.iter().zip(&weights).map(|((x, _), w)| w * (x - mean) * (x - mean)).sum::<f64>() / total;
            assert_near(ewma.mean(), mean, 1e-12, 1e4);
            assert_near(ewma.variance(), variance, 1e-9, 1.0);
        }

        #[test]
        fn no_number_changes_nothing(calls in prop::collection::vec((value(), dt()), 0..20), bad in no_number()) {
            let mut ewma = Ewma::new(30.0);
            for (x, dt) in &calls { ewma.push(*x, *dt); }
            let before = bits(&ewma);
            prop_assert!(!ewma.push(bad, 1.0) && !ewma.push(1.0, bad));
            prop_assert_eq!(bits(&ewma), before);
        }
    }

    #[test]
    fn a_bad_tick_fades_with_time() {
        let (mut hit, mut spared) = (Ewma::new(60.0), Ewma::new(60.0));
        for second in 0..6000 {
            let x = 100.0 + f64::from(second % 7);
            spared.push(x, 1.0);
            hit.push(if second == 100 { 1e12 } else { x }, 1.0);
        }
        assert_near(hit.mean(), spared.mean(), 1e-9, 1.0);
        assert_near(hit.variance(), spared.variance(), 1e-9, 1.0);
    }

    #[test]
    fn z_waits_for_a_spread() {
        let mut ewma = Ewma::new(60.0);
        assert!(ewma.is_empty());
        ewma.push(5.0, 1.0);
        assert_near(ewma.z(9.0), 0.0, 0.0, 0.0);
        ewma.push(6.0, 1.0);
        ewma.push(5.0, 1.0);
        assert!(ewma.z(9.0) > 1.0 && ewma.z(0.0) < -1.0 && !ewma.is_empty());
        assert_near(ewma.seen_secs(), 2.0, 0.0, 0.0);
    }

    #[test]
    fn survives_anything() {
        survives(Ewma::new(3600.0), |ewma, chance| {
            ewma.push(chance.misfortune(), chance.time());
        });
    }
}
