//! What a client's requests are answered with, what is demanded of it, and the beats that it gets.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Error;

use super::connection::LOOK;
use super::fault::FaultKind;
use super::hall::{Hall, Word};
use super::protocol::{Ask, Outcome};
use crate::event::Nanos;
use crate::feed::clock::Clock;

/// The venue's side of one connection.
pub(super) struct Desk<'d> {
    pub(super) hall: &'d Hall,
    clock: &'d dyn Clock,
    id: u64,
    came: Nanos,
    /// The last word of the client that counts.
    heard: Nanos,
    has_asked: bool,
    /// Times of the last requests.
    asked: VecDeque<Nanos>,
    is_beating: bool,
    /// The last beat, and how many there were.
    beat: Nanos,
    beats: u64,
}

impl<'d> Desk<'d> {
    pub(super) fn new(hall: &'d Hall, clock: &'d dyn Clock, id: u64) -> Self {
        let now = hall.now(clock);
        let is_beating = hall.protocol.beats().is_some_and(|beats| !beats.asked);
        let asked = VecDeque::new();
        Self { hall, clock, id, came: now, heard: now, has_asked: false, asked, is_beating, beat: now, beats: 0 }
    }

    pub(super) fn greeting(&self) -> Vec<String> {
        self.hall.protocol.greeting(self.now()).into_iter().collect()
    }

    /// The answers to a message; `None` where it was one too many.
    pub(super) fn hear(&mut self, text: &str) -> Option<Vec<String>> {
        let protocol = &*self.hall.protocol;
        if !protocol.demands().pings {
            self.heard = self.now();
        }
        let request = match protocol.read(text) {
            Ok(request) => request,
            Err(answer) => return (!self.asks_too_often()).then(|| vec![answer]),
        };
        // A sign of life is no request.
        if request.ask != Ask::Alive && self.asks_too_often() {
            return None;
        }
        self.has_asked = true;
        let outcome = self.carry_out(&request.ask);
        let outcome = outcome.as_ref().map_or(Outcome::Done, Listing::outcome);
        Some(protocol.answer(&request, outcome, self.now()))
    }

    fn carry_out(&mut self, ask: &Ask) -> Option<Listing> {
        match ask {
            Ask::Subscribe(streams) => {
                if let Some(stream) = streams.iter().find(|stream| self.hall.options.refused.contains(stream)) {
                    return Some(Listing::NoSuch(stream.clone()));
                }
                if !self.hall.ails(FaultKind::Silent, self.clock) {
                    self.hall.subscribe(self.id, streams.clone());
                }
            }
            Ask::Unsubscribe(streams) => self.hall.unsubscribe(self.id, streams),
            Ask::List => return Some(Listing::Streams(self.hall.subscriptions(self.id))),
            Ask::Beats => self.is_beating = true,
            Ask::Alive => {}
        }
        None
    }

    /// Notes a message; whether the last second has seen too many. While the clock stands still nobody can tell.
    fn asks_too_often(&mut self) -> bool {
        let now = self.now();
        self.asked.push_back(now);
        if self.hall.options.messages_per_sec.is_none_or(|limit| self.asked.len() <= limit) {
            return false;
        }
        self.asked.pop_front().is_some_and(|first| (1..Nanos::SECOND).contains(&(now.0 - first.0)))
    }

    pub(super) fn pinged(&mut self) {
        self.heard = self.now();
    }

    /// Whether the client does not do what the venue demands.
    pub(super) fn is_disappointed(&self) -> bool {
        let (now, demands) = (self.now(), self.hall.protocol.demands());
        let too_long = |limit: Option<f64>, since| limit.is_some_and(|limit| now.secs_since(since) > limit);
        // Where beats must be asked for, whoever did not is not held to answer them.
        let holds = self.is_beating || demands.pings || self.hall.protocol.beats().is_none();
        (holds && too_long(demands.word_within, self.heard))
            || (!self.has_asked && too_long(demands.ask_within, self.came))
    }

    /// The beats that are due.
    pub(super) fn beats(&mut self) -> Vec<String> {
        let now = self.now();
        let Some(beats) = self.hall.protocol.beats().filter(|_| self.is_beating) else { return Vec::new() };
        if now.secs_since(self.beat) < beats.every.min(self.hall.options.ping_every.as_secs_f64()) {
            return Vec::new();
        }
        self.beat = now;
        self.beats += 1;
        self.hall.protocol.beat(self.beats - 1, now)
    }

    /// Whether the line is open and dead.
    pub(super) fn is_dead(&self) -> bool {
        self.hall.ails(FaultKind::HalfOpen, self.clock)
    }

    /// Reads nothing and writes nothing until it is over; then the line is gone.
    pub(super) async fn play_dead(&self, queue: &mpsc::Receiver<Word>) -> Result<(), Error> {
        while self.is_dead() && !queue.is_closed() {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn now(&self) -> Nanos {
        self.hall.now(self.clock)
    }
}

/// What a request came to, other than to be done.
enum Listing {
    NoSuch(String),
    Streams(Vec<String>),
}

impl Listing {
    fn outcome(&self) -> Outcome<'_> {
        match self {
            Self::NoSuch(stream) => Outcome::NoSuch(stream),
            Self::Streams(streams) => Outcome::Listed(streams),
        }
    }
}
