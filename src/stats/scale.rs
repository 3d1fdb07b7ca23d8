//! The scale of a market: variance a second of its returns, on irregular times, hard to poison.

use super::math::{Ageing, LIMIT, ageing, ln, sqrt, usable, without_dust};
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
/// Returns that share an instant (`dt` 0: a sweep through several levels) are summed and count once time moves.
/// **On ticks, widen the instant by [`with_grain`](Self::with_grain) of a second or so.** Prices move tick by tick, not with the
/// root of milliseconds: where nine ticks of ten came within a millisecond, the clip cut sigma to a third and the twin
/// read four times too high; with a grain of 1 s both were within 4 %.
///
/// Score first, push after: the scale must
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
    /// Growth cap: the variance allowed now, the factor an hour, and its exponent a second (0: no cap).
    ceiling: f64,
    growth_factor: f64,
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
            ceiling: f64::MAX,
            growth_factor: 1.0,
            growth_rate: 0.0,
        }
    }

    /// Once one `tau` has been seen, lets the variance grow at most by `factor_per_hour` at once and by as much again in every
    /// hour after: whoever poisons slowly must then work for hours. (A cap without the "at once" would clip the noise of every
    /// single return on one side and so bias the scale.) Best with a [floor](Self::with_floor): after a day of frozen
    /// prices the way back up is long otherwise.
    ///
    /// # Panics
    /// If the factor is not above one.
    #[must_use]
    pub fn with_growth_cap(mut self, factor_per_hour: f64) -> Self {
        assert!(factor_per_hour > 1.0 && usable(factor_per_hour), "factor must be above 1, got {factor_per_hour}");
        self.growth_factor = factor_per_hour;
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
        self.pending_return = (self.pending_return + r).clamp(-LIMIT, LIMIT);
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
        let squared = self.clipped(r * r / dt_secs);
        let speed = sqrt(squared);
        self.realised.push(squared, age);
        if self.previous >= 0.0 {
            self.bipower.push(FRAC_PI_2 * speed * self.previous, age);
        }
        self.previous = speed;
        if self.growth_rate > 0.0 && self.seen_secs * self.rate > 1.0 {
            self.cap_growth(dt_secs);
        }
    }

    /// A squared speed, at most that of `clip` sigmas once there is a sigma.
    #[inline]
    fn clipped(&self, squared: f64) -> f64 {
        let variance = self.variance();
        let most = if variance > 0.0 { self.clip_squared * variance } else { f64::MAX };
        squared.min(most).min(LIMIT * LIMIT)
    }

    /// The ceiling rises by the factor an hour, and comes down with the variance to one factor above it.
    fn cap_growth(&mut self, dt_secs: f64) {
        let raised = self.ceiling / ageing(dt_secs * self.growth_rate).keep;
        self.ceiling = raised.min(f64::MAX);
        self.realised.cap(self.ceiling);
        self.bipower.cap(self.ceiling);
        let variance = self.variance();
        if variance > 0.0 {
            self.ceiling = self.ceiling.min(variance * self.growth_factor);
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

    #[inline]
    fn push(&mut self, x: f64, age: Ageing) {
        self.sum = without_dust(self.sum * age.keep + x * age.gain);
        self.weight = self.weight * age.keep + age.gain;
    }

    #[inline]
    fn cap(&mut self, most: f64) {
        self.sum = self.sum.min(most * self.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::super::math::{exp, exp_m1};
    use super::super::testing::{Chance, assert_near, bits, dt, no_number, survives, value};
    use super::*;
    use proptest::prelude::*;

    /// A market of `sigma` per root second, a return a second.
    fn calm(scale: &mut Scale, chance: &mut Chance, sigma: f64, secs: usize) {
        for _ in 0..secs {
            scale.push(sigma * chance.normal(), 1.0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Oracle: every interval between price changes, with the weight of its place in time, written as explicit sums;
        /// returns of one instant summed first.
        #[test]
        fn is_the_weighted_mean_of_squared_speeds(calls in prop::collection::vec((value(), dt()), 1..60)) {
            let mut scale = Scale::new(30.0, f64::INFINITY);
            let (mut returns, mut pending) = (Vec::new(), 0.0);
            for (r, dt) in calls {
                prop_assert!(scale.push(r, dt));
                pending += r;
                if dt > 0.0 {
                    returns.push((pending, dt));
                    pending = 0.0;
                }
            }
            let mut weights: Vec<f64> = Vec::new();
            let mut age = 0.0;
            for (_, dt) in returns.iter().rev() {
                weights.insert(0, exp(-age / 30.0) * -exp_m1(-dt / 30.0));
                age += dt;
            }
            let speed = |&(r, dt): &(f64, f64)| r / sqrt(dt);
            let squares: f64 = returns.iter().zip(&weights).map(|(r, w)| w * speed(r) * speed(r)).sum();
            let products: f64 = returns
                .windows(2)
                .zip(weights.iter().skip(1))
                .map(|(two, w)| w * FRAC_PI_2 * (speed(&two[0]) * speed(&two[1])).abs())
                .sum();
            let over = |sum: f64, weight: f64| if weight > 0.0 { sum / weight } else { 0.0 };
            assert_near(scale.variance(), over(squares, weights.iter().sum()), 1e-9, 1e-9);
            let bipower = over(products, weights.iter().skip(1).sum());
            assert_near(scale.sigma_bipower() * scale.sigma_bipower(), bipower, 1e-9, 1e-9);
        }

        #[test]
        fn no_number_changes_nothing(calls in prop::collection::vec((value(), dt()), 0..20), bad in no_number()) {
            let mut scale = Scale::new(30.0, 6.0);
            for (r, dt) in &calls { assert!(scale.push(*r, *dt)); }
            let before = bits(&scale);
            prop_assert!(!scale.push(bad, 1.0) && !scale.push(1.0, bad));
            prop_assert_eq!(bits(&scale), before);
        }
    }

    #[test]
    fn has_no_bias_at_the_start_nor_on_poisson_times() {
        let mut chance = Chance(11);
        let (mut early, mut realised, mut bipower) = (0.0, 0.0, 0.0);
        for _ in 0..400 {
            let mut scale = Scale::new(600.0, f64::INFINITY);
            for push in 0..2000 {
                let dt = chance.wait();
                scale.push(1e-4 * sqrt(dt) * chance.normal(), dt);
                early += if push == 20 { scale.variance() / 400.0 } else { 0.0 };
            }
            realised += scale.variance() / 400.0;
            bipower += scale.sigma_bipower() * scale.sigma_bipower() / 400.0;
        }
        assert_near(early, 1e-8, 0.06, 0.0);
        assert_near(realised, 1e-8, 0.02, 0.0);
        assert_near(bipower, 1e-8, 0.02, 0.0);
    }

    #[test]
    fn one_huge_return_counts_as_the_clip() {
        let (mut hit, mut spared, mut chance) = (Scale::new(3600.0, 6.0), Scale::new(3600.0, 6.0), Chance(2));
        for second in 0..7200 {
            let r = 1e-4 * chance.normal();
            spared.push(r, 1.0);
            hit.push(if second == 7000 { 1e12 } else { r }, 1.0);
        }
        assert_near(hit.sigma(), spared.sigma(), 0.01, 0.0);
        assert_near(hit.sigma_bipower(), spared.sigma_bipower(), 0.01, 0.0);
    }

    #[test]
    fn an_unclipped_bad_return_fades_with_time() {
        let (mut hit, mut spared) = (Scale::new(60.0, f64::INFINITY), Scale::new(60.0, f64::INFINITY));
        for second in 0..6000 {
            let r = f64::from(second % 7) - 3.0;
            spared.push(r, 1.0);
            hit.push(if second == 100 { 1e12 } else { r }, 1.0);
        }
        assert_near(hit.sigma(), spared.sigma(), 1e-9, 0.0);
        assert_near(hit.sigma_bipower(), spared.sigma_bipower(), 1e-9, 0.0);
    }

    #[test]
    fn jumps_lift_the_scale_but_not_its_twin() {
        let (mut scale, mut chance) = (Scale::new(3600.0, f64::INFINITY), Chance(4));
        for second in 0..20_000 {
            let jump = if second % 500 == 0 { 5e-3 } else { 0.0 };
            scale.push(1e-4 * chance.normal() + jump, 1.0);
        }
        assert!(scale.sigma() > 2e-4 && scale.sigma_bipower() < 1.3e-4, "{} {}", scale.sigma(), scale.sigma_bipower());
    }

    #[test]
    fn the_clip_lets_a_real_change_of_regime_through() {
        let (mut scale, mut chance) = (Scale::new(600.0, 6.0), Chance(8));
        calm(&mut scale, &mut chance, 1e-6, 2000);
        calm(&mut scale, &mut chance, 1e-3, 3000);
        assert_near(scale.sigma(), 1e-3, 0.15, 0.0);
    }

    #[test]
    fn a_poisoner_must_work_for_hours_and_noise_passes_free() {
        let mut chance = Chance(12);
        let (mut capped, mut free) = (Scale::new(3600.0, 6.0).with_growth_cap(2.0), Scale::new(3600.0, 6.0));
        for _ in 0..20_000 {
            let r = 1e-4 * chance.normal();
            capped.push(r, 1.0);
            free.push(r, 1.0);
        }
        assert_near(capped.sigma(), free.sigma(), 1e-12, 0.0);
        let before = capped.variance();
        calm(&mut capped, &mut chance, 1e-2, 3600);
        assert!(capped.variance() <= before * 4.001 && capped.variance() > before * 3.9);
        calm(&mut capped, &mut chance, 1e-2, 3600);
        assert!(capped.variance() <= before * 8.001);
        assert!(capped.sigma_bipower() <= sqrt(before * 8.001));
    }

    #[test]
    fn returns_of_one_instant_or_grain_are_one_return() {
        let (mut instant, mut grain, mut whole) =
            (Scale::new(60.0, 6.0), Scale::new(60.0, 6.0).with_grain(1.0), Scale::new(60.0, 6.0));
        for _ in 0..50 {
            for (r, dt) in [(3.0, 0.0), (-1.0, 0.0), (1.0, 1.0)] {
                assert!(instant.push(r, dt));
            }
            for (r, dt) in [(3.0, 0.25), (-1.0, 0.5), (1.0, 0.25)] {
                assert!(grain.push(r, dt));
            }
            whole.push(3.0, 1.0);
        }
        assert_near(instant.sigma(), whole.sigma(), 0.0, 0.0);
        assert_near(grain.sigma(), whole.sigma(), 0.0, 0.0);
        assert_near(grain.seen_secs(), 50.0, 1e-12, 0.0);
    }

    #[test]
    fn a_frozen_price_ends_at_the_floor() {
        let (mut scale, mut chance) = (Scale::new(60.0, 6.0).with_floor(1e-6), Chance(1));
        assert_near(scale.sigma(), 1e-6, 1e-12, 0.0);
        calm(&mut scale, &mut chance, 1e-4, 600);
        calm(&mut scale, &mut chance, 0.0, 100_000);
        assert_near(scale.sigma(), 1e-6, 1e-12, 0.0);
        calm(&mut scale, &mut chance, 1e-4, 300);
        assert_near(scale.sigma(), 1e-4, 0.25, 0.0);
        assert_near(Scale::new(60.0, 6.0).sigma(), 0.0, 0.0, 0.0);
    }

    #[test]
    fn survives_anything() {
        for clip in [6.0, f64::INFINITY] {
            survives(Scale::new(3600.0, clip), |scale, chance| {
                scale.push(chance.misfortune(), chance.time());
            });
            survives(Scale::new(60.0, clip).with_growth_cap(1.5).with_floor(1e-6).with_grain(0.5), |scale, chance| {
                scale.push(chance.misfortune(), chance.time());
            });
        }
    }
}
