//! The venue's side of its protocol, pure: who may come in, what clients ask, the answers in the venue's own words and whom
//! a frame is for. One file a venue, one line in the table.
//!
//! Shapes are those of the fixtures, which follow the venues' documents (last checked 2026-07); no live venue was at hand. The
//! wording of refusals is the venues' where a document or a fixture has it, and in their manner elsewhere.

mod binance;
mod bitmex;
mod bybit;
mod coinbase;
mod deribit;
mod generic;
mod hyperliquid;
mod kraken_futures;
mod kraken_spot;
mod okx;

use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use crate::event::Nanos;
use crate::feed::venue::VenueRef;
use crate::feed::venue::generic::Generic;

/// Every venue that can be pretended, by the name of its decoder.
static PROTOCOLS: &[(&str, &dyn Protocol)] = &[
    ("binance-usdm", &binance::USDM),
    ("binance-coinm", &binance::COINM),
    ("binance-spot", &binance::SPOT),
    ("bybit-linear", &bybit::LINEAR),
    ("bybit-inverse", &bybit::INVERSE),
    ("bybit-spot", &bybit::SPOT),
    ("okx", &okx::Okx),
    ("coinbase", &coinbase::Coinbase),
    ("hyperliquid", &hyperliquid::Hyperliquid),
    ("deribit", &deribit::Deribit),
    ("bitmex", &bitmex::Bitmex),
    ("kraken-futures", &kraken_futures::KrakenFutures),
    ("kraken-spot", &kraken_spot::KrakenSpot),
];

/// The protocol of a venue.
pub(super) fn of(venue: VenueRef) -> Option<Side> {
    match venue {
        VenueRef::Own(venue) => Some(Side::Own(venue)),
        VenueRef::Shipped(venue) => find(venue.name()).map(Side::Shipped),
    }
}

/// The protocol of a shipped venue.
fn find(venue: &str) -> Option<&'static dyn Protocol> {
    PROTOCOLS.iter().find(|(name, _)| *name == venue).map(|(_, protocol)| *protocol)
}

/// The venue's side by handle: one of the table, or what a config says turned round.
pub(super) enum Side {
    Shipped(&'static dyn Protocol),
    Own(Arc<Generic>),
}

impl Deref for Side {
    type Target = dyn Protocol;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Shipped(protocol) => *protocol,
            Self::Own(venue) => &**venue,
        }
    }
}

impl Side {
    /// What stands before ids of trades.
    pub(super) fn marks(&self) -> Vec<String> {
        match self {
            Self::Shipped(protocol) => protocol.id_marks().iter().map(|mark| (*mark).to_owned()).collect(),
            Self::Own(venue) => generic::id_marks(venue),
        }
    }
}

/// The venue's side. No socket and no clock: `at` is the venue's time, for answers that carry one.
pub(super) trait Protocol: Send + Sync {
    /// What a connection's path says; `None` where the venue has no such path.
    fn door(&self, path: &str, query: Option<&str>) -> Option<Door>;

    /// What the venue says as soon as a line is open.
    fn greeting(&self, at: Nanos) -> Option<String> {
        let _ = at;
        None
    }

    /// Reads what a client sends; the error is the answer to what cannot be understood.
    fn read(&self, text: &str) -> Result<Request, String>;

    /// The answers to a request.
    fn answer(&self, request: &Request, outcome: Outcome, at: Nanos) -> Vec<String>;

    /// Whom a frame of a recording is for.
    fn audience(&self, frame: &str) -> Audience;

    /// Whether frames of a stream come through this door.
    fn lets(&self, door: &Door, stream: &str) -> bool {
        let _ = (door, stream);
        true
    }

    /// The frame for a client that wants it without its wrapper.
    fn bare<'f>(&self, frame: &'f str) -> &'f str {
        frame
    }

    /// What the venue demands of a client.
    fn demands(&self) -> Demands {
        Demands::default()
    }

    /// The signs of life that the venue sends in frames of its own.
    fn beats(&self) -> Option<Beats> {
        None
    }

    /// One beat, the `count`th of its connection from 0.
    fn beat(&self, count: u64, at: Nanos) -> Vec<String> {
        let _ = (count, at);
        Vec::new()
    }

    /// What stands before the number of a message, where the venue numbers the messages of a connection.
    fn number_mark(&self) -> Option<&'static str> {
        None
    }

    /// What stands before ids of trades.
    fn id_marks(&self) -> &'static [&'static str] {
        &[]
    }

    /// What the venue says before it closes a line in order, where it says something.
    fn closing(&self, at: Nanos) -> Option<String> {
        let _ = at;
        None
    }
}

/// What a connection's path says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Door {
    /// Where the path routes to, where the venue routes by path.
    pub(super) route: Option<&'static str>,
    /// Whether frames come without their wrapper.
    pub(super) bare: bool,
    /// Streams asked for by the path.
    pub(super) streams: Vec<String>,
}

