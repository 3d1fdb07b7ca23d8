//! A feed that hands over from connection to connection, and one over two connections at once: poked by hand, in a time
//! that is only a number.

use std::collections::VecDeque;

use fusewire::engine::{FeedState, Input};
use fusewire::event::{Body, Kind, Nanos};
use fusewire::feed::session::{Action, Relay, RelayAction, SessionInput, SessionSettings, Standing};

use crate::{START, liquidation, session, trade};

const DAY: f64 = 86_400.0;

/// A feed, and a venue that keeps every promise unless it is told otherwise.
struct Play {
    relay: Relay,
    now: Nanos,
    /// By place: whether the line is open.
    open: [bool; 4],
    /// Whether it shall be.
    wanted: [bool; 4],
    /// Where each line connected to last.
    urls: [String; 4],
    /// Ids of trades, in the order they were handed on.
    trades: Vec<u64>,
    liquidations: usize,
    told: Vec<(FeedState, String)>,
    notes: Vec<String>,
    /// Connections made, by place, in order.
    connects: Vec<(Nanos, usize)>,
    /// Whether the venue takes connections at an address that contains this.
    dead: Option<&'static str>,
    next: u64,
}

impl Play {
    fn new(connections: u32, endpoints: &[&str], settings: SessionSettings) -> Self {
        let bases: Vec<String> = endpoints.iter().map(|&base| base.to_owned()).collect();
        let kinds = [Kind::Trade, Kind::Liquidation];
        let one = session("", "binance-coinm", &kinds, settings, START).with_endpoints(&bases);
        let mut play = Self {
            relay: Relay::new(one, connections, 11),
            now: START,
            open: [false; 4],
            wanted: [false; 4],
            urls: std::array::from_fn(|_| String::new()),
            trades: Vec::new(),
            liquidations: 0,
            told: Vec::new(),
            notes: Vec::new(),
            connects: Vec::new(),
            dead: None,
            next: 1,
        };
        play.poke(0, SessionInput::Tick);
        play
    }

    /// As a feed of one connection is by default.
    fn single() -> Self {
        Self::new(1, &[], SessionSettings::default())
    }

    fn double() -> Self {
        Self::new(2, &[], SessionSettings::default())
    }

    fn poke(&mut self, place: usize, input: SessionInput) {
        self.relay.handle(self.now, place, input);
        let mut open = VecDeque::new();
        loop {
            while let Some(action) = self.relay.poll() {
                open.extend(self.obey(action));
            }
            let Some((place, answers)) = open.pop_front() else { return };
            if !self.wanted[place] {
                continue;
            }
            match answers {
                None if self.dead.is_some_and(|dead| self.urls[place].contains(dead)) => {
                    self.relay.handle(self.now, place, SessionInput::Lost("refused"));
                }
                None => {
                    self.open[place] = true;
                    self.relay.handle(self.now, place, SessionInput::Opened);
                }
                Some(text) => self.relay.handle(self.now, place, SessionInput::Frame(text.as_bytes())),
            }
        }
    }

