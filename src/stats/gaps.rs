//! The law of arrival gaps, learned; and how surprising a silence is under it.

use super::math::{ln, ln_1p, usable};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_10;

/// Bins: 30 octaves of 8, from [`SHORTEST`] (2^-13 s) to [`LONGEST`] (2^17 s).
const BINS: usize = 240;

/// Gaps below this many seconds share the first bin.
const SHORTEST: f64 = 1.0 / 8192.0;

/// Gaps above this many seconds share the last bin.
const LONGEST: f64 = 131_072.0;

/// A bin's number is the exponent of the gap and the first three bits of its mantissa: no logarithm needed.
const BIN_SHIFT: u32 = 49;

/// The tail law is fitted to the longest gaps: this share of all, if that makes enough of them.
const TAIL_SHARE: f64 = 0.05;

/// Enough gaps for a tail, if there are as many.
const TAIL_GAPS: f64 = 16.0;

/// The tail is fitted afresh after so many gaps.
const REFIT_GAPS: u64 = 64;

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
    bin: u32,
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
            tail: Tail { bin: 0, scale_secs: 1.0, shape: 0.0 },
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
        if self.count < REFIT_GAPS || self.count.is_multiple_of(REFIT_GAPS) || self.unit > MAX_UNIT {
            self.refit();
        }
        true
    }

    /// `-log10 P(gap > silence)`: 0 while nothing is known, never falling with the silence, at most 300.
    pub fn phi(&self, silence_secs: f64) -> f64 {
        if self.count == 0 || silence_secs.is_nan() || silence_secs <= 0.0 {
            return 0.0;
        }
        let threshold = lower_bound(self.tail.bin as usize);
        let within = -ln(self.survival(silence_secs.min(threshold)));
        let beyond = self.tail.surprise(silence_secs - threshold);
        ((within + beyond) / LN_10).clamp(0.0, MAX_PHI)
    }

    /// Gaps taken so far, for warm-up. A law of fewer than a few hundred is a guess.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// `P(gap > silence)` by the histogram, up to the tail's threshold; above zero there.
    fn survival(&self, silence_secs: f64) -> f64 {
        let bin = bin_of(silence_secs);
        let (low, high) = (lower_bound(bin), lower_bound(bin + 1));
        let inside = f64::from(self.counts.get(bin).copied().unwrap_or(0.0));
        let still = ((high - silence_secs) / (high - low)).clamp(0.0, 1.0);
        let above = total(self.counts.get(bin + 1..).unwrap_or_default());
        let all = total(&self.counts);
        ((above + inside * still) / all).clamp(f64::MIN_POSITIVE, 1.0)
    }

    #[cold]
    fn refit(&mut self) {
        if self.unit > MAX_UNIT {
            let scale = 1.0 / self.unit;
            for count in &mut self.counts {
                *count = (f64::from(*count) * scale) as f32;
            }
            self.unit = 1.0;
        }
        self.tail = Tail::fit(&self.counts, self.unit);
    }
}

impl Tail {
    /// `-ln P(excess > x)`.
    fn surprise(self, x: f64) -> f64 {
        let x = x.max(0.0) / self.scale_secs;
        if self.shape > 0.0 { ln_1p(self.shape * x) / self.shape } else { x }
    }

    /// By the mean and variance of the excesses of the longest gaps.
    fn fit(counts: &[f32], unit: f64) -> Self {
        let wanted = (TAIL_SHARE * total(counts)).max(TAIL_GAPS * unit);
        let bin = threshold_bin(counts, wanted);
        let threshold = lower_bound(bin);
        let (mut weight, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (place, count) in counts.iter().enumerate().skip(bin) {
            let excess = f64::midpoint(lower_bound(place), lower_bound(place + 1)) - threshold;
            let count = f64::from(*count);
            weight += count;
            sum += count * excess;
            squares += count * excess * excess;
        }
        let mean = sum / weight;
        let variance = (squares / weight - mean * mean).max(f64::MIN_POSITIVE);
        let gaps = (weight / unit).max(1.0);
        let shape = (0.5 * (1.0 - mean * mean / variance) - 1.0 / gaps.sqrt()).clamp(0.0, 0.4);
        Self { bin: bin as u32, scale_secs: (mean * (1.0 - shape)).max(threshold / 4.0).max(SHORTEST), shape }
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
    for four in counts.chunks(4) {
        for (lane, count) in lanes.iter_mut().zip(four) {
            *lane += f64::from(*count);
        }
    }
    let [a, b, c, d] = lanes;
    (a + b) + (c + d)
}
