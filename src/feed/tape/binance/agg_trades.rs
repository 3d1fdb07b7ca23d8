//! Binance public data, aggTrades: `agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker`, and
//! `is_best_match` behind it on spot.

use super::{Layout, Sheet, is_true, trade};
use crate::engine::Input;
use crate::event::Event;
use crate::feed::tape::bad::Reason;
use crate::feed::tape::decimal::whole;
use crate::feed::tape::error::TapeError;
use crate::feed::tape::fields::{millis_or_micros, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::source::{Decode, Rows};
use crate::market::Markets;

pub(in crate::feed::tape) const AGG_TRADES: Importer = Importer {
    name: "binance-agg-trades",
    words: &["aggtrades"],
    knows: |first| is_header(first) || columns(first).is_some_and(is_row),
    open: |mut lines, spec, report| {
        let first = lines.first().map_err(|error| TapeError::read(&spec.path, error))?;
        let layout = Layout::of(first, 7, spec)?;
        let sheet = Sheet::new(spec, "aggTrades", layout)?;
        Ok(Box::new(Rows::new(lines, AggTrades { sheet, layout }, report)))
    },
};

struct AggTrades {
    sheet: Sheet,
    layout: Layout,
}

impl Decode for AggTrades {
    fn is_header(&self, line: &[u8]) -> bool {
        is_header(line)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason> {
        let (layout, [id, price, qty, _, _, at, maker]) = columns(line).ok_or(Reason::Columns)?;
        if layout != self.layout {
            return Err(Reason::Columns);
        }
        let body = trade(whole(id).ok_or(Reason::NotANumber)?, price, qty, maker)?;
        let at = self.sheet.time(at)?;
        Ok(Input::Event(Event { venue_at: at, recv_at: at, market: self.sheet.market(markets)?, body }))
    }
}

/// The columns that spot and futures have both.
fn columns(line: &[u8]) -> Option<(Layout, [&[u8]; 7])> {
    if let Some(columns) = split::<7>(line) {
        return Some((Layout::Futures, columns));
    }
    let [id, price, qty, first, last, at, maker, _] = split::<8>(line)?;
    Some((Layout::Spot, [id, price, qty, first, last, at, maker]))
}

fn is_row((_, [id, _, _, first, last, at, maker]): (Layout, [&[u8]; 7])) -> bool {
    [id, first, last].iter().all(|id| whole(id).is_some()) && millis_or_micros(at).is_ok() && is_true(maker).is_some()
}

fn is_header(line: &[u8]) -> bool {
    columns(line).is_some_and(|(_, [_, price, _, first, ..])| price == b"price" && first.starts_with(b"first"))
}
