//! Binance: USD-M futures, COIN-M futures and spot. One decoder; the three differ in the descriptors below.

mod depth;
mod frame;
mod message;
mod symbol;

use crate::event::{Completeness, Event, Kind, MarketId, Nanos};
use crate::feed::book::Books;
use crate::feed::venue::{Connects, Context, Decoded, Limits, Reason, Refusal, Stream, Subscription, Venue, value};
use crate::market::Market;

/// One of Binance's three market data services.
pub(super) struct Binance {
    name: &'static str,
    base: &'static str,
    /// Path of the book streams, and of all others: USD-M has routed them apart since 2026-04-23. Its old path still
    /// shakes hands and then never sends market frames.
    book_path: &'static str,
    market_path: &'static str,
    messages_per_sec: f64,
    liquidations: Completeness,
    instrument: fn(&str) -> Option<Market>,
    alias: fn(&str) -> Option<&str>,
    time: fn(i64) -> Result<Nanos, Reason>,
}

/// USD-M futures: margined and settled in stablecoins.
pub(super) static USDM: Binance = Binance {
    name: "binance-usdm",
    base: "wss://fstream.binance.com",
    book_path: "/public/stream",
    market_path: "/market/stream",
    messages_per_sec: 10.0,
    liquidations: Completeness::Sampled,
    instrument: symbol::usdm,
    alias: symbol::no_pair,
    time: value::millis,
};

/// COIN-M futures: margined in coins; quantities are contracts of 10 or 100 USD.
pub(super) static COINM: Binance = Binance {
    name: "binance-coinm",
    base: "wss://dstream.binance.com",
    book_path: "/stream",
    market_path: "/stream",
    messages_per_sec: 10.0,
    liquidations: Completeness::Sampled,
    instrument: symbol::coinm,
    alias: symbol::pair,
    time: value::millis,
};

/// Spot: no liquidations, no marks; the book ticker carries no time.
pub(super) static SPOT: Binance = Binance {
    name: "binance-spot",
    base: "wss://stream.binance.com:9443",
    book_path: "/stream",
    market_path: "/stream",
    messages_per_sec: 5.0,
    liquidations: Completeness::None,
    instrument: symbol::spot,
    alias: symbol::no_pair,
    time: value::millis_or_micros,
};

impl Venue for Binance {
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
        self.base
    }

    fn limits(&self) -> Limits {
        Limits { messages_per_sec: self.messages_per_sec, streams_max: 1024, batch_max: 100 }
    }

    fn connects(&self) -> Connects {
        Connects { most: 300, within_secs: 300.0 }
    }

    /// A day; the venue's documents on its limits.
    fn lifetime_secs(&self) -> Option<f64> {
        Some(86_400.0)
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        (self.instrument)(native).map(|market| Market { venue: self.name.to_owned(), ..market })
    }

    fn alias<'a>(&self, native: &'a str) -> Option<&'a str> {
        (self.alias)(native)
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        frame::market(frame)
    }

    /// Aggregate trade ids are; see the venue's documents on `a`.
    fn trade_ids_contiguous(&self) -> bool {
        true
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        let streams = self.streams(markets, kinds);
        let (book, market): (Vec<Stream>, Vec<Stream>) =
            streams.into_iter().partition(|stream| is_of_book(stream.kind) && self.book_path != self.market_path);
        let mut all = Subscription::split(self.market_path, &market, self.limits(), ask);
        all.extend(Subscription::split(self.book_path, &book, self.limits(), ask));
        all
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        frame::decode(frame, &message::Context { venue: self, recv_at: cx.recv_at, markets: cx.markets }, out)
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        depth::read(frame, &message::Context { venue: self, recv_at: cx.recv_at, markets: cx.markets }, books, out)
    }
}

/// Whether a stream is routed with the books.
const fn is_of_book(kind: Kind) -> bool {
    matches!(kind, Kind::Quote | Kind::Depth)
}

impl Binance {
    /// The streams that carry `kinds`, market by market. The mark price stream carries index and funding too.
    fn streams(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
        let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
        let futures = self.liquidations != Completeness::None;
        let wanted: Vec<(&str, Kind)> = [
            ("aggTrade", Kind::Trade, wants(&[Kind::Trade])),
            ("forceOrder", Kind::Liquidation, futures && wants(&[Kind::Liquidation])),
            ("markPrice@1s", Kind::Mark, futures && wants(&[Kind::Mark, Kind::Index, Kind::Funding])),
            ("bookTicker", Kind::Quote, wants(&[Kind::Quote])),
            ("depth20@100ms", Kind::Depth, wants(&[Kind::Depth])),
        ]
        .into_iter()
        .filter_map(|(word, kind, wanted)| wanted.then_some((word, kind)))
        .collect();
        let stream = |(id, native): &(MarketId, &str), (word, kind): &(&str, Kind)| Stream {
            name: format!("{}@{word}", native.to_ascii_lowercase()),
            market: Some(*id),
            kind: *kind,
            steady: *kind == Kind::Mark,
        };
        markets.iter().flat_map(|market| wanted.iter().map(move |what| stream(market, what))).collect()
    }
}

/// The message of a request.
fn ask(id: u64, streams: &[Stream]) -> String {
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    serde_json::json!({"method": "SUBSCRIBE", "params": names, "id": id}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[Kind] = &Kind::ALL;

    fn paths(venue: &Binance, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<(String, usize, usize)> {
        let subscriptions = venue.subscribe(markets, kinds);
        subscriptions.into_iter().map(|one| (one.url(venue.base()), one.requests.len(), one.streams.len())).collect()
    }

    #[test]
    fn usdm_is_routed_by_class_and_the_others_are_not() {
        let btc = [(MarketId(0), "BTCUSDT")];
        assert_eq!(
            paths(&USDM, &btc, ALL),
            [
                ("wss://fstream.binance.com/market/stream".to_owned(), 1, 3),
                ("wss://fstream.binance.com/public/stream".to_owned(), 1, 2),
            ]
        );
        assert_eq!(paths(&COINM, &btc, ALL), [("wss://dstream.binance.com/stream".to_owned(), 1, 5)]);
        assert_eq!(paths(&SPOT, &btc, ALL), [("wss://stream.binance.com:9443/stream".to_owned(), 1, 3)]);
        assert_eq!(paths(&SPOT, &btc, &[Kind::Liquidation]), []);
    }

    #[test]
    fn many_markets_are_split_by_the_limits() {
        let names: Vec<String> = (0..1500).map(|number| format!("A{number}USDT")).collect();
        let markets: Vec<_> = (0..).map(MarketId).zip(names.iter().map(String::as_str)).collect();
        let url = "wss://fstream.binance.com/market/stream".to_owned();
        assert_eq!(paths(&USDM, &markets, &[Kind::Trade]), [(url.clone(), 11, 1024), (url, 5, 476)]);
        let first = USDM.subscribe(&markets, &[Kind::Trade]).remove(0);
        assert_eq!(first.requests.iter().map(|request| request.streams).sum::<usize>(), first.streams.len());
        assert!(first.requests[0].text.starts_with(r#"{"id":1,"method":"SUBSCRIBE","params":["a0usdt@aggTrade","#));
        assert!(first.requests.iter().all(|request| request.text.len() < 4096));
    }
}
