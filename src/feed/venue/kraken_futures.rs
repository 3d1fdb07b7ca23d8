//! Kraken Futures: inverse and linear contracts. A trade says by its type whether it closed somebody by force.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::frame::{self, Context, Message, parse, present};
use super::name::{Terms, coin, is_yymmdd, split};
use super::number::Number;
use super::{Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, levels, value};
use crate::event::{
    Aggressor, Body, Completeness, Event, Kind, Liquidated, MarketId, Nanos, PriceMeaning, VenueStatus,
};
use crate::feed::book::{Books, Head, Level, Link, Way};
use crate::market::{ContractSize, Market, MarketKind};

/// Kraken Futures.
pub(super) struct KrakenFutures;

/// Kinds that the ticker carries.
const TICKER: [Kind; 6] = [Kind::Quote, Kind::Mark, Kind::Index, Kind::Funding, Kind::OpenInterest, Kind::Status];

impl Venue for KrakenFutures {
    fn name(&self) -> &'static str {
        "kraken-futures"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::Full
    }

    fn base(&self) -> &'static str {
        "wss://futures.kraken.com"
    }

    /// Answers carry no id and come one a product, in order: so a request asks for one product. The venue takes 100
    /// requests a second.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 50.0, streams_max: 400, batch_max: 1 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        terms(native).map(|terms| terms.market(self.name(), native))
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        frame::quoted_behind(frame, "\"product_id\":\"")
    }

    /// `seq` of trades counts the trades of one product, over all connections: in recordings, 1000 trades without a hole,
    /// and the first live ones follow on the last ones of the snapshots. It is no number of the connection's messages
    /// (books have another one, tickers have none), so it serves as id, and there is no [`Venue::sequence`].
    fn trade_ids_contiguous(&self) -> bool {
        true
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
        let feeds = [
            ("trade", Kind::Trade, false, wants(&[Kind::Trade, Kind::Liquidation])),
            ("ticker", Kind::Mark, true, wants(&TICKER)),
            ("book", Kind::Depth, false, wants(&[Kind::Depth])),
        ];
        let of_market = |(id, native): &(MarketId, &str)| {
            let stream = |(feed, kind, steady, _): &(&str, Kind, bool, bool)| Stream {
                name: format!("{feed}:{native}"),
                market: Some(*id),
                kind: *kind,
                steady: *steady,
            };
            feeds.iter().filter(|(.., wanted)| *wanted).map(stream).collect::<Vec<_>>()
        };
        let streams: Vec<Stream> = markets.iter().flat_map(of_market).collect();
        Subscription::split("/ws/v1", &streams, self.limits(), |_, streams| say("subscribe", streams))
    }

    /// The venue closes a line on which no ping of the protocol came for a minute.
    fn ping_every(&self) -> Option<f64> {
        Some(30.0)
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        let envelope: Envelope = parse(text)?;
        match envelope {
            Envelope { event: Some(event), message, .. } => happened(event, message),
            Envelope { feed: Some(feed), .. } => told(feed, text, cx, out),
            _ => Err(Reason::UnknownKind.into()),
        }
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        match parse::<Envelope>(text)?.feed {
            Some("book_snapshot") => whole_book(text, cx, books, out),
            _ => change_of_book(text, cx, books, out),
        }
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", streams), say("subscribe", streams)])
    }
}

/// The message of a request; the venue has no ids for them. Streams are named `feed:PRODUCT`.
fn say(event: &str, streams: &[Stream]) -> String {
    let names = || streams.iter().filter_map(|stream| stream.name.split_once(':'));
    let feed = names().next().map_or("", |(feed, _)| feed);
    let products: Vec<&str> = names().map(|(_, product)| product).collect();
    serde_json::json!({"event": event, "feed": feed, "product_ids": products}).to_string()
}

/// `PI_XBTUSD` and `FI_XBTUSD_251226` (inverse: a contract is 1 USD), `PF_XBTUSD` and `FF_XBTUSD_251226` (in coins).
fn terms(native: &str) -> Option<Terms<'_>> {
    let mut parts = native.split('_');
    let (product, pair, date) = (parts.next()?, parts.next()?, parts.next());
    let kind = match (product, date) {
        ("PI" | "PF", None) => MarketKind::Perp,
        ("FI" | "FF", Some(date)) if is_yymmdd(date) && parts.next().is_none() => MarketKind::Future,
        _ => return None,
    };
    let (asset, quote) = split(pair, &["USDT", "USDC", "USD", "EUR"])?;
    let contract = if product.ends_with('I') { ContractSize::Quote(1.0) } else { ContractSize::Base(1.0) };
    Some(Terms { asset: coin(asset), quote, kind, contract })
}

