//! What Binance's names of markets say: asset, money, kind and contract size.

use crate::feed::venue::name::{Terms, is_asset, is_yymmdd, split};
use crate::market::{ContractSize, Market, MarketKind};

/// Moneys that a name of a spot or USD-M market may end with, longer ones before those they end with.
const QUOTES: [&str; 31] = [
    "FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USDP", "USDE", "USD1", "EURI", "BIDR", "IDRT", "DAI", "BTC", "ETH",
    "BNB", "EUR", "TRY", "GBP", "BRL", "JPY", "AUD", "RUB", "UAH", "NGN", "ZAR", "PLN", "RON", "ARS", "MXN", "PAX",
    "USD",
];

/// `BTCUSDT`.
pub(super) fn spot(native: &str) -> Option<Market> {
    let (asset, quote) = split(native, &QUOTES)?;
    Some(market(native, asset, quote, MarketKind::Spot, ContractSize::Base(1.0)))
}

/// `BTCUSDT`, or `BTCUSDT_251226` for a dated one. `1000PEPEUSDT` is an asset of its own: its price is that of 1000.
pub(super) fn usdm(native: &str) -> Option<Market> {
    let (name, kind) = match native.split_once('_') {
        Some((name, date)) if is_yymmdd(date) => (name, MarketKind::Future),
        Some(_) => return None,
        None => (native, MarketKind::Perp),
    };
    let (asset, quote) = split(name, &QUOTES)?;
    Some(market(native, asset, quote, kind, ContractSize::Base(1.0)))
}

/// `DOTUSD_PERP` or `DOTUSD_251226`. A contract is worth 100 USD of Bitcoin and 10 USD of anything else.
pub(super) fn coinm(native: &str) -> Option<Market> {
    let (name, end) = native.split_once('_')?;
    let kind = match end {
        "PERP" => MarketKind::Perp,
        date if is_yymmdd(date) => MarketKind::Future,
        _ => return None,
    };
    let asset = name.strip_suffix("USD").filter(|asset| is_asset(asset))?;
    let size = if asset == "BTC" { 100.0 } else { 10.0 };
    Some(market(native, asset, "USD", kind, ContractSize::Quote(size)))
}

/// The pair whose index a COIN-M market follows: `DOTUSD` of `DOTUSD_PERP`.
pub(super) fn pair(native: &str) -> Option<&str> {
    native.split_once('_').map(|(pair, _)| pair)
}

/// Where index frames name markets and not pairs.
pub(super) fn no_pair(_: &str) -> Option<&str> {
    None
}

fn market(native: &str, asset: &str, quote: &str, kind: MarketKind, contract: ContractSize) -> Market {
    Terms { asset, quote, kind, contract }.market("", native)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_asset_money_kind_and_size() {
        type Case = (fn(&str) -> Option<Market>, &'static str, &'static str);
        let cases: [Case; 9] = [
            (coinm, "DOTUSD_PERP", "DOT/USD Perp Quote(10.0)"),
            (coinm, "BTCUSD_PERP", "BTC/USD Perp Quote(100.0)"),
            (coinm, "BTCUSD_211231", "BTC/USD Future Quote(100.0)"),
            (usdm, "BTCUSDT", "BTC/USDT Perp Base(1.0)"),
            (usdm, "BTCUSDT_251226", "BTC/USDT Future Base(1.0)"),
            (usdm, "1000PEPEUSDC", "1000PEPE/USDC Perp Base(1.0)"),
            (spot, "BTCFDUSD", "BTC/FDUSD Spot Base(1.0)"),
            (spot, "ETHBTC", "ETH/BTC Spot Base(1.0)"),
            (spot, "USDCUSDT", "USDC/USDT Spot Base(1.0)"),
        ];
        for (parse, native, want) in cases {
            let market = parse(native).expect(native);
            assert_eq!(format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract), want);
        }
    }

    #[test]
    fn other_shapes_are_not_markets() {
        for native in ["", "USD_PERP", "DOTUSD", "DOTUSD_", "DOTUSD_PERP_X", "dotusd_perp", "DOT-USD_PERP", "ÄUSD_PERP"]
        {
            assert_eq!(coinm(native), None, "{native}");
        }
        for native in ["", "USDT", "btcusdt", "BTC-USDT", "BTC/USDT", "BTCUSDT_PERP", "BTCXYZ", "<b>USDT"] {
            assert_eq!(usdm(native), None, "{native}");
        }
    }
}
