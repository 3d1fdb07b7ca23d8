//! Binance's messages: one type a kind, each with the one function that turns it into events.
//!
//! Fields carry the venue's own letters. Numbers are text and are read strictly; text with escapes is refused, because
//! no name or number of a market has any.

use serde::Deserialize;

use super::Binance;
use crate::event::{Aggressor, Body, Event, Liquidated, MarketId, Nanos, PriceMeaning};
use crate::feed::venue::frame::{parse, present};
use crate::feed::venue::{MarketLookup, Reason, Refusal, value};

/// What a message is read against.
pub(super) struct Context<'c> {
    pub(super) venue: &'c Binance,
    pub(super) recv_at: Nanos,
    pub(super) markets: &'c MarketLookup,
}

/// Takes an event: when the venue says it happened, and what.
type Emit<'e> = &'e mut dyn FnMut(Nanos, Body);

/// One kind of message.
pub(super) trait Message<'a>: Deserialize<'a> {
    /// What `e` must say.
    const NAME: &'static str;

    /// What `e` says; spot's book ticker has none.
    fn name(&self) -> &'a str;

    /// The markets it speaks of.
    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>>;

    /// Its events, in order.
    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason>;
}

/// One market, or all behind a pair.
pub(super) enum Subject<'m> {
    One(MarketId),
    Several(&'m [MarketId]),
}

impl Subject<'_> {
    fn ids(&self) -> &[MarketId] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Several(ids) => ids,
        }
    }
}

/// Reads a message of kind `M` and appends its events; all or none.
pub(super) fn read<'a, M: Message<'a>>(data: &'a str, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    let message: M = parse(data)?;
    if message.name() != M::NAME {
        return Err(Reason::UnknownKind.into());
    }
    let subject = message.markets(cx.markets).ok_or(Reason::UnknownMarket)?;
    let before = out.len();
    for &market in subject.ids() {
        let emitted = message.events(cx, &mut |venue_at, body| {
            out.push(Event { venue_at, recv_at: cx.recv_at, market, body });
        });
        if let Err(reason) = emitted {
            out.truncate(before);
            return Err(reason.at(market));
        }
    }
    Ok(())
}

/// Several trades at one price by one taker.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
pub(super) struct AggTrade<'a> {
    e: &'a str,
    s: &'a str,
    a: u64,
    p: &'a str,
    q: &'a str,
    T: i64,
    m: bool,
}

impl<'a> Message<'a> for AggTrade<'a> {
    const NAME: &'static str = "aggTrade";

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        markets.find(self.s).map(Subject::One)
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        emit((cx.venue.time)(self.T)?, trade(self.p, self.q, self.a, self.m)?);
        Ok(())
    }
}

/// One trade.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
pub(super) struct Trade<'a> {
    e: &'a str,
    s: &'a str,
    t: u64,
    p: &'a str,
    q: &'a str,
    T: i64,
    m: bool,
}

impl<'a> Message<'a> for Trade<'a> {
    const NAME: &'static str = "trade";

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        markets.find(self.s).map(Subject::One)
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        emit((cx.venue.time)(self.T)?, trade(self.p, self.q, self.t, self.m)?);
        Ok(())
    }
}

/// `maker` says whether the buyer was the maker: then the seller took.
fn trade(price: &str, qty: &str, id: u64, maker: bool) -> Result<Body, Reason> {
    let aggressor = if maker { Aggressor::Sell } else { Aggressor::Buy };
    Ok(Body::Trade { price: value::price(price)?, qty: value::qty(qty)?, id, aggressor })
}

/// Best bid and ask. Spot sends neither `e` nor a time: then it happened when it came.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
pub(super) struct BookTicker<'a> {
    #[serde(borrow, default = "book_ticker")]
    e: &'a str,
    s: &'a str,
    b: &'a str,
    B: &'a str,
    a: &'a str,
    A: &'a str,
    #[serde(default, deserialize_with = "present")]
    T: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    E: Option<i64>,
}

const fn book_ticker() -> &'static str {
    "bookTicker"
}

