//! How high a limit must be: normal tails, and the largest of many. Off the hot path; results enter the engine as inputs.

use super::math::{ln, ln_1p, sqrt};
use statrs::distribution::{ContinuousCDF, Normal};
use std::f64::consts::PI;

/// `P(Z <= z)` of a standard normal; NaN gives NaN.
pub fn cdf(z: f64) -> f64 {
    Normal::standard().cdf(z)
}

/// The `z` with `P(Z <= z) = p`: negative infinity at 0 and below, infinity at 1 and above; NaN gives NaN.
pub fn quantile(p: f64) -> f64 {
    if p.is_nan() { p } else { Normal::standard().inverse_cdf(p.clamp(0.0, 1.0)) }
}

/// The `z` that `|Z|` exceeds with probability `alpha`.
pub fn two_sided(alpha: f64) -> f64 {
    -quantile(alpha / 2.0)
}

/// Lee and Mykland's critical value for `|r| / (sigma sqrt(dt))` to be a jump, when `n` returns are tested at once and any of
/// them may be a false alarm with probability `alpha` ("Jumps in financial markets", Review of Financial Studies 2008).
///
/// `C + S beta`, with `beta = -ln(-ln(1 - alpha))` (Gumbel), `C = s - (ln pi + ln ln n) / (2 s)`, `S = 1 / s`, `s = sqrt(2 ln n)`. The paper
/// divides by a bipower variation without its factor pi/2 and so has `c = sqrt(2/pi)` in `C` and `S`; here `sigma` is a real one
/// ([`Scale::sigma_bipower`](super::scale::Scale::sigma_bipower)), hence `c = 1`. True for normal returns only: with heavier tails it alarms
/// far too often, so it is a starting point, and a limit comes from a recording.
///
/// `n` counts as at least 3, `alpha` as within `[1e-12, 0.999]`.
pub fn lee_mykland(n: f64, alpha: f64) -> f64 {
    let ln_n = ln(n.max(3.0));
    let s = sqrt(2.0 * ln_n);
    let beta = -ln(-ln_1p(-alpha.clamp(1e-12, 0.999)));
    s - (ln(PI) + ln(ln_n)) / (2.0 * s) + beta / s
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Chance, assert_near};
    use super::*;
    use proptest::prelude::*;

    /// scipy 1.17.1 `norm.ppf`, `norm.cdf`; tables agree.
    #[test]
    #[allow(clippy::unreadable_literal, reason = "figures as they were printed")]
    fn agrees_with_the_tables() {
        for (p, z) in [
            (0.001, -3.090232306167813),
            (0.025, -1.9599639845400545),
            (0.5, 0.0),
            (0.841344746068543, 1.0),
            (0.995, 2.5758293035489004),
            (0.999999, 4.753424308817087),
        ] {
            assert_near(quantile(p), z, 1e-9, 1.0);
            assert_near(cdf(z), p, 1e-9, 0.0);
        }
        assert_near(two_sided(0.05), 1.959963984540054, 1e-9, 0.0);
        assert!(quantile(f64::NAN).is_nan() && quantile(-1.0).is_infinite() && quantile(2.0).is_infinite());
    }

    proptest! {
        #[test]
        fn the_quantile_inverts_the_law(z in -7.0..5.0_f64) {
            assert_near(quantile(cdf(z)), z, 1e-6, 1.0);
        }

        #[test]
        fn a_rarer_jump_or_more_tests_need_a_higher_limit(n in 10.0..1e9_f64, alpha in 1e-6..0.5_f64) {
            prop_assert!(lee_mykland(n * 2.0, alpha) > lee_mykland(n, alpha));
            prop_assert!(lee_mykland(n, alpha / 2.0) > lee_mykland(n, alpha));
        }
    }

    /// The exact limit of `n` normals is the two-sided quantile of `1 - (1 - alpha)^(1/n)`; Gumbel's converges to it, slowly.
    #[test]
    fn is_near_the_exact_limit_of_many_normals() {
        for (n, alpha) in [(1e3, 0.01), (1e5, 0.01), (1e5, 0.05), (1e7, 0.5)] {
            let exact = two_sided(-super::super::math::exp_m1(ln_1p(-alpha) / n));
            assert_near(lee_mykland(n, alpha), exact, 0.05, 0.0);
        }
    }

    #[test]
    fn a_normal_day_rings_as_seldom_as_stated() {
        let (mut chance, limit) = (Chance(21), lee_mykland(1000.0, 0.1));
        let rings = (0..500).filter(|_| (0..1000).any(|_| chance.normal().abs() > limit)).count();
        assert!((15..=60).contains(&rings), "{rings} of 500 at 10 %");
    }

    #[test]
    fn nonsense_gives_a_number() {
        for (n, alpha) in [(0.0, 0.5), (-1.0, 0.0), (1e300, 1.0), (f64::NAN, 2.0)] {
            assert!(lee_mykland(n, alpha).is_finite(), "{n} {alpha}");
        }
    }
}
