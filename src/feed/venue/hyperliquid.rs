//! Hyperliquid: perpetuals and spot of an order book on a chain.
//!
//! It publishes no liquidations. Trade ids are hashes that follow no order, so events carry none. The context of an asset has
//! no time: it holds from when it came.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, parse, quoted_behind};
use super::name::{self, Terms};
use super::number::Number;
use super::{Connects, Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, levels, value};
use crate::event::{Aggressor, Body, Completeness, Event, Kind, MarketId, Nanos};
use crate::feed::book::{Books, Head, Link, Way};
use crate::market::ContractSize::Base;
use crate::market::{Market, MarketKind};

/// Hyperliquid's public line.
pub(super) struct Hyperliquid;

/// The only one.
pub(super) static HYPERLIQUID: Hyperliquid = Hyperliquid;

/// The trades of a frame are those of one block. A frame that spans more than this holds the history that is sent at
/// subscribing.
const BLOCK_SECS_MAX: f64 = 5.0;

impl Venue for Hyperliquid {
    fn name(&self) -> &'static str {
        "hyperliquid"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::None
    }

    fn base(&self) -> &'static str {
        "wss://api.hyperliquid.xyz"
    }

    /// An address may have 1000 streams and send 2000 messages a minute.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 20.0, streams_max: 1000, batch_max: 1 }
    }

    fn connects(&self) -> Connects {
        Connects { most: 30, within_secs: 60.0 }
    }

    /// `kPEPE` is a thousand PEPE, and is called as the other venues call it.
    fn instrument(&self, native: &str) -> Option<Market> {
        let market = terms(native)?.market(self.name(), native);
        let asset = if is_thousand(native) { format!("1000{}", market.asset) } else { market.asset };
        Some(Market { asset, ..market })
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        quoted_behind(frame, "\"coin\":\"")
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        Subscription::split("/ws", &streams(markets, kinds), self.limits(), ask)
    }

    /// The line is cut after a minute of silence.
    fn keep_alive(&self) -> Option<(f64, &'static str)> {
        Some((30.0, r#"{"method":"ping"}"#))
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        let envelope: Envelope = parse(text)?;
        let data = || envelope.data.map(RawValue::get).ok_or(Reason::MissingField);
        match envelope.channel.ok_or(Reason::UnknownKind)? {
            "trades" => trades(data()?, cx, out),
            "bbo" => bbo(data()?, cx, out),
            "activeAssetCtx" => context(data()?, cx, out),
            "pong" => Ok(Decoded::Heartbeat),
            "subscriptionResponse" => answer(data()?),
            "error" => {
                let fault: Fault = parse(text)?;
                Ok(Decoded::Answer { id: None, result: Err(frame::words(&fault.data)) })
            }
            "l2Book" => Ok(Decoded::Book),
            "candle" | "allMids" | "activeSpotAssetCtx" | "allDexsAssetCtxs" | "notification" => Ok(Decoded::Ignored),
            _ => Err(Reason::UnknownKind.into()),
        }
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let envelope: Envelope = parse(frame::text(frame)?)?;
        book(envelope.data.ok_or(Reason::MissingField)?.get(), cx, books, out)
    }
}

/// The streams that carry `kinds`, market by market. Whether one of them speaks by the clock is nowhere promised.
fn streams(markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
    let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
    let context = wants(&[Kind::Mark, Kind::Index, Kind::Funding, Kind::OpenInterest]);
    let of_market = |(id, native): &(MarketId, &str)| {
        let is_perp = terms(native).is_some_and(|terms| terms.kind == MarketKind::Perp);
        [
            ("trades", Kind::Trade, wants(&[Kind::Trade])),
            ("bbo", Kind::Quote, wants(&[Kind::Quote])),
            ("l2Book", Kind::Depth, wants(&[Kind::Depth])),
            ("activeAssetCtx", Kind::Mark, is_perp && context),
        ]
        .into_iter()
        .filter(|(_, _, wanted)| *wanted)
        .map(|(word, kind, _)| Stream { name: format!("{word}:{native}"), market: Some(*id), kind, steady: false })
        .collect::<Vec<_>>()
    };
    markets.iter().flat_map(of_market).collect()
}

/// The message of a request: one stream, without an id. Answers come in the order of the requests.
fn ask(_: u64, streams: &[Stream]) -> String {
    let name = streams.first().map_or("", |stream| stream.name.as_str());
    let (word, coin) = name.split_once(':').unwrap_or((name, ""));
    serde_json::json!({"method": "subscribe", "subscription": {"type": word, "coin": coin}}).to_string()
}

/// What a frame may have at its top, whatever it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    channel: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// Why a request was refused.
#[derive(Deserialize)]
struct Fault<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Response<'a> {
    method: &'a str,
}

