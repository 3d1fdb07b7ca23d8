//! Names of markets as other tools write them: ccxt unified (`BTC/USDT:USDT`), nautilus (`BTCUSDT-PERP.BINANCE`), cryptofeed
//! (`BTC-USDT-PERP`), Tardis (`binance-futures:BTCUSDT`). What several markets could be is no name of any of them.

use super::venue::name::{coin, is_asset};
use std::collections::BTreeSet;

use super::catalog::Catalog;
use super::instrument::{instrument, is_venue, spelled};
use super::venue;
use crate::market::{ContractSize, Market, MarketKind};

/// What a spelling says of a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meant {
    /// Who speaks so of the venue, in small letters: `binance`. Our venues begin with it.
    service: Option<String>,
    asset: String,
    quote: String,
    kind: MarketKind,
    /// Settled in the coin, where it says.
    is_inverse: Option<bool>,
    /// `251226`.
    date: Option<String>,
}

impl Meant {
    /// Reads one of the spellings; nothing where it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        if text.contains('/') { ccxt(text) } else { nautilus(text).or_else(|| cryptofeed(text)) }
    }

    /// Whether it may be this market.
    pub fn fits(&self, market: &Market) -> bool {
        let is_inverse = matches!(market.contract, ContractSize::Quote(_));
        let names_date =
            |date: &String| market.native.contains(date.as_str()) || market.native.contains(&by_month(date));
        self.service.as_ref().is_none_or(|service| market.venue.starts_with(service.as_str()))
            && (&self.asset, &self.quote, self.kind) == (&market.asset, &market.quote, market.kind)
            && (self.kind == MarketKind::Spot || self.is_inverse.is_none_or(|wanted| wanted == is_inverse))
            && self.date.as_ref().is_none_or(names_date)
    }

    /// Names that a venue might have for it.
    fn candidates(&self, venue: &str) -> impl Iterator<Item = String> {
        let theirs = match self.asset.as_str() {
            "BTC" if matches!(venue, "bitmex" | "kraken-futures") => vec!["XBT"],
            "DOGE" => vec!["DOGE", "XDG"],
            asset => vec![asset],
        };
        let date = self.date.clone().unwrap_or_default();
        let of_pair = |asset: &str| {
            let (quote, month) = (&self.quote, by_month(&date));
            match self.kind {
                MarketKind::Spot => ["", "-", "/", "_"].map(|between| format!("{asset}{between}{quote}")).to_vec(),
                MarketKind::Perp => vec![
                    asset.to_owned(),
                    format!("{asset}{quote}"),
                    format!("{asset}PERP"),
                    format!("{asset}{quote}_PERP"),
                    format!("{asset}-{quote}-SWAP"),
                    format!("{asset}-{quote}-PERP"),
                    format!("{asset}-PERPETUAL"),
                    format!("{asset}_{quote}-PERPETUAL"),
                    format!("PI_{asset}{quote}"),
                    format!("PF_{asset}{quote}"),
                ],
                _ => vec![
                    format!("{asset}{quote}_{date}"),
                    format!("{asset}-{quote}-{date}"),
                    format!("{asset}-{month}"),
                    format!("{asset}_{quote}-{month}"),
                    format!("FI_{asset}{quote}_{date}"),
                    format!("FF_{asset}{quote}_{date}"),
                ],
            }
        };
        theirs.into_iter().flat_map(of_pair).collect::<Vec<_>>().into_iter()
    }
}

/// The venue's own name of what `text` means there: `text` itself where it is one, nothing where it is none at all. The error
/// lists what it could be where that is more than one market.
pub fn native(catalog: &Catalog, venue: &str, text: &str) -> Result<Option<String>, Vec<String>> {
    let text = match split(text) {
        Some((said, symbol)) if said == venue || our_venue(said, symbol) == venue => symbol,
        Some(_) => return Ok(None),
        None => text,
    };
    if catalog.market(venue, text).is_some() {
        return Ok(Some(text.to_owned()));
    }
    let Some(meant) = Meant::parse(text) else { return Ok(None) };
    let fits = |name: &String| catalog.market(venue, name).is_some_and(|market| meant.fits(&market));
    let mut found: BTreeSet<String> = meant.candidates(venue).filter(fits).collect();
    // Before the point of nautilus stands the venue's own name as often as not.
    if let Some((symbol, _)) = text.rsplit_once('.')
        && found.contains(symbol)
    {
        return Ok(Some(symbol.to_owned()));
    }
    if found.len() > 1 { Err(found.into_iter().collect()) } else { Ok(found.pop_first()) }
}

/// Those of `names`, each `venue:NATIVE`, that `text` may mean; only itself where it is one of them.
pub fn among<'n>(text: &str, names: impl Iterator<Item = &'n str> + Clone) -> Vec<&'n str> {
    let is_it = |name: &&str| *name == text;
    if let Some(name) = names.clone().find(is_it) {
        return vec![name];
    }
    let of_venue = split(text);
    let meant = Meant::parse(of_venue.map_or(text, |(_, symbol)| symbol));
    let may_be = |name: &&str| {
        let Some((venue, native)) = name.split_once(':') else { return false };
        let is_there = of_venue.is_none_or(|(said, symbol)| said == venue || our_venue(said, symbol) == venue);
        let is_it = of_venue.is_some_and(|(_, symbol)| symbol == native);
        is_there && (is_it || meant.as_ref().is_some_and(|meant| meant.fits(&instrument(venue, native))))
    };
    names.filter(may_be).collect()
}

