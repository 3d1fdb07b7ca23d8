//! Tardis CSV of quotes: `exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount`. A row with an empty
//! side is no quote.

use super::head;
use crate::engine::Input;
use crate::event::{Body, Event};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::fields::{micros, price, quantity, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::names::Names;
use crate::feed::tape::source::{DecodeSeveral, Out, Several};
use crate::market::Markets;

const HEADER: &[u8] = b"exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount";

pub(in crate::feed::tape) const QUOTES: Importer = Importer {
    name: "tardis-quotes",
    words: &["quotes"],
    knows: |first| first == HEADER || split(first).is_some_and(is_row),
    open: |lines, _, report| Ok(Box::new(Several::new(lines, Quotes { names: super::names() }, report))),
};

struct Quotes {
    names: Names,
}

impl DecodeSeveral for Quotes {
    fn is_header(&self, line: &[u8]) -> bool {
        line == HEADER
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason> {
        let [venue, symbol, at, local, ask_qty, ask, bid, bid_qty] = split(line).ok_or(Reason::Columns)?;
        let (venue_at, recv_at) = super::times(at, local)?;
        let (bid, ask) = (level(bid, bid_qty)?, level(ask, ask_qty)?);
        let market = self.names.id(head(line, venue, symbol), venue, symbol, markets)?;
        if let (Some((bid, bid_qty)), Some((ask, ask_qty))) = (bid, ask) {
            let body = Body::Quote { bid, bid_qty, ask, ask_qty };
            out.push_back(Input::Event(Event { venue_at, recv_at, market, body }));
        }
        Ok(())
    }
}

/// Price and quantity of a side; none where both are empty.
pub(super) fn level(px: &[u8], qty: &[u8]) -> Result<Option<(crate::event::Price, crate::event::Qty)>, Reason> {
    if px.is_empty() && qty.is_empty() { Ok(None) } else { Ok(Some((price(px)?, quantity(qty)?))) }
}

fn is_row([_, _, at, _, ask_qty, ask, bid, bid_qty]: [&[u8]; 8]) -> bool {
    micros(at).is_ok() && level(ask, ask_qty).is_ok() && level(bid, bid_qty).is_ok()
}
