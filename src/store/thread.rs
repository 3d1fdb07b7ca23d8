//! The thread that owns the store: takes what is to be kept, commits it in batches, then tells and hands out.
//!
//! The order is the promise: commit, then acknowledge, then hand messages to hooks; an ended delivery is on disk before
//! the engine hears of it, and handed out again after a crash until it is. Nothing here waits for a hook.

use crossbeam_channel::Receiver;

use super::lane::Lane;
use super::{Attempt, Batch, OutboxRow, Pending, Snapshot, Store, StoreError};
use crate::engine::DeliveryReport;
use crate::event::Nanos;
use crate::record::Record;

/// Commands taken into one commit at most.
const BATCH: usize = 1024;

/// What the store is asked to do.
#[derive(Debug)]
pub enum StoreCommand {
    /// Keep these records, and the messages that follow from them.
    Append(Vec<Record>),
    /// An attempt to deliver ended.
    Attempt(Attempt),
    /// Keep the engine's state.
    Snapshot(Snapshot),
    /// Send a dead letter again.
    Resend(String),
    /// Do what was asked before, then end. Couriers hold senders too, so waiting for the last of them would be forever.
    Stop,
}

/// What the store tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreEvent {
    /// Everything up to this record is on disk.
    Stored {
        /// When.
        at: Nanos,
        /// The record.
        seq: u64,
    },
    /// A delivery ended, and that is on disk.
    Delivery(DeliveryReport),
    /// The store is lost: close the gate. Nothing follows.
    Failed(StoreError),
}

/// What the store needs of the hooks. None of it may wait.
pub trait Hooks {
    /// The messages a record calls for. Called once a record, in order.
    fn messages(&mut self, record: &Record) -> Vec<OutboxRow>;
    /// Names of the hooks that deliver.
    fn armed(&self) -> Vec<String>;
    /// Passes a message on; its [`StoreCommand::Attempt`]s come back later.
    fn hand(&mut self, message: Pending);
}

/// No hooks at all, as in a replay.
#[derive(Clone, Copy, Debug)]
pub struct NoHooks;

impl Hooks for NoHooks {
    fn messages(&mut self, _: &Record) -> Vec<OutboxRow> {
        Vec::new()
    }

    fn armed(&self) -> Vec<String> {
        Vec::new()
    }

    fn hand(&mut self, _: Pending) {}
}

/// Runs until [`StoreCommand::Stop`], until every sender is gone, or until the store fails; gives the store back, or why it is lost.
pub fn run(
    store: Store,
    commands: &Receiver<StoreCommand>,
    hooks: impl Hooks,
    now: impl Fn() -> Nanos,
    tell: impl FnMut(StoreEvent),
) -> Result<Store, StoreError> {
    let lanes = hooks.armed().into_iter().map(Lane::new).collect();
    let mut desk = Desk { store, hooks, now, tell, lanes };
    let result = desk.serve(commands);
    if let Err(fault) = &result {
        (desk.tell)(StoreEvent::Failed(fault.clone()));
    }
    result.map(|()| desk.store)
}

struct Desk<H, N, T> {
    store: Store,
    hooks: H,
    now: N,
    tell: T,
    lanes: Vec<Lane>,
}

/// Commands sorted by kind, for one commit.
#[derive(Default)]
struct Pile {
    records: Vec<Record>,
    attempts: Vec<Attempt>,
    snapshot: Option<Snapshot>,
    resend: Vec<String>,
    stop: bool,
}

impl Pile {
    fn gather(first: StoreCommand, commands: &Receiver<StoreCommand>) -> Self {
        let mut pile = Self::default();
        for command in std::iter::once(first).chain(commands.try_iter().take(BATCH)) {
            match command {
                StoreCommand::Append(records) => pile.records.extend(records),
                StoreCommand::Attempt(attempt) => pile.attempts.push(attempt),
                StoreCommand::Snapshot(snapshot) => pile.snapshot = Some(snapshot),
                StoreCommand::Resend(message) => pile.resend.push(message),
                StoreCommand::Stop => {
                    pile.stop = true;
                    break;
                }
            }
        }
        pile
    }
}

impl<H: Hooks, N: Fn() -> Nanos, T: FnMut(StoreEvent)> Desk<H, N, T> {
    fn serve(&mut self, commands: &Receiver<StoreCommand>) -> Result<(), StoreError> {
        self.resume()?;
        while let Ok(first) = commands.recv() {
            let pile = Pile::gather(first, commands);
            self.work(&pile)?;
            if pile.stop {
                break;
            }
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), StoreError> {
        self.store.bury_others(&self.hooks.armed(), (self.now)())?;
        for report in self.store.unrecorded()? {
            (self.tell)(StoreEvent::Delivery(report));
        }
        self.feed()
    }

    fn work(&mut self, pile: &Pile) -> Result<(), StoreError> {
        self.commit(pile)?;
        for message in &pile.resend {
            self.resend(message)?;
        }
        if let Some(snapshot) = &pile.snapshot {
            self.store.save_snapshot(snapshot)?;
        }
        self.feed()
    }

    fn commit(&mut self, pile: &Pile) -> Result<(), StoreError> {
        let messages: Vec<_> = pile.records.iter().flat_map(|record| self.hooks.messages(record)).collect();
        if pile.records.is_empty() && pile.attempts.is_empty() {
            return Ok(());
        }
        let batch = Batch { records: &pile.records, messages: &messages, attempts: &pile.attempts };
        let seq = self.store.commit(&batch)?;
        if !pile.records.is_empty() {
            (self.tell)(StoreEvent::Stored { at: (self.now)(), seq });
        }
        for message in &messages {
            self.lane(&message.hook).map(Lane::grew);
        }
        for attempt in &pile.attempts {
            self.settle(attempt);
        }
        Ok(())
    }

    fn settle(&mut self, attempt: &Attempt) {
        if let Some(report) = attempt.report() {
            self.lane(&attempt.hook).map(Lane::ended);
            (self.tell)(StoreEvent::Delivery(report));
        }
    }

    fn resend(&mut self, message: &str) -> Result<(), StoreError> {
        let Some(pending) = self.store.resend(message)? else { return Ok(()) };
        if let Some(lane) = self.lane(&pending.row.hook) {
            lane.took();
            self.hooks.hand(pending);
        }
        Ok(())
    }

    fn feed(&mut self) -> Result<(), StoreError> {
        for lane in &mut self.lanes {
            for pending in lane.feed(&self.store)? {
                self.hooks.hand(pending);
            }
        }
        Ok(())
    }

    fn lane(&mut self, hook: &str) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.hook() == hook)
    }
}
