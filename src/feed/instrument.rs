//! From a venue and its own symbol to a market: asset, quote, kind and contract size. Pure; no list to download.
//!
//! A venue that we can listen to says it itself ([`Venue::instrument`](crate::feed::venue::Venue::instrument)); of the others,
//! which come on tapes only, the spelling tells asset and quote. What the spelling cannot tell stays as it is: `1000PEPE` is no
//! `PEPE`, its price is another one. Contracts of `BitMEX` whose size is not known, quanto ones (`ETHUSD`) among them, count as
//! one unit of quote on tapes, unless a config says it ([`Catalog`](super::catalog::Catalog)).

use super::venue::name;
use crate::feed::venue;
use crate::market::{ContractSize, Market, MarketKind};

use ContractSize::{Base, Quote};
use MarketKind::{Perp, Spot};

/// The longest name of a venue, in bytes.
const VENUE_MAX: usize = 32;

/// The longest symbol, in bytes.
const SYMBOL_MAX: usize = 64;

/// The quote of a market whose symbol does not show one.
const UNKNOWN: &str = "unknown";

/// Quotes at the end of a joined symbol. Longer ones first, and none that ends another: `DOTUSD` is DOT in USD, not DO in
/// TUSD.
const QUOTES: [&str; 11] = ["USDT", "USDC", "USDE", "USD", "EUR", "GBP", "JPY", "DAI", "BTC", "XBT", "ETH"];

/// What the spelling of a symbol says.
struct Terms<'a> {
    asset: &'a str,
    quote: &'a str,
    kind: MarketKind,
    contract: ContractSize,
}

/// The market that `venue` calls `native`: by the venue itself where it knows the name. Any two texts give a market; whether
/// they are sound is for [`is_venue`] and [`is_symbol`] to say.
pub fn instrument(venue: &str, native: &str) -> Market {
    venue::find(venue).and_then(|known| known.instrument(native)).unwrap_or_else(|| guessed(venue, native))
}

/// The market that a name of another venue's spells out; nothing where asset and quote cannot be told apart.
pub fn spelled(venue: &str, native: &str) -> Option<Market> {
    let market = guessed(venue, native);
    let quote = market.quote.as_str();
    let is_money = quote.starts_with(|first: char| first.is_ascii_uppercase())
        && quote.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && !matches!(quote, "PERP" | "SWAP");
    (is_symbol(native) && !market.asset.is_empty() && is_money).then_some(market)
}

/// What the spelling says, where no venue does.
fn guessed(venue: &str, native: &str) -> Market {
    let terms = match venue {
        "bitmex" if !native.contains('_') => Terms { contract: Quote(1.0), ..joined(native, &QUOTES, Perp) },
        _ => spot(native),
    };
    Market {
        venue: venue.to_owned(),
        native: native.to_owned(),
        asset: coin(terms.asset),
        quote: coin(terms.quote),
        kind: terms.kind,
        contract: terms.contract,
    }
}

/// Whether a venue's name is sound: `a-z`, `0-9` and `-`, at most 32 of them.
pub fn is_venue(name: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty() && name.len() <= VENUE_MAX && name.bytes().all(sound)
}

/// Whether a symbol is sound: letters, digits and `-_./:@+#`, at most 64 bytes. Letters of any script: Binance lists names
/// in Chinese. No blanks, quotes, brackets, controls or marks that turn the direction of writing.
pub fn is_symbol(name: &str) -> bool {
    let sound = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '#');
    !name.is_empty() && name.len() <= SYMBOL_MAX && name.chars().all(sound)
}

/// `DOT-USD`, `XBT/USD`, `BTC_USDT`, `DOTUSD`; `-PERP` and `-SWAP` behind it make a perpetual.
fn spot(native: &str) -> Terms<'_> {
    let perp = ["-PERP", "-SWAP", "-PERPETUAL"].iter().find_map(|end| native.strip_suffix(end));
    let (pair, kind) = perp.map_or((native, Spot), |pair| (pair, Perp));
    match pair.split_once(['-', '/', '_']) {
        Some((asset, quote)) => Terms { asset, quote, kind, contract: Base(1.0) },
        None => joined(pair, &QUOTES, kind),
    }
}

