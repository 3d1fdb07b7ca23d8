//! Where each venue lists its instruments, and what its listing means.

use crate::feed::instrument::coin;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Page, Read, whole};
use crate::feed::venue::number::Number;
use crate::market::ContractSize::{Base, Quote};
use crate::market::{ContractSize, MarketKind, Terms};

/// The listing of one of our venues.
pub struct Listing {
    /// The venue.
    pub venue: &'static str,
    /// Where it is; several answers make one listing.
    pub urls: &'static [&'static str],
    pub(super) rows: fn(&str) -> Result<Page<'_>, String>,
    pub(super) read: fn(&str) -> Read,
}

/// Every listing that is read.
pub static LISTINGS: &[Listing] = &[
    Listing {
        venue: "binance-usdm",
        urls: &["https://fapi.binance.com/fapi/v1/exchangeInfo"],
        rows: binance,
        read: |text| binance_future(text, |_| Ok(Base(1.0))),
    },
    Listing {
        venue: "binance-coinm",
        urls: &["https://dapi.binance.com/dapi/v1/exchangeInfo"],
        rows: binance,
        read: |text| binance_future(text, |number| size(number).map(Quote)),
    },
    Listing {
        venue: "binance-spot",
        urls: &["https://api.binance.com/api/v3/exchangeInfo"],
        rows: binance,
        read: binance_spot,
    },
    Listing {
        venue: "bybit-linear",
        urls: &["https://api.bybit.com/v5/market/instruments-info?category=linear&limit=1000"],
        rows: bybit,
        read: bybit_linear,
    },
    Listing {
        venue: "bybit-inverse",
        urls: &["https://api.bybit.com/v5/market/instruments-info?category=inverse&limit=1000"],
        rows: bybit,
        read: bybit_inverse,
    },
    Listing {
        venue: "bybit-spot",
        urls: &["https://api.bybit.com/v5/market/instruments-info?category=spot"],
        rows: bybit,
        read: bybit_spot,
    },
    Listing {
        venue: "okx",
        urls: &[
            "https://www.okx.com/api/v5/public/instruments?instType=SPOT",
            "https://www.okx.com/api/v5/public/instruments?instType=SWAP",
            "https://www.okx.com/api/v5/public/instruments?instType=FUTURES",
        ],
        rows: okx_rows,
        read: okx,
    },
    Listing { venue: "bitmex", urls: &["https://www.bitmex.com/api/v1/instrument/active"], rows: list, read: bitmex },
    Listing {
        venue: "deribit",
        urls: &["https://www.deribit.com/api/v2/public/get_instruments?currency=any&expired=false"],
        rows: deribit_rows,
        read: deribit,
    },
    Listing {
        venue: "kraken-futures",
        urls: &["https://futures.kraken.com/derivatives/api/v3/instruments"],
        rows: kraken_rows,
        read: kraken,
    },
];

const NO_SHAPE: &str = "not of the documented shape";
const NO_SIZE: &str = "a contract size that is none";
const NOT_OURS: &str = "of a kind that is not listened to";

fn list(answer: &str) -> Result<Page<'_>, String> {
    serde_json::from_str(answer).map(whole).map_err(|fault| format!("is no list of instruments: {fault}"))
}

fn inside<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T, String> {
    serde_json::from_str(answer).map_err(|fault| format!("is no listing of this venue: {fault}"))
}

fn row<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, &'static str> {
    serde_json::from_str(text).map_err(|_| NO_SHAPE)
}

/// A contract size: finite, above zero.
fn size(number: Option<Number>) -> Result<f64, &'static str> {
    in_range(number.ok_or(NO_SHAPE)?.get().map_err(|_| NO_SIZE)?)
}

/// What a config takes.
fn in_range(size: f64) -> Result<f64, &'static str> {
    if (1e-12..=1e12).contains(&size) { Ok(size) } else { Err(NO_SIZE) }
}

fn terms(asset: &str, quote: &str, kind: MarketKind, contract: crate::market::ContractSize) -> Terms {
    Terms {
        asset: Some(coin(asset)),
        quote: Some(coin(quote)),
        kind: Some(kind),
        contract: Some(contract),
        source: None,
    }
}

#[derive(Deserialize)]
struct BinanceInfo<'a> {
    #[serde(borrow)]
    symbols: Vec<&'a RawValue>,
}

