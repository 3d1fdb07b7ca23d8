//! Coinbase Advanced Trade: spot. The venue numbers the messages of a connection, so that a lost one is seen.
//!
//! The side of a trade is the *maker's*. Quotes come with trades and at no other time. Markets in USDC are not published under
//! their own names: the venue sends those in USD instead.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, parse, quoted_behind};
use super::name::{self, Terms};
use super::rfc3339::rfc3339;
use super::{Connects, Decoded, Limits, Reason, Refusal, Request, Stream, Subscription, Venue, value};
use crate::event::{Aggressor, Body, Completeness, Event, Kind, MarketId, Nanos};
use crate::market::ContractSize::Base;
use crate::market::{Market, MarketKind};

/// Coinbase's public line.
pub(super) struct Coinbase;

/// The only one.
pub(super) static COINBASE: Coinbase = Coinbase;

impl Venue for Coinbase {
    fn name(&self) -> &'static str {
        "coinbase"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::None
    }

    fn base(&self) -> &'static str {
        "wss://advanced-trade-ws.coinbase.com"
    }

    /// Eight messages a second from those who do not sign them, one channel each.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 8.0, streams_max: 100, batch_max: 1 }
    }

    fn connects(&self) -> Connects {
        Connects { most: 8, within_secs: 1.0 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        terms(native).map(|terms| terms.market(self.name(), native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        quoted_behind(frame, "\"product_id\":\"")
    }

    fn sequence(&self, frame: &[u8]) -> Option<u64> {
        parse::<Numbered>(frame::text(frame).ok()?).ok()?.sequence_num
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        let mut all = Subscription::split("", &streams(markets, kinds), self.limits(), ask);
        for subscription in &mut all {
            // Without heartbeats a quiet line is closed after a minute.
            let text = r#"{"channel":"heartbeats","type":"subscribe"}"#.to_owned();
            subscription.requests.insert(0, Request { id: 0, text, streams: 0, answered: true });
        }
        all
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        let Some(channel) = envelope.channel else { return error(&envelope) };
        let events = || envelope.events.map(RawValue::get).ok_or(Reason::MissingField);
        match channel {
            "market_trades" => trades(events()?, cx, out),
            "ticker" => {
                let venue_at = rfc3339(envelope.timestamp.ok_or(Reason::MissingField)?)?;
                tickers(events()?, venue_at, cx, out)
            }
            "heartbeats" => Ok(Decoded::Heartbeat),
            "subscriptions" => Ok(Decoded::Answer { id: None, result: Ok(()) }),
            "l2_data" | "candles" | "status" | "ticker_batch" => Ok(Decoded::Ignored),
            _ => Err(Reason::UnknownKind.into()),
        }
    }
}

/// The streams that carry `kinds`, market by market.
fn streams(markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
    let channels = [("market_trades", Kind::Trade), ("ticker", Kind::Quote)];
    let wanted: Vec<_> = channels.into_iter().filter(|(_, kind)| kinds.contains(kind)).collect();
    let stream = |(id, native): &(MarketId, &str), (channel, kind): &(&str, Kind)| Stream {
        name: format!("{channel}:{native}"),
        market: Some(*id),
        kind: *kind,
        steady: false,
    };
    markets.iter().flat_map(|market| wanted.iter().map(move |what| stream(market, what))).collect()
}

/// The message of a request: one channel of one market, without an id. Answers come in the order of the requests.
fn ask(_: u64, streams: &[Stream]) -> String {
    let name = streams.first().map_or("", |stream| stream.name.as_str());
    let (channel, native) = name.split_once(':').unwrap_or((name, ""));
    serde_json::json!({"type": "subscribe", "channel": channel, "product_ids": [native]}).to_string()
}

/// The number of a message.
#[derive(Deserialize)]
struct Numbered {
    sequence_num: Option<u64>,
}

/// What a frame may have at its top, whatever it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    channel: Option<&'a str>,
    #[serde(borrow)]
    timestamp: Option<&'a str>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    form: Option<&'a str>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

/// What a frame without a channel is.
fn error(envelope: &Envelope) -> Result<Decoded, Refusal> {
    match (envelope.form, &envelope.message) {
        (Some("error"), Some(words)) => Ok(Decoded::Answer { id: None, result: Err(frame::words(words)) }),
        (Some("error"), None) => Err(Reason::MissingField.into()),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// Reads the elements of a list inside a list. A fault of one inner element is put into `fault`.
fn inner<'a>(
    list: &'a RawValue,
    out: &mut Vec<Event>,
    fault: &mut Option<Refusal>,
    read: impl FnMut(&'a str, &mut Vec<Event>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    if let Decoded::Partly(refusal) = frame::each(list.get(), out, read)? {
        fault.get_or_insert(refusal);
    }
    Ok(())
}

fn with_fault(found: Decoded, fault: Option<Refusal>) -> Decoded {
    match (found, fault) {
        (Decoded::Data, Some(refusal)) => Decoded::Partly(refusal),
        (found, _) => found,
    }
}

/// Trades since the last message, or at subscribing the latest ones of the market.
#[derive(Deserialize)]
struct Trades<'a> {
    #[serde(rename = "type")]
    form: &'a str,
    #[serde(borrow)]
    trades: &'a RawValue,
}

fn trades(events: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let mut fault = None;
    let found = frame::each(events, out, |event, out| {
        let event: Trades = parse(event)?;
        let is_history = match event.form {
            "snapshot" => true,
            "update" => false,
            _ => return Err(Reason::OutOfRange.into()),
        };
        let before = out.len();
        inner(event.trades, out, &mut fault, |element, out| {
            let trade: Trade = parse(element)?;
            let market = cx.market(trade.product_id)?;
            let (venue_at, body) = read(&trade).map_err(|reason| reason.at(market))?;
            cx.tell(market, venue_at, [body], out);
            Ok(())
        })?;
        in_order(out, before, is_history);
        Ok(())
    })?;
    Ok(with_fault(found, fault))
}

/// Trades come newest first; ids must rise. Of a history only the newest one of each market stays: taken at one instant, the
/// moves of hours would look like a jump.
fn in_order(out: &mut Vec<Event>, from: usize, is_history: bool) {
    let id = |event: &Event| match event.body {
        Body::Trade { id, .. } => id,
        _ => 0,
    };
    let mut trades: Vec<Event> = out.drain(from..).collect();
    trades.sort_by_key(|event| (event.market, std::cmp::Reverse(id(event))));
    if is_history {
        trades.dedup_by_key(|event| event.market);
    }
    trades.sort_by_key(|event| (event.market, id(event)));
    out.append(&mut trades);
}

#[derive(Deserialize)]
struct Trade<'a> {
    product_id: &'a str,
    #[serde(rename = "trade_id")]
    id: &'a str,
    price: &'a str,
    size: &'a str,
    side: &'a str,
    time: &'a str,
}

/// The maker's side: one who was bought from sold, and the taker bought.
fn read(trade: &Trade) -> Result<(Nanos, Body), Reason> {
    let aggressor = match trade.side {
        "BUY" => Aggressor::Sell,
        "SELL" => Aggressor::Buy,
        "UNKNOWN_ORDER_SIDE" => Aggressor::Unknown,
        _ => return Err(Reason::OutOfRange),
    };
    let (price, qty, id) = (value::price(trade.price)?, value::qty(trade.size)?, value::whole(trade.id)?);
    Ok((rfc3339(trade.time)?, Body::Trade { price, qty, id, aggressor }))
}

#[derive(Deserialize)]
struct Tickers<'a> {
    #[serde(borrow)]
    tickers: &'a RawValue,
}

