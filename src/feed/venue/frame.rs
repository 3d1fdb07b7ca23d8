//! What every decoder does with a frame before it knows what it is, and with a list in it.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Decoded, FRAME_MAX, MarketLookup, Reason, Refusal};
use crate::event::{Body, Event, MarketId, Nanos};

/// Where one element speaks of every market, a frame that has made so many events makes no more of them.
pub(super) const EVENTS_MAX: usize = 1 << 16;

/// The text of a frame, without blanks around it.
pub(super) fn text(frame: &[u8]) -> Result<&str, Reason> {
    if frame.len() > FRAME_MAX {
        return Err(Reason::TooLarge);
    }
    std::str::from_utf8(frame).map(str::trim_ascii).map_err(|_| Reason::BadJson)
}

/// Reads the whole of `text` as one object. Left alone, serde would take a list of values for the fields in their order.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Reason> {
    let fault = |fault| Reason::of_json(&fault);
    if !text.starts_with('{') {
        return Err(serde_json::from_str::<IgnoredAny>(text).map_or_else(fault, |_| Reason::WrongType));
    }
    serde_json::from_str(text).map_err(fault)
}

/// What the frames of a connection are read against.
#[derive(Clone, Copy, Debug)]
pub struct Context<'c> {
    /// When they came.
    pub recv_at: Nanos,
    /// The markets that were asked for.
    pub markets: &'c MarketLookup,
}

impl Context<'_> {
    /// The market of a name.
    pub(super) fn market(&self, native: &str) -> Result<MarketId, Refusal> {
        self.markets.find(native).ok_or_else(|| Reason::UnknownMarket.into())
    }

    /// Appends what a market said at `venue_at`. Callers read everything before, so that a refused message tells nothing.
    pub(super) fn tell(
        &self,
        market: MarketId,
        venue_at: Nanos,
        bodies: impl IntoIterator<Item = Body>,
        out: &mut Vec<Event>,
    ) {
        let event = |body| Event { venue_at, recv_at: self.recv_at, market, body };
        out.extend(bodies.into_iter().map(event));
    }
}

/// A message, or an element of one, that speaks of one market.
pub(super) trait Message<'a>: Deserialize<'a> {
    /// What it can say at most, in order.
    type Bodies: IntoIterator<Item = Option<Body>>;

    /// The market, by the venue's own name.
    fn native(&self) -> &'a str;

    /// When it happened, and what.
    fn read(&self, cx: &Context) -> Result<(Nanos, Self::Bodies), Reason>;
}

/// Reads a message of type `M` and appends its events; all or none.
pub(super) fn one<'a, M: Message<'a>>(data: &'a str, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    let message: M = parse(data)?;
    let market = cx.market(message.native())?;
    let (venue_at, bodies) = message.read(cx).map_err(|reason| reason.at(market))?;
    cx.tell(market, venue_at, bodies.into_iter().flatten(), out);
    Ok(())
}

/// Text behind `mark` up to the next quote: the market that a recorded frame names, without reading the whole of it.
pub(super) fn quoted_behind(frame: &[u8], mark: &str) -> Option<String> {
    let from = memchr::memmem::find(frame, mark.as_bytes())? + mark.len();
    let rest = frame.get(from..)?;
    let end = memchr::memchr(b'"', rest)?;
    std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
}

/// Reads a field that must be there, but may be `null`: for `deserialize_with`.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(reader)
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