fn binance(answer: &str) -> Result<Page<'_>, String> {
    inside::<BinanceInfo>(answer).map(|info| whole(info.symbols))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BinanceSymbol<'a> {
    symbol: String,
    base_asset: String,
    quote_asset: String,
    contract_type: Option<String>,
    #[serde(borrow)]
    contract_size: Option<Number<'a>>,
}

/// COIN-M contracts are so many USD, and must say how many; those of USD-M are coins.
fn binance_future(text: &str, contract: fn(Option<Number>) -> Result<ContractSize, &'static str>) -> Read {
    let one: BinanceSymbol = row(text)?;
    let kind = match one.contract_type.as_deref().ok_or(NO_SHAPE)? {
        "PERPETUAL" | "PERPETUAL_DELIVERING" | "TRADIFI_PERPETUAL" => MarketKind::Perp,
        name if name.ends_with("QUARTER")
            || name.ends_with("QUARTER_DELIVERING")
            || name.ends_with("QUARTER DELIVERING") =>
        {
            MarketKind::Future
        }
        _ => return Err(NOT_OURS),
    };
    let contract = contract(one.contract_size)?;
    Ok((one.symbol, terms(&one.base_asset, &one.quote_asset, kind, contract)))
}

fn binance_spot(text: &str) -> Read {
    let one: BinanceSymbol = row(text)?;
    Ok((one.symbol, terms(&one.base_asset, &one.quote_asset, MarketKind::Spot, Base(1.0))))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BybitAnswer<'a> {
    ret_code: i64,
    ret_msg: String,
    #[serde(borrow)]
    result: Option<BybitResult<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BybitResult<'a> {
    #[serde(borrow)]
    list: Option<Vec<&'a RawValue>>,
    next_page_cursor: Option<String>,
}

/// One page of up to 1,000; the last one names no next, or an empty one.
fn bybit(answer: &str) -> Result<Page<'_>, String> {
    let answer: BybitAnswer = inside(answer)?;
    if answer.ret_code != 0 {
        return Err(format!("is a refusal: {}", super::super::session::printable(&answer.ret_msg)));
    }
    let result = answer.result.ok_or("has no result")?;
    let next = result.next_page_cursor.filter(|cursor| !cursor.is_empty());
    Ok(Page { rows: result.list.ok_or("has no list")?, next })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BybitSymbol {
    symbol: String,
    base_coin: String,
    quote_coin: String,
    contract_type: Option<String>,
}

fn bybit_symbol(text: &str, contract: crate::market::ContractSize) -> Read {
    let one: BybitSymbol = row(text)?;
    let kind = match one.contract_type.as_deref() {
        None => MarketKind::Spot,
        Some("LinearPerpetual" | "InversePerpetual") => MarketKind::Perp,
        Some("LinearFutures" | "InverseFutures") => MarketKind::Future,
        Some(_) => return Err(NOT_OURS),
    };
    Ok((one.symbol, terms(&one.base_coin, &one.quote_coin, kind, contract)))
}

fn bybit_linear(text: &str) -> Read {
    bybit_symbol(text, Base(1.0))
}

/// Quantities are in USD.
fn bybit_inverse(text: &str) -> Read {
    bybit_symbol(text, Quote(1.0))
}

fn bybit_spot(text: &str) -> Read {
    bybit_symbol(text, Base(1.0))
}

#[derive(Deserialize)]
struct OkxAnswer<'a> {
    code: String,
    msg: String,
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

fn okx_rows(answer: &str) -> Result<Page<'_>, String> {
    let answer: OkxAnswer = inside(answer)?;
    if answer.code == "0" {
        Ok(whole(answer.data))
    } else {
        Err(format!("is a refusal: {}", super::super::session::printable(&answer.msg)))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OkxInstrument<'a> {
    inst_id: String,
    inst_type: String,
    base_ccy: String,
    quote_ccy: String,
    uly: String,
    ct_type: String,
    ct_val_ccy: String,
    #[serde(borrow)]
    ct_val: Option<Number<'a>>,
    #[serde(borrow)]
    ct_mult: Option<Number<'a>>,
}

