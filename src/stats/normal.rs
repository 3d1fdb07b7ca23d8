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
/// them may be a false alarm with probability `alpha` ("Jumps in financial markets", Review of Financial Studies 2008, lemma 1 and
/// section 1.3).
///
/// `C + S beta`, with `beta = -ln(-ln(1 - alpha))` (Gumbel), `C = s - (ln pi + ln ln n) / (2 s)`, `S = 1 / s`, `s = sqrt(2 ln n)`. The paper
/// divides by a bipower variation without its factor pi/2 and so has `c = sqrt(2/pi)` in `C` and `S`; here `sigma` is a real one
/// ([`Scale::sigma_bipower`](super::scale::Scale::sigma_bipower)), hence `c = 1`. True for normal returns only: on real ones it
/// alarms far too often, so it is a starting point, and a limit comes from a recording.
///
/// `n` counts as at least 3, `alpha` as within `[1e-12, 0.999]`.
pub fn lee_mykland(n: f64, alpha: f64) -> f64 {
    let ln_n = ln(n.max(3.0));
    let s = sqrt(2.0 * ln_n);
    let beta = -ln(-ln_1p(-alpha.clamp(1e-12, 0.999)));
    s - (ln(PI) + ln(ln_n)) / (2.0 * s) + beta / s
}
