//! What OKX's names of markets say: asset, money, kind and contract size.

use crate::feed::venue::name::{self, Terms};
use crate::market::ContractSize::{Base, Quote};
use crate::market::MarketKind;

/// Coins a contract of the swaps and futures in USDT. BTC, ETH, SOL, XRP and DOGE as several live programs of 2026 have them;
/// the others from the venue's contract pages as remembered, to be checked when a line to the venue is there.
const COINS: [(&str, f64); 46] = [
    ("BTC", 0.01),
    ("ETH", 0.1),
    ("SOL", 1.0),
    ("XRP", 100.0),
    ("DOGE", 1000.0),
    ("AAVE", 0.1),
    ("ADA", 100.0),
    ("ALGO", 10.0),
    ("APT", 1.0),
    ("ARB", 10.0),
    ("ATOM", 1.0),
    ("AVAX", 1.0),
    ("AXS", 0.1),
    ("BCH", 0.1),
    ("BNB", 0.01),
    ("BONK", 100_000.0),
    ("CRV", 1.0),
    ("DOT", 1.0),
    ("DYDX", 1.0),
    ("ENA", 10.0),
    ("ETC", 10.0),
    ("FIL", 0.1),
    ("FLOKI", 100_000.0),
    ("GALA", 10.0),
    ("HBAR", 100.0),
    ("ICP", 0.01),
    ("INJ", 0.1),
    ("LDO", 1.0),
    ("LINK", 1.0),
    ("LTC", 1.0),
    ("MANA", 10.0),
    ("NEAR", 10.0),
    ("OP", 1.0),
    ("ORDI", 0.1),
    ("PEPE", 10_000_000.0),
    ("SAND", 10.0),
    ("SEI", 10.0),
    ("SHIB", 1_000_000.0),
    ("SUI", 1.0),
    ("TIA", 1.0),
    ("TON", 1.0),
    ("TRX", 1000.0),
    ("UNI", 1.0),
    ("WIF", 1.0),
    ("WLD", 1.0),
    ("XLM", 100.0),
];

/// `BTC-USDT`, `BTC-USDT-SWAP`, `BTC-USDT-251226`, `BTC-USD-SWAP` (contracts of 100 USD for BTC, else 10). A contract whose
/// size we do not know is no market of ours: every notional of it would be wrong.
pub(super) fn terms(native: &str) -> Option<Terms<'_>> {
    let mut parts = native.split('-');
    let (asset, quote, end, more) = (parts.next()?, parts.next()?, parts.next(), parts.next());
    let kind = match end {
        None => MarketKind::Spot,
        Some("SWAP") => MarketKind::Perp,
        Some(date) if name::is_yymmdd(date) => MarketKind::Future,
        Some(_) => return None,
    };
    let contract = match (kind, quote, asset) {
        (MarketKind::Spot, ..) => Base(1.0),
        (_, "USD", "BTC") => Quote(100.0),
        (_, "USD", _) => Quote(10.0),
        (_, "USDT", _) => Base(COINS.iter().find(|(coin, _)| *coin == asset)?.1),
        _ => return None,
    };
    let is_plain = more.is_none() && name::is_asset(asset) && name::is_asset(quote);
    is_plain.then_some(Terms { asset, quote, kind, contract })
}

/// `BTC-USDT` of `BTC-USDT-SWAP`; none of a spot market, which has no index of its own.
pub(super) fn pair(native: &str) -> Option<&str> {
    let (pair, _) = native.rsplit_once('-')?;
    pair.contains('-').then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_asset_money_kind_and_size() {
        for (native, want) in [
            ("BTC-USDT", "BTC/USDT Spot Base(1.0)"),
            ("BTC-USDT-SWAP", "BTC/USDT Perp Base(0.01)"),
            ("BTC-USDT-251226", "BTC/USDT Future Base(0.01)"),
            ("BTC-USD-SWAP", "BTC/USD Perp Quote(100.0)"),
            ("DOT-USD-251226", "DOT/USD Future Quote(10.0)"),
        ] {
            let market = terms(native).expect(native).market("okx", native);
            assert_eq!(format!("{}/{} {:?} {:?}", market.asset, market.quote, market.kind, market.contract), want);
        }
        for native in [
            "",
            "-",
            "BTC",
            "BTCUSDT",
            "BTC-",
            "-USDT",
            "BTC-USDT-",
            "BTC-USDT-swap",
            "BTC-USDT-SWAP-X",
            "BTC-USD-251226-90000-C",
            "NOBODYKNOWS-USDT-SWAP",
            "BTC-USDC-SWAP",
            "btc-usdt",
            "BTC-<b>",
        ] {
            assert!(terms(native).is_none(), "{native}");
        }
        assert_eq!(COINS.iter().map(|(coin, _)| coin).collect::<std::collections::BTreeSet<_>>().len(), COINS.len());
    }
}