/// Our word for a venue of Tardis, beside a symbol of it; an unknown one keeps its name. `bybit` is two services, which the
/// symbol tells apart.
pub fn our_venue<'a>(theirs: &'a str, symbol: &str) -> &'a str {
    let is_of = |ours: &str| venue::find(ours).is_some_and(|ours| ours.instrument(symbol).is_some());
    match theirs {
        "binance" => "binance-spot",
        "binance-futures" => "binance-usdm",
        "binance-delivery" => "binance-coinm",
        "okex" | "okex-futures" | "okex-swap" | "okex-options" => "okx",
        "bybit" if is_of("bybit-linear") => "bybit-linear",
        "bybit" if is_of("bybit-inverse") => "bybit-inverse",
        "cryptofacilities" => "kraken-futures",
        "kraken" => "kraken-spot",
        other => other,
    }
}

/// A venue before a colon. ccxt writes a colon too, but no small letters before it.
fn split(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(venue, _)| is_venue(venue) && venue.contains(|c: char| c.is_ascii_lowercase()))
}

/// `BTC/USDT`, `BTC/USDT:USDT`, `BTC/USD:BTC-251226`. Options are not read.
fn ccxt(text: &str) -> Option<Meant> {
    let (asset, rest) = text.split_once('/')?;
    let (quote, settled) = rest.split_once(':').map_or((rest, None), |(quote, settled)| (quote, Some(settled)));
    let (settled, date) =
        match settled.map(|settled| settled.split_once('-').map_or((settled, None), |(s, d)| (s, Some(d)))) {
            None => (None, None),
            Some((settled, date)) => (Some(settled), date),
        };
    let kind = match (settled, date) {
        (None, _) => MarketKind::Spot,
        (_, None) => MarketKind::Perp,
        (_, Some(date)) if is_date(date) => MarketKind::Future,
        _ => return None,
    };
    let is_inverse = settled.map(|settled| settled == asset);
    meant(None, asset, quote, kind, is_inverse, date)
}

/// `BTCUSDT-PERP.BINANCE`, `BTCUSDT.BINANCE`, `BTCUSDT-LINEAR.BYBIT`, `BTC-USDT-SWAP.OKX`.
fn nautilus(text: &str) -> Option<Meant> {
    let (symbol, venue) = text.rsplit_once('.')?;
    let service = venue.bytes().all(|byte| byte.is_ascii_uppercase()).then(|| venue.to_lowercase())?;
    let ends = [
        ("-PERP", MarketKind::Perp, None),
        ("-SWAP", MarketKind::Perp, None),
        ("-PERPETUAL", MarketKind::Perp, None),
        ("_PERP", MarketKind::Perp, Some(true)),
        ("-LINEAR", MarketKind::Perp, Some(false)),
        ("-INVERSE", MarketKind::Perp, Some(true)),
        ("-SPOT", MarketKind::Spot, None),
    ];
    let end = ends.into_iter().find_map(|(end, kind, is_inverse)| Some((symbol.strip_suffix(end)?, kind, is_inverse)));
    let (pair, kind, is_inverse) = end.unwrap_or((symbol, MarketKind::Spot, None));
    // Deribit leaves the money out.
    let pair =
        spelled("", pair).map_or_else(|| (pair.to_owned(), "USD".to_owned()), |market| (market.asset, market.quote));
    meant(Some(service), &pair.0, &pair.1, kind, is_inverse, None)
}

/// `BTC-USDT`, `BTC-USDT-PERP`.
fn cryptofeed(text: &str) -> Option<Meant> {
    let mut parts = text.split('-');
    let (asset, quote, end, more) = (parts.next()?, parts.next()?, parts.next(), parts.next());
    let kind = match (end, more) {
        (None, None) => MarketKind::Spot,
        (Some("PERP"), None) => MarketKind::Perp,
        _ => return None,
    };
    meant(None, asset, quote, kind, None, None)
}

fn meant(
    service: Option<String>,
    asset: &str,
    quote: &str,
    kind: MarketKind,
    is_inverse: Option<bool>,
    date: Option<&str>,
) -> Option<Meant> {
    let date = date.map(str::to_owned);
    (is_asset(asset) && is_asset(quote)).then(|| Meant {
        service,
        asset: coin(asset).to_owned(),
        quote: coin(quote).to_owned(),
        kind,
        is_inverse,
        date,
    })
}

