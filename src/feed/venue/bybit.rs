//! Bybit v5: linear, inverse and spot. One decoder; the three differ in the descriptors below.
//!
//! The side of a liquidation is that of the *position*: `Buy` is a long that was liquidated. Its price is the bankruptcy price.
//! Trades carry UUIDs, or numbers that are not promised to rise, so their events carry no id.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, parse, present};
use super::level::{Best, quote};
use super::name::{self, Terms};
use super::number::Number;
use super::{Decoded, Limits, MarketLookup, Reason, Refusal, Stream, Subscription, Venue, value};
use crate::event::{Aggressor, Body, Completeness, Event, Kind, Liquidated, MarketId, Nanos, PriceMeaning};
use crate::market::ContractSize::{Base, Quote};
use crate::market::{Market, MarketKind};

/// One of Bybit's three market data services.
pub(super) struct Bybit {
    name: &'static str,
    path: &'static str,
    liquidations: Completeness,
    /// Streams in one request: spot takes ten.
    batch_max: usize,
    terms: fn(&str) -> Option<Terms<'_>>,
}

/// Perpetuals and futures settled in USDT and USDC; quantities are coins.
pub(super) static LINEAR: Bybit = Bybit {
    name: "bybit-linear",
    path: "/v5/public/linear",
    liquidations: Completeness::Full,
    batch_max: 100,
    terms: linear,
};

/// Perpetuals and futures settled in coins; quantities are contracts of 1 USD.
pub(super) static INVERSE: Bybit = Bybit {
    name: "bybit-inverse",
    path: "/v5/public/inverse",
    liquidations: Completeness::Full,
    batch_max: 100,
    terms: inverse,
};

