//! OKX v5: spot, swaps and futures on one public line.
//!
//! Quantities of swaps and futures are contracts. The price of a liquidation is the bankruptcy price; `posSide` tells whose
//! position it was, or `net`, where the side of the closing order tells. Liquidations come by class of instrument, at most one
//! a second and contract.

mod message;
mod symbol;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, parse, quoted_behind};
use super::{AGAIN, Connects, Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, levels};
use crate::event::{Completeness, Event, Kind, MarketId};
use crate::feed::book::Books;
use crate::market::{Market, MarketKind};

/// OKX's public line.
pub(super) struct Okx;

/// The only one.
pub(super) static OKX: Okx = Okx;

impl Venue for Okx {
    fn name(&self) -> &'static str {
        "okx"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::Sampled
    }

    fn base(&self) -> &'static str {
        "wss://ws.okx.com:8443"
    }

    /// A connection may ask 480 times an hour. Each stream is asked for alone, because the venue answers for each alone.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 10.0, streams_max: 240, batch_max: 1 }
    }

    fn connects(&self) -> Connects {
        Connects { most: 3, within_secs: 1.0 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        symbol::terms(native).map(|terms| terms.market(self.name(), native))
    }

    /// The pair whose index a swap or future follows: `BTC-USDT` of `BTC-USDT-SWAP`.
    fn alias<'a>(&self, native: &'a str) -> Option<&'a str> {
        symbol::pair(native)
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        // An index is of a pair, which is spelled as the spot market is.
        let channel = quoted_behind(frame, "\"channel\":\"")?;
        (channel != "index-tickers").then(|| quoted_behind(frame, "\"instId\":\""))?
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        Subscription::split("/ws/v5/public", &streams(markets, kinds), self.limits(), ask)
    }

    /// The line is cut after 30 s of silence.
    fn keep_alive(&self) -> Option<(f64, &'static str)> {
        Some((20.0, "ping"))
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        if text == "pong" {
            return Ok(Decoded::Heartbeat);
        }
        let envelope: Envelope = parse(text)?;
        if let Some(event) = envelope.event {
            return answer(event, &envelope);
        }
        let arg = envelope.arg.ok_or(Reason::UnknownKind)?;
        let data = || envelope.data.map(RawValue::get).ok_or(Reason::MissingField);
        let read = match arg.channel {
            "trades" | "trades-all" => message::trade,
            "bbo-tbt" => message::best,
            "tickers" => message::ticker,
            "mark-price" => message::mark,
            "index-tickers" => message::index,
            "funding-rate" => message::funding,
            "open-interest" => message::interest,
            "liquidation-orders" => return message::liquidations(data()?, cx, out),
            "books" | "books5" | "books-l2-tbt" | "books50-l2-tbt" => return Ok(Decoded::Book),
            "instruments" | "status" | "price-limit" => return Ok(Decoded::Ignored),
            _ => return Err(Reason::UnknownKind.into()),
        };
        let native = arg.native.ok_or(Reason::MissingField)?;
        let one = cx.markets.find(native);
        let ids = match arg.channel {
            "index-tickers" => cx.markets.behind(native),
            _ => one.as_slice(),
        };
        let first = *ids.first().ok_or(Reason::UnknownMarket)?;
        frame::each(data()?, out, |element, out| {
            let event = read(element, native, cx.recv_at).map_err(|reason| reason.at(first))?;
            if let Some((venue_at, body)) = event {
                out.extend(ids.iter().map(|&market| Event { venue_at, recv_at: cx.recv_at, market, body }));
            }
            Ok(())
        })
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let arg = envelope.arg.ok_or(Reason::UnknownKind)?;
        let market = cx.market(arg.native.ok_or(Reason::MissingField)?)?;
        let is_whole = match (arg.channel, envelope.action) {
            ("books5", None) | (_, Some("snapshot")) => true,
            (_, Some("update")) => false,
            _ => return Err(Reason::UnknownKind.at(market)),
        };
        let data = envelope.data.ok_or(Reason::MissingField)?.get();
        levels::messages(data, out, |element, out| message::book(element, market, is_whole, cx, books, out))
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", AGAIN, streams), ask(AGAIN, streams)])
    }
}

