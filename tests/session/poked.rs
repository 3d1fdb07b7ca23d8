//! The state machine, poked by hand: every story is a transcript of what it did.

use std::sync::Arc;

use fusewire::engine::Input;
use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::{Action, Identity, Session, SessionInput, SessionSettings, StreamState};
use fusewire::feed::venue::{MarketLookup, find};
use fusewire::market::{Markets, VenueId};

use crate::{START, liquidation, session, trade};

/// A session and what it did, in words.
pub(crate) struct Poked {
    pub(crate) session: Session,
    pub(crate) now: Nanos,
}

impl Poked {
    /// Of DOT on COIN-M.
    fn new(kinds: &[Kind]) -> Self {
        Self::of("binance-coinm", kinds)
    }

    pub(crate) fn of(venue: &str, kinds: &[Kind]) -> Self {
        Self { session: session("", venue, kinds, SessionSettings::default(), START), now: START }
    }

    /// Lets `secs` pass as a driver does: by the deadlines.
    pub(crate) fn wait(&mut self, secs: f64) -> Vec<String> {
        let until = self.now.plus_secs(secs);
        let mut words = self.poke(SessionInput::Tick);
        while self.now < until {
            self.now = self.session.deadline().min(until).max(Nanos(self.now.0 + 1));
            words.extend(self.poke(SessionInput::Tick));
        }
        words
    }

    pub(crate) fn frame(&mut self, text: &str) -> Vec<String> {
        self.poke(SessionInput::Frame(text.as_bytes()))
    }

    pub(crate) fn poke(&mut self, input: SessionInput) -> Vec<String> {
        self.session.handle(self.now, input);
        std::iter::from_fn(|| self.session.poll()).map(words).collect()
    }

    /// A session of Bitcoin on another venue, open.
    fn opened(venue: &str, kinds: &[Kind]) -> Self {
        let mut poked = Self { session: session("", venue, kinds, SessionSettings::default(), START), now: START };
        poked.wait(0.1);
        poked.poke(SessionInput::Opened);
        poked
    }