/// What a frame may have at its top.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<&'a str>,
    #[serde(borrow)]
    feed: Option<&'a str>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

/// Answers and greetings. A refusal says neither feed nor product.
fn happened(event: &str, message: Option<&RawValue>) -> Result<Decoded, Refusal> {
    let result = match event {
        "info" | "unsubscribed" => return Ok(Decoded::Ignored),
        "subscribed" => Ok(()),
        "alert" | "error" | "subscribed_failed" => {
            Err(message.map_or(event.to_owned(), |words| frame::words(words.get())))
        }
        _ => return Err(Reason::UnknownKind.into()),
    };
    Ok(Decoded::Answer { id: None, result })
}

/// The one place that knows every feed. A snapshot of trades tells of the past, newest first.
fn told(feed: &str, text: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match feed {
        "trade" => frame::one::<Trade>(text, cx, out)?,
        "ticker" => frame::one::<Ticker>(text, cx, out)?,
        "heartbeat" => return Ok(Decoded::Heartbeat),
        "book" | "book_snapshot" => return Ok(Decoded::Book),
        "trade_snapshot" | "ticker_lite" => return Ok(Decoded::Ignored),
        _ => return Err(Reason::UnknownKind.into()),
    }
    Ok(Decoded::Data)
}

/// One trade; `side` is the taker's. Who is closed by force is taken to be the taker, as his orders go to the market; the venue
/// does not say it. A `termination` comes where a liquidation did not suffice, at the price at which the account is worth
/// nothing. A `block` was agreed off the book, an `assignment` hands a position over: trades like any other here, because
/// `seq` counts them all.
#[derive(Deserialize)]
struct Trade<'a> {
    product_id: &'a str,
    side: &'a str,
    r#type: &'a str,
    seq: u64,
    time: i64,
    #[serde(borrow)]
    qty: Number<'a>,
    #[serde(borrow)]
    price: Number<'a>,
}

impl<'a> Message<'a> for Trade<'a> {
    type Bodies = [Option<Body>; 2];

    fn native(&self) -> &'a str {
        self.product_id
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let (price, qty, id) = (self.price.price()?, self.qty.qty()?, self.seq);
        let (aggressor, liquidated) = match self.side {
            "buy" => (Aggressor::Buy, Liquidated::Short),
            "sell" => (Aggressor::Sell, Liquidated::Long),
            _ => return Err(Reason::OutOfRange),
        };
        let meaning = match self.r#type {
            "liquidation" => Some(PriceMeaning::Fill),
            "termination" => Some(PriceMeaning::Bankruptcy),
            "fill" | "block" | "assignment" => None,
            _ => return Err(Reason::OutOfRange),
        };
        let completeness = Completeness::Full;
        let forced = |meaning| Body::Liquidation { price, qty, liquidated, meaning, completeness };
        Ok((value::millis(self.time)?, [Some(Body::Trade { price, qty, id, aggressor }), meaning.map(forced)]))
    }
}

/// A whole book; `seq` numbers the messages of the books of one product.
#[derive(Deserialize)]
struct WholeBook<'a> {
    product_id: &'a str,
    timestamp: i64,
    seq: u64,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    asks: &'a RawValue,
}

fn whole_book(text: &str, cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let message: WholeBook = parse(text)?;
    let market = cx.market(message.product_id)?;
    let venue_at = value::millis(message.timestamp).map_err(|reason| reason.at(market))?;
    let head = Head { market, venue_at, recv_at: cx.recv_at, link: Link::Whole(Some(message.seq)) };
    levels::take(head, cx, books, out, |book| {
        levels::objects(book, Way::Bid, message.bids.get())?;
        levels::objects(book, Way::Ask, message.asks.get())
    })
}

/// What rests at one price now; nothing where it is gone.
#[derive(Deserialize)]
struct Change<'a> {
    product_id: &'a str,
    side: &'a str,
    seq: u64,
    timestamp: i64,
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(borrow)]
    qty: Number<'a>,
}

fn change_of_book(text: &str, cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let change: Change = parse(text)?;
    let market = cx.market(change.product_id)?;
    let venue_at = value::millis(change.timestamp).map_err(|reason| reason.at(market))?;
    let link = Link::Change { after: Some(change.seq.wrapping_sub(1)), number: Some(change.seq) };
    levels::take(Head { market, venue_at, recv_at: cx.recv_at, link }, cx, books, out, |book| {
        let way = match change.side {
            "buy" => Way::Bid,
            "sell" => Way::Ask,
            _ => return Err(Reason::OutOfRange),
        };
        book.set(way, Level::new(change.price.price()?, change.qty.book_qty()?));
        Ok(())
    })
}

