//! Chance from a seed, so that a failing run can be run again.

/// `SplitMix64` (Steele, Lea, Flood 2014).
pub(crate) struct Chance(u64);

impl Chance {
    /// From `FUSEWIRE_SEED`, or always the same.
    pub(crate) fn seeded() -> Self {
        let seed = std::env::var("FUSEWIRE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_251_010);
        println!("FUSEWIRE_SEED={seed}");
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
