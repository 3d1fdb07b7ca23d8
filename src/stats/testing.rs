//! What the tests of this room share: seeded chance, misfortunes to feed, and the three promises every state keeps.

use super::math::{ln, sqrt};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

/// Seeded chance: splitmix64 (Steele, Lea, Flood 2014).
pub(super) struct Chance(pub u64);

impl Chance {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in (0, 1].
    pub(super) fn uniform(&mut self) -> f64 {
        ((self.bits() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    /// Exponential of mean 1.
    pub(super) fn wait(&mut self) -> f64 {
        -ln(self.uniform())
    }

    /// Standard normal (Box, Muller 1958).
    pub(super) fn normal(&mut self) -> f64 {
        sqrt(2.0 * self.wait()) * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// One of `choices`.
    pub(super) fn pick(&mut self, choices: &[f64]) -> f64 {
        choices[self.bits() as usize % choices.len()]
    }

    /// Anything at all, from a small list of what hurts to plain numbers.
    pub(super) fn misfortune(&mut self) -> f64 {
        let usual = self.normal();
        let large = usual * 1e8;
        self.pick(&[
            usual,
            usual,
            usual,
            large,
            0.0,
            -0.0,
            1e12,
            -1e12,
            1e-300,
            5e-324,
            1e100,
            -1e100,
            1e101,
            f64::MAX,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ])
    }

    /// Any time since the last call.
    pub(super) fn time(&mut self) -> f64 {
        let usual = self.wait();
        self.pick(&[
            usual,
            usual,
            usual,
            usual,
            0.0,
            -1.0,
            5e-324,
            1e-9,
            1e-3,
            3600.0,
            1e9,
            1e100,
            f64::NAN,
            f64::INFINITY,
        ])
    }
}

/// Values of either sign over eight decades.
pub(super) fn value() -> impl Strategy<Value = f64> {
    (any::<bool>(), -4.0..4.0_f64).prop_map(|(up, decade)| if up { libm::exp10(decade) } else { -libm::exp10(decade) })
}

/// What a broken feed sends, bad for its size.
pub(super) fn bad_tick() -> impl Strategy<Value = f64> {
    prop_oneof![Just(0.0), Just(1e12), Just(-1e12), Just(1e9)]
}

/// What no statistic may take.
pub(super) fn no_number() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(1e200)]
}

/// Seconds between calls: none, tiny, usual, huge.
pub(super) fn dt() -> impl Strategy<Value = f64> {
    prop_oneof![1 => Just(0.0), 1 => Just(1e-9), 4 => 1e-3..10.0_f64, 1 => 10.0..1e6_f64]
}

/// The bits of a state.
pub(super) fn bits<T: Serialize>(state: &T) -> Vec<u8> {
    postcard::to_stdvec(state).expect("a state can be written")
}

/// A state after a restart.
pub(super) fn restored<T: Serialize + DeserializeOwned>(state: &T) -> T {
    postcard::from_bytes(&bits(state)).expect("a state can be read")
}

/// Fails if any number in the state is NaN or infinite: JSON has no word for them but `null`.
pub(super) fn assert_finite<T: Serialize>(state: &T, after: &str) {
    let json = serde_json::to_string(state).expect("a state can be written");
    assert!(!json.contains("null"), "after {after}: {json}");
}

/// 100,000 random calls leave nothing that is no number, and a restart after any hundred of them changes no bit.
pub(super) fn survives<T: Serialize + DeserializeOwned>(mut state: T, mut call: impl FnMut(&mut T, &mut Chance)) {
    let mut chance = Chance(7);
    for round in 0..1000 {
        let mut twin = restored(&state);
        for _ in 0..100 {
            let seed = chance.bits();
            call(&mut state, &mut Chance(seed));
            call(&mut twin, &mut Chance(seed));
        }
        assert_eq!(bits(&state), bits(&twin), "a restart changed a bit in round {round}");
        assert_finite(&state, &format!("round {round}"));
    }
}

/// `got` within `tolerance` of `want`, relative to the larger of `want` and `unit`.
#[track_caller]
pub(super) fn assert_near(got: f64, want: f64, tolerance: f64, unit: f64) {
    let error = (got - want).abs();
    assert!(error <= tolerance * want.abs().max(unit), "got {got:e}, want {want:e}, error {error:e}");
}
