//! What the engine's thread shares with those who look and ask.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use super::acks::{Acks, Watch};
use super::desk::Desk;
use super::feeds::{FeedCounts, Feeds, LineCounts};
use super::mailbox::Mailbox;
use super::scribe::Scribe;
use crate::engine::{Action, Command, Engine, Input, Life};
use crate::event::Nanos;
use crate::feed::clock::Clock;
use crate::hook::HookStats;
use crate::metrics::{
    ChannelCounters, FeedCounters, Latencies, LeaseCounters, Readings, Shared as Counted, StoreCounters, Vitals,
};
use crate::record::Who;
use crate::serve::Backend;

/// Shared between the threads. The engine's thread never waits for a lock here.
pub(super) struct Shared {
    mailbox: Mailbox,
    clock: Arc<dyn Clock>,
    vitals: Mutex<Arc<Vitals>>,
    spare: Mutex<Vitals>,
    askers: Mutex<BTreeMap<u64, Sender<Result<String, String>>>>,
    next_id: AtomicU64,
    starting: AtomicU64,
    stopping: AtomicBool,
    fault: Mutex<Option<String>>,
    pub(super) latencies: Counted<Latencies>,
    pub(super) lease: Counted<LeaseCounters>,
    pub(super) store: Counted<StoreCounters>,
    rooms: OnceLock<Rooms>,
}

/// Counts of the rooms around the engine, read when somebody looks.
struct Rooms {
    feeds: FeedCounts,
    hooks: Vec<(String, Arc<HookStats>)>,
    acks: Option<Arc<Acks>>,
    record: Option<Scribe>,
}

impl Shared {
    pub(super) fn new(mailbox: Mailbox, clock: Arc<dyn Clock>) -> Self {
        Self {
            mailbox,
            clock,
            vitals: Mutex::default(),
            spare: Mutex::default(),
            askers: Mutex::default(),
            next_id: AtomicU64::new(1),
            starting: AtomicU64::new(u64::MAX),
            stopping: AtomicBool::new(false),
            fault: Mutex::default(),
            latencies: Counted::default(),
            lease: Counted::default(),
            store: Counted::default(),
            rooms: OnceLock::new(),
        }
    }

    /// Shows what these rooms count, from now on.
    pub(super) fn watch(&self, desk: &Desk, feeds: &Feeds, acks: Option<&Watch>, record: Option<&Scribe>) {
        let acks = acks.map(|watch| Arc::clone(&watch.acks));
        // A second call would be a second run in one process of state; the first one stays.
        let _ = self.rooms.set(Rooms {
            feeds: Arc::clone(&feeds.counts),
            hooks: desk.hooks.clone(),
            acks,
            record: record.cloned(),
        });
    }

    pub(super) fn now(&self) -> Nanos {
        self.clock.now()
    }

    /// Whether the engine's thread shall end.
    pub(super) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Ends the engine's thread with its next input.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Copies what the engine shows, if nobody is reading right now.
    pub(super) fn show(&self, engine: &Engine) {
        self.starting
            .store(engine.view().filter(|market| market.life == Life::Starting).count() as u64, Ordering::Relaxed);
        let Ok(mut spare) = self.spare.try_lock() else { return };
        spare.read(engine);
        if let Ok(mut vitals) = self.vitals.try_lock() {
            // Readers of the last copy keep it; the engine's thread makes a new one only while they do.
            match Arc::get_mut(&mut vitals) {
                Some(unread) => std::mem::swap(unread, &mut *spare),
                None => *vitals = Arc::new(spare.clone()),
            }
        }
    }

    /// Gives an answer to whoever asked.
    pub(super) fn answer(&self, id: u64, result: Result<String, String>) {
        let asker = self.askers.lock().ok().and_then(|mut askers| askers.remove(&id));
        if let Some(asker) = asker {
            drop(asker.try_send(result));
        }
    }

