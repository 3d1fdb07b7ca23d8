//! The one channel into the engine: lock-free, bounded, with room kept for what must never be lost.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::engine::{FeedReport, FeedState, Input};
use crate::event::{Body, MarketId};

/// Places that feeds leave to probes, acknowledgements and operators.
const RESERVE: usize = 1024;

/// What feeds offered, and what became of it: offered = passed + conflated + dropped + held, to the last one.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Inputs offered by feeds. Reports of an overflow are made here and are none of these.
    pub(super) offered: AtomicU64,
    /// Quotes that gave way to a later one of their market while they waited for room: what they said is not lost.
    pub(super) conflated: AtomicU64,
    /// Inputs dropped because the channel was full.
    pub(super) dropped: AtomicU64,
}

/// The sending side.
#[derive(Clone)]
pub(super) struct Mailbox {
    sender: Sender<Input>,
    room: usize,
    pub(super) flow: Arc<Flow>,
}

impl Mailbox {
    /// A channel with room for `capacity` inputs of feeds.
    pub(super) fn new(capacity: usize) -> (Self, Receiver<Input>) {
        let (sender, receiver) = bounded(capacity + RESERVE);
        (Self { sender, room: capacity, flow: Arc::default() }, receiver)
    }

    /// Puts something that must arrive; waits where there is no place. Fails only when the engine is gone.
    pub(super) fn put(&self, input: Input) {
        drop(self.sender.send(input));
    }

    /// Puts something that may be lost: a probe that finds no place must not renew the lease.
    pub(super) fn try_put(&self, input: Input) {
        drop(self.sender.try_send(input));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.sender.len()
    }
}

/// What one session puts into the mailbox. Quotes give way first, and only to later ones of their market; whoever loses
/// anything says so.
pub(super) struct Slot {
    mailbox: Mailbox,
    /// The latest quote, and the latest depth, of each market that found no room.
    held: BTreeMap<(MarketId, bool), Input>,
    /// What must be reported once there is room, in this order: an overflow, and where the connection stands.
    owed: Vec<FeedReport>,
    overflow: FeedReport,
}

impl Slot {
    /// A slot of the session that would report `overflow`.
    pub(super) const fn new(mailbox: Mailbox, overflow: FeedReport) -> Self {
        Self { mailbox, held: BTreeMap::new(), owed: Vec::new(), overflow }
    }

    /// Takes an input of a feed.
    pub(super) fn take(&mut self, input: Input) -> ControlFlow<()> {
        self.mailbox.flow.offered.fetch_add(1, Ordering::Relaxed);
        self.tell_owed(&input)?;
        if let Some(key) = quote_of(&input) {
            if let Some(older) = self.held.remove(&key) {
                drop(older);
                self.mailbox.flow.conflated.fetch_add(1, Ordering::Relaxed);
            }
            self.held.insert(key, input);
            return self.send_held(self.mailbox.room / 2);
        }
        if self.mailbox.len() >= self.mailbox.room && !matches!(input, Input::Feed(_)) {
            return self.lose(&input);
        }
        // What a line said before it went is said before the word of that.
        if matches!(input, Input::Feed(_)) {
            self.send_held(self.mailbox.room)?;
        }
        self.send(input)?;
        self.send_held(self.mailbox.room / 2)
    }

    /// Quotes use half of the room, so that trades and liquidations find a place when quotes flood.
    fn send_held(&mut self, room: usize) -> ControlFlow<()> {
        while self.mailbox.len() < room {
            let Some((_, quote)) = self.held.pop_first() else { break };
            self.send(quote)?;
        }
        ControlFlow::Continue(())
    }

