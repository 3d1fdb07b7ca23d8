//! What markets tell us: one cache line an event, and numbers that cannot be nonsense.
//!
//! Everything left of the engine makes these; nothing here knows a venue, a clock or a file.

#[cfg(feature = "daemon")]
use serde::{Deserialize, Serialize};

/// Nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub struct Nanos(pub i64);

impl Nanos {
    /// Nanoseconds in one second.
    pub const SECOND: i64 = 1_000_000_000;

    /// Whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(Self::SECOND))
    }

    /// Whole milliseconds since the epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    /// Whole microseconds since the epoch.
    pub const fn from_micros(us: i64) -> Self {
        Self(us.saturating_mul(1_000))
    }

    /// Seconds from `earlier` to here; negative when `earlier` is later.
    pub fn secs_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / Self::SECOND as f64
    }

    /// This instant plus `secs` seconds, saturating.
    #[must_use]
    pub fn plus_secs(self, secs: f64) -> Self {
        Self(self.0.saturating_add((secs * Self::SECOND as f64) as i64))
    }
}

/// `2025-10-10T21:15:03.123456Z`, in whole microseconds.
impl std::fmt::Display for Nanos {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secs = self.0.div_euclid(Self::SECOND);
        let micros = self.0.rem_euclid(Self::SECOND) / 1000;
        let (day, second) = (secs.div_euclid(86_400), secs.rem_euclid(86_400));
        let (year, month, date) = civil(day);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// Year, month and day of a day since 1970-01-01 in the proleptic Gregorian calendar; years begin in March here, so that
/// the leap day is the last of its year.
const fn civil(day: i64) -> (i64, i64, i64) {
    let from_march_0000 = day + 719_468;
    let era = from_march_0000.div_euclid(146_097);
    let of_era = from_march_0000.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as i64;
    (year, month, date)
}

/// A number that was refused at the edge, with the reason it is counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BadNumber {
    /// Not a number, or infinite.
    NotFinite,
    /// Zero or below where only positive values have a meaning.
    NotPositive,
    /// Finite and positive, yet outside what any market has ever printed.
    OutOfRange,
}

impl BadNumber {
    /// The reason as a metric label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotFinite => "not_finite",
            Self::NotPositive => "not_positive",
            Self::OutOfRange => "out_of_range",
        }
    }
}

/// A price in quote currency: finite, above zero, between 1e-12 and 1e15.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
#[cfg_attr(feature = "daemon", derive(Serialize))]
pub struct Price(f64);

impl Price {
    /// The smallest price taken.
    pub const MIN: f64 = 1e-12;
    /// The largest price taken.
    pub const MAX: f64 = 1e15;

    /// Takes a price, or says why not.
    pub fn new(value: f64) -> Result<Self, BadNumber> {
        if !value.is_finite() {
            Err(BadNumber::NotFinite)
        } else if value <= 0.0 {
            Err(BadNumber::NotPositive)
        } else if (Self::MIN..=Self::MAX).contains(&value) {
            Ok(Self(value))
        } else {
            Err(BadNumber::OutOfRange)
        }
    }

    /// The price as a number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A quantity in the venue's own unit (base coin or contracts): finite, zero or above, at most 1e18.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
#[cfg_attr(feature = "daemon", derive(Serialize))]
pub struct Qty(f64);

impl Qty {
    /// The largest quantity taken.
    pub const MAX: f64 = 1e18;
    /// Nothing at all: an empty side of a book.
    pub const ZERO: Self = Self(0.0);

    /// Takes a quantity above zero: what a trade or a liquidation has.
    pub fn positive(value: f64) -> Result<Self, BadNumber> {
        if value == 0.0 { Err(BadNumber::NotPositive) } else { Self::new(value) }
    }

    /// Takes a quantity of zero or more: what a side of a book may have.
    pub fn new(value: f64) -> Result<Self, BadNumber> {
        if !value.is_finite() {
            Err(BadNumber::NotFinite)
        } else if value < 0.0 || value.is_sign_negative() {
            Err(BadNumber::NotPositive)
        } else if value <= Self::MAX {
            Ok(Self(value))
        } else {
            Err(BadNumber::OutOfRange)
        }
    }

    /// The quantity as a number.
    pub const fn get(self) -> f64 {
        self.0
    }
}

#[cfg(feature = "daemon")]
mod checked {
    use super::{Deserialize, Price, Qty};
    use serde::{Deserializer, de::Error};

    pub(super) fn finite<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
        let value = f64::deserialize(d)?;
        if value.is_finite() { Ok(value) } else { Err(D::Error::custom("not_finite")) }
    }

