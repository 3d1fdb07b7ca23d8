//! CUSUM: adds up what is slightly too much, until it is far too much. For slow slides.

use super::math::{ln, ln_1p, usable};
use serde::{Deserialize, Serialize};

/// Two-sided CUSUM of a standardised score: `S <- max(0, S + z - k)` upwards, and its mirror downwards (Page, "Continuous
/// inspection schemes", Biometrika 1954).
///
/// `z` counts at most `clip` either way, so that one bad tick moves it by `clip - k` and no more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cusum {
    up: f64,
    down: f64,
    k: f64,
    clip: f64,
}

impl Cusum {
    /// A CUSUM at rest. `k`: half the shift worth detecting, in sigmas (0.25); `clip` in sigmas (4).
    ///
    /// # Panics
    /// If not `0 <= k < clip`.
    pub fn new(k: f64, clip: f64) -> Self {
        assert!(k >= 0.0 && k < clip && usable(clip), "needs 0 <= k < clip, got k {k} and clip {clip}");
        Self { up: 0.0, down: 0.0, k, clip }
    }

    /// Takes a score; gives the larger side. An unusable score changes nothing.
    #[inline]
    pub fn push(&mut self, z: f64) -> f64 {
        if usable(z) {
            let z = z.clamp(-self.clip, self.clip);
            self.up = (self.up + z - self.k).max(0.0);
            self.down = (self.down - z - self.k).max(0.0);
        }
        self.value()
    }

    /// The larger side.
    #[inline]
    pub fn value(&self) -> f64 {
        self.up.max(self.down)
    }

    /// Evidence of a shift upwards, in sigmas.
    #[inline]
    pub fn up(&self) -> f64 {
        self.up
    }

    /// Evidence of a shift downwards, in sigmas.
    #[inline]
    pub fn down(&self) -> f64 {
        self.down
    }

    /// Back to rest.
    pub fn reset(&mut self) {
        (self.up, self.down) = (0.0, 0.0);
    }
}

/// CUSUM of e-values on exceedance bits: `M <- L max(M, 1)`, `L = 1 + lam (B - p0)`, `B` = 1 when a score exceeds its own `1 - p0`
/// quantile. Needs no law of the score, only that it exceeds that quantile no more often than `p0`: then `M` reaches `x` on average at
/// most once in `x` steps (e-CuSum: Shin, Ramdas, Rinaldo, "E-detectors", NEJSDS 2023). Kept as `ln M`, so that it cannot overflow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExceedanceCusum {
    evidence: f64,
    hit: f64,
    miss: f64,
}

impl ExceedanceCusum {
    /// At rest. `p0`: usual share of exceedances, within (0, 1); `lam`: the bet, within (0, 1/p0).
    ///
    /// # Panics
    /// If either is out of its range.
    pub fn new(p0: f64, lam: f64) -> Self {
        assert!(p0 > 0.0 && p0 < 1.0, "p0 must be between 0 and 1, got {p0}");
        assert!(lam > 0.0 && lam * p0 < 1.0, "lam must be between 0 and 1/p0, got {lam}");
        Self { evidence: 0.0, hit: ln_1p(lam * (1.0 - p0)), miss: ln(1.0 - lam * p0) }
    }

    /// Takes one bit; gives `ln M`.
    #[inline]
    pub fn push(&mut self, exceeded: bool) -> f64 {
        self.evidence = self.evidence.max(0.0) + if exceeded { self.hit } else { self.miss };
        self.evidence
    }

    /// `ln M`: the natural logarithm of the mean number of steps between false alarms at this limit.
    #[inline]
    pub fn ln_m(&self) -> f64 {
        self.evidence
    }

    /// Back to rest.
    pub fn reset(&mut self) {
        self.evidence = 0.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chance, assert_near, survives};
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Oracle: `S_n = max over starts j of sum_{i > j} (z_i - k)`, which the recursion computes.
        #[test]
        fn is_the_largest_sum_over_all_starts(scores in prop::collection::vec(-6.0..6.0_f64, 1..80)) {
            let mut cusum = Cusum::new(0.25, 4.0);
            for z in &scores { cusum.push(*z); }
            let best = |sign: f64| (0..=scores.len())
                .map(|start| scores[start..].iter().map(|z| sign * z.clamp(-4.0, 4.0) - 0.25).sum::<f64>())
                .fold(0.0, f64::max);
            assert_near(cusum.up(), best(1.0), 1e-12, 1.0);
            assert_near(cusum.down(), best(-1.0), 1e-12, 1.0);
        }
    }

    #[test]
    fn one_bad_tick_counts_no_more_than_the_clip() {
        let mut cusum = Cusum::new(0.25, 4.0);
        cusum.push(f64::NAN);
        cusum.push(f64::INFINITY);
        assert_near(cusum.push(1e12), 3.75, 1e-12, 1.0);
        assert_near(cusum.down(), 0.0, 0.0, 0.0);
        cusum.reset();
        assert_near(cusum.value(), 0.0, 0.0, 0.0);
    }

    #[test]
    fn a_slide_of_half_a_sigma_is_found_and_noise_is_not() {
        let mut chance = Chance(1);
        let mut cusum = Cusum::new(0.25, 4.0);
        let calm = (0..1000).map(|_| cusum.push(chance.normal())).fold(0.0, f64::max);
        let slide = (0..300).map(|_| cusum.push(chance.normal() - 0.5)).fold(0.0, f64::max);
        assert!(calm < 15.0 && slide > 40.0, "calm {calm}, slide {slide}");
        assert!(cusum.down() > cusum.up());
    }

    #[test]
    fn false_alarms_of_bits_keep_their_promise() {
        let (mut chance, mut alarms, steps) = (Chance(3), 0.0, 200_000.0);
        let mut bits = ExceedanceCusum::new(0.05, 5.0);
        for _ in 0..200_000 {
            if bits.push(chance.uniform() <= 0.05) >= ln(1000.0) {
                alarms += 1.0;
                bits.reset();
            }
        }
        assert!(alarms <= steps / 1000.0, "{alarms} alarms");
        let needed = (1..100).find(|_| bits.push(chance.uniform() <= 0.5) >= ln(1000.0));
        assert!(needed.is_some_and(|steps| steps < 40), "{needed:?}");
    }

    #[test]
    fn survives_anything() {
        survives(Cusum::new(0.25, 4.0), |cusum, chance| {
            cusum.push(chance.misfortune());
        });
        survives(ExceedanceCusum::new(0.1, 2.0), |bits, chance| {
            bits.push(chance.uniform() < 0.3);
        });
    }
}
