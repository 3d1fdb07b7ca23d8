//! What a config says of a venue of its own.

use super::condition::Conditions;
use super::message::{Message, Source};
use super::pointer::Pointer;
use super::template::{Hole, Template};
use crate::event::Completeness;
use crate::feed::venue::Limits;
use crate::market::ContractSize;

use super::message::What;

/// A venue known only at run time.
#[derive(Clone, Debug)]
pub struct GenericSettings {
    /// Its name in `venue:NATIVE`.
    pub name: String,
    /// Scheme and host, as `wss://md.example.com`.
    pub base: String,
    /// What comes behind; with a market in it every market has a connection of its own.
    pub path: Template,
    /// What it allows a connection.
    pub limits: Limits,
    /// What to send to subscribe; none: everything comes by itself.
    pub request: Option<Template>,
    /// Text to send every so many seconds of a quiet line.
    pub keep_alive: Option<(f64, String)>,
    /// Seconds between pings of the WebSocket protocol.
    pub ping_secs: Option<f64>,
    /// Whether ids of trades follow each other without a hole.
    pub ids_contiguous: bool,
    /// What a unit of quantity is worth where no `[[instrument]]` says it.
    pub contract: ContractSize,
    /// What it says.
    pub messages: Vec<Message<Source>>,
    /// How it answers requests, refusals among them. The first that fits counts.
    pub answers: Vec<Answer<Pointer>>,
    /// Its signs of life.
    pub heartbeats: Vec<Heartbeat<Pointer>>,
    /// Frames that are well known and say nothing here.
    pub ignored: Vec<Conditions<Pointer>>,
}

/// How a request is answered.
#[derive(Clone, Debug)]
pub struct Answer<P> {
    /// What must stand in a frame that is such an answer.
    pub when: Conditions<P>,
    /// Where the number of the request stands; none: the oldest request is meant.
    pub id: Option<P>,
    /// Whether the request was refused.
    pub refused: bool,
    /// Where the words of a refusal stand; none: the whole frame.
    pub words: Option<P>,
}

/// A sign of life that is no data.
#[derive(Clone, Debug)]
pub struct Heartbeat<P> {
    /// How it is known.
    pub known: Known<P>,
    /// What it wants back at once.
    pub reply: Option<String>,
}

/// How a heartbeat is known.
#[derive(Clone, Debug)]
pub enum Known<P> {
    /// The frame is this text.
    Text(String),
    /// This stands in it.
    When(Conditions<P>),
}

impl GenericSettings {
    /// What the liquidations it publishes leave out at most.
    pub(super) fn completeness(&self) -> Completeness {
        let rank = |completeness: &Completeness| *completeness as u8;
        let of = |message: &Message<Source>| match message.what {
            What::Liquidation { completeness, .. } => Some(completeness),
            _ => None,
        };
        self.messages.iter().filter_map(of).max_by_key(rank).unwrap_or(Completeness::None)
    }

    /// The name of the stream that a message comes on: what is asked for, with the market where that is not part of it.
    pub(crate) fn stream_name(&self, message: &Message<Source>, native: &str) -> String {
        let Some(stream) = &message.stream else { return format!("{}:{native}", message.what.kind().name()) };
        let text = stream.of_market(native);
        if stream.has_market() || !self.asks_by_market() { text } else { format!("{text}:{native}") }
    }

    /// Whether the stream of a message carries every market.
    pub(super) fn is_of_all(&self, message: &Message<Source>) -> bool {
        message.stream.as_ref().is_some_and(|stream| !stream.has_market())
            && !self.asks_by_market()
            && !self.path.has_market()
    }

    /// Whether a message comes without being asked for, while others must be.
    pub(super) fn is_unasked(&self, message: &Message<Source>) -> bool {
        let names = |request: &Template| request.has(Hole::Stream) || request.has(Hole::Streams);
        message.stream.is_none() && self.request.as_ref().is_some_and(names)
    }

    /// Whether a request names markets beside the stream.
    fn asks_by_market(&self) -> bool {
        let names = |request: &Template| request.has_market() || request.has(Hole::Markets);
        self.request.as_ref().is_some_and(names)
    }
}
