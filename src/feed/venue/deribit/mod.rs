//! Deribit: perpetuals, futures, options and spot over JSON-RPC. A trade says itself whether it closed somebody by force.

mod book;
mod message;

use super::frame::{self, Context};
use super::name::{Terms, is_asset, is_ddmmmyy};
use super::{AGAIN, Decoded, Limits, Refusal, Request, Stream, Subscription, Venue};
use crate::event::{Completeness, Event, Kind, MarketId};
use crate::feed::book::Books;
use crate::market::{ContractSize, Market, MarketKind};

/// Deribit.
pub(super) struct Deribit;

/// Asks the server to ask us, every ten seconds: the shortest it takes.
const SET_HEARTBEAT: &str = r#"{"jsonrpc":"2.0","id":0,"method":"public/set_heartbeat","params":{"interval":10}}"#;

/// Kinds that the ticker carries.
const TICKER: [Kind; 6] = [Kind::Quote, Kind::Mark, Kind::Index, Kind::Funding, Kind::OpenInterest, Kind::MarkIv];

impl Venue for Deribit {
    fn name(&self) -> &'static str {
        "deribit"
    }

    fn checked(&self) -> &'static str {
        "2026-07"
    }

    fn completeness(&self) -> Completeness {
        Completeness::Full
    }

    fn base(&self) -> &'static str {
        "wss://www.deribit.com"
    }

    /// A subscription costs 3000 credits of 10,000 a second.
    fn limits(&self) -> Limits {
        Limits { messages_per_sec: 3.0, streams_max: 500, batch_max: 50 }
    }

    fn instrument(&self, native: &str) -> Option<Market> {
        terms(native).map(|terms| terms.market(self.name(), native))
    }

    /// What stands before the first dash: all markets with it share an index, `BTC` that of `btc_usd`.
    fn alias<'a>(&self, native: &'a str) -> Option<&'a str> {
        native.split('-').next()
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        frame::quoted_behind(frame, "\"instrument_name\":\"")
    }

    /// `trade_seq` is.
    fn trade_ids_contiguous(&self) -> bool {
        true
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        let mut all = Subscription::split("/ws/api/v2", &streams(markets, kinds), self.limits(), ask);
        for one in &mut all {
            one.requests.insert(0, Request { id: 0, text: SET_HEARTBEAT.to_owned(), streams: 0, answered: true });
        }
        all
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        message::decode(frame, cx, out)
    }

    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        book::read(frame, cx, books, out)
    }

    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let streams = std::slice::from_ref(stream);
        Some([say("unsubscribe", AGAIN, streams), ask(AGAIN, streams)])
    }
}

/// The streams that carry `kinds`: those of each market, those of each index, and the one of the venue.
fn streams(markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Stream> {
    let wants = |any: &[Kind]| kinds.iter().any(|kind| any.contains(kind));
    let stream = |name, market, kind, steady| Stream { name, market, kind, steady };
    let mut streams = Vec::new();
    for (id, native) in markets {
        if wants(&[Kind::Trade, Kind::Liquidation]) {
            streams.push(stream(format!("trades.{native}.100ms"), Some(*id), Kind::Trade, false));
        }
        if wants(&[Kind::Depth]) {
            streams.push(stream(format!("book.{native}.100ms"), Some(*id), Kind::Depth, false));
        }
        if wants(&TICKER) {
            streams.push(stream(format!("ticker.{native}.100ms"), Some(*id), Kind::Mark, true));
        }
    }
    let mut indexes: Vec<String> = markets.iter().filter_map(|(_, native)| index_of(native)).collect();
    indexes.sort();
    indexes.dedup();
    for index in indexes {
        if wants(&[Kind::Index]) {
            streams.push(stream(format!("deribit_price_index.{index}"), None, Kind::Index, true));
        }
        if wants(&[Kind::VolatilityIndex]) && matches!(index.as_str(), "btc_usd" | "eth_usd") {
            streams.push(stream(format!("deribit_volatility_index.{index}"), None, Kind::VolatilityIndex, true));
        }
    }
    if wants(&[Kind::Status]) && !markets.is_empty() {
        streams.push(stream("platform_state".to_owned(), None, Kind::Status, false));
    }
    streams
}

/// The message of a request.
fn ask(id: u64, streams: &[Stream]) -> String {
    say("subscribe", id, streams)
}

fn say(word: &str, id: u64, streams: &[Stream]) -> String {
    let channels: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let method = format!("public/{word}");
    serde_json::json!({"jsonrpc": "2.0", "id": id, "method": method, "params": {"channels": channels}}).to_string()
}

/// `BTC-PERPETUAL`, `BTC-26DEC25` (both in USD a unit), `SOL_USDC-PERPETUAL`, `BTC-26DEC25-90000-C`, `BTC_USDC`. An option
/// on a coin alone is paid in that coin: its price 0.05 is a twentieth of a Bitcoin.
fn terms(native: &str) -> Option<Terms<'_>> {
    let mut parts = native.split('-');
    let pair = parts.next()?;
    let kind = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (None, ..) => MarketKind::Spot,
        (Some("PERPETUAL"), None, ..) => MarketKind::Perp,
        (Some(date), None, ..) if is_ddmmmyy(date) => MarketKind::Future,
        (Some(date), Some(strike), Some("C" | "P"), None) if is_ddmmmyy(date) && is_strike(strike) => {
            MarketKind::Option
        }
        _ => return None,
    };
    let (asset, money) = pair.split_once('_').map_or((pair, None), |(asset, money)| (asset, Some(money)));
    let contract = match (money, kind) {
        (None, MarketKind::Perp | MarketKind::Future) => ContractSize::Quote(1.0),
        _ => ContractSize::Base(1.0),
    };
    let quote = match (money, kind) {
        (Some(money), _) => money,
        (None, MarketKind::Spot) => return None,
        (None, MarketKind::Option) => asset,
        (None, _) => "USD",
    };
    (is_asset(asset) && is_asset(quote)).then_some(Terms { asset, quote, kind, contract })
}