/// Spot: no liquidations, no marks.
pub(super) static SPOT: Bybit =
    Bybit { name: "bybit-spot", path: "/v5/public/spot", liquidations: Completeness::None, batch_max: 10, terms: spot };

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

    /// The names of all streams of a connection may have 21,000 characters together: 400 names are far below.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 5.0, streams_max: 400, batch_max: self.batch_max }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        (self.terms)(native).map(|terms| terms.market(self.name, native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        let head = std::str::from_utf8(frame.get(..frame.len().min(256))?).ok()?;
        let (_, rest) = head.split_once("\"topic\":\"")?;
        let (_, native) = rest.split_once('"')?.0.rsplit_once('.')?;
        Some(native.to_owned())
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        Subscription::split(self.path, &self.streams(markets, kinds), self.limits(), ask)
    }

    fn keep_alive(&self) -> Option<(f64, &'static str)> {
        Some((20.0, r#"{"op":"ping"}"#))
    }

    fn decode(
        &self,
        frame: &[u8],
        recv_at: Nanos,
        markets: &MarketLookup,
        out: &mut Vec<Event>,
    ) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let Some(topic) = envelope.topic else { return answer(envelope) };
        let (kind, native) = topic.rsplit_once('.').ok_or(Reason::UnknownKind)?;
        let data = envelope.data.ok_or(Reason::MissingField)?.get();
        let read = match kind {
            "publicTrade" => trade,
            "allLiquidation" => liquidation,
            "tickers" => return one(ticker, native, &envelope, Tape { recv_at, markets, out }),
            "orderbook.1" => return one(best, native, &envelope, Tape { recv_at, markets, out }),
            "liquidation" => return one(sampled_liquidation, native, &envelope, Tape { recv_at, markets, out }),
            "kline" | "insurance" | "priceLimit" | "adlAlert" => return Ok(Decoded::Ignored),
            _ if kind.starts_with("orderbook.") || kind.starts_with("kline.") => return Ok(Decoded::Ignored),
            _ => return Err(Reason::UnknownKind.into()),
        };
        let market = markets.find(native).ok_or(Reason::UnknownMarket)?;
        frame::each(data, out, |element, out| {
            let event = read(element, native).map_err(|reason| reason.at(market))?;
            out.extend(event.map(|(venue_at, body)| Event { venue_at, recv_at, market, body }));
            Ok(())
        })
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
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    serde_json::json!({"op": "subscribe", "args": names, "req_id": id.to_string()}).to_string()
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
        (Some("subscribe"), Some(true)) => Ok(Decoded::Answer { id, result: Ok(()) }),
        (_, Some(false)) => Ok(Decoded::Answer { id, result: Err(frame::words(&ret_msg.unwrap_or_default())) }),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// Where the events of a frame go.
struct Tape<'c> {
    recv_at: Nanos,
    markets: &'c MarketLookup,
    out: &'c mut Vec<Event>,
}

/// A message that is one object with its time in the envelope: its events, all or none.
fn one<'a>(
    read: fn(&str, &Envelope<'a>) -> Result<Bodies, Reason>,
    native: &str,
    envelope: &Envelope<'a>,
    tape: Tape,
) -> Result<Decoded, Refusal> {
    let market = tape.markets.find(native).ok_or(Reason::UnknownMarket)?;
    let (venue_at, bodies) = read(native, envelope).map_err(|reason| reason.at(market))?;
    let before = tape.out.len();
    let event = |body| Event { venue_at, recv_at: tape.recv_at, market, body };
    tape.out.extend(bodies.into_iter().flatten().map(event));
    Ok(if tape.out.len() == before { Decoded::Ignored } else { Decoded::Data })
}

/// At most as many events as a message can have, and when they happened.
type Bodies = (Nanos, [Option<Body>; 4]);

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

fn ticker(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
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

fn best(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
    if envelope.form != Some("snapshot") {
        return Err(Reason::UnknownKind);
    }
    let book: Book = data(envelope)?;
    agree(native, book.s)?;
    let at = envelope.cts.or(envelope.ts).ok_or(Reason::MissingField)?.millis()?;
    Ok((at, [quote(&book.b, &book.a)?, None, None, None]))
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
fn trade(text: &str, native: &str) -> Result<Option<(Nanos, Body)>, Reason> {
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

fn liquidation(text: &str, native: &str) -> Result<Option<(Nanos, Body)>, Reason> {
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

fn sampled_liquidation(native: &str, envelope: &Envelope) -> Result<Bodies, Reason> {
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

/// `BTCUSDT`, `BTCPERP` (in USDC), `BTCUSDT-26DEC25`, `BTC-26DEC25` (in USDC).
fn linear(native: &str) -> Option<Terms<'_>> {
    let (pair, kind) = match native.split_once('-') {
        Some((pair, date)) if name::is_ddmmmyy(date) => (pair, MarketKind::Future),
        Some(_) => return None,
        None => (native, MarketKind::Perp),
    };
    let in_usdt = name::split(pair, &["USDT"]);
    let in_usdc = || match kind {
        MarketKind::Perp => pair.strip_suffix("PERP"),
        _ => Some(pair),
    };
    let (asset, quote) = in_usdt.or_else(|| Some((in_usdc()?, "USDC")))?;
    // The one coin whose number stands behind it.
    let asset = if asset == "SHIB1000" { "1000SHIB" } else { asset };
    name::is_asset(asset).then_some(Terms { asset, quote, kind, contract: Base(1.0) })
}

/// `BTCUSD`, or `BTCUSDZ25` for a dated one.
fn inverse(native: &str) -> Option<Terms<'_>> {
    let (pair, kind) = match native.strip_suffix("USD") {
        Some(_) => (native, MarketKind::Perp),
        None => (native.strip_suffix(|c: char| c.is_ascii_digit())?, MarketKind::Future),
    };
    let pair = match kind {
        MarketKind::Perp => pair,
        _ => pair.strip_suffix(|c: char| c.is_ascii_digit())?.strip_suffix(['H', 'M', 'U', 'Z'])?,
    };
    let (asset, quote) = name::split(pair, &["USD"])?;
    Some(Terms { asset, quote, kind, contract: Quote(1.0) })
}

/// `BTCUSDT`.
fn spot(native: &str) -> Option<Terms<'_>> {
    const QUOTES: [&str; 13] =
        ["USDT", "USDC", "USDE", "USD1", "USDQ", "EUR", "BRL", "PLN", "TRY", "BTC", "ETH", "DAI", "MNT"];
    let (asset, quote) = name::split(native, &QUOTES)?;
    Some(Terms { asset, quote, kind: MarketKind::Spot, contract: Base(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_asset_money_kind_and_size() {
        for (venue, native, want) in [
            (&LINEAR, "BTCUSDT", "BTC/USDT Perp Base(1.0)"),
            (&LINEAR, "1000PEPEUSDT", "1000PEPE/USDT Perp Base(1.0)"),
            (&LINEAR, "SHIB1000USDT", "1000SHIB/USDT Perp Base(1.0)"),
            (&LINEAR, "BTCPERP", "BTC/USDC Perp Base(1.0)"),
            (&LINEAR, "BTC-26DEC25", "BTC/USDC Future Base(1.0)"),
            (&LINEAR, "BTCUSDT-26DEC25", "BTC/USDT Future Base(1.0)"),
            (&INVERSE, "BTCUSD", "BTC/USD Perp Quote(1.0)"),
            (&INVERSE, "BTCUSDZ25", "BTC/USD Future Quote(1.0)"),
            (&SPOT, "BTCUSDT", "BTC/USDT Spot Base(1.0)"),
            (&SPOT, "ETHBTC", "ETH/BTC Spot Base(1.0)"),
        ] {
            let market = venue.instrument(native).expect(native);
            assert_eq!((market.venue.as_str(), market.native.as_str()), (venue.name, native));
            assert_eq!(format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract), want);
        }
    }

    #[test]
    fn each_service_knows_its_own_names_only() {
        for native in
            ["", "USDT", "PERP", "BTC", "BTCUSD", "BTCUSDZ25", "btcusdt", "BTC-26DEC25-90000-C", "BTC-PERP", "<b>USDT"]
        {
            assert_eq!(LINEAR.instrument(native), None, "{native}");
        }
        for native in ["", "USD", "Z25", "USDZ25", "BTCUSDT", "BTCUSDA25", "BTCUSDZ2", "BTC-USD", "ÄUSD", "BTCUSD25"] {
            assert_eq!(INVERSE.instrument(native), None, "{native}");
        }
        for native in ["", "USDT", "BTCUSD", "BTC-26DEC25", "BTC/USDT", "btcusdt"] {
            assert_eq!(SPOT.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn streams_go_out_in_the_batches_that_each_service_takes() {
        let markets = [(MarketId(0), "BTCUSDT"), (MarketId(1), "ETHUSDT")];
        let [all] = &LINEAR.subscribe(&markets, &Kind::ALL)[..] else { panic!("one connection") };
        assert_eq!(all.url(LINEAR.base()), "wss://stream.bybit.com/v5/public/linear");
        let names: Vec<&str> = all.streams.iter().map(|stream| stream.name.as_str()).collect();
        assert_eq!(
            names[..4],
            ["publicTrade.BTCUSDT", "allLiquidation.BTCUSDT", "tickers.BTCUSDT", "orderbook.1.BTCUSDT"]
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
