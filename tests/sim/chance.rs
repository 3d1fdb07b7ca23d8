//! Chance by seed: the same on every machine.

#![allow(dead_code, reason = "several tests share it, none uses all of it")]

/// `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
#[derive(Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    pub(crate) const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) const fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// One of `0..count`.
    pub(crate) const fn below(&mut self, count: u64) -> u64 {
        self.bits() % count
    }

    /// Whether a coin that falls so with this probability does.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Gaps of a Poisson stream.
    pub(crate) fn gap(&mut self, mean_secs: f64) -> f64 {
        -mean_secs * libm::log(1.0 - self.unit())
    }

    /// Standard normal (Box and Muller, Annals of Mathematical Statistics 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = f64::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Student's t of four degrees of freedom, scaled to variance 1.
    pub(crate) fn heavy(&mut self) -> f64 {
        let chi = (0..4).map(|_| self.normal()).map(|z| z * z).sum::<f64>() / 4.0;
        self.normal() / f64::sqrt(2.0 * chi)
    }
}