    pub(super) fn positive<'de, D: Deserializer<'de>>(d: D) -> Result<Qty, D::Error> {
        Qty::positive(f64::deserialize(d)?).map_err(|bad| D::Error::custom(bad.reason()))
    }

    impl<'de> Deserialize<'de> for Price {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            Self::new(f64::deserialize(d)?).map_err(|bad| D::Error::custom(bad.reason()))
        }
    }

    impl<'de> Deserialize<'de> for Qty {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            Self::new(f64::deserialize(d)?).map_err(|bad| D::Error::custom(bad.reason()))
        }
    }
}

/// A market's place in the table of markets; see [`crate::market::Markets`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub struct MarketId(pub u32);

/// The side that took liquidity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub enum Aggressor {
    /// The buyer crossed the spread.
    Buy,
    /// The seller crossed the spread.
    Sell,
    /// The venue does not say.
    Unknown,
}

/// Whose position was closed by force. Never "side": venues disagree on what side means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub enum Liquidated {
    /// A long was sold out.
    Long,
    /// A short was bought in.
    Short,
}

/// How much of the truth a venue's liquidation stream carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
#[cfg_attr(feature = "daemon", serde(rename_all = "lowercase"))]
pub enum Completeness {
    /// Every liquidation.
    Full,
    /// The latest one of each second and symbol.
    Sampled,
    /// Some, by no stated rule.
    Partial,
    /// The venue publishes none.
    None,
}

/// What the price of a liquidation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub enum PriceMeaning {
    /// The limit of the order that the venue sent.
    Order,
    /// The average price it was filled at.
    Fill,
    /// The bankruptcy price of the position.
    Bankruptcy,
}

/// What a venue says of its own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub enum VenueStatus {
    /// Trading as usual.
    Online,
    /// Only cancels are taken.
    CancelOnly,
    /// Only resting orders are taken.
    PostOnly,
    /// Closed.
    Maintenance,
}

/// What happened, with the numbers that belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub enum Body {
    /// A trade, or several at one price by one taker.
    Trade {
        /// Price of the trade.
        price: Price,
        /// Quantity in the venue's unit.
        #[cfg_attr(feature = "daemon", serde(deserialize_with = "checked::positive"))]
        qty: Qty,
        /// The venue's id, for dedupe; 0 where there is none.
        id: u64,
        /// Who took.
        aggressor: Aggressor,
    },
    /// A position closed by force.
    Liquidation {
        /// Price, of the meaning beside it.
        price: Price,
        /// Quantity in the venue's unit.
        #[cfg_attr(feature = "daemon", serde(deserialize_with = "checked::positive"))]
        qty: Qty,
        /// Whose position.
        liquidated: Liquidated,
        /// What the price means.
        meaning: PriceMeaning,
        /// What this stream leaves out.
        completeness: Completeness,
    },
    /// Best bid and ask.
    Quote {
        /// Best bid.
        bid: Price,
        /// Quantity at the bid.
        bid_qty: Qty,
        /// Best ask.
        ask: Price,
        /// Quantity at the ask.
        ask_qty: Qty,
    },
    /// Quantity resting within 10 basis points of the mid, as far as the venue's stream shows the book: where its levels end
    /// nearer than that, there is more.
    Depth {
        /// On the bid side.
        bid_qty: Qty,
        /// On the ask side.
        ask_qty: Qty,
    },
    /// The mark price that margins are computed from.
    Mark {
        /// The price.
        price: Price,
    },
    /// The index behind the mark.
    Index {
        /// The price.
        price: Price,
    },
    /// The funding rate of the current period, as a fraction (0.0001 = 1 bp); any finite value.
    Funding {
        /// The rate.
        #[cfg_attr(feature = "daemon", serde(deserialize_with = "checked::finite"))]
        rate: f64,
    },
    /// Open interest.
    OpenInterest {
        /// In the venue's unit.
        qty: Qty,
    },
    /// Mark implied volatility of an option, as a fraction a year (0.6 = 60 %).
    MarkIv {
        /// The volatility.
        iv: Price,
    },
    /// A volatility index, in its own points.
    VolatilityIndex {
        /// The level.
        level: Price,
    },
    /// What the venue says of itself.
    Status {
        /// The state.
        status: VenueStatus,
    },
}

