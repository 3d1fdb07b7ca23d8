//! Real sockets against the pretended venue.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fusewire::engine::{FeedState, Input};
use fusewire::event::{Body, Event, Kind, MarketId, Nanos};
use fusewire::feed::clock::{Clock, RealClock, ScaledClock};
use fusewire::feed::frames::FrameReader;
use fusewire::feed::session::{Identity, Relay, Session, SessionSettings};
use fusewire::feed::venue::{MarketLookup, find};
use fusewire::market::{Markets, VenueId};
use fusewire::venue_sim::{VenueOptions, VenueServer};

use crate::running::Running;
use crate::{START, session, trade};

pub(crate) fn quick() -> SessionSettings {
    SessionSettings {
        silence_secs: 0.4,
        quiet_silence_secs: 0.4,
        backoff_first_secs: 0.05,
        backoff_max_secs: 0.2,
        ..SessionSettings::default()
    }
}

/// A trade every 5 ms from now on, with ids from 1.
fn stream_of_trades(from: Nanos) -> impl Iterator<Item = (Nanos, String)> + Send {
    (1..).map(move |id: u64| {
        let at = Nanos(from.0 + id as i64 * 5_000_000);
        (at, trade(id, at))
    })
}

pub(crate) fn open(options: VenueOptions) -> (VenueServer, Arc<dyn Clock>) {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let frames = stream_of_trades(clock.now().plus_secs(0.2));
    (VenueServer::start(frames, Arc::clone(&clock), options).expect("a port"), clock)
}

fn coinm(server: &VenueServer, clock: &Arc<dyn Clock>, kinds: &[Kind]) -> Running {
    let session = session(&server.base(), "binance-coinm", kinds, quick(), clock.now());
    Running::start(session, Arc::clone(clock))
}

#[test]
fn over_real_sockets_it_subscribes_and_delivers() {
    let (server, clock) = open(VenueOptions::default());
    let running = coinm(&server, &clock, &[Kind::Trade]);
    let (before, _) = running.until(FeedState::Subscribed);
    assert_eq!(before.len(), 1, "only Connecting came before: {before:?}");
    running.until(FeedState::Delivering);
    let ids = running.trades(20);
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    assert_eq!((server.progress().clients, server.progress().subscriptions), (1, 1));
    server.stop();
    assert!(running.until(FeedState::Down).1.contains("next try in"));
}

#[test]
fn a_stall_behind_living_pings_is_noticed_and_left() {
    let (server, clock) = open(VenueOptions { ping_every: Duration::from_millis(20), ..VenueOptions::default() });
    let running = coinm(&server, &clock, &[Kind::Trade]);
    running.until(FeedState::Delivering);
    server.stall(true);
    let (_, why) = running.until(FeedState::Down);
    assert!(why.starts_with("no data for 0.4 s"), "{why}");
    assert!(running.counters().pings > 5, "{:?}", running.counters());
    server.stall(false);
    running.until(FeedState::Gap);
    running.until(FeedState::Delivering);
    assert!(server.progress().arrivals >= 2);
}

/// P16: a stream that uses to speak two hundred times a second.
#[test]
fn a_pause_that_this_connection_never_made_is_late_within_a_second_and_the_connection_is_kept() {
    let (server, clock) = open(VenueOptions { ping_every: Duration::from_millis(20), ..VenueOptions::default() });
    let settings = SessionSettings { silence_secs: 60.0, quiet_silence_secs: 60.0, ..quick() };
    let session = session(&server.base(), "binance-coinm", &[Kind::Trade], settings, clock.now());
    let running = Running::start(session, Arc::clone(&clock));
    running.until(FeedState::Delivering);
    running.trades(800);
    server.stall(true);
    let stalled = clock.now();
    let (_, why) = running.until(FeedState::Late);
    let noticed = clock.now().secs_since(stalled);
    println!("late after {noticed:.2} s: {why}");
    assert!(why.starts_with("data has paused for 0.") || noticed > 1.0, "{why}");
    assert!(noticed < 1.5, "{noticed}");
    server.stall(false);
    running.until(FeedState::Delivering);
    assert_eq!((server.progress().arrivals, running.counters().lates), (1, 1), "no new connection was made");
}

#[test]
fn a_cut_line_is_made_again_and_the_hole_is_told() {
    let (server, clock) = open(VenueOptions::default());
    let running = coinm(&server, &clock, &[Kind::Trade]);
    running.until(FeedState::Delivering);
    for _ in 0..3 {
        server.drop_connections();
        running.until(FeedState::Down);
        running.until(FeedState::Connecting);
        let (_, why) = running.until(FeedState::Gap);
        assert!(why.ends_with(" trades missing, last in DOTUSD_PERP"), "{why}");
        running.until(FeedState::Delivering);
    }
    assert_eq!(running.counters().losses, 3);
}

