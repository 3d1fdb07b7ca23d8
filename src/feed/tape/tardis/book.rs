//! Tardis CSV of the best 5 or 25 levels of a book: `exchange,symbol,timestamp,local_timestamp`, then for each level
//! `asks[i].price,asks[i].amount,bids[i].price,bids[i].amount`, empty where there is none.
//!
//! The first level is a quote. The depth is what the row shows within 10 basis points of the mid: where the last level is nearer
//! than that, the book holds more than the row can tell.

use super::head;
use super::quotes::level;
use crate::engine::Input;
use crate::event::{Body, Event, Price, Qty};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::fields::split;
use crate::feed::tape::format::Importer;
use crate::feed::tape::names::Names;
use crate::feed::tape::source::{DecodeSeveral, Out, Several};
use crate::market::Markets;

/// How far from the mid the depth reaches, as a fraction.
const REACH: f64 = 0.001;

const START: &[u8] =
    b"exchange,symbol,timestamp,local_timestamp,asks[0].price,asks[0].amount,bids[0].price,bids[0].amount";

/// Venue, symbol and two times, then four columns a level.
const BEFORE: usize = 4;
const COLUMNS_5: usize = BEFORE + 4 * 5;
const COLUMNS_25: usize = BEFORE + 4 * 25;

pub(in crate::feed::tape) const BOOK_5: Importer = Importer {
    name: "tardis-book-snapshot-5",
    words: &["5"],
    knows: knows::<COLUMNS_5>,
    open: |lines, _, report| Ok(Box::new(Several::new(lines, Book::<COLUMNS_5> { names: super::names() }, report))),
};

pub(in crate::feed::tape) const BOOK_25: Importer = Importer {
    name: "tardis-book-snapshot-25",
    words: &["25"],
    knows: knows::<COLUMNS_25>,
    open: |lines, _, report| Ok(Box::new(Several::new(lines, Book::<COLUMNS_25> { names: super::names() }, report))),
};

/// Rows of `N` columns.
struct Book<const N: usize> {
    names: Names,
}

impl<const N: usize> DecodeSeveral for Book<N> {
    fn is_header(&self, line: &[u8]) -> bool {
        line.starts_with(START)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason> {
        let columns = split::<N>(line).ok_or(Reason::Columns)?;
        let ([venue, symbol, at, local, ..], (_, levels)) = (columns.as_slice(), columns.split_at(BEFORE)) else {
            return Err(Reason::Columns);
        };
        let (venue_at, recv_at) = super::times(at, local)?;
        let (mut asks, mut bids) = (Side::default(), Side::default());
        for one in levels.chunks_exact(4) {
            let [ask, ask_qty, bid, bid_qty] = one else { return Err(Reason::Columns) };
            asks.add(level(ask, ask_qty)?);
            bids.add(level(bid, bid_qty)?);
        }
        let market = self.names.id(head(line, venue, symbol), venue, symbol, markets)?;
        let bodies = told(&bids, &asks)?;
        out.extend(bodies.into_iter().flatten().map(|body| Input::Event(Event { venue_at, recv_at, market, body })));
        Ok(())
    }
}

/// One side, best level first.
#[derive(Default)]
struct Side(Vec<(Price, Qty)>);

impl Side {
    fn add(&mut self, level: Option<(Price, Qty)>) {
        self.0.extend(level);
    }

    /// What rests where `is_near` says.
    fn depth(&self, is_near: impl Fn(f64) -> bool) -> Result<Qty, Reason> {
        let near = self.0.iter().filter(|(price, _)| is_near(price.get()));
        Ok(Qty::new(near.map(|(_, qty)| qty.get()).sum::<f64>() + 0.0)?)
    }
}

/// Quote and depth; nothing where a side is empty, because then there is no mid.
fn told(bids: &Side, asks: &Side) -> Result<[Option<Body>; 2], Reason> {
    let (Some(&(bid, bid_qty)), Some(&(ask, ask_qty))) = (bids.0.first(), asks.0.first()) else {
        return Ok([None, None]);
    };
    let mid = f64::midpoint(bid.get(), ask.get());
    let reach = mid * REACH;
    let (bid_depth, ask_depth) = (bids.depth(|price| mid - price <= reach)?, asks.depth(|price| price - mid <= reach)?);
    let depth = Body::Depth { bid_qty: bid_depth, ask_qty: ask_depth };
    Ok([Some(Body::Quote { bid, bid_qty, ask, ask_qty }), Some(depth)])
}

fn knows<const N: usize>(first: &[u8]) -> bool {
    let is_row = |[at, local, rest]: [&[u8]; 3]| super::times(at, local).is_ok() && !matches!(rest, b"call" | b"put");
    let Some(columns) = split::<N>(first) else { return false };
    first.starts_with(START)
        || matches!(columns.as_slice(), [_, _, at, local, fifth, ..] if is_row([*at, *local, *fifth]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(levels: &str) -> Result<String, Reason> {
        let row = format!("gemini,BTCUSD,1760054406843000,1760054406843001,{levels}");
        let row = row.clone() + &",".repeat(COLUMNS_5 - 1 - row.matches(',').count());
        let mut out = Out::new();
        let mut book = Book::<COLUMNS_5> { names: super::super::names() };
        book.decode(row.as_bytes(), &mut Markets::new(), &mut out)?;
        let bodies: Vec<_> = out
            .into_iter()
            .filter_map(|input| if let Input::Event(event) = input { Some(event.body) } else { None })
            .collect();
        match *bodies.as_slice() {
            [Body::Quote { bid, ask, .. }, Body::Depth { bid_qty, ask_qty }] => {
                Ok(format!("{}/{} {}/{}", bid.get(), ask.get(), bid_qty.get(), ask_qty.get()))
            }
            [] => Ok("nothing".to_owned()),
            _ => unreachable!("{bodies:?}"),
        }
    }

    #[test]
    fn the_depth_reaches_ten_basis_points_from_the_mid() {
        assert_eq!(depth("1000.5,1,999.5,2,1001,4,999,8,1001.01,16,998.99,32"), Ok("999.5/1000.5 10/5".to_owned()));
        assert_eq!(depth("1010,1,990,2"), Ok("990/1010 0/0".to_owned()), "both sides are further away");
        assert_eq!(depth("1000.5,1,,"), Ok("nothing".to_owned()), "no bid");
        assert_eq!(depth(""), Ok("nothing".to_owned()));
        assert_eq!(depth("1000.5,1,999.5,2,NaN,4,999,8"), Err(Reason::NotFinite));
        assert_eq!(depth("1000.5,1,999.5,"), Err(Reason::NotANumber));
        assert_eq!(depth("1000.5,1e18,999.5,1,1000.5,1e18"), Err(Reason::OutOfRange), "the sum is nonsense too");
    }
}