/// Best bid and ask at the time of the message.
#[derive(Deserialize)]
struct Ticker<'a> {
    product_id: &'a str,
    best_bid: &'a str,
    best_bid_quantity: &'a str,
    best_ask: &'a str,
    best_ask_quantity: &'a str,
}

fn tickers(events: &str, venue_at: Nanos, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let mut fault = None;
    let found = frame::each(events, out, |event, out| {
        let event: Tickers = parse(event)?;
        inner(event.tickers, out, &mut fault, |element, out| {
            let ticker: Ticker = parse(element)?;
            let market = cx.market(ticker.product_id)?;
            let body = quote(&ticker).map_err(|reason| reason.at(market))?;
            cx.tell(market, venue_at, [body], out);
            Ok(())
        })
    })?;
    Ok(with_fault(found, fault))
}

fn quote(ticker: &Ticker) -> Result<Body, Reason> {
    let (bid, bid_qty) = (value::price(ticker.best_bid)?, value::book_qty(ticker.best_bid_quantity)?);
    let (ask, ask_qty) = (value::price(ticker.best_ask)?, value::book_qty(ticker.best_ask_quantity)?);
    Ok(Body::Quote { bid, bid_qty, ask, ask_qty })
}

/// `BTC-USD`. Of the markets in USDC only two have data of their own.
fn terms(native: &str) -> Option<Terms<'_>> {
    let (asset, quote) = native.split_once('-')?;
    let is_published = quote != "USDC" || matches!(asset, "USDT" | "EURC");
    let is_plain = is_published && name::is_asset(asset) && name::is_asset(quote);
    is_plain.then_some(Terms { asset, quote, kind: MarketKind::Spot, contract: Base(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_coin_and_money_and_those_in_usdc_are_sent_as_usd() {
        for (native, want) in [("BTC-USD", "BTC/USD"), ("ETH-BTC", "ETH/BTC"), ("USDT-USDC", "USDT/USDC")] {
            let market = COINBASE.instrument(native).expect(native);
            assert_eq!(format!("{}/{}", market.asset, market.quote), want);
            assert_eq!((market.kind, market.contract), (MarketKind::Spot, Base(1.0)));
        }
        for native in
            ["", "-", "BTC", "BTC-", "-USD", "BTC-USDC", "btc-usd", "BTC/USD", "BTC-PERP-INTX", "BTC-USD-X", "<b>-USD"]
        {
            assert_eq!(COINBASE.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn every_connection_asks_for_heartbeats_first() {
        let names: Vec<String> = (0..60).map(|number| format!("A{number}-USD")).collect();
        let markets: Vec<_> = (0..).map(MarketId).zip(names.iter().map(String::as_str)).collect();
        let all = COINBASE.subscribe(&markets, &[Kind::Trade, Kind::Quote, Kind::Mark]);
        let counts: Vec<_> = all.iter().map(|one| (one.requests.len(), one.streams.len())).collect();
        assert_eq!(counts, [(101, 100), (21, 20)]);
        for one in &all {
            assert_eq!(one.url(COINBASE.base()), "wss://advanced-trade-ws.coinbase.com");
            assert_eq!(one.requests[0].text, r#"{"channel":"heartbeats","type":"subscribe"}"#);
            assert_eq!(one.requests.iter().map(|request| request.streams).sum::<usize>(), one.streams.len());
        }
        let want = r#"{"channel":"ticker","product_ids":["A0-USD"],"type":"subscribe"}"#;
        assert_eq!(all[0].requests[2].text, want);
        assert_eq!(COINBASE.subscribe(&markets, &[Kind::Mark]), []);
    }

    #[test]
    fn every_message_has_a_number_whatever_else_it_is() {
        for (frame, want) in [
            (r#"{"channel":"heartbeats","sequence_num":7,"events":[]}"#, Some(7)),
            (r#"{"channel":"nobody knows","sequence_num":0}"#, Some(0)),
            (r#"{"channel":"market_trades","sequence_num":8,"events":"broken"}"#, Some(8)),
            (r#"{"channel":"market_trades","client_id":"\"sequence_num\":9","events":[{"sequence_num":9}]}"#, None),
            (r#"{"type":"error","message":"no"}"#, None),
            (r#"{"sequence_num":-1}"#, None),
            (r#"{"sequence_num":"1"}"#, None),
            (r#"{"sequence_num":1,"sequence_num":2}"#, None),
            (r#"{"sequence_num":1"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(COINBASE.sequence(frame.as_bytes()), want, "{frame}");
        }
    }
}
