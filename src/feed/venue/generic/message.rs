//! One kind of message: when a frame is one, and where in it everything stands.

use serde_json::value::RawValue;

use super::condition::{AnyOf, Conditions, is_one_of};
use super::pointer::{Found, Pointer, string};
use super::template::Template;
use crate::event::{Aggressor, Body, Completeness, Kind, Liquidated, Nanos, Price, PriceMeaning, VenueStatus};
use crate::feed::venue::number::Number;
use crate::feed::venue::rfc3339::rfc3339;
use crate::feed::venue::{Reason, value};

/// A pointer as a config writes it: into the element, or with `^` before it into the frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The way.
    pub pointer: Pointer,
    /// Whether it begins at the frame.
    pub in_frame: bool,
}

/// Where something is found in a frame that was walked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) slot: usize,
    pub(super) in_frame: bool,
}

/// What stands in a frame and in the element that is read.
#[derive(Clone, Copy)]
pub(super) struct View<'v, 'a> {
    pub(super) frame: &'v Found<'a>,
    pub(super) element: &'v Found<'a>,
}

impl<'a> View<'_, 'a> {
    pub(super) fn at(&self, place: &Place) -> Option<&'a RawValue> {
        let found = if place.in_frame { self.frame } else { self.element };
        found.get(place.slot).copied().flatten()
    }

    fn number(&self, place: &Place) -> Result<Number<'a>, Reason> {
        self.at(place).map(Number::new).ok_or(Reason::MissingField)
    }

    fn price(&self, place: &Place) -> Result<Price, Reason> {
        self.number(place)?.price()
    }

    fn scaled(&self, place: &Place, scale: f64) -> Result<f64, Reason> {
        Ok(self.number(place)?.get()? * scale)
    }
}

/// How a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds since 1970, with up to nine digits of fraction.
    Secs,
    /// Milliseconds since 1970.
    Millis,
    /// Microseconds since 1970.
    Micros,
    /// Nanoseconds since 1970.
    Nanos,
    /// As in `2025-10-10T21:15:03.5Z`.
    Rfc3339,
}

impl TimeUnit {
    /// Every unit by its word.
    pub const WORDS: [(&str, Self); 5] = [
        ("s", Self::Secs),
        ("ms", Self::Millis),
        ("us", Self::Micros),
        ("ns", Self::Nanos),
        ("rfc3339", Self::Rfc3339),
    ];

    fn read(self, raw: &RawValue) -> Result<Nanos, Reason> {
        let digits = match self {
            Self::Secs => 9,
            Self::Millis => 6,
            Self::Micros => 3,
            Self::Nanos => 0,
            Self::Rfc3339 => return rfc3339(&string(raw).ok_or(Reason::WrongType)?),
        };
        value::epoch(Number::new(raw).text()?, digits)
    }
}

/// What a message says, with where `P` it stands.
#[derive(Clone, Debug)]
pub enum What<P> {
    /// A trade.
    Trade {
        /// Its price.
        price: P,
        /// Its quantity, in the unit of the market's contract.
        quantity: P,
        /// Its id, a whole number that rises; none: 0.
        id: Option<P>,
        /// Who took.
        side: Option<Side<P>>,
    },
    /// A position closed by force.
    Liquidation {
        /// The price, of the meaning below.
        price: P,
        /// The quantity.
        quantity: P,
        /// Where it says whose position it was.
        side: P,
        /// What that says of a long.
        long: AnyOf,
        /// What that says of a short.
        short: AnyOf,
        /// What the price means.
        meaning: PriceMeaning,
        /// What the stream leaves out.
        completeness: Completeness,
    },
    /// Best bid and ask.
    Quote {
        /// Best bid.
        bid: P,
        /// Quantity at the bid.
        bid_quantity: P,
        /// Best ask.
        ask: P,
        /// Quantity at the ask.
        ask_quantity: P,
    },
    /// A mark price.
    Mark(P),
    /// An index price.
    Index(P),
    /// A funding rate, and what makes a fraction of it.
    Funding(P, f64),
    /// Open interest.
    OpenInterest(P),
    /// What rests within 10 basis points of the mid.
    Depth {
        /// On the bid side.
        bid_quantity: P,
        /// On the ask side.
        ask_quantity: P,
    },
    /// Implied volatility of the mark price of an option, and what makes a fraction of it.
    MarkIv(P, f64),
    /// A volatility index, in points.
    VolatilityIndex(P),
    /// What the venue says of itself, and what its words mean: the first that fits counts.
    Status(P, Vec<(VenueStatus, AnyOf)>),
}

/// Which values mean which side.
#[derive(Clone, Debug)]
pub struct Side<P> {
    /// Where it stands.
    pub at: P,
    /// A buyer.
    pub buy: AnyOf,
    /// A seller.
    pub sell: AnyOf,
    /// Whether it is the side of the maker.
    pub is_maker: bool,
}

