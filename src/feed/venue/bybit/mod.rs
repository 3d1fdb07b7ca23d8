//! Bybit v5: linear, inverse and spot. One decoder; the three differ in the descriptors below.
//!
//! The side of a liquidation is that of the *position*: `Buy` is a long that was liquidated. Its price is the bankruptcy price.
//! Trades carry UUIDs, or numbers that are not promised to rise, so their events carry no id.

mod message;
mod symbol;

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use self::message::Bodies;
use super::frame::{self, Context, parse, present, quoted_behind};
use super::name::Terms;
use super::number::Number;
use super::{AGAIN, Connects, Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue};
use crate::event::{Completeness, Event, Kind, MarketId};
use crate::feed::book::Books;
use crate::market::Market;

/// One of Bybit's three market data services.
pub(super) struct Bybit {
    name: &'static str,
    path: &'static str,
    liquidations: Completeness,
    terms: fn(&str) -> Option<Terms<'_>>,
}

/// Perpetuals and futures settled in USDT and USDC; quantities are coins.
pub(super) static LINEAR: Bybit =
    Bybit { name: "bybit-linear", path: "/v5/public/linear", liquidations: Completeness::Full, terms: symbol::linear };

/// Perpetuals and futures settled in coins; quantities are contracts of 1 USD.
pub(super) static INVERSE: Bybit = Bybit {
    name: "bybit-inverse",
    path: "/v5/public/inverse",
    liquidations: Completeness::Full,
    terms: symbol::inverse,
};

/// Spot: no liquidations, no marks.
pub(super) static SPOT: Bybit =
    Bybit { name: "bybit-spot", path: "/v5/public/spot", liquidations: Completeness::None, terms: symbol::spot };

