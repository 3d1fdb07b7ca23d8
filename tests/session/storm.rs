//! A hundred feeds of one venue in a network that is only numbers: storms, partitions, half-open lines, slow handshakes.
//!
//! Our own simulation and not the crate `turmoil`, whose sockets would take the place of tokio's in the shell and of rustls'
//! and tungstenite's streams under it: what would run is not the shell that ships, and what decides here (sessions, relay,
//! turnstile) has no socket anyway. The shell is tested over real ones. Every run is made by a seed, and made again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use fusewire::engine::{FeedState, Input};
use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::{Action, Relay, RelayAction, SessionInput, SessionSettings};
use fusewire::feed::turnstile::Turnstile;
use fusewire::feed::venue::Connects;

use crate::{START, session, trade};

const FEEDS: usize = 100;
const LIMIT: Connects = Connects { most: 10, within_secs: 1.0 };

/// What may be wrong with the way between the feeds and their venue.
#[derive(Clone, Copy)]
struct Net {
    /// Whether what feeds send arrives.
    there: bool,
    /// Whether what the venue sends arrives.
    back: bool,
    /// Shortest and longest handshake, in seconds.
    handshake: (f64, f64),
}

const WELL: Net = Net { there: true, back: true, handshake: (0.02, 0.2) };

enum What {
    Tick(usize),
    /// A handshake, a request and so on arrive on the connection of this number.
    Hello(usize, usize, u64),
    Opened(usize, usize, u64),
    Asked(usize, usize, u64),
    Frame(usize, usize, u64, String),
    Publish,
}

#[derive(Clone, Copy, Default)]
struct Line {
    /// Which connection stands here; 0 is none.
    number: u64,
    subscribed: bool,
    /// The venue says nothing on it any more.
    dead: bool,
    /// What is sent on a line arrives in order.
    last: Option<Nanos>,
}

struct Feed {
    relay: Relay,
    lines: [Line; 4],
    tick_at: Option<Nanos>,
    state: Option<FeedState>,
    down_at: Option<Nanos>,
}

struct World {
    now: Nanos,
    queue: BTreeMap<(Nanos, u64), What>,
    count: u64,
    feeds: Vec<Feed>,
    door: Turnstile,
    net: Net,
    dice: u64,
    trades: u64,
    /// When connections arrived at the venue.
    arrivals: Vec<Nanos>,
    log: String,
}

impl World {
    fn new(seed: u64) -> Self {
        let feed = |place: usize| {
            let one = session("", "binance-coinm", &[Kind::Trade], SessionSettings::default(), START);
            let relay = Relay::new(one, 1, seed ^ (place as u64) << 20);
            Feed { relay, lines: [Line::default(); 4], tick_at: None, state: None, down_at: None }
        };
        let mut world = Self {
            now: START,
            queue: BTreeMap::new(),
            count: 0,
            feeds: (0..FEEDS).map(feed).collect(),
            door: Turnstile::new(LIMIT),
            net: WELL,
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            trades: 0,
            arrivals: Vec::new(),
            log: String::new(),
        };
        (0..FEEDS).for_each(|feed| world.poke(feed, 0, SessionInput::Tick));
        world.after(0.5, What::Publish);
        world
    }

    fn chance(&mut self) -> f64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn at(&mut self, at: Nanos, what: What) {
        self.count += 1;
        self.queue.insert((at, self.count), what);
    }

    fn after(&mut self, secs: f64, what: What) {
        self.at(self.now.plus_secs(secs), what);
    }

    fn run(&mut self, secs: f64) {
        let until = self.now.plus_secs(secs);
        while let Some(((at, _), what)) = self.queue.pop_first() {
            if at > until {
                self.at(at, what);
                break;
            }
            self.now = at;
            self.happen(what);
        }
        self.now = until;
    }

