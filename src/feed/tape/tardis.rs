//! Tardis CSV: trades and liquidations, times in microseconds, and what the other files of that publisher share with them.
//!
//! Columns by <https://docs.tardis.dev/downloadable-csv-files/data-types>, checked against recorded files. A liquidation's side is the
//! side of the order that closed the position: `buy` closed a short.

pub(super) mod book;
pub(super) mod options;
pub(super) mod quotes;
pub(super) mod ticker;

use super::bad::Reason;
use super::decimal::whole;
use super::fields::{micros, positive, price, split};
use super::format::Importer;
use super::lines::Lines;
use super::names::Names;
use super::source::{self, Decode, Report, Source};
use crate::engine::Input;
use crate::event::{Aggressor, Body, Completeness, Event, Liquidated, MarketId, Nanos, Price, PriceMeaning, Qty};
use crate::feed::spelling::our_venue;
use crate::market::Markets;

const HEADER: &[u8] = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount";

pub(super) const TRADES: Importer = Importer {
    name: "tardis-trades",
    words: &["trades"],
    knows: Tardis::knows,
    open: |lines, _, report| Ok(read(lines, Rows::Trades, report)),
};

pub(super) const LIQUIDATIONS: Importer = Importer {
    name: "tardis-liquidations",
    words: &["liquidations"],
    knows: Tardis::knows,
    open: |lines, _, report| Ok(read(lines, Rows::Liquidations, report)),
};

fn read(lines: Lines, rows: Rows, report: Report) -> Box<dyn Source> {
    Box::new(source::Rows::new(lines, Tardis::new(rows), report))
}

/// What the rows are.
#[derive(Clone, Copy)]
enum Rows {
    Trades,
    Liquidations,
}

/// Decodes rows of Tardis CSV.
struct Tardis {
    rows: Rows,
    names: Names,
}

impl Tardis {
    fn new(rows: Rows) -> Self {
        Self { rows, names: Names::new(our_venue) }
    }

    /// Whether a first line is the header or a row.
    fn knows(first: &[u8]) -> bool {
        first == HEADER
            || split::<8>(first).is_some_and(|[_, _, at, _, _, side, _, _]| {
                micros(at).is_ok() && matches!(side, b"buy" | b"sell" | b"unknown")
            })
    }
}

impl Decode for Tardis {
    fn is_header(&self, line: &[u8]) -> bool {
        line == HEADER
    }

    #[inline]
    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason> {
        let [venue, symbol, at, local, id, side, px, amount] = split(line).ok_or(Reason::Columns)?;
        let venue_at = micros(at)?;
        let recv_at = if local.is_empty() || local == at { venue_at } else { micros(local)? };
        let (px, qty) = (price(px)?, positive(amount)?);
        let body = match self.rows {
            Rows::Trades => trade(id, side, px, qty)?,
            Rows::Liquidations => liquidation(venue, side, px, qty)?,
        };
        let head = line.get(..venue.len() + 1 + symbol.len()).unwrap_or_default();
        let market = self.names.id(head, venue, symbol, markets)?;
        Ok(event(venue_at, recv_at, market, body))
    }
}

/// Ids of the markets that the head of a row names.
fn names() -> Names {
    Names::new(our_venue)
}

/// Venue and symbol as they stand at the head of a row.
fn head<'a>(line: &'a [u8], venue: &[u8], symbol: &[u8]) -> &'a [u8] {
    line.get(..venue.len() + 1 + symbol.len()).unwrap_or_default()
}

/// The venue's time, and ours where there is one.
fn times(at: &[u8], local: &[u8]) -> Result<(Nanos, Nanos), Reason> {
    let at = micros(at)?;
    Ok((at, if local.is_empty() { at } else { micros(local)? }))
}

fn event(venue_at: Nanos, recv_at: Nanos, market: MarketId, body: Body) -> Input {
    Input::Event(Event { venue_at, recv_at, market, body })
}

fn trade(id: &[u8], side: &[u8], price: Price, qty: Qty) -> Result<Body, Reason> {
    let aggressor = match side {
        b"buy" => Aggressor::Buy,
        b"sell" => Aggressor::Sell,
        b"unknown" | b"" => Aggressor::Unknown,
        _ => return Err(Reason::Side),
    };
    Ok(Body::Trade { price, qty, id: trade_id(id), aggressor })
}

fn liquidation(venue: &[u8], side: &[u8], price: Price, qty: Qty) -> Result<Body, Reason> {
    let liquidated = match side {
        b"buy" => Liquidated::Short,
        b"sell" => Liquidated::Long,
        _ => return Err(Reason::Side),
    };
    let (meaning, completeness) = stream_of(venue);
    Ok(Body::Liquidation { price, qty, liquidated, meaning, completeness })
}

/// A number as it is, nothing as 0, and any other text (`BitMEX` has UUIDs) as its FNV-1a hash: equal ids stay equal, which
/// is all that dedupe asks.
fn trade_id(text: &[u8]) -> u64 {
    whole(text).unwrap_or_else(|| if text.is_empty() { 0 } else { fnv1a(text).max(1) })
}

