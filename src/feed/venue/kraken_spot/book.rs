//! Kraken's books: the best levels whole at first, then what changed. Messages carry no number; a checksum over the ten best
//! levels of each side shows what is missing. Levels that leave the best ones leave without a word.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::event::Event;
use crate::feed::book::{Book, Books, Head, Level, Link, Way};
use crate::feed::venue::frame::{Context, parse, present};
use crate::feed::venue::number::Number;
use crate::feed::venue::rfc3339::rfc3339;
use crate::feed::venue::{Decoded, Reason, Refusal, levels};

/// How many levels a side are asked for: one of the numbers that the venue offers.
pub(super) const LEVELS: usize = 500;

/// The numbers of levels that the venue offers.
const OFFERED: [usize; 5] = [10, 25, 100, 500, 1000];

/// How many levels a side the checksum covers.
const SUMMED: usize = 10;

#[derive(Deserialize)]
struct Message<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    asks: &'a RawValue,
    checksum: u32,
    /// Older whole books have none.
    #[serde(borrow, default, deserialize_with = "present")]
    timestamp: Option<&'a str>,
}

#[derive(Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    price: Number<'a>,
    #[serde(borrow)]
    qty: Number<'a>,
}

/// Reads the book of one market.
pub(super) fn read(
    data: &str,
    is_whole: bool,
    cx: &Context,
    books: &mut Books,
    out: &mut Vec<Event>,
) -> Result<Decoded, Refusal> {
    let message: Message = parse(data)?;
    let market = cx.market(message.symbol)?;
    let venue_at = message.timestamp.map_or(Ok(cx.recv_at), rfc3339).map_err(|reason| reason.at(market))?;
    let link = if is_whole { Link::Whole(None) } else { Link::Change { after: None, number: None } };
    levels::take(Head { market, venue_at, recv_at: cx.recv_at, link }, cx, books, out, |book| {
        let bids = side(book, Way::Bid, message.bids.get())?;
        let asks = side(book, Way::Ask, message.asks.get())?;
        if is_whole {
            // In another session less may have been asked for: a side of just so many levels is cut there. Any other number is all
            // there is, and the book may grow to what is asked for.
            let most = bids.max(asks);
            let shown = OFFERED.into_iter().find(|offered| *offered == most || *offered >= most.max(LEVELS));
            book.shows(shown.unwrap_or(Book::LEVELS_MAX));
        }
        book.check(sum(book) == message.checksum);
        Ok(())
    })
}

/// Sets the levels of a side; how many there were.
fn side(book: &mut Book, way: Way, list: &str) -> Result<usize, Reason> {
    let mut count = 0;
    levels::each(list, |row: Row| {
        count += 1;
        let (price, qty) = (row.price.price()?, row.qty.book_qty()?);
        let marks = [digits(row.price.text()?), digits(row.qty.text()?)];
        book.set(way, Level { price, qty, marks });
        Ok(())
    })?;
    Ok(count)
}

/// The digits of a number without point and leading zeros, as the checksum takes them. One with an exponent, or of more digits
/// than there are, gives what no sum fits.
fn digits(text: &str) -> u64 {
    let push = |sum: u64, digit: u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    let mut bytes = text.bytes().filter(|byte| *byte != b'.');
    bytes.try_fold(0, |sum, byte| if byte.is_ascii_digit() { push(sum, byte) } else { None }).unwrap_or(u64::MAX)
}

/// The checksum of a book: CRC-32 of the digits of the best asks and then the best bids, each from the best one on.
fn sum(book: &Book) -> u32 {
    let mut crc = flate2::Crc::new();
    for level in book.levels(Way::Ask).take(SUMMED).chain(book.levels(Way::Bid).take(SUMMED)) {
        level.marks.iter().for_each(|number| write(*number, &mut crc));
    }
    crc.sum()
}

/// Adds a number in decimal digits.
fn write(number: u64, crc: &mut flate2::Crc) {
    let mut room = [0_u8; 20];
    let (mut rest, mut from) = (number, room.len());
    for (place, digit) in room.iter_mut().enumerate().rev() {
        (*digit, from, rest) = (b'0' + (rest % 10) as u8, place, rest / 10);
        if rest == 0 {
            break;
        }
    }
    crc.update(room.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_summed_as_they_are_written() {
        for (text, want) in [("45283.5", 452_835), ("0.10000000", 10_000_000), ("0.0", 0), ("7", 7)] {
            assert_eq!(digits(text), want, "{text}");
        }
        for text in ["1e-5", "1E5", "99999999999999999999"] {
            assert_eq!(digits(text), u64::MAX, "{text}");
        }
        for number in [0, 7, 10, 452_835, u64::MAX] {
            let (mut ours, mut theirs) = (flate2::Crc::new(), flate2::Crc::new());
            write(number, &mut ours);
            theirs.update(number.to_string().as_bytes());
            assert_eq!(ours.sum(), theirs.sum(), "{number}");
        }
    }
}
