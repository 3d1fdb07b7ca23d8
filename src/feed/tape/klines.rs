//! Binance public data, klines: bars of twelve columns, known at their close.
//!
//! Columns by <https://github.com/binance/binance-public-data>, checked against recorded files: times are ms, and us for spot from
//! 2025-01-01 on; the close time is the last instant *inside* the bar; the header may be missing.

use super::bad::Reason;
use super::decimal::whole;
use super::error::TapeError;
use super::fields::{millis_or_micros, price, quantity, split};
use super::format::Importer;
use super::lines::Lines;
use super::names;
use super::source::{Decode, Report, Rows, Source};
use super::spec::Spec;
use crate::engine::Input;
use crate::event::{Bar, MarketId, Nanos};
use crate::market::Markets;

pub(super) const KLINES: Importer = Importer { name: "binance-klines", words: &["klines"], knows: Klines::knows, open };

fn open(lines: Lines, spec: &Spec, report: Report) -> Result<Box<dyn Source>, TapeError> {
    let (venue, symbol) = spec.market_of_bars()?;
    Ok(Box::new(Rows::new(lines, Klines::new(venue, symbol), report)))
}

/// Decodes rows of klines. The file does not name its market: `venue` and `symbol` do.
struct Klines {
    venue: String,
    symbol: String,
    market: Option<MarketId>,
}

impl Klines {
    fn new(venue: String, symbol: String) -> Self {
        Self { venue, symbol, market: None }
    }

    /// Whether a first line is a header or a row.
    fn knows(first: &[u8]) -> bool {
        split::<12>(first).is_some_and(|[open, _, _, _, _, _, close, ..]| {
            is_open_time(open) || (millis_or_micros(open).is_ok() && millis_or_micros(close).is_ok())
        })
    }

    fn market(&mut self, markets: &mut Markets) -> Result<MarketId, Reason> {
        if let Some(id) = self.market {
            return Ok(id);
        }
        let id = names::add(markets, &self.venue, &self.symbol)?;
        self.market = Some(id);
        Ok(id)
    }
}

impl Decode for Klines {
    fn is_header(&self, line: &[u8]) -> bool {
        split::<12>(line).is_some_and(|[open, ..]| is_open_time(open))
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason> {
        let [from, open, high, low, close, volume, to, _, trades, taker_buy, _, _] =
            split(line).ok_or(Reason::Columns)?;
        let (open_at, _) = millis_or_micros(from)?;
        let (last_at, unit) = millis_or_micros(to)?;
        let bar = Bar {
            market: self.market(markets)?,
            open_at,
            close_at: Nanos(last_at.0.saturating_add(unit)),
            open: price(open)?,
            high: price(high)?,
            low: price(low)?,
            close: price(close)?,
            volume: quantity(volume)?,
            taker_buy: quantity(taker_buy)?,
            trades: whole(trades).ok_or(Reason::NotANumber)?,
        };
        coherent(bar).map(Input::Bar)
    }
}

/// The close lies between low and high. The open need not: `BitMEX` opens a bar at the close of the one before, which on a fifth
/// of its bars is outside of what traded.
pub(super) fn coherent(bar: Bar) -> Result<Bar, Reason> {
    if bar.close_at <= bar.open_at {
        Err(Reason::Time)
    } else if (bar.low..=bar.high).contains(&bar.close) {
        Ok(bar)
    } else {
        Err(Reason::Incoherent)
    }
}

fn is_open_time(column: &[u8]) -> bool {
    column.eq_ignore_ascii_case(b"open_time") || column.eq_ignore_ascii_case(b"open time")
}

/// The symbol in a file name like `BTCUSDT-1m-2024-01.csv.gz`: what stands before the length of the bars.
pub(super) fn symbol_of(name: &str) -> Option<&str> {
    let mut at = 0;
    for part in name.split('-') {
        if at > 0 && is_length(part) {
            return name.get(..at - 1);
        }
        at += part.len() + 1;
    }
    None
}

/// `1s`, `15m`, `4h`, `1d`, `1w`, `1mo`.
fn is_length(part: &str) -> bool {
    let unit = part.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < part.len() && part.len() <= 4 && matches!(unit, "s" | "m" | "h" | "d" | "w" | "mo")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "1675209600000,0.2413,0.2418,0.2413,0.2418,283971.0,1675209659999,68569.2,270,179373.9,43319.3,0";

    fn decode(line: &str) -> Result<Bar, Reason> {
        let mut klines = Klines::new("binance-spot".to_owned(), "ALGOUSDT".to_owned());
        match klines.decode(line.as_bytes(), &mut Markets::new())? {
            Input::Bar(bar) => Ok(bar),
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_bar_is_known_one_unit_after_its_last_instant() {
        let bar = decode(ROW).unwrap();
        assert_eq!((bar.open_at, bar.close_at), (Nanos::from_secs(1_675_209_600), Nanos::from_secs(1_675_209_660)));
        let bar =
            decode(&ROW.replace("1675209600000", "1735689600000000").replace("1675209659999", "1735689659999999"));
        assert_eq!(bar.unwrap().close_at, Nanos::from_secs(1_735_689_660));
    }

    #[test]
    fn a_bar_may_open_outside_of_what_traded() {
        let row = "1443184620000,239.99,237.43,237.43,237.43,3.56145,1443184679999,845.5950735,1,0,0,0";
        assert!(decode(row).is_ok());
    }

    #[test]
    fn bad_bars_say_why() {
        for (from, to, want) in [
            (",0.2418,0.2413,", ",0.2413,0.2418,", Reason::Incoherent),
            (",0.2418,0.2413,", ",0.2413,0.2413,", Reason::Incoherent),
            (",0.2418,283971.0", ",0.2419,283971.0", Reason::Incoherent),
            ("1675209659999", "1675209599998", Reason::Time),
            ("1675209659999", "1675209659", Reason::Time),
            ("0.2413", "NaN", Reason::NotFinite),
            ("283971.0", "-1", Reason::NotPositive),
            ("270", "27.5", Reason::NotANumber),
            (",0.2413", "", Reason::Columns),
        ] {
            assert_eq!(decode(&ROW.replacen(from, to, 1)), Err(want), "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn the_symbol_stands_before_the_length_of_the_bars() {
        for (name, want) in [
            ("BTCUSDT-1m-2024-01.csv.gz", Some("BTCUSDT")),
            ("DOTUSD_PERP-1mo-2024.csv", Some("DOTUSD_PERP")),
            ("BTC-USDT-15m-2024.csv", Some("BTC-USDT")),
            ("XBTUSD-1m-2015.csv.gz", Some("XBTUSD")),
            ("1m-2015.csv.gz", None),
            ("-1m-2015.csv.gz", Some("")),
            ("klines.csv", None),
            ("", None),
        ] {
            assert_eq!(symbol_of(name), want, "{name}");
        }
    }
}
