//! A session: one connection of a venue as pure state. Connect, subscribe, watch, back off; no socket, clock or log.
//!
//! Poke it with [`Session::handle`], obey [`Session::poll`] until it is empty, come back at [`Session::deadline`].
//! Coming early is harmless. Time is an argument and may step: timers run on the sum of plausible advances.
//!
//! Only data counts as life: a connection whose pings are answered while its streams are dead is made anew.

mod arbiter;
mod backoff;
mod endpoints;
mod filter;
mod heir;
mod holes;
mod lateness;
mod relay;
mod repair;
mod steady;
mod streams;
mod types;

use std::collections::VecDeque;

use self::backoff::Backoff;
use self::endpoints::{Endpoints, Next};
use self::filter::{Filter, Verdict};
use self::holes::Holes;
use self::lateness::Lateness;
pub use self::relay::{Relay, RelayAction, Standing};
use self::repair::Repair;
use self::steady::Steady;
pub use self::streams::StreamState;
use self::streams::Streams;
pub use self::types::{Action, Counters, Identity, SessionInput, SessionSettings};
use super::book::Books;
use super::venue::{self, Decoded, Refusal, Stream, Subscription};
use crate::engine::{FeedReport, FeedState, Input};
use crate::event::{Event, Kind, MarketId, Nanos};

enum Phase {
    Waiting { until: i64 },
    Connecting { until: i64 },
    Open(Open),
}

struct Open {
    /// The last data, or the opening.
    heard: i64,
    /// The last frame sent.
    sent: i64,
    /// The last ping sent, or the opening.
    pinged: i64,
    /// The first data.
    delivering_since: Option<i64>,
    /// This pause of the data was called late.
    late: bool,
    /// When to look for streams that were acknowledged and say nothing.
    mute_at: i64,
}

/// One connection.
pub struct Session {
    who: Identity,
    endpoints: Endpoints,
    settings: SessionSettings,
    clock: Steady,
    phase: Phase,
    streams: Streams,
    filter: Filter,
    lateness: Lateness,
    backoff: Backoff,
    /// The venue said that it is about to close.
    closing: bool,
    reported: Option<FeedState>,
    holes: Holes,
    books: Books,
    repair: Repair,
    bad: Option<(Option<MarketId>, u64)>,
    bad_flush_at: i64,
    counters: Counters,
    events: Vec<Event>,
    actions: VecDeque<Action>,
}

impl Session {
    /// A session that connects at its first poke. `seed` spreads the pauses of sessions that fall together.
    pub fn new(who: Identity, wanted: Subscription, settings: SessionSettings, seed: u64, now: Nanos) -> Self {
        let endpoints = Endpoints::new(vec![wanted.url(&who.base)], settings.endpoint_tries);
        Self::fresh(who, Streams::new(wanted), endpoints, settings, seed, Steady::new(now))
    }

    /// One that knows and has done nothing yet.
    fn fresh(
        who: Identity,
        streams: Streams,
        endpoints: Endpoints,
        settings: SessionSettings,
        seed: u64,
        clock: Steady,
    ) -> Self {
        Self {
            endpoints,
            clock,
            phase: Phase::Waiting { until: 0 },
            filter: Filter::new(who.venue.trade_ids_contiguous(), settings.liquidation_age_max_secs),
            backoff: Backoff::new(settings.backoff_first_secs, settings.backoff_max_secs, seed),
            streams,
            lateness: Lateness::new(),
            closing: false,
            reported: None,
            holes: Holes::default(),
            books: Books::default(),
            repair: Repair::default(),
            bad: None,
            bad_flush_at: 0,
            counters: Counters::default(),
            events: Vec::new(),
            actions: VecDeque::new(),
            who,
            settings,
        }
    }