fn answer(data: &str) -> Result<Decoded, Refusal> {
    match parse::<Response>(data)?.method {
        "subscribe" => Ok(Decoded::Answer { id: None, result: Ok(()) }),
        "unsubscribe" => Ok(Decoded::Ignored),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// One fill; `side` is the taker's: `B` bought, `A` sold.
#[derive(Deserialize)]
struct Trade<'a> {
    coin: &'a str,
    side: &'a str,
    px: &'a str,
    sz: &'a str,
    #[serde(borrow)]
    time: Number<'a>,
}

fn trades(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let before = out.len();
    let found = frame::each(data, out, |element, out| {
        let trade: Trade = parse(element)?;
        let market = cx.market(trade.coin)?;
        let (venue_at, body) = read(&trade).map_err(|reason| reason.at(market))?;
        cx.tell(market, venue_at, [body], out);
        Ok(())
    });
    without_history(out, before);
    found
}

fn read(trade: &Trade) -> Result<(Nanos, Body), Reason> {
    let aggressor = match trade.side {
        "B" => Aggressor::Buy,
        "A" => Aggressor::Sell,
        _ => return Err(Reason::OutOfRange),
    };
    let body = Body::Trade { price: value::price(trade.px)?, qty: value::qty(trade.sz)?, id: 0, aggressor };
    Ok((trade.time.millis()?, body))
}

/// Of a history only the newest trade stays: taken at one instant, the moves of hours would look like a jump.
fn without_history(out: &mut Vec<Event>, before: usize) {
    let trades = || out.iter().skip(before);
    let oldest = trades().map(|event| event.venue_at).min();
    let newest = trades().max_by_key(|event| event.venue_at).copied();
    if let (Some(oldest), Some(newest)) = (oldest, newest)
        && newest.venue_at.secs_since(oldest) > BLOCK_SECS_MAX
    {
        out.truncate(before);
        out.push(newest);
    }
}

/// Best bid and ask; `null` where a side is empty.
#[derive(Deserialize)]
struct Bbo<'a> {
    coin: &'a str,
    #[serde(borrow)]
    time: Number<'a>,
    #[serde(borrow, rename = "bbo")]
    levels: (Option<Level<'a>>, Option<Level<'a>>),
}

#[derive(Deserialize)]
struct Level<'a> {
    px: &'a str,
    sz: &'a str,
}

fn bbo(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let bbo: Bbo = parse(data)?;
    let market = cx.market(bbo.coin)?;
    let (venue_at, body) = best(&bbo).map_err(|reason| reason.at(market))?;
    let is_quote = body.is_some();
    cx.tell(market, venue_at, body, out);
    Ok(if is_quote { Decoded::Data } else { Decoded::Ignored })
}

fn best(bbo: &Bbo) -> Result<(Nanos, Option<Body>), Reason> {
    let level = |level: &Option<Level>| {
        level.as_ref().map(|level| Ok((value::price(level.px)?, value::book_qty(level.sz)?))).transpose()
    };
    let (bid, ask): (_, Result<_, Reason>) = (level(&bbo.levels.0)?, level(&bbo.levels.1));
    let body = bid.zip(ask?).map(|((bid, bid_qty), (ask, ask_qty))| Body::Quote { bid, bid_qty, ask, ask_qty });
    Ok((bbo.time.millis()?, body))
}

/// The best twenty levels of each side, bids first: always whole.
#[derive(Deserialize)]
struct WholeBook<'a> {
    coin: &'a str,
    #[serde(borrow)]
    time: Number<'a>,
    #[serde(borrow)]
    levels: (&'a RawValue, &'a RawValue),
}

fn book(data: &str, cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let message: WholeBook = parse(data)?;
    let market = cx.market(message.coin)?;
    let venue_at = message.time.millis().map_err(|reason| reason.at(market))?;
    let head = Head { market, venue_at, recv_at: cx.recv_at, link: Link::Whole(None) };
    levels::take(head, cx, books, out, |book| {
        levels::objects(book, Way::Bid, message.levels.0.get())?;
        levels::objects(book, Way::Ask, message.levels.1.get())
    })
}

/// Mark, oracle price (the index here), hourly funding and open interest in coins.
#[derive(Deserialize)]
struct AssetContext<'a> {
    coin: &'a str,
    #[serde(borrow)]
    ctx: Asset<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asset<'a> {
    mark_px: &'a str,
    oracle_px: &'a str,
    funding: &'a str,
    open_interest: &'a str,
}