    /// The line, if this connection still stands.
    fn line(&mut self, feed: usize, place: usize, number: u64) -> Option<&mut Line> {
        Some(&mut self.feeds[feed].lines[place]).filter(|line| line.number == number)
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Tick(feed) => {
                self.feeds[feed].tick_at = None;
                self.poke(feed, 0, SessionInput::Tick);
            }
            What::Hello(feed, place, number) => {
                self.arrivals.push(self.now);
                let (least, most) = self.net.handshake;
                let secs = least + (most - least) * self.chance();
                if self.net.there && self.net.back && self.line(feed, place, number).is_some() {
                    self.after(secs, What::Opened(feed, place, number));
                }
            }
            What::Opened(feed, place, number) => {
                if self.net.back && self.line(feed, place, number).is_some() {
                    self.poke(feed, place, SessionInput::Opened);
                }
            }
            What::Asked(feed, place, number) => {
                let there = self.net.there;
                if let Some(line) = self.line(feed, place, number).filter(|line| there && !line.dead) {
                    line.subscribed = true;
                    self.send(feed, place, r#"{"result":null,"id":1}"#.to_owned());
                }
            }
            What::Frame(feed, place, number, text) => {
                if self.net.back && self.line(feed, place, number).is_some_and(|line| !line.dead) {
                    self.poke(feed, place, SessionInput::Frame(text.as_bytes()));
                }
            }
            What::Publish => {
                self.trades += 1;
                let text = trade(self.trades, self.now);
                for feed in 0..FEEDS {
                    for place in 0..4 {
                        let line = self.feeds[feed].lines[place];
                        if line.subscribed && !line.dead {
                            self.send(feed, place, text.clone());
                        }
                    }
                }
                self.after(0.5, What::Publish);
            }
        }
    }

    fn send(&mut self, feed: usize, place: usize, text: String) {
        let at = self.now.plus_secs(0.005 + 0.05 * self.chance());
        let line = &mut self.feeds[feed].lines[place];
        let at = line.last.map_or(at, |last| at.max(Nanos(last.0 + 1)));
        line.last = Some(at);
        let number = line.number;
        self.at(at, What::Frame(feed, place, number, text));
    }

    fn poke(&mut self, feed: usize, place: usize, input: SessionInput) {
        self.feeds[feed].relay.handle(self.now, place, input);
        while let Some(action) = self.feeds[feed].relay.poll() {
            match action {
                RelayAction::Do { place, action } => self.obey(feed, place, &action),
                RelayAction::Emit(Input::Feed(report)) => {
                    let secs = self.now.secs_since(START);
                    let _ = writeln!(self.log, "{secs:.6} {feed} {} {}", report.state.name(), report.why);
                    let feed = &mut self.feeds[feed];
                    feed.state = Some(report.state);
                    if matches!(report.state, FeedState::Down | FeedState::Late) {
                        feed.down_at.get_or_insert(self.now);
                    }
                }
                _ => {}
            }
        }
        let wake = self.feeds[feed].relay.deadline().max(Nanos(self.now.0 + 1));
        if self.feeds[feed].tick_at.is_none_or(|at| wake < at) {
            self.feeds[feed].tick_at = Some(wake);
            self.at(wake, What::Tick(feed));
        }
    }

    fn obey(&mut self, feed: usize, place: usize, action: &Action) {
        match action {
            Action::Connect { .. } => {
                let turn = self.door.book(self.now);
                self.feeds[feed].relay.handle(self.now, place, SessionInput::Postponed(turn.0 - self.now.0));
                self.count += 1;
                let number = self.count;
                self.feeds[feed].lines[place] = Line { number, ..Line::default() };
                self.at(turn, What::Hello(feed, place, number));
            }
            Action::Send(_) => {
                let (number, secs) = (self.feeds[feed].lines[place].number, 0.005 + 0.05 * self.chance());
                self.after(secs, What::Asked(feed, place, number));
            }
            Action::Close => self.feeds[feed].lines[place] = Line::default(),
            _ => {}
        }
    }

    /// Every connection is cut in the same instant.
    fn cut_all(&mut self) {
        for feed in 0..FEEDS {
            for place in 0..4 {
                if self.feeds[feed].lines[place].number != 0 {
                    self.feeds[feed].lines[place] = Line::default();
                    self.poke(feed, place, SessionInput::Lost("cut"));
                }
            }
        }
    }

    fn delivering(&self) -> usize {
        self.feeds.iter().filter(|feed| feed.state == Some(FeedState::Delivering)).count()
    }

    /// Those who said since `from` that they are blind, and the longest it took.
    fn blind(&mut self, from: Nanos) -> (usize, f64) {
        let said: Vec<f64> =
            self.feeds.iter_mut().filter_map(|feed| feed.down_at.take()).map(|at| at.secs_since(from)).collect();
        (said.len(), said.into_iter().fold(0.0, f64::max))
    }

    /// The most connections in any span of so many seconds, since the start.
    fn busiest(&self, secs: f64) -> usize {
        let mut first = 0;
        let spans = self.arrivals.iter().enumerate().map(|(last, at)| {
            while at.secs_since(self.arrivals[first]) >= secs {
                first += 1;
            }
            last + 1 - first
        });
        spans.max().unwrap_or_default()
    }

