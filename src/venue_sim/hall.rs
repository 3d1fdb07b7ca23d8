//! The hall: who is in, what they asked for, and what has been said so far. Bounded for every client.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::VenueOptions;
use super::fault::{FaultKind, mix};
use super::garbage::garbage;
use super::protocol::{Audience, Door, Protocol, Side};
use super::rewrite::shift_times;
use crate::event::Nanos;
use crate::feed::clock::{Clock, RealClock};

/// How far the venue has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames taken from the recording.
    pub played: u64,
    /// Frames handed to clients.
    pub sent: u64,
    /// Frames lost in a stall.
    pub held: u64,
    /// Time of the last frame.
    pub at: Nanos,
    /// Whether the recording is over.
    pub done: bool,
    /// Clients that are in.
    pub clients: usize,
    /// Subscriptions of all clients together.
    pub subscriptions: usize,
    /// Clients that have come since the start.
    pub arrivals: u64,
    /// Clients put out because they were too slow.
    pub slow: u64,
}

/// What a client's task is told to do.
#[derive(Clone, Debug)]
pub(super) enum Word {
    /// Send this.
    Say(Utf8Bytes),
    /// Count this as sent.
    Lose,
    /// Close in order.
    Close,
    /// Break off.
    Reset,
}

/// Frames that a late venue holds; older ones are lost.
const LATE_MAX: usize = 10_000;

pub(super) struct Hall {
    pub(super) options: VenueOptions,
    pub(super) protocol: Side,
    wall: RealClock,
    /// Time of the first frame, from which faults are counted.
    zero: OnceLock<Nanos>,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    clients: BTreeMap<u64, Client>,
    /// Ids of clients by stream.
    wanted: BTreeMap<String, BTreeSet<u64>>,
    stalled: bool,
    late: VecDeque<String>,
    /// Clients that were in when the shutdown was announced: the others came to a new server.
    leaving: BTreeSet<u64>,
    /// A frame that waits for the next one to go first.
    overtaken: Option<String>,
    progress: Progress,
}

struct Client {
    door: Door,
    /// Dropping it ends the client's task.
    queue: mpsc::Sender<Word>,
}

impl Hall {
    pub(super) fn new(options: VenueOptions, protocol: Side) -> Self {
        Self { options, protocol, wall: RealClock::new(), zero: OnceLock::new(), inside: Mutex::default() }
    }

    /// A client comes in; it gets its number and the queue to read from.
    pub(super) fn enter(&self, door: Door) -> (u64, mpsc::Receiver<Word>) {
        let (queue, waiting) = mpsc::channel(self.options.queue_max.max(1));
        let mut inside = self.lock();
        inside.progress.arrivals += 1;
        let id = inside.progress.arrivals;
        inside.clients.insert(id, Client { door, queue });
        (id, waiting)
    }

    pub(super) fn leave(&self, id: u64) {
        self.lock().remove(id);
    }

    pub(super) fn subscribe(&self, id: u64, streams: Vec<String>) {
        let mut inside = self.lock();
        for stream in streams {
            inside.wanted.entry(stream).or_default().insert(id);
        }
    }

    pub(super) fn unsubscribe(&self, id: u64, streams: &[String]) {
        let mut inside = self.lock();
        for stream in streams {
            if let Some(ids) = inside.wanted.get_mut(stream) {
                ids.remove(&id);
            }
        }
    }

    pub(super) fn subscriptions(&self, id: u64) -> Vec<String> {
        let inside = self.lock();
        inside.wanted.iter().filter(|(_, ids)| ids.contains(&id)).map(|(stream, _)| stream.clone()).collect()
    }

    /// The time that clients live in.
    pub(super) fn now(&self, clock: &dyn Clock) -> Nanos {
        if self.options.live { self.wall.now() } else { clock.now() }
    }

    /// Seconds since the first frame; nothing goes wrong before it.
    pub(super) fn since_start(&self, clock: &dyn Clock) -> Option<f64> {
        self.zero.get().map(|zero| clock.now().secs_since(*zero))
    }

    /// Whether something of this kind is wrong now.
    pub(super) fn ails(&self, kind: FaultKind, clock: &dyn Clock) -> bool {
        self.since_start(clock).is_some_and(|secs| self.options.faults.now(kind, secs))
    }

    /// Says a frame to everyone who asked for its stream, or does with it what is wrong now.
    pub(super) fn say(&self, at: Nanos, frame: &str) {
        let secs = at.secs_since(*self.zero.get_or_init(|| at));
        let ails = |kind| self.options.faults.now(kind, secs);
        let mut inside = self.lock();
        inside.progress.played += 1;
        inside.progress.at = at;
        if inside.stalled || ails(FaultKind::Stall) || ails(FaultKind::HalfOpen) {
            inside.progress.held += 1;
            return;
        }
        let frame = self.dated(at, frame, ails(FaultKind::Skew));
        if ails(FaultKind::Late) {
            inside.keep(frame);
            return;
        }
        for late in std::mem::take(&mut inside.late) {
            self.publish(&mut inside, &late, false);
        }
        let dice = mix(inside.progress.played) % 4;
        if dice == 0 && ails(FaultKind::Reorder) && inside.overtaken.is_none() {
            inside.overtaken = Some(frame);
            return;
        }
        let overtaken = inside.overtaken.take();
        self.publish(&mut inside, &frame, dice == 1 && ails(FaultKind::Drop));
        if dice == 2 && ails(FaultKind::Duplicate) {
            self.publish(&mut inside, &frame, false);
        }
        if let Some(frame) = overtaken {
            self.publish(&mut inside, &frame, false);
        }
        if dice == 3 && ails(FaultKind::Garbage) {
            let text = Utf8Bytes::from(garbage(mix(inside.progress.played), &frame));
            inside.tell_all(&Word::Say(text));
        }
    }

