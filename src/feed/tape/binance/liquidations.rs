//! Binance public data, liquidationSnapshot of futures: `time,side,order_type,time_in_force,original_quantity,price,average_price,
//! order_status,last_fill_quantity,accumulated_fill_quantity`.
//!
//! Most rows stand there twice as published: the second is dropped and counted. `side` is that of the order which closes the
//! position: SELL liquidates a long.

use super::{Layout, Sheet};
use crate::engine::Input;
use crate::event::{Body, Completeness, Event, Liquidated, Price, PriceMeaning, Qty};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::fields::{is_zero, millis_or_micros, positive, price, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::source::{DecodeSeveral, Out, Several};
use crate::market::Markets;

pub(in crate::feed::tape) const LIQUIDATIONS: Importer = Importer {
    name: "binance-liquidations",
    words: &["liquidationsnapshot"],
    knows: |first| is_header(first) || split(first).is_some_and(is_row),
    open: |lines, spec, report| {
        let sheet = Sheet::new(spec, "liquidationSnapshot", Layout::Futures)?;
        Ok(Box::new(Several::new(lines, Liquidations { sheet, of_instant: Vec::new(), duplicates: 0 }, report)))
    },
};

/// How many rows of one instant are compared with each other.
const INSTANT_MAX: usize = 256;

struct Liquidations {
    sheet: Sheet,
    /// The rows of the latest instant.
    of_instant: Vec<Vec<u8>>,
    duplicates: u64,
}

impl DecodeSeveral for Liquidations {
    fn is_header(&self, line: &[u8]) -> bool {
        is_header(line)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason> {
        let [at, side, _, _, asked, limit, average, _, _, filled] = split(line).ok_or(Reason::Columns)?;
        let liquidated = match side {
            b"SELL" => Liquidated::Long,
            b"BUY" => Liquidated::Short,
            _ => return Err(Reason::Side),
        };
        let (price, qty, meaning) = what_was_done((price(limit)?, positive(asked)?), average, filled)?;
        let venue_at = self.sheet.time(at)?;
        let market = self.sheet.market(markets)?;
        if self.is_repeated(at, line) {
            self.duplicates += 1;
            return Ok(());
        }
        let completeness = Completeness::Sampled;
        let body = Body::Liquidation { price, qty, liquidated, meaning, completeness };
        out.push_back(Input::Event(Event { venue_at, recv_at: venue_at, market, body }));
        Ok(())
    }

    fn duplicates(&self) -> u64 {
        self.duplicates
    }
}

impl Liquidations {
    fn is_repeated(&mut self, at: &[u8], line: &[u8]) -> bool {
        if self.of_instant.first().is_some_and(|first| first.split(|byte| *byte == b',').next() != Some(at)) {
            self.of_instant.clear();
        }
        let is_repeated = self.of_instant.iter().any(|seen| seen == line);
        if !is_repeated && self.of_instant.len() < INSTANT_MAX {
            self.of_instant.push(line.to_vec());
        }
        is_repeated
    }
}

/// The average fill and what was filled, where anything was; else the limit and what was asked.
fn what_was_done(asked: (Price, Qty), average: &[u8], filled: &[u8]) -> Result<(Price, Qty, PriceMeaning), Reason> {
    let average = if is_zero(average) { None } else { Some(price(average)?) };
    let filled = if is_zero(filled) { None } else { Some(positive(filled)?) };
    Ok(match average {
        Some(price) => (price, filled.unwrap_or(asked.1), PriceMeaning::Fill),
        None => (asked.0, asked.1, PriceMeaning::Order),
    })
}

fn is_row([at, side, .., status, _, _]: [&[u8]; 10]) -> bool {
    millis_or_micros(at).is_ok()
        && matches!(side, b"SELL" | b"BUY")
        && status.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

fn is_header(line: &[u8]) -> bool {
    split::<10>(line).is_some_and(|[at, side, kind, ..]| at == b"time" && side == b"side" && kind == b"order_type")
}