    /// Tells what is owed, once there is room for the word; before a newer word of the feed in any case.
    fn tell_owed(&mut self, next: &Input) -> ControlFlow<()> {
        if self.mailbox.len() >= self.mailbox.room && !matches!(next, Input::Feed(_)) {
            return ControlFlow::Continue(());
        }
        while let Some(report) = self.owed.first() {
            match self.mailbox.sender.try_send(Input::Feed(report.clone())) {
                Ok(()) => drop(self.owed.remove(0)),
                Err(TrySendError::Full(_)) => break,
                Err(TrySendError::Disconnected(_)) => return ControlFlow::Break(()),
            }
        }
        ControlFlow::Continue(())
    }

    fn lose(&mut self, input: &Input) -> ControlFlow<()> {
        self.mailbox.flow.dropped.fetch_add(1, Ordering::Relaxed);
        let overflow = FeedReport { at: input.at(), state: FeedState::Overflow, ..self.overflow.clone() };
        match input {
            // A connection that is gone is worse news than an overflow, and lasts.
            Input::Feed(report) if matches!(report.state, FeedState::Down | FeedState::Late) => {
                self.owed = vec![report.clone()];
            }
            // It is back, which nobody says again; what it brought meanwhile is lost.
            Input::Feed(report) if matches!(report.state, FeedState::Delivering | FeedState::Thin) => {
                self.owed = vec![overflow, report.clone()];
            }
            _ if !self.owed.iter().any(|owed| tells_of_loss(owed.state)) => self.owed.insert(0, overflow),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn send(&mut self, input: Input) -> ControlFlow<()> {
        match self.mailbox.sender.try_send(input) {
            Ok(()) => ControlFlow::Continue(()),
            Err(TrySendError::Full(input)) => self.lose(&input),
            Err(TrySendError::Disconnected(_)) => ControlFlow::Break(()),
        }
    }
}

/// Whether a report says already that something is lost.
const fn tells_of_loss(state: FeedState) -> bool {
    matches!(state, FeedState::Overflow | FeedState::Down | FeedState::Late)
}

/// The market of a quote, and whether it is one of depth; the later says all that the earlier did.
const fn quote_of(input: &Input) -> Option<(MarketId, bool)> {
    match input {
        Input::Event(event) => match event.body {
            Body::Quote { .. } => Some((event.market, false)),
            Body::Depth { .. } => Some((event.market, true)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, MarketId, Nanos, Price, Qty};
    use crate::market::VenueId;

    fn event(market: u32, body: Body) -> Input {
        let at = Nanos::from_secs(1);
        Input::Event(Event { venue_at: at, recv_at: at, market: MarketId(market), body })
    }

    fn quote(market: u32, bid: f64) -> Input {
        let (bid, ask) = (Price::new(bid).expect("a price"), Price::new(bid + 1.0).expect("a price"));
        event(market, Body::Quote { bid, bid_qty: Qty::ZERO, ask, ask_qty: Qty::ZERO })
    }

    fn index(market: u32) -> Input {
        event(market, Body::Index { price: Price::new(1.0).expect("a price") })
    }

    fn slot(capacity: usize) -> (Slot, Receiver<Input>) {
        let (mailbox, engine) = Mailbox::new(capacity);
        let (at, venue, why) = (Nanos(0), VenueId(0), String::new());
        (Slot::new(mailbox, FeedReport { at, venue, connection: 0, state: FeedState::Overflow, why }), engine)
    }

    /// Offered, conflated, dropped.
    fn counts(slot: &Slot) -> [u64; 3] {
        let flow = &slot.mailbox.flow;
        [&flow.offered, &flow.conflated, &flow.dropped].map(|count| count.load(Ordering::Relaxed))
    }

    #[test]
    fn quotes_that_flood_give_way_to_later_ones_and_nothing_is_lost() {
        let (mut slot, engine) = slot(8);
        for bid in 1..=10 {
            assert!(slot.take(quote(0, f64::from(bid))).is_continue());
            assert!(slot.take(quote(1, f64::from(bid))).is_continue());
        }
        assert_eq!(engine.len(), 4, "quotes fill half of the room");
        assert_eq!(counts(&slot), [20, 14, 0], "two passed of each market, one of each is held");
        assert!(slot.take(index(0)).is_continue());
        assert_eq!(engine.len(), 5, "others find room");
        assert_eq!(engine.try_iter().count(), 5);
        assert!(slot.take(index(0)).is_continue());
        let late: Vec<Input> = engine.try_iter().collect();
        assert_eq!(late, [index(0), quote(0, 10.0), quote(1, 10.0)], "the held ones follow, the latest of each");
        assert_eq!(counts(&slot), [22, 14, 0]);
    }

    #[test]
    fn what_finds_no_room_at_all_is_counted_and_told_once() {
        let (mut slot, engine) = slot(8);
        (0..20).for_each(|_| assert!(slot.take(index(0)).is_continue()));
        assert_eq!((engine.len(), counts(&slot)), (8, [20, 0, 12]));
        assert_eq!(engine.try_iter().count(), 8);
        assert!(slot.take(index(0)).is_continue());
        let told: Vec<Input> = engine.try_iter().collect();
        assert!(
            matches!(&told[..], [Input::Feed(report), Input::Event(_)] if report.state == FeedState::Overflow),
            "{told:?}"
        );
        assert_eq!(counts(&slot), [21, 0, 12]);
    }

    #[test]
    fn a_lost_connection_and_one_that_is_back_are_told_even_if_there_was_no_place_for_the_word() {
        use FeedState::{Connecting, Delivering, Down, Overflow};
        let report = |slot: &Slot, state| Input::Feed(FeedReport { state, ..slot.overflow.clone() });
        let told = |engine: &Receiver<Input>| {
            let state = |input| if let Input::Feed(report) = input { Some(report.state) } else { None };
            engine.try_iter().filter_map(state).collect::<Vec<_>>()
        };
        for (then, want) in
            [(None, vec![Down]), (Some(Connecting), vec![Down]), (Some(Delivering), vec![Overflow, Delivering])]
        {
            let (mut slot, engine) = slot(8);
            (0..8 + RESERVE).for_each(|_| slot.mailbox.try_put(index(0)));
            for state in [Some(Down), then].into_iter().flatten() {
                let input = report(&slot, state);
                assert!(slot.take(input).is_continue());
            }
            assert_eq!(told(&engine), []);
            assert!(slot.take(index(0)).is_continue());
            assert_eq!(told(&engine), want);
        }
    }

    #[test]
    fn quotes_that_a_line_brought_are_not_told_after_its_loss() {
        let (mut slot, engine) = slot(8);
        (0..6).for_each(|_| assert!(slot.take(index(0)).is_continue()));
        assert!(slot.take(quote(0, 1.0)).is_continue(), "held: quotes use half of the room");
        assert_eq!(engine.try_iter().count(), 6);
        let down = Input::Feed(FeedReport { state: FeedState::Down, ..slot.overflow.clone() });
        assert!(slot.take(down.clone()).is_continue());
        assert_eq!(engine.try_iter().collect::<Vec<_>>(), [quote(0, 1.0), down]);
    }

    /// P14, whatever comes and however slowly the engine takes it: not one is unaccounted for.
    #[test]
    fn the_sum_is_exact() {
        let (mut slot, engine) = slot(16);
        let (mut seed, mut passed) = (1_u64, 0);
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let dice = seed >> 33;
            let input =
                if dice.is_multiple_of(3) { index(0) } else { quote((dice % 5) as u32, 1.0 + (dice % 100) as f64) };
            assert!(slot.take(input).is_continue());
            let taken = engine.try_iter().take((dice % 4) as usize / 2);
            passed += taken.filter(|input| !matches!(input, Input::Feed(_))).count() as u64;
        }
        passed += engine.try_iter().filter(|input| !matches!(input, Input::Feed(_))).count() as u64;
        let [offered, conflated, dropped] = counts(&slot);
        assert!(conflated > 0 && dropped > 0, "{conflated} {dropped}");
        assert_eq!(offered, passed + conflated + dropped + slot.held.len() as u64);
    }
}