    /// All deliver, and the venue's limit was kept.
    fn is_well(&self) {
        assert_eq!(self.delivering(), FEEDS, "{}", self.log.lines().rev().take(20).collect::<Vec<_>>().join("\n"));
        assert!(self.busiest(LIMIT.within_secs) <= LIMIT.most as usize, "{} a second", self.busiest(LIMIT.within_secs));
    }
}

/// Runs a story with some seeds, each twice: what is told twice must be the same.
fn told(story: fn(&mut World)) {
    let tell = |seed| {
        let mut world = World::new(seed);
        world.run(60.0);
        world.is_well();
        story(&mut world);
        world.is_well();
        world.log
    };
    let first = tell(1);
    assert_eq!(first, tell(1), "the same seed");
    assert_ne!(first, tell(2), "another one");
    (3..6).for_each(|seed| drop(tell(seed)));
}

#[test]
fn a_hundred_cut_at_once_come_back_one_after_the_other() {
    told(|world| {
        for _ in 0..3 {
            let (from, before) = (world.now, world.arrivals.len());
            world.cut_all();
            world.run(0.4);
            assert_eq!((world.blind(from).0, world.arrivals.len()), (FEEDS, before), "all say so, and wait");
            world.run(20.0);
            assert_eq!(world.arrivals.len() - before, FEEDS, "one try each was enough");
            world.is_well();
        }
    });
}

#[test]
fn a_partition_is_noticed_by_all_and_healed() {
    told(|world| {
        for net in [Net { there: false, back: false, ..WELL }, Net { back: false, ..WELL }] {
            let (from, before) = (world.now, world.arrivals.len());
            world.net = net;
            world.run(120.0);
            let (blind, longest) = world.blind(from);
            assert!(blind == FEEDS && longest < 61.0, "{blind} after {longest} s");
            assert_eq!(world.delivering(), 0);
            let tries = world.arrivals.len() - before;
            assert!((FEEDS..6 * FEEDS).contains(&tries), "{tries} tries");
            world.net = WELL;
            world.run(90.0);
            world.blind(from);
        }
    });
}

#[test]
fn feeds_that_cannot_speak_but_hear_go_on_hearing() {
    told(|world| {
        world.net = Net { there: false, ..WELL };
        let from = world.now;
        world.run(120.0);
        assert_eq!((world.delivering(), world.blind(from).0), (FEEDS, 0));
        world.cut_all();
        world.run(60.0);
        assert_eq!(world.delivering(), 0, "nobody can open a connection");
        world.net = WELL;
        world.run(120.0);
    });
}

#[test]
fn half_open_lines_are_left_for_new_ones() {
    told(|world| {
        let from = world.now;
        let lines = world.feeds.iter_mut().flat_map(|feed| feed.lines.iter_mut());
        lines.filter(|line| line.number != 0).for_each(|line| line.dead = true);
        world.run(61.5);
        assert_eq!(world.blind(from).0, FEEDS);
        world.run(30.0);
    });
}

#[test]
fn handshakes_too_slow_for_half_of_them_come_through_all_the_same() {
    told(|world| {
        world.net.handshake = (5.0, 15.0);
        world.cut_all();
        world.run(200.0);
        assert!(world.delivering() > FEEDS * 3 / 4, "{}", world.delivering());
        world.net = WELL;
        world.run(120.0);
    });
}

/// A day passes for all of them: nobody is blind for an instant, and they do not renew at once.
#[test]
fn a_hundred_renew_without_a_storm() {
    let mut world = World::new(9);
    world.run(60.0);
    world.is_well();
    let (from, before) = (world.now, world.arrivals.len());
    world.blind(from);
    for feed in &mut world.feeds {
        let one = session(
            "",
            "binance-coinm",
            &[Kind::Trade],
            SessionSettings { lifetime_secs: 1800.0, ..SessionSettings::default() },
            world.now,
        );
        *feed = Feed {
            relay: Relay::new(one, 1, feed.lines[0].number),
            lines: [Line::default(); 4],
            tick_at: None,
            state: None,
            down_at: None,
        };
    }
    (0..FEEDS).for_each(|feed| world.poke(feed, 0, SessionInput::Tick));
    world.run(1790.0);
    world.is_well();
    let handovers: u64 = world.feeds.iter().map(|feed| feed.relay.counters().handovers).sum();
    assert_eq!((handovers, world.arrivals.len() - before), (FEEDS as u64, 2 * FEEDS));
    assert_eq!(world.blind(from).0, 0);
    let renewals = &world.arrivals[before + FEEDS..];
    assert!(renewals[FEEDS - 1].secs_since(renewals[0]) > 120.0);
}
