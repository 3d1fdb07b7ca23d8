//! `BitMEX`: tables and what changes in them. Its table of liquidations holds the open orders of the liquidation engine.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, Message, nullable, parse, present};
use super::name::{Terms, coin, is_asset, split};
use super::number::Number;
use super::rfc3339::rfc3339;
use super::{Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, levels};
use crate::event::{Aggressor, Body, Completeness, Event, Kind, Liquidated, MarketId, Nanos, Price, PriceMeaning, Qty};
use crate::feed::book::{Book, Books, Head, Level, Link, Way};
use crate::market::{ContractSize, Market, MarketKind};

/// `BitMEX`.
pub(super) struct Bitmex;

impl Venue for Bitmex {
    fn name(&self) -> &'static str {
        "bitmex"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    /// Every order of the liquidation engine, at its price and with its whole quantity; what it is filled at is not said.
    fn completeness(&self) -> Completeness {
        Completeness::Full
    }

    fn base(&self) -> &'static str {
        "wss://ws.bitmex.com"
    }

    /// Answers carry no id and come one a stream, in order: so a request asks for one stream. No limit is stated.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 10.0, streams_max: 500, batch_max: 1 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        terms(native).map(|terms| terms.market(self.name(), native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        let data = memchr::memmem::find(frame, b"\"data\":[")?;
        frame::quoted_behind(frame.get(data..)?, "\"symbol\":\"")
    }

    /// Ids of trades are random (`trdMatchID`): they tell no order and no hole.
    fn trade_ids_contiguous(&self) -> bool {
        false
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        const INSTRUMENT: [Kind; 4] = [Kind::Mark, Kind::Index, Kind::Funding, Kind::OpenInterest];
        let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
        let tables = [
            ("trade", Kind::Trade, wants(&[Kind::Trade])),
            ("liquidation", Kind::Liquidation, wants(&[Kind::Liquidation])),
            ("instrument", Kind::Mark, wants(&INSTRUMENT)),
            ("quote", Kind::Quote, wants(&[Kind::Quote])),
            ("orderBookL2_25", Kind::Depth, wants(&[Kind::Depth])),
        ];
        let of_market = |(id, native): &(MarketId, &str)| {
            let stream = |(table, kind, _): &(&str, Kind, bool)| Stream {
                name: format!("{table}:{native}"),
                market: Some(*id),
                kind: *kind,
                steady: false,
            };
            // An index has no orders.
            let is_there = |kind: Kind| kind != Kind::Depth || !native.starts_with('.');
            tables.iter().filter(|(_, kind, wanted)| *wanted && is_there(*kind)).map(stream).collect::<Vec<_>>()
        };
        let streams: Vec<Stream> = markets.iter().flat_map(of_market).collect();
        Subscription::split("/realtime", &streams, self.limits(), |_, streams| say("subscribe", streams))
    }

    /// The venue's documents advise to ask on a quiet line every five seconds; it answers `pong`.
    fn keep_alive(&self) -> Option<(f64, &'static str)> {
        Some((5.0, "ping"))
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        if text == "pong" {
            return Ok(Decoded::Heartbeat);
        }
        let envelope: Envelope = parse(text)?;
        let answer = |result| Ok(Decoded::Answer { id: None, result });
        match envelope {
            Envelope { table: Some(table), action: Some(action), data: Some(data), .. } => {
                rows(table, action, data.get(), cx, out)
            }
            Envelope { error: Some(words), .. } => answer(Err(frame::words(words.get()))),
            Envelope { success: Some(true), .. } => answer(Ok(())),
            Envelope { success: Some(false), .. } => answer(Err("not done".to_owned())),
            Envelope { info: Some(_), .. } => Ok(Decoded::Ignored),
            _ => Err(Reason::UnknownKind.into()),
        }
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        book(&parse(frame::text(frame)?)?, cx, books, out)
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", streams), say("subscribe", streams)])
    }
}

/// The message of a request; `BitMEX` has no ids for them.
fn say(op: &str, streams: &[Stream]) -> String {
    let topics: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    serde_json::json!({"op": op, "args": topics}).to_string()
}

