//! OKX's messages: each list element with the one function that turns it into an event. Numbers are text and read strictly.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::{Aggressor, Body, Completeness, Event, Liquidated, MarketId, Nanos, PriceMeaning};
use crate::feed::book::{Books, Head, Link, Way};
use crate::feed::venue::frame::{self, Context, parse, present};
use crate::feed::venue::level::{Best, quote};
use crate::feed::venue::number::Number;
use crate::feed::venue::{Decoded, Reason, Refusal, levels, value};

/// When something happened and what; nothing where it says nothing.
pub(super) type Found = Result<Option<(Nanos, Body)>, Reason>;

/// An element must be of the market that its frame names.
fn agree(frame: &str, element: &str) -> Result<(), Reason> {
    if frame == element { Ok(()) } else { Err(Reason::UnknownMarket) }
}

/// One or several trades of one taker at one price; `side` is the taker's.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Trade<'a> {
    inst_id: &'a str,
    #[serde(rename = "tradeId")]
    id: &'a str,
    px: &'a str,
    sz: &'a str,
    side: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn trade(text: &str, native: &str, _: Nanos) -> Found {
    let trade: Trade = parse(text)?;
    agree(native, trade.inst_id)?;
    let aggressor = match trade.side {
        "buy" => Aggressor::Buy,
        "sell" => Aggressor::Sell,
        _ => return Err(Reason::OutOfRange),
    };
    let (price, qty, id) = (value::price(trade.px)?, value::qty(trade.sz)?, value::whole(trade.id)?);
    Ok(Some((trade.ts.millis()?, Body::Trade { price, qty, id, aggressor })))
}

/// The first level of the book.
#[derive(Deserialize)]
struct Bbo<'a> {
    #[serde(borrow)]
    asks: Best<'a>,
    #[serde(borrow)]
    bids: Best<'a>,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn best(text: &str, _: &str, _: Nanos) -> Found {
    let book: Bbo = parse(text)?;
    let at = book.ts.millis()?;
    Ok(quote(&book.bids, &book.asks)?.map(|body| (at, body)))
}

/// Up to 400 levels of the book: whole at first, then what changed. The numbers came in 2023; without them nothing tells of a
/// hole. A change of nothing repeats the number, as a sign of life.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Levels<'a> {
    #[serde(borrow)]
    asks: &'a RawValue,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    ts: Number<'a>,
    #[serde(default, deserialize_with = "present")]
    seq_id: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    prev_seq_id: Option<i64>,
}

pub(super) fn book(
    element: &str,
    market: MarketId,
    is_whole: bool,
    cx: &Context,
    books: &mut Books,
    out: &mut Vec<Event>,
) -> Result<Decoded, Refusal> {
    let message: Levels = parse(element).map_err(|reason| reason.at(market))?;
    let venue_at = message.ts.millis().map_err(|reason| reason.at(market))?;
    let [after, number] = [message.prev_seq_id, message.seq_id].map(|id| id.map(i64::cast_unsigned));
    let link = if is_whole { Link::Whole(number) } else { Link::Change { after, number } };
    let head = Head { market, venue_at, recv_at: cx.recv_at, link };
    levels::take(head, cx, books, out, |book| {
        levels::pairs(book, Way::Bid, message.bids.get())?;
        levels::pairs(book, Way::Ask, message.asks.get())
    })
}