/// The state of a product. `funding_rate` is money a contract; the rate is the relative one, left out while it is zero.
#[derive(Deserialize)]
struct Ticker<'a> {
    product_id: &'a str,
    time: i64,
    #[serde(rename = "markPrice", borrow)]
    mark: Number<'a>,
    #[serde(borrow, default, deserialize_with = "present")]
    index: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    relative_funding_rate: Option<Number<'a>>,
    #[serde(rename = "openInterest", borrow, default, deserialize_with = "present")]
    open_interest: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    bid: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    bid_size: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    ask: Option<Number<'a>>,
    #[serde(borrow, default, deserialize_with = "present")]
    ask_size: Option<Number<'a>>,
    #[serde(default, deserialize_with = "present")]
    suspended: Option<bool>,
    #[serde(default)]
    post_only: bool,
}

impl<'a> Message<'a> for Ticker<'a> {
    type Bodies = [Option<Body>; 6];

    fn native(&self) -> &'a str {
        self.product_id
    }

    fn read(&self, _: &Context) -> Result<(Nanos, Self::Bodies), Reason> {
        let status = self.suspended.map(|suspended| match (suspended, self.post_only) {
            (true, _) => VenueStatus::Maintenance,
            (false, true) => VenueStatus::PostOnly,
            (false, false) => VenueStatus::Online,
        });
        let bodies = [
            Some(Body::Mark { price: self.mark.price()? }),
            self.index.map(Number::price).transpose()?.map(|price| Body::Index { price }),
            self.relative_funding_rate.map(Number::rate).transpose()?.map(|rate| Body::Funding { rate }),
            self.open_interest.map(Number::book_qty).transpose()?.map(|qty| Body::OpenInterest { qty }),
            quote(self)?,
            status.map(|status| Body::Status { status }),
        ];
        Ok((value::millis(self.time)?, bodies))
    }
}

/// Both sides of the book, where both have an order.
fn quote(ticker: &Ticker) -> Result<Option<Body>, Reason> {
    let price = |number: Option<Number>| Ok::<_, Reason>(number.map(Number::price_unless_zero).transpose()?.flatten());
    let (bid, ask) = (price(ticker.bid)?, price(ticker.ask)?);
    let bid_qty = ticker.bid_size.map(Number::book_qty).transpose()?;
    let ask_qty = ticker.ask_size.map(Number::book_qty).transpose()?;
    let quote = |((bid, bid_qty), (ask, ask_qty))| Body::Quote { bid, bid_qty, ask, ask_qty };
    Ok(bid.zip(bid_qty).zip(ask.zip(ask_qty)).map(quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_traded_and_in_which_unit() {
        for (native, want) in [
            ("PI_XBTUSD", "BTC/USD Perp Quote(1.0)"),
            ("PF_XBTUSD", "BTC/USD Perp Base(1.0)"),
            ("PF_DOGEUSD", "DOGE/USD Perp Base(1.0)"),
            ("FI_ETHUSD_251226", "ETH/USD Future Quote(1.0)"),
            ("FF_XBTUSD_251226", "BTC/USD Future Base(1.0)"),
        ] {
            let market = KrakenFutures.instrument(native).expect(native);
            let found = format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract);
            assert_eq!(found, want, "{native}");
        }
        for native in [
            "",
            "PI",
            "PI_",
            "pi_xbtusd",
            "PI_XBTUSD_251226",
            "FI_XBTUSD",
            "FI_XBTUSD_251226_1",
            "XX_XBTUSD",
            "PI_<b>USD",
        ] {
            assert_eq!(KrakenFutures.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn every_product_has_a_request_of_its_own() {
        let one =
            KrakenFutures.subscribe(&[(MarketId(0), "PI_XBTUSD"), (MarketId(1), "PF_ETHUSD")], &Kind::ALL).remove(0);
        assert_eq!(one.url(KrakenFutures.base()), "wss://futures.kraken.com/ws/v1");
        let texts: Vec<&str> = one.requests.iter().map(|request| request.text.as_str()).collect();
        assert_eq!(texts.len(), 6);
        assert_eq!(texts[4], r#"{"event":"subscribe","feed":"ticker","product_ids":["PF_ETHUSD"]}"#);
        assert_eq!(KrakenFutures.subscribe(&[(MarketId(0), "PI_XBTUSD")], &[Kind::MarkIv]), []);
    }
}
