//! What a connection repeats: trades seen before, liquidations of long ago; and what it left out.

use crate::event::{Body, Event, Nanos};

/// What to do with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// Keep it, and so many trades before it never came.
    KeepAfterHole(u64),
    Duplicate,
    Old,
}

/// The last trade kept of a market.
#[derive(Clone, Copy)]
struct Last {
    id: u64,
    at: Nanos,
    /// Since when every trade looks like one seen before.
    repeating_since: Option<i64>,
    /// The connection it came on.
    connection: u64,
}

#[derive(Clone)]
pub(super) struct Filter {
    ids_contiguous: bool,
    age_max: i64,
    /// By market id; it grows to the largest id in the table of markets and no further.
    last: Vec<Option<Last>>,
    /// The newest time of any event on this connection.
    newest: Option<Nanos>,
    /// How many connections there were.
    connection: u64,
}

impl Filter {
    /// A market whose trades all look repeated for so long has started its ids anew, or one bad trade led us astray.
    const REPEAT_MAX: i64 = 10 * Nanos::SECOND;

    pub(super) fn new(ids_contiguous: bool, age_max_secs: f64) -> Self {
        let age_max = (age_max_secs * Nanos::SECOND as f64) as i64;
        Self { ids_contiguous, age_max, last: Vec::new(), newest: None, connection: 0 }
    }

    /// Ids are remembered over a loss; what "now" means at the venue is learned anew.
    pub(super) fn reconnected(&mut self) {
        self.newest = None;
        self.connection += 1;
    }

    /// Takes over which trades another line has brought, where they have ids: those it brought beyond mine are no hole.
    pub(super) fn absorb(&mut self, other: &Self) {
        if self.last.len() < other.last.len() {
            self.last.resize(other.last.len(), None);
        }
        for (mine, theirs) in self.last.iter_mut().zip(&other.last) {
            let theirs = theirs.filter(|theirs| theirs.id > mine.map_or(0, |mine| mine.id));
            if let Some(theirs) = theirs {
                *mine = Some(Last { repeating_since: None, ..theirs });
            }
        }
    }

    /// Whether all that `other` left out has come here: what comes behind its newest trade is late for everybody.
    pub(super) fn has_come_as_far_as(&self, other: &Self) -> bool {
        let mut pairs = other.last.iter().enumerate();
        pairs.all(|(place, theirs)| {
            let mine = self.last.get(place).copied().flatten().map_or(0, |mine| mine.id);
            theirs.is_none_or(|theirs| mine.saturating_add(1) >= theirs.id)
        })
    }

    /// Judges an event that came at steady time `now`.
    pub(super) fn judge(&mut self, event: &Event, now: i64) -> Verdict {
        let verdict = match event.body {
            Body::Trade { id, .. } => self.trade(event, id, now),
            Body::Liquidation { .. } if self.age(event) > self.age_max => Verdict::Old,
            _ => Verdict::Keep,
        };
        if verdict != Verdict::Old {
            self.newest = self.newest.max(Some(event.venue_at));
        }
        verdict
    }

    /// The smaller of the ages by our clock and by the venue's: a wrong clock of ours, or one event from the future,
    /// must not mute liquidations.
    fn age(&self, event: &Event) -> i64 {
        let by_us = event.recv_at.0.saturating_sub(event.venue_at.0);
        let by_venue = self.newest.map_or(i64::MAX, |newest| newest.0.saturating_sub(event.venue_at.0));
        by_us.min(by_venue)
    }

