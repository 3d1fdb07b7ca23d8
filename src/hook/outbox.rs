//! What follows an attempt: pure arithmetic of patience.

use super::{Answer, Outcome};
use crate::event::Nanos;

/// Wait after the first failure.
const FIRST_DELAY_SECS: f64 = 0.5;

/// Longest wait, whatever the receiver asks for: a desk wants to know within minutes that it hears nothing.
pub const MAX_DELAY_SECS: f64 = 300.0;

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived: done.
    Delivered,
    /// Again, not before this time.
    Retry {
        /// The time.
        due: Nanos,
    },
    /// Nobody tries again unless a person says so.
    Dead,
}

/// A seeded source of jitter (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Equal seeds give equal jitter.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number in [0, 1).
    pub fn draw(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Wait after the `attempt`th failure (from 1): doubling from 0.5 s to 5 min, the upper half of it by `chance` in [0, 1), so
/// that receivers who come back are not met by everybody at once.
pub fn backoff_secs(attempt: u32, chance: f64) -> f64 {
    let doublings = attempt.saturating_sub(1).min(20);
    let full = (FIRST_DELAY_SECS * f64::from(1_u32 << doublings)).min(MAX_DELAY_SECS);
    full * (0.5 + chance / 2.0)
}

/// Decides after the `attempt`th answer (from 1). A receiver's `Retry-After` can only lengthen the wait, up to 5 min.
pub fn verdict(answer: &Answer, attempt: u32, max_attempts: u32, now: Nanos, chance: f64) -> Verdict {
    match answer.outcome {
        Outcome::Delivered => Verdict::Delivered,
        Outcome::Gone => Verdict::Dead,
        Outcome::Failed { .. } if attempt >= max_attempts => Verdict::Dead,
        Outcome::Failed { retry_after_secs } => {
            let asked = retry_after_secs.unwrap_or(0.0).clamp(0.0, MAX_DELAY_SECS);
            Verdict::Retry { due: now.plus_secs(backoff_secs(attempt, chance).max(asked)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_half_a_second_to_five_minutes() {
        let waits: Vec<_> = (1..=13).map(|attempt| backoff_secs(attempt, 1.0)).collect();
        assert_eq!(waits, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0, 300.0]);
        let mut chance = Chance::new(42);
        for attempt in 0..10_000 {
            let (wait, full) = (backoff_secs(attempt, chance.draw()), backoff_secs(attempt, 1.0));
            assert!((full / 2.0..=full).contains(&wait), "{attempt}: {wait}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_jitter() {
        let draws = |seed| std::iter::repeat_n(Chance::new(seed), 1).flat_map(|mut c| [c.draw(), c.draw()]).collect();
        let (a, b, c): (Vec<f64>, Vec<f64>, Vec<f64>) = (draws(1), draws(1), draws(2));
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn every_answer_has_its_verdict() {
        let failed = |secs| Outcome::Failed { retry_after_secs: secs };
        let at = |secs| Verdict::Retry { due: Nanos::default().plus_secs(secs) };
        for (outcome, attempt, want) in [
            (Outcome::Delivered, 12, Verdict::Delivered),
            (Outcome::Gone, 1, Verdict::Dead),
            (failed(None), 1, at(0.25)),
            (failed(None), 11, at(150.0)),
            (failed(None), 12, Verdict::Dead),
            (failed(Some(7.0)), 1, at(7.0)),
            (failed(Some(0.0)), 4, at(2.0)),
            (failed(Some(1e9)), 1, at(300.0)),
            (failed(Some(-3.0)), 1, at(0.25)),
        ] {
            let answer = Answer { outcome, detail: String::new() };
            assert_eq!(verdict(&answer, attempt, 12, Nanos(0), 0.0), want, "{outcome:?} at {attempt}");
        }
    }
}
