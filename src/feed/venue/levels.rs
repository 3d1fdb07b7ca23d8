//! The levels of a book in a message: lists that are read one element after the other, so that a long one is never held whole.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::frame::{self, Context};
use super::level::Pair;
use super::number::Number;
use super::{Decoded, Reason, Refusal, value};
use crate::event::Event;
use crate::feed::book::{Book, Books, Head, Level, Way};

/// Takes a message of a book into the books of its connection: `read` sets its levels.
pub(super) fn take(
    head: Head,
    cx: &Context,
    books: &mut Books,
    out: &mut Vec<Event>,
    read: impl FnOnce(&mut Book) -> Result<(), Reason>,
) -> Result<Decoded, Refusal> {
    let told = books.take(head, read).map_err(|reason| reason.at(head.market))?;
    let decoded = if told.is_some() { Decoded::Data } else { Decoded::Ignored };
    cx.tell(head.market, head.venue_at, told, out);
    Ok(decoded)
}

/// Reads a list of messages of books, which is `Ignored` as a whole where none of them tells anything.
pub(super) fn messages<'a>(
    list: &'a str,
    out: &mut Vec<Event>,
    mut read: impl FnMut(&'a str, &mut Vec<Event>) -> Result<Decoded, Refusal>,
) -> Result<Decoded, Refusal> {
    let before = out.len();
    let found = frame::each(list, out, |one, out| read(one, out).map(drop))?;
    Ok(if found == Decoded::Data && out.len() == before { Decoded::Ignored } else { found })
}

/// Reads a list, element by element, up to the first fault.
pub(super) fn each<'a, T: Deserialize<'a>>(
    list: &'a str,
    read: impl FnMut(T) -> Result<(), Reason>,
) -> Result<(), Reason> {
    let mut reader = serde_json::Deserializer::from_str(list);
    let walk = Walk { read, of: PhantomData };
    let walked = walk.deserialize(&mut reader).and_then(|done| reader.end().map(|()| done));
    walked.map_err(|fault| Reason::of_json(&fault))?
}

/// Sets a side from a list of lists of text, price and quantity first: `[["61800.2","2.5"],...]`.
pub(super) fn pairs(book: &mut Book, way: Way, list: &str) -> Result<(), Reason> {
    each(list, |Pair(price, qty): Pair| {
        book.set(way, Level::new(value::price(price)?, value::book_qty(qty)?));
        Ok(())
    })
}

/// Sets a side from a list of objects: `[{"price":61800.2,"qty":2.5},...]`, or with the short names `px` and `sz`.
pub(super) fn objects(book: &mut Book, way: Way, list: &str) -> Result<(), Reason> {
    each(list, |one: Named| {
        book.set(way, Level::new(one.price.price()?, one.qty.book_qty()?));
        Ok(())
    })
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, alias = "px")]
    price: Number<'a>,
    #[serde(borrow, alias = "sz")]
    qty: Number<'a>,
}

/// Walks over a list; gives back the first refusal.
struct Walk<F, T> {
    read: F,
    of: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Reason>> DeserializeSeed<'de> for Walk<F, T> {
    type Value = Result<(), Reason>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>, F: FnMut(T) -> Result<(), Reason>> Visitor<'de> for Walk<F, T> {
    type Value = Result<(), Reason>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Self::Value, A::Error> {
        while let Some(element) = elements.next_element()? {
            if let Err(fault) = (self.read)(element) {
                while elements.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Err(fault));
            }
        }
        Ok(Ok(()))
    }
}
