//! What Bybit's names of markets say: asset, money, kind and contract size.

use crate::feed::venue::name::{self, Terms};
use crate::market::ContractSize::{Base, Quote};
use crate::market::MarketKind;

/// `BTCUSDT`, `BTCPERP` (in USDC), `BTCUSDT-26DEC25`, `BTC-26DEC25` (in USDC).
pub(super) fn linear(native: &str) -> Option<Terms<'_>> {
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
pub(super) fn inverse(native: &str) -> Option<Terms<'_>> {
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
pub(super) fn spot(native: &str) -> Option<Terms<'_>> {
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
        type Case = (fn(&str) -> Option<Terms<'_>>, &'static str, &'static str);
        let cases: [Case; 10] = [
            (linear, "BTCUSDT", "BTC/USDT Perp Base(1.0)"),
            (linear, "1000PEPEUSDT", "1000PEPE/USDT Perp Base(1.0)"),
            (linear, "SHIB1000USDT", "1000SHIB/USDT Perp Base(1.0)"),
            (linear, "BTCPERP", "BTC/USDC Perp Base(1.0)"),
            (linear, "BTC-26DEC25", "BTC/USDC Future Base(1.0)"),
            (linear, "BTCUSDT-26DEC25", "BTC/USDT Future Base(1.0)"),
            (inverse, "BTCUSD", "BTC/USD Perp Quote(1.0)"),
            (inverse, "BTCUSDZ25", "BTC/USD Future Quote(1.0)"),
            (spot, "BTCUSDT", "BTC/USDT Spot Base(1.0)"),
            (spot, "ETHBTC", "ETH/BTC Spot Base(1.0)"),
        ];
        for (parse, native, want) in cases {
            let terms = parse(native).expect(native);
            assert_eq!(format!("{}/{} {:?} {:?}", terms.asset, terms.quote, terms.kind, terms.contract), want);
        }
    }

    #[test]
    fn each_service_knows_its_own_names_only() {
        for native in
            ["", "USDT", "PERP", "BTC", "BTCUSD", "BTCUSDZ25", "btcusdt", "BTC-26DEC25-90000-C", "BTC-PERP", "<b>USDT"]
        {
            assert!(linear(native).is_none(), "{native}");
        }
        for native in ["", "USD", "Z25", "USDZ25", "BTCUSDT", "BTCUSDA25", "BTCUSDZ2", "BTC-USD", "ÄUSD", "BTCUSD25"] {
            assert!(inverse(native).is_none(), "{native}");
        }
        for native in ["", "USDT", "BTCUSD", "BTC-26DEC25", "BTC/USDT", "btcusdt"] {
            assert!(spot(native).is_none(), "{native}");
        }
    }
}
