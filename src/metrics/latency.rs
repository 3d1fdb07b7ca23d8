//! How long things took: recorded by drivers in hdrhistograms, shown as classic histograms.

use hdrhistogram::Histogram;

use crate::event::Nanos;
use crate::market::VenueId;

/// Longest time told apart: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// How long something took, in nanoseconds to two digits. Takes no memory before its first use.
#[derive(Clone, Debug, Default)]
pub struct Latency(Option<Box<Histogram<u64>>>);

impl Latency {
    /// Counts one; a time below zero (a venue's clock ahead of ours) counts as none.
    #[inline]
    pub fn record(&mut self, from: Nanos, to: Nanos) {
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, LONGEST_NS, 2).ok().map(Box::new);
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(to.0.saturating_sub(from.0).max(0) as u64);
        }
    }

    /// Takes over what `other` has counted and leaves it empty.
    pub fn absorb(&mut self, other: &mut Self) {
        match (&mut self.0, &mut other.0) {
            (Some(mine), Some(other)) if !other.is_empty() => {
                // Both have the same bounds, so that everything fits.
                let _ = mine.add(&**other);
                other.reset();
            }
            (None, Some(_)) => self.0 = other.0.take(),
            _ => {}
        }
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.as_ref().map_or(0, |histogram| histogram.len())
    }

    pub(super) fn histogram(&self) -> Option<&Histogram<u64>> {
        self.0.as_deref()
    }
}

/// What the engine thread times. It keeps one of its own and lets the shared one absorb it now and then.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    pub(super) lag: Vec<Latency>,
    pub(super) decision: Latency,
}

impl Latencies {
    /// An event of a venue came: from the venue's time to ours.
    #[inline]
    pub fn received(&mut self, venue: VenueId, venue_at: Nanos, recv_at: Nanos) {
        let place = venue.0 as usize;
        if place >= self.lag.len() {
            self.lag.resize_with(place + 1, Latency::default);
        }
        if let Some(lag) = self.lag.get_mut(place) {
            lag.record(venue_at, recv_at);
        }
    }

    /// The engine has taken an event in, and what followed is in the gate.
    #[inline]
    pub fn decided(&mut self, recv_at: Nanos, now: Nanos) {
        self.decision.record(recv_at, now);
    }

    /// Takes over what `other` has counted and leaves it empty.
    pub fn absorb(&mut self, other: &mut Self) {
        if self.lag.len() < other.lag.len() {
            self.lag.resize_with(other.lag.len(), Latency::default);
        }
        self.lag.iter_mut().zip(&mut other.lag).for_each(|(mine, other)| mine.absorb(other));
        self.decision.absorb(&mut other.decision);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absorbed_is_counted_once() {
        let mut local = Latencies::default();
        let mut shared = Latencies::default();
        for _ in 0..3 {
            local.received(VenueId(1), Nanos(0), Nanos(5_000_000));
            local.decided(Nanos(10), Nanos(2));
            shared.absorb(&mut local);
            shared.absorb(&mut local);
        }
        assert_eq!(shared.lag.iter().map(Latency::count).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(shared.decision.count(), 3, "a clock set back counts as no time");
        assert_eq!(local.decision.count(), 0);
    }
}
