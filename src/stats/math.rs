//! The few transcendentals everything else is built on: libm's, so that every machine gives the same bits.

/// The largest magnitude the statistics take: far beyond any market, small enough that sums of squares stay finite.
pub const LIMIT: f64 = 1e100;

/// Below this exponent the series in [`ageing`] is exact to the last bit or so, in half the time of `expm1`.
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

/// The larger of two numbers; `b` where they do not compare. One instruction, where `f64::max` has NaN to think of.
#[inline]
pub const fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
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
/// `1 - e^-x = x - x^2/2! + x^3/3! - ...` leave a relative error below 1e-17.
#[inline]
pub fn ageing(x: f64) -> Ageing {
    if x > NEAR {
        let keep = if x < FAR { exp(-x) } else { 0.0 };
        Ageing { keep, gain: 1.0 - keep }
    } else {
        let gain = near_gain(if x > 0.0 { x } else { 0.0 });
        Ageing { keep: 1.0 - gain, gain }
    }
}

/// `1 - e^-x` near zero by its series, in Estrin's order: short chains of operations that wait for each other.
#[inline]
fn near_gain(x: f64) -> f64 {
    let two = x * x;
    let low = (1.0 - x * (1.0 / 2.0)) + two * (1.0 / 6.0 - x * (1.0 / 24.0));
    let high = (1.0 / 120.0 - x * (1.0 / 720.0)) + two * (1.0 / 5040.0);
    x * (low + two * two * high)
}

/// `x`, or zero where `x` is too small to matter ever again.
#[inline]
pub fn without_dust(x: f64) -> f64 {
    if x.abs() < DUST { 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::super::testing::assert_near;
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_cheap_path_is_the_exponential(decade in -18.0..2.8_f64) {
            let x = libm::exp10(decade);
            let age = ageing(x);
            assert_near(age.gain, -exp_m1(-x), 4e-14, 0.0);
            assert_near(age.keep, exp(-x), 1e-15, 1e-300);
        }
    }

    #[test]
    fn the_cheap_path_is_exact_to_its_end() {
        assert_near(ageing(NEAR).gain, -exp_m1(-NEAR), 3e-16, 0.0);
        assert_near(ageing(1e-12).gain, -exp_m1(-1e-12), 3e-16, 0.0);
    }

    #[test]
    fn time_that_did_not_pass_ages_nothing() {
        for x in [0.0, -0.0, -5.0, f64::NEG_INFINITY, f64::NAN] {
            assert_eq!(ageing(x), Ageing { keep: 1.0, gain: 0.0 }, "{x}");
        }
        assert_eq!(ageing(f64::INFINITY), Ageing { keep: 0.0, gain: 1.0 });
    }

    /// Bits written down once: they must be the same on every machine.
    #[test]
    fn bits_are_the_same_everywhere() {
        let got = [exp(-1.3), exp_m1(1e-9), ln(0.7), ln_1p(1e-9), log_ratio(99.0, 101.0), ageing(1e-3).gain];
        let want = [
            4_598_581_116_244_124_289_u64,
            4_472_406_533_632_408_401,
            13_823_468_941_351_141_200,
            4_472_406_533_627_572_697,
            13_804_794_057_951_348_124,
            4_562_252_203_842_782_348,
        ];
        assert_eq!(got.map(f64::to_bits), want);
    }

    #[test]
    fn what_is_no_number_is_not_usable() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e101, f64::MAX] {
            assert!(!usable(x) && !usable(-x), "{x}");
        }
        assert!([0.0, -0.0, 5e-324, 1e12, -LIMIT].into_iter().all(usable));
        assert_near(without_dust(1e-201), 0.0, 0.0, 0.0);
        assert_near(without_dust(-1e-199), -1e-199, 0.0, 0.0);
    }
}