/// A contract is `ctVal` times `ctMult` of `ctValCcy`: of the coin where linear, of the money where inverse.
fn okx(text: &str) -> Read {
    let one: OkxInstrument = row(text)?;
    let kind = match one.inst_type.as_str() {
        "SPOT" => return Ok((one.inst_id, terms(&one.base_ccy, &one.quote_ccy, MarketKind::Spot, Base(1.0)))),
        "SWAP" => MarketKind::Perp,
        "FUTURES" => MarketKind::Future,
        _ => return Err(NOT_OURS),
    };
    let (asset, quote) = one.uly.split_once('-').ok_or(NO_SHAPE)?;
    let size = in_range(size(one.ct_val)? * size(one.ct_mult)?)?;
    let contract = match one.ct_type.as_str() {
        "linear" if one.ct_val_ccy == asset => Base(size),
        "inverse" if one.ct_val_ccy == quote => Quote(size),
        _ => return Err("a contract in neither coin nor money"),
    };
    Ok((one.inst_id.clone(), terms(asset, quote, kind, contract)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BitmexInstrument<'a> {
    symbol: String,
    typ: String,
    underlying: String,
    quote_currency: String,
    is_inverse: bool,
    is_quanto: bool,
    #[serde(borrow)]
    underlying_to_position_multiplier: Option<Number<'a>>,
}

/// Inverse contracts are of one USD; linear ones of one coin over the multiplier. What a quanto one is worth depends on another
/// price.
fn bitmex(text: &str) -> Read {
    let one: BitmexInstrument = row(text)?;
    let kind = match one.typ.as_str() {
        "FFWCSX" => MarketKind::Perp,
        "FFCCSX" => MarketKind::Future,
        "IFXXXP" => MarketKind::Spot,
        _ => return Err(NOT_OURS),
    };
    if one.is_quanto {
        return Err("quanto: its worth depends on another price");
    }
    let contract = if one.is_inverse { Quote(1.0) } else { Base(1.0 / size(one.underlying_to_position_multiplier)?) };
    let quote = coin(&one.quote_currency);
    Ok((one.symbol, terms(&one.underlying, &quote, kind, contract)))
}

#[derive(Deserialize)]
struct DeribitAnswer<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

fn deribit_rows(answer: &str) -> Result<Page<'_>, String> {
    inside::<DeribitAnswer>(answer).map(|answer| whole(answer.result))
}

#[derive(Deserialize)]
struct DeribitInstrument {
    instrument_name: String,
    kind: String,
    base_currency: String,
    quote_currency: String,
    instrument_type: Option<String>,
    settlement_period: Option<String>,
}

/// Amounts in frames are USD where a contract is reversed, coins elsewhere: never contracts.
fn deribit(text: &str) -> Read {
    let one: DeribitInstrument = row(text)?;
    let is_perpetual = one.settlement_period.as_deref() == Some("perpetual");
    let (kind, contract) = match one.kind.as_str() {
        "spot" => (MarketKind::Spot, Base(1.0)),
        "option" => (MarketKind::Option, Base(1.0)),
        "future" => {
            let kind = if is_perpetual { MarketKind::Perp } else { MarketKind::Future };
            match one.instrument_type.as_deref() {
                Some("reversed") => (kind, Quote(1.0)),
                Some("linear") => (kind, Base(1.0)),
                _ => return Err(NO_SHAPE),
            }
        }
        _ => return Err(NOT_OURS),
    };
    Ok((one.instrument_name, terms(&one.base_currency, &one.quote_currency, kind, contract)))
}

#[derive(Deserialize)]
struct KrakenAnswer<'a> {
    #[serde(borrow)]
    instruments: Vec<&'a RawValue>,
}

fn kraken_rows(answer: &str) -> Result<Page<'_>, String> {
    inside::<KrakenAnswer>(answer).map(|answer| whole(answer.instruments))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KrakenInstrument<'a> {
    symbol: String,
    r#type: String,
    base: Option<String>,
    quote: Option<String>,
    last_trading_time: Option<String>,
    #[serde(borrow)]
    contract_size: Option<Number<'a>>,
}

fn kraken(text: &str) -> Read {
    let one: KrakenInstrument = row(text)?;
    let size = size(one.contract_size)?;
    let contract = match one.r#type.as_str() {
        "futures_inverse" => Quote(size),
        "flexible_futures" | "futures_vanilla" => Base(size),
        _ => return Err(NOT_OURS),
    };
    let kind = if one.last_trading_time.is_some() { MarketKind::Future } else { MarketKind::Perp };
    let (asset, quote) = (one.base.ok_or(NO_SHAPE)?, one.quote.ok_or(NO_SHAPE)?);
    Ok((one.symbol.to_uppercase(), terms(&asset, &quote, kind, contract)))
}