impl Door {
    /// The only door there is.
    fn only(path: &str, want: &str) -> Option<Self> {
        (path == want).then(Self::default)
    }
}

/// What a venue demands of a client, in seconds of its clock. Whoever does not keep to it is disconnected.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Demands {
    /// Longest time without a word of the client: a message, or a ping where `pings`.
    pub(super) word_within: Option<f64>,
    /// Only pings of the WebSocket protocol count as a word.
    pub(super) pings: bool,
    /// Time to the first request.
    pub(super) ask_within: Option<f64>,
}

/// Signs of life in frames of the venue's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Beats {
    /// Seconds between two.
    pub(super) every: f64,
    /// Whether a client must ask for them.
    pub(super) asked: bool,
}

/// A request that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// The client's name for it, or null.
    pub(super) id: Value,
    /// What it wants.
    pub(super) ask: Ask,
    /// The whole of it, for venues that repeat it.
    pub(super) raw: Value,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// Streams, by the names that [`Protocol::audience`] gives them.
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    /// What it is subscribed to.
    List,
    /// Beats.
    Beats,
    /// Nothing but an answer.
    Alive,
}

impl Ask {
    /// The streams that it names.
    fn streams(&self) -> &[String] {
        match self {
            Self::Subscribe(streams) | Self::Unsubscribe(streams) => streams,
            Self::List | Self::Beats | Self::Alive => &[],
        }
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome<'o> {
    Done,
    /// Not carried out, because there is no such stream.
    NoSuch(&'o str),
    /// The client's subscriptions.
    Listed(&'o [String]),
}

/// Whom a frame is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Audience {
    /// Whoever asked for one of these streams.
    Streams(Vec<String>),
    /// Every client.
    Everyone,
    /// Nobody: the venue sends it only as an answer, or it is none of the venue's.
    Nobody,
}

impl Audience {
    /// Whoever asked for this stream, where there is one.
    fn of(stream: Option<String>) -> Self {
        stream.map_or(Self::Nobody, |stream| Self::Streams(vec![stream]))
    }
}

/// A text behind a path such as `/data/0/symbol`.
fn text<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    value.pointer(path).and_then(Value::as_str)
}

/// A list of texts behind a path; `None` where it is no such list.
fn texts(value: &Value, path: &str) -> Option<Vec<String>> {
    let list = value.pointer(path)?.as_array()?;
    list.iter().map(|one| one.as_str().map(str::to_owned)).collect()
}

/// A frame that is one JSON value.
fn json_of(frame: &str) -> Option<Value> {
    serde_json::from_str(frame).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::value::RawValue;

    use super::*;
    use crate::feed::venue::VENUES;

    #[derive(serde::Deserialize)]
    struct Case<'c> {
        #[serde(borrow)]
        frame: &'c RawValue,
        answer: Option<Value>,
    }

    #[test]
    fn every_venue_that_is_decoded_can_be_pretended() {
        for venue in VENUES {
            assert!(find(venue.name()).is_some(), "{}", venue.name());
        }
        assert_eq!(PROTOCOLS.len(), VENUES.len());
    }

    /// What our side asks for is what frames of that kind are of: nothing is subscribed to that nobody sends.
    #[test]
    fn frames_of_fixtures_are_for_those_who_ask_as_we_ask() {
        use crate::event::{Kind, MarketId};
        for venue in VENUES {
            let protocol = find(venue.name()).expect("a protocol");
            let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire").join(venue.name());
            let read = |name: &str| std::fs::read_to_string(dir.join(name)).expect(name);
            let natives: Vec<String> = serde_json::from_str(&read("markets.json")).expect("names");
            let markets: Vec<_> = natives.iter().map(|native| (MarketId(0), native.as_str())).collect();
            let mut asked = Vec::new();
            for connection in venue.subscribe(&markets, &Kind::ALL) {
                let path = if connection.path.is_empty() { "/" } else { &connection.path };
                assert!(protocol.door(path, None).is_some(), "{path}");
                for request in &connection.requests {
                    let request = protocol.read(&request.text).expect("understood");
                    asked.extend(request.ask.streams().to_vec());
                }
            }
            let mut heard = 0;
            for entry in std::fs::read_dir(&dir).expect("a folder").flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_cases = Path::new(&name).extension().is_some_and(|end| end == "jsonl");
                let cases = if is_cases { read(&name) } else { String::new() };
                for case in cases.lines().filter_map(|line| serde_json::from_str::<Case>(line).ok()) {
                    let to = protocol.audience(case.frame.get());
                    assert!(case.answer.is_none() || to == Audience::Nobody, "{name}: {}", case.frame);
                    if let Audience::Streams(streams) = to {
                        heard += usize::from(streams.iter().any(|stream| asked.contains(stream)));
                    }
                }
            }
            assert!(heard >= 3, "{}: {heard} frames are of streams in {asked:?}", venue.name());
        }
    }
}
