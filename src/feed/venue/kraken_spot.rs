//! Kraken spot, version 2 of its protocol: trades, best bid and ask, books, and what the venue says of itself.

mod book;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, Message, nullable, parse, present};
use super::name::{Terms, is_asset};
use super::number::Number;
use super::rfc3339::rfc3339;
use super::{AGAIN, Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, levels};
use crate::event::{Aggressor, Body, Completeness, Event, Kind, MarketId, Nanos, VenueStatus};
use crate::feed::book::Books;
use crate::market::{ContractSize, Market, MarketKind};

/// Kraken spot.
pub(super) struct KrakenSpot;

impl Venue for KrakenSpot {
    fn name(&self) -> &'static str {
        "kraken-spot"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::None
    }

    fn base(&self) -> &'static str {
        "wss://ws.kraken.com"
    }

    /// Answers come one a symbol, all with the id of the request: so a request asks for one symbol. No limit is stated.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 10.0, streams_max: 200, batch_max: 1 }
    }

    /// `BTC/USD`. The old `XBT/USD`, which the venue's own lists still give, is refused by this protocol.
    fn instrument(&self, native: &str) -> Option<Market> {
        let (asset, quote) = native.split_once('/')?;
        let is_coin = |text| is_asset(text) && !matches!(text, "XBT" | "XDG");
        let (kind, contract) = (MarketKind::Spot, ContractSize::Base(1.0));
        (is_coin(asset) && is_coin(quote)).then(|| Terms { asset, quote, kind, contract }.market(self.name(), native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        frame::quoted_behind(frame, "\"symbol\":\"")
    }

    /// `trade_id` counts the trades of one book.
    fn trade_ids_contiguous(&self) -> bool {
        true
    }

    /// The status comes unasked, with the connection.
    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        let channels = [("trade", Kind::Trade), ("ticker", Kind::Quote), ("book", Kind::Depth)];
        let stream = |(id, native): &(MarketId, &str), (channel, kind): &(&str, Kind)| Stream {
            name: format!("{channel}:{native}"),
            market: Some(*id),
            kind: *kind,
            steady: false,
        };
        let wanted: Vec<_> = channels.into_iter().filter(|(_, kind)| kinds.contains(kind)).collect();
        let streams: Vec<Stream> =
            markets.iter().flat_map(|market| wanted.iter().map(move |what| stream(market, what))).collect();
        Subscription::split("/v2", &streams, self.limits(), ask)
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        match envelope {
            Envelope { method: Some(method), .. } => answered(method, &envelope),
            Envelope { channel: Some("heartbeat"), .. } => Ok(Decoded::Heartbeat),
            Envelope { channel: Some(channel), r#type: Some(kind), data: Some(data), .. } => {
                told(channel, kind, data.get(), cx, out)
            }
            Envelope { error: Some(words), .. } => {
                Ok(Decoded::Answer { id: envelope.req_id, result: Err(frame::words(words.get())) })
            }
            _ => Err(Reason::UnknownKind.into()),
        }
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let (Some(form), Some(data)) = (envelope.r#type, envelope.data) else {
            return Err(Reason::MissingField.into());
        };
        levels::messages(data.get(), out, |one, out| book::read(one, form == "snapshot", cx, books, out))
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", AGAIN, streams), ask(AGAIN, streams)])
    }
}

/// The message of a request. Streams are named `channel:SYMBOL`. A ticker comes with every change of the best bid or ask,
/// and begins with the present one; trades begin with the next.
fn ask(id: u64, streams: &[Stream]) -> String {
    say("subscribe", id, streams)
}

fn say(method: &str, id: u64, streams: &[Stream]) -> String {
    let names = || streams.iter().filter_map(|stream| stream.name.split_once(':'));
    let symbols: Vec<&str> = names().map(|(_, symbol)| symbol).collect();
    let params = match names().next() {
        Some(("ticker", _)) => serde_json::json!({"channel": "ticker", "symbol": symbols, "event_trigger": "bbo"}),
        Some(("book", _)) => serde_json::json!({"channel": "book", "symbol": symbols, "depth": book::LEVELS}),
        _ => serde_json::json!({"channel": "trade", "symbol": symbols, "snapshot": false}),
    };
    serde_json::json!({"method": method, "params": params, "req_id": id}).to_string()
}

/// What a frame may have at its top.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    channel: Option<&'a str>,
    #[serde(borrow)]
    r#type: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a str>,
    req_id: Option<u64>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

fn answered(method: &str, envelope: &Envelope) -> Result<Decoded, Refusal> {
    let result = match (method, envelope.success, envelope.error) {
        ("pong", None, None) => return Ok(Decoded::Heartbeat),
        ("unsubscribe", Some(true), None) => return Ok(Decoded::Ignored),
        ("subscribe", Some(true), None) => Ok(()),
        (_, _, Some(words)) => Err(frame::words(words.get())),
        ("subscribe", Some(false), None) => Err("not done".to_owned()),
        _ => return Err(Reason::UnknownKind.into()),
    };
    Ok(Decoded::Answer { id: envelope.req_id, result })
}