    /// The frame with the times that it shall have.
    fn dated(&self, at: Nanos, frame: &str, skewed: bool) -> String {
        let skew = if skewed { 3600 * Nanos::SECOND } else { 0 };
        let live = if self.options.live { self.wall.now().0.saturating_sub(at.0) } else { 0 };
        if skew + live == 0 { frame.to_owned() } else { shift_times(frame, at, skew + live) }
    }

    fn publish(&self, inside: &mut Inside, frame: &str, lost: bool) {
        match self.protocol.audience(frame) {
            Audience::Streams(streams) => {
                let heard: Vec<_> = streams.into_iter().filter(|name| !self.options.silent.contains(name)).collect();
                inside.publish(&*self.protocol, &heard, frame, lost);
            }
            Audience::Everyone => inside.tell_all(&Word::Say(Utf8Bytes::from(frame))),
            Audience::Nobody => {}
        }
    }

    /// Whatever begins or ends between two instants, in seconds since the first frame.
    pub(super) fn pass(&self, after: f64, until: f64, now: Nanos) {
        let faults = &self.options.faults;
        if faults.begins(FaultKind::Reset, after, until) {
            self.lock().tell_all(&Word::Reset);
        }
        if faults.begins(FaultKind::ShutdownNotice, after, until)
            && let Some(notice) = self.protocol.closing(now)
        {
            self.lock().tell_all(&Word::Say(Utf8Bytes::from(notice)));
        }
        if faults.begins(FaultKind::ShutdownNotice, after, until) {
            let mut inside = self.lock();
            inside.leaving = inside.clients.keys().copied().collect();
        }
        if faults.ends(FaultKind::ShutdownNotice, after, until) {
            self.lock().close_leaving();
        }
    }

    pub(super) fn finish(&self) {
        self.lock().progress.done = true;
    }

    pub(super) fn stall(&self, on: bool) {
        self.lock().stalled = on;
    }

    /// Puts everyone out.
    pub(super) fn close(&self) {
        let mut inside = self.lock();
        inside.clients.clear();
        inside.wanted.clear();
    }

    pub(super) fn progress(&self) -> Progress {
        let inside = self.lock();
        let subscriptions = inside.wanted.values().map(BTreeSet::len).sum();
        Progress { clients: inside.clients.len(), subscriptions, ..inside.progress }
    }

    /// A panic elsewhere leaves nothing half done here that matters to a pretended venue.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn keep(&mut self, frame: String) {
        self.late.push_back(frame);
        if self.late.len() > LATE_MAX {
            self.late.pop_front();
        }
    }

    fn publish(&mut self, protocol: &dyn Protocol, streams: &[String], frame: &str, lost: bool) {
        let ids: BTreeMap<u64, &String> = streams
            .iter()
            .filter_map(|stream| Some((self.wanted.get(stream)?, stream)))
            .flat_map(|(ids, stream)| ids.iter().map(move |id| (*id, stream)))
            .collect();
        if ids.is_empty() {
            return;
        }
        let (whole, bare) = (Utf8Bytes::from(frame), Utf8Bytes::from(protocol.bare(frame)));
        let mut slow = Vec::new();
        for (id, stream) in ids {
            let Some(client) = self.clients.get(&id).filter(|client| protocol.lets(&client.door, stream)) else {
                continue;
            };
            let text = if client.door.bare { bare.clone() } else { whole.clone() };
            match client.queue.try_send(if lost { Word::Lose } else { Word::Say(text) }) {
                Ok(()) => self.progress.sent += u64::from(!lost),
                Err(_) => slow.push(id),
            }
        }
        self.put_out(slow);
    }

    fn close_leaving(&mut self) {
        let leaving = std::mem::take(&mut self.leaving);
        let clients = self.clients.iter().filter(|(id, _)| leaving.contains(id));
        let slow =
            clients.filter_map(|(id, client)| client.queue.try_send(Word::Close).is_err().then_some(*id)).collect();
        self.put_out(slow);
    }

    fn tell_all(&mut self, word: &Word) {
        let full = |(id, client): (&u64, &Client)| client.queue.try_send(word.clone()).is_err().then_some(*id);
        let slow = self.clients.iter().filter_map(full).collect();
        self.put_out(slow);
    }

    fn put_out(&mut self, slow: Vec<u64>) {
        for id in slow {
            self.progress.slow += 1;
            self.remove(id);
        }
    }

    fn remove(&mut self, id: u64) {
        self.clients.remove(&id);
        for ids in self.wanted.values_mut() {
            ids.remove(&id);
        }
        self.wanted.retain(|_, ids| !ids.is_empty());
    }
}