/// The day so far; recordings have their quotes from here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ticker<'a> {
    inst_id: &'a str,
    ask_px: &'a str,
    ask_sz: &'a str,
    bid_px: &'a str,
    bid_sz: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn ticker(text: &str, native: &str, _: Nanos) -> Found {
    let ticker: Ticker = parse(text)?;
    agree(native, ticker.inst_id)?;
    let at = ticker.ts.millis()?;
    let (bid, bid_qty) = (value::price(ticker.bid_px)?, value::book_qty(ticker.bid_sz)?);
    let (ask, ask_qty) = (value::price(ticker.ask_px)?, value::book_qty(ticker.ask_sz)?);
    Ok(Some((at, Body::Quote { bid, bid_qty, ask, ask_qty })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkPrice<'a> {
    inst_id: &'a str,
    mark_px: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn mark(text: &str, native: &str, _: Nanos) -> Found {
    let mark: MarkPrice = parse(text)?;
    agree(native, mark.inst_id)?;
    Ok(Some((mark.ts.millis()?, Body::Mark { price: value::price(mark.mark_px)? })))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IndexTicker<'a> {
    inst_id: &'a str,
    idx_px: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn index(text: &str, pair: &str, _: Nanos) -> Found {
    let index: IndexTicker = parse(text)?;
    agree(pair, index.inst_id)?;
    Ok(Some((index.ts.millis()?, Body::Index { price: value::price(index.idx_px)? })))
}

/// The time was added in 2024; before, it happened when it came.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FundingRate<'a> {
    inst_id: &'a str,
    #[serde(rename = "fundingRate")]
    rate: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    ts: Option<Number<'a>>,
}

pub(super) fn funding(text: &str, native: &str, recv_at: Nanos) -> Found {
    let funding: FundingRate = parse(text)?;
    agree(native, funding.inst_id)?;
    let at = funding.ts.map_or(Ok(recv_at), Number::millis)?;
    Ok(Some((at, Body::Funding { rate: value::rate(funding.rate)? })))
}

/// In contracts; the same in coins and dollars stands beside it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenInterest<'a> {
    inst_id: &'a str,
    oi: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

pub(super) fn interest(text: &str, native: &str, _: Nanos) -> Found {
    let interest: OpenInterest = parse(text)?;
    agree(native, interest.inst_id)?;
    Ok(Some((interest.ts.millis()?, Body::OpenInterest { qty: value::book_qty(interest.oi)? })))
}

/// The liquidations of one contract.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfContract<'a> {
    inst_id: &'a str,
    #[serde(borrow)]
    details: &'a RawValue,
}

/// A list of contracts, each with a list of liquidations; contracts that nobody asked for are passed over.
pub(super) fn liquidations(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let before = out.len();
    let (mut is_elsewhere, mut fault) = (false, None);
    let found = frame::each(data, out, |element, out| {
        let contract: OfContract = parse(element)?;
        let market = cx.markets.find(contract.inst_id);
        is_elsewhere |= market.is_none();
        let Some(market) = market else { return Ok(()) };
        let inner = frame::each(contract.details.get(), out, |detail, out| {
            let (venue_at, body) = liquidation(detail).map_err(|reason| reason.at(market))?;
            cx.tell(market, venue_at, [body], out);
            Ok(())
        })?;
        if let Decoded::Partly(refusal) = inner {
            fault.get_or_insert(refusal);
        }
        Ok(())
    })?;
    match (found, fault) {
        (Decoded::Data, Some(refusal)) => Ok(Decoded::Partly(refusal)),
        (Decoded::Data, None) if is_elsewhere && out.len() == before => Ok(Decoded::Elsewhere),
        (found, _) => Ok(found),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    side: &'a str,
    pos_side: &'a str,
    bk_px: &'a str,
    sz: &'a str,
    #[serde(borrow)]
    ts: Number<'a>,
}

fn liquidation(text: &str) -> Result<(Nanos, Body), Reason> {
    let detail: Detail = parse(text)?;
    let liquidated = match (detail.pos_side, detail.side) {
        ("long" | "net", "sell") => Liquidated::Long,
        ("short" | "net", "buy") => Liquidated::Short,
        _ => return Err(Reason::OutOfRange),
    };
    let (price, qty) = (value::price(detail.bk_px)?, value::qty(detail.sz)?);
    let (meaning, completeness) = (PriceMeaning::Bankruptcy, Completeness::Sampled);
    Ok((detail.ts.millis()?, Body::Liquidation { price, qty, liquidated, meaning, completeness }))
}
