//! One feed over one connection or two, each of which hands over to a successor before it is cut: the new one is open,
//! subscribed and delivering before the old one goes.
//!
//! Pure, as a [`Session`] is, of which it holds several. Every connection has a *place*, a number from 0 that the driver
//! knows its socket by; a feed of one connection uses two of them in turn. What several lines bring is handed on once
//! (see `arbiter`), and only a feed of which no line delivers is blind: one line lost is said, and nothing more.

use std::collections::VecDeque;

use super::arbiter::Arbiter;
use super::backoff::split_mix;
use super::heir::{Heir, Seat, Verdict, Why};
use super::steady::Steady;
use super::{Action, Counters, Session, SessionInput, nanos, printable};
use crate::engine::{FeedReport, FeedState, Input};
use crate::event::{Body, Event, Nanos};

/// Another successor is made so long after one was given up, or more.
const RETRY: i64 = 60 * Nanos::SECOND;

/// What one line left out, another one must have covered for so long.
const COVER: i64 = 60 * Nanos::SECOND;

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum RelayAction {
    /// `Connect`, `Send`, `Ping` or `Close`, at this place.
    Do {
        /// Which connection.
        place: usize,
        /// What.
        action: Action,
    },
    /// Hand this to the engine.
    Emit(Input),
    /// Tell people of one of several lines: it changes nothing for the feed.
    Note {
        /// Which connection.
        place: usize,
        /// What happened to it.
        report: FeedReport,
    },
}

/// Where a feed stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Connections wanted.
    pub connections: u32,
    /// Those that deliver, by themselves or by their successor.
    pub delivering: u32,
    /// Which of its endpoints the first one uses, from 0.
    pub endpoint: u32,
}

/// One of the connections wanted.
struct Line {
    seat: Seat,
    heir: Option<Heir>,
    /// No successor before.
    not_before: i64,
}

/// One feed.
pub struct Relay {
    clock: Steady,
    lines: Vec<Line>,
    arbiter: Arbiter,
    lifetime_secs: Option<f64>,
    told: Option<FeedState>,
    /// Counts of the connections that are gone, and of the relay itself.
    past: Counters,
    seed: u64,
    actions: VecDeque<RelayAction>,
    spare: Vec<Action>,
}

impl From<Session> for Relay {
    fn from(session: Session) -> Self {
        Self::new(session, 1, 0)
    }
}

impl Relay {
    /// The most connections of one feed.
    pub const CONNECTIONS_MAX: u32 = 2;

    /// The most places there are.
    pub const PLACES: usize = super::arbiter::PLACES;

    /// A feed of `connections` (1 or 2) connections like `session`. Where it has several endpoints, each begins at another.
    pub fn new(session: Session, connections: u32, seed: u64) -> Self {
        let now = session.clock.now();
        let settings = &session.settings;
        let own = (settings.lifetime_secs > 0.0).then_some(settings.lifetime_secs);
        // No living line lags behind by more: its own silence limit comes first.
        let lag_max = nanos(settings.silence_secs.max(settings.quiet_silence_secs));
        let mut relay = Self {
            clock: session.clock.clone(),
            lines: Vec::new(),
            arbiter: Arbiter::new(lag_max),
            lifetime_secs: own.or_else(|| session.who.venue.lifetime_secs()),
            told: None,
            past: Counters::default(),
            seed,
            actions: VecDeque::new(),
            spare: Vec::new(),
        };
        for line in 1..connections.clamp(1, Self::CONNECTIONS_MAX) {
            let mut twin = session.heir(relay.chance());
            (0..line).for_each(|_| twin.endpoints.advance());
            relay.lines.push(Line::new(2 * line as usize, twin, now));
        }
        relay.lines.insert(0, Line::new(0, session, now));
        relay
    }

