//! One story for each thing that can go wrong.

use fusewire::engine::{FeedState, Input};
use fusewire::feed::session::SessionSettings;
use fusewire::feed::venue::find;
use fusewire::venue_sim::{FaultKind, Faults, Progress, VenueOptions};

use crate::running::Running;
use crate::scene::{Scene, quick};

/// Tells a story of a venue at which this goes wrong after so many seconds and for so long.
fn story(venue: &str, kind: FaultKind, at: f64, secs: f64, tell: fn(&Running)) -> Progress {
    let scene = Scene::of(find(venue).expect("a venue"));
    let written = vec![format!("{}:{at}:{secs}", kind.name()).parse().expect("a fault")];
    let server = scene.open(VenueOptions { faults: Faults { written, drawn: None }, ..VenueOptions::default() });
    let running = scene.connect(&server, quick());
    tell(&running);
    running.finish();
    server.progress()
}

fn delivers(running: &Running) {
    running.until(FeedState::Delivering);
    running.trades(20);
}

fn waits_until(running: &Running, what: impl Fn(&Running) -> bool) {
    for _ in 0..2000 {
        running.inputs.recv_timeout(std::time::Duration::from_secs(10)).expect("an input");
        if what(running) {
            return;
        }
    }
    panic!("it did not come: {:?}", running.counters());
}

#[test]
fn a_stall_is_noticed_and_survived() {
    let progress = story("kraken-spot", FaultKind::Stall, 1.0, 2.0, |running| {
        delivers(running);
        running.until_any(&[FeedState::Late, FeedState::Down]);
        delivers(running);
    });
    assert!(progress.held > 100, "{progress:?}");
}

#[test]
fn frames_that_were_lost_are_told_by_ids_and_by_numbers() {
    for venue in ["deribit", "coinbase"] {
        story(venue, FaultKind::Drop, 0.5, 60.0, |running| {
            delivers(running);
            let (_, why) = running.until(FeedState::Gap);
            assert!(why.contains("missing"), "{why}");
            delivers(running);
        });
    }
}

#[test]
fn frames_sent_twice_count_once() {
    story("okx", FaultKind::Duplicate, 0.5, 60.0, |running| {
        waits_until(running, |running| running.counters().duplicates >= 10);
    });
}

#[test]
fn frames_in_the_wrong_order_are_dropped_or_told() {
    story("binance-spot", FaultKind::Reorder, 0.5, 60.0, |running| {
        waits_until(running, |running| running.counters().duplicates >= 10 && running.counters().missing_trades >= 10);
    });
}

#[test]
fn late_frames_come_all_the_same() {
    story("kraken-futures", FaultKind::Late, 1.0, 0.9, |running| {
        delivers(running);
        waits_until(running, |running| running.counters().events > 400);
        assert_eq!(running.counters().missing_trades, 0);
    });
}

#[test]
fn garbage_is_counted_and_nothing_else() {
    for venue in ["binance-usdm", "bitmex", "hyperliquid", "bybit-linear"] {
        story(venue, FaultKind::Garbage, 0.3, 60.0, |running| {
            delivers(running);
            waits_until(running, |running| running.counters().refused.iter().sum::<u64>() >= 20);
            assert_eq!(running.counters().losses, 0);
        });
    }
}

#[test]
fn a_line_that_is_half_open_is_left() {
    story("bybit-spot", FaultKind::HalfOpen, 1.0, 3.0, |running| {
        delivers(running);
        running.until(FeedState::Down);
        delivers(running);
    });
}

#[test]
fn a_handshake_that_takes_too_long_is_tried_again() {
    story("bybit-inverse", FaultKind::SlowHandshake, 0.0, 2.5, |running| {
        let (_, why) = running.until(FeedState::Down);
        assert!(why.starts_with("it did not open in time"), "{why}");
        delivers(running);
    });
}

#[test]
fn a_reset_is_a_loss() {
    let progress = story("binance-coinm", FaultKind::Reset, 1.0, 0.0, |running| {
        delivers(running);
        let (_, why) = running.until(FeedState::Down);
        assert!(why.contains("reset"), "{why}");
        delivers(running);
    });
    assert_eq!(progress.arrivals, 2);
}

#[test]
fn a_subscription_made_at_a_bad_time_is_made_again() {
    story("hyperliquid", FaultKind::Silent, 0.0, 0.9, |running| {
        running.until(FeedState::Subscribed);
        assert!(running.until(FeedState::Down).1.starts_with("no data for"));
        delivers(running);
    });
}

#[test]
fn a_venue_whose_clock_is_wrong_is_heard_with_our_time() {
    story("kraken-spot", FaultKind::Skew, 0.5, 60.0, |running| {
        let ahead = |input: Input| match input {
            Input::Event(event) => event.venue_at.secs_since(event.recv_at),
            _ => 0.0,
        };
        let next = || running.inputs.recv_timeout(std::time::Duration::from_secs(10)).expect("an input");
        let found = std::iter::repeat_with(next).take(2000).map(ahead).find(|secs| *secs > 3000.0);
        // The trade of the fixture is 100 s older than its arrival.
        assert!(found.is_some_and(|secs| (3495.0..3501.0).contains(&secs)), "{found:?}");
    });
}

#[test]
fn a_shutdown_that_was_announced_costs_no_pause() {
    for venue in ["binance-spot", "okx"] {
        let progress = story(venue, FaultKind::ShutdownNotice, 1.0, 5.0, |running| {
            delivers(running);
            let ids = running.trades(1400);
            let counters = running.counters();
            assert_eq!((counters.handovers, counters.losses), (1, 0), "{counters:?}");
            let is_whole = ids.windows(2).all(|pair| pair[1] == pair[0] + 1);
            assert!(
                is_whole && counters.covered <= 1,
                "what was sent before the new one subscribed is no hole: {ids:?}"
            );
            assert!(counters.overtaken > 300, "both delivered for two seconds: {counters:?}");
        });
        assert_eq!(progress.arrivals, 2, "{venue}: {progress:?}");
    }
}

#[test]
fn a_shutdown_that_leaves_no_time_costs_no_pause() {
    for venue in ["binance-spot", "okx"] {
        story(venue, FaultKind::ShutdownNotice, 0.8, 0.02, |running| {
            delivers(running);
            waits_until(running, |running| running.counters().handovers == 1);
            running.trades(200);
        });
    }
}

/// A proxy in between would cut every connection at the age of four seconds.
#[test]
fn a_connection_near_its_age_is_replaced_over_real_sockets_and_nothing_is_missed() {
    let scene = Scene::of(find("binance-usdm").expect("a venue"));
    let server = scene.open(VenueOptions::default());
    let running = scene.connect(&server, SessionSettings { lifetime_secs: 4.0, ..quick() });
    running.until(FeedState::Delivering);
    let ids = running.trades(2400);
    assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
    let counters = running.counters();
    assert!(counters.handovers >= 1 && counters.losses == 0, "{counters:?}");
    running.finish();
}