fn fnv1a(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// What the price of a venue's liquidations means on these tapes, and how much of the truth they hold. Binance: the average
/// fill price of the latest order of a second. Bybit changed from a sample to every liquidation in 2025, and a row does not
/// say which it is: the weaker word holds.
fn stream_of(venue: &[u8]) -> (PriceMeaning, Completeness) {
    match venue {
        b"binance-futures" | b"binance-delivery" => (PriceMeaning::Fill, Completeness::Sampled),
        b"bitmex" => (PriceMeaning::Order, Completeness::Full),
        b"deribit" | b"cryptofacilities" => (PriceMeaning::Fill, Completeness::Full),
        b"bybit" | b"okex-swap" | b"okex-futures" => (PriceMeaning::Bankruptcy, Completeness::Partial),
        _ => (PriceMeaning::Order, Completeness::Partial),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(rows: Rows, line: &str) -> Result<String, Reason> {
        let mut markets = Markets::new();
        let input = Tardis::new(rows).decode(line.as_bytes(), &mut markets)?;
        let Input::Event(event) = input else { unreachable!("{input:?}") };
        Ok(format!("{} {} {} {:?}", markets.name(event.market), event.venue_at.0, event.recv_at.0, event.body))
    }

    #[test]
    fn a_buy_that_liquidates_closed_a_short() {
        let row = "bitmex,XBTUSD,1584064800000000,1584064800001000,,buy,5000,100";
        let got = decode(Rows::Liquidations, row).unwrap();
        assert!(got.contains("liquidated: Short, meaning: Order, completeness: Full"), "{got}");
        let got = decode(Rows::Liquidations, &row.replace("buy", "sell").replace("bitmex", "binance-futures")).unwrap();
        assert!(got.starts_with("binance-usdm:XBTUSD 1584064800000000000 1584064800001000000 "), "{got}");
        assert!(got.contains("liquidated: Long, meaning: Fill, completeness: Sampled"), "{got}");
        assert_eq!(decode(Rows::Liquidations, &row.replace("buy", "unknown")), Err(Reason::Side));
    }

    #[test]
    fn a_missing_receive_time_is_the_venue_time() {
        let got = decode(Rows::Trades, "gemini,BTCUSD,1760054406843000,,17,sell,121758.75,0.01428928").unwrap();
        assert!(got.starts_with("gemini:BTCUSD 1760054406843000000 1760054406843000000 "), "{got}");
        assert!(got.contains("id: 17, aggressor: Sell"), "{got}");
    }

    #[test]
    fn venues_have_our_names_whatever_the_tape_calls_them() {
        for (theirs, want) in [
            ("binance-futures,BTCUSDT", "binance-usdm:BTCUSDT"),
            ("bybit,BTCUSDT", "bybit-linear:BTCUSDT"),
            ("bybit,BTCPERP", "bybit-linear:BTCPERP"),
            ("bybit,BTC-26DEC25", "bybit-linear:BTC-26DEC25"),
            ("bybit,BTCUSD", "bybit-inverse:BTCUSD"),
            ("bybit,BTCUSDZ25", "bybit-inverse:BTCUSDZ25"),
            ("bybit,WHATEVER", "bybit:WHATEVER"),
            ("okex,BTC-USDT", "okx:BTC-USDT"),
            ("okex-swap,BTC-USDT-SWAP", "okx:BTC-USDT-SWAP"),
            ("okex-futures,BTC-USD-251226", "okx:BTC-USD-251226"),
            ("hyperliquid,BTC", "hyperliquid:BTC"),
            ("coinbase,BTC-USD", "coinbase:BTC-USD"),
            ("deribit,BTC-PERPETUAL", "deribit:BTC-PERPETUAL"),
            ("bitmex,XBTUSD", "bitmex:XBTUSD"),
            ("cryptofacilities,PI_XBTUSD", "kraken-futures:PI_XBTUSD"),
            ("kraken,XBT/USD", "kraken-spot:XBT/USD"),
            ("bybit-spot,BTCUSDT", "bybit-spot:BTCUSDT"),
        ] {
            let row = format!("{theirs},1760054406843000,,17,sell,4.5,1");
            let got = decode(Rows::Trades, &row).unwrap();
            assert!(got.starts_with(&format!("{want} ")), "{theirs}: {got}");
        }
    }

    #[test]
    fn ids_of_letters_stay_distinct() {
        assert_eq!(trade_id(b""), 0);
        assert_eq!(trade_id(b"50600667"), 50_600_667);
        assert_ne!(
            trade_id(b"00000000-006d-1000-0000-000b84e6a7a1"),
            trade_id(b"00000000-006d-1000-0000-000b84e6a7a2")
        );
    }

    #[test]
    fn bad_rows_say_why() {
        let good = "gemini,BTCUSD,1760054406843000,1760054406843001,17,sell,121758.75,0.01";
        assert!(decode(Rows::Trades, good).is_ok());
        for (from, to, want) in [
            ("sell,", "", Reason::Columns),
            ("sell", "sell,", Reason::Columns),
            ("sell", "SELL", Reason::Side),
            ("1760054406843000,", "1760054406843,", Reason::Time),
            ("1760054406843001", "soon", Reason::Time),
            ("121758.75", "NaN", Reason::NotFinite),
            ("121758.75", "1e999", Reason::NotFinite),
            ("121758.75", "-1", Reason::NotPositive),
            ("121758.75", "0", Reason::NotPositive),
            ("121758.75", "1e300", Reason::OutOfRange),
            ("121758.75", "", Reason::NotANumber),
            (",0.01", ",0", Reason::NotPositive),
            (",0.01", ",-0.0", Reason::NotPositive),
            (",0.01", ",inf", Reason::NotFinite),
            (",0.01", ",\"0.01\"", Reason::NotANumber),
            ("BTCUSD", "BTC\u{7}USD", Reason::Symbol),
            ("BTCUSD", "BTC\u{202e}USD", Reason::Symbol),
            ("BTCUSD", "<b>", Reason::Symbol),
            ("BTCUSD", "", Reason::Symbol),
            ("gemini", "Gemini", Reason::Venue),
            ("gemini", "", Reason::Venue),
        ] {
            assert_eq!(decode(Rows::Trades, &good.replacen(from, to, 1)), Err(want), "{from:?} -> {to:?}");
        }
    }
}