    /// The same with several places to connect to, as schemes and hosts: the next one is used when tries at one fail. None at
    /// all are as `base` of [`Identity`] alone.
    #[must_use]
    pub fn with_endpoints(mut self, bases: &[String]) -> Self {
        if !bases.is_empty() {
            let urls = bases.iter().map(|base| self.streams.url(base)).collect();
            self.endpoints = Endpoints::new(urls, self.settings.endpoint_tries);
        }
        self
    }

    /// Another session for the same, which knows what this one has brought and how long its data uses to pause.
    fn heir(&self, seed: u64) -> Self {
        let mut streams = self.streams.clone();
        streams.restart();
        let (who, endpoints, settings) = (self.who.clone(), self.endpoints.clone(), self.settings.clone());
        let fresh = Self::fresh(who, streams, endpoints, settings, seed, self.clock.clone());
        Self { filter: self.filter.clone(), lateness: self.lateness.clone(), ..fresh }
    }

    /// What it has brought so far.
    fn known(&self) -> Filter {
        self.filter.clone()
    }

    /// Takes over what another line of the same feed has brought.
    fn absorb(&mut self, known: &Filter) {
        self.filter.absorb(known);
    }

    /// Whether it has brought all that lies before the newest trades of another line.
    fn has_come_as_far_as(&self, known: &Filter) -> bool {
        self.filter.has_come_as_far_as(known)
    }

