//! The law of arrival gaps, learned; and how surprising a silence is under it.

use super::math::{exp_m1, ln, ln_1p, sqrt, usable};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;

/// Bins: 29 octaves of 8, from [`SHORTEST`] (2^-12 s) to [`LONGEST`] (2^17 s, 36 hours).
const BINS: usize = 232;

/// Gaps below this many seconds share the first bin.
const SHORTEST: f64 = 1.0 / 4096.0;

/// Gaps above this many seconds share the last bin.
const LONGEST: f64 = 131_072.0;

/// A bin's number is the exponent of the gap and the first three bits of its mantissa: no logarithm needed.
const BIN_SHIFT: u32 = 49;

/// The tail law is fitted to the longest gaps: this share of all, if that makes enough of them.
const TAIL_SHARE: f64 = 0.05;

/// Enough gaps for a tail, if there are as many.
const TAIL_GAPS: f64 = 16.0;

/// The tail is fitted afresh after so many gaps: more often while there are few, and a law that has settled moves slowly.
const REFIT_GAPS: u64 = 256;

/// A law of so many gaps has settled: it is fitted afresh after four times as many.
const SETTLED_GAPS: u64 = 4096;

/// The most surprise that is told.
const MAX_PHI: f64 = 300.0;

/// The weight of a new gap may grow so far before all weights are scaled back.
const MAX_UNIT: f64 = 1e20;

/// How long a stream uses to be silent, with exponential forgetting, and [`phi`](Self::phi): the surprise of a silence.
///
/// `phi = -log10 P(gap > silence)` (Hayashibara, Defago, Yared, Katayama, "The phi accrual failure detector", SRDS 2004), with the
/// empirical law instead of their normal one: phi 8 is a silence seen once in 10^8 gaps. A histogram (8 bins an octave,
/// bounds within 6.7 % to 12.5 % of each other, interpolated) tells the law up to its longest twentieth; beyond that a
/// generalised Pareto law takes over, its mean and variance those of the longest gaps (Hosking, Wallis, Technometrics 1987): exponential
/// unless the gaps are clearly heavier, and never thinner than a quarter of its threshold, since one lost heartbeat is no outage.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GapLaw {
    counts: Box<[f32]>,
    /// Weight of the next gap: grows instead of all the others fading.
    unit: f64,
    growth: f64,
    count: u64,
    tail: Tail,
}

/// Excesses over the lower bound of a bin: `P(excess > x) = (1 + shape x / scale)^(-1/shape)`, exponential at shape 0.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Tail {
    threshold_secs: f64,
    /// `-ln P(gap > threshold)`.
    within: f64,
    scale_secs: f64,
    shape: f64,
}

impl GapLaw {
    /// A law not yet known, that will remember about the last `memory_gaps` gaps (1 to a million).
    ///
    /// # Panics
    /// If `memory_gaps` is out of that range.
    pub fn new(memory_gaps: f64) -> Self {
        assert!((1.0..=1e6).contains(&memory_gaps), "memory_gaps must be between 1 and 1e6, got {memory_gaps}");
        Self {
            counts: vec![0.0; BINS].into_boxed_slice(),
            unit: 1.0,
            growth: 1.0 + 1.0 / memory_gaps,
            count: 0,
            tail: Tail { threshold_secs: 0.0, within: 0.0, scale_secs: 1.0, shape: 0.0 },
        }
    }

    /// Takes a gap; false if it is unusable or negative, and then nothing changed.
    #[inline]
    pub fn push(&mut self, gap_secs: f64) -> bool {
        if !usable(gap_secs) || gap_secs < 0.0 {
            return false;
        }
        if let Some(count) = self.counts.get_mut(bin_of(gap_secs)) {
            *count += self.unit as f32;
        }
        self.count = self.count.saturating_add(1);
        self.unit *= self.growth;
        if self.unit > MAX_UNIT {
            self.rescale();
        }
        if self.is_due() {
            self.refit();
        }
        true
    }

