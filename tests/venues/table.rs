//! What every venue's session must do.

use std::time::{Duration, Instant};

use fusewire::engine::FeedState;
use fusewire::venue_sim::VenueOptions;

use crate::scene::{of_every_venue, quick};

#[test]
fn it_subscribes_and_is_acknowledged_and_delivers_survives_a_stall_and_a_cut() {
    of_every_venue(|scene| {
        let name = scene.venue.name();
        let server = scene.open(VenueOptions::default());
        let running = scene.connect(&server, quick());
        let (before, _) = running.until(FeedState::Subscribed);
        assert!(before.len() <= 2, "{name}: only Connecting and a greeting came before: {before:?}");
        running.until(FeedState::Delivering);
        running.trades(100);
        let pings = running.counters().pings;
        assert_eq!(running.counters().refused.iter().sum::<u64>(), 0, "{name}");
        assert_eq!((running.counters().duplicates, running.counters().missing_messages), (0, 0), "{name}");

        let stalled = Instant::now();
        server.stall(true);
        let (_, why) = running.until_any(&[FeedState::Late, FeedState::Down]);
        assert!(why.contains("data"), "{name}: {why}");
        assert!(stalled.elapsed() < Duration::from_millis(2500), "{name}: {:?}", stalled.elapsed());
        assert!(running.counters().pings > pings + 5, "{name}: the line lived all the while");
        server.stall(false);
        running.until(FeedState::Delivering);

        let arrivals = server.progress().arrivals;
        server.drop_connections();
        running.until(FeedState::Down);
        running.until(FeedState::Delivering);
        running.trades(20);
        assert!(server.progress().arrivals > arrivals, "{name}");
        assert_eq!(server.progress().slow, 0, "{name}");
        running.finish();
    });
}

#[test]
fn a_refusal_is_understood_in_the_words_of_the_venue() {
    of_every_venue(|scene| {
        let server = scene.open(VenueOptions { refused: vec![scene.stream()], ..VenueOptions::default() });
        let running = scene.connect(&server, quick());
        let (_, why) = running.until(FeedState::Gap);
        println!("{}: {why}", scene.venue.name());
        assert!(why.starts_with("a subscription was refused: "), "{}: {why}", scene.venue.name());
    });
}

#[test]
fn a_stream_that_is_acknowledged_and_dead_is_left() {
    of_every_venue(|scene| {
        let server = scene.open(VenueOptions { silent: vec![scene.stream()], ..VenueOptions::default() });
        let running = scene.connect(&server, quick());
        running.until(FeedState::Subscribed);
        let (_, why) = running.until(FeedState::Down);
        assert!(why.starts_with("no data for"), "{}: {why}", scene.venue.name());
        assert_eq!(server.progress().sent, 0, "{}", scene.venue.name());
    });
}