    /// Takes what happened at `now`; whatever is due by then happens too.
    pub fn handle(&mut self, now: Nanos, input: SessionInput) {
        self.clock.advance(now);
        self.counters.clock_steps = self.clock.steps();
        match input {
            SessionInput::Tick => {}
            SessionInput::Opened => self.opened(),
            SessionInput::Frame(frame) => self.frame(frame),
            SessionInput::Ping => self.counters.pings += 1,
            SessionInput::Lost(why) => self.lost(&printable(why)),
            SessionInput::Postponed(by) => self.postponed(by),
        }
        self.due();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When it wants a `Tick`, by the same clock as `handle`: at most a second ahead.
    pub fn deadline(&self) -> Nanos {
        let now = self.clock.now();
        let next = match &self.phase {
            Phase::Waiting { until } | Phase::Connecting { until } => *until,
            Phase::Open(open) => {
                let wakes = [self.next_send(open), self.next_ping(open), self.late_at(open)].into_iter().flatten();
                wakes.fold(open.heard + self.silence_limit(), i64::min)
            }
        };
        self.clock.outside(next.clamp(now, now + Nanos::SECOND))
    }

    /// Counts since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Its streams and how far each has come.
    pub fn streams(&self) -> impl Iterator<Item = (&Stream, &StreamState)> {
        self.streams.iter()
    }

    /// Where it connects to.
    pub fn url(&self) -> &str {
        self.endpoints.current()
    }

    /// Whether the venue said that it is about to close the connection.
    const fn is_closing(&self) -> bool {
        self.closing
    }

    /// Whether it is open, and everything asked for was answered.
    fn is_subscribed(&self) -> bool {
        matches!(self.phase, Phase::Open(_)) && self.streams.all_acknowledged()
    }

    /// The venue's name and the number of the connection, for people.
    pub fn name(&self) -> String {
        format!("{}/{}", self.who.venue.name(), self.who.connection)
    }

    fn opened(&mut self) {
        let now = self.clock.now();
        self.streams.restart();
        self.filter.reconnected();
        self.holes.reconnected(now);
        self.books.reset();
        self.repair.restart();
        let (sent, pinged) = (i64::MIN / 2, now);
        self.counters.mute = 0;
        let mute_at = now + nanos(2.0 * self.settings.silence_secs);
        self.phase = Phase::Open(Open { heard: now, sent, pinged, delivering_since: None, late: false, mute_at });
    }

    fn postponed(&mut self, by: i64) {
        if let Phase::Connecting { until } = &mut self.phase {
            *until = until.saturating_add(by.max(0));
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        self.counters.frames += 1;
        if let Some(number) = self.who.venue.sequence(frame) {
            self.numbered(number);
        }
        let at = self.clock.outer();
        let mut events = std::mem::take(&mut self.events);
        match venue::read(&*self.who.venue, frame, at, &self.who.markets, &mut self.books, &mut events) {
            Ok(Decoded::Data) => self.data(&events),
            Ok(Decoded::Partly(refusal)) => {
                self.data(&events);
                self.refused(refusal);
            }
            Ok(Decoded::Answer { id, result }) => self.answer(id, &result),
            Ok(Decoded::Reply(text)) => self.actions.push_back(Action::Send(text.into_owned())),
            Ok(Decoded::Closing) => self.closing = true,
            Ok(Decoded::Ignored | Decoded::Book | Decoded::Elsewhere | Decoded::Heartbeat) => {}
            Err(refusal) => self.refused(refusal),
        }
        self.counters.lost_books = self.books.losses();
        events.clear();
        self.events = events;
    }

    fn data(&mut self, events: &[Event]) {
        let now = self.clock.now();
        for event in events {
            match self.filter.judge(event, now) {
                Verdict::Keep => self.keep(event),
                Verdict::KeepAfterHole(missing) => {
                    self.counters.missing_trades = self.counters.missing_trades.saturating_add(missing);
                    self.holes.trades(event.market, missing);
                    self.tell_holes();
                    self.keep(event);
                }
                Verdict::Duplicate => self.counters.duplicates += 1,
                Verdict::Old => self.counters.old_liquidations += 1,
            }
        }
    }

    fn keep(&mut self, event: &Event) {
        self.streams.delivered(event.market, event.body.kind());
        // What a venue says of itself, some unasked as soon as a line opens, is no sign that its streams deliver.
        if event.body.kind() != Kind::Status {
            self.alive();
        }
        self.counters.events += 1;
        self.actions.push_back(Action::Emit(Input::Event(*event)));
    }

    /// Data came.
    fn alive(&mut self) {
        let now = self.clock.now();
        if let Phase::Open(open) = &mut self.phase {
            if open.delivering_since.is_some() {
                self.lateness.hear(now - open.heard, &self.settings);
            }
            open.heard = now;
            open.delivering_since.get_or_insert(now);
            open.late = false;
        }
        if self.reported != Some(FeedState::Delivering) {
            self.report(FeedState::Delivering, "data arrives".to_owned());
        }
    }

    /// The venue's number of a message: whatever the message is, and whether it can be read or not.
    fn numbered(&mut self, number: u64) {
        let missing = self.holes.message(number);
        if missing > 0 {
            self.books.lose_all();
        }
        self.counters.missing_messages = self.counters.missing_messages.saturating_add(missing);
        self.tell_holes();
    }

    fn tell_holes(&mut self) {
        let markets = &self.who.markets;
        let name = |market| markets.iter().find(|(id, _)| *id == market).map_or("?", |(_, name)| name).to_owned();
        if let Some(words) = self.holes.told(self.clock.now(), name) {
            self.report(FeedState::Gap, words);
        }
    }

    fn answer(&mut self, id: Option<u64>, result: &Result<(), String>) {
        let refused = result.as_ref().err().map(|words| printable(words));
        if !self.streams.answered(id, refused.as_deref()) {
            return;
        }
        if let Some(words) = refused {
            self.report(FeedState::Gap, format!("a subscription was refused: {words}"));
        } else if self.streams.all_acknowledged() && self.reported == Some(FeedState::Connecting) {
            self.report(FeedState::Subscribed, format!("{} streams acknowledged", self.streams.len()));
        }
    }

    fn refused(&mut self, refusal: Refusal) {
        if let Some(count) = self.counters.refused.get_mut(refusal.reason as usize) {
            *count += 1;
        }
        match &mut self.bad {
            Some((market, count)) if *market == refusal.market => *count += 1,
            _ => {
                self.flush_bad();
                self.bad = Some((refusal.market, 1));
                self.bad_flush_at = self.clock.now() + Nanos::SECOND;
            }
        }
    }

    fn flush_bad(&mut self) {
        if let Some((market, count)) = self.bad.take() {
            self.actions.push_back(Action::Emit(Input::Bad { at: self.clock.outer(), market, count }));
        }
    }

    fn lost(&mut self, why: &str) {
        if matches!(self.phase, Phase::Waiting { .. }) {
            return;
        }
        self.counters.losses += 1;
        self.counters.mute = 0;
        let (pause, at) = if std::mem::take(&mut self.closing) { (0, String::new()) } else { self.failed() };
        self.report(FeedState::Down, format!("{why}; next try in {:.1} s{at}", pause as f64 / Nanos::SECOND as f64));
        self.phase = Phase::Waiting { until: self.clock.now().saturating_add(pause) };
    }

    /// A try failed: the pause before the next one, and where that goes if it goes elsewhere.
    fn failed(&mut self) -> (i64, String) {
        let pause = self.backoff.next();
        let next = self.endpoints.fail();
        if next == Next::Same {
            return (pause, String::new());
        }
        self.counters.endpoint_changes += 1;
        let pause = if next == Next::Fresh { pause.min(nanos(self.settings.backoff_first_secs)) } else { pause };
        (pause, format!(" at {}", printable(self.endpoints.current())))
    }

    fn give_up(&mut self, why: &str) {
        self.actions.push_back(Action::Close);
        self.lost(why);
    }

    /// Whatever time has made due.
    fn due(&mut self) {
        let now = self.clock.now();
        if self.bad.is_some() && now >= self.bad_flush_at {
            self.flush_bad();
        }
        self.tell_holes();
        self.ask_for_lost_books();
        match &self.phase {
            Phase::Waiting { until } if now >= *until => self.connect(),
            Phase::Connecting { until } if now >= *until => self.give_up("it did not open in time"),
            Phase::Waiting { .. } | Phase::Connecting { .. } => {}
            Phase::Open(open) => {
                let unheard = now - open.heard;
                let sends = self.next_send(open).is_some_and(|at| now >= at);
                let pings = self.next_ping(open).is_some_and(|at| now >= at);
                if open.delivering_since.is_some_and(|since| now - since >= nanos(self.settings.healthy_after_secs)) {
                    self.backoff.reset();
                    self.endpoints.succeed();
                }
                if unheard >= self.silence_limit() {
                    self.counters.silences += 1;
                    self.give_up(&format!("no data for {:.1} s", unheard as f64 / Nanos::SECOND as f64));
                } else if self.streams.unanswered_since().is_some_and(|at| now - at >= self.answer_limit()) {
                    self.give_up("a subscription was not answered");
                } else if sends {
                    self.send();
                } else if pings {
                    self.ping();
                }
                self.notice_lateness();
                self.notice_mutes();
            }
        }
    }

    /// Asks for the whole book again where one was lost. Not before everything asked for was answered: where answers carry no
    /// id, those to this would be taken for others.
    fn ask_for_lost_books(&mut self) {
        if !matches!(self.phase, Phase::Open(_)) || !self.streams.all_acknowledged() || self.repair.has_texts() {
            return;
        }
        let now = self.clock.now();
        for market in self.books.lost() {
            if self.repair.is_due(market, now)
                && let Some(stream) = self.streams.of(market, Kind::Depth)
                && let Some(texts) = self.who.venue.book_again(stream)
            {
                self.repair.ask(market, now, texts);
                return;
            }
        }
    }

    /// Tells once of a pause that is longer than this connection uses to make.
    fn notice_lateness(&mut self) {
        let now = self.clock.now();
        let Phase::Open(open) = &self.phase else { return };
        if self.late_at(open).is_none_or(|at| now < at) {
            return;
        }
        let secs = (now - open.heard) as f64 / Nanos::SECOND as f64;
        if let Phase::Open(open) = &mut self.phase {
            open.late = true;
        }
        self.counters.lates += 1;
        self.report(FeedState::Late, format!("data has paused for {secs:.2} s, longer than it uses to"));
    }

    /// Tells once of streams that were acknowledged and never delivered, while others on their connection do. It is no loss of
    /// the connection: the next one would hardly be better.
    fn notice_mutes(&mut self) {
        let now = self.clock.now();
        let Phase::Open(open) = &mut self.phase else { return };
        if now < open.mute_at || open.delivering_since.is_none() {
            return;
        }
        // The last request may have been sent late, where there are many.
        let is_early = !self.streams.all_acknowledged();
        open.mute_at = now + if is_early { nanos(self.settings.silence_secs) } else { Nanos::SECOND };
        if is_early {
            return;
        }
        let (mute, one) = self.streams.mute();
        let words = format!("{mute} streams were acknowledged and never delivered, as {}", printable(one));
        let is_news = mute > self.counters.mute;
        self.counters.mute = mute;
        if is_news {
            self.report(FeedState::Gap, words);
        }
    }

    /// When the data that was delivered will be late; `None` where it is called so already.
    fn late_at(&self, open: &Open) -> Option<i64> {
        let delivers = open.delivering_since.is_some() && !open.late;
        delivers.then(|| open.heard.saturating_add(self.lateness.limit()))
    }

    fn connect(&mut self) {
        self.phase = Phase::Connecting { until: self.clock.now() + nanos(self.settings.open_within_secs) };
        let url = self.endpoints.current().to_owned();
        self.actions.push_back(Action::Connect { url: url.clone() });
        self.report(FeedState::Connecting, printable(&url));
    }

    fn send(&mut self) {
        let now = self.clock.now();
        let next = self.streams.next_request(now).or_else(|| self.repair.next_text());
        let text = next.or_else(|| Some(self.who.venue.keep_alive()?.1.to_owned()));
        if let (Some(text), Phase::Open(open)) = (text, &mut self.phase) {
            open.sent = now;
            self.actions.push_back(Action::Send(text));
        }
    }

    fn ping(&mut self) {
        if let Phase::Open(open) = &mut self.phase {
            open.pinged = self.clock.now();
            self.actions.push_back(Action::Ping);
        }
    }

    fn next_ping(&self, open: &Open) -> Option<i64> {
        self.who.venue.ping_every().map(|secs| open.pinged + nanos(secs))
    }

    /// When the next request or keep-alive goes out: requests keep a fifth below the venue's limit.
    fn next_send(&self, open: &Open) -> Option<i64> {
        if self.streams.has_requests() || self.repair.has_texts() {
            return Some(open.sent + nanos(1.25 / self.who.venue.limits().messages_per_sec));
        }
        self.who.venue.keep_alive().map(|(secs, _)| open.sent + nanos(secs))
    }

    fn silence_limit(&self) -> i64 {
        let quiet = self.settings.quiet_silence_secs.max(self.settings.silence_secs);
        nanos(if self.streams.any_steady() { self.settings.silence_secs } else { quiet })
    }

    fn answer_limit(&self) -> i64 {
        nanos(self.settings.answer_within_secs)
    }

    fn report(&mut self, state: FeedState, why: String) {
        self.reported = Some(state);
        let report = self.report_of(state, why);
        self.actions.push_back(Action::Emit(Input::Feed(report)));
    }

    fn report_of(&self, state: FeedState, why: String) -> FeedReport {
        let (venue, connection) = (self.who.venue_id, self.who.connection);
        FeedReport { at: self.clock.outer(), venue, connection, state, why }
    }
}

/// Hostile text for people: printable ASCII, at most 200 characters.
pub fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

fn nanos(secs: f64) -> i64 {
    (secs * Nanos::SECOND as f64) as i64
}
