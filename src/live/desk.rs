//! The store's thread with its hooks: what is committed is acknowledged to the engine, then handed to couriers.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use crossbeam_channel::{Receiver, Sender, bounded};

use super::mailbox::Mailbox;
use crate::engine::{DeliveryReport, Input};
use crate::feed::clock::Clock;
use crate::hook::{Attempted, Dispatch, Errand, HookSettings, HookStats, Message, Router, Verdict};
use crate::record::Record;
use crate::store::thread::{Hooks, StoreCommand, StoreEvent};
use crate::store::{Attempt, Ending, OutboxRow, Pending, Store, StoreError};

/// Commands that may wait for the disk. More means that the disk is lost, and the gate closes.
const WAITING_MAX: usize = 16_384;

/// The running store.
pub(super) struct Desk {
    pub(super) commands: Sender<StoreCommand>,
    /// Says why the store is lost, once.
    pub(super) lost: Receiver<StoreError>,
    pub(super) hooks: Vec<(String, Arc<HookStats>)>,
    thread: JoinHandle<Result<Store, StoreError>>,
}

impl Desk {
    /// Starts the store's thread and one thread a hook.
    pub(super) fn start(
        store: Store,
        hooks: &[HookSettings],
        clock: &Arc<dyn Clock>,
        mailbox: &Mailbox,
    ) -> Result<Self> {
        let (commands, inbox) = bounded(WAITING_MAX);
        let (say_lost, lost) = bounded(1);
        let back = commands.clone();
        // A courier may wait for the store; the store never waits for a courier.
        let report = move |attempted| drop(back.send(StoreCommand::Attempt(attempt(attempted))));
        let now = Arc::clone(clock);
        let hook_clock: crate::hook::Clock = Arc::new(real_now());
        let seed = store.last()?.0 ^ 0x5eed;
        let mut dispatch = Dispatch::start(hooks, &store.instance()?, &hook_clock, seed, report)
            .map_err(|why| anyhow!("hooks: {why}"))?;
        dispatch.resume(&store.breakers()?);
        dispatch.resume(&store.permissions()?);
        let stats = dispatch.stats();
        let (mailbox, told) = (mailbox.clone(), Arc::clone(clock));
        let tell = move |event| match event {
            StoreEvent::Stored { at, seq } => mailbox.put(Input::Stored { at, seq }),
            // The engine hears of it in the time of its events.
            StoreEvent::Delivery(report) => mailbox.put(Input::Delivery(DeliveryReport { at: told.now(), ..report })),
            StoreEvent::Failed(why) => drop(say_lost.try_send(why)),
        };
        let work = move || crate::store::thread::run(store, &inbox, Wired(dispatch), move || now.now(), tell);
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(work).context("store thread")?;
        Ok(Self { commands, lost, hooks: stats, thread })
    }

    /// Lets the store finish what it has and ends it.
    pub(super) fn stop(self) -> Result<Store> {
        drop(self.commands.send(StoreCommand::Stop));
        self.thread.join().map_err(|_| anyhow!("the store's thread died"))?.map_err(Into::into)
    }
}

/// Deliveries live in real time, whatever clock the events follow: receivers check the age of a signature.
fn real_now() -> impl Fn() -> crate::event::Nanos + Send + Sync {
    let clock = crate::feed::clock::RealClock::new();
    move || clock.now()
}

/// Who is told of records that the store keeps before it has a thread of its own.
pub(super) fn router(hooks: &[HookSettings], store: &Store) -> Result<Router> {
    let mut router = Router::new(hooks, &store.instance()?);
    router.resume(&store.breakers()?);
    Ok(router)
}

/// Messages as the outbox keeps them.
pub(super) fn rows_of(messages: Vec<(Message, bool)>) -> impl Iterator<Item = OutboxRow> {
    messages.into_iter().map(|(message, shadow)| {
        let Message { id, hook, seq, at, body } = message;
        OutboxRow { message: id, hook, seq, at, body, shadow }
    })
}

/// Hooks as the store sees them.
struct Wired(Dispatch);

impl Hooks for Wired {
    fn messages(&mut self, record: &Record) -> Vec<OutboxRow> {
        rows_of(self.0.messages(record)).collect()
    }

    fn armed(&self) -> Vec<String> {
        self.0.armed()
    }

    fn hand(&mut self, pending: Pending) {
        let Pending { row, attempts, due, resent, .. } = pending;
        let message = Message { id: row.message, hook: row.hook, seq: row.seq, at: row.at, body: row.body };
        self.0.hand(Errand { message, attempts, due, resent });
    }
}

fn attempt(attempted: Attempted) -> Attempt {
    let Attempted { message, hook, at, attempt, verdict, detail } = attempted;
    let ending = match verdict {
        Verdict::Delivered => Ending::Delivered,
        Verdict::Retry { due } => Ending::Retry { due },
        Verdict::Dead => Ending::Dead,
    };
    Attempt { message, hook, at, attempt, ending, detail }
}
