//! The scale of a market: variance a second of its returns, on irregular times, hard to poison.

use super::math::{Ageing, ageing, ln, sqrt, usable, without_dust};
use serde::{Deserialize, Serialize};
use std::f64::consts::FRAC_PI_2;

/// EW variance a second of returns, with a bipower twin that jumps do not lift.
///
/// With `g = 1 - e^(-dt/tau)`, every return moves `v <- (1 - g) v + g min(r^2 / dt, clip^2 sigma^2)` and the weight
/// `w <- (1 - g) w + g`; then `sigma = sqrt(v / w)`. For `dt` far below `tau` this is the rate form
/// `V <- V e^(-dt/tau) + r^2` of a Brownian path; for long gaps it gives one return the weight of the time it
/// stands for, never more than `tau`. Dividing by `w` leaves no bias at the start.
///
/// The twin replaces `r^2 / dt` by `(pi/2) |u| |u_prev|`, `u = r / sqrt(dt)` (Barndorff-Nielsen, Shephard, "Power and bipower
/// variation with stochastic volatility and jumps", J. Financial Econometrics 2004). Scaling each return by its own `dt`
/// matters: the plain product reads a fifth low on Poisson times.
///
/// Returns that share an instant (`dt` 0: a sweep through several levels) are summed and count once time moves;
/// [`with_grain`](Self::with_grain) widens "an instant" against bid-ask bounce. Score first, push after: the scale must
/// not mask its own shock. When to freeze is the caller's policy: do not push.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scale {
    realised: Mean,
    bipower: Mean,
    /// The last `|u|`, clipped; negative before the first.
    previous: f64,
    pending_return: f64,
    pending_secs: f64,
    seen_secs: f64,
    rate: f64,
    clip_squared: f64,
    grain_secs: f64,
    floor_variance: f64,
    growth_rate: f64,
}

impl Scale {
    /// An empty scale with time constant `tau_secs`; returns beyond `clip_sigmas` count as that many (infinity: no clip).
    ///
    /// # Panics
    /// If either is not above zero.
    pub fn new(tau_secs: f64, clip_sigmas: f64) -> Self {
        assert!(tau_secs > 0.0 && usable(tau_secs), "tau_secs must be above 0, got {tau_secs}");
        assert!(clip_sigmas > 0.0, "clip_sigmas must be above 0, got {clip_sigmas}");
        Self {
            realised: Mean::default(),
            bipower: Mean::default(),
            previous: -1.0,
            pending_return: 0.0,
            pending_secs: 0.0,
            seen_secs: 0.0,
            rate: 1.0 / tau_secs,
            clip_squared: (clip_sigmas * clip_sigmas).min(f64::MAX),
            grain_secs: 0.0,
            floor_variance: 0.0,
            growth_rate: f64::INFINITY,
        }
    }

    /// Lets the variance grow at most by `factor_per_hour` once it has seen one `tau`: a slow poisoner must then work for hours.
    ///
    /// # Panics
    /// If the factor is not above one.
    #[must_use]
    pub fn with_growth_cap(mut self, factor_per_hour: f64) -> Self {
        assert!(factor_per_hour > 1.0, "factor_per_hour must be above 1, got {factor_per_hour}");
        self.growth_rate = ln(factor_per_hour) / 3600.0;
        self
    }

    /// Never believes in a sigma below `sigma` (per square root of a second): sigmas, clip and growth cap start from
    /// there, so that a frozen price does not turn the first tick after it into a catastrophe.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[must_use]
    pub fn with_floor(mut self, sigma: f64) -> Self {
        assert!(sigma >= 0.0 && usable(sigma), "floor must be 0 or above, got {sigma}");
        self.floor_variance = sigma * sigma;
        self
    }

    /// Sums returns until `secs` have passed and counts the sum as one return: bounce inside cancels, and bursts of ticks
    /// are not clipped against their tiny `dt`.
    ///
    /// # Panics
    /// If it is negative or not finite.
    #[must_use]
    pub fn with_grain(mut self, secs: f64) -> Self {
        assert!(secs >= 0.0 && usable(secs), "grain must be 0 or above, got {secs}");
        self.grain_secs = secs;
        self
    }

    /// Takes the return `r` over the last `dt_secs`; false if either is unusable, and then nothing changed.
    #[inline]
    pub fn push(&mut self, r: f64, dt_secs: f64) -> bool {
        if !usable(r) || !usable(dt_secs) {
            return false;
        }
        let dt_secs = dt_secs.max(0.0);
        self.seen_secs += dt_secs;
        self.pending_return = (self.pending_return + r).clamp(-super::math::LIMIT, super::math::LIMIT);
        self.pending_secs += dt_secs;
        if self.pending_secs > 0.0 && self.pending_secs >= self.grain_secs {
            self.learn();
        }
        true
    }

    /// Standard deviation of the return per square root of a second; 0 when empty, unless there is a floor.
    #[inline]
    pub fn sigma(&self) -> f64 {
        sqrt(self.variance())
    }

    /// The same by bipower variation: a jump counts only as far as its neighbours are large too.
    #[inline]
    pub fn sigma_bipower(&self) -> f64 {
        sqrt(self.bipower.value().max(self.floor_variance))
    }

    /// Variance a second: the square of [`sigma`](Self::sigma).
    #[inline]
    pub fn variance(&self) -> f64 {
        self.realised.value().max(self.floor_variance)
    }

    /// Total time seen, for warm-up.
    #[inline]
    pub fn seen_secs(&self) -> f64 {
        self.seen_secs
    }

    fn learn(&mut self) {
        let (r, dt_secs) = (self.pending_return, self.pending_secs);
        (self.pending_return, self.pending_secs) = (0.0, 0.0);
        let age = ageing(dt_secs * self.rate);
        let speed = self.clipped(r / sqrt(dt_secs));
        let most = self.growth(dt_secs);
        self.realised.push(speed * speed, age, most, self.floor_variance);
        if self.previous >= 0.0 {
            self.bipower.push(FRAC_PI_2 * speed * self.previous, age, most, self.floor_variance);
        }
        self.previous = speed;
    }

    /// `|u|`, at most `clip` sigmas once there is a sigma.
    #[inline]
    fn clipped(&self, u: f64) -> f64 {
        let variance = self.variance();
        let most = if variance > 0.0 { sqrt(self.clip_squared * variance) } else { f64::MAX };
        u.abs().min(most).min(super::math::LIMIT)
    }

    /// The factor by which a variance may grow over `dt_secs`.
    #[inline]
    fn growth(&self, dt_secs: f64) -> f64 {
        if self.growth_rate.is_finite() && self.seen_secs * self.rate > 1.0 {
            1.0 / ageing(dt_secs * self.growth_rate).keep
        } else {
            f64::INFINITY
        }
    }
}

/// An EW mean that divides by the weight it has gathered, so that it is unbiased from the first value.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Mean {
    sum: f64,
    weight: f64,
}

impl Mean {
    #[inline]
    fn value(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }

    /// Ages, takes `x`, and then is at most `most` times what it was (or than `floor`, if that is more).
    #[inline]
    fn push(&mut self, x: f64, age: Ageing, most: f64, floor: f64) {
        let before = if most.is_finite() { self.value().max(floor) } else { 0.0 };
        self.sum = without_dust(self.sum * age.keep + x * age.gain);
        self.weight = self.weight * age.keep + age.gain;
        if before > 0.0 {
            self.sum = self.sum.min(before * most * self.weight);
        }
    }
}
