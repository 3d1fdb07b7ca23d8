//! The venue's side of its protocol, pure: who may come in, what clients ask, the answers in the venue's own words and whom
//! a frame is for. One file a venue, one line in the table.

mod binance;

use serde_json::Value;

/// Every venue that can be pretended, by the name of its decoder.
static PROTOCOLS: &[(&str, &dyn Protocol)] =
    &[("binance-usdm", &binance::USDM), ("binance-coinm", &binance::COINM), ("binance-spot", &binance::SPOT)];

/// The protocol of a venue.
pub(super) fn find(venue: &str) -> Option<&'static dyn Protocol> {
    PROTOCOLS.iter().find(|(name, _)| *name == venue).map(|(_, protocol)| *protocol)
}

/// The venue's side. No socket and no clock.
pub(super) trait Protocol: Sync {
    /// What a connection's path says; `None` where the venue has no such path.
    fn door(&self, path: &str, query: Option<&str>) -> Option<Door>;

    /// Reads what a client sends; the error is the answer to what cannot be understood.
    fn read(&self, text: &str) -> Result<Request, String>;

    /// The answers to a request.
    fn answer(&self, request: &Request, outcome: Outcome) -> Vec<String>;

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

/// A request that was understood.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Request {
    /// The client's name for it, where it has one.
    pub(super) id: Value,
    /// What it wants.
    pub(super) ask: Ask,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    /// Streams, by the names that [`Protocol::audience`] gives them.
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    /// What it is subscribed to.
    List,
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
    /// Whoever asked for this stream.
    Stream(String),
    /// Nobody: it is no frame that the venue sends unasked.
    Nobody,
}
