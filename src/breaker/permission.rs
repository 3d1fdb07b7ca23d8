//! What a trading engine may do: stance, sides, size, notional, collar; and the meet that combines them.

#[cfg(feature = "daemon")]
use serde::{Deserialize, Serialize};

/// How careful. Ordered: a later one is stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
#[repr(u8)]
pub enum Stance {
    /// Everything passes.
    #[default]
    Normal = 0,
    /// Opening passes within sides, size and collar.
    Caution = 1,
    /// Only what brings position plus working orders nearer to zero.
    ReduceOnly = 2,
    /// Only an exit that reduces, and cancels.
    Halt = 3,
}

impl Stance {
    /// All four, from loose to strict.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Caution, Self::ReduceOnly, Self::Halt];

    /// The stance of a wire byte; `None` for anything that is not one.
    pub const fn from_u8(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Normal),
            1 => Some(Self::Caution),
            2 => Some(Self::ReduceOnly),
            3 => Some(Self::Halt),
            _ => None,
        }
    }

    /// The word used in config, metrics, records and the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Caution => "Caution",
            Self::ReduceOnly => "ReduceOnly",
            Self::Halt => "Halt",
        }
    }

    /// The stance of a word, in any case; `reduce_only` and `reduce-only` too.
    pub fn parse(word: &str) -> Option<Self> {
        let plain: String = word.chars().filter(|c| !matches!(c, '_' | '-')).collect();
        Self::ALL.into_iter().find(|stance| stance.name().eq_ignore_ascii_case(&plain))
    }
}

/// Which sides new risk may be taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub struct Sides {
    /// Buying may open.
    pub buy: bool,
    /// Selling may open.
    pub sell: bool,
}

impl Sides {
    /// Both sides.
    pub const BOTH: Self = Self { buy: true, sell: true };
    /// Neither side.
    pub const NONE: Self = Self { buy: false, sell: false };
    /// Buying only.
    pub const BUY: Self = Self { buy: true, sell: false };
    /// Selling only.
    pub const SELL: Self = Self { buy: false, sell: true };
}

/// What is allowed. Fields are private to keep every value in range: factor in [0, 1], maximum at or
/// above 0, collar without NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub struct Permission {
    stance: Stance,
    sides: Sides,
    #[cfg_attr(feature = "daemon", serde(deserialize_with = "bounded::share"))]
    size_factor: f64,
    #[cfg_attr(feature = "daemon", serde(with = "unbounded"))]
    max_notional: f64,
    #[cfg_attr(feature = "daemon", serde(deserialize_with = "bounded::from_zero"))]
    collar_low: f64,
    #[cfg_attr(feature = "daemon", serde(with = "unbounded"))]
    collar_high: f64,
}

impl Permission {
    /// Everything is allowed: the neutral element of the meet.
    pub const FREE: Self = Self {
        stance: Stance::Normal,
        sides: Sides::BOTH,
        size_factor: 1.0,
        max_notional: f64::INFINITY,
        collar_low: 0.0,
        collar_high: f64::INFINITY,
    };

    /// Nothing but exits and cancels: what silence, doubt and damage read as.
    pub const HALT: Self = Self { stance: Stance::Halt, ..Self::FREE };

    /// A permission of one stance, otherwise free.
    pub const fn of(stance: Stance) -> Self {
        Self { stance, ..Self::FREE }
    }

    /// With the sides narrowed to `sides`.
    #[must_use]
    pub const fn with_sides(self, sides: Sides) -> Self {
        Self { sides, ..self }
    }

    /// With a size factor; outside [0, 1] or NaN becomes the nearest bound, NaN the strict one.
    #[must_use]
    pub fn with_size_factor(self, factor: f64) -> Self {
        let size_factor = if factor.is_nan() { 0.0 } else { factor.clamp(0.0, 1.0) };
        Self { size_factor, ..self }
    }

    /// With a maximum notional in quote currency an order; NaN or below zero becomes 0.
    #[must_use]
    pub fn with_max_notional(self, max: f64) -> Self {
        let max_notional = if max.is_nan() { 0.0 } else { max.max(0.0) };
        Self { max_notional, ..self }
    }

    /// With a price collar; NaN closes that side of it.
    #[must_use]
    pub fn with_collar(self, low: f64, high: f64) -> Self {
        let collar_low = if low.is_nan() { f64::MAX } else { low.clamp(0.0, f64::MAX) };
        let collar_high = if high.is_nan() { 0.0 } else { high.max(0.0) };
        Self { collar_low, collar_high, ..self }
    }

