//! Deribit's messages: JSON-RPC answers, heartbeats that want an answer, and notifications, each with what it means.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{
    Aggressor, Body, Completeness, Event, Liquidated, MarketId, Nanos, Price, PriceMeaning, VenueStatus,
};
use crate::feed::venue::frame::{self, Context, Message, nullable, parse, present};
use crate::feed::venue::number::Number;
use crate::feed::venue::{Decoded, MarketLookup, Reason, Refusal, value};

/// The answer to the server's question whether we live. Its id is none that a subscription has.
const ALIVE: &str = r#"{"jsonrpc":"2.0","id":4294967295,"method":"public/test"}"#;

/// Reads one frame.
pub(super) fn decode(frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let envelope: Envelope = parse(frame::text(frame)?)?;
    match envelope {
        Envelope { method: Some("subscription"), params: Some(params), .. } => notification(params.get(), cx, out),
        Envelope { method: Some("heartbeat"), params: Some(params), .. } => heartbeat(params.get()),
        Envelope { method: Some(_), .. } => Err(Reason::UnknownKind.into()),
        Envelope { id, error: Some(words), .. } => Ok(answer(id, Err(frame::words(words.get())))),
        Envelope { id, result: Some(done), .. } => Ok(answer(id, taken(done.get()))),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// What a frame may have at its top.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    method: Option<&'a str>,
    #[serde(borrow)]
    pub(super) params: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

fn answer(id: Option<&RawValue>, result: Result<(), String>) -> Decoded {
    Decoded::Answer { id: id.and_then(|id| id.get().parse().ok()), result }
}

/// The server names the channels it took and leaves unknown ones out: an empty list is a refusal without an error.
fn taken(result: &str) -> Result<(), String> {
    if result.bytes().filter(|byte| !byte.is_ascii_whitespace()).eq(*b"[]") {
        return Err("none of these channels exists".to_owned());
    }
    Ok(())
}

fn heartbeat(params: &str) -> Result<Decoded, Refusal> {
    #[derive(Deserialize)]
    struct Heartbeat<'a> {
        r#type: &'a str,
    }
    match parse::<Heartbeat>(params)?.r#type {
        "test_request" => Ok(Decoded::Reply(ALIVE.into())),
        "heartbeat" => Ok(Decoded::Heartbeat),
        _ => Err(Reason::UnknownKind.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct Notification<'a> {
    channel: &'a str,
    #[serde(borrow)]
    pub(super) data: &'a RawValue,
}

/// The one place that knows every channel.
fn notification(params: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let Notification { channel, data } = parse(params)?;
    let data = data.get();
    match channel.split_once('.').map_or(channel, |(word, _)| word) {
        "trades" => return frame::each(data, out, |trade, out| frame::one::<Trade>(trade, cx, out)),
        "ticker" => frame::one::<Ticker>(data, cx, out)?,
        "deribit_price_index" => price_index(data, cx, out)?,
        "deribit_volatility_index" => volatility_index(data, cx, out)?,
        "platform_state" if channel == "platform_state" => return platform(data, cx, out),
        // With five parts, as `book.BTC-PERPETUAL.none.20.100ms`, it is grouped.
        "book" if channel.split('.').count() == 3 => return Ok(Decoded::Book),
        "book"
        | "quote"
        | "incremental_ticker"
        | "markprice"
        | "perpetual"
        | "chart"
        | "instrument"
        | "platform_state"
        | "deribit_price_ranking"
        | "deribit_price_statistics"
        | "estimated_expiration_price" => {
            return Ok(Decoded::Ignored);
        }
        _ => return Err(Reason::UnknownKind.into()),
    }
    Ok(Decoded::Data)
}

/// One trade. `direction` is the taker's; `liquidation` says who was closed by force: `T`aker, `M`aker, or both.
#[derive(Deserialize)]
struct Trade<'a> {
    instrument_name: &'a str,
    #[serde(rename = "trade_seq")]
    seq: u64,
    timestamp: i64,
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(borrow)]
    amount: Number<'a>,
    direction: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    liquidation: Option<&'a str>,
}

impl<'a> Message<'a> for Trade<'a> {
    type Bodies = [Option<Body>; 3];

    fn native(&self) -> &'a str {
        self.instrument_name
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let (price, qty, id) = (self.price.price()?, self.amount.qty()?, self.seq);
        let (aggressor, taker, maker) = match self.direction {
            "buy" => (Aggressor::Buy, Liquidated::Short, Liquidated::Long),
            "sell" => (Aggressor::Sell, Liquidated::Long, Liquidated::Short),
            _ => return Err(Reason::OutOfRange),
        };
        let (taker, maker) = match self.liquidation {
            None => (None, None),
            Some("T") => (Some(taker), None),
            Some("M") => (None, Some(maker)),
            Some("MT") => (Some(taker), Some(maker)),
            Some(_) => return Err(Reason::OutOfRange),
        };
        let (meaning, completeness) = (PriceMeaning::Fill, Completeness::Full);
        let forced = |liquidated| Body::Liquidation { price, qty, liquidated, meaning, completeness };
        let bodies = [Some(Body::Trade { price, qty, id, aggressor }), taker.map(forced), maker.map(forced)];
        Ok((value::millis(self.timestamp)?, bodies))
    }
}