    /// Whether the tail shall be fitted now.
    #[inline]
    fn is_due(&self) -> bool {
        if self.count >= SETTLED_GAPS {
            return self.count.is_multiple_of(4 * REFIT_GAPS);
        }
        self.count.is_multiple_of(REFIT_GAPS)
            || self.count < REFIT_GAPS && self.count.is_multiple_of(8)
            || self.count < 8
    }

    /// `-log10 P(gap > silence)`: 0 while nothing is known, never falling with the silence, at most 300.
    pub fn phi(&self, silence_secs: f64) -> f64 {
        if self.count == 0 || silence_secs.is_nan() || silence_secs <= 0.0 {
            return 0.0;
        }
        let beyond_secs = silence_secs - self.tail.threshold_secs;
        let surprise = if beyond_secs > 0.0 {
            self.tail.within + self.tail.surprise(beyond_secs)
        } else {
            self.surprise_within(silence_secs).min(self.tail.within)
        };
        (surprise / LN_10).clamp(0.0, MAX_PHI)
    }

    /// The shortest silence, in seconds, with `phi(silence) >= phi`: when to look again. Infinite while nothing is known;
    /// at least the tail's threshold, which is where the surprise begins (the longest twentieth of gaps).
    pub fn silence_secs(&self, phi: f64) -> f64 {
        if self.count == 0 {
            return f64::INFINITY;
        }
        let beyond = phi.min(MAX_PHI) * LN_10 - self.tail.within;
        self.tail.threshold_secs + self.tail.excess(beyond.max(0.0))
    }

    /// Gaps taken so far, for warm-up. A law of fewer than a few hundred is a guess.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// `-ln P(gap > silence)` by the histogram, where the tail law does not hold yet.
    fn surprise_within(&self, silence_secs: f64) -> f64 {
        let bin = bin_of(silence_secs);
        let (low, high) = (lower_bound(bin), lower_bound(bin + 1));
        let inside = f64::from(self.counts.get(bin).copied().unwrap_or(0.0));
        let still = ((high - silence_secs) / (high - low)).clamp(0.0, 1.0);
        let above = total(self.counts.get(bin + 1..).unwrap_or_default());
        -ln(((above + inside * still) / total(&self.counts)).clamp(f64::MIN_POSITIVE, 1.0))
    }

    /// Makes the weight of the next gap 1 again.
    #[cold]
    fn rescale(&mut self) {
        let scale = 1.0 / self.unit;
        for count in &mut self.counts {
            *count = (f64::from(*count) * scale) as f32;
        }
        self.unit = 1.0;
    }

    #[cold]
    fn refit(&mut self) {
        self.tail = Tail::fit(&self.counts, self.unit);
    }
}

impl Tail {
    /// `-ln P(excess > x)`.
    fn surprise(self, x: f64) -> f64 {
        let x = x.max(0.0) / self.scale_secs;
        if self.shape > 0.0 { ln_1p(self.shape * x) / self.shape } else { x }
    }

    /// The `x` of a surprise: the inverse.
    fn excess(self, surprise: f64) -> f64 {
        let x = if self.shape > 0.0 { exp_m1(self.shape * surprise) / self.shape } else { surprise };
        x * self.scale_secs
    }

    /// By the mean and variance of the excesses of the longest gaps.
    fn fit(counts: &[f32], unit: f64) -> Self {
        let all = total(counts);
        let first = threshold_bin(counts, (TAIL_SHARE * all).max(TAIL_GAPS * unit));
        let threshold_secs = lower_bound(first);
        let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (bin, count) in counts.iter().enumerate().skip(first) {
            let excess = f64::midpoint(lower_bound(bin), lower_bound(bin + 1)) - threshold_secs;
            let count = f64::from(*count);
            weight += count;
            sum += count * excess;
            squares += count * excess * excess;
        }
        let mean = sum / weight;
        let variance = (squares / weight - mean * mean).max(f64::MIN_POSITIVE);
        let gaps = (weight / unit).max(1.0);
        let shape = (0.5 * (1.0 - mean * mean / variance) - 1.0 / sqrt(gaps)).clamp(0.0, 0.4);
        let scale_secs = (mean * (1.0 - shape)).max(threshold_secs / 4.0).max(SHORTEST);
        Self { threshold_secs, within: -ln((weight / all).min(1.0)), scale_secs, shape }
    }
}

