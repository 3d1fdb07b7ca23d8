//! Which format a tape has: told by its first line, and by its name only where the content cannot say.

use std::path::Path;
use std::str::FromStr;

use super::decimal::whole;
use super::klines::Klines;
use super::tardis::Tardis;

/// The formats of tapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// Tardis CSV of trades: `exchange,symbol,timestamp,local_timestamp,id,side,price,amount`.
    TardisTrades,
    /// Tardis CSV of liquidations: the same columns with another meaning.
    TardisLiquidations,
    /// Binance public data, klines: 12 columns, header or not, times in ms or us.
    BinanceKlines,
    /// Raw frames of a venue, one a line: `NANOS {json`.
    Frames,
}

impl Format {
    /// Every format, in order.
    pub const ALL: [Self; 4] = [Self::TardisTrades, Self::TardisLiquidations, Self::BinanceKlines, Self::Frames];

    /// The name as `--format` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TardisTrades => "tardis-trades",
            Self::TardisLiquidations => "tardis-liquidations",
            Self::BinanceKlines => "binance-klines",
            Self::Frames => "frames",
        }
    }

    /// The format of a tape whose first line is `first`, or what to say to the user.
    pub fn detect(first: &[u8], path: &Path) -> Result<Self, String> {
        if Tardis::knows(first) {
            by_name(path)
        } else if Klines::knows(first) {
            Ok(Self::BinanceKlines)
        } else if is_frame(first) {
            Ok(Self::Frames)
        } else if first.is_empty() {
            Err(format!("no first line to tell the format by; say which: {}", choices()))
        } else {
            Err(format!("the first line belongs to no known format; say which: {}", choices()))
        }
    }
}

/// A name of `--format`; `auto` is no format, it is the absence of one.
impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.name() == name);
        known.ok_or_else(|| format!("`{}` is no format; choose from: auto, {}", name.escape_debug(), names()))
    }
}

/// Trades and liquidations share their columns: only the name can tell, and only if it names one of the two.
fn by_name(path: &Path) -> Result<Format, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let words: Vec<_> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let trades = words.contains(&"trades");
    let liquidations = words.contains(&"liquidations");
    match (trades, liquidations) {
        (true, false) => Ok(Format::TardisTrades),
        (false, true) => Ok(Format::TardisLiquidations),
        _ => Err(
            "trades and liquidations have the same columns, and the file name does not say which of the two it holds; \
                  say `--format tardis-trades` or `--format tardis-liquidations`"
                .to_owned(),
        ),
    }
}

fn is_frame(first: &[u8]) -> bool {
    let blank = first.iter().position(|&byte| byte == b' ').unwrap_or(0);
    let (nanos, rest) = first.split_at(blank);
    nanos.len() == 19 && whole(nanos).is_some() && matches!(rest.get(1), Some(b'{' | b'['))
}

fn names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

fn choices() -> String {
    Format::ALL.map(|format| format!("`--format {}`", format.name())).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARDIS: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount";
    const TARDIS_ROW: &str = "coinbase,DOT-USD,1760054402827294,1760054402866691,50600667,buy,4.077,0.23876999";
    const KLINES: &str = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,\
                          taker_buy_quote_volume,ignore";
    const KLINES_OLD: &str = "Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,\
                              Taker buy base asset volume,Taker buy quote asset volume,Ignore";
    const KLINES_ROW: &str = "1675209600000,0.2,0.3,0.2,0.3,28.0,1675209659999,68.2,270,17.9,43.3,0";

    #[test]
    fn the_first_line_tells_the_format() {
        for (first, name, want) in [
            (TARDIS, "binance_trades_2025-10-04_BTCUSDC.csv.gz", Ok(Format::TardisTrades)),
            (TARDIS_ROW, "x.trades.csv", Ok(Format::TardisTrades)),
            (TARDIS, "/trades/bitmex_liquidations_2020-03-13.csv", Ok(Format::TardisLiquidations)),
            (TARDIS, "DOT.csv", Err("--format tardis-liquidations")),
            (TARDIS, "trades_and_liquidations.csv", Err("--format tardis-trades")),
            (KLINES, "anything", Ok(Format::BinanceKlines)),
            (KLINES_OLD, "anything", Ok(Format::BinanceKlines)),
            (KLINES_ROW, "anything", Ok(Format::BinanceKlines)),
            ("1723161256172216566 {\"stream\":", "anything", Ok(Format::Frames)),
            ("1723161256172 {\"stream\":", "anything", Err("--format frames")),
            ("", "trades.csv", Err("no first line")),
            ("id,price,qty,quoteQty,time,isBuyerMaker", "trades.csv", Err("no known format")),
        ] {
            match (Format::detect(first.as_bytes(), Path::new(name)), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{first} {name}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{got}"),
                (got, want) => unreachable!("{name}: {got:?}, not {want:?}"),
            }
        }
    }

    #[test]
    fn names_read_back() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("csv".parse::<Format>().unwrap_err().contains("tardis-trades"));
    }
}
