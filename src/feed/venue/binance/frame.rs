//! From a frame to its message: the wrapper of combined streams, bare messages, lists, and answers to requests.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::message::{AggTrade, BookTicker, Context, ForceOrder, IndexPrice, MarkPrice, Trade, read};
use crate::event::Event;
use crate::feed::venue::frame::{self, parse};
use crate::feed::venue::{Decoded, Reason, Refusal};

/// What a frame may have at its top, whatever it is.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    stream: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    e: Option<&'a str>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
    #[serde(rename = "lastUpdateId")]
    last_update_id: Option<IgnoredAny>,
}

/// Only the kind of a message.
#[derive(Deserialize)]
struct Tag<'a> {
    #[serde(borrow)]
    e: Option<&'a str>,
}

/// The market a recorded frame names, by a look at its beginning: the part of the stream before `@`, as in
/// `dotusd_perp@aggTrade`, or the symbol where frames come bare or one stream carries many markets.
pub(super) fn market(frame: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(frame.get(..frame.len().min(256))?).ok()?;
    let after = |mark: &str| head.split_once(mark).map(|(_, rest)| rest);
    let stream = after("\"stream\":\"").and_then(|rest| rest.split_once('@')).map(|(name, _)| name);
    let symbol = || after("\"s\":\"").and_then(|rest| rest.split_once('"')).map(|(name, _)| name);
    stream.filter(|name| !name.starts_with('!')).or_else(symbol).map(str::to_ascii_uppercase)
}

/// Reads one frame.
pub(super) fn decode(frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let text = frame::text(frame)?;
    if let Some(decoded) = usual(text, cx, out) {
        return Ok(decoded);
    }
    if text.starts_with('[') {
        return list(text, cx, out);
    }
    let envelope: Envelope = parse(text)?;
    match envelope {
        Envelope { stream: Some(stream), data: Some(data), .. } => combined(stream, data.get(), cx, out),
        Envelope { e: Some(name), .. } => one(name, text, cx, out),
        Envelope { id: Some(id), error: None, code: None, .. } => Ok(answer(id, Ok(()))),
        Envelope { id, error: Some(words), .. } | Envelope { id, msg: Some(words), code: Some(_), .. } => {
            Ok(answer(id.unwrap_or(RawValue::NULL), Err(frame::words(words.get()))))
        }
        Envelope { last_update_id: Some(_), .. } => Ok(Decoded::Ignored),
        _ => untagged(text, cx, out),
    }
}

fn answer(id: &RawValue, result: Result<(), String>) -> Decoded {
    Decoded::Answer { id: id.get().parse().ok(), result }
}

/// A message of a combined stream; the stream's name tells the kind, and the message must agree.
fn combined(stream: &str, data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match kind_of(stream) {
        Some("depth") => Ok(Decoded::Ignored),
        Some("book") => Ok(Decoded::Book),
        Some(name) => one(name, data, cx, out),
        None if data.starts_with('[') => list(data, cx, out),
        None => bare(data, cx, out),
    }
}

/// The word that messages of a stream have for their kind, where the stream's name tells.
fn kind_of(stream: &str) -> Option<&'static str> {
    let (_, rest) = stream.split_once('@')?;
    let word = rest.split_once('@').map_or(rest, |(word, _)| word);
    match word {
        "aggTrade" => Some("aggTrade"),
        "trade" => Some("trade"),
        "bookTicker" => Some("bookTicker"),
        "markPrice" => Some("markPriceUpdate"),
        "indexPrice" => Some("indexPriceUpdate"),
        "forceOrder" => Some("forceOrder"),
        "depth5" | "depth10" | "depth20" => Some("book"),
        word => word.starts_with("depth").then_some("depth"),
    }
}

/// A combined-stream frame as the venue writes it, in one pass. What is inside is read whole, so nothing goes unchecked;
/// whatever is not as usual, faults included, is left to the slow way, which knows the reason.
fn usual(text: &str, cx: &Context, out: &mut Vec<Event>) -> Option<Decoded> {
    let (stream, rest) = text.strip_prefix("{\"stream\":\"")?.split_once('"')?;
    let data = rest.strip_prefix(",\"data\":")?.strip_suffix('}')?;
    let plain = stream.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let name = kind_of(stream).filter(|name| plain && *name != "depth")?;
    if name == "book" {
        return Some(Decoded::Book);
    }
    one(name, data, cx, out).ok()
}

/// A message by its own word for its kind.
fn bare(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match parse::<Tag>(data)?.e {
        Some(name) => one(name, data, cx, out),
        None => untagged(data, cx, out),
    }
}

/// A message without a word for its kind: spot's book ticker, or nothing known.
fn untagged(data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match one("bookTicker", data, cx, out) {
        Err(Refusal { reason: Reason::MissingField, .. }) => Err(Reason::UnknownKind.into()),
        done => done,
    }
}

/// The one place that knows every kind.
fn one(name: &str, data: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    match name {
        "aggTrade" => read::<AggTrade>(data, cx, out)?,
        "trade" => read::<Trade>(data, cx, out)?,
        "bookTicker" => read::<BookTicker>(data, cx, out)?,
        "markPriceUpdate" => read::<MarkPrice>(data, cx, out)?,
        "indexPriceUpdate" => read::<IndexPrice>(data, cx, out)?,
        "forceOrder" => read::<ForceOrder>(data, cx, out)?,
        "depthUpdate" | "kline" | "24hrTicker" | "24hrMiniTicker" => return Ok(Decoded::Ignored),
        "serverShutdown" => return Ok(Decoded::Closing),
        _ => return Err(Reason::UnknownKind.into()),
    }
    Ok(Decoded::Data)
}

/// A list of messages.
fn list(text: &str, cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    frame::each(text, out, |message, out| bare(message, cx, out).map(drop))
}