/// The one place that knows every channel. A snapshot of trades tells of the past.
fn told(channel: &str, kind: &str, data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match (channel, kind) {
        ("trade", "update") => frame::each(data, out, |one, out| frame::one::<Trade>(one, cx, out)),
        ("ticker", "update" | "snapshot") => frame::each(data, out, |one, out| frame::one::<Ticker>(one, cx, out)),
        ("status", "update" | "snapshot") => frame::each(data, out, |one, out| status(one, cx, out)),
        ("book", "update" | "snapshot") => Ok(Decoded::Book),
        ("trade", "snapshot") | ("ohlc" | "instrument" | "level3", "update" | "snapshot") => Ok(Decoded::Ignored),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// One trade; `side` is the taker's.
#[derive(Deserialize)]
struct Trade<'a> {
    symbol: &'a str,
    side: &'a str,
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(borrow)]
    qty: Number<'a>,
    #[serde(rename = "trade_id")]
    id: u64,
    timestamp: &'a str,
}

impl<'a> Message<'a> for Trade<'a> {
    type Bodies = [Option<Body>; 1];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let aggressor = match self.side {
            "buy" => Aggressor::Buy,
            "sell" => Aggressor::Sell,
            _ => return Err(Reason::OutOfRange),
        };
        let (price, qty, id) = (self.price.price()?, self.qty.qty()?, self.id);
        Ok((rfc3339(self.timestamp)?, [Some(Body::Trade { price, qty, id, aggressor })]))
    }
}

/// Best bid and ask; a side without orders has a price of `null` or 0. Older frames carry no time.
#[derive(Deserialize)]
struct Ticker<'a> {
    symbol: &'a str,
    #[serde(borrow, deserialize_with = "nullable")]
    bid: Option<Number<'a>>,
    #[serde(borrow)]
    bid_qty: Number<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    ask: Option<Number<'a>>,
    #[serde(borrow)]
    ask_qty: Number<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a str>,
}

impl<'a> Message<'a> for Ticker<'a> {
    type Bodies = [Option<Body>; 1];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, cx: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let side = |price: Option<Number>| Ok::<_, Reason>(price.map(Number::price_unless_zero).transpose()?.flatten());
        let (bid, ask) = (side(self.bid)?, side(self.ask)?);
        let (bid_qty, ask_qty) = (self.bid_qty.book_qty()?, self.ask_qty.book_qty()?);
        let quote = bid.zip(ask).map(|(bid, ask)| Body::Quote { bid, bid_qty, ask, ask_qty });
        Ok((self.timestamp.map_or(Ok(cx.recv_at), rfc3339)?, [quote]))
    }
}

/// What the venue says of itself, and so of every market. It carries no time.
fn status(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    #[derive(Deserialize)]
    struct Status<'a> {
        system: &'a str,
    }
    let status = match parse::<Status>(data)?.system {
        "online" => VenueStatus::Online,
        "cancel_only" => VenueStatus::CancelOnly,
        "post_only" => VenueStatus::PostOnly,
        "maintenance" => VenueStatus::Maintenance,
        _ => return Err(Reason::OutOfRange.into()),
    };
    if out.len() >= frame::EVENTS_MAX {
        return Err(Reason::TooLarge.into());
    }
    cx.markets.iter().for_each(|(id, _)| cx.tell(id, cx.recv_at, [Body::Status { status }], out));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_coin_and_money_in_the_words_of_this_protocol() {
        let market = KrakenSpot.instrument("BTC/USD").expect("a market");
        assert_eq!(format!("{}/{} {:?}", market.asset, market.quote, market.contract), "BTC/USD Base(1.0)");
        for native in [
            "",
            "/",
            "BTC",
            "BTC/",
            "/USD",
            "XBT/USD",
            "XDG/USD",
            "ETH/XBT",
            "btc/usd",
            "BTC-USD",
            "BTC/USD/X",
            "<b>/USD",
        ] {
            assert_eq!(KrakenSpot.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn every_symbol_and_channel_has_a_request_of_its_own() {
        let markets = [(MarketId(0), "BTC/USD"), (MarketId(1), "ETH/USD")];
        let one = KrakenSpot.subscribe(&markets, &Kind::ALL).remove(0);
        assert_eq!(one.url(KrakenSpot.base()), "wss://ws.kraken.com/v2");
        let texts: Vec<&str> = one.requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(
            texts[..3],
            [
                r#"{"method":"subscribe","params":{"channel":"trade","snapshot":false,"symbol":["BTC/USD"]},"req_id":1}"#,
                r#"{"method":"subscribe","params":{"channel":"ticker","event_trigger":"bbo","symbol":["BTC/USD"]},"req_id":2}"#,
                r#"{"method":"subscribe","params":{"channel":"book","depth":500,"symbol":["BTC/USD"]},"req_id":3}"#,
            ]
        );
        assert_eq!(texts.len(), 6);
        assert_eq!(KrakenSpot.subscribe(&markets, &[Kind::Liquidation, Kind::Mark]), []);
    }
}