/// `XBTUSD` and `XBTU25` (a contract is 1 USD), `XBTUSDT`, `XRPU21` (priced in Bitcoin, a contract is a coin), `.BXBT` (an index).
///
/// A market whose size of a contract is not known is refused, because every sum of its money would be wrong by it: most
/// contracts against a stablecoin, whose names do not tell it, spot, which counts in small parts of a coin, and quanto
/// contracts (`ETHUSD`), whose size moves with the price of Bitcoin.
fn terms(native: &str) -> Option<Terms<'_>> {
    if let Some(index) = native.strip_prefix('.') {
        let sound = index.split('_').all(is_asset);
        let (kind, contract) = (MarketKind::Index, ContractSize::Base(1.0));
        return sound.then_some(Terms { asset: native, quote: "unknown", kind, contract });
    }
    let (pair, kind) = without_month(native).map_or((native, MarketKind::Perp), |pair| (pair, MarketKind::Future));
    let (asset, quote, contract) = match (split(pair, &["USDT", "USDC", "USD", "EUR"]), kind) {
        (Some((asset, quote @ ("USDT" | "USDC"))), _) => (asset, quote, ContractSize::Base(coins(asset)?)),
        (Some(("XBT", "USD")), _) => ("XBT", "USD", ContractSize::Quote(1.0)),
        (None, MarketKind::Future) if pair == "XBT" => ("XBT", "USD", ContractSize::Quote(1.0)),
        (None, MarketKind::Future) if is_asset(pair) => (pair, "XBT", ContractSize::Base(1.0)),
        _ => return None,
    };
    Some(Terms { asset: coin(asset), quote: coin(quote), kind, contract })
}

/// Coins a contract against a stablecoin, where known.
fn coins(asset: &str) -> Option<f64> {
    match asset {
        "XBT" => Some(1e-6),
        "ETH" => Some(1e-5),
        "LTC" => Some(1e-4),
        _ => None,
    }
}

/// `XBTU25` without the letter of its month and its year.
fn without_month(native: &str) -> Option<&str> {
    let (pair, end) = native.split_at_checked(native.len().checked_sub(3)?)?;
    let letter = end.starts_with(|first| "FGHJKMNQUVXZ".contains(first));
    (letter && end.bytes().skip(1).all(|byte| byte.is_ascii_digit()) && !pair.is_empty()).then_some(pair)
}

/// What a frame may have at its top.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    table: Option<&'a str>,
    #[serde(borrow)]
    action: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    filter: Option<&'a RawValue>,
    success: Option<bool>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    info: Option<&'a RawValue>,
}

/// The one place that knows every table. A first image (`partial`) of trades or liquidations tells of the past, and an
/// update of a liquidation tells again of an order that was counted when it came in.
fn rows(table: &str, action: &str, data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match (table, action) {
        ("trade", "insert") => frame::each(data, out, |row, out| frame::one::<Trade>(row, cx, out)),
        ("liquidation", "insert") => frame::each(data, out, |row, out| frame::one::<Liquidation>(row, cx, out)),
        ("quote", "insert" | "partial") => frame::each(data, out, |row, out| frame::one::<Quote>(row, cx, out)),
        ("instrument", "insert" | "partial" | "update") => {
            frame::each(data, out, |row, out| frame::one::<Instrument>(row, cx, out))
        }
        ("orderBookL2" | "orderBookL2_25", "partial" | "insert" | "update" | "delete") => Ok(Decoded::Book),
        (
            "trade"
            | "liquidation"
            | "quote"
            | "instrument"
            | "orderBook10"
            | "funding"
            | "settlement"
            | "insurance"
            | "chat"
            | "connected"
            | "announcement"
            | "publicNotifications",
            "partial" | "insert" | "update" | "delete",
        ) => Ok(Decoded::Ignored),
        _ if table.starts_with("tradeBin") || table.starts_with("quoteBin") => Ok(Decoded::Ignored),
        _ => Err(Reason::UnknownKind.into()),
    }
}

/// One trade, `side` that of the taker, or a print of an index, which has no size.
#[derive(Deserialize)]
struct Trade<'a> {
    timestamp: &'a str,
    symbol: &'a str,
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(borrow, default)]
    size: Option<Number<'a>>,
    #[serde(borrow, default)]
    side: Option<&'a str>,
    #[serde(rename = "trdType", borrow, default, deserialize_with = "present")]
    kind: Option<&'a str>,
}

