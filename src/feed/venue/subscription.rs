//! What to ask a venue for: connections, requests, streams, and the limits they keep.

use crate::event::{Kind, MarketId};

/// What a venue allows one connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Messages it takes a second.
    pub messages_per_sec: f64,
    /// Streams on one connection.
    pub streams_max: usize,
    /// Streams in one request.
    pub batch_max: usize,
}

/// What a venue allows an address that connects: so many new connections within so many seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connects {
    /// New connections, at least 1.
    pub most: u32,
    /// Within so many seconds, above 0.
    pub within_secs: f64,
}

/// One connection and what to ask for on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// What comes behind the host, as in `/market/stream`.
    pub path: String,
    /// The streams, in the order of the requests.
    pub streams: Vec<Stream>,
    /// What to send.
    pub requests: Vec<Request>,
}

/// One stream of a venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// The venue's name of it, as in `btcusdt@aggTrade`.
    pub name: String,
    /// Its market; `None` where one stream carries many.
    pub market: Option<MarketId>,
    /// The kind of event that shows that it delivers.
    pub kind: Kind,
    /// Whether it speaks by the clock even when nobody trades, so that its silence means something.
    pub steady: bool,
}

/// One message to send, and the streams it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer.
    pub id: u64,
    /// The message.
    pub text: String,
    /// How many streams it asks for: the next ones after those of the request before.
    pub streams: usize,
    /// Whether the venue answers it.
    pub answered: bool,
}

impl Subscription {
    /// Splits `streams` into as many connections and requests as `limits` want; `ask` writes the message of a request.
    pub fn split(path: &str, streams: &[Stream], limits: Limits, ask: impl Fn(u64, &[Stream]) -> String) -> Vec<Self> {
        let connection = |chunk: &[Stream]| Self {
            path: path.to_owned(),
            streams: chunk.to_vec(),
            requests: (1..)
                .zip(chunk.chunks(limits.batch_max.max(1)))
                .map(|(id, batch)| Request { id, text: ask(id, batch), streams: batch.len(), answered: true })
                .collect(),
        };
        streams.chunks(limits.streams_max.max(1)).map(connection).collect()
    }

    /// Where to connect, behind `base` (`wss://host` without a slash at the end).
    pub fn url(&self, base: &str) -> String {
        join(base, &self.path)
    }
}

/// The path behind `base` (`wss://host`, with or without a slash at the end).
pub(in crate::feed) fn join(base: &str, path: &str) -> String {
    format!("{}{path}", base.trim_end_matches('/'))
}