/// Digits, with `d` for the point: `90000`, `0d55`.
fn is_strike(text: &str) -> bool {
    let digits = |text: &str| (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('d').map_or_else(|| digits(text), |(whole, rest)| digits(whole) && digits(rest))
}

/// The index of a market: `btc_usd` of `BTC-PERPETUAL`, `sol_usdc` of `SOL_USDC-PERPETUAL`.
fn index_of(native: &str) -> Option<String> {
    let pair = native.split('-').next()?.to_ascii_lowercase();
    Some(if pair.contains('_') { pair } else { format!("{pair}_usd") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_traded_and_in_which_unit() {
        for (native, want) in [
            ("BTC-PERPETUAL", "BTC/USD Perp Quote(1.0)"),
            ("ETH-26DEC25", "ETH/USD Future Quote(1.0)"),
            ("SOL_USDC-PERPETUAL", "SOL/USDC Perp Base(1.0)"),
            ("BTC-6DEC25-90000-C", "BTC/BTC Option Base(1.0)"),
            ("XRP_USDC-26DEC25-0d55-P", "XRP/USDC Option Base(1.0)"),
            ("BTC_USDC", "BTC/USDC Spot Base(1.0)"),
        ] {
            let market = Deribit.instrument(native).expect(native);
            let found = format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract);
            assert_eq!(found, want, "{native}");
        }
        for native in [
            "",
            "BTC",
            "btc-perpetual",
            "BTC-PERPETUAL-1",
            "BTC-26DEC25-90000",
            "BTC-26DEC25-90000-X",
            "BTC-26DEC25-90000-C-1",
            "BTC-26DEC25-9d-C",
            "BTC-FS-26DEC25_PERP",
            "<b>-PERPETUAL",
            "BTC_-PERPETUAL",
        ] {
            assert_eq!(Deribit.instrument(native), None, "{native}");
        }
    }

    #[test]
    fn streams_are_asked_for_by_market_index_and_venue() {
        let markets =
            [(MarketId(0), "BTC-PERPETUAL"), (MarketId(1), "BTC-26DEC25"), (MarketId(2), "SOL_USDC-PERPETUAL")];
        let one = Deribit.subscribe(&markets, &Kind::ALL).remove(0);
        let names: Vec<&str> = one.streams.iter().map(|stream| stream.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "trades.BTC-PERPETUAL.100ms",
                "book.BTC-PERPETUAL.100ms",
                "ticker.BTC-PERPETUAL.100ms",
                "trades.BTC-26DEC25.100ms",
                "book.BTC-26DEC25.100ms",
                "ticker.BTC-26DEC25.100ms",
                "trades.SOL_USDC-PERPETUAL.100ms",
                "book.SOL_USDC-PERPETUAL.100ms",
                "ticker.SOL_USDC-PERPETUAL.100ms",
                "deribit_price_index.btc_usd",
                "deribit_volatility_index.btc_usd",
                "deribit_price_index.sol_usdc",
                "platform_state",
            ]
        );
        assert_eq!(one.url(Deribit.base()), "wss://www.deribit.com/ws/api/v2");
        assert_eq!(
            one.requests.iter().map(|request| (request.id, request.streams)).collect::<Vec<_>>(),
            [(0, 0), (1, 13)]
        );
        assert_eq!(Deribit.subscribe(&[], &Kind::ALL), []);
        let texts = Deribit.book_again(&one.streams[1]).expect("it can be asked for");
        let want = r#""method":"public/unsubscribe","params":{"channels":["book.BTC-PERPETUAL.100ms"]}}"#;
        assert!(texts[0].ends_with(want), "{}", texts[0]);
        assert!(texts[1].contains("public/subscribe"), "{}", texts[1]);
        let liquidations = Deribit.subscribe(&markets[..1], &[Kind::Liquidation]).remove(0);
        assert_eq!(liquidations.streams[0].name, "trades.BTC-PERPETUAL.100ms");
    }
}
