//! Which files hold a span: whole months where there are files of months, days for the rest.
//!
//! Folders and names by <https://github.com/binance/binance-public-data>; which kinds come by day alone, by what is listed there.
//! Last checked 2026-07.

use super::day::{Day, Month, Span};
use crate::feed::instrument::is_symbol;

/// The most files of one request.
const FILES_MAX: usize = 50_000;

/// Our venues, and the folders that hold their files.
pub const VENUES: &[(&str, &str)] =
    &[("binance-spot", "spot"), ("binance-usdm", "futures/um"), ("binance-coinm", "futures/cm")];

/// Lengths of bars. `1s` is of spot alone.
pub const INTERVALS: &[&str] =
    &["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1mo"];

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Bars.
    Klines,
    /// Every trade.
    Trades,
    /// Trades of one taker at one price as one.
    AggTrades,
    /// Best bid and ask at every change; published until spring 2024.
    BookTicker,
    /// Liquidations, the latest of each second; withdrawn for USD-M, and of COIN-M what there is left.
    LiquidationSnapshot,
    /// Open interest every five minutes.
    Metrics,
}

impl Kind {
    /// Every kind there is.
    pub const ALL: [Self; 6] =
        [Self::Klines, Self::Trades, Self::AggTrades, Self::BookTicker, Self::LiquidationSnapshot, Self::Metrics];

    /// Its folder, and its word in the names of files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Klines => "klines",
            Self::Trades => "trades",
            Self::AggTrades => "aggTrades",
            Self::BookTicker => "bookTicker",
            Self::LiquidationSnapshot => "liquidationSnapshot",
            Self::Metrics => "metrics",
        }
    }

    const fn is_of_spot(self) -> bool {
        matches!(self, Self::Klines | Self::Trades | Self::AggTrades)
    }

    const fn comes_by_month(self) -> bool {
        !matches!(self, Self::LiquidationSnapshot | Self::Metrics)
    }
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(word));
        found.ok_or_else(|| format!("choose from {}", names()))
    }
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Ask {
    /// One of [`VENUES`].
    pub venue: String,
    /// The venue's names of markets.
    pub symbols: Vec<String>,
    /// What of them.
    pub kinds: Vec<Kind>,
    /// The length of bars, one of [`INTERVALS`].
    pub interval: String,
    /// From when to when.
    pub span: Span,
}

/// A file to get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The days it holds.
    pub span: Span,
    /// Its name, as in `DOTUSD_PERP-trades-2025-10-10.zip`: of letters of symbols, digits, `-` and `.`.
    pub name: String,
    /// Its path behind the base, without a `/` at its beginning.
    pub path: String,
    /// The files that together hold what is wanted of it, where it is not published: of a month its days.
    pub instead: Vec<Item>,
}

/// The files that hold what is wanted, symbol by symbol, kind by kind, in the order of time. An error says what cannot be.
pub fn plan(ask: &Ask) -> Result<Vec<Item>, String> {
    let folder = VENUES.iter().find(|(venue, _)| *venue == ask.venue).map(|(_, folder)| *folder).ok_or_else(|| {
        let known: Vec<_> = VENUES.iter().map(|(venue, _)| *venue).collect();
        format!("`{}` has no public files here; choose from {}", ask.venue.escape_debug(), known.join(", "))
    })?;
    check_symbols(&ask.symbols)?;
    let mut items = Vec::new();
    for symbol in &ask.symbols {
        for kind in &ask.kinds {
            let shelf = Shelf::new(folder, symbol, *kind, &ask.interval)?;
            items.extend(shelf.cover(ask.span));
            if items.len() > FILES_MAX {
                return Err(format!("that is more than {FILES_MAX} files; ask for a shorter span or fewer symbols"));
            }
        }
    }
    Ok(items)
}

/// A symbol becomes part of paths and URLs: letters and digits of ASCII and `_` alone, as all but a few of Binance's are.
fn check_symbols(symbols: &[String]) -> Result<(), String> {
    let is_plain = |name: &str| {
        is_symbol(name) && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    match symbols.iter().find(|name| !is_plain(name)) {
        Some(bad) => {
            let help = "written in A-Z, 0-9 and `_`, as in BTCUSDT or DOTUSD_PERP";
            Err(format!("`{}` is no symbol of Binance: they are {help}", bad.escape_debug()))
        }
        None => Ok(()),
    }
}

/// The files of one market and kind.
struct Shelf<'a> {
    folder: &'static str,
    symbol: &'a str,
    kind: Kind,
    /// The word of a name between symbol and date.
    word: &'a str,
}

impl<'a> Shelf<'a> {
    fn new(folder: &'static str, symbol: &'a str, kind: Kind, interval: &'a str) -> Result<Self, String> {
        let is_spot = folder == "spot";
        if is_spot && !kind.is_of_spot() {
            return Err(format!("{} is of futures alone; of spot there are klines, trades and aggTrades", kind.name()));
        }
        if kind != Kind::Klines {
            return Ok(Self { folder, symbol, kind, word: kind.name() });
        }
        if !INTERVALS.contains(&interval) {
            let known = INTERVALS.join(", ");
            return Err(format!("`{}` is no length of klines; choose from {known}", interval.escape_debug()));
        }
        if interval == "1s" && !is_spot {
            return Err("klines of 1s are of spot alone".to_owned());
        }
        Ok(Self { folder, symbol, kind, word: interval })
    }

