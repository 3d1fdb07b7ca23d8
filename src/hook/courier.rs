//! The runner: one thread and one queue a hook, so that a slow receiver delays nobody else.
//!
//! A courier owns nothing durable. It reports each attempt before it makes the next; whatever it had in hand when the
//! daemon died is handed out again by the store, under the same id.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};

use super::queue::Queue;
use super::{Answer, Carrier, Chance, HookSettings, HookStats, Message, Outcome, Parcel, Verdict, verdict};
use crate::event::Nanos;

/// After so many failures in a row a receiver counts as away, and its next success as its return.
const AWAY: u32 = 3;

/// Tells the time. Whoever makes one is a driver.
pub type Clock = Arc<dyn Fn() -> Nanos + Send + Sync>;

/// A message to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// What.
    pub message: Message,
    /// Attempts made in this and earlier lives.
    pub attempts: u32,
    /// Not before this time.
    pub due: Nanos,
    /// A person asked for it again; that also wakes a hook whose receiver said it was gone.
    pub resent: bool,
}

/// An attempt, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempted {
    /// Message id.
    pub message: String,
    /// Hook.
    pub hook: String,
    /// When it ended.
    pub at: Nanos,
    /// From 1.
    pub attempt: u32,
    /// What follows.
    pub verdict: Verdict,
    /// Status or error in words.
    pub detail: String,
}

/// One hook at work.
pub struct Courier {
    hook: String,
    errands: Sender<Errand>,
    stats: Arc<HookStats>,
    thread: JoinHandle<()>,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("hook", &self.hook).finish_non_exhaustive()
    }
}

impl Courier {
    /// Starts a hook's thread. `report` hears of every attempt; where it waits, only this hook waits.
    pub fn start(
        settings: &HookSettings,
        stats: Arc<HookStats>,
        clock: Clock,
        seed: u64,
        report: impl FnMut(Attempted) + Send + 'static,
    ) -> Result<Self, String> {
        let (errands, inbox) = unbounded();
        let rounds = Rounds {
            hook: settings.name.clone(),
            carrier: settings.kind.carrier()?,
            max_attempts: settings.max_attempts,
            stats: Arc::clone(&stats),
            clock,
            chance: Chance::new(seed),
            queue: Queue::default(),
            gone: false,
            failures: 0,
            report,
        };
        let name = format!("hook-{}", settings.name);
        let thread = thread::Builder::new()
            .name(name)
            .spawn(move || rounds.run(&inbox))
            .map_err(|error| format!("no thread: {error}"))?;
        Ok(Self { hook: settings.name.clone(), errands, stats, thread })
    }

    /// Its hook.
    pub fn hook(&self) -> &str {
        &self.hook
    }

    /// Its numbers.
    pub const fn stats(&self) -> &Arc<HookStats> {
        &self.stats
    }

    /// Takes an errand; never waits. The store hands out a window at a time, which bounds the queue.
    pub fn hand(&self, errand: Errand) {
        // It fails only when the thread is gone with the whole process; the outbox keeps the message.
        let _ = self.errands.send(errand);
    }

    /// Says that nothing more comes. The thread ends after the attempt at hand; what is queued stays in the outbox.
    pub fn stop(self) -> JoinHandle<()> {
        self.thread
    }
}

/// What the thread owns.
struct Rounds<R> {
    hook: String,
    carrier: Box<dyn Carrier>,
    max_attempts: u32,
    stats: Arc<HookStats>,
    clock: Clock,
    chance: Chance,
    queue: Queue,
    gone: bool,
    failures: u32,
    report: R,
}

impl<R: FnMut(Attempted)> Rounds<R> {
    fn run(mut self, inbox: &Receiver<Errand>) {
        while self.listen(inbox) {
            if let Some(errand) = self.queue.pop((self.clock)()) {
                self.go(errand);
            }
            self.stats.queued(self.queue.len());
        }
    }

    /// Waits for an errand or a due time, then takes what is there; false when nobody hands out any more.
    fn listen(&mut self, inbox: &Receiver<Errand>) -> bool {
        let first = match self.queue.wait((self.clock)()) {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(wait) => inbox.recv_timeout(wait),
        };
        match first {
            Ok(errand) => self.take(errand),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        for errand in inbox.try_iter() {
            self.take(errand);
        }
        true
    }

    fn take(&mut self, errand: Errand) {
        if errand.resent {
            self.set_gone(false);
        }
        self.queue.push(errand);
    }

    /// Makes one attempt and says what follows.
    fn go(&mut self, mut errand: Errand) {
        let answer = self.attempt(&mut errand);
        let now = (self.clock)();
        let verdict = verdict(&answer, errand.attempts, self.max_attempts, now, self.chance.draw());
        (self.report)(Attempted {
            message: errand.message.id.clone(),
            hook: self.hook.clone(),
            at: now,
            attempt: errand.attempts,
            verdict,
            detail: answer.detail,
        });
        match verdict {
            Verdict::Delivered => {
                self.stats.delivered(now.secs_since(errand.message.at));
                self.welcome(now);
            }
            Verdict::Dead => self.stats.died(),
            Verdict::Retry { due } => {
                self.failures += 1;
                self.queue.push(Errand { due, ..errand });
            }
        }
    }

    /// A receiver that was away and is back gets all it missed; a message that alone keeps failing keeps its patience.
    fn welcome(&mut self, now: Nanos) {
        if self.failures >= AWAY {
            self.queue.release(now);
        }
        self.failures = 0;
    }

    fn attempt(&mut self, errand: &mut Errand) -> Answer {
        if self.gone {
            let detail = "hook disabled: its receiver said 410".to_owned();
            return Answer { outcome: Outcome::Gone, detail };
        }
        errand.attempts += 1;
        let at = (self.clock)();
        let answer = self.carrier.carry(Parcel { message: &errand.message, attempt: errand.attempts, at });
        self.stats.attempted((self.clock)().secs_since(at));
        if answer.outcome == Outcome::Gone {
            self.set_gone(true);
        }
        answer
    }

    fn set_gone(&mut self, gone: bool) {
        self.gone = gone;
        self.stats.disabled(gone);
    }
}
