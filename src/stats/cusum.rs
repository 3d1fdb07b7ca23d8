//! CUSUM: adds up what is slightly too much, until it is far too much. For slow slides.

use super::math::usable;
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

    /// Takes a score; gives the larger side. NaN changes nothing; an infinity is clipped like any number.
    #[inline]
    pub fn push(&mut self, z: f64) -> f64 {
        if !z.is_nan() {
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