/// Whether this is a date as `251226`.
fn is_date(text: &str) -> bool {
    text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `251226` as Deribit writes it: `26DEC25`.
fn by_month(date: &str) -> String {
    const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let part = |range: std::ops::Range<usize>| date.get(range).unwrap_or_default();
    let month = part(2..4).parse::<usize>().ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    format!("{}{}{}", part(4..6).trim_start_matches('0'), month.copied().unwrap_or("-"), part(0..2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_write_is_what_the_venue_calls_it() {
        let catalog = Catalog::default();
        for (venue, text, want) in [
            ("binance-usdm", "BTCUSDT", "BTCUSDT"),
            ("binance-usdm", "BTC/USDT:USDT", "BTCUSDT"),
            ("binance-usdm", "BTC/USDT:USDT-251226", "BTCUSDT_251226"),
            ("binance-usdm", "BTCUSDT-PERP.BINANCE", "BTCUSDT"),
            ("binance-usdm", "BTC-USDT-PERP", "BTCUSDT"),
            ("binance-usdm", "binance-futures:BTCUSDT", "BTCUSDT"),
            ("binance-usdm", "binance-usdm:BTC/USDT:USDT", "BTCUSDT"),
            ("binance-coinm", "DOT/USD:DOT", "DOTUSD_PERP"),
            ("binance-coinm", "DOTUSD_PERP.BINANCE", "DOTUSD_PERP"),
            ("binance-spot", "BTC/USDT", "BTCUSDT"),
            ("binance-spot", "BTCUSDT.BINANCE", "BTCUSDT"),
            ("binance-spot", "BTC-USDT", "BTCUSDT"),
            ("bybit-linear", "BTC/USDT:USDT", "BTCUSDT"),
            ("bybit-linear", "BTCUSDT-LINEAR.BYBIT", "BTCUSDT"),
            ("bybit-inverse", "BTC/USD:BTC", "BTCUSD"),
            ("okx", "BTC/USDT:USDT", "BTC-USDT-SWAP"),
            ("okx", "BTC/USD:BTC", "BTC-USD-SWAP"),
            ("okx", "BTC-USDT-SWAP.OKX", "BTC-USDT-SWAP"),
            ("okx", "okex-swap:BTC-USDT-SWAP", "BTC-USDT-SWAP"),
            ("okx", "BTC/USDT", "BTC-USDT"),
            ("deribit", "BTC/USD:BTC", "BTC-PERPETUAL"),
            ("deribit", "BTC-PERPETUAL.DERIBIT", "BTC-PERPETUAL"),
            ("deribit", "BTC/USD:BTC-251226", "BTC-26DEC25"),
            ("bitmex", "BTC/USD:BTC", "XBTUSD"),
            ("bitmex", "BTC-USD-PERP", "XBTUSD"),
            ("kraken-futures", "BTC/USD:BTC", "PI_XBTUSD"),
            ("kraken-futures", "BTC/USD:USD", "PF_XBTUSD"),
            ("kraken-spot", "BTC-USD", "BTC/USD"),
            ("coinbase", "BTC/USD", "BTC-USD"),
        ] {
            assert_eq!(native(&catalog, venue, text), Ok(Some(want.to_owned())), "{venue} {text}");
        }
    }

    #[test]
    fn doubt_lists_the_choices_and_nonsense_means_nothing() {
        let catalog = Catalog::default();
        let choices = native(&catalog, "kraken-futures", "BTC-USD-PERP").expect_err("two contracts");
        assert!(choices.contains(&"PI_XBTUSD".to_owned()) && choices.contains(&"PF_XBTUSD".to_owned()), "{choices:?}");
        for (venue, text) in [
            ("binance-usdm", "BTC/USDT"),
            ("binance-usdm", "BTC/USD:BTC"),
            ("binance-usdm", "BTCUSDT-PERP.BYBIT"),
            ("binance-usdm", "okx:BTCUSDT"),
            ("binance-spot", "binance-futures:BTCUSDT"),
            ("okx", "BTC/USDT:USDT-2512"),
            ("okx", "BTC/USDT:USDT-251226-90000-C"),
            ("okx", ""),
            ("okx", "/:"),
            ("okx", "btc/usdt:usdt"),
            ("okx", "<b>/USDT"),
            ("mtgox", "BTC/USD"),
        ] {
            assert_eq!(native(&catalog, venue, text), Ok(None), "{venue} {text}");
        }
    }

    #[test]
    fn among_listed_markets_a_spelling_finds_its_own() {
        let names = ["binance-usdm:BTCUSDT", "binance-coinm:BTCUSD_PERP", "okx:BTC-USDT-SWAP", "okx:BTC-USDT"];
        for (text, want) in [
            ("okx:BTC-USDT", &["okx:BTC-USDT"][..]),
            ("BTC/USDT", &["okx:BTC-USDT"]),
            ("BTC/USDT:USDT", &["binance-usdm:BTCUSDT", "okx:BTC-USDT-SWAP"]),
            ("okx:BTC/USDT:USDT", &["okx:BTC-USDT-SWAP"]),
            ("binance-futures:BTCUSDT", &["binance-usdm:BTCUSDT"]),
            ("BTCUSDT-PERP.BINANCE", &["binance-usdm:BTCUSDT"]),
            ("BTC/USD:BTC", &["binance-coinm:BTCUSD_PERP"]),
            ("ETH/USD:ETH", &[]),
            ("binance-usdm", &[]),
        ] {
            assert_eq!(among(text, names.into_iter()), want, "{text}");
        }
    }
}
