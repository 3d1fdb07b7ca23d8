//! The stats room: numbers in, numbers out. No clock, no I/O, no market, no allocation after `new`.
//!
//! What every piece promises:
//!
//! - **Time is an argument**: seconds since the last call (`dt_secs`), or nanoseconds since the epoch (`at_ns`). Time that
//!   runs backwards counts as no time.
//! - **A number that is no number changes nothing**: whatever [`math::usable`] refuses (NaN, infinities, beyond 1e100) is
//!   refused whole, value and time together, so the state equals that of a stream without it.
//! - **No state is ever NaN or infinite**, whatever comes in, in any order.
//! - **Same calls, same bits, on any machine**, also across a snapshot: transcendentals come from [`math`] (libm) and every
//!   state round-trips through serde bit by bit.
//!
//! [`normal`] alone stands outside the last promise: it is for setting limits, off the hot path, and its results enter
//! the engine as inputs.

pub mod math;

// How large is a move: scales, windows, levels.
pub mod ewma;
pub mod extremes;
pub mod rolling;
pub mod scale;

// How rare is what arrives: events, slow changes, silence.
pub mod cusum;
pub mod gaps;
pub mod hawkes;
pub mod occupancy;

// How unlike the past are many together.
pub mod cholesky;
pub mod turbulence;

// How high must a limit be.
pub mod normal;

#[cfg(test)]
mod testing;
