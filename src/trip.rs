//! A trip: one detector's score reached its limit, at a time, in a market, with the evidence for it.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::{MarketId, Nanos};
use crate::market::{AssetId, Markets, VenueId};

/// Where a trip, a rule or a permission applies. From small to large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// One market of one venue.
    Market(MarketId),
    /// Every market of a venue.
    Venue(VenueId),
    /// Every market of an asset, on all venues.
    Asset(AssetId),
    /// All there is.
    Everything,
}

impl Scope {
    /// The wire name: `market:binance-coinm:DOTUSD_PERP`, `venue:binance-coinm`, `asset:DOT`, `everything`.
    pub fn name(self, markets: &Markets) -> String {
        match self {
            Self::Market(id) => format!("market:{}", markets.name(id)),
            Self::Venue(id) => format!("venue:{}", name_at(markets.venues(), id.0)),
            Self::Asset(id) => format!("asset:{}", name_at(markets.assets(), id.0)),
            Self::Everything => "everything".to_owned(),
        }
    }

    /// The scope of a wire name; a bare `venue:NATIVE` is read as a market.
    pub fn parse(name: &str, markets: &Markets) -> Option<Self> {
        if name == "everything" {
            return Some(Self::Everything);
        }
        let place = |list: &[String], want: &str| list.iter().position(|n| n == want).map(|p| p as u32);
        match name.split_once(':')? {
            ("market", rest) => markets.find(rest).map(Self::Market),
            ("venue", rest) => place(markets.venues(), rest).map(|p| Self::Venue(VenueId(p))),
            ("asset", rest) => place(markets.assets(), rest).map(|p| Self::Asset(AssetId(p))),
            _ => markets.find(name).map(Self::Market),
        }
    }

    /// Whether a market lies inside.
    pub fn holds(self, market: MarketId, markets: &Markets) -> bool {
        let groups = markets.groups(market);
        match self {
            Self::Market(id) => id == market,
            Self::Venue(id) => groups.is_some_and(|(venue, _)| venue == id),
            Self::Asset(id) => groups.is_some_and(|(_, asset)| asset == id),
            Self::Everything => true,
        }
    }
}

fn name_at(names: &[String], place: u32) -> &str {
    names.get(place as usize).map_or("?", String::as_str)
}

/// How bad an incident is: 1 is the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Severity(pub u8);

/// Which way the market went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Prices fell, or longs were sold out.
    Down,
    /// Prices rose, or shorts were bought in.
    Up,
    /// Neither: volatility, silence, doubt.
    None,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::None => "none",
        })
    }
}

/// One number a person can check, with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    /// What was measured.
    pub name: Cow<'static, str>,
    /// The number; always finite.
    pub value: f64,
    /// Its unit: `s`, `%`, `bp`, `USD`, `sigma`, or empty for a plain count or ratio.
    pub unit: Cow<'static, str>,
}

/// Why a detector tripped: a few measures in reading order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence(pub Vec<Measure>);

impl Evidence {
    /// Adds a measure; one that is not finite is left out, for JSON cannot carry it.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: f64, unit: &'static str) -> Self {
        if value.is_finite() {
            self.0.push(Measure { name: name.into(), value, unit: unit.into() });
        }
        self
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, measure) in self.0.iter().enumerate() {
            let gap = if place == 0 { "" } else { ", " };
            let unit = if measure.unit.is_empty() { "" } else { " " };
            write!(f, "{gap}{} {}{unit}{}", measure.name, short(measure.value), measure.unit)?;
        }
        Ok(())
    }
}

/// Four significant digits, for people.
pub fn short(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    if !(1e-4..1e9).contains(&size) {
        return format!("{value:.3e}");
    }
    let places = match size {
        s if s >= 1000.0 => 0,
        s if s >= 100.0 => 1,
        s if s >= 10.0 => 2,
        s if s >= 1.0 => 3,
        s if s >= 0.1 => 4,
        _ => 6,
    };
    let text = format!("{value:.places$}");
    if places == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
}

/// One detector's score reached its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trip {
    /// Engine time.
    pub at: Nanos,
    /// Market the score belongs to.
    pub market: MarketId,
    /// Detector, as in the table of detectors.
    pub detector: Cow<'static, str>,
    /// Leg of the detector, as in `down-300s`.
    pub leg: Cow<'static, str>,
    /// Which way.
    pub direction: Direction,
    /// The score; trips at `score >= limit`.
    pub score: f64,
    /// The limit.
    pub limit: f64,
    /// Once in so many seconds at this market; `None` while no history supports a statement.
    pub return_period_secs: Option<f64>,
    /// What a person should see.
    pub evidence: Evidence,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_like_a_person_writes_them() {
        let shown: Vec<_> = [0.0, 12_345.6, 123.456, 12.3456, 1.5, 0.5, 0.000_123, 1e-9, 2e12].map(short).into();
        assert_eq!(shown, ["0", "12346", "123.5", "12.35", "1.5", "0.5", "0.000123", "1.000e-9", "2.000e12"]);
    }

    #[test]
    fn evidence_keeps_only_what_json_can_carry() {
        let evidence = Evidence::default().with("fall", 5.25, "%").with("odd", f64::NAN, "").with("hits", 3.0, "");
        assert_eq!(evidence.to_string(), "fall 5.25 %, hits 3");
    }
}