    /// Connected, subscribed, first data in.
    fn delivering(kinds: &[Kind]) -> Self {
        let mut poked = Self::new(kinds);
        poked.wait(0.1);
        poked.poke(SessionInput::Opened);
        poked.frame(r#"{"result":null,"id":1}"#);
        poked.frame(&trade(1, START));
        assert_eq!(poked.session.counters().events, 1);
        poked
    }
}

fn words(action: Action) -> String {
    match action {
        Action::Connect { url } => format!("connect {url}"),
        Action::Send(text) => format!("send {}", &text[..text.len().min(20)]),
        Action::Ping => "ping".to_owned(),
        Action::Close => "close".to_owned(),
        Action::Emit(Input::Feed(report)) => format!("{}: {}", report.state.name(), report.why),
        Action::Emit(Input::Event(event)) => format!("event {}", event.body.kind().name()),
        Action::Emit(Input::Bad { market, count, .. }) => format!("bad {market:?} x{count}"),
        Action::Emit(other) => format!("{other:?}"),
    }
}

#[test]
fn a_connection_is_late_by_its_own_gaps_and_only_once_a_pause() {
    let mut poked = Poked::delivering(&[Kind::Trade]);
    for id in 2..1000 {
        poked.wait(0.02 + 0.01 * (id % 7) as f64);
        assert_eq!(poked.frame(&trade(id, poked.now)), ["event trades"]);
    }
    assert_eq!(poked.wait(0.7), Vec::<String>::new(), "no pause below the floor is late");
    assert_eq!(poked.wait(0.2), ["late: data has paused for 0.75 s, longer than it uses to"]);
    assert_eq!(poked.wait(3.0), Vec::<String>::new());
    assert_eq!(poked.frame(&trade(1000, poked.now)), ["delivering: data arrives", "event trades"]);
    assert_eq!(poked.session.counters().lates, 1);
}

#[test]
fn a_slow_connection_is_given_its_time() {
    let mut poked = Poked::delivering(&[Kind::Trade]);
    for id in 2..700 {
        poked.wait(if id % 50 == 0 { 4.0 } else { 0.3 });
        assert_eq!(poked.frame(&trade(id, poked.now)), ["event trades"], "trade {id}");
    }
    assert_eq!(poked.wait(6.0), Vec::<String>::new(), "it has paused for 4 s before");
}

#[test]
fn connect_subscribe_acknowledge_deliver() {
    let mut poked = Poked::new(&[Kind::Trade, Kind::Mark]);
    assert_eq!(
        poked.wait(0.1),
        ["connect wss://dstream.binance.com/stream", "connecting: wss://dstream.binance.com/stream"]
    );
    assert_eq!(poked.poke(SessionInput::Opened), [r#"send {"id":1,"method":"SU"#]);
    assert_eq!(poked.frame(r#"{"result":null,"id":1}"#), ["subscribed: 2 streams acknowledged"]);
    assert_eq!(poked.frame(&trade(1, START)), ["delivering: data arrives", "event trades"]);
    assert_eq!(poked.frame(&trade(2, START)), ["event trades"]);
    let states: Vec<_> = poked.session.streams().map(|(stream, state)| format!("{} {state:?}", stream.name)).collect();
    assert_eq!(states, ["dotusd_perp@aggTrade Delivering", "dotusd_perp@markPrice@1s Acknowledged"]);
}

#[test]
fn pings_without_data_are_no_life() {
    let mut poked = Poked::delivering(&[Kind::Trade, Kind::Mark]);
    for _ in 0..9 {
        assert!(poked.wait(1.0).is_empty());
        poked.poke(SessionInput::Ping);
        poked.frame(r#"{"result":null,"id":99}"#);
    }
    let words = poked.wait(1.5);
    assert_eq!(words[0], "close");
    assert!(words[1].starts_with("down: no data for 10.0 s; next try in 0."), "{}", words[1]);
    assert_eq!((poked.session.counters().pings, poked.session.counters().silences), (9, 1));
}

#[test]
fn a_stream_that_was_acknowledged_and_never_delivers_is_told_once_and_shown_until_it_does() {
    let mut poked = Poked::delivering(&[Kind::Trade, Kind::Mark]);
    let mut told = Vec::new();
    for id in 2..30 {
        told.extend(poked.wait(1.0));
        poked.frame(&trade(id, poked.now));
    }
    assert_eq!(told, ["gap: 1 streams were acknowledged and never delivered, as dotusd_perp@markPrice@1s"]);
    assert_eq!((poked.session.counters().mute, poked.session.counters().losses), (1, 0));
    poked.poke(SessionInput::Lost("cut"));
    assert_eq!(poked.session.counters().mute, 0);
}

#[test]
fn a_venue_that_says_it_is_online_delivers_nothing_yet() {
    let mut poked = Poked::opened("kraken-spot", &[Kind::Trade]);
    let status = r#"{"channel":"status","type":"update","data":[{"system":"online"}]}"#;
    assert_eq!(poked.frame(status), ["event statuses"]);
    let done = r#"{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true,"req_id":1}"#;
    assert_eq!(poked.frame(done), ["subscribed: 1 streams acknowledged"]);
    for _ in 0..11 {
        assert_eq!(poked.wait(5.0), Vec::<String>::new());
        assert_eq!(poked.frame(status), ["event statuses"]);
    }
    assert_eq!(poked.wait(6.0)[0], "close", "sixty seconds without data, whatever it says of itself");
}

#[test]
fn a_venue_that_wants_pings_gets_them() {
    let mut poked = Poked::opened("kraken-futures", &[Kind::Trade]);
    poked.frame(r#"{"event":"subscribed","feed":"trade","product_ids":["PI_XBTUSD"]}"#);
    assert_eq!(poked.wait(29.5), Vec::<String>::new());
    assert_eq!(poked.wait(1.0), ["ping"]);
    assert_eq!(poked.wait(25.0), Vec::<String>::new());
    poked.poke(SessionInput::Lost("cut"));
    assert!(poked.wait(2.0).iter().any(|words| words.starts_with("connect ")));
    assert!(!poked.wait(5.0).contains(&"ping".to_owned()), "nothing is sent on a line that is not open");
}

#[test]
fn a_line_without_a_clocked_stream_may_be_quiet_for_longer() {
    let mut poked = Poked::delivering(&[Kind::Trade]);
    assert!(poked.wait(59.0).is_empty());
    assert_eq!(poked.wait(1.5)[0], "close");
}

#[test]
fn pauses_grow_until_it_has_been_healthy_for_a_while() {
    let mut poked = Poked::new(&[Kind::Trade]);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        while !poked.wait(0.05).iter().any(|words| words.starts_with("connect ")) {}
        let down = poked.poke(SessionInput::Lost("refused \u{1b}[31m\n")).join("|");
        assert!(down.starts_with("down: refused ?[31m?; next try in "), "{down}");
        pauses.push(down.split_whitespace().rev().nth(1).and_then(|secs| secs.parse::<f64>().ok()).expect("seconds"));
    }
    for (pause, whole) in pauses.iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]) {
        assert!((whole / 2.0 - 0.1..=whole).contains(pause), "{pauses:?}");
    }
    while !poked.wait(0.05).iter().any(|words| words.starts_with("connect ")) {}
    poked.poke(SessionInput::Opened);
    for id in 1..60 {
        poked.wait(1.0);
        poked.frame(r#"{"result":null,"id":1}"#);
        poked.frame(&trade(id, poked.now));
    }
    let down = poked.poke(SessionInput::Lost("cut")).join("|");
    assert!(down.contains("next try in 0.") || down.contains("next try in 1.0"), "{down}");
}

#[test]
fn what_a_reconnect_repeats_is_dropped_and_what_it_left_out_is_told() {
    let mut poked = Poked::delivering(&[Kind::Trade, Kind::Liquidation]);
    poked.frame(&trade(2, START));
    poked.poke(SessionInput::Lost("cut"));
    while !poked.wait(0.05).iter().any(|words| words.starts_with("connect ")) {}
    poked.poke(SessionInput::Opened);
    assert_eq!(poked.frame(&trade(1, START)), [""; 0]);
    assert_eq!(poked.frame(&trade(2, START)), [""; 0]);
    let old = liquidation(poked.now.plus_secs(-61.0));
    assert_eq!(poked.frame(&old), [""; 0]);
    let words = poked.frame(&trade(6, poked.now));
    assert_eq!(words, ["gap: 3 trades missing, last in DOTUSD_PERP", "delivering: data arrives", "event trades"]);
    let counters = poked.session.counters();
    assert_eq!((counters.duplicates, counters.old_liquidations, counters.missing_trades), (2, 1, 3));
}

#[test]
fn steps_of_the_clock_neither_cut_a_line_nor_keep_a_dead_one() {
    for step in [3600.0, -3600.0] {
        let mut poked = Poked::delivering(&[Kind::Trade, Kind::Mark]);
        poked.now = poked.now.plus_secs(step);
        assert!(poked.poke(SessionInput::Tick).is_empty(), "step of {step} s");
        assert_eq!(poked.frame(&trade(2, START)), ["event trades"]);
        assert_eq!(poked.frame(&liquidation(START)), ["event liquidations"]);
        assert!(poked.wait(9.5).is_empty());
        assert_eq!(poked.wait(1.0)[0], "close", "step of {step} s");
        assert_eq!(poked.session.counters().clock_steps, 1);
    }
}

#[test]
fn answers_that_never_come_or_say_no() {
    let mut poked = Poked::new(&[Kind::Trade]);
    poked.wait(0.1);
    poked.poke(SessionInput::Opened);
    let words = poked.wait(11.0);
    assert!(words[1].starts_with("down: a subscription was not answered"), "{words:?}");

    let mut poked = Poked::new(&[Kind::Trade]);
    poked.wait(0.1);
    poked.poke(SessionInput::Opened);
    let no = r#"{"error":{"code":2,"msg":"\u001b]0;owned\u0007"},"id":1}"#;
    assert_eq!(poked.frame(no), [r#"gap: a subscription was refused: {"code":2,"msg":"\u001b]0;owned\u0007"}"#]);
    assert!(poked.session.streams().all(|(_, state)| matches!(state, StreamState::Refused(_))));
    assert_eq!(poked.frame(no), [""; 0], "an answer to nothing says nothing");
}

#[test]
fn requests_keep_below_the_rate_of_the_venue() {
    let venue = find("binance-spot").expect("a venue");
    let names: Vec<String> = (0..1000).map(|number| format!("A{number}USDT")).collect();
    let mut markets = Markets::new();
    let ids: Vec<_> = names.iter().map(|name| markets.add(venue.instrument(name).expect("a market"))).collect();
    let wanted: Vec<_> = ids.into_iter().zip(names.iter().map(String::as_str)).collect();
    let wanted = venue.subscribe(&wanted, &[Kind::Trade]).remove(0);
    let markets = Arc::new(MarketLookup::new(venue, &markets));
    let who =
        Identity { venue: venue.into(), venue_id: VenueId(0), connection: 0, base: venue.base().to_owned(), markets };
    let mut poked = Poked { session: Session::new(who, wanted, SessionSettings::default(), 7, START), now: START };
    poked.wait(0.1);
    assert_eq!(poked.poke(SessionInput::Opened).len(), 1);
    for _ in 0..2 {
        let sent = poked.wait(1.0).len();
        assert!((3..=4).contains(&sent), "{sent} a second of 5 allowed");
    }
    assert_eq!(poked.wait(2.0).len() + 9, 10, "all ten are out after three seconds");
}

#[test]
fn bad_frames_are_counted_together_and_an_announced_close_waits_for_nothing() {
    let mut poked = Poked::delivering(&[Kind::Trade]);
    let spoiled = trade(2, START).replace("4.2", "NaN");
    for _ in 0..5 {
        assert_eq!(poked.frame(&spoiled), [""; 0]);
    }
    assert_eq!(poked.frame("{"), ["bad Some(MarketId(0)) x5"]);
    assert_eq!(poked.wait(1.1), ["bad None x1"]);
    assert_eq!(poked.session.counters().refused.iter().sum::<u64>(), 6);
    poked.frame(r#"{"e":"serverShutdown","E":1760128800000}"#);
    let words = poked.poke(SessionInput::Lost("going away"));
    assert_eq!(words[0], "down: going away; next try in 0.0 s");
    assert_eq!(words[1], "connect wss://dstream.binance.com/stream");
}
