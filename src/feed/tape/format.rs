//! Which format a tape has: told by its first line, and by its name only where the content cannot say.

use std::path::Path;
use std::str::FromStr;
use std::sync::LazyLock;

use super::error::TapeError;
use super::lines::Lines;
use super::source::{Report, Source};
use super::spec::Spec;
use super::{binance, frames, inputs, klines, parquet, tardis};

/// A tape that is ready to be read, or why it is not.
pub(super) type Opened = Result<Box<dyn Source>, TapeError>;

/// One format: how it is called, how it is known, how it is read. One a file.
pub(super) struct Importer {
    /// As `--format` takes it.
    pub(super) name: &'static str,
    /// The words of a file name that tell it from formats with the same columns.
    pub(super) words: &'static [&'static str],
    /// Whether a first line is of it.
    pub(super) knows: fn(&[u8]) -> bool,
    /// Reads the lines of a tape.
    pub(super) open: fn(Lines, &Spec, Report) -> Opened,
}

macro_rules! formats {
    ($($(#[$doc:meta])* $format:ident => $importer:path,)+) => {
        /// The formats of tapes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Format {
            $($(#[$doc])* $format,)+
        }

        impl Format {
            /// Every format, in order.
            pub const ALL: &[Self] = &[$(Self::$format),+];

            pub(super) const fn importer(self) -> &'static Importer {
                match self {
                    $(Self::$format => &$importer,)+
                }
            }
        }
    };
}

formats! {
    /// Tardis CSV of trades: `exchange,symbol,timestamp,local_timestamp,id,side,price,amount`.
    TardisTrades => tardis::TRADES,
    /// Tardis CSV of liquidations: the same columns with another meaning.
    TardisLiquidations => tardis::LIQUIDATIONS,
    /// Tardis CSV of quotes: `..,ask_amount,ask_price,bid_price,bid_amount`.
    TardisQuotes => tardis::quotes::QUOTES,
    /// Tardis CSV of derivative tickers: mark, index, funding rate, open interest.
    TardisTicker => tardis::ticker::TICKER,
    /// Tardis CSV of the best 5 levels of a book: quote and depth.
    TardisBook5 => tardis::book::BOOK_5,
    /// Tardis CSV of the best 25 levels of a book.
    TardisBook25 => tardis::book::BOOK_25,
    /// Tardis CSV of option chains: mark implied volatility and the underlying.
    TardisOptions => tardis::options::OPTIONS,
    /// Binance public data, klines: 12 columns, header or not, times in ms or us.
    BinanceKlines => klines::KLINES,
    /// Binance public data, aggTrades of spot or futures.
    BinanceAggTrades => binance::agg_trades::AGG_TRADES,
    /// Binance public data, trades of spot or futures.
    BinanceTrades => binance::trades::TRADES,
    /// Binance public data, bookTicker of futures.
    BinanceBookTicker => binance::book_ticker::BOOK_TICKER,
    /// Binance public data, liquidationSnapshot of futures; its duplicates are dropped.
    BinanceLiquidations => binance::liquidations::LIQUIDATIONS,
    /// Binance public data, metrics of futures: open interest.
    BinanceMetrics => binance::metrics::METRICS,
    /// Raw frames of a venue, one a line: `NANOS {json`, or `SECONDS.FRACTION: {json` behind a line with the URL.
    Frames => frames::FRAMES,
    /// What `fusewire run`, `record` and `tape convert` write: an Arrow IPC stream of engine inputs.
    Fusewire => inputs::ARROW,
    /// Parquet: trades whose columns have the usual names, and what `tape convert` writes.
    ParquetTrades => parquet::PARQUET,
}

impl Format {
    /// The name as `--format` takes it.
    pub const fn name(self) -> &'static str {
        self.importer().name
    }

    /// The help of `--format`, with every name.
    pub fn help() -> &'static str {
        static HELP: LazyLock<String> = LazyLock::new(|| format!("Format of every tape: auto, {}", names()));
        &HELP
    }

    /// The format of a tape whose first line is `first`, or what to say to the user.
    pub fn detect(first: &[u8], path: &Path) -> Result<Self, String> {
        let known: Vec<_> = Self::ALL.iter().copied().filter(|format| (format.importer().knows)(first)).collect();
        match *known.as_slice() {
            [one] => Ok(one),
            [] if first.is_empty() => {
                Err(format!("no first line to tell the format by; say which: {}", choices(Self::ALL, ", ")))
            }
            [] => Err(format!("the first line belongs to no known format; say which: {}", choices(Self::ALL, ", "))),
            _ => by_name(&known, path),
        }
    }
}

/// A name of `--format`; `auto` is no format, it is the absence of one.
impl FromStr for Format {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().copied().find(|format| format.name() == name);
        known.ok_or_else(|| format!("`{}` is no format; choose from: auto, {}", name.escape_debug(), names()))
    }
}

/// Some share their columns: only the name can tell, and only if it names one of them.
fn by_name(known: &[Format], path: &Path) -> Result<Format, String> {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let words: Vec<_> = name.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let is_named = |format: &Format| format.importer().words.iter().any(|word| words.contains(word));
    let named: Vec<_> = known.iter().copied().filter(is_named).collect();
    match *named.as_slice() {
        [one] => Ok(one),
        _ => Err(format!(
            "{} have the same columns, and the file name does not say which of them it holds; say {}",
            known.iter().map(|format| format.name()).collect::<Vec<_>>().join(" and "),
            choices(known, " or ")
        )),
    }
}

fn names() -> String {
    Format::ALL.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ")
}

fn choices(formats: &[Format], between: &str) -> String {
    formats.iter().map(|format| format!("`--format {}`", format.name())).collect::<Vec<_>>().join(between)
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
            ("1626992741.06217: {\"stream\":", "anything", Ok(Format::Frames)),
            ("wss://fstream.binance.com/stream?streams=a@aggTrade <-> 1626992740.179554", "x", Ok(Format::Frames)),
            ("", "trades.csv", Err("no first line")),
            ("id,price,qty,quoteQty,time,isBuyerMaker", "x", Ok(Format::BinanceTrades)),
            ("id,price,qty,quote_qty,time,is_buyer_maker,is_best_match", "x", Ok(Format::BinanceTrades)),
            ("5,0.1,7,0.7,1735689600000000,True,True", "x", Ok(Format::BinanceTrades)),
            ("id,price,qty,firstId,lastId,timestamp,isBuyerMaker", "x", Ok(Format::BinanceAggTrades)),
            ("5,0.1,7,1,2,1735689600000,true", "x", Ok(Format::BinanceAggTrades)),
            ("5,0.1,7,1,2,1735689600000,true,true", "x", Ok(Format::BinanceAggTrades)),
            ("5,0.1,7,0.2,2,1735689600000,1735689600001", "x", Ok(Format::BinanceBookTicker)),
            ("1687656471926,BUY,LIMIT,IOC,7,30741.3,30631.6,FILLED,6,7", "x", Ok(Format::BinanceLiquidations)),
            ("2025-01-21 00:05:00,ACEUSDT,1,2,3,4,5,6", "x", Ok(Format::BinanceMetrics)),
            ("id,price,qty", "trades.csv", Err("no known format")),
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
        for &format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        assert!("csv".parse::<Format>().unwrap_err().contains("tardis-trades"));
    }
}
