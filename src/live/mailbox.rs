//! The one channel into the engine: lock-free, bounded, with room kept for what must never be lost.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use crate::engine::{FeedReport, FeedState, Input};
use crate::event::Body;

/// Places that feeds leave to probes, acknowledgements and operators.
const RESERVE: usize = 1024;

/// What feeds offered, and what became of it: offered = passed + dropped.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Inputs offered by feeds.
    pub(super) offered: AtomicU64,
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

/// What one session puts into the mailbox. Quotes give way first; whoever loses anything says so.
pub(super) struct Slot {
    mailbox: Mailbox,
    /// The overflow to report once there is room.
    owed: Option<FeedReport>,
    overflow: FeedReport,
}

impl Slot {
    /// A slot of the session that would report `overflow`.
    pub(super) const fn new(mailbox: Mailbox, overflow: FeedReport) -> Self {
        Self { mailbox, owed: None, overflow }
    }

    /// Takes an input of a feed.
    pub(super) fn take(&mut self, input: Input) -> ControlFlow<()> {
        self.mailbox.flow.offered.fetch_add(1, Ordering::Relaxed);
        let waiting = self.mailbox.len();
        // Quotes use half of the room, so that trades and liquidations find a place when quotes flood.
        let room = if is_quote(&input) { self.mailbox.room / 2 } else { self.mailbox.room };
        if waiting >= room && !matches!(input, Input::Feed(_)) {
            return self.lose(&input);
        }
        if let Some(report) = self.owed.take() {
            self.send(Input::Feed(report))?;
        }
        self.send(input)
    }

    fn lose(&mut self, input: &Input) -> ControlFlow<()> {
        self.mailbox.flow.dropped.fetch_add(1, Ordering::Relaxed);
        self.owed.get_or_insert_with(|| FeedReport {
            at: input.at(),
            state: FeedState::Overflow,
            ..self.overflow.clone()
        });
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

fn is_quote(input: &Input) -> bool {
    matches!(input, Input::Event(event) if matches!(event.body, Body::Quote { .. } | Body::Depth { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, MarketId, Nanos, Price, Qty};
    use crate::market::VenueId;

    fn event(body: Body) -> Input {
        let at = Nanos::from_secs(1);
        Input::Event(Event { venue_at: at, recv_at: at, market: MarketId(0), body })
    }

    #[test]
    fn a_flood_of_quotes_leaves_room_for_trades_and_every_loss_is_counted_and_told() {
        let price = Price::new(1.0).expect("a price");
        let quote = || event(Body::Quote { bid: price, bid_qty: Qty::ZERO, ask: price, ask_qty: Qty::ZERO });
        let index = || event(Body::Index { price });
        let (mailbox, engine) = Mailbox::new(8);
        let overflow = FeedReport {
            at: Nanos(0),
            venue: VenueId(0),
            connection: 0,
            state: FeedState::Overflow,
            why: String::new(),
        };
        let mut slot = Slot::new(mailbox.clone(), overflow);
        for _ in 0..10 {
            assert!(slot.take(quote()).is_continue());
        }
        assert_eq!(engine.len(), 4, "quotes fill half of the room");
        assert!(slot.take(index()).is_continue());
        assert_eq!(engine.len(), 6, "the overflow is told before the next input");
        let (offered, dropped) =
            (mailbox.flow.offered.load(Ordering::Relaxed), mailbox.flow.dropped.load(Ordering::Relaxed));
        assert_eq!((offered, dropped), (11, 6));
        let told = engine.try_iter().filter(|input| matches!(input, Input::Feed(_))).count();
        assert_eq!(told, 1);
    }
}