impl<P> What<P> {
    /// Which kind of event it makes.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Trade { .. } => Kind::Trade,
            Self::Liquidation { .. } => Kind::Liquidation,
            Self::Quote { .. } => Kind::Quote,
            Self::Mark(_) => Kind::Mark,
            Self::Index(_) => Kind::Index,
            Self::Funding(..) => Kind::Funding,
            Self::OpenInterest(_) => Kind::OpenInterest,
            Self::Depth { .. } => Kind::Depth,
            Self::MarkIv(..) => Kind::MarkIv,
            Self::VolatilityIndex(_) => Kind::VolatilityIndex,
            Self::Status(..) => Kind::Status,
        }
    }

    /// The same with places of another sort.
    fn map<Q>(&self, mut to: impl FnMut(&P) -> Q) -> What<Q> {
        match self {
            Self::Trade { price, quantity, id, side } => What::Trade {
                price: to(price),
                quantity: to(quantity),
                id: id.as_ref().map(&mut to),
                side: side.as_ref().map(|side| Side {
                    at: to(&side.at),
                    buy: side.buy.clone(),
                    sell: side.sell.clone(),
                    is_maker: side.is_maker,
                }),
            },
            Self::Liquidation { price, quantity, side, long, short, meaning, completeness } => What::Liquidation {
                price: to(price),
                quantity: to(quantity),
                side: to(side),
                long: long.clone(),
                short: short.clone(),
                meaning: *meaning,
                completeness: *completeness,
            },
            Self::Quote { bid, bid_quantity, ask, ask_quantity } => What::Quote {
                bid: to(bid),
                bid_quantity: to(bid_quantity),
                ask: to(ask),
                ask_quantity: to(ask_quantity),
            },
            Self::Mark(price) => What::Mark(to(price)),
            Self::Index(price) => What::Index(to(price)),
            Self::Funding(rate, scale) => What::Funding(to(rate), *scale),
            Self::OpenInterest(quantity) => What::OpenInterest(to(quantity)),
            Self::Depth { bid_quantity, ask_quantity } => {
                What::Depth { bid_quantity: to(bid_quantity), ask_quantity: to(ask_quantity) }
            }
            Self::MarkIv(iv, scale) => What::MarkIv(to(iv), *scale),
            Self::VolatilityIndex(level) => What::VolatilityIndex(to(level)),
            Self::Status(at, words) => What::Status(to(at), words.clone()),
        }
    }

    /// Where that stands without which there is nothing to say.
    const fn heart(&self) -> [&P; 2] {
        match self {
            Self::Trade { price, quantity, .. } | Self::Liquidation { price, quantity, .. } => [price, quantity],
            Self::Quote { bid, ask, .. } => [bid, ask],
            Self::Depth { bid_quantity, ask_quantity } => [bid_quantity, ask_quantity],
            Self::Mark(one)
            | Self::Index(one)
            | Self::Funding(one, _)
            | Self::OpenInterest(one)
            | Self::MarkIv(one, _)
            | Self::VolatilityIndex(one)
            | Self::Status(one, _) => [one, one],
        }
    }
}

/// One kind of message.
#[derive(Clone, Debug)]
pub struct Message<P> {
    /// What must stand in a frame that is one.
    pub when: Conditions<P>,
    /// What must stand in an element of its list that is one.
    pub only: Conditions<P>,
    /// Where the list of elements stands in the frame; none: the frame is the only element.
    pub each: Option<P>,
    /// Where the name of the market stands; none: it is of all markets.
    pub symbol: Option<P>,
    /// What stands before that name.
    pub symbol_prefix: String,
    /// What stands behind it.
    pub symbol_suffix: String,
    /// When it happened; none: when it came.
    pub time: Option<(P, TimeUnit)>,
    /// Whether an element may leave the number out that it is about, and then says nothing.
    pub optional: bool,
    /// What it says.
    pub what: What<P>,
    /// What to ask for, to get it.
    pub stream: Option<Template>,
    /// Whether it comes by the clock even when nobody trades.
    pub steady: bool,
}

impl Message<Source> {
    /// The same with the places of trees that know its pointers: `frame` those into the frame, `element` those into an element.
    pub(super) fn placed(
        &self,
        mut frame: impl FnMut(&Pointer) -> usize,
        mut element: impl FnMut(&Pointer) -> usize,
    ) -> Message<Place> {
        let each = self.each.as_ref().map(|each| Place { slot: frame(&each.pointer), in_frame: true });
        let is_whole = each.is_none();
        let mut to = |source: &Source| {
            let in_frame = source.in_frame || is_whole;
            Place { slot: if in_frame { frame(&source.pointer) } else { element(&source.pointer) }, in_frame }
        };
        let in_frame = |source: &Source| Source { pointer: source.pointer.clone(), in_frame: true };
        Message {
            when: self.when.map(|source| to(&in_frame(source))),
            only: self.only.map(&mut to),
            each,
            symbol: self.symbol.as_ref().map(&mut to),
            symbol_prefix: self.symbol_prefix.clone(),
            symbol_suffix: self.symbol_suffix.clone(),
            time: self.time.as_ref().map(|(at, unit)| (to(at), *unit)),
            optional: self.optional,
            what: self.what.map(&mut to),
            stream: self.stream.clone(),
            steady: self.steady,
        }
    }
}

