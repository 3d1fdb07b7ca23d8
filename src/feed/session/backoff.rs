//! Pauses between tries: doubling, with chance from a seed so that sessions which fall together do not rise together.

use crate::event::Nanos;

pub(super) struct Backoff {
    first: f64,
    max: f64,
    tries: i32,
    seed: u64,
}

impl Backoff {
    pub(super) const fn new(first_secs: f64, max_secs: f64, seed: u64) -> Self {
        Self { first: first_secs, max: max_secs, tries: 0, seed }
    }

    /// The next pause in nanoseconds: between half and all of `first`, twice `first`, four times ... up to `max`.
    pub(super) fn next(&mut self) -> i64 {
        let whole = (0..self.tries).fold(self.first, |pause, _| (pause * 2.0).min(self.max)).min(self.max);
        self.tries = (self.tries + 1).min(32);
        (whole * (0.5 + 0.5 * self.chance()) * Nanos::SECOND as f64) as i64
    }

    pub(super) fn reset(&mut self) {
        self.tries = 0;
    }

    /// Uniform in [0, 1).
    fn chance(&mut self) -> f64 {
        (split_mix(&mut self.seed) >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The next of a row of numbers: `SplitMix64` (Steele, Lea, Flood 2014).
pub(super) const fn split_mix(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *seed;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_start_again() {
        let mut backoff = Backoff::new(1.0, 60.0, 7);
        for whole in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0] {
            let pause = backoff.next() as f64 / 1e9;
            assert!((whole / 2.0..=whole).contains(&pause), "{pause} of {whole}");
        }
        backoff.reset();
        assert!(backoff.next() <= Nanos::SECOND);
        let pauses =
            |seed| std::iter::repeat_with(move || seed).scan(Backoff::new(1.0, 60.0, seed), |b, _| Some(b.next()));
        assert!(pauses(1).take(5).eq(pauses(1).take(5)));
        assert!(!pauses(1).take(5).eq(pauses(2).take(5)));
    }
}