    /// Seen before: an id not above the last one, at a time not after it. A lower id at a later time is a new count. Where
    /// trades have no ids (0), only a new connection repeats them: all that are not after the last one of the old.
    fn trade(&mut self, event: &Event, id: u64, now: i64) -> Verdict {
        let place = event.market.0 as usize;
        if self.last.len() <= place {
            self.last.resize(place + 1, None);
        }
        let Some(slot) = self.last.get_mut(place) else { return Verdict::Keep };
        let connection = self.connection;
        let fresh = Last { id, at: event.venue_at, repeating_since: None, connection };
        let Some(last) = slot else {
            *slot = Some(fresh);
            return Verdict::Keep;
        };
        let may_repeat = if id == 0 { last.connection != connection } else { id <= last.id };
        if may_repeat && event.venue_at <= last.at {
            let since = *last.repeating_since.get_or_insert(now);
            if now - since < Self::REPEAT_MAX {
                return Verdict::Duplicate;
            }
        }
        let missing = if self.ids_contiguous { id.saturating_sub(last.id).saturating_sub(1) } else { 0 };
        // One trade without an id among others says nothing of their count.
        *slot = Some(Last { id: if id == 0 { last.id } else { id }, ..fresh });
        if missing == 0 { Verdict::Keep } else { Verdict::KeepAfterHole(missing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Aggressor, Completeness, Liquidated, MarketId, Price, PriceMeaning, Qty};

    const NOW: i64 = 1_760_000_000;

    fn trade(id: u64, venue_secs: i64) -> Event {
        let (price, qty) = (Price::new(4.0).expect("price"), Qty::positive(1.0).expect("qty"));
        let body = Body::Trade { price, qty, id, aggressor: Aggressor::Sell };
        let venue_at = Nanos::from_secs(venue_secs);
        Event { venue_at, recv_at: Nanos::from_secs(NOW), market: MarketId(0), body }
    }

    fn liquidation(venue_secs: i64, recv_secs: i64) -> Event {
        let body = Body::Liquidation {
            price: Price::new(4.0).expect("price"),
            qty: Qty::positive(1.0).expect("qty"),
            liquidated: Liquidated::Long,
            meaning: PriceMeaning::Fill,
            completeness: Completeness::Sampled,
        };
        Event { recv_at: Nanos::from_secs(recv_secs), body, ..trade(0, venue_secs) }
    }

    #[test]
    fn repeats_are_dropped_holes_are_told_and_a_new_count_is_taken() {
        let mut filter = Filter::new(true, 60.0);
        for (id, at, want) in [
            (5, 10, Verdict::Keep),
            (6, 10, Verdict::Keep),
            (5, 10, Verdict::Duplicate),
            (6, 10, Verdict::Duplicate),
            (7, 11, Verdict::Keep),
            (10, 11, Verdict::KeepAfterHole(2)),
            (0, 12, Verdict::Keep),
            (11, 12, Verdict::Keep),
            (1, 13, Verdict::Keep),
            (2, 13, Verdict::Keep),
        ] {
            assert_eq!(filter.judge(&trade(id, NOW + at), 0), want, "id {id}");
        }
    }

    #[test]
    fn one_trade_from_the_future_mutes_its_market_for_seconds_only() {
        let mut filter = Filter::new(false, 60.0);
        assert_eq!(filter.judge(&trade(u64::MAX, 4_000_000_000), 0), Verdict::Keep);
        let second = |n: i64| n * Nanos::SECOND;
        assert_eq!(filter.judge(&trade(8, NOW), second(1)), Verdict::Duplicate);
        assert_eq!(filter.judge(&trade(9, NOW), second(10)), Verdict::Duplicate);
        assert_eq!(filter.judge(&trade(10, NOW), second(11)), Verdict::Keep);
        assert_eq!(filter.judge(&trade(11, NOW), second(12)), Verdict::Keep);
    }

    #[test]
    fn trades_without_ids_are_repeated_only_by_a_new_connection() {
        let mut filter = Filter::new(false, 60.0);
        let second = |n: i64| n * Nanos::SECOND;
        for at in [10, 12, 12, 11] {
            assert_eq!(filter.judge(&trade(0, NOW + at), 0), Verdict::Keep, "at {at}");
        }
        filter.reconnected();
        for (at, want) in [
            (9, Verdict::Duplicate),
            (11, Verdict::Duplicate),
            (13, Verdict::Keep),
            (13, Verdict::Keep),
            (12, Verdict::Keep),
        ] {
            assert_eq!(filter.judge(&trade(0, NOW + at), second(1)), want, "at {at}");
        }
        assert_eq!(filter.judge(&trade(0, 4_000_000_000), second(2)), Verdict::Keep, "one from the future");
        filter.reconnected();
        assert_eq!(filter.judge(&trade(0, NOW + 20), second(3)), Verdict::Duplicate);
        assert_eq!(filter.judge(&trade(0, NOW + 30), second(13)), Verdict::Keep, "it mutes for seconds only");
    }

    #[test]
    fn old_liquidations_are_dropped_and_a_wrong_clock_mutes_none() {
        let mut filter = Filter::new(true, 60.0);
        assert_eq!(filter.judge(&liquidation(NOW - 61, NOW), 0), Verdict::Old);
        assert_eq!(filter.judge(&liquidation(NOW - 59, NOW), 0), Verdict::Keep);
        filter.reconnected();
        assert_eq!(filter.judge(&trade(1, NOW), 0), Verdict::Keep);
        assert_eq!(filter.judge(&liquidation(NOW, NOW + 3600), 0), Verdict::Keep, "our clock an hour ahead");
        assert_eq!(filter.judge(&liquidation(NOW, NOW - 3600), 0), Verdict::Keep, "an hour behind");
        assert_eq!(filter.judge(&trade(2, 4_000_000_000), 0), Verdict::Keep);
        assert_eq!(filter.judge(&liquidation(NOW, NOW), 0), Verdict::Keep, "after one event from the future");
    }
}
