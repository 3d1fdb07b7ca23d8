//! Binance public data, bookTicker of futures:
//! `update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,transaction_time,event_time`.
//!
//! The event time is when the venue sent it, the nearest to when it came.

use super::{Layout, Sheet};
use crate::engine::Input;
use crate::event::{Body, Event};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::decimal::whole;
use crate::feed::tape::fields::{millis_or_micros, price, quantity, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::source::{Decode, Rows};
use crate::market::Markets;

pub(in crate::feed::tape) const BOOK_TICKER: Importer = Importer {
    name: "binance-book-ticker",
    words: &["bookticker"],
    knows: |first| is_header(first) || split(first).is_some_and(is_row),
    open: |lines, spec, report| {
        let sheet = Sheet::new(spec, "bookTicker", Layout::Futures)?;
        Ok(Box::new(Rows::new(lines, BookTicker { sheet }, report)))
    },
};

struct BookTicker {
    sheet: Sheet,
}

impl Decode for BookTicker {
    fn is_header(&self, line: &[u8]) -> bool {
        is_header(line)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason> {
        let [_, bid, bid_qty, ask, ask_qty, at, sent_at] = split(line).ok_or(Reason::Columns)?;
        let (bid, bid_qty) = (price(bid)?, quantity(bid_qty)?);
        let (ask, ask_qty) = (price(ask)?, quantity(ask_qty)?);
        let (venue_at, recv_at) = (self.sheet.time(at)?, self.sheet.time(sent_at)?);
        let market = self.sheet.market(markets)?;
        Ok(Input::Event(Event { venue_at, recv_at, market, body: Body::Quote { bid, bid_qty, ask, ask_qty } }))
    }
}

fn is_row([id, _, _, _, _, at, sent_at]: [&[u8]; 7]) -> bool {
    whole(id).is_some() && millis_or_micros(at).is_ok() && millis_or_micros(sent_at).is_ok()
}

fn is_header(line: &[u8]) -> bool {
    split::<7>(line).is_some_and(|[id, bid, ..]| id == b"update_id" && bid == b"best_bid_price")
}
