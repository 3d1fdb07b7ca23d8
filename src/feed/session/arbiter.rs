//! First arrival counts: what several lines of one feed bring is handed on once.
//!
//! Two events are the same one if all they say is equal: market, kind, the venue's time, id, prices, quantities. A line may
//! say the same twice and mean it (two trades of one size in one millisecond), so each line's copies are counted: the n-th
//! copy of a line is news only if no line has brought n before. What one line alone brings goes on.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use crate::event::{Body, Event, Kind, MarketId, Nanos};

/// Places of lines: two connections, each with its successor.
pub(super) const PLACES: usize = 4;

/// Events remembered of each sort, states and all others: a minute at a thousand a second. The oldest go first.
const MEMORY_MAX: usize = 65_536;

/// States that carry no time of the venue's are compared over this time only: the same quote may well come back.
const TIMELESS: i64 = Nanos::SECOND;

/// All that an event says, as words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    market: MarketId,
    kind: u8,
    /// Zero where the venue gave none.
    at: i64,
    words: [u64; 4],
}

struct Copies {
    since: i64,
    /// Copies handed on.
    told: u16,
    /// By place: the connection that brought them, and how many.
    by: [(u32, u16); PLACES],
}

pub(super) struct Arbiter {
    memory: BTreeMap<Said, Copies>,
    /// In the order they came: what happened, and states, which must not push that out.
    order: [VecDeque<(i64, Said)>; 2],
    /// How long a copy may lag behind.
    lag_max: i64,
    /// By place, how many connections it has had.
    connections: [u32; PLACES],
    /// By market and kind of state: the newest time handed on, the place it came from and when.
    newest: BTreeMap<(MarketId, u8), (Nanos, usize, i64)>,
}

impl Arbiter {
    /// A copy that comes more than `lag_max` nanoseconds after the first is taken for news.
    pub(super) fn new(lag_max: i64) -> Self {
        let (memory, newest) = (BTreeMap::new(), BTreeMap::new());
        Self { memory, order: Default::default(), lag_max, connections: [0; PLACES], newest }
    }

    /// A new connection stands at this place: what it repeats of the one before is no news.
    pub(super) fn opened(&mut self, place: usize) {
        if let Some(count) = self.connections.get_mut(place) {
            *count = count.wrapping_add(1);
        }
    }

    /// Whether an event that came at steady time `now` at this place is news.
    pub(super) fn is_news(&mut self, place: usize, event: &Event, now: i64) -> bool {
        self.forget(now);
        let said = Said::of(event);
        let timeless = said.at == 0;
        let connection = self.connections.get(place).copied().unwrap_or_default();
        let copies = match self.memory.entry(said) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let [happened, states] = &mut self.order;
                let order = if is_state(event.body.kind()) { states } else { happened };
                order.push_back((now, said));
                place.insert(Copies::none(now))
            }
        };
        if timeless && now - copies.since > TIMELESS {
            *copies = Copies::none(now);
        }
        let Some((known, count)) = copies.by.get_mut(place) else { return true };
        *count = if *known == connection { count.saturating_add(1) } else { 1 };
        *known = connection;
        if *count <= copies.told {
            return false;
        }
        copies.told = *count;
        self.is_newest(place, event, now)
    }

    /// A state that is older than the one handed on from another line says nothing any more. One that nobody confirms for a
    /// second binds no longer: a line may have been wrong about the time.
    fn is_newest(&mut self, place: usize, event: &Event, now: i64) -> bool {
        let kind = event.body.kind();
        if !is_state(kind) {
            return true;
        }
        let newest = self.newest.entry((event.market, kind as u8)).or_insert((event.venue_at, place, now));
        let binds = newest.1 != place && now - newest.2 <= Nanos::SECOND;
        if binds && event.venue_at < newest.0 {
            return false;
        }
        *newest = (event.venue_at, place, now);
        true
    }

    fn forget(&mut self, now: i64) {
        for order in &mut self.order {
            while let Some((at, said)) = order.front().copied() {
                if now - at <= self.lag_max && order.len() < MEMORY_MAX {
                    break;
                }
                order.pop_front();
                self.memory.remove(&said);
            }
        }
    }

    /// How many events are remembered.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.memory.len().max(self.order.iter().map(VecDeque::len).sum())
    }
}

