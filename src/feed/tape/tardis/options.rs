//! Tardis CSV of option chains: 24 columns from `exchange,symbol,timestamp,local_timestamp,type,strike_price` to the greeks.
//! Mark implied volatility (0 means that there is none) and the price of the underlying are taken.
//!
//! Deribit writes volatilities in percent. Of other venues the unit is not known here: their rows are refused rather than taken at
//! a hundredth or a hundred times of what they mean.

use super::head;
use super::ticker::told;
use crate::engine::Input;
use crate::event::{Body, Event, Price};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::decimal::number;
use crate::feed::tape::fields::{is_zero, price, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::names::Names;
use crate::feed::tape::source::{DecodeSeveral, Out, Several};
use crate::market::Markets;

const START: &[u8] = b"exchange,symbol,timestamp,local_timestamp,type,strike_price,expiration,";

pub(in crate::feed::tape) const OPTIONS: Importer = Importer {
    name: "tardis-options-chain",
    words: &["options"],
    knows: |first| columns(first).is_some_and(|columns| first.starts_with(START) || is_row(&columns)),
    open: |lines, _, report| Ok(Box::new(Several::new(lines, Options { names: super::names() }, report))),
};

struct Options {
    names: Names,
}

impl DecodeSeveral for Options {
    fn is_header(&self, line: &[u8]) -> bool {
        line.starts_with(START)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason> {
        let [venue, symbol, at, local, .., iv, _, underlying, _, _, _, _, _] = columns(line).ok_or(Reason::Columns)?;
        let (venue_at, recv_at) = super::times(at, local)?;
        let bodies = [
            told(if is_zero(iv) { b"" } else { iv }, |text| Ok(Body::MarkIv { iv: of_percent(text)? }))?,
            told(underlying, |text| Ok(Body::Index { price: price(text)? }))?,
        ];
        if venue != b"deribit" {
            return Err(Reason::UnknownUnit);
        }
        let market = self.names.id(head(line, venue, symbol), venue, symbol, markets)?;
        out.extend(bodies.into_iter().flatten().map(|body| Input::Event(Event { venue_at, recv_at, market, body })));
        Ok(())
    }
}

/// A volatility as a fraction a year.
fn of_percent(text: &[u8]) -> Result<Price, Reason> {
    Ok(Price::new(number(text).ok_or(Reason::NotANumber)? / 100.0)?)
}

fn columns(line: &[u8]) -> Option<[&[u8]; 24]> {
    split(line)
}

fn is_row([_, _, at, local, kind, ..]: &[&[u8]; 24]) -> bool {
    super::times(at, local).is_ok() && matches!(*kind, b"call" | b"put")
}