/// The highest bin from which on there are `wanted`; the lowest occupied one if there are not so many.
fn threshold_bin(counts: &[f32], wanted: f64) -> usize {
    let mut above = 0.0;
    let mut lowest = 0;
    for (bin, count) in counts.iter().enumerate().rev() {
        if *count > 0.0 {
            above += f64::from(*count);
            lowest = bin;
        }
        if above >= wanted {
            break;
        }
    }
    lowest
}

#[inline]
fn bin_of(gap_secs: f64) -> usize {
    let bits = gap_secs.clamp(SHORTEST, LONGEST).to_bits() - SHORTEST.to_bits();
    ((bits >> BIN_SHIFT) as usize).min(BINS - 1)
}

/// The shortest gap of a bin; the first bin starts at zero.
#[inline]
fn lower_bound(bin: usize) -> f64 {
    if bin == 0 { 0.0 } else { f64::from_bits(SHORTEST.to_bits() + ((bin as u64) << BIN_SHIFT)) }
}

/// The sum, in four lanes of fixed order.
fn total(counts: &[f32]) -> f64 {
    let mut lanes = [0.0; 4];
    let (fours, rest) = counts.as_chunks::<4>();
    for four in fours {
        for (lane, count) in lanes.iter_mut().zip(four) {
            *lane += f64::from(*count);
        }
    }
    for (lane, count) in lanes.iter_mut().zip(rest) {
        *lane += f64::from(*count);
    }
    let [a, b, c, d] = lanes;
    (a + b) + (c + d)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chance, assert_near, bits, no_number, survives};
    use super::*;
    use proptest::prelude::*;

    /// A law that has learned `gaps` gaps.
    fn learned(gaps: usize, mut gap: impl FnMut() -> f64) -> GapLaw {
        let mut law = GapLaw::new(10_000.0);
        (0..gaps).for_each(|_| assert!(law.push(gap())));
        law
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Oracle: the sorted gaps. Within the body the silence is told to 10 %: `phi` lies between the true ones of silences
        /// 10 % shorter and longer.
        #[test]
        fn tells_the_body_to_a_tenth(seed in any::<u64>(), spread in 0.1..3.0_f64, at in 0.0..0.9_f64) {
            let mut chance = Chance(seed);
            let gaps: Vec<f64> = (0..2000).map(|_| libm::exp(spread * chance.normal())).collect();
            let mut law = GapLaw::new(1e6);
            for gap in &gaps { assert!(law.push(*gap)); }
            let mut sorted = gaps;
            sorted.sort_by(f64::total_cmp);
            let silence = sorted[(at * 2000.0) as usize];
            let above = |secs: f64| sorted.iter().filter(|gap| **gap > secs).count() as f64 / 2000.0;
            let (lowest, highest) = (-libm::log10(above(silence / 1.1)), -libm::log10(above(silence * 1.1)));
            let phi = law.phi(silence);
            prop_assert!(lowest - 0.01 <= phi && phi <= highest + 0.01, "{lowest} {phi} {highest}");
        }

        #[test]
        fn never_falls_with_the_silence(
            gaps in prop::collection::vec(prop_oneof![0.0..10.0_f64, Just(0.0), Just(1e12), 1e-6..1e-3_f64], 0..700),
            silences in prop::collection::vec(-5.0..8.0_f64, 2..50),
        ) {
            let mut law = GapLaw::new(50.0);
            for gap in &gaps { assert!(law.push(*gap)); }
            let mut silences: Vec<f64> = silences.into_iter().map(libm::exp10).collect();
            silences.extend([0.0, 1e-9, 1e100, f64::INFINITY, law.tail.threshold_secs]);
            silences.sort_by(f64::total_cmp);
            let phis: Vec<f64> = silences.iter().map(|silence| law.phi(*silence)).collect();
            prop_assert!(phis.windows(2).all(|two| two[0] <= two[1] + 1e-12), "{phis:?}");
            prop_assert!(phis.iter().all(|phi| (0.0..=MAX_PHI).contains(phi)));
        }

        #[test]
        fn the_silence_of_a_phi_has_that_phi(seed in any::<u64>(), phi in 2.0..50.0_f64) {
            let mut chance = Chance(seed);
            let law = learned(3000, || chance.wait() * chance.wait());
            assert_near(law.phi(law.silence_secs(phi)), phi, 1e-9, 0.0);
        }

        #[test]
        fn no_number_changes_nothing(gaps in prop::collection::vec(0.0..10.0_f64, 0..30), bad in no_number()) {
            let mut law = GapLaw::new(50.0);
            for gap in &gaps { assert!(law.push(*gap)); }
            let before = bits(&law);
            prop_assert!(!law.push(bad) && !law.push(-1.0));
            prop_assert_eq!(bits(&law), before);
        }
    }

    #[test]
    fn random_arrivals_have_an_exponential_tail() {
        let mut chance = Chance(1);
        for mean in [0.01, 1.0, 300.0] {
            let law = learned(20_000, || mean * chance.wait());
            for phi in [4.0, 8.0, 12.0] {
                assert_near(law.silence_secs(phi), mean * phi * LN_10, 0.25, 0.0);
            }
        }
    }

    #[test]
    fn heavy_gaps_are_given_more_time() {
        let mut chance = Chance(2);
        let mut pareto = || libm::pow(chance.uniform(), -1.0 / 3.0);
        let law = learned(20_000, &mut pareto);
        assert!(law.tail.shape > 0.15, "{:?}", law.tail);
        assert_near(law.phi(100.0), 6.0, 0.2, 0.0);
    }

    #[test]
    fn one_lost_heartbeat_is_no_outage_and_ten_are() {
        let mut chance = Chance(3);
        let law = learned(2000, || 1.0 + 0.01 * chance.normal());
        assert!(law.phi(0.5) < 0.01 && law.phi(2.1) < 3.0, "{} {}", law.phi(0.5), law.phi(2.1));
        assert!(law.phi(10.0) > 12.0, "{}", law.phi(10.0));
    }

    #[test]
    fn forgets_how_it_used_to_be() {
        let mut law = GapLaw::new(500.0);
        (0..5000).for_each(|_| assert!(law.push(60.0)));
        let slow = law.phi(120.0);
        (0..10_000).for_each(|_| assert!(law.push(1.0)));
        assert!(slow < 3.0 && law.phi(120.0) > 12.0, "{slow} {}", law.phi(120.0));
    }

    #[test]
    fn knows_nothing_at_first() {
        let law = GapLaw::new(100.0);
        assert_near(law.phi(1e9), 0.0, 0.0, 0.0);
        assert!(law.silence_secs(8.0).is_infinite() && law.count() == 0);
    }

    #[test]
    fn is_small() {
        assert!(size_of::<GapLaw>() + BINS * size_of::<f32>() <= 1024);
    }

    #[test]
    fn bins_lie_where_their_bounds_say() {
        for bin in 1..BINS {
            assert_eq!((bin_of(lower_bound(bin)), bin_of(lower_bound(bin) * 0.999_999)), (bin, bin - 1));
        }
        assert_eq!((bin_of(0.0), bin_of(f64::MAX)), (0, BINS - 1));
        assert_near(lower_bound(BINS), LONGEST, 0.0, 0.0);
    }

    #[test]
    fn survives_anything() {
        survives(GapLaw::new(20.0), |law, chance| {
            law.push(chance.misfortune());
            assert!((0.0..=MAX_PHI).contains(&law.phi(chance.misfortune())));
        });
    }
}
