//! EW mean and variance of a level on irregular times.

use super::math::{ageing, sqrt, usable, without_dust};
use serde::{Deserialize, Serialize};

/// Exponentially weighted mean and variance of a level (a basis, a spread, a log volume), by time and not by tick.
///
/// `a = 1 - e^(-dt/tau)`, `d = x - m`, `m <- m + a d`, `v <- (1 - a)(v + a d^2)`: West 1979 in the form of Finch,
/// "Incremental calculation of weighted mean and variance", 2009. Never `E[x^2] - E[x]^2`, so the variance
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

#[cfg(test)]
mod tests {
    use super::super::math::exp_m1;
    use super::super::testing::{assert_near, bits, dt, no_number, survives, value};
    use super::*;
    use proptest::prelude::*;

    const LEVELS: [f64; 8] = [100.0, 100.5, 99.25, 101.0, 103.5, 98.0, 97.5, 99.0];

    /// pandas 3.1.1: `Series(LEVELS).ewm(alpha=1-exp(-0.25), adjust=False)`, `.mean()` and `.var(bias=True)`.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn agrees_with_pandas_on_a_regular_grid() {
        let means = [
            100.0,
            100.1105996084643,
            99.92023564898295,
            100.15907867789534,
            100.89808785816493,
            100.25703309334858,
            99.64717953205366,
            99.50402392635118,
        ];
        let variances = [
            0.0,
            0.043067530839692864,
            0.16112973866885497,
            0.3263361622998791,
            2.176987817814709,
            3.1423216360902986,
            3.756707635211842,
            2.997880698538654,
        ];
        let mut ewma = Ewma::new(4.0);
        for ((x, mean), variance) in LEVELS.iter().zip(means).zip(variances) {
            assert!(ewma.push(*x, 1.0));
            assert_near(ewma.mean(), mean, 1e-14, 1.0);
            assert_near(ewma.variance(), variance, 1e-12, 1.0);
        }
    }

    /// pandas 3.1.1: `.ewm(halflife=Timedelta(seconds=10*ln 2), times=..., adjust=False).mean()`; its half-life is whole
    /// nanoseconds, hence 1e-9. It has no variance on irregular times.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn agrees_with_pandas_on_irregular_times() {
        let waits = [0.0, 0.5, 0.001, 2.0, 30.0, 0.25, 7.0, 0.0];
        let means = [
            100.0,
            100.0243852877517,
            100.02430785309471,
            100.20117083380578,
            103.33576096681139,
            103.20402055913378,
            100.33253278201843,
            100.33253278201843,
        ];
        let mut ewma = Ewma::new(10.0);
        for ((x, dt), mean) in LEVELS.iter().zip(waits).zip(means) {
            ewma.push(*x, dt);
            assert_near(ewma.mean(), mean, 1e-9, 1.0);
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
                let a = if i == 0 { 1.0 } else { -exp_m1(-dt / 30.0) };
                for w in &mut weights { *w *= 1.0 - a; }
                weights.push(a);
            }
            let mean: f64 = calls.iter().zip(&weights).map(|((x, _), w)| w * x).sum();
            let variance: f64 = calls.iter().zip(&weights).map(|((x, _), w)| w * (x - mean) * (x - mean)).sum();
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
        assert!(ewma.z(9.0) > 1.0 && ewma.z(0.0) < -1.0 && !ewma.is_empty());
        assert_near(ewma.seen_secs(), 1.0, 0.0, 0.0);
    }

    #[test]
    fn survives_anything() {
        survives(Ewma::new(3600.0), |ewma, chance| {
            ewma.push(chance.misfortune(), chance.time());
        });
    }
}
