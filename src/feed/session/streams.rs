//! How far each stream has come: asked for, acknowledged, delivering. The three are different things.

use crate::event::{Kind, MarketId};
use crate::feed::venue::{Request, Stream, Subscription, join};

/// How far a stream has come on this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// Not asked for yet.
    Idle,
    /// Asked for, not answered.
    Requested,
    /// The venue said yes; nothing came yet. A stream can stay here for ever and look well.
    Acknowledged,
    /// Data came.
    Delivering,
    /// The venue said no, in its words.
    Refused(String),
}

/// What has come: by market id, a bit for each kind.
#[derive(Clone, Default)]
pub(super) struct Marks(Vec<u16>);

impl Marks {
    /// Marks an event; whether it is the first of its market and kind.
    #[inline]
    pub(super) fn set(&mut self, market: MarketId, kind: Kind) -> bool {
        let (place, bit) = (market.0 as usize, 1 << kind as u16);
        if self.0.len() <= place {
            self.0.resize(place + 1, 0);
        }
        let Some(bits) = self.0.get_mut(place) else { return false };
        let is_first = *bits & bit == 0;
        *bits |= bit;
        is_first
    }

    /// Whether all that is marked in `other` is marked here.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let mine = self.0.iter().copied().chain(std::iter::repeat(0));
        other.0.iter().zip(mine).all(|(theirs, mine)| theirs & !mine == 0)
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

#[derive(Clone)]
pub(super) struct Streams {
    path: String,
    list: Vec<(Stream, StreamState)>,
    requests: Vec<Request>,
    /// Requests sent so far.
    sent: usize,
    /// Places in `requests` without an answer, with the time they were sent.
    open: Vec<(usize, i64)>,
    /// What has delivered: the cheap way out for every event but the first.
    seen: Marks,
}

impl Streams {
    pub(super) fn new(wanted: Subscription) -> Self {
        let list = wanted.streams.into_iter().map(|stream| (stream, StreamState::Idle)).collect();
        Self { path: wanted.path, list, requests: wanted.requests, sent: 0, open: Vec::new(), seen: Marks::default() }
    }

    /// A new connection knows nothing of the one before.
    pub(super) fn restart(&mut self) {
        self.list.iter_mut().for_each(|(_, state)| *state = StreamState::Idle);
        self.sent = 0;
        self.open.clear();
        self.seen.clear();
    }

    /// Where to connect, behind `base` (`wss://host` without a slash at the end).
    pub(super) fn url(&self, base: &str) -> String {
        join(base, &self.path)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Stream, &StreamState)> {
        self.list.iter().map(|(stream, state)| (stream, state))
    }

    /// The stream of a market that carries a kind.
    pub(super) fn of(&self, market: MarketId, kind: Kind) -> Option<&Stream> {
        let mut all = self.list.iter().map(|(stream, _)| stream);
        all.find(|stream| stream.market == Some(market) && stream.kind == kind)
    }

    pub(super) fn any_steady(&self) -> bool {
        self.list.iter().any(|(stream, _)| stream.steady)
    }

    /// Streams that speak by the clock and have said nothing since they were acknowledged: how many, and one of them.
    pub(super) fn mute(&self) -> (u64, &str) {
        let is_mute = |(stream, state): &&(Stream, StreamState)| stream.steady && *state == StreamState::Acknowledged;
        let mut mute = self.list.iter().filter(is_mute);
        let first = mute.next();
        (first.map_or(0, |_| 1 + mute.count() as u64), first.map_or("", |(stream, _)| stream.name.as_str()))
    }

    pub(super) fn has_requests(&self) -> bool {
        self.sent < self.requests.len()
    }

    pub(super) fn all_acknowledged(&self) -> bool {
        !self.has_requests() && self.open.is_empty()
    }

    /// The text of the next request, sent at `now`.
    pub(super) fn next_request(&mut self, now: i64) -> Option<String> {
        let Request { text, answered, .. } = self.requests.get(self.sent)?.clone();
        self.set(self.sent, &StreamState::Requested);
        if answered {
            self.open.push((self.sent, now));
        }
        self.sent += 1;
        Some(text)
    }

    /// When the oldest request without an answer was sent.
    pub(super) fn unanswered_since(&self) -> Option<i64> {
        self.open.first().map(|(_, at)| *at)
    }

    /// An answer came; whether it answers anything we asked. One without an id answers the oldest request.
    pub(super) fn answered(&mut self, id: Option<u64>, refused: Option<&str>) -> bool {
        let wanted = |(place, _): &(usize, i64)| {
            id.is_none_or(|id| self.requests.get(*place).is_some_and(|request| request.id == id))
        };
        let Some(at) = self.open.iter().position(wanted) else { return false };
        let (place, _) = self.open.remove(at);
        let state = refused.map_or(StreamState::Acknowledged, |words| StreamState::Refused(words.to_owned()));
        self.set(place, &state);
        true
    }

    /// An event of this kind came from this market.
    pub(super) fn delivered(&mut self, market: MarketId, kind: Kind) {
        if !self.seen.set(market, kind) {
            return;
        }
        for (stream, state) in &mut self.list {
            if stream.kind == kind && stream.market.is_none_or(|id| id == market) {
                *state = StreamState::Delivering;
            }
        }
    }

    /// Sets the streams of one request, except those that deliver already.
    fn set(&mut self, place: usize, to: &StreamState) {
        let first: usize = self.requests.iter().take(place).map(|request| request.streams).sum();
        let count = self.requests.get(place).map_or(0, |request| request.streams);
        for (_, state) in self.list.iter_mut().skip(first).take(count) {
            if *state != StreamState::Delivering {
                *state = to.clone();
            }
        }
    }
}
