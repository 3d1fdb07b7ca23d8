//! Bybit's messages, each with the one function that turns it into events. Numbers are text and read strictly.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Envelope;
use crate::event::{Aggressor, Body, Completeness, Event, Liquidated, MarketId, Nanos, PriceMeaning};
use crate::feed::book::{Books, Head, Link, Way};
use crate::feed::venue::frame::{Context, parse, present};
use crate::feed::venue::level::{Best, quote};
use crate::feed::venue::number::Number;
use crate::feed::venue::{Decoded, Reason, Refusal, levels, value};

/// At most as many events as a message can have, and when they happened.
pub(super) type Bodies = (Nanos, [Option<Body>; 4]);

fn data<'a, T: Deserialize<'a>>(envelope: &Envelope<'a>) -> Result<T, Reason> {
    parse(envelope.data.ok_or(Reason::MissingField)?.get())
}

/// A message must be of the market that its topic names.
fn agree(topic: &str, message: &str) -> Result<(), Reason> {
    if topic == message { Ok(()) } else { Err(Reason::UnknownMarket) }
}

/// Mark, index, funding and open interest: whole at first, then only what changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker<'a> {
    symbol: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    mark_price: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    index_price: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    funding_rate: Option<&'a str>,
    #[serde(borrow, default, deserialize_with = "present")]
    open_interest: Option<&'a str>,
}

pub(super) fn ticker(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
    let ticker: Ticker = data(envelope)?;
    agree(native, ticker.symbol)?;
    let at = envelope.ts.ok_or(Reason::MissingField)?.millis()?;
    let mark = ticker.mark_price.map(value::price).transpose()?;
    let index = ticker.index_price.map(value::price).transpose()?;
    // Dated futures have no funding, and say so with an empty text.
    let funding = ticker.funding_rate.filter(|rate| !rate.is_empty()).map(value::rate).transpose()?;
    let interest = ticker.open_interest.map(value::book_qty).transpose()?;
    Ok((
        at,
        [
            mark.map(|price| Body::Mark { price }),
            index.map(|price| Body::Index { price }),
            funding.map(|rate| Body::Funding { rate }),
            interest.map(|qty| Body::OpenInterest { qty }),
        ],
    ))
}

/// The first level of the book, always whole; `cts` is when it was so, `ts` when it was sent.
#[derive(Deserialize)]
struct Book<'a> {
    s: &'a str,
    #[serde(borrow)]
    b: Best<'a>,
    #[serde(borrow)]
    a: Best<'a>,
}

pub(super) fn best(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
    if envelope.form != Some("snapshot") {
        return Err(Reason::UnknownKind);
    }
    let book: Book = data(envelope)?;
    agree(native, book.s)?;
    let at = envelope.cts.or(envelope.ts).ok_or(Reason::MissingField)?.millis()?;
    Ok((at, [quote(&book.b, &book.a)?, None, None, None]))
}

/// Several levels of the book: whole at first and whenever the venue starts its count anew, then what changed. `u` counts
/// the messages of a topic.
#[derive(Deserialize)]
struct Levels<'a> {
    s: &'a str,
    #[serde(borrow)]
    b: &'a RawValue,
    #[serde(borrow)]
    a: &'a RawValue,
    u: u64,
}

pub(super) fn book(
    native: &str,
    envelope: &Envelope,
    cx: &Context,
    books: &mut Books,
    out: &mut Vec<Event>,
) -> Result<Decoded, Refusal> {
    let market = cx.market(native)?;
    let (head, message) = head(native, market, envelope, cx).map_err(|reason| reason.at(market))?;
    levels::take(head, cx, books, out, |book| {
        levels::pairs(book, Way::Bid, message.b.get())?;
        levels::pairs(book, Way::Ask, message.a.get())
    })
}

fn head<'a>(
    native: &str,
    market: MarketId,
    envelope: &Envelope<'a>,
    cx: &Context,
) -> Result<(Head, Levels<'a>), Reason> {
    let message: Levels = data(envelope)?;
    agree(native, message.s)?;
    let venue_at = envelope.cts.or(envelope.ts).ok_or(Reason::MissingField)?.millis()?;
    let link = match envelope.form {
        Some("snapshot") => Link::Whole(Some(message.u)),
        Some("delta") => Link::Change { after: Some(message.u.wrapping_sub(1)), number: Some(message.u) },
        _ => return Err(Reason::UnknownKind),
    };
    Ok((Head { market, venue_at, recv_at: cx.recv_at, link }, message))
}

/// One trade; `S` is the side of the taker, `BT` tells a block trade.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
struct Trade<'a> {
    #[serde(borrow)]
    T: Number<'a>,
    s: &'a str,
    S: &'a str,
    v: &'a str,
    p: &'a str,
    #[serde(default)]
    BT: bool,
}

/// A block trade is left out: its price was agreed on elsewhere and says nothing of the book.
pub(super) fn trade(text: &str, native: &str) -> Result<Option<(Nanos, Body)>, Reason> {
    let trade: Trade = parse(text)?;
    agree(native, trade.s)?;
    let aggressor = match trade.S {
        "Buy" => Aggressor::Buy,
        "Sell" => Aggressor::Sell,
        _ => return Err(Reason::OutOfRange),
    };
    let at = trade.T.millis()?;
    let body = Body::Trade { price: value::price(trade.p)?, qty: value::qty(trade.v)?, id: 0, aggressor };
    Ok((!trade.BT).then_some((at, body)))
}

/// One liquidation; `S` is the side of the position.
#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
struct Liquidation<'a> {
    #[serde(borrow)]
    T: Number<'a>,
    s: &'a str,
    S: &'a str,
    v: &'a str,
    p: &'a str,
}

pub(super) fn liquidation(text: &str, native: &str) -> Result<Option<(Nanos, Body)>, Reason> {
    let one: Liquidation = parse(text)?;
    agree(native, one.s)?;
    let liquidated = position(one.S)?;
    let (price, qty) = (value::price(one.p)?, value::qty(one.v)?);
    let (meaning, completeness) = (PriceMeaning::Bankruptcy, Completeness::Full);
    Ok(Some((one.T.millis()?, Body::Liquidation { price, qty, liquidated, meaning, completeness })))
}

/// What was sent until 2025, the latest of each second and market; recordings hold it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sampled<'a> {
    #[serde(borrow)]
    updated_time: Number<'a>,
    symbol: &'a str,
    side: &'a str,
    size: &'a str,
    price: &'a str,
}

pub(super) fn sampled_liquidation(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
    let one: Sampled = data(envelope)?;
    agree(native, one.symbol)?;
    let liquidated = position(one.side)?;
    let (price, qty) = (value::price(one.price)?, value::qty(one.size)?);
    let (meaning, completeness) = (PriceMeaning::Bankruptcy, Completeness::Sampled);
    let body = Body::Liquidation { price, qty, liquidated, meaning, completeness };
    Ok((one.updated_time.millis()?, [Some(body), None, None, None]))
}

/// The position that was closed by force.
fn position(side: &str) -> Result<Liquidated, Reason> {
    match side {
        "Buy" => Ok(Liquidated::Long),
        "Sell" => Ok(Liquidated::Short),
        _ => Err(Reason::OutOfRange),
    }
}
