//! Partial books: the best levels, whole every time, so that nothing is missed for longer than the next message takes.
//!
//! Futures send them as `depthUpdate`, the word of the stream of changes; only the name of the stream tells them apart. Spot
//! sends neither symbol nor time: the market is that of the stream, and it was so when it came.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::Context;
use crate::event::{Event, MarketId, Nanos};
use crate::feed::book::{Books, Head, Link, Way};
use crate::feed::venue::frame::{self, parse, present};
use crate::feed::venue::{Decoded, Reason, Refusal, levels};

/// The longest symbol there is, and more.
const SYMBOL_MAX: usize = 64;

#[derive(Deserialize)]
struct Wrapper<'a> {
    stream: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

#[derive(Deserialize)]
#[allow(non_snake_case, reason = "the venue's own letters")]
struct Partial<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    s: Option<&'a str>,
    #[serde(default, deserialize_with = "present")]
    T: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    E: Option<i64>,
    #[serde(borrow, alias = "b")]
    bids: &'a RawValue,
    #[serde(borrow, alias = "a")]
    asks: &'a RawValue,
}

/// Reads a message of a combined stream.
pub(super) fn read(frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let wrapper: Wrapper = parse(frame::text(frame)?)?;
    let partial: Partial = parse(wrapper.data.get())?;
    let (symbol, _) = wrapper.stream.split_once('@').ok_or(Reason::UnknownKind)?;
    let market = market(symbol, cx).ok_or(Reason::UnknownMarket)?;
    if partial.s.is_some_and(|said| cx.markets.find(said) != Some(market)) {
        return Err(Reason::UnknownMarket.into());
    }
    let venue_at = partial.T.or(partial.E).map_or(Ok(cx.recv_at), cx.venue.time);
    let venue_at: Nanos = venue_at.map_err(|reason| reason.at(market))?;
    let head = Head { market, venue_at, recv_at: cx.recv_at, link: Link::Whole(None) };
    let cx = frame::Context { recv_at: cx.recv_at, markets: cx.markets };
    levels::take(head, &cx, books, out, |book| {
        levels::pairs(book, Way::Bid, partial.bids.get())?;
        levels::pairs(book, Way::Ask, partial.asks.get())
    })
}

/// The market of a stream, whose name has the symbol in small letters.
fn market(symbol: &str, cx: &Context) -> Option<MarketId> {
    let mut room = [0_u8; SYMBOL_MAX];
    let name = room.get_mut(..symbol.len())?;
    name.copy_from_slice(symbol.as_bytes());
    name.make_ascii_uppercase();
    cx.markets.find(std::str::from_utf8(name).ok()?)
}
