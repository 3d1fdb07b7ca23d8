//! Why a frame was refused: a short list of reasons, so that every one can be counted.

use crate::event::{BadNumber, MarketId};

/// The reason, as counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Not JSON, not UTF-8, or cut short.
    BadJson,
    /// A field is not there.
    MissingField,
    /// A field stands there twice.
    DuplicateField,
    /// A field holds another type than it should.
    WrongType,
    /// Text where a decimal number or a time should be.
    BadNumber,
    /// Not a number, or infinite.
    NotFinite,
    /// Zero or below where only positive values have a meaning.
    NotPositive,
    /// A number or a time that cannot be.
    OutOfRange,
    /// A market that nobody asked for.
    UnknownMarket,
    /// A message of no known kind.
    UnknownKind,
    /// More bytes than a frame may have.
    TooLarge,
}

impl Reason {
    /// Every reason, in order.
    pub const ALL: [Self; 11] = [
        Self::BadJson,
        Self::MissingField,
        Self::DuplicateField,
        Self::WrongType,
        Self::BadNumber,
        Self::NotFinite,
        Self::NotPositive,
        Self::OutOfRange,
        Self::UnknownMarket,
        Self::UnknownKind,
        Self::TooLarge,
    ];

    /// The reason as a metric label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::MissingField => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::WrongType => "wrong_type",
            Self::BadNumber => "bad_number",
            Self::NotFinite => "not_finite",
            Self::NotPositive => "not_positive",
            Self::OutOfRange => "out_of_range",
            Self::UnknownMarket => "unknown_market",
            Self::UnknownKind => "unknown_kind",
            Self::TooLarge => "too_large",
        }
    }

    /// The refusal of a frame that named `market`.
    pub const fn at(self, market: MarketId) -> Refusal {
        Refusal { reason: self, market: Some(market) }
    }

    /// What a fault of the JSON reader means. Reads the fault's words: this is the cold path, and serde has no codes.
    pub fn of_json(fault: &serde_json::Error) -> Self {
        let words = fault.to_string();
        if words.starts_with("missing field") {
            Self::MissingField
        } else if words.starts_with("duplicate field") {
            Self::DuplicateField
        } else if words.starts_with("number out of range") {
            Self::OutOfRange
        } else if fault.is_data() {
            Self::WrongType
        } else {
            Self::BadJson
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

/// A frame was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The market it named, where it got that far.
    pub market: Option<MarketId>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, market: None }
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn reasons_stand_in_the_order_of_the_list() {
        for (place, reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, place);
        }
    }
}
