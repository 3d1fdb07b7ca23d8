//! The book of one market: two sides, whether they are known, and what they say within 10 basis points of the mid.

use super::side::{Level, Side, Way};
use crate::event::{Body, Nanos, Price, Qty};

/// The book of one market, as far as its stream shows it.
#[derive(Debug)]
pub struct Book {
    bids: Side,
    asks: Side,
    state: State,
    /// The venue's number of the last message.
    number: Option<u64>,
    /// How many levels a side the stream shows, where it shows only the best and does not tell which ones left.
    shown: Option<usize>,
    /// Whether the venue's checksum fitted the whole book.
    fitted: Option<bool>,
    crossed_since: Option<Nanos>,
    told_at: Option<Nanos>,
}

/// How far a book can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No whole book came yet.
    Unknown,
    /// Whole, and every change since.
    Known,
    /// It was known, and is not any more.
    Lost,
}

impl Book {
    /// The most levels a side that are held. Those further away are forgotten, and a book of which they are wanted is lost.
    pub const LEVELS_MAX: usize = 4096;

    /// How far from the mid the depth reaches, as a fraction.
    pub const REACH: f64 = 0.001;

    /// The depth is told no more often, by the venue's time: streams that send every 100 ms are told whole.
    const EVERY: i64 = 90_000_000;

    /// A book that stays crossed for so long is lost. For a moment it may be: some venues send one change in several messages.
    const CROSSED_MAX: i64 = Nanos::SECOND;

    pub(super) const fn new() -> Self {
        Self {
            bids: Side::new(Way::Bid),
            asks: Side::new(Way::Ask),
            state: State::Unknown,
            number: None,
            shown: None,
            fitted: None,
            crossed_since: None,
            told_at: None,
        }
    }

    /// Begins a whole book.
    pub(super) fn begin(&mut self, number: Option<u64>) {
        self.bids.clear();
        self.asks.clear();
        (self.state, self.number) = (State::Known, number);
        (self.shown, self.fitted) = (None, None);
    }

    /// Takes the number of a change; whether it follows on the last message.
    pub(super) fn follow(&mut self, after: Option<u64>, number: Option<u64>) -> bool {
        let follows = after.zip(self.number).is_none_or(|(after, last)| after == last);
        self.number = number;
        follows
    }

    /// Forgets all, as at the beginning of a connection, and keeps its room.
    pub(super) fn forget(&mut self) {
        self.begin(None);
        (self.state, self.told_at, self.crossed_since) = (State::Unknown, None, None);
    }

    /// Whether its messages are numbered.
    pub(super) const fn is_numbered(&self) -> bool {
        self.number.is_some()
    }

    pub(super) const fn state(&self) -> State {
        self.state
    }

    /// Sets what rests at a price; nothing takes the level away.
    pub fn set(&mut self, way: Way, level: Level) {
        self.side(way).set(level, Self::LEVELS_MAX);
    }

    /// Sets what rests at the level of an id (the first of its marks). One that is not there loses the book, unless it may be
    /// among those that found no room.
    pub fn change(&mut self, way: Way, id: u64, qty: Qty) {
        let side = self.side(way);
        if !side.change(id, qty) && !side.is_cut() {
            self.lose();
        }
    }

    /// Says that the stream shows the best `levels` of a side, and does not tell which ones leave these.
    pub const fn shows(&mut self, levels: usize) {
        self.shown = Some(levels);
    }

    /// Says whether the venue's checksum of the book fits. Where it did not fit the whole book already, we read it in another
    /// way than the venue, and it says nothing; where it did, a later one that does not loses the book.
    pub fn check(&mut self, fits: bool) {
        if *self.fitted.get_or_insert(fits) && !fits {
            self.lose();
        }
    }

    /// Says that it cannot be trusted any more: nothing is told of it before a whole one comes.
    pub fn lose(&mut self) {
        self.begin(None);
        (self.state, self.crossed_since) = (State::Lost, None);
    }

    /// The levels of a side, best first.
    pub fn levels(&self, way: Way) -> impl Iterator<Item = &Level> {
        match way {
            Way::Bid => self.bids.best_first(),
            Way::Ask => self.asks.best_first(),
        }
    }

    /// The levels of both sides.
    pub const fn len(&self) -> usize {
        self.bids.len() + self.asks.len()
    }

    /// Whether it has no level.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    const fn side(&mut self, way: Way) -> &mut Side {
        match way {
            Way::Bid => &mut self.bids,
            Way::Ask => &mut self.asks,
        }
    }

    /// Ends a message: the depth, where the book is sound and it is time to tell.
    pub(super) fn settle(&mut self, venue_at: Nanos, recv_at: Nanos) -> Option<Body> {
        if let Some(shown) = self.shown {
            self.bids.keep_best(shown);
            self.asks.keep_best(shown);
        }
        let blind = |side: &Side| side.is_cut() && side.len() == 0;
        if blind(&self.bids) || blind(&self.asks) {
            self.lose();
        }
        let (bid, ask) = self.best().filter(|_| self.state == State::Known)?;
        if bid >= ask {
            self.crossed(recv_at);
            return None;
        }
        self.crossed_since = None;
        if self.told_at.is_some_and(|told| (0..Self::EVERY).contains(&venue_at.0.saturating_sub(told.0))) {
            return None;
        }
        let depth = self.depth(f64::midpoint(bid.get(), ask.get()));
        if depth.is_some() {
            self.told_at = Some(venue_at);
        } else {
            self.lose();
        }
        depth
    }

    /// Best bid and ask; none where a side is empty, because then there is no mid.
    fn best(&self) -> Option<(Price, Price)> {
        self.bids.best().zip(self.asks.best())
    }

    fn crossed(&mut self, recv_at: Nanos) {
        let since = *self.crossed_since.get_or_insert(recv_at);
        if recv_at.0.saturating_sub(since.0) >= Self::CROSSED_MAX {
            self.lose();
        }
    }

    /// What rests near `mid`; `None` where that is not known, or no quantity.
    fn depth(&self, mid: f64) -> Option<Body> {
        let reach = mid * Self::REACH;
        let qty = |side: &Side| side.within(reach, mid).and_then(|sum| Qty::new(sum).ok());
        qty(&self.bids).zip(qty(&self.asks)).map(|(bid_qty, ask_qty)| Body::Depth { bid_qty, ask_qty })
    }
}