impl<'a> Message<'a> for Trade<'a> {
    type Bodies = [Option<Body>; 1];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let price = self.price.price()?;
        let body = match self.kind {
            None | Some("Regular") => {
                let qty = self.size.ok_or(Reason::WrongType)?.qty()?;
                let aggressor = match self.side {
                    Some("Buy") => Aggressor::Buy,
                    Some("Sell") => Aggressor::Sell,
                    _ => return Err(Reason::OutOfRange),
                };
                Body::Trade { price, qty, id: 0, aggressor }
            }
            Some("Referential") => Body::Index { price },
            Some(_) => return Err(Reason::OutOfRange),
        };
        Ok((rfc3339(self.timestamp)?, [Some(body)]))
    }
}

/// A new order of the liquidation engine: `Sell` closes a long. It carries no time: it happened when it came.
#[derive(Deserialize)]
struct Liquidation<'a> {
    symbol: &'a str,
    side: &'a str,
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(rename = "leavesQty", borrow)]
    qty: Number<'a>,
}

impl<'a> Message<'a> for Liquidation<'a> {
    type Bodies = [Option<Body>; 1];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, cx: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let liquidated = match self.side {
            "Sell" => Liquidated::Long,
            "Buy" => Liquidated::Short,
            _ => return Err(Reason::OutOfRange),
        };
        let (price, qty) = (self.price.price()?, self.qty.qty()?);
        let (meaning, completeness) = (PriceMeaning::Order, Completeness::Full);
        Ok((cx.recv_at, [Some(Body::Liquidation { price, qty, liquidated, meaning, completeness })]))
    }
}

/// Best bid and ask; `null` where a side is empty.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Quote<'a> {
    timestamp: &'a str,
    symbol: &'a str,
    #[serde(borrow, deserialize_with = "nullable")]
    bid_price: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    bid_size: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    ask_price: Option<Number<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    ask_size: Option<Number<'a>>,
}

impl<'a> Message<'a> for Quote<'a> {
    type Bodies = [Option<Body>; 1];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let (bid, ask) = (side(self.bid_price, self.bid_size)?, side(self.ask_price, self.ask_size)?);
        let quote = bid.zip(ask).map(|((bid, bid_qty), (ask, ask_qty))| Body::Quote { bid, bid_qty, ask, ask_qty });
        Ok((rfc3339(self.timestamp)?, [quote]))
    }
}

/// A level of the book. A change names it by its id; older recordings give no price then, and none gives a size to a level
/// that goes.
#[derive(Deserialize)]
struct Row<'a> {
    symbol: &'a str,
    id: u64,
    side: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    size: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    price: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a str>,
}

/// Whose book a message is of, and since when it is so.
#[derive(Deserialize)]
struct Whose<'a> {
    symbol: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a str>,
}

/// One change may come in several messages, one for each action; between them the book may stand crossed.
fn book(envelope: &Envelope, cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let (Some(action), Some(data)) = (envelope.action, envelope.data) else { return Err(Reason::MissingField.into()) };
    // An empty book names its market in the filter alone.
    let mut first = None;
    levels::each(data.get(), |row: &RawValue| {
        if first.is_none() {
            first = Some(parse::<Whose>(row.get())?);
        }
        Ok(())
    })?;
    let whose = match (first, envelope.filter) {
        (Some(whose), _) => whose,
        (None, Some(filter)) => parse(filter.get())?,
        (None, None) => return Ok(Decoded::Ignored),
    };
    let market = cx.market(whose.symbol)?;
    let venue_at = whose.timestamp.map_or(Ok(cx.recv_at), rfc3339).map_err(|reason| reason.at(market))?;
    let link = if action == "partial" { Link::Whole(None) } else { Link::Change { after: None, number: None } };
    levels::take(Head { market, venue_at, recv_at: cx.recv_at, link }, cx, books, out, |book| {
        levels::each(data.get(), |row: Row| {
            if row.symbol != whose.symbol {
                return Err(Reason::UnknownMarket);
            }
            set(book, action, &row)
        })
    })
}