/// Whether the latest of its kind says all that the earlier did.
const fn is_state(kind: Kind) -> bool {
    !matches!(kind, Kind::Trade | Kind::Liquidation | Kind::Status)
}

impl Copies {
    const fn none(now: i64) -> Self {
        Self { since: now, told: 0, by: [(0, 0); PLACES] }
    }
}

impl Said {
    fn of(event: &Event) -> Self {
        // A venue that gives a state no time leaves ours, which differs from line to line.
        let is_timeless = is_state(event.body.kind()) && event.venue_at == event.recv_at;
        let at = if is_timeless { 0 } else { event.venue_at.0 };
        Self { market: event.market, kind: event.body.kind() as u8, at, words: words(&event.body) }
    }
}

fn words(body: &Body) -> [u64; 4] {
    let bits = f64::to_bits;
    match *body {
        Body::Trade { price, qty, id, aggressor } => [bits(price.get()), bits(qty.get()), id, aggressor as u64],
        Body::Liquidation { price, qty, liquidated, meaning, .. } => {
            [bits(price.get()), bits(qty.get()), liquidated as u64, meaning as u64]
        }
        Body::Quote { bid, bid_qty, ask, ask_qty } => {
            [bits(bid.get()), bits(bid_qty.get()), bits(ask.get()), bits(ask_qty.get())]
        }
        Body::Depth { bid_qty, ask_qty } => [bits(bid_qty.get()), bits(ask_qty.get()), 0, 0],
        Body::Mark { price } | Body::Index { price } => [bits(price.get()), 0, 0, 0],
        Body::Funding { rate } => [bits(rate), 0, 0, 0],
        Body::OpenInterest { qty } => [bits(qty.get()), 0, 0, 0],
        Body::MarkIv { iv } => [bits(iv.get()), 0, 0, 0],
        Body::VolatilityIndex { level } => [bits(level.get()), 0, 0, 0],
        Body::Status { status } => [status as u64, 0, 0, 0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Aggressor, Completeness, Liquidated, Price, PriceMeaning, Qty};

    const SECOND: i64 = Nanos::SECOND;

    fn event(at: i64, recv: i64, body: Body) -> Event {
        Event { venue_at: Nanos(at), recv_at: Nanos(recv), market: MarketId(0), body }
    }

    fn trade(at: i64, id: u64, price: f64) -> Event {
        let (price, qty) = (Price::new(price).expect("price"), Qty::positive(1.0).expect("qty"));
        event(at, at + 5, Body::Trade { price, qty, id, aggressor: Aggressor::Buy })
    }

    fn liquidation(at: i64) -> Event {
        let (price, qty) = (Price::new(4.0).expect("price"), Qty::positive(1.0).expect("qty"));
        let (liquidated, meaning) = (Liquidated::Long, PriceMeaning::Fill);
        event(at, at + 5, Body::Liquidation { price, qty, liquidated, meaning, completeness: Completeness::Sampled })
    }

    fn quote(at: i64, recv: i64, bid: f64) -> Event {
        let (bid, ask) = (Price::new(bid).expect("price"), Price::new(bid + 1.0).expect("price"));
        event(at, recv, Body::Quote { bid, bid_qty: Qty::ZERO, ask, ask_qty: Qty::ZERO })
    }

    #[test]
    fn the_first_copy_is_news_whoever_brings_it() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        for (place, id, want) in [(0, 1, true), (1, 1, false), (1, 2, true), (0, 2, false), (0, 3, true), (0, 4, true)]
        {
            assert_eq!(arbiter.is_news(place, &trade(10, id, 4.0), 0), want, "trade {id} at {place}");
        }
        assert!(!arbiter.is_news(1, &trade(10, 4, 4.0), SECOND));
        assert!(!arbiter.is_news(1, &trade(10, 3, 4.0), SECOND), "in any order");
    }

    #[test]
    fn a_line_may_say_the_same_twice_and_mean_it() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        let news = [(0, true), (0, true), (1, false), (1, false), (1, true), (0, false)];
        for (step, (place, want)) in news.into_iter().enumerate() {
            assert_eq!(arbiter.is_news(place, &trade(10, 0, 4.0), 0), want, "step {step}");
        }
    }

    #[test]
    fn what_a_new_connection_repeats_is_no_news() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        assert!(arbiter.is_news(0, &liquidation(10), 0) && arbiter.is_news(0, &liquidation(10), 0));
        arbiter.opened(0);
        assert!(!arbiter.is_news(0, &liquidation(10), SECOND) && !arbiter.is_news(0, &liquidation(10), SECOND));
        assert!(arbiter.is_news(0, &liquidation(10), SECOND), "a third one was not there before");
        assert!(arbiter.is_news(0, &liquidation(11), SECOND));
        assert!(arbiter.is_news(0, &liquidation(10), 62 * SECOND), "beyond its memory");
    }

    #[test]
    fn a_state_that_another_line_has_overtaken_is_dropped_and_a_wrong_clock_mutes_for_a_second() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        assert!(arbiter.is_news(0, &quote(20, 25, 4.0), 0));
        assert!(!arbiter.is_news(1, &quote(10, 26, 3.0), 0), "older than what is known");
        assert!(arbiter.is_news(1, &quote(30, 35, 5.0), 0));
        assert!(arbiter.is_news(0, &quote(i64::MAX, 36, 5.5), 0), "one from the future");
        assert!(!arbiter.is_news(1, &quote(40, 45, 6.0), SECOND));
        assert!(arbiter.is_news(1, &quote(50, 55, 7.0), 2 * SECOND));
        assert!(arbiter.is_news(1, &quote(45, 56, 7.5), 2 * SECOND), "a line alone may step back");
    }

    #[test]
    fn states_without_a_time_are_compared_for_a_second() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        let timeless = |recv, bid| quote(recv, recv, bid);
        assert!(arbiter.is_news(0, &timeless(10, 4.0), 0));
        assert!(!arbiter.is_news(1, &timeless(11, 4.0), SECOND / 2), "our own time is no difference");
        assert!(arbiter.is_news(0, &timeless(12, 5.0), SECOND));
        assert!(arbiter.is_news(1, &timeless(13, 4.0), 2 * SECOND), "the old price is back");
    }

    #[test]
    fn a_flood_of_quotes_does_not_push_out_a_liquidation() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        assert!(arbiter.is_news(0, &liquidation(10), 0));
        (0..2 * MEMORY_MAX as i64).for_each(|at| assert!(arbiter.is_news(0, &quote(at, 1 << 40, 4.0), 1)));
        assert!(!arbiter.is_news(1, &liquidation(10), 5 * SECOND));
    }

    #[test]
    fn memory_is_bounded_by_time_and_by_count() {
        let mut arbiter = Arbiter::new(60 * SECOND);
        for id in 0..3 * MEMORY_MAX as u64 {
            assert!(arbiter.is_news(0, &trade(10, id, 4.0), 0));
        }
        assert!(arbiter.len() <= MEMORY_MAX);
        assert!(arbiter.is_news(1, &trade(11, 0, 4.0), 61 * SECOND));
        assert_eq!(arbiter.len(), 1);
        assert!((0..1000).all(|second| arbiter.is_news(0, &quote(second, 1 << 40, 4.0), 62 * SECOND + second)));
    }
}
