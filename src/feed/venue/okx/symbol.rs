//! What OKX's names of markets say: asset, money, kind and contract size.

use crate::feed::venue::name::{self, Terms};
use crate::market::ContractSize::{Base, Quote};
use crate::market::MarketKind;

/// Coins a contract of the swaps and futures in USDT, as the venue's list of instruments had them at the end of 2023. What was
/// listed later is not here, but for INJ and SEI, which others trade by these sizes.
const COINS: [(f64, &[&str]); 11] = [
    (0.0001, &["YFI"]),
    (0.01, &["BNB", "BTC", "ICP", "MKR"]),
    (
        0.1,
        &[
            "AAVE", "APE", "AR", "AXS", "BCH", "COMP", "DASH", "EGLD", "ENS", "ETH", "FIL", "GMX", "INJ", "KSM",
            "ORDI", "TRB", "ZEC",
        ],
    ),
    (
        1.0,
        &[
            "1INCH", "APT", "ATOM", "AVAX", "BSV", "CORE", "CRV", "DOT", "DYDX", "IMX", "LDO", "LINK", "LTC", "MASK",
            "MINA", "NEO", "OP", "QTUM", "SNX", "SOL", "SUI", "SUSHI", "TIA", "TON", "UNI", "WLD", "XTZ",
        ],
    ),
    (
        10.0,
        &[
            "ALGO", "ARB", "BAT", "BLUR", "CFX", "CHZ", "EOS", "ETC", "FLOW", "GALA", "GRT", "IOTA", "MANA", "NEAR",
            "PYTH", "RVN", "SAND", "SEI", "STX", "THETA", "WOO", "ZRX",
        ],
    ),
    (100.0, &["ADA", "HBAR", "MEME", "PEOPLE", "XLM", "XRP", "ZIL"]),
    (1000.0, &["DOGE", "TRX"]),
    (10_000.0, &["LUNC"]),
    (100_000.0, &["FLOKI"]),
    (1_000_000.0, &["SHIB"]),
    (10_000_000.0, &["PEPE"]),
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
        (_, "USDT", _) => Base(COINS.iter().find(|(_, coins)| coins.contains(&asset))?.0),
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
            ("YFI-USDT-SWAP", "YFI/USDT Perp Base(0.0001)"),
            ("PEPE-USDT-SWAP", "PEPE/USDT Perp Base(10000000.0)"),
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
        let coins: Vec<_> = COINS.iter().flat_map(|(_, coins)| *coins).collect();
        assert_eq!(coins.iter().collect::<std::collections::BTreeSet<_>>().len(), coins.len(), "one size a coin");
    }
}
