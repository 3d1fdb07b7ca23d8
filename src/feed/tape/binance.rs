//! Binance public data: what its files share. The file's name tells the symbol, the columns whether it is of spot or futures.
//!
//! Columns by <https://github.com/binance/binance-public-data>; the header may be missing; times are ms, and us for spot from
//! 2025-01-01 on. Last checked 2026-07.

pub(super) mod agg_trades;
pub(super) mod book_ticker;
pub(super) mod liquidations;
pub(super) mod metrics;
pub(super) mod trades;

use super::bad::Reason;
use super::error::TapeError;
use super::fields::{millis_or_micros, positive, price};
use super::names;
use super::spec::Spec;
use crate::event::{Aggressor, Body, MarketId, Nanos};
use crate::feed::instrument::{is_symbol, is_venue};
use crate::feed::venue;
use crate::market::Markets;

/// Which of the two layouts the columns have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Spot,
    Futures,
}

impl Layout {
    /// By the number of columns of the first line, else by what the user says.
    fn of(first: &[u8], futures: usize, spec: &Spec) -> Result<Self, TapeError> {
        let columns = memchr::memchr_iter(b',', first).count() + 1;
        match spec.venue.as_deref().map(said_venue) {
            _ if columns == futures => Ok(Self::Futures),
            _ if columns == futures + 1 => Ok(Self::Spot),
            Some("binance-spot") => Ok(Self::Spot),
            Some(_) => Ok(Self::Futures),
            None => Err(TapeError::doubt(
                &spec.path,
                "the first line has the columns of neither spot nor futures; say which, as in `--venue binance-spot`, \
                 `--venue binance-usdm` or `--venue binance-coinm`",
            )),
        }
    }
}

/// The market a file is of, and the unit of its times, which its first row fixes.
struct Sheet {
    venue: String,
    symbol: String,
    market: Option<MarketId>,
    unit: Option<i64>,
}

impl Sheet {
    /// Of a file called `SYMBOL-KIND-DATE`, or of the market that the user says.
    fn new(spec: &Spec, kind: &str, layout: Layout) -> Result<Self, TapeError> {
        let doubt = |help: &str| TapeError::doubt(&spec.path, help);
        let name = spec.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let of_name = name.split_once(&format!("-{kind}-")).map(|(symbol, _)| symbol);
        let said = spec.venue.as_deref().map(|said| said.split_once(':').map_or((said, None), |(v, s)| (v, Some(s))));
        let symbol =
            said.and_then(|(_, symbol)| symbol).or(of_name).filter(|symbol| is_symbol(symbol)).ok_or_else(|| {
                let help = "the rows name no symbol and the file is not called";
                TapeError::doubt(
                    &spec.path,
                    format!("{help} SYMBOL-{kind}-DATE; say which, as in `--venue binance-usdm:BTCUSDT`"),
                )
            })?;
        let venue = match said {
            Some((venue, _))
                if venue.starts_with("binance-") && (venue == "binance-spot") != (layout == Layout::Spot) =>
            {
                return Err(doubt("the columns are of spot and the venue of futures, or the other way round"));
            }
            Some((venue, _)) => venue,
            None => venue_of(symbol, layout).ok_or_else(|| {
                doubt(
                    "the symbol does not tell the venue; say which: `--venue binance-usdm` or `--venue binance-coinm`",
                )
            })?,
        };
        if !is_venue(venue) {
            return Err(doubt("a venue is written in a-z, 0-9 and `-`, as in `--venue binance-usdm`"));
        }
        Ok(Self { venue: venue.to_owned(), symbol: symbol.to_owned(), market: None, unit: None })
    }

    fn market(&mut self, markets: &mut Markets) -> Result<MarketId, Reason> {
        if let Some(id) = self.market {
            return Ok(id);
        }
        let id = names::add(markets, &self.venue, &self.symbol)?;
        self.market = Some(id);
        Ok(id)
    }

    /// A time in the unit of the file. One in the other unit is refused: half of such a file is not what it seems.
    fn time(&mut self, text: &[u8]) -> Result<Nanos, Reason> {
        let (at, unit) = millis_or_micros(text)?;
        if *self.unit.get_or_insert(unit) == unit { Ok(at) } else { Err(Reason::MixedUnits) }
    }
}

fn said_venue(said: &str) -> &str {
    said.split_once(':').map_or(said, |(venue, _)| venue)
}

/// The venue that has a symbol of this shape.
fn venue_of(symbol: &str, layout: Layout) -> Option<&'static str> {
    if layout == Layout::Spot {
        return Some("binance-spot");
    }
    let mut of_shape = ["binance-usdm", "binance-coinm"]
        .into_iter()
        .filter(|name| venue::find(name).is_some_and(|v| v.instrument(symbol).is_some()));
    of_shape.next().filter(|_| of_shape.next().is_none())
}

/// A trade; `maker` says whether the buyer was the maker: then the seller took.
fn trade(id: u64, px: &[u8], qty: &[u8], maker: &[u8]) -> Result<Body, Reason> {
    let aggressor = if is_true(maker).ok_or(Reason::Side)? { Aggressor::Sell } else { Aggressor::Buy };
    Ok(Body::Trade { price: price(px)?, qty: positive(qty)?, id, aggressor })
}

/// Spot writes `True`, futures `true`.
fn is_true(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") { Some(true) } else { text.eq_ignore_ascii_case(b"false").then_some(false) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(path: &str, venue: Option<&str>, layout: Layout) -> Result<String, String> {
        let spec = Spec { venue: venue.map(str::to_owned), ..Spec::new(path) };
        Sheet::new(&spec, "trades", layout).map(|s| format!("{}:{}", s.venue, s.symbol)).map_err(|why| why.to_string())
    }

    #[test]
    fn the_name_and_the_columns_tell_the_market_or_it_is_doubt() {
        use Layout::{Futures, Spot};
        for (path, venue, layout, want) in [
            ("BTCUSDT-trades-2024-01.zip", None, Futures, Ok("binance-usdm:BTCUSDT")),
            ("BTCUSDT_250926-trades-2024-01.zip", None, Futures, Ok("binance-usdm:BTCUSDT_250926")),
            ("x/DOTUSD_PERP-trades-2024-01-01.csv", None, Futures, Ok("binance-coinm:DOTUSD_PERP")),
            ("BTCUSDT-trades-2024-01.zip", None, Spot, Ok("binance-spot:BTCUSDT")),
            ("BTCUSDT-trades-2024-01.zip", Some("mine"), Futures, Ok("mine:BTCUSDT")),
            ("t.csv", Some("binance-usdm:BTCUSDT"), Futures, Ok("binance-usdm:BTCUSDT")),
            ("t.csv", None, Futures, Err("SYMBOL-trades-DATE")),
            ("BTCUSDT-trades-2024-01.zip", Some("binance-spot"), Futures, Err("the other way round")),
            ("BTCUSDT-trades-2024-01.zip", Some("binance-usdm"), Spot, Err("the other way round")),
            ("WHAT-trades-2024-01.zip", None, Futures, Err("--venue binance-coinm")),
            ("BTCUSDT-trades-2024-01.zip", Some("Mine"), Futures, Err("a-z")),
        ] {
            match (sheet(path, venue, layout), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{path}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{path}: {got}"),
                (got, want) => unreachable!("{path}: {got:?}, not {want:?}"),
            }
        }
    }
}
