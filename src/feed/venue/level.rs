//! The best level of one side of a book, where a venue writes a side as a list of lists of text: `[["61800.2","2.5"],...]`.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};

use super::{Reason, value};
use crate::event::{Body, Price, Qty};

/// The first level of a side; none where the side is empty. Whatever stands behind it is not kept.
#[derive(Debug, Default)]
pub(super) struct Best<'a>(Option<(&'a str, &'a str)>);

impl Best<'_> {
    fn read(&self) -> Result<Option<(Price, Qty)>, Reason> {
        self.0.map(|(price, qty)| Ok((value::price(price)?, value::book_qty(qty)?))).transpose()
    }
}

/// The quote of the best levels of two sides; none where a side is empty, because then there is no spread.
pub(super) fn quote(bid: &Best, ask: &Best) -> Result<Option<Body>, Reason> {
    let (bid, ask) = (bid.read()?, ask.read()?);
    Ok(bid.zip(ask).map(|((bid, bid_qty), (ask, ask_qty))| Body::Quote { bid, bid_qty, ask, ask_qty }))
}

impl<'de: 'a, 'a> Deserialize<'de> for Best<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let first: Option<Pair<'a>> = reader.deserialize_seq(First(PhantomData))?;
        Ok(Self(first.map(|Pair(price, qty)| (price, qty))))
    }
}

/// Price and quantity at the head of a list.
pub(super) struct Pair<'a>(pub(super) &'a str, pub(super) &'a str);

impl<'de: 'a, 'a> Deserialize<'de> for Pair<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_seq(Two(PhantomData))
    }
}

struct First<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for First<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of levels")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut levels: A) -> Result<Self::Value, A::Error> {
        let first = levels.next_element()?;
        while levels.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first)
    }
}

struct Two<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for Two<'a> {
    type Value = Pair<'a>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("price and quantity")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let price = parts.next_element()?.ok_or_else(|| A::Error::missing_field("price"))?;
        let qty = parts.next_element()?.ok_or_else(|| A::Error::missing_field("quantity"))?;
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Pair(price, qty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_level_counts_and_an_empty_side_is_no_price() {
        let read = |json| serde_json::from_str::<Best>(json).map(|best| best.read());
        let level = Some((Price::new(2.5).expect("a price"), Qty::new(7.0).expect("a quantity")));
        for json in [r#"[["2.5","7"]]"#, r#"[["2.5","7","0","3"],["NaN",null],7]"#] {
            assert_eq!(read(json).expect("a side"), Ok(level), "{json}");
        }
        assert_eq!(read("[]").expect("a side"), Ok(None));
        assert_eq!(read(r#"[["2.5","NaN"]]"#).expect("a side"), Err(Reason::NotFinite));
        for json in ["[[]]", r#"[["2.5"]]"#, "[[2.5,7]]", "[7]", "{}", "null", r#"[["2.5","7"]"#] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