/// The streams that carry `kinds`: market by market, then the index of each pair and the liquidations of each class.
fn streams(markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
    let mut all = Vec::new();
    let mut shared: Vec<Stream> = Vec::new();
    for (id, native) in markets {
        let kind = symbol::terms(native).map(|terms| terms.kind);
        let (is_future, is_perp) = (kind != Some(MarketKind::Spot), kind == Some(MarketKind::Perp));
        for (channel, kind, is_there) in [
            ("trades", Kind::Trade, true),
            ("bbo-tbt", Kind::Quote, true),
            ("books", Kind::Depth, true),
            ("mark-price", Kind::Mark, is_future),
            ("funding-rate", Kind::Funding, is_perp),
            ("open-interest", Kind::OpenInterest, is_future),
        ] {
            if is_there && kinds.contains(&kind) {
                all.push(stream(channel, native, Some(*id), kind));
            }
        }
        let class = if is_perp { "SWAP" } else { "FUTURES" };
        let of_class = stream("liquidation-orders", class, None, Kind::Liquidation);
        let of_pair = symbol::pair(native).map(|pair| stream("index-tickers", pair, Some(*id), Kind::Index));
        let wanted = [is_future.then_some(of_class), of_pair].into_iter().flatten();
        for stream in wanted.filter(|stream| kinds.contains(&stream.kind)) {
            if !shared.iter().any(|known| known.name == stream.name) {
                shared.push(stream);
            }
        }
    }
    all.extend(shared);
    all
}

/// None speaks by the clock often enough: the slowest promise is a mark price every ten seconds.
fn stream(channel: &str, key: &str, market: Option<MarketId>, kind: Kind) -> Stream {
    Stream { name: format!("{channel}:{key}"), market, kind, steady: false }
}

/// The message of a request.
fn ask(id: u64, streams: &[Stream]) -> String {
    say("subscribe", id, streams)
}

fn say(op: &str, id: u64, streams: &[Stream]) -> String {
    let arg = |stream: &Stream| {
        let (channel, key) = stream.name.split_once(':').unwrap_or((&stream.name, ""));
        let field = if channel == "liquidation-orders" { "instType" } else { "instId" };
        serde_json::json!({"channel": channel, field: key})
    };
    let args: Vec<_> = streams.iter().map(arg).collect();
    serde_json::json!({"op": op, "args": args, "id": id.to_string()}).to_string()
}

/// What a frame may have at its top, whatever it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<&'a str>,
    #[serde(borrow)]
    arg: Option<Arg<'a>>,
    #[serde(borrow)]
    action: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a str>,
    #[serde(borrow)]
    code: Option<&'a str>,
    #[serde(borrow)]
    msg: Option<Cow<'a, str>>,
}

/// Which stream a frame is of.
#[derive(Clone, Copy, Deserialize)]
struct Arg<'a> {
    channel: &'a str,
    #[serde(borrow, rename = "instId")]
    native: Option<&'a str>,
}

/// What a frame with an `event` is.
fn answer(event: &str, envelope: &Envelope) -> Result<Decoded, Refusal> {
    let id = envelope.id.and_then(|id| id.parse().ok());
    match (event, envelope.code) {
        ("subscribe", _) => Ok(Decoded::Answer { id, result: Ok(()) }),
        ("error", _) => {
            let words = envelope.msg.as_deref().or(envelope.code).unwrap_or_default();
            Ok(Decoded::Answer { id, result: Err(frame::words(words)) })
        }
        ("unsubscribe" | "channel-conn-count", _) => Ok(Decoded::Ignored),
        // A service upgrade: the connection ends within a minute.
        ("notice", Some("64008")) => Ok(Decoded::Closing),
        _ => Err(Reason::UnknownKind.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_markets_share_is_asked_for_once() {
        let markets = [(MarketId(0), "BTC-USDT-SWAP"), (MarketId(1), "BTC-USDT-251226"), (MarketId(2), "BTC-USDT")];
        let [all] = &OKX.subscribe(&markets, &Kind::ALL)[..] else { panic!("one connection") };
        assert_eq!(all.url(OKX.base()), "wss://ws.okx.com:8443/ws/v5/public");
        let names: Vec<&str> = all.streams.iter().map(|stream| stream.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "trades:BTC-USDT-SWAP",
                "bbo-tbt:BTC-USDT-SWAP",
                "books:BTC-USDT-SWAP",
                "mark-price:BTC-USDT-SWAP",
                "funding-rate:BTC-USDT-SWAP",
                "open-interest:BTC-USDT-SWAP",
                "trades:BTC-USDT-251226",
                "bbo-tbt:BTC-USDT-251226",
                "books:BTC-USDT-251226",
                "mark-price:BTC-USDT-251226",
                "open-interest:BTC-USDT-251226",
                "trades:BTC-USDT",
                "bbo-tbt:BTC-USDT",
                "books:BTC-USDT",
                "liquidation-orders:SWAP",
                "index-tickers:BTC-USDT",
                "liquidation-orders:FUTURES",
            ]
        );
        assert_eq!(all.requests.len(), names.len());
        let text = |place: usize| all.requests[place].text.as_str();
        assert_eq!(text(0), r#"{"args":[{"channel":"trades","instId":"BTC-USDT-SWAP"}],"id":"1","op":"subscribe"}"#);
        assert_eq!(
            text(14),
            r#"{"args":[{"channel":"liquidation-orders","instType":"SWAP"}],"id":"15","op":"subscribe"}"#
        );
        assert_eq!(OKX.subscribe(&markets[2..], &[Kind::Liquidation, Kind::Index, Kind::Mark]), []);
    }
}
