//! The words of the columns that hold few different ones.

use crate::engine::Input;
use crate::event::{Aggressor, Completeness, Kind, Liquidated, PriceMeaning, VenueStatus};

/// An enum whose values are words of a column, in the order of its dictionary.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($value:ident => $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(in crate::feed::tape) enum $name {
            $($value,)+
        }

        impl $name {
            /// Every word, in order.
            pub(in crate::feed::tape) const WORDS: &[&str] = &[$($word),+];

            /// The value of a word.
            pub(super) fn of(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$value),)+
                    _ => None,
                }
            }
        }
    };
}

words! {
    /// What a row is.
    What {
        Trade => "trade",
        Liquidation => "liquidation",
        Quote => "quote",
        Depth => "depth",
        Mark => "mark",
        Index => "index",
        Funding => "funding",
        OpenInterest => "open_interest",
        MarkIv => "mark_iv",
        VolatilityIndex => "volatility_index",
        Status => "status",
        Bar => "bar",
        Tick => "tick",
        Probe => "probe",
        Feed => "feed",
        Bad => "bad",
        Command => "command",
        Stored => "stored",
        Delivery => "delivery",
        Snapshot => "snapshot",
        Lost => "lost",
        End => "end",
    }
}

impl What {
    /// What an input is.
    pub(super) const fn of_input(input: &Input) -> Self {
        match input {
            Input::Event(event) => match event.body.kind() {
                Kind::Trade => Self::Trade,
                Kind::Liquidation => Self::Liquidation,
                Kind::Quote => Self::Quote,
                Kind::Depth => Self::Depth,
                Kind::Mark => Self::Mark,
                Kind::Index => Self::Index,
                Kind::Funding => Self::Funding,
                Kind::OpenInterest => Self::OpenInterest,
                Kind::MarkIv => Self::MarkIv,
                Kind::VolatilityIndex => Self::VolatilityIndex,
                Kind::Status => Self::Status,
            },
            Input::Bar(_) => Self::Bar,
            Input::Tick(_) => Self::Tick,
            Input::Probe { .. } => Self::Probe,
            Input::Feed(_) => Self::Feed,
            Input::Bad { .. } => Self::Bad,
            Input::Command(_) => Self::Command,
            Input::Stored { .. } => Self::Stored,
            Input::Delivery(_) => Self::Delivery,
        }
    }
}

words! {
    /// How the venue's time of a dense row is told from the rows before it.
    By {
        Recv => "recv",
        Ms => "ms",
        Lag => "lag",
    }
}

/// The words of `side`, in the order of [`Aggressor`].
pub(in crate::feed::tape) const SIDES: &[&str] = &["buy", "sell", "unknown"];

/// The words of `liquidated`, in the order of [`Liquidated`].
pub(in crate::feed::tape) const LIQUIDATED: &[&str] = &["long", "short"];

/// The words of `terms`: price meaning and completeness of liquidations, states of venues, states of feeds.
pub(in crate::feed::tape) const TERMS: &[&str] = &[
    "order/full",
    "order/sampled",
    "order/partial",
    "order/none",
    "fill/full",
    "fill/sampled",
    "fill/partial",
    "fill/none",
    "bankruptcy/full",
    "bankruptcy/sampled",
    "bankruptcy/partial",
    "bankruptcy/none",
    "online",
    "cancel_only",
    "post_only",
    "maintenance",
    "connecting",
    "subscribed",
    "delivering",
    "down",
    "gap",
    "overflow",
    "late",
    "thin",
];

/// Where the states of venues begin among [`TERMS`].
const STATUSES: u8 = 12;

/// The side of a word.
pub(super) fn side(word: &str) -> Option<Aggressor> {
    match word {
        "buy" => Some(Aggressor::Buy),
        "sell" => Some(Aggressor::Sell),
        "unknown" => Some(Aggressor::Unknown),
        _ => None,
    }
}

/// Whose position a word means.
pub(super) fn liquidated(word: &str) -> Option<Liquidated> {
    match word {
        "long" => Some(Liquidated::Long),
        "short" => Some(Liquidated::Short),
        _ => None,
    }
}

/// The place of a liquidation's terms in [`TERMS`].
pub(super) const fn terms_of(meaning: PriceMeaning, completeness: Completeness) -> u8 {
    meaning as u8 * 4 + completeness as u8
}

/// The place of a status in [`TERMS`].
pub(super) const fn status_of(status: VenueStatus) -> u8 {
    STATUSES + status as u8
}

/// The place of a state of a feed in [`TERMS`].
pub(super) fn state_of(name: &str) -> Option<u8> {
    TERMS.iter().position(|word| *word == name).map(|place| place as u8)
}

/// What a place in [`TERMS`] says of a liquidation.
pub(super) fn liquidation_terms(place: u8) -> Option<(PriceMeaning, Completeness)> {
    let meaning = match place / 4 {
        0 => PriceMeaning::Order,
        1 => PriceMeaning::Fill,
        2 => PriceMeaning::Bankruptcy,
        _ => return None,
    };
    let completeness = match place % 4 {
        0 => Completeness::Full,
        1 => Completeness::Sampled,
        2 => Completeness::Partial,
        _ => Completeness::None,
    };
    Some((meaning, completeness))
}

/// What a place in [`TERMS`] says of a venue.
pub(super) const fn status(place: u8) -> Option<VenueStatus> {
    match place {
        12 => Some(VenueStatus::Online),
        13 => Some(VenueStatus::CancelOnly),
        14 => Some(VenueStatus::PostOnly),
        15 => Some(VenueStatus::Maintenance),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_in_the_order_of_their_values() {
        for (place, word) in What::WORDS.iter().enumerate() {
            assert_eq!(What::of(word).map(|what| what as usize), Some(place));
        }
        for (place, word) in SIDES.iter().enumerate() {
            assert_eq!(side(word).map(|side| side as usize), Some(place));
        }
        for (place, word) in LIQUIDATED.iter().enumerate() {
            assert_eq!(liquidated(word).map(|whose| whose as usize), Some(place));
        }
    }

    #[test]
    fn terms_read_back() {
        use crate::engine::FeedState::{Connecting, Delivering, Down, Gap, Late, Overflow, Subscribed, Thin};

        for place in 0..TERMS.len() as u8 {
            let both = liquidation_terms(place).map(|(meaning, completeness)| terms_of(meaning, completeness));
            let read = both.or_else(|| status(place).map(status_of)).unwrap_or(place);
            assert_eq!(read, place, "{}", TERMS[place as usize]);
        }
        assert_eq!(TERMS[terms_of(PriceMeaning::Bankruptcy, Completeness::Full) as usize], "bankruptcy/full");
        assert_eq!(TERMS[status_of(VenueStatus::PostOnly) as usize], "post_only");
        for state in [Connecting, Subscribed, Delivering, Down, Gap, Overflow, Late, Thin] {
            assert_eq!(state_of(state.name()).map(|place| TERMS[place as usize]), Some(state.name()));
        }
    }
}