    /// What the venue does at once: a line opens (`None`), a request is answered.
    fn obey(&mut self, action: RelayAction) -> Option<(usize, Option<String>)> {
        match action {
            RelayAction::Do { place, action: Action::Connect { url } } => {
                self.urls[place] = url;
                self.wanted[place] = true;
                self.connects.push((self.now, place));
                Some((place, None))
            }
            RelayAction::Do { place, action: Action::Send(_) } => {
                Some((place, Some(r#"{"result":null,"id":1}"#.to_owned())))
            }
            RelayAction::Do { place, action: Action::Close } => {
                (self.open[place], self.wanted[place]) = (false, false);
                None
            }
            RelayAction::Emit(Input::Event(event)) => {
                match event.body {
                    Body::Trade { id, .. } => self.trades.push(id),
                    _ => self.liquidations += 1,
                }
                None
            }
            RelayAction::Emit(Input::Feed(report)) => {
                self.told.push((report.state, report.why));
                None
            }
            RelayAction::Note { report, .. } => {
                self.notes.push(format!("{}: {}", report.state.name(), report.why));
                None
            }
            _ => None,
        }
    }

    /// A frame comes on every open line, except those at `not`.
    fn publish(&mut self, text: &str, not: &[usize]) {
        for place in (0..4).filter(|place| self.open[*place] && !not.contains(place)).collect::<Vec<_>>() {
            self.poke(place, SessionInput::Frame(text.as_bytes()));
        }
    }

    /// The next trade, on every line but those.
    fn trade(&mut self, not: &[usize]) {
        let text = trade(self.next, self.now);
        self.next += 1;
        self.publish(&text, not);
    }

    fn tick(&mut self, secs: f64) {
        self.now = self.now.plus_secs(secs);
        self.poke(0, SessionInput::Tick);
    }

    /// A trade a second, on every line but those.
    fn run(&mut self, secs: u32, not: &[usize]) {
        for _ in 0..secs {
            self.tick(1.0);
            self.trade(not);
        }
    }

    fn cut(&mut self, place: usize) {
        self.open[place] = false;
        self.poke(place, SessionInput::Lost("cut"));
    }

    /// What the feed was called since it was last asked.
    fn said(&mut self) -> Vec<FeedState> {
        self.told.drain(..).map(|(state, _)| state).collect()
    }

    fn is_whole(&self) -> bool {
        self.trades.iter().copied().eq(1..self.next)
    }
}

/// Two days of a venue that cuts every connection at the age of a day: a trade a second, none lost, none twice.
#[test]
fn a_day_ends_and_nobody_notices() {
    let mut play = Play::single();
    play.run(10, &[]);
    assert_eq!(play.said(), [FeedState::Connecting, FeedState::Subscribed, FeedState::Delivering]);
    for _ in 0..2 * 86_400 {
        play.tick(1.0);
        play.trade(&[]);
        let ages = play.connects.iter().rev().take(1).map(|(at, _)| play.now.secs_since(*at));
        assert!(ages.into_iter().all(|age| age < 0.96 * DAY));
    }
    assert!(play.is_whole(), "{} of {}", play.trades.len(), play.next - 1);
    assert_eq!(play.said(), [FeedState::Delivering; 2], "a word on each of the two who took over");
    let counters = play.relay.counters();
    assert_eq!((counters.handovers, counters.losses, counters.missing_trades), (2, 0, 0), "{counters:?}");
    assert_eq!(play.connects.iter().map(|(_, place)| *place).collect::<Vec<_>>(), [0, 1, 0]);
    assert!((0.85 * DAY..0.951 * DAY).contains(&play.connects[1].0.secs_since(play.connects[0].0)));
    assert!(counters.overtaken >= 4, "what both brought came once: {counters:?}");
    assert_eq!(counters.events, play.next - 1);
    assert_eq!(play.open, [true, false, false, false]);
}

#[test]
fn sessions_that_opened_together_do_not_renew_together() {
    let first = |seed| {
        let one = session("", "binance-coinm", &[Kind::Trade], SessionSettings::default(), START);
        let mut play = Play { relay: Relay::new(one, 1, seed), ..Play::single() };
        play.connects.clear();
        play.poke(0, SessionInput::Tick);
        while play.connects.len() < 2 {
            play.run(60, &[]);
        }
        play.now.secs_since(START)
    };
    let mut times: Vec<f64> = (0..8).map(first).collect();
    times.sort_by(f64::total_cmp);
    assert!(times[7] - times[0] > 3600.0, "{times:?}");
}

#[test]
fn an_announced_close_is_met_by_a_new_connection_that_delivers_first() {
    let mut play = Play::single();
    play.run(30, &[]);
    play.said();
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    assert_eq!(play.open, [true, true, false, false], "both stand");
    play.run(2, &[]);
    assert_eq!(play.open, [true, true, false, false], "not yet");
    play.run(3, &[]);
    assert_eq!(play.open, [false, true, false, false]);
    play.run(30, &[]);
    assert!(play.is_whole());
    assert_eq!(play.said(), [FeedState::Delivering]);
    assert_eq!(play.relay.counters().losses, 0);
}

#[test]
fn a_close_that_comes_before_the_new_connection_delivers_is_told_and_waits_for_nothing() {
    let mut play = Play::single();
    play.run(30, &[]);
    play.said();
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    play.cut(0);
    assert_eq!(play.said(), [FeedState::Down, FeedState::Subscribed], "nobody delivers now");
    play.trade(&[]);
    assert_eq!(play.said(), [FeedState::Delivering], "the new connection was there already");
    play.run(30, &[]);
    assert!(play.is_whole());
    assert_eq!(play.relay.counters().missing_trades, 0);
}

#[test]
fn a_close_that_comes_while_both_deliver_is_no_blind_moment() {
    let mut play = Play::single();
    play.run(30, &[]);
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    play.trade(&[]);
    play.said();
    play.cut(0);
    play.run(5, &[]);
    assert_eq!(play.said(), [FeedState::Delivering]);
    assert!(play.is_whole());
}

#[test]
fn a_new_connection_that_lacks_what_the_old_one_brings_is_given_up() {
    let mut play = Play::single();
    play.run(30, &[]);
    play.said();
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    for step in 0..130 {
        play.tick(1.0);
        play.trade(&[]);
        if step % 2 == 0 {
            let text = liquidation(play.now);
            play.publish(&text, &[1]);
        }
        assert!(play.open[0] && (play.open[1] || step > 110), "step {step}");
    }
    assert_eq!((play.open[0], play.relay.counters().misfits, play.relay.counters().handovers), (true, 1, 0));
    assert_eq!((play.liquidations, play.is_whole(), play.said().len()), (65, true, 0));
    play.run(120, &[]);
    assert_eq!((play.relay.counters().handovers, play.is_whole()), (1, true), "it tries again, and all is well");
}

#[test]
fn trades_between_the_subscription_and_the_handover_are_no_hole() {
    let mut play = Play::single();
    play.run(30, &[]);
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    // Three trades before the venue has put the new connection on its list.
    (0..3).for_each(|_| play.trade(&[1]));
    play.run(30, &[]);
    assert!(play.is_whole());
    assert_eq!(play.relay.counters().handovers, 1);
    assert!(!play.said().contains(&FeedState::Gap));
    assert!(play.relay.counters().covered <= 1);
}

#[test]
fn a_liquidation_that_a_new_connection_sends_again_counts_once_and_two_alike_count_twice() {
    let mut play = Play::single();
    play.run(30, &[]);
    let text = liquidation(play.now);
    play.publish(&text, &[]);
    play.publish(&text, &[]);
    assert_eq!(play.liquidations, 2, "one line says both");
    play.cut(0);
    play.tick(2.0);
    play.publish(&text, &[]);
    assert_eq!(play.liquidations, 2, "sent again");
    play.poke(0, SessionInput::Frame(br#"{"e":"serverShutdown","E":1760128800000}"#));
    let text = liquidation(play.now);
    play.publish(&text, &[]);
    assert_eq!((play.open[0], play.open[1], play.liquidations), (true, true, 3), "two lines, one liquidation");
}

#[test]
fn of_two_connections_one_may_go_and_nobody_is_blind() {
    let mut play = Play::double();
    play.run(30, &[]);
    assert_eq!(play.relay.standing(), Standing { connections: 2, delivering: 2, endpoint: 0 });
    assert_eq!(play.said().last(), Some(&FeedState::Delivering));
    for place in [0, 2, 2, 0] {
        play.cut(place);
        assert_eq!(play.said(), [FeedState::Thin], "redundancy lost, and said");
        assert_eq!(play.relay.standing().delivering, 1);
        play.trade(&[]);
        play.run(90, &[]);
        assert_eq!(play.said(), [FeedState::Delivering]);
    }
    assert!(play.is_whole(), "{} of {}", play.trades.len(), play.next - 1);
    let counters = play.relay.counters();
    assert_eq!((counters.losses, counters.covered), (4, 0), "{counters:?}");
}

#[test]
fn both_gone_is_down_and_one_back_is_a_feed_again() {
    let mut play = Play::double();
    play.run(30, &[]);
    play.said();
    play.dead = Some("binance");
    play.cut(0);
    play.cut(2);
    let said = play.said();
    assert_eq!(said[..2], [FeedState::Thin, FeedState::Down], "{said:?}");
    play.run(30, &[]);
    assert!(!play.said().contains(&FeedState::Delivering));
    play.dead = None;
    while !play.open.contains(&true) {
        play.tick(1.0);
    }
    play.trade(&[]);
    let said = play.said();
    assert!(said.contains(&FeedState::Thin) && said.contains(&FeedState::Gap), "{said:?}");
}

#[test]
fn the_first_to_come_counts_and_what_one_line_alone_brings_goes_on() {
    let mut play = Play::double();
    play.run(30, &[]);
    play.said();
    for step in 0..200 {
        play.tick(0.1);
        // Each leaves out one trade of seven.
        play.trade(match step % 7 {
            0 => &[0],
            3 => &[2],
            _ => &[],
        });
    }
    assert!(play.is_whole(), "{:?}", play.trades);
    let counters = play.relay.counters();
    assert!(counters.missing_trades > 20 && counters.events == play.next - 1, "{counters:?}");
}

/// Nobody covers the hole in the second line where the first has one too.
#[test]
fn a_hole_in_both_lines_is_told() {
    let mut play = Play::double();
    play.run(90, &[]);
    play.said();
    play.next += 5;
    play.trade(&[]);
    // Each line tells of its own.
    assert_eq!(play.said(), [FeedState::Gap, FeedState::Delivering, FeedState::Gap, FeedState::Delivering]);
    assert_eq!(play.relay.counters().covered, 0, "nobody had brought it");
}

#[test]
fn the_next_endpoint_is_used_after_failed_tries_and_kept() {
    let settings = SessionSettings { endpoint_tries: 2, ..SessionSettings::default() };
    let mut play = Play::new(1, &["wss://one.example", "wss://two.example"], settings);
    play.run(30, &[]);
    play.dead = Some("one.example");
    play.cut(0);
    play.run(20, &[]);
    assert!(play.open[0] && play.urls[0].starts_with("wss://two.example/"), "{}", play.urls[0]);
    assert!(play.told.iter().any(|(_, why)| why.ends_with(" at wss://two.example/stream")), "{:?}", play.told);
    assert_eq!((play.relay.standing().endpoint, play.relay.counters().endpoint_changes), (1, 1));
    play.run(60, &[]);
    play.dead = None;
    play.cut(0);
    play.run(5, &[]);
    assert!(play.urls[0].starts_with("wss://two.example/"), "sticky while it is healthy");
}

#[test]
fn beside_a_late_connection_the_next_endpoint_is_tried_and_takes_over() {
    let mut play = Play::new(1, &["wss://one.example", "wss://two.example"], SessionSettings::default());
    for _ in 0..1000 {
        play.tick(0.05);
        play.trade(&[]);
    }
    play.said();
    for _ in 0..20 {
        play.tick(0.1);
        play.trade(&[0]);
    }
    assert_eq!(play.said(), [FeedState::Late, FeedState::Gap, FeedState::Delivering, FeedState::Delivering]);
    assert_eq!(play.open, [false, true, false, false]);
    assert!(play.urls[1].starts_with("wss://two.example/"));
}

#[test]
fn two_connections_begin_at_two_endpoints() {
    let play = Play::new(2, &["wss://one.example", "wss://two.example"], SessionSettings::default());
    assert!(play.urls[0].contains("one.example") && play.urls[2].contains("two.example"), "{:?}", play.urls);
}

/// Chance: lines come and go, lag and leave out; the two of a pair never miss the same, so nothing is lost or doubled.
#[test]
fn whatever_one_line_does_the_other_makes_it_whole() {
    for seed in 0..50_u64 {
        let (mut play, mut dice) = (Play::double(), seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut roll = move |sides: u64| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            (dice >> 11) % sides
        };
        play.run(5, &[]);
        play.told.clear();
        let mut queue: [VecDeque<String>; 2] = [VecDeque::new(), VecDeque::new()];
        let (mut liquidations, mut bad) = (0, 0_usize);
        for step in 0..2000 {
            play.tick(0.05);
            if step % 200 == 0 {
                bad = (step / 200) % 2;
                while !(play.open[0] && play.open[2]) {
                    play.run(1, &[]);
                }
                play.run(2, &[]);
            }
            let text = if roll(5) == 0 {
                liquidations += 1;
                liquidation(play.now)
            } else {
                play.next += 1;
                trade(play.next - 1, play.now)
            };
            for (side, queue) in queue.iter_mut().enumerate() {
                if play.open[2 * side] && (side != bad || roll(4) > 0) {
                    queue.push_back(text.clone());
                }
            }
            if roll(150) == 0 && step % 200 < 150 {
                queue[bad].clear();
                play.cut(2 * bad);
            }
            for (side, queue) in queue.iter_mut().enumerate() {
                let lags = side == bad && roll(3) > 0 && step % 200 < 190;
                while let Some(text) = queue.pop_front().filter(|_| !lags || roll(2) == 0) {
                    play.poke(2 * side, SessionInput::Frame(text.as_bytes()));
                }
            }
        }
        let mut ids = play.trades.clone();
        ids.sort_unstable();
        assert!(ids.iter().copied().eq(1..play.next), "seed {seed}: {} of {}", ids.len(), play.next - 1);
        assert_eq!(play.liquidations, liquidations, "seed {seed}");
        assert!(
            play.told
                .iter()
                .all(|(state, _)| matches!(state, FeedState::Thin | FeedState::Delivering | FeedState::Gap))
        );
    }
}