    /// The fewest files that hold the span and no day more, where there are files of days; else all months that it touches.
    fn cover(&self, span: Span) -> Vec<Item> {
        let by_day = self.kind != Kind::Klines || !["3d", "1w", "1mo"].contains(&self.word);
        let mut items = Vec::new();
        let mut month = span.from.month();
        while month.first() <= span.to {
            let within = Span { from: span.from.max(month.first()), to: span.to.min(month.last()) };
            if !by_day || (self.kind.comes_by_month() && span.covers(month)) {
                let instead = if by_day { self.days(within) } else { Vec::new() };
                items.push(Item { instead, ..self.month(month) });
            } else {
                items.extend(self.days(within));
            }
            month = month.next();
        }
        items
    }

    fn days(&self, span: Span) -> Vec<Item> {
        span.days().map(|day| self.day(day)).collect()
    }

    fn day(&self, day: Day) -> Item {
        self.item("daily", &day.to_string(), Span { from: day, to: day })
    }

    fn month(&self, month: Month) -> Item {
        self.item("monthly", &month.to_string(), Span { from: month.first(), to: month.last() })
    }

    fn item(&self, grain: &str, date: &str, span: Span) -> Item {
        let Self { folder, symbol, kind, word } = self;
        let name = format!("{symbol}-{word}-{date}.zip");
        let below = if *kind == Kind::Klines { format!("{symbol}/{word}") } else { (*symbol).to_owned() };
        let path = format!("data/{folder}/{grain}/{}/{below}/{name}", kind.name());
        Item { span, name, path, instead: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(venue: &str, kind: Kind, from: &str, to: &str) -> Ask {
        let span = Span::parse(from).unwrap().until(Span::parse(to).unwrap()).unwrap();
        let symbols = vec!["BTCUSDT".to_owned()];
        Ask { venue: venue.to_owned(), symbols, kinds: vec![kind], interval: "1m".to_owned(), span }
    }

    fn names(ask: &Ask) -> Vec<String> {
        plan(ask).unwrap().into_iter().map(|item| item.name).collect()
    }

    #[test]
    fn paths_are_as_the_publisher_documents_them() {
        let path = |venue, kind, from| plan(&ask(venue, kind, from, from)).unwrap().remove(0).path;
        assert_eq!(
            path("binance-spot", Kind::Klines, "2019-01"),
            "data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2019-01.zip"
        );
        assert_eq!(
            path("binance-spot", Kind::Trades, "2019-01"),
            "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2019-01.zip"
        );
        assert_eq!(
            path("binance-usdm", Kind::Metrics, "2024-01-01"),
            "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2024-01-01.zip"
        );
        assert_eq!(
            path("binance-coinm", Kind::AggTrades, "2024-01-01"),
            "data/futures/cm/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-01.zip"
        );
    }

    #[test]
    fn whole_months_are_one_file_and_their_days_stand_by() {
        let items = plan(&ask("binance-usdm", Kind::Trades, "2024-01-30", "2024-03-02")).unwrap();
        let names: Vec<_> = items.iter().map(|item| item.name.trim_start_matches("BTCUSDT-trades-")).collect();
        assert_eq!(names, ["2024-01-30.zip", "2024-01-31.zip", "2024-02.zip", "2024-03-01.zip", "2024-03-02.zip"]);
        assert_eq!(items[2].instead.len(), 29);
        assert_eq!(items[2].instead[28].name, "BTCUSDT-trades-2024-02-29.zip");
        assert!(items[0].instead.is_empty());
    }

    #[test]
    fn what_comes_by_day_alone_or_by_month_alone_is_asked_for_so() {
        let metrics = names(&ask("binance-usdm", Kind::Metrics, "2024-02", "2024-02"));
        assert_eq!((metrics.len(), metrics[28].as_str()), (29, "BTCUSDT-metrics-2024-02-29.zip"));
        let weeks = Ask { interval: "1w".to_owned(), ..ask("binance-spot", Kind::Klines, "2024-01-15", "2024-02-02") };
        assert_eq!(names(&weeks), ["BTCUSDT-1w-2024-01.zip", "BTCUSDT-1w-2024-02.zip"]);
        assert!(plan(&weeks).unwrap().iter().all(|item| item.instead.is_empty()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_choices() {
        let good = ask("binance-usdm", Kind::Klines, "2024-01-01", "2024-01-01");
        let why = |ask: Ask| plan(&ask).unwrap_err();
        assert!(why(Ask { venue: "okx".to_owned(), ..good.clone() }).contains("binance-coinm"));
        assert!(why(Ask { interval: "7m".to_owned(), ..good.clone() }).contains("15m"));
        assert!(why(Ask { interval: "1s".to_owned(), ..good.clone() }).contains("spot"));
        assert!(why(ask("binance-spot", Kind::Metrics, "2024-01-01", "2024-01-01")).contains("futures"));
        for bad in ["", "btcusdt", "../BTCUSDT", "BTC/USDT", "BTC USDT", "币安人生USDT", "A?b", "B%2e"] {
            assert!(why(Ask { symbols: vec![bad.to_owned()], ..good.clone() }).contains("no symbol"), "{bad}");
        }
        let long = Span::parse("2009-01-01").unwrap().until(Span::parse("2099-12-31").unwrap()).unwrap();
        let many = Ask { span: long, symbols: vec!["A".to_owned(); 40], kinds: vec![Kind::Metrics], ..good };
        assert!(why(many).contains("50000"));
        assert!("funding".parse::<Kind>().unwrap_err().contains("aggTrades"));
        assert_eq!("aggtrades".parse(), Ok(Kind::AggTrades));
    }
}
