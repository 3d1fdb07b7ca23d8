//! A connection in its place, and the one that shall take it: when it has shown that it brings what the old one brings.

use super::streams::Marks;
use super::{Session, nanos};
use crate::engine::FeedState;
use crate::event::{Event, Kind, Nanos};

/// What the old connection brings so long after the new one was subscribed is owed by the new one too: before, the two may
/// have been told different things.
const SETTLING: i64 = Nanos::SECOND;

/// Both deliver for so long before the old one goes.
const OVERLAP: i64 = 2 * Nanos::SECOND;

/// A successor that has not brought what is owed by then never will.
const PATIENCE: i64 = 120 * Nanos::SECOND;

/// One connection of a feed and where it stands.
pub(super) struct Seat {
    /// The number that the driver knows it by.
    pub(super) place: usize,
    pub(super) session: Session,
    pub(super) state: FeedState,
    /// Since when it has delivered without a pause.
    pub(super) since: i64,
    /// When it was made or last lost.
    pub(super) lost_at: i64,
    /// When something was last missing from it.
    pub(super) gap_at: i64,
    /// When a successor shall be made, because it will be cut.
    pub(super) renew_at: i64,
}

impl Seat {
    pub(super) const fn new(place: usize, session: Session, now: i64) -> Self {
        let state = FeedState::Connecting;
        Self { place, session, state, since: now, lost_at: now, gap_at: i64::MIN, renew_at: i64::MAX }
    }

    pub(super) fn delivers(&self) -> bool {
        self.state == FeedState::Delivering
    }

    /// Whether it is open, as far as we know.
    pub(super) fn stands(&self) -> bool {
        !matches!(self.state, FeedState::Down | FeedState::Connecting)
    }

    pub(super) fn turn(&mut self, state: FeedState, now: i64) {
        if state == FeedState::Delivering && self.state != state {
            self.since = now;
        }
        if state == FeedState::Down {
            (self.lost_at, self.renew_at) = (now, i64::MAX);
        }
        self.state = state;
    }

    /// It opened: the venue will cut it at the age of `lifetime_secs`. `chance` (0 to 1) spreads those that opened together.
    pub(super) fn opened(&mut self, lifetime_secs: Option<f64>, chance: f64, now: i64) {
        let margin = 0.85 + 0.1 * chance;
        self.renew_at = lifetime_secs.map_or(i64::MAX, |secs| now.saturating_add(nanos(secs * margin)));
    }

    /// Whether it has missed nothing since `from`.
    pub(super) fn is_whole_since(&self, from: i64) -> bool {
        self.delivers() && self.since <= from && self.gap_at < from
    }
}

/// Why a successor is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The venue announced that it closes the connection.
    Announced,
    /// The connection is near the age at which it is cut.
    Age,
    /// The connection is late, and there is another endpoint.
    Late,
}

impl Why {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Announced => "the venue announced that it will close the old one",
            Self::Age => "the old one is near the age at which it is cut",
            Self::Late => "the old one is late",
        }
    }
}

/// What shall become of a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    /// It takes the place.
    Promote,
    /// The old connection is well again.
    Dismiss,
    /// It does not bring what the old one brings.
    GiveUp,
}

/// A successor.
pub(super) struct Heir {
    pub(super) seat: Seat,
    pub(super) why: Why,
    made_at: i64,
    subscribed_at: Option<i64>,
    /// What the old connection brought, and what this one did, since it has settled.
    owed: Marks,
    paid: Marks,
}

impl Heir {
    pub(super) fn new(seat: Seat, why: Why, now: i64) -> Self {
        Self { seat, why, made_at: now, subscribed_at: None, owed: Marks::default(), paid: Marks::default() }
    }

    /// One of the two brought an event; a venue's word on itself is none.
    pub(super) fn note(&mut self, event: &Event, by_heir: bool, now: i64) {
        if event.body.kind() == Kind::Status || !self.has_settled(now) {
            return;
        }
        let marks = if by_heir { &mut self.paid } else { &mut self.owed };
        marks.set(event.market, event.body.kind());
    }

    fn has_settled(&mut self, now: i64) -> bool {
        if !self.seat.session.is_subscribed() {
            (self.subscribed_at, self.owed, self.paid) = (None, Marks::default(), Marks::default());
            return false;
        }
        now - *self.subscribed_at.get_or_insert(now) >= SETTLING
    }

    /// What shall become of it, beside the connection `old`.
    pub(super) fn judge(&mut self, old: &Seat, now: i64) -> Verdict {
        let settled = self.has_settled(now);
        if !old.stands() {
            return Verdict::Promote;
        }
        if self.why == Why::Late && old.delivers() {
            return Verdict::Dismiss;
        }
        if self.seat.delivers() && !old.delivers() && self.why == Why::Late {
            return Verdict::Promote;
        }
        let overlaps = self.seat.delivers() && now - self.seat.since >= OVERLAP;
        let waited = self.subscribed_at.is_some_and(|at| now - at >= SETTLING + OVERLAP);
        if settled && overlaps && waited && self.paid.covers(&self.owed) {
            return Verdict::Promote;
        }
        if now - self.made_at > PATIENCE { Verdict::GiveUp } else { Verdict::Wait }
    }
}