impl Message<Place> {
    /// Whether a frame is one.
    pub(super) fn is(&self, frame: &Found) -> bool {
        self.when.hold(|place| frame.get(place.slot).copied().flatten())
    }

    /// The market's name, as the venue writes it; nothing where it is of all markets.
    pub(super) fn native(&self, view: View) -> Result<Option<String>, Reason> {
        let Some(symbol) = &self.symbol else { return Ok(None) };
        let raw = view.at(symbol).ok_or(Reason::MissingField)?;
        let bare = || Number::new(raw).text().ok().and_then(|text| value::whole(text).ok()).map(|id| id.to_string());
        let name = string(raw).map(std::borrow::Cow::into_owned).or_else(bare).ok_or(Reason::WrongType)?;
        let native = name.strip_prefix(&self.symbol_prefix).and_then(|name| name.strip_suffix(&self.symbol_suffix));
        native.map(|native| Some(native.to_owned())).ok_or(Reason::UnknownMarket)
    }

    /// Whether the element leaves out what it may leave out.
    pub(super) fn is_silent(&self, view: View) -> bool {
        let is_there = |place: &&Place| view.at(place).is_some_and(|raw| raw.get() != "null");
        self.optional && !self.what.heart().iter().all(is_there)
    }

    /// When it happened, and what.
    pub(super) fn read(&self, view: View, recv_at: Nanos) -> Result<(Nanos, Body), Reason> {
        let time = |(place, unit): &(Place, TimeUnit)| unit.read(view.at(place).ok_or(Reason::MissingField)?);
        let venue_at = self.time.as_ref().map_or(Ok(recv_at), time)?;
        Ok((venue_at, self.body(view)?))
    }

    fn body(&self, view: View) -> Result<Body, Reason> {
        Ok(match &self.what {
            What::Trade { price, quantity, id, side } => Body::Trade {
                price: view.price(price)?,
                qty: view.number(quantity)?.qty()?,
                id: id.as_ref().map_or(Ok(0), |id| view.number(id)?.whole())?,
                aggressor: side.as_ref().map_or(Ok(Aggressor::Unknown), |side| side.taker(view))?,
            },
            What::Liquidation { price, quantity, side, long, short, meaning, completeness } => Body::Liquidation {
                price: view.price(price)?,
                qty: view.number(quantity)?.qty()?,
                liquidated: pick(view, side, (long, Liquidated::Long), (short, Liquidated::Short))?,
                meaning: *meaning,
                completeness: *completeness,
            },
            What::Quote { bid, bid_quantity, ask, ask_quantity } => Body::Quote {
                bid: view.price(bid)?,
                bid_qty: view.number(bid_quantity)?.book_qty()?,
                ask: view.price(ask)?,
                ask_qty: view.number(ask_quantity)?.book_qty()?,
            },
            What::Mark(price) => Body::Mark { price: view.price(price)? },
            What::Index(price) => Body::Index { price: view.price(price)? },
            What::Funding(rate, scale) => Body::Funding { rate: value::bounded_rate(view.scaled(rate, *scale)?)? },
            What::OpenInterest(quantity) => Body::OpenInterest { qty: view.number(quantity)?.book_qty()? },
            What::Depth { bid_quantity, ask_quantity } => Body::Depth {
                bid_qty: view.number(bid_quantity)?.book_qty()?,
                ask_qty: view.number(ask_quantity)?.book_qty()?,
            },
            What::MarkIv(iv, scale) => Body::MarkIv { iv: Price::new(view.scaled(iv, *scale)?)? },
            What::VolatilityIndex(level) => Body::VolatilityIndex { level: view.price(level)? },
            What::Status(at, words) => {
                let raw = view.at(at).ok_or(Reason::MissingField)?;
                let meant = words.iter().find(|(_, values)| is_one_of(raw, values));
                Body::Status { status: meant.ok_or(Reason::OutOfRange)?.0 }
            }
        })
    }
}

impl Side<Place> {
    fn taker(&self, view: View) -> Result<Aggressor, Reason> {
        let (buy, sell) =
            if self.is_maker { (Aggressor::Sell, Aggressor::Buy) } else { (Aggressor::Buy, Aggressor::Sell) };
        pick(view, &self.at, (&self.buy, buy), (&self.sell, sell))
    }
}

/// One of two meanings; a value that has neither is refused, because a wrong side is worse than none.
fn pick<T>(view: View, at: &Place, one: (&AnyOf, T), other: (&AnyOf, T)) -> Result<T, Reason> {
    let raw = view.at(at).ok_or(Reason::MissingField)?;
    if is_one_of(raw, one.0) {
        Ok(one.1)
    } else if is_one_of(raw, other.0) {
        Ok(other.1)
    } else {
        Err(Reason::WrongType)
    }
}