/// The state of a market. Options have an implied volatility, perpetuals a funding rate. An empty side of the book has a
/// price of `null` or 0; an option far out of the money has a mark of 0.
#[derive(Deserialize)]
struct Ticker<'a> {
    instrument_name: &'a str,
    timestamp: i64,
    #[serde(borrow)]
    mark_price: Number<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    index_price: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    current_funding: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    open_interest: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    mark_iv: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    best_bid_price: Option<Number<'a>>,
    #[serde(borrow)]
    best_bid_amount: Number<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    best_ask_price: Option<Number<'a>>,
    #[serde(borrow)]
    best_ask_amount: Number<'a>,
}

impl<'a> Message<'a> for Ticker<'a> {
    type Bodies = [Option<Body>; 6];

    fn native(&self) -> &'a str {
        self.instrument_name
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let mark =
            if self.mark_iv.is_some() { self.mark_price.price_unless_zero()? } else { Some(self.mark_price.price()?) };
        let bodies = [
            mark.map(|price| Body::Mark { price }),
            self.index_price.map(Number::price).transpose()?.map(|price| Body::Index { price }),
            self.current_funding.map(Number::rate).transpose()?.map(|rate| Body::Funding { rate }),
            self.open_interest.map(Number::book_qty).transpose()?.map(|qty| Body::OpenInterest { qty }),
            self.mark_iv.map(implied).transpose()?.flatten().map(|iv| Body::MarkIv { iv }),
            quote(self)?,
        ];
        Ok((value::millis(self.timestamp)?, bodies))
    }
}

/// Both sides of the book, where both have an order.
fn quote(ticker: &Ticker) -> Result<Option<Body>, Reason> {
    let side = |price: Option<Number>| Ok::<_, Reason>(price.map(Number::price_unless_zero).transpose()?.flatten());
    let (bid, ask) = (side(ticker.best_bid_price)?, side(ticker.best_ask_price)?);
    let (bid_qty, ask_qty) = (ticker.best_bid_amount.book_qty()?, ticker.best_ask_amount.book_qty()?);
    Ok(bid.zip(ask).map(|(bid, ask)| Body::Quote { bid, bid_qty, ask, ask_qty }))
}

/// An implied volatility, which the venue writes in percent, as a fraction; `None` for 0.
fn implied(percent: Number) -> Result<Option<Price>, Reason> {
    let percent = percent.price_unless_zero()?;
    Ok(percent.map(|percent| Price::new(percent.get() / 100.0)).transpose()?)
}

/// The markets of an index.
fn behind<'m>(index: &str, markets: &'m MarketLookup) -> Result<&'m [MarketId], Refusal> {
    let pair = index.strip_suffix("_usd").unwrap_or(index).to_ascii_uppercase();
    let ids = markets.behind(&pair);
    if ids.is_empty() { Err(Reason::UnknownMarket.into()) } else { Ok(ids) }
}

/// The index of all markets with one underlying.
#[derive(Deserialize)]
struct PriceIndex<'a> {
    index_name: &'a str,
    timestamp: i64,
    #[serde(borrow)]
    price: Number<'a>,
}

fn price_index(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    let index: PriceIndex = parse(data)?;
    let ids = behind(index.index_name, cx.markets)?;
    let (at, price) = (value::millis(index.timestamp)?, index.price.price()?);
    for &id in ids {
        cx.tell(id, at, [Body::Index { price }], out);
    }
    Ok(())
}

/// DVOL: the volatility that options on one underlying imply, in points.
#[derive(Deserialize)]
struct VolatilityIndex<'a> {
    index_name: &'a str,
    timestamp: i64,
    #[serde(borrow)]
    volatility: Number<'a>,
}

fn volatility_index(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    let index: VolatilityIndex = parse(data)?;
    let ids = behind(index.index_name, cx.markets)?;
    let (at, level) = (value::millis(index.timestamp)?, index.volatility.price()?);
    for &id in ids {
        cx.tell(id, at, [Body::VolatilityIndex { level }], out);
    }
    Ok(())
}

/// What the platform says of itself: of one index, or of everything. It carries no time.
#[derive(Deserialize)]
struct Platform<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    price_index: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    locked: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    maintenance: Option<bool>,
}

fn platform(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let state: Platform = parse(data)?;
    let closed = state.maintenance.or(state.locked).ok_or(Reason::MissingField)?;
    let status = if closed { VenueStatus::Maintenance } else { VenueStatus::Online };
    let mut tell = |id| cx.tell(id, cx.recv_at, [Body::Status { status }], out);
    match state.price_index {
        None => cx.markets.iter().for_each(|(id, _)| tell(id)),
        Some(index) => match behind(index, cx.markets) {
            Ok(ids) => ids.iter().for_each(|&id| tell(id)),
            Err(_) => return Ok(Decoded::Elsewhere),
        },
    }
    Ok(Decoded::Data)
}