fn context(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let context: AssetContext = parse(data)?;
    let market = cx.market(context.coin)?;
    let bodies = bodies(&context.ctx).map_err(|reason| reason.at(market))?;
    cx.tell(market, cx.recv_at, bodies, out);
    Ok(Decoded::Data)
}

fn bodies(asset: &Asset) -> Result<[Body; 4], Reason> {
    Ok([
        Body::Mark { price: value::price(asset.mark_px)? },
        Body::Index { price: value::price(asset.oracle_px)? },
        Body::Funding { rate: value::rate(asset.funding)? },
        Body::OpenInterest { qty: value::book_qty(asset.open_interest)? },
    ])
}

/// `BTC` and `kPEPE`, `xyz:TSLA` (a perpetual of another deployer), `PURR/USDC` and `@107` (spot, by name and by number).
fn terms(native: &str) -> Option<Terms<'_>> {
    let spot = |asset, quote| Terms { asset, quote, kind: MarketKind::Spot, contract: Base(1.0) };
    if let Some(number) = native.strip_prefix('@') {
        let is_number = (1..=6).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
        return is_number.then_some(spot(native, "USDC"));
    }
    if let Some((asset, quote)) = native.split_once('/') {
        return (name::is_asset(asset) && name::is_asset(quote)).then_some(spot(asset, quote));
    }
    let (dex, coin) = native.split_once(':').map_or((None, native), |(dex, coin)| (Some(dex), coin));
    let is_dex = |dex: &str| (1..=8).contains(&dex.len()) && dex.bytes().all(|byte| byte.is_ascii_lowercase());
    let asset = coin.strip_prefix('k').unwrap_or(coin);
    let is_name = dex.is_none_or(is_dex) && name::is_asset(asset);
    is_name.then_some(Terms { asset, quote: "USD", kind: MarketKind::Perp, contract: Base(1.0) })
}

/// Whether a unit is a thousand coins: a `k` before the coin, after the deployer.
fn is_thousand(native: &str) -> bool {
    !native.contains('/') && native.rsplit(':').next().is_some_and(|coin| coin.starts_with('k'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_asset_money_kind_and_size() {
        for (native, want) in [
            ("BTC", "BTC/USD Perp Base(1.0)"),
            ("kPEPE", "1000PEPE/USD Perp Base(1.0)"),
            ("xyz:TSLA", "TSLA/USD Perp Base(1.0)"),
            ("xyz:kPEPE", "1000PEPE/USD Perp Base(1.0)"),
            ("PURR/USDC", "PURR/USDC Spot Base(1.0)"),
            ("@107", "@107/USDC Spot Base(1.0)"),
        ] {
            let market = HYPERLIQUID.instrument(native).expect(native);
            assert_eq!(format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract), want);
        }
        for native in [
            "", "k", "btc", "kkPEPE", "@", "@x", "@1234567", "@+1", "/", "PURR/", "/USDC", "kA/USDC", "XYZ:TSLA", ":",
            "a:", ":A", "a:b:C", "B-C", "<b>",
        ] {
            assert_eq!(HYPERLIQUID.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn each_stream_is_asked_for_alone_and_spot_has_no_marks() {
        let markets = [(MarketId(0), "BTC"), (MarketId(1), "@107"), (MarketId(2), "xyz:TSLA")];
        let [all] = &HYPERLIQUID.subscribe(&markets, &Kind::ALL)[..] else { panic!("one connection") };
        assert_eq!(all.url(HYPERLIQUID.base()), "wss://api.hyperliquid.xyz/ws");
        let names: Vec<&str> = all.streams.iter().map(|stream| stream.name.as_str()).collect();
        let want = [
            "trades:BTC",
            "bbo:BTC",
            "l2Book:BTC",
            "activeAssetCtx:BTC",
            "trades:@107",
            "bbo:@107",
            "l2Book:@107",
            "trades:xyz:TSLA",
            "bbo:xyz:TSLA",
            "l2Book:xyz:TSLA",
            "activeAssetCtx:xyz:TSLA",
        ];
        assert_eq!(names, want);
        assert_eq!(all.requests.len(), names.len());
        let want = r#"{"method":"subscribe","subscription":{"coin":"xyz:TSLA","type":"activeAssetCtx"}}"#;
        assert_eq!(all.requests[10].text, want);
        assert_eq!(HYPERLIQUID.subscribe(&markets, &[Kind::Liquidation]), []);
    }
}
