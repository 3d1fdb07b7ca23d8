//! What every decoder does with a frame before it knows what it is, and with a list in it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Decoded, FRAME_MAX, Reason, Refusal};
use crate::event::Event;

/// The text of a frame, without blanks around it.
pub(super) fn text(frame: &[u8]) -> Result<&str, Reason> {
    if frame.len() > FRAME_MAX {
        return Err(Reason::TooLarge);
    }
    std::str::from_utf8(frame).map(str::trim_ascii).map_err(|_| Reason::BadJson)
}

/// Reads the whole of `text` as one value.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Reason> {
    serde_json::from_str(text).map_err(|fault| Reason::of_json(&fault))
}

/// Reads a field that may be missing, but not `null`: for `default, deserialize_with`.
pub(super) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    T::deserialize(reader).map(Some)
}

/// A venue's words on a refused request: hostile, so no more than 200 characters are kept.
pub(super) fn words(text: &str) -> String {
    text.chars().take(200).collect()
}

/// Reads the elements of a list one by one, so that a hostile list cannot make us hold it whole. `read` appends the events
/// of an element; those of a refused one are taken away again, and the first refusal makes the list `Partly`, or refused
/// where nothing of it was taken. A list that is damaged as JSON gives nothing.
pub(super) fn each<'a>(
    list: &'a str,
    out: &mut Vec<Event>,
    read: impl FnMut(&'a str, &mut Vec<Event>) -> Result<(), Refusal>,
) -> Result<Decoded, Refusal> {
    let before = out.len();
    let mut reader = serde_json::Deserializer::from_str(list);
    let elements = Elements { read, out: &mut *out };
    let walked = elements.deserialize(&mut reader).and_then(|fault| reader.end().map(|()| fault));
    match walked {
        Ok(None) => Ok(Decoded::Data),
        Ok(Some(fault)) if out.len() == before => Err(fault),
        Ok(Some(fault)) => Ok(Decoded::Partly(fault)),
        Err(fault) => {
            out.truncate(before);
            Err(Reason::of_json(&fault).into())
        }
    }
}

/// Walks over a list; gives back the first refusal.
struct Elements<'o, F> {
    read: F,
    out: &'o mut Vec<Event>,
}

impl<'de, F: FnMut(&'de str, &mut Vec<Event>) -> Result<(), Refusal>> DeserializeSeed<'de> for Elements<'_, F> {
    type Value = Option<Refusal>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&'de str, &mut Vec<Event>) -> Result<(), Refusal>> Visitor<'de> for Elements<'_, F> {
    type Value = Option<Refusal>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut first = None;
        while let Some(element) = elements.next_element::<&'de RawValue>()? {
            let before = self.out.len();
            if let Err(fault) = (self.read)(element.get(), self.out) {
                self.out.truncate(before);
                first.get_or_insert(fault);
            }
        }
        Ok(first)
    }
}