impl Venue for Bybit {
    fn name(&self) -> &'static str {
        self.name
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        self.liquidations
    }

    fn base(&self) -> &'static str {
        "wss://stream.bybit.com"
    }

    /// The names of all streams of a connection may have 21,000 characters together: 350 of the longest have fewer. Spot takes
    /// ten a request; the others would take more, but one name that is refused takes its whole request with it.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 10.0, streams_max: 350, batch_max: 10 }
    }

    fn connects(&self) -> Connects {
        Connects { most: 500, within_secs: 300.0 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        (self.terms)(native).map(|terms| terms.market(self.name, native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        let topic = quoted_behind(frame, "\"topic\":\"")?;
        topic.rsplit_once('.').map(|(_, native)| native.to_owned())
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        Subscription::split(self.path, &self.streams(markets, kinds), self.limits(), ask)
    }

    fn keep_alive(&self) -> Option<(f64, &'static str)> {
        Some((20.0, r#"{"op":"ping"}"#))
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let Some(topic) = envelope.topic else { return answer(envelope) };
        let (kind, native) = topic.rsplit_once('.').ok_or(Reason::UnknownKind)?;
        let data = envelope.data.ok_or(Reason::MissingField)?.get();
        let read = match kind {
            "publicTrade" => message::trade,
            "allLiquidation" => message::liquidation,
            "tickers" => return one(message::ticker, native, &envelope, cx, out),
            "orderbook.1" => return one(message::best, native, &envelope, cx, out),
            "liquidation" => {
                return one(message::sampled_liquidation, native, &envelope, cx, out);
            }
            "kline" | "insurance" | "priceLimit" | "adlAlert" => return Ok(Decoded::Ignored),
            _ if kind.starts_with("orderbook.") => return Ok(Decoded::Book),
            _ if kind.starts_with("kline.") => return Ok(Decoded::Ignored),
            _ => return Err(Reason::UnknownKind.into()),
        };
        let market = cx.market(native)?;
        frame::each(data, out, |element, out| {
            let event = read(element, native).map_err(|reason| reason.at(market))?;
            if let Some((venue_at, body)) = event {
                cx.tell(market, venue_at, [body], out);
            }
            Ok(())
        })
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let (_, native) = envelope.topic.and_then(|topic| topic.rsplit_once('.')).ok_or(Reason::UnknownKind)?;
        message::book(native, &envelope, cx, books, out)
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", AGAIN, streams), ask(AGAIN, streams)])
    }
}

impl Bybit {
    /// The streams that carry `kinds`, market by market. Quotes come from the book's first level, which is sent whole; the
    /// ticker's bid and ask come in parts.
    fn streams(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
        let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
        let futures = self.liquidations != Completeness::None;
        let wanted: Vec<(&str, Kind)> = [
            ("publicTrade", Kind::Trade, wants(&[Kind::Trade])),
            ("allLiquidation", Kind::Liquidation, futures && wants(&[Kind::Liquidation])),
            ("tickers", Kind::Mark, futures && wants(&[Kind::Mark, Kind::Index, Kind::Funding, Kind::OpenInterest])),
            ("orderbook.1", Kind::Quote, wants(&[Kind::Quote])),
            ("orderbook.200", Kind::Depth, wants(&[Kind::Depth])),
        ]
        .into_iter()
        .filter_map(|(word, kind, wanted)| wanted.then_some((word, kind)))
        .collect();
        let stream = |(id, native): &(MarketId, &str), (word, kind): &(&str, Kind)| Stream {
            name: format!("{word}.{native}"),
            market: Some(*id),
            kind: *kind,
            // The first level is sent again after three seconds without a change.
            steady: *kind == Kind::Quote,
        };
        markets.iter().flat_map(|market| wanted.iter().map(move |what| stream(market, what))).collect()
    }
}

/// The message of a request.
fn ask(id: u64, streams: &[Stream]) -> String {
    say("subscribe", id, streams)
}

fn say(op: &str, id: u64, streams: &[Stream]) -> String {
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    serde_json::json!({"op": op, "args": names, "req_id": id.to_string()}).to_string()
}

/// What a frame may have at its top, whatever it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    topic: Option<&'a str>,
    #[serde(borrow, rename = "type")]
    form: Option<&'a str>,
    #[serde(borrow)]
    ts: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    cts: Option<Number<'a>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    op: Option<&'a str>,
    success: Option<bool>,
    #[serde(borrow)]
    req_id: Option<&'a str>,
    #[serde(borrow)]
    ret_msg: Option<Cow<'a, str>>,
}

/// What a frame without a topic is: an answer, or a sign of life.
fn answer(envelope: Envelope) -> Result<Decoded, Refusal> {
    let Envelope { op, success, req_id, ret_msg, .. } = envelope;
    let id = req_id.and_then(|id| id.parse().ok());
    match (op, success) {
        (Some("pong"), _) | (Some("ping"), Some(true)) => Ok(Decoded::Heartbeat),
        (Some("unsubscribe"), Some(true)) => Ok(Decoded::Ignored),
        (Some("subscribe"), Some(true)) => Ok(Decoded::Answer { id, result: Ok(()) }),
        (_, Some(false)) => Ok(Decoded::Answer { id, result: Err(frame::words(&ret_msg.unwrap_or_default())) }),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// A message that is one object with its time in the envelope: its events, all or none.
fn one<'a>(
    read: fn(&str, &Envelope<'a>) -> Result<Bodies, Reason>,
    native: &str,
    envelope: &Envelope<'a>,
    cx: &Context,
    out: &mut Vec<Event>,
) -> Result<Decoded, Refusal> {
    let market = cx.market(native)?;
    let (venue_at, bodies) = read(native, envelope).map_err(|reason| reason.at(market))?;
    let before = out.len();
    cx.tell(market, venue_at, bodies.into_iter().flatten(), out);
    Ok(if out.len() == before { Decoded::Ignored } else { Decoded::Data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_go_out_in_batches_of_ten() {
        let markets = [(MarketId(0), "BTCUSDT"), (MarketId(1), "ETHUSDT")];
        let [all] = &LINEAR.subscribe(&markets, &Kind::ALL)[..] else { panic!("one connection") };
        assert_eq!(all.url(LINEAR.base()), "wss://stream.bybit.com/v5/public/linear");
        let names: Vec<&str> = all.streams.iter().map(|stream| stream.name.as_str()).collect();
        assert_eq!(
            names[..5],
            [
                "publicTrade.BTCUSDT",
                "allLiquidation.BTCUSDT",
                "tickers.BTCUSDT",
                "orderbook.1.BTCUSDT",
                "orderbook.200.BTCUSDT"
            ]
        );
        assert!(all.requests[0].text.ends_with(r#"],"op":"subscribe","req_id":"1"}"#), "{}", all.requests[0].text);
        assert_eq!(SPOT.subscribe(&markets, &[Kind::Liquidation, Kind::Mark]), []);
        let many: Vec<_> = (0..31).map(|id| (MarketId(id), "BTCUSDT")).collect();
        let [spot] = &SPOT.subscribe(&many, &[Kind::Trade])[..] else { panic!("one connection") };
        assert_eq!(spot.requests.iter().map(|request| request.streams).collect::<Vec<_>>(), [10, 10, 10, 1]);
    }

    #[test]
    fn names_of_a_full_connection_stay_below_the_limit_of_characters() {
        let name = format!("{}USDT-26DEC25", "A".repeat(24));
        let markets: Vec<_> = (0..400).map(|id| (MarketId(id), name.as_str())).collect();
        for subscription in LINEAR.subscribe(&markets, &[Kind::Liquidation]) {
            let characters: usize = subscription.streams.iter().map(|stream| stream.name.len() + 3).sum();
            assert!(characters <= 21_000, "{characters}");
        }
    }
}