    /// How careful.
    pub const fn stance(&self) -> Stance {
        self.stance
    }

    /// Sides that may open.
    pub const fn sides(&self) -> Sides {
        self.sides
    }

    /// Factor on the engine's own order size, in [0, 1].
    pub const fn size_factor(&self) -> f64 {
        self.size_factor
    }

    /// Largest notional of one order, in quote currency; infinite when there is none.
    pub const fn max_notional(&self) -> f64 {
        self.max_notional
    }

    /// Lowest price an opening or reducing order may have.
    pub const fn collar_low(&self) -> f64 {
        self.collar_low
    }

    /// Highest price an opening or reducing order may have.
    pub const fn collar_high(&self) -> f64 {
        self.collar_high
    }

    /// Both at once: field by field the stricter. Commutative, associative, idempotent.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self {
            stance: self.stance.max(other.stance),
            sides: Sides { buy: self.sides.buy && other.sides.buy, sell: self.sides.sell && other.sides.sell },
            size_factor: self.size_factor.min(other.size_factor),
            max_notional: self.max_notional.min(other.max_notional),
            collar_low: self.collar_low.max(other.collar_low),
            collar_high: self.collar_high.min(other.collar_high),
        }
    }

    /// Whether this allows nothing that `other` does not: equal or stricter in every field.
    #[allow(clippy::float_cmp, reason = "meet returns one of its two arguments bit by bit")]
    pub fn at_least_as_strict_as(&self, other: &Self) -> bool {
        self.meet(*other) == *self
    }
}

/// JSON has no infinity; an absent bound is written as null.
#[cfg(feature = "daemon")]
mod unbounded {
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(value: &f64, s: S) -> Result<S::Ok, S::Error> {
        if value.is_finite() { s.serialize_some(value) } else { s.serialize_none() }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        let value = Option::<f64>::deserialize(d)?.unwrap_or(f64::INFINITY);
        super::bounded::within(value, f64::INFINITY)
    }
}

/// What is read keeps the ranges that the builders keep: a recording or a snapshot may come from anywhere.
#[cfg(feature = "daemon")]
mod bounded {
    use serde::{Deserialize, Deserializer, de::Error};

    pub(super) fn share<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        within(f64::deserialize(d)?, 1.0)
    }

    pub(super) fn from_zero<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        within(f64::deserialize(d)?, f64::MAX)
    }

    /// NaN lies nowhere.
    pub(super) fn within<E: Error>(value: f64, max: f64) -> Result<f64, E> {
        if (0.0..=max).contains(&value) { Ok(value) } else { Err(E::custom("out of range")) }
    }
}

#[cfg(all(test, feature = "daemon"))]
mod tests {
    use super::*;

    /// Stance, sides, factor, maximum, collar, as they stand in a recording.
    type Plain = (Stance, Sides, f64, Option<f64>, f64, Option<f64>);

    fn read(factor: f64, max: Option<f64>, low: f64, high: Option<f64>) -> Result<Permission, postcard::Error> {
        let plain: Plain = (Stance::Caution, Sides::BOTH, factor, max, low, high);
        postcard::to_stdvec(&plain).and_then(|bytes| postcard::from_bytes(&bytes))
    }

    #[test]
    fn no_recording_brings_a_number_out_of_its_range() {
        let whole = Permission::of(Stance::Caution).with_size_factor(0.5).with_max_notional(1e6).with_collar(1.0, 2.0);
        assert_eq!(read(0.5, Some(1e6), 1.0, Some(2.0)), Ok(whole));
        assert_eq!(read(1.0, None, 0.0, None), Ok(Permission::of(Stance::Caution)));
        for bad in [f64::NAN, -1.0, f64::NEG_INFINITY, f64::INFINITY] {
            assert!(read(bad, None, 0.0, None).is_err(), "factor {bad}");
            assert!(read(1.0, None, bad, None).is_err(), "low {bad}");
        }
        assert!(read(1.001, None, 0.0, None).is_err());
        for bad in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert!(read(1.0, Some(bad), 0.0, None).is_err(), "maximum {bad}");
            assert!(read(1.0, None, 0.0, Some(bad)).is_err(), "high {bad}");
        }
    }
}