    /// Takes what happened at `now` to the connection at `place`; a tick lets time pass for all of them. News of a connection that is
    /// gone already are no news.
    pub fn handle(&mut self, now: Nanos, place: usize, input: SessionInput) {
        self.clock.advance(now);
        if matches!(input, SessionInput::Tick) {
            (0..Self::PLACES).for_each(|place| self.poke(now, place, SessionInput::Tick));
        } else {
            self.poke(now, place, input);
        }
        (0..self.lines.len()).for_each(|line| self.renew(now, line));
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<RelayAction> {
        self.actions.pop_front()
    }

    /// When it wants a `Tick`: at most a second ahead.
    pub fn deadline(&self) -> Nanos {
        let soonest = self.seats().map(|seat| seat.session.deadline()).min();
        soonest.unwrap_or_else(|| self.clock.outer())
    }

    /// Counts since the start, of all connections together.
    pub fn counters(&self) -> Counters {
        let all = self.seats().fold(self.past, |sum, seat| sum.plus(&seat.session.counters()));
        Counters { events: all.events - all.overtaken, clock_steps: self.clock.steps(), ..all }
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let endpoint = self.lines.first().map_or(0, |line| line.seat.session.endpoints.place());
        Standing {
            connections: self.lines.len() as u32,
            delivering: self.delivering() as u32,
            endpoint: endpoint as u32,
        }
    }

    /// The venue's name and the number of the feed among its connections, for people.
    pub fn name(&self) -> String {
        self.lines.first().map_or_else(String::new, |line| line.seat.session.name())
    }

    /// Whether the frames of this place are the ones to record: those of one delivering connection at a time.
    pub fn leads(&self, place: usize) -> bool {
        let heirs = self.lines.iter().filter_map(|line| line.heir.as_ref()).map(|heir| &heir.seat);
        let mut all = self.lines.iter().map(|line| &line.seat).chain(heirs);
        let first = self.lines.first().map_or(0, |line| line.seat.place);
        all.find(|seat| seat.delivers()).map_or(first, |seat| seat.place) == place
    }

    fn seats(&self) -> impl Iterator<Item = &Seat> {
        self.lines.iter().flat_map(|line| std::iter::once(&line.seat).chain(line.heir.as_ref().map(|heir| &heir.seat)))
    }

    fn seats_mut(&mut self) -> impl Iterator<Item = &mut Seat> {
        self.lines
            .iter_mut()
            .flat_map(|line| std::iter::once(&mut line.seat).chain(line.heir.as_mut().map(|heir| &mut heir.seat)))
    }

    fn seat_mut(&mut self, place: usize) -> Option<&mut Seat> {
        self.seats_mut().find(|seat| seat.place == place)
    }

    /// Whether one connection is all there is.
    fn is_alone(&self) -> bool {
        matches!(&self.lines[..], [Line { heir: None, .. }])
    }

    fn delivering(&self) -> usize {
        self.lines.iter().filter(|line| line.delivers()).count()
    }

    fn poke(&mut self, now: Nanos, place: usize, input: SessionInput) {
        let is_opened = matches!(input, SessionInput::Opened);
        let Some(seat) = self.seat_mut(place) else { return };
        seat.session.handle(now, input);
        if is_opened {
            self.opened(place);
        }
        let mut actions = std::mem::take(&mut self.spare);
        if let Some(seat) = self.seat_mut(place) {
            actions.extend(std::iter::from_fn(|| seat.session.poll()));
        }
        for action in actions.drain(..) {
            match action {
                Action::Emit(Input::Event(event)) => self.event(place, &event),
                Action::Emit(Input::Feed(report)) => self.report(place, report),
                Action::Emit(other) => self.actions.push_back(RelayAction::Emit(other)),
                action => self.actions.push_back(RelayAction::Do { place, action }),
            }
        }
        self.spare = actions;
    }

    /// A connection opened: what the others have brought by now is no hole in what it brings.
    fn opened(&mut self, place: usize) {
        self.arbiter.opened(place);
        let (now, lifetime, chance) = (self.clock.now(), self.lifetime_secs, self.share());
        let known: Vec<_> = self.seats().filter(|seat| seat.place != place).map(|seat| seat.session.known()).collect();
        if let Some(seat) = self.seat_mut(place) {
            seat.opened(lifetime, chance, now);
            for known in &known {
                seat.session.absorb(known);
            }
        }
    }

    fn event(&mut self, place: usize, event: &Event) {
        let now = self.clock.now();
        // A connection that is alone repeats itself only when it is new; of its trades the session takes care, by their ids.
        let may_repeat = !self.is_alone() || matches!(event.body, Body::Liquidation { .. } | Body::Trade { id: 0, .. });
        for heir in self.lines.iter_mut().filter_map(|line| line.heir_beside(place)) {
            heir.note(event, heir.seat.place == place, now);
        }
        if may_repeat && !self.arbiter.is_news(place, event, now) {
            self.past.overtaken += 1;
        } else {
            self.actions.push_back(RelayAction::Emit(Input::Event(*event)));
        }
    }

    fn report(&mut self, place: usize, report: FeedReport) {
        let now = self.clock.now();
        if report.state == FeedState::Gap {
            return self.gap(place, report);
        }
        if report.state == FeedState::Down {
            self.lost(place);
        }
        if let Some(seat) = self.seat_mut(place) {
            seat.turn(report.state, now);
        }
        if self.is_alone() {
            self.told = Some(report.state);
            self.actions.push_back(RelayAction::Emit(Input::Feed(report)));
        } else {
            self.sum_up(&report);
            self.actions.push_back(RelayAction::Note { place, report });
        }
    }

    /// A connection is gone: what it has brought is no hole in what the others bring.
    fn lost(&mut self, place: usize) {
        let Some(known) = self.seat_mut(place).map(|seat| seat.session.known()) else { return };
        self.seats_mut().filter(|seat| seat.place != place).for_each(|seat| seat.session.absorb(&known));
    }

    /// Something is missing from one line. Where another one has been whole all the time, and has brought what lies in the hole
    /// already, nothing is missing from the feed; what it brings later is late for the engine.
    fn gap(&mut self, place: usize, report: FeedReport) {
        let now = self.clock.now();
        let lost_at = self.seats().find(|seat| seat.place == place).map_or(now, |seat| seat.lost_at);
        let from = lost_at.max(now - COVER);
        let known = self.seats().find(|seat| seat.place == place).map(|seat| seat.session.known());
        let is_covered = self.seats().any(|seat| {
            let is_other = seat.place != place && seat.is_whole_since(from);
            is_other && known.as_ref().is_none_or(|known| seat.session.has_come_as_far_as(known))
        });
        if let Some(seat) = self.seat_mut(place) {
            seat.gap_at = now;
        }
        if is_covered {
            self.past.covered += 1;
            self.actions.push_back(RelayAction::Note { place, report });
        } else {
            self.told = Some(FeedState::Gap);
            self.actions.push_back(RelayAction::Emit(Input::Feed(report)));
        }
    }

    /// What all lines together mean, after this news of one of them. It is told when it changes.
    fn sum_up(&mut self, news: &FeedReport) {
        let (delivering, wanted) = (self.delivering(), self.lines.len());
        let was_whole = matches!(self.told, Some(FeedState::Delivering | FeedState::Thin | FeedState::Gap));
        let best = self.seats().map(|seat| seat.state).max_by_key(|state| rank(*state)).unwrap_or(FeedState::Down);
        let (state, why) = match (delivering, best) {
            (0, FeedState::Connecting | FeedState::Subscribed) if was_whole => (FeedState::Down, news.why.clone()),
            (0, best) => (best, news.why.clone()),
            _ if delivering < wanted => {
                (FeedState::Thin, format!("{delivering} of {wanted} connections deliver; of another: {}", news.why))
            }
            _ if wanted > 1 => (FeedState::Delivering, "all connections deliver".to_owned()),
            _ => (FeedState::Delivering, news.why.clone()),
        };
        if self.told != Some(state) {
            self.tell(state, &why, news);
        }
    }

    fn tell(&mut self, state: FeedState, why: &str, like: &FeedReport) {
        self.told = Some(state);
        let why = printable(why);
        self.actions.push_back(RelayAction::Emit(Input::Feed(FeedReport { state, why, ..like.clone() })));
    }

    /// Makes successors, lets them take over, and gives them up.
    fn renew(&mut self, outer: Nanos, line: usize) {
        let now = self.clock.now();
        let Some(Line { seat, heir, not_before }) = self.lines.get_mut(line) else { return };
        let verdict = heir.as_mut().map(|heir| heir.judge(seat, now));
        match verdict {
            None => {
                let several = seat.session.endpoints.len() > 1;
                let why = match seat.state {
                    _ if !seat.stands() || now < *not_before => None,
                    _ if seat.session.is_closing() => Some(Why::Announced),
                    _ if now >= seat.renew_at => Some(Why::Age),
                    FeedState::Late if several => Some(Why::Late),
                    _ => None,
                };
                if let Some(why) = why {
                    self.make_heir(outer, line, why);
                }
            }
            Some(Verdict::Wait) => {}
            Some(Verdict::Promote) => self.promote(line),
            Some(Verdict::Dismiss) => self.dismiss(line),
            Some(Verdict::GiveUp) => {
                self.past.misfits += 1;
                self.dismiss(line);
            }
        }
    }

    fn make_heir(&mut self, outer: Nanos, line: usize, why: Why) {
        let (now, seed) = (self.clock.now(), self.chance());
        let Some(Line { seat, heir, .. }) = self.lines.get_mut(line) else { return };
        let mut session = seat.session.heir(seed);
        if why == Why::Late {
            session.endpoints.advance();
        }
        let place = seat.place ^ 1;
        let words = format!("a new connection is made beside the old one: {}", why.words());
        let report = seat.session.report_of(FeedState::Connecting, words);
        *heir = Some(Heir::new(Seat::new(place, session, now), why, now));
        self.actions.push_back(RelayAction::Note { place, report });
        self.poke(outer, place, SessionInput::Tick);
    }

    /// The successor takes the place.
    fn promote(&mut self, line: usize) {
        let Some(Line { seat, heir, .. }) = self.lines.get_mut(line) else { return };
        let Some(heir) = heir.take() else { return };
        let (why, mut old) = (heir.why, std::mem::replace(seat, heir.seat));
        seat.session.absorb(&old.session.known());
        let report = seat.session.report_of(FeedState::Delivering, String::new());
        let delivers = seat.delivers();
        self.retire(&mut old);
        self.past.handovers += 1;
        if delivers {
            let state = if self.delivering() < self.lines.len() { FeedState::Thin } else { FeedState::Delivering };
            self.tell(state, &format!("a new connection has taken over: {}", why.words()), &report);
        }
    }

    /// The successor goes, and the old connection stays.
    fn dismiss(&mut self, line: usize) {
        let wait = RETRY + (self.share() * RETRY as f64) as i64;
        let now = self.clock.now();
        let Some(Line { heir, not_before, .. }) = self.lines.get_mut(line) else { return };
        let Some(mut heir) = heir.take() else { return };
        *not_before = now + wait;
        let words = "the new connection is given up, the old one stays".to_owned();
        let report = heir.seat.session.report_of(FeedState::Down, words);
        self.retire(&mut heir.seat);
        self.sum_up(&report);
        self.actions.push_back(RelayAction::Note { place: heir.seat.place, report });
    }

    fn retire(&mut self, seat: &mut Seat) {
        // What is mute now is no count: it goes with the connection.
        self.past = self.past.plus(&Counters { mute: 0, ..seat.session.counters() });
        self.actions.push_back(RelayAction::Do { place: seat.place, action: Action::Close });
    }

    fn chance(&mut self) -> u64 {
        split_mix(&mut self.seed)
    }

    /// Uniform in [0, 1).
    fn share(&mut self) -> f64 {
        (self.chance() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Line {
    const fn new(place: usize, session: Session, now: i64) -> Self {
        Self { seat: Seat::new(place, session, now), heir: None, not_before: i64::MIN }
    }

    fn delivers(&self) -> bool {
        self.seat.delivers() || self.heir.as_ref().is_some_and(|heir| heir.seat.delivers())
    }

    /// Its successor, where this place is one of the two.
    fn heir_beside(&mut self, place: usize) -> Option<&mut Heir> {
        self.heir.as_mut().filter(|_| self.seat.place | 1 == place | 1)
    }
}

/// How far a connection has come.
const fn rank(state: FeedState) -> u8 {
    match state {
        FeedState::Down | FeedState::Gap | FeedState::Overflow => 0,
        FeedState::Connecting => 1,
        FeedState::Subscribed => 2,
        FeedState::Late => 3,
        FeedState::Thin | FeedState::Delivering => 4,
    }
}