/// The kinds of event, for counts and labels. Same order as [`Body`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[allow(missing_docs, reason = "the same words as Body, documented there")]
pub enum Kind {
    Trade,
    Liquidation,
    Quote,
    Depth,
    Mark,
    Index,
    Funding,
    OpenInterest,
    MarkIv,
    VolatilityIndex,
    Status,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 11] = [
        Self::Trade,
        Self::Liquidation,
        Self::Quote,
        Self::Depth,
        Self::Mark,
        Self::Index,
        Self::Funding,
        Self::OpenInterest,
        Self::MarkIv,
        Self::VolatilityIndex,
        Self::Status,
    ];

    /// The kind as a metric label and a key of `tape info`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trades",
            Self::Liquidation => "liquidations",
            Self::Quote => "quotes",
            Self::Depth => "depths",
            Self::Mark => "marks",
            Self::Index => "indexes",
            Self::Funding => "fundings",
            Self::OpenInterest => "open_interests",
            Self::MarkIv => "mark_ivs",
            Self::VolatilityIndex => "volatility_indexes",
            Self::Status => "statuses",
        }
    }
}

impl Body {
    /// Which kind this is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Trade { .. } => Kind::Trade,
            Self::Liquidation { .. } => Kind::Liquidation,
            Self::Quote { .. } => Kind::Quote,
            Self::Depth { .. } => Kind::Depth,
            Self::Mark { .. } => Kind::Mark,
            Self::Index { .. } => Kind::Index,
            Self::Funding { .. } => Kind::Funding,
            Self::OpenInterest { .. } => Kind::OpenInterest,
            Self::MarkIv { .. } => Kind::MarkIv,
            Self::VolatilityIndex { .. } => Kind::VolatilityIndex,
            Self::Status { .. } => Kind::Status,
        }
    }
}

/// One thing a market said. Exactly one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
#[repr(align(64))]
pub struct Event {
    /// When the venue says it happened.
    pub venue_at: Nanos,
    /// When it reached us; the engine's time is the largest of these so far.
    pub recv_at: Nanos,
    /// Where.
    pub market: MarketId,
    /// What.
    pub body: Body,
}

const _: () = assert!(size_of::<Event>() == 64 && align_of::<Event>() == 64);

/// One bar, known at its close and never before.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "daemon", derive(Serialize, Deserialize))]
pub struct Bar {
    /// Where.
    pub market: MarketId,
    /// First instant of the bar.
    pub open_at: Nanos,
    /// The bar is known from here on: one past its last instant.
    pub close_at: Nanos,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Traded quantity in the venue's unit.
    pub volume: Qty,
    /// Quantity that buyers took.
    pub taker_buy: Qty,
    /// Number of trades.
    pub trades: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_refused_by_reason() {
        for (value, want) in [
            (f64::NAN, BadNumber::NotFinite),
            (f64::INFINITY, BadNumber::NotFinite),
            (f64::NEG_INFINITY, BadNumber::NotFinite),
            (0.0, BadNumber::NotPositive),
            (-0.0, BadNumber::NotPositive),
            (-5.0, BadNumber::NotPositive),
            (1e-300, BadNumber::OutOfRange),
            (1e300, BadNumber::OutOfRange),
        ] {
            assert_eq!(Price::new(value), Err(want), "{value}");
        }
        assert_eq!(Qty::new(-0.0), Err(BadNumber::NotPositive));
        assert_eq!(Qty::positive(0.0), Err(BadNumber::NotPositive));
        assert_eq!(Qty::new(0.0), Ok(Qty::ZERO));
    }

    #[cfg(feature = "daemon")]
    #[test]
    fn no_recording_brings_a_rate_that_is_no_number() {
        for rate in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let bytes = postcard::to_stdvec(&Body::Funding { rate }).expect("memory");
            assert!(postcard::from_bytes::<Body>(&bytes).is_err(), "{rate}");
        }
        let fine = Body::Funding { rate: -0.0003 };
        assert_eq!(postcard::from_bytes(&postcard::to_stdvec(&fine).expect("memory")), Ok(fine));
    }

    #[cfg(feature = "daemon")]
    #[test]
    fn no_recording_brings_a_trade_of_nothing() {
        let body = |qty| {
            let (price, aggressor) = (Price(4.2), Aggressor::Sell);
            postcard::to_stdvec(&Body::Trade { price, qty, id: 1, aggressor }).expect("memory")
        };
        assert!(postcard::from_bytes::<Body>(&body(Qty(1.0))).is_ok());
        for qty in [Qty::ZERO, Qty(-0.0), Qty(-1.0), Qty(f64::NAN)] {
            assert!(postcard::from_bytes::<Body>(&body(qty)).is_err(), "{qty:?}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (secs, want) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_760_130_903, "2025-10-10T21:15:03.000000Z"),
            (-1, "1969-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(Nanos::from_secs(secs).to_string(), want);
        }
    }

    #[test]
    fn names_stand_in_the_order_of_the_kinds() {
        for (place, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place);
        }
    }
}