    /// Whether every feed delivers; the first that does not, and how many more.
    fn hears(&self) -> Result<(), String> {
        let deaf = self.rooms.get().map_or_else(Vec::new, |rooms| troubles_of(&rooms.feeds));
        let blind = self.vitals().doubted();
        match (&deaf[..], blind) {
            ([], 0) => Ok(()),
            ([], blind) => Err(format!("{blind} markets have a feed that cannot be trusted")),
            ([only], _) => Err(only.clone()),
            ([first, rest @ ..], _) => Err(format!("{first}, and {} more", rest.len())),
        }
    }

    /// Says why nothing can be promised any more.
    pub(super) fn fail(&self, why: &str) {
        if let Ok(mut fault) = self.fault.lock() {
            fault.get_or_insert_with(|| why.to_owned());
        }
    }
}

/// What a channel counts.
pub(super) fn counts_of(mailbox: &Mailbox) -> ChannelCounters {
    let flow = &mailbox.flow;
    let [offered, conflated, dropped] =
        [&flow.offered, &flow.conflated, &flow.dropped].map(|count| count.load(Ordering::Relaxed));
    ChannelCounters { offered, conflated, dropped, depth: mailbox.len() as u64 }
}

/// What every connection counts.
pub(super) fn lines_of(feeds: &FeedCounts) -> Vec<FeedCounters> {
    let lines = feeds.lock().map(|feeds| feeds.clone()).unwrap_or_default();
    let named = |line: &LineCounts| FeedCounters::named(&line.name, line.state, line.counters).standing(line.standing);
    lines.iter().map(named).collect()
}

/// What is wrong with connections, one line each.
pub(super) fn troubles_of(feeds: &FeedCounts) -> Vec<String> {
    let lines = feeds.lock().map(|feeds| feeds.clone()).unwrap_or_default();
    lines.iter().filter_map(LineCounts::trouble).collect()
}

impl Backend for Shared {
    fn vitals(&self) -> Arc<Vitals> {
        self.vitals.lock().map(|vitals| Arc::clone(&vitals)).unwrap_or_default()
    }

    fn readings(&self) -> Readings {
        let rooms = self.rooms.get();
        let hooks = rooms.map_or(&[][..], |rooms| rooms.hooks.as_slice());
        Readings {
            vitals: self.vitals(),
            latencies: self.latencies.copy(),
            lease: Some(self.lease.copy()),
            acks: rooms.and_then(|rooms| rooms.acks.as_ref()).map(|acks| acks.counters()),
            channel: Some(counts_of(&self.mailbox)),
            feeds: rooms.map_or_else(Vec::new, |rooms| lines_of(&rooms.feeds)),
            store: Some(self.store.copy()),
            hooks: hooks.iter().map(|(name, stats)| (name.clone(), stats.read())).collect(),
            record: rooms.and_then(|rooms| rooms.record.as_ref()).map(Scribe::counters),
        }
    }

    fn ready(&self) -> Result<(), String> {
        if let Some(why) = self.fault.lock().ok().and_then(|fault| fault.clone()) {
            return Err(why);
        }
        match self.starting.load(Ordering::Relaxed) {
            0 => self.hears(),
            u64::MAX => Err("the engine has not taken its first probe".to_owned()),
            count => Err(format!("{count} markets have not delivered a price yet")),
        }
    }

    fn ask(&self, who: Who, reason: String, action: Action, patience: Duration) -> Result<String, String> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = bounded(1);
        self.askers.lock().map_err(|_| "the daemon is in trouble".to_owned())?.insert(id, answer);
        self.mailbox.put(Input::Command(Command { at: self.clock.now(), id, who, reason, action }));
        let result = answered.recv_timeout(patience);
        result.unwrap_or_else(|_| {
            if let Ok(mut askers) = self.askers.lock() {
                askers.remove(&id);
            }
            Err(format!("no answer within {} s; it may still happen, look again", patience.as_secs_f64()))
        })
    }
}