#[test]
fn trades_sent_twice_arrive_once() {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let from = clock.now().plus_secs(0.2);
    let twice = (1..=50).chain(31..=100).map(move |id| (from.plus_secs(0.001), trade(id, from)));
    let server = VenueServer::start(twice, Arc::clone(&clock), VenueOptions::default()).expect("a port");
    let running = coinm(&server, &clock, &[Kind::Trade]);
    assert_eq!(running.trades(100), (1..=100).collect::<Vec<u64>>());
    assert!(server.progress().done);
}

/// Two venues play the same tape, as two data centres of one do.
#[test]
fn of_two_connections_one_dies_and_not_a_trade_is_missed() {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let from = clock.now().plus_secs(0.5);
    let open =
        || VenueServer::start(stream_of_trades(from), Arc::clone(&clock), VenueOptions::default()).expect("a port");
    let (one, two) = (open(), open());
    let session = session(&one.base(), "binance-coinm", &[Kind::Trade], quick(), clock.now());
    let session = session.with_endpoints(&[one.base(), two.base()]);
    let running = Running::start(Relay::new(session, 2, 5), Arc::clone(&clock));
    running.until(FeedState::Delivering);
    let mut ids = running.trades(200);
    assert_eq!((one.progress().clients, two.progress().clients), (1, 1));
    one.stop();
    let before = running.until(FeedState::Thin).0;
    let id = |input: &Input| if let Input::Event(event) = input { trade_id(event) } else { None };
    ids.extend(before.iter().filter_map(id));
    ids.extend(running.trades(400));
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    let counters = running.counters();
    assert!(counters.overtaken > 100 && counters.losses >= 1, "{counters:?}");
    two.stop();
    running.until(FeedState::Down);
}

fn trade_id(event: &Event) -> Option<u64> {
    if let Body::Trade { id, .. } = event.body { Some(id) } else { None }
}

#[test]
fn a_refused_subscription_is_told() {
    let refused = vec!["dotusd_perp@aggTrade".to_owned()];
    let (server, clock) = open(VenueOptions { refused, ..VenueOptions::default() });
    let running = coinm(&server, &clock, &[Kind::Trade]);
    let (_, why) = running.until(FeedState::Gap);
    assert!(why.contains("dotusd_perp@aggTrade is no stream"), "{why}");
}

#[test]
fn a_subscription_that_is_acknowledged_and_dead_is_left() {
    let silent = vec!["dotusd_perp@aggTrade".to_owned()];
    let (server, clock) = open(VenueOptions { silent, ..VenueOptions::default() });
    let running = coinm(&server, &clock, &[Kind::Trade]);
    running.until(FeedState::Subscribed);
    assert!(running.until(FeedState::Down).1.starts_with("no data for"));
    assert!(server.progress().played > 0 && server.progress().sent == 0);
}

#[test]
fn the_retired_path_shakes_hands_and_stays_dead_while_the_routed_one_lives() {
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let from = clock.now().plus_secs(0.1);
    let frames = stream_of_trades(from)
        .map(|(at, frame)| (at, frame.replace("dotusd_perp", "btcusdt").replace("DOTUSD_PERP", "BTCUSDT")));
    let options = VenueOptions { venue: find("binance-usdm").expect("a venue").into(), ..VenueOptions::default() };
    let server = VenueServer::start(frames, Arc::clone(&clock), options).expect("a port");
    let routed = session(&server.base(), "binance-usdm", &[Kind::Trade], quick(), clock.now());
    assert!(routed.url().ends_with("/market/stream"));
    let routed = Running::start(routed, Arc::clone(&clock));
    routed.until(FeedState::Delivering);

    let venue = find("binance-usdm").expect("a venue");
    let mut markets = Markets::new();
    let id = markets.add(venue.instrument("BTCUSDT").expect("a market"));
    let mut wanted = venue.subscribe(&[(id, "BTCUSDT")], &[Kind::Trade]).remove(0);
    "/stream".clone_into(&mut wanted.path);
    let markets = Arc::new(MarketLookup::new(venue, &markets));
    let who = Identity { venue: venue.into(), venue_id: VenueId(0), connection: 1, base: server.base(), markets };
    let retired = Running::start(Session::new(who, wanted, quick(), 1, clock.now()), Arc::clone(&clock));
    retired.until(FeedState::Subscribed);
    assert!(retired.until(FeedState::Down).1.starts_with("no data for"));
}

#[test]
fn market_ids_are_those_of_the_table() {
    let (server, clock) = open(VenueOptions::default());
    let running = coinm(&server, &clock, &[Kind::Trade]);
    running.until(FeedState::Delivering);
    let first = running.inputs.recv_timeout(Duration::from_secs(10)).expect("an event");
    assert!(matches!(first, Input::Event(event) if event.market == MarketId(0) && event.recv_at >= event.venue_at));
}