impl<'a> Message<'a> for BookTicker<'a> {
    const NAME: &'static str = book_ticker();

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        markets.find(self.s).map(Subject::One)
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        let venue_at = self.T.or(self.E).map_or(Ok(cx.recv_at), cx.venue.time)?;
        let quote = Body::Quote {
            bid: value::price(self.b)?,
            bid_qty: value::book_qty(self.B)?,
            ask: value::price(self.a)?,
            ask_qty: value::book_qty(self.A)?,
        };
        emit(venue_at, quote);
        Ok(())
    }
}

/// Mark price, index and funding rate. A dated contract has an empty rate, an old frame has no index.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
pub(super) struct MarkPrice<'a> {
    e: &'a str,
    E: i64,
    s: &'a str,
    p: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    i: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    r: Option<&'a str>,
}

impl<'a> Message<'a> for MarkPrice<'a> {
    const NAME: &'static str = "markPriceUpdate";

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        markets.find(self.s).map(Subject::One)
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        let venue_at = (cx.venue.time)(self.E)?;
        emit(venue_at, Body::Mark { price: value::price(self.p)? });
        if let Some(index) = self.i {
            emit(venue_at, Body::Index { price: value::price(index)? });
        }
        if let Some(rate) = self.r.filter(|rate| !rate.is_empty()) {
            emit(venue_at, Body::Funding { rate: value::rate(rate)? });
        }
        Ok(())
    }
}

/// The index of a pair: it belongs to every market of the pair.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
pub(super) struct IndexPrice<'a> {
    e: &'a str,
    E: i64,
    i: &'a str,
    p: &'a str,
}

impl<'a> Message<'a> for IndexPrice<'a> {
    const NAME: &'static str = "indexPriceUpdate";

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        let ids = markets.behind(self.i);
        (!ids.is_empty()).then_some(Subject::Several(ids))
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        emit((cx.venue.time)(self.E)?, Body::Index { price: value::price(self.p)? });
        Ok(())
    }
}

/// The latest liquidation of a market in this second.
#[derive(Deserialize)]
pub(super) struct ForceOrder<'a> {
    e: &'a str,
    #[serde(borrow)]
    o: Order<'a>,
}

/// `S` is the side of the order that closes the position; `p` its limit, `ap` its average fill, `z` what was filled.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
struct Order<'a> {
    s: &'a str,
    S: &'a str,
    q: &'a str,
    p: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    ap: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    z: Option<&'a str>,
    T: i64,
}

impl<'a> Message<'a> for ForceOrder<'a> {
    const NAME: &'static str = "forceOrder";

    fn name(&self) -> &'a str {
        self.e
    }

    fn markets<'m>(&self, markets: &'m MarketLookup) -> Option<Subject<'m>> {
        markets.find(self.o.s).map(Subject::One)
    }

    fn events(&self, cx: &Context, emit: Emit) -> Result<(), Reason> {
        let order = &self.o;
        let liquidated = match order.S {
            "SELL" => Liquidated::Long,
            "BUY" => Liquidated::Short,
            _ => return Err(Reason::OutOfRange),
        };
        let asked = (value::price(order.p)?, value::qty(order.q)?);
        let filled = (positive(order.ap, value::price)?, positive(order.z, value::qty)?);
        let (price, qty, meaning) = match filled {
            (Some(price), Some(qty)) => (price, qty, PriceMeaning::Fill),
            (Some(price), None) => (price, asked.1, PriceMeaning::Fill),
            (None, _) => (asked.0, asked.1, PriceMeaning::Order),
        };
        let completeness = cx.venue.liquidations;
        emit((cx.venue.time)(order.T)?, Body::Liquidation { price, qty, liquidated, meaning, completeness });
        Ok(())
    }
}

/// A value that may be missing or zero, which means that nothing was filled yet; a wrong one is still refused.
fn positive<T>(text: Option<&str>, read: fn(&str) -> Result<T, Reason>) -> Result<Option<T>, Reason> {
    match text {
        None => Ok(None),
        Some(text) if value::book_qty(text).is_ok_and(|qty| qty.get() == 0.0) => Ok(None),
        Some(text) => read(text).map(Some),
    }
}