/// Asset and quote written as one word.
fn joined<'a>(pair: &'a str, quotes: &[&'static str], kind: MarketKind) -> Terms<'a> {
    let split = quotes.iter().find_map(|quote| {
        let asset = pair.len().checked_sub(quote.len()).filter(|&at| at > 0).and_then(|at| {
            let (asset, end) = pair.split_at_checked(at)?;
            end.eq_ignore_ascii_case(quote).then_some(asset)
        })?;
        Some((asset, *quote))
    });
    let (asset, quote) = split.unwrap_or((pair, UNKNOWN));
    Terms { asset, quote, kind, contract: Base(1.0) }
}

/// Our word for a coin however it is written; what is not known stays so.
pub(super) fn coin(theirs: &str) -> String {
    if theirs == UNKNOWN { theirs.to_owned() } else { name::coin(&theirs.to_uppercase()).to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_say_what_they_are() {
        for (name, want) in [
            ("binance-coinm:DOTUSD_PERP", "DOT/USD Perp Quote(10.0)"),
            ("binance-coinm:BTCUSD_PERP", "BTC/USD Perp Quote(100.0)"),
            ("binance-coinm:BTCUSD_251226", "BTC/USD Future Quote(100.0)"),
            ("binance-usdm:BTCUSDT", "BTC/USDT Perp Base(1.0)"),
            ("binance-usdm:1000PEPEUSDC", "1000PEPE/USDC Perp Base(1.0)"),
            ("binance-usdm:BTCUSDT_251226", "BTC/USDT Future Base(1.0)"),
            ("binance-spot:TRXUSDT", "TRX/USDT Spot Base(1.0)"),
            ("binance-spot:BTCUSDC", "BTC/USDC Spot Base(1.0)"),
            ("binance-spot:DOTTUSD", "DOT/TUSD Spot Base(1.0)"),
            ("binance-spot:ETHBTC", "ETH/BTC Spot Base(1.0)"),
            ("binance-spot:币安人生USDT", "币安人生/USDT Spot Base(1.0)"),
            ("coinbase:DOT-USD", "DOT/USD Spot Base(1.0)"),
            ("coinbase-international:BTC-PERP", "BTC/unknown Perp Base(1.0)"),
            ("gemini:DOTUSD", "DOT/USD Spot Base(1.0)"),
            ("gemini:btcusd", "BTC/USD Spot Base(1.0)"),
            ("kraken:XBT/USD", "BTC/USD Spot Base(1.0)"),
            ("bitmex:XBTUSD", "BTC/USD Perp Quote(1.0)"),
            ("bitmex:ETHUSD", "ETH/USD Perp Quote(1.0)"),
            ("elsewhere:FOO", "FOO/unknown Spot Base(1.0)"),
            ("elsewhere:USD", "USD/unknown Spot Base(1.0)"),
        ] {
            let (venue, native) = name.split_once(':').unwrap();
            let got = instrument(venue, native);
            assert_eq!(format!("{}/{} {:?} {:?}", got.asset, got.quote, got.kind, got.contract), want, "{name}");
            assert_eq!(got.to_string(), name);
        }
    }

    #[test]
    fn any_text_gives_a_market_and_no_panic() {
        for venue in ["binance-coinm", "binance-usdm", "binance-spot", "bitmex", "bybit", "okx", "kraken-futures"] {
            for native in ["", "_", "-", "é", "éé", "日本", "USD", "_PERP", "--", "U25", "@", "."] {
                assert_eq!(instrument(venue, native).native, native);
            }
        }
    }

    #[test]
    fn names_are_checked_at_the_edge() {
        assert!(is_venue("binance-coinm") && is_symbol("BTC-26DEC25-90000-C") && is_symbol("币安人生USDT"));
        for bad in ["", "Binance", "a b", "a:b", "a\u{7}", &"a".repeat(33)] {
            assert!(!is_venue(bad), "{bad:?}");
        }
        for bad in ["", "A B", "A\n", "<b>", "A\"B", "A\u{202e}B", "A\u{200b}", &"A".repeat(65)] {
            assert!(!is_symbol(bad), "{bad:?}");
        }
    }
}