/// Six minutes of the crash at 240 times their speed, by a clock that both sides share and that waits for the subscription.
#[test]
fn the_crash_plays_fast_and_whole() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10/crash.frames.gz");
    let from = Nanos::from_secs(1_760_130_960);
    let frames: Vec<(Nanos, String)> = FrameReader::new(File::open(file).expect("the fixture"))
        .expect("gzip")
        .map(|frame| frame.expect("a frame"))
        .skip_while(|(at, _)| *at < from)
        .take_while(|(at, _)| *at < from.plus_secs(360.0))
        .collect();
    let mine = |frame: &&(Nanos, String)| frame.1.contains("dotusd_perp@");
    let (wanted, marks) = (
        frames.iter().filter(mine).count(),
        frames.iter().filter(|frame| frame.1.contains("dotusd_perp@mark")).count(),
    );
    assert!(wanted > 5000 && marks == 360, "{wanted} frames, {marks} marks");

    let clock = Arc::new(ScaledClock::new(from, 240.0));
    let shared: Arc<dyn Clock> = clock.clone();
    let server = VenueServer::start(frames.into_iter(), Arc::clone(&shared), VenueOptions::default()).expect("a port");
    let settings = SessionSettings { silence_secs: 600.0, ..SessionSettings::default() };
    let kinds = [Kind::Trade, Kind::Quote, Kind::Mark, Kind::Liquidation];
    let running = Running::start(session(&server.base(), "binance-coinm", &kinds, settings, shared.now()), shared);
    running.until(FeedState::Subscribed);
    clock.start();
    // A mark's frame is three events.
    let events = wanted + 2 * marks;
    let next = || running.inputs.recv_timeout(Duration::from_secs(20)).expect("the rest of the crash");
    let came = std::iter::repeat_with(next).filter(|input| matches!(input, Input::Event(_))).take(events);
    let last = came.last().expect("events");
    assert!(last.at() >= from.plus_secs(359.0), "{last:?}");
    let counters = running.counters();
    assert_eq!((counters.duplicates, counters.missing_trades, counters.losses), (0, 0, 0), "{counters:?}");
    assert_eq!(server.progress().slow, 0);
}

/// Kraken's futures leave a line on which no ping of the protocol came for a minute.
#[test]
fn a_venue_that_wants_pings_gets_them_over_a_real_socket() {
    use tokio_tungstenite::tungstenite::{Message, accept};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("ws://{}", listener.local_addr().expect("an address"));
    let venue = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        let mut venue = accept(stream).expect("a handshake");
        loop {
            match venue.read().expect("a message") {
                Message::Text(asked) => {
                    assert!(asked.contains("PI_XBTUSD"), "{asked}");
                    let done = r#"{"event":"subscribed","feed":"trade","product_ids":["PI_XBTUSD"]}"#;
                    venue.send(Message::text(done)).expect("written");
                }
                other => return matches!(other, Message::Ping(_)),
            }
        }
    });
    let clock = Arc::new(ScaledClock::new(START, 10.0));
    clock.start();
    let session = session(&base, "kraken-futures", &[Kind::Trade], SessionSettings::default(), clock.now());
    let running = Running::start(session, clock);
    running.until(FeedState::Subscribed);
    assert!(venue.join().expect("the venue ends"), "the next thing after the subscription is a ping");
}

/// 100,000 pings, 10,000 empty frames, and a frame beyond every limit.
#[test]
fn a_hostile_venue_is_counted_and_left() {
    use tokio_tungstenite::tungstenite::{Message, accept};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("ws://{}", listener.local_addr().expect("an address"));
    let venue = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        // Its pongs are read by nobody here; a client that waited for us to read them would hang.
        let drain = stream.try_clone().expect("a handle");
        let mut venue = accept(stream).expect("a handshake");
        let reader = std::thread::spawn(move || std::io::copy(&mut &drain, &mut std::io::sink()));
        for _ in 0..100_000 {
            venue.write(Message::Ping(Vec::new().into())).expect("written");
        }
        for _ in 0..10_000 {
            venue.write(Message::text("")).expect("written");
        }
        // The client may hang up in the middle of this one.
        let _ = venue.send(Message::text(" ".repeat(2 << 20)));
        drop(venue);
        let _ = reader.join();
    });
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let settings = SessionSettings { silence_secs: 30.0, backoff_first_secs: 30.0, ..SessionSettings::default() };
    let session = session(&base, "binance-coinm", &[Kind::Trade], settings, clock.now());
    let running = Running::start(session, clock);
    let (before, why) = running.until(FeedState::Down);
    assert!(why.starts_with("Space limit exceeded"), "{why}");
    let bad = before.iter().map(|input| if let Input::Bad { count, .. } = input { *count } else { 0 });
    assert!(bad.sum::<u64>() <= 10_000);
    drop(running);
    venue.join().expect("the venue ends");
}
