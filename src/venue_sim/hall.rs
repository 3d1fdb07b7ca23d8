//! The hall: who is in, what they asked for, and what has been said so far. Bounded for every client.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::VenueOptions;
use super::protocol::{Audience, Door, Protocol};
use crate::event::Nanos;

/// How far the venue has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Frames taken from the recording.
    pub played: u64,
    /// Frames handed to clients.
    pub sent: u64,
    /// Frames held back by a stall.
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

pub(super) struct Hall {
    pub(super) options: VenueOptions,
    pub(super) protocol: &'static dyn Protocol,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    clients: BTreeMap<u64, Client>,
    /// Ids of clients by stream.
    wanted: BTreeMap<String, BTreeSet<u64>>,
    stalled: bool,
    progress: Progress,
}

struct Client {
    door: Door,
    /// Dropping it ends the client's task.
    queue: mpsc::Sender<Message>,
}

impl Hall {
    pub(super) fn new(options: VenueOptions, protocol: &'static dyn Protocol) -> Self {
        Self { options, protocol, inside: Mutex::default() }
    }

    /// A client comes in; it gets its number and the queue to read from.
    pub(super) fn enter(&self, door: Door) -> (u64, mpsc::Receiver<Message>) {
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

    /// Says a frame to everyone who asked for its stream.
    pub(super) fn say(&self, at: Nanos, frame: &str) {
        let mut inside = self.lock();
        inside.progress.played += 1;
        inside.progress.at = at;
        if inside.stalled {
            inside.progress.held += 1;
            return;
        }
        if let Audience::Stream(stream) = self.protocol.audience(frame)
            && !self.options.silent.contains(&stream)
        {
            inside.publish(self.protocol, &stream, frame);
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
    fn publish(&mut self, protocol: &dyn Protocol, stream: &str, frame: &str) {
        let Some(ids) = self.wanted.get(stream).filter(|ids| !ids.is_empty()) else { return };
        let (whole, bare) = (Utf8Bytes::from(frame), Utf8Bytes::from(protocol.bare(frame)));
        let mut slow = Vec::new();
        for id in ids {
            let Some(client) = self.clients.get(id).filter(|client| protocol.lets(&client.door, stream)) else {
                continue;
            };
            let text = if client.door.bare { bare.clone() } else { whole.clone() };
            match client.queue.try_send(Message::Text(text)) {
                Ok(()) => self.progress.sent += 1,
                Err(_) => slow.push(*id),
            }
        }
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
