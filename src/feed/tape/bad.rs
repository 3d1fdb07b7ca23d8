//! Lines that were refused: how many, why, and where the first ones stand.

use std::collections::BTreeMap;
use std::fmt;

use crate::event::BadNumber;
use crate::feed::venue;

/// How many places of bad lines are kept for the message.
const FIRST_MAX: usize = 5;

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// More or fewer columns than the format has.
    Columns,
    /// Not a time, or outside 2009 to 2100.
    Time,
    /// A time in another unit than those of the rows before it.
    MixedUnits,
    /// A number of which nobody says the unit.
    UnknownUnit,
    /// Text where a number belongs.
    NotANumber,
    /// NaN or infinite.
    NotFinite,
    /// Zero or below where only positive values have a meaning.
    NotPositive,
    /// Beyond what any market has ever printed.
    OutOfRange,
    /// Neither `buy` nor `sell`, nor `unknown` where that is allowed.
    Side,
    /// A symbol with characters that no venue uses, empty, or too long.
    Symbol,
    /// A venue outside `[a-z0-9-]`, empty, or too long.
    Venue,
    /// One market too many: see [`super::MARKETS_MAX`].
    TooManyMarkets,
    /// A bar whose close does not lie between its low and its high.
    Incoherent,
    /// A line beyond [`super::LINE_MAX`].
    LineTooLong,
    /// The line in which a damaged file ended.
    Cut,
    /// Not JSON, or cut short.
    BadJson,
    /// A frame without a field it must have.
    MissingField,
    /// A frame with a field twice.
    DuplicateField,
    /// A field of another type than it should have.
    WrongType,
    /// A frame of a market that its own name does not describe.
    UnknownMarket,
    /// A frame of no known kind.
    UnknownKind,
}

impl Reason {
    /// Every reason, in order.
    pub const ALL: [Self; 21] = [
        Self::Columns,
        Self::Time,
        Self::MixedUnits,
        Self::UnknownUnit,
        Self::NotANumber,
        Self::NotFinite,
        Self::NotPositive,
        Self::OutOfRange,
        Self::Side,
        Self::Symbol,
        Self::Venue,
        Self::TooManyMarkets,
        Self::Incoherent,
        Self::LineTooLong,
        Self::Cut,
        Self::BadJson,
        Self::MissingField,
        Self::DuplicateField,
        Self::WrongType,
        Self::UnknownMarket,
        Self::UnknownKind,
    ];

    /// The reason as a metric label and a key of `tape info`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Time => "time",
            Self::MixedUnits => "mixed_units",
            Self::UnknownUnit => "unknown_unit",
            Self::NotANumber => "not_a_number",
            Self::NotFinite => BadNumber::NotFinite.reason(),
            Self::NotPositive => BadNumber::NotPositive.reason(),
            Self::OutOfRange => BadNumber::OutOfRange.reason(),
            Self::Side => "side",
            Self::Symbol => "symbol",
            Self::Venue => "venue",
            Self::TooManyMarkets => "too_many_markets",
            Self::Incoherent => "incoherent",
            Self::LineTooLong => "line_too_long",
            Self::Cut => "cut",
            Self::BadJson => "bad_json",
            Self::MissingField => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::WrongType => "wrong_type",
            Self::UnknownMarket => "unknown_market",
            Self::UnknownKind => "unknown_kind",
        }
    }
}

impl From<venue::Reason> for Reason {
    fn from(refused: venue::Reason) -> Self {
        match refused {
            venue::Reason::BadJson => Self::BadJson,
            venue::Reason::MissingField => Self::MissingField,
            venue::Reason::DuplicateField => Self::DuplicateField,
            venue::Reason::WrongType => Self::WrongType,
            venue::Reason::BadNumber => Self::NotANumber,
            venue::Reason::NotFinite => Self::NotFinite,
            venue::Reason::NotPositive => Self::NotPositive,
            venue::Reason::OutOfRange => Self::OutOfRange,
            venue::Reason::UnknownMarket => Self::UnknownMarket,
            venue::Reason::UnknownKind => Self::UnknownKind,
            venue::Reason::TooLarge => Self::LineTooLong,
        }
    }
}

impl From<BadNumber> for Reason {
    fn from(bad: BadNumber) -> Self {
        match bad {
            BadNumber::NotFinite => Self::NotFinite,
            BadNumber::NotPositive => Self::NotPositive,
            BadNumber::OutOfRange => Self::OutOfRange,
        }
    }
}

/// Refused lines by reason, with the places of the first few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadCounts {
    counts: [u64; Reason::ALL.len()],
    first: Vec<(u64, Reason)>,
}

impl BadCounts {
    /// Counts the line at `line` (from 1).
    pub fn count(&mut self, line: u64, reason: Reason) {
        if let Some(count) = self.counts.get_mut(reason as usize) {
            *count += 1;
        }
        if self.first.len() < FIRST_MAX {
            self.first.push((line, reason));
        }
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many, by name of the reason; reasons that never occurred are left out.
    pub fn by_reason(&self) -> BTreeMap<&'static str, u64> {
        Reason::ALL
            .iter()
            .zip(self.counts)
            .filter(|&(_, count)| count > 0)
            .map(|(why, count)| (why.name(), count))
            .collect()
    }

    /// The first few: line (from 1) and reason.
    pub fn first(&self) -> &[(u64, Reason)] {
        &self.first
    }
}

/// `3 bad lines (columns 2, time 1), first at line 7 (columns), 9 (time), 12 (columns)`
impl fmt::Display for BadCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reasons: Vec<_> = self.by_reason().iter().map(|(name, count)| format!("{name} {count}")).collect();
        let places: Vec<_> = self.first.iter().map(|(line, why)| format!("{line} ({})", why.name())).collect();
        write!(f, "{} bad lines", self.total())?;
        if !places.is_empty() {
            write!(f, " ({}), first at line {}", reasons.join(", "), places.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_in_order_and_have_names_of_their_own() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
        let names: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
    }

    #[test]
    fn a_flood_of_bad_lines_keeps_all_counts_and_a_few_places() {
        let mut bad = BadCounts::default();
        (1..=1_000).for_each(|line| bad.count(line, Reason::Time));
        bad.count(1_001, Reason::Side);
        assert_eq!(bad.total(), 1_001);
        assert_eq!(bad.first().len(), FIRST_MAX);
        assert_eq!(
            bad.to_string(),
            "1001 bad lines (side 1, time 1000), first at line 1 (time), 2 (time), 3 (time), 4 (time), 5 (time)"
        );
    }
}
