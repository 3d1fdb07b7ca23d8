//! Tardis CSV of tickers of derivatives: `exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,
//! predicted_funding_rate,open_interest,last_price,index_price,mark_price`. Mark, index, funding rate (a fraction) and open
//! interest (the venue's unit) are taken, each where it is not empty.

use super::head;
use crate::engine::Input;
use crate::event::{BadNumber, Body, Event};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::decimal::number;
use crate::feed::tape::fields::{price, quantity, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::names::Names;
use crate::feed::tape::source::{DecodeSeveral, Out, Several};
use crate::market::Markets;

const HEADER: &[u8] =
    b"exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,predicted_funding_rate,\
                        open_interest,last_price,index_price,mark_price";

pub(in crate::feed::tape) const TICKER: Importer = Importer {
    name: "tardis-derivative-ticker",
    words: &["ticker"],
    knows: |first| {
        first == HEADER || split::<11>(first).is_some_and(|[_, _, at, local, ..]| super::times(at, local).is_ok())
    },
    open: |lines, _, report| Ok(Box::new(Several::new(lines, Ticker { names: super::names() }, report))),
};

struct Ticker {
    names: Names,
}

impl DecodeSeveral for Ticker {
    fn is_header(&self, line: &[u8]) -> bool {
        line == HEADER
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason> {
        let [venue, symbol, at, local, _, rate, _, interest, _, index, mark] = split(line).ok_or(Reason::Columns)?;
        let (venue_at, recv_at) = super::times(at, local)?;
        let bodies = [
            told(mark, |text| Ok(Body::Mark { price: price(text)? }))?,
            told(index, |text| Ok(Body::Index { price: price(text)? }))?,
            told(rate, |text| Ok(Body::Funding { rate: finite(text)? }))?,
            told(interest, |text| Ok(Body::OpenInterest { qty: quantity(text)? }))?,
        ];
        let market = self.names.id(head(line, venue, symbol), venue, symbol, markets)?;
        out.extend(bodies.into_iter().flatten().map(|body| Input::Event(Event { venue_at, recv_at, market, body })));
        Ok(())
    }
}

/// What a column says; nothing where it is empty.
pub(super) fn told(text: &[u8], read: fn(&[u8]) -> Result<Body, Reason>) -> Result<Option<Body>, Reason> {
    if text.is_empty() { Ok(None) } else { read(text).map(Some) }
}

/// A rate: any finite number, of a size that a rate can have.
fn finite(text: &[u8]) -> Result<f64, Reason> {
    let rate = number(text).ok_or(Reason::NotANumber)?;
    if !rate.is_finite() {
        Err(BadNumber::NotFinite.into())
    } else if rate.abs() > 1e3 {
        Err(Reason::OutOfRange)
    } else {
        Ok(rate)
    }
}