fn set(book: &mut Book, action: &str, row: &Row) -> Result<(), Reason> {
    let way = match row.side {
        "Buy" => Way::Bid,
        "Sell" => Way::Ask,
        _ => return Err(Reason::OutOfRange),
    };
    let size = || row.size.ok_or(Reason::MissingField)?.qty();
    match action {
        "delete" => book.change(way, row.id, Qty::ZERO),
        "update" => book.change(way, row.id, size()?),
        _ => {
            let price = row.price.ok_or(Reason::MissingField)?.price()?;
            book.set(way, Level { price, qty: size()?, marks: [row.id, 0] });
        }
    }
    if let Some(at) = row.timestamp {
        rfc3339(at)?;
    }
    row.price.map_or(Ok(()), |price| price.price().map(drop))
}

/// One side of the book.
fn side(price: Option<Number>, size: Option<Number>) -> Result<Option<(Price, Qty)>, Reason> {
    let (price, size) = (price.map(Number::price).transpose()?, size.map(Number::book_qty).transpose()?);
    Ok(price.zip(size))
}

/// The state of a market, or what changed of it. The mark is the fair price wherever the venue has one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Instrument<'a> {
    symbol: &'a str,
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a str>,
    #[serde(borrow, default)]
    mark_price: Option<Number<'a>>,
    #[serde(borrow, default)]
    fair_price: Option<Number<'a>>,
    #[serde(borrow, default)]
    indicative_settle_price: Option<Number<'a>>,
    #[serde(borrow, default)]
    funding_rate: Option<Number<'a>>,
    #[serde(borrow, default)]
    open_interest: Option<Number<'a>>,
}

impl<'a> Message<'a> for Instrument<'a> {
    type Bodies = [Option<Body>; 4];

    fn native(&self) -> &'a str {
        self.symbol
    }

    fn read(&self, cx: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let (mark, fair) =
            (self.mark_price.map(Number::price).transpose()?, self.fair_price.map(Number::price).transpose()?);
        let bodies = [
            mark.or(fair).map(|price| Body::Mark { price }),
            self.indicative_settle_price.map(Number::price).transpose()?.map(|price| Body::Index { price }),
            self.funding_rate.map(Number::rate).transpose()?.map(|rate| Body::Funding { rate }),
            self.open_interest.map(Number::book_qty).transpose()?.map(|qty| Body::OpenInterest { qty }),
        ];
        Ok((self.timestamp.map_or(Ok(cx.recv_at), rfc3339)?, bodies))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_traded_and_in_which_unit() {
        for (native, want) in [
            ("XBTUSD", "BTC/USD Perp Quote(1.0)"),
            ("XBTU25", "BTC/USD Future Quote(1.0)"),
            ("XBTUSDT", "BTC/USDT Perp Base(1e-6)"),
            ("XBTUSDTZ25", "BTC/USDT Future Base(1e-6)"),
            ("ETHUSDT", "ETH/USDT Perp Base(1e-5)"),
            ("XRPU21", "XRP/BTC Future Base(1.0)"),
            (".BXBT", ".BXBT/unknown Index Base(1.0)"),
            (".BPENGUT_NEXT", ".BPENGUT_NEXT/unknown Index Base(1.0)"),
        ] {
            let market = Bitmex.instrument(native).expect(native);
            let found = format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract);
            assert_eq!(found, want, "{native}");
        }
        for native in
            ["", ".", "U25", "XBT", "xbtusd", "XBT/USD", "XBT_USDT", "<b>USD", ".<b>", "XBT U25", "ETHUSD", "SOLUSDT"]
        {
            assert_eq!(Bitmex.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn every_stream_has_a_request_of_its_own() {
        let markets = [(MarketId(0), "XBTUSD"), (MarketId(1), "ETHUSDT")];
        let one = Bitmex.subscribe(&markets, &Kind::ALL).remove(0);
        assert_eq!(one.url(Bitmex.base()), "wss://ws.bitmex.com/realtime");
        let texts: Vec<&str> = one.requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(texts.len(), 10);
        assert_eq!(texts[1], r#"{"args":["liquidation:XBTUSD"],"op":"subscribe"}"#);
        assert!(one.requests.iter().all(|request| request.streams == 1));
        assert_eq!(Bitmex.subscribe(&markets, &[Kind::MarkIv, Kind::Status]), []);
        let index = Bitmex.subscribe(&[(MarketId(0), ".BXBT")], &[Kind::Depth]);
        assert_eq!(index, [], "an index has no orders");
    }
}
