//! Books over real sockets: asked for, acknowledged, played, and told as depth.

use std::time::Duration;

use fusewire::engine::Input;
use fusewire::event::{Body, Qty};
use fusewire::feed::venue::VENUES;
use fusewire::venue_sim::VenueOptions;

use crate::scene::{Scene, quick};

#[test]
fn every_venue_with_books_tells_their_depth() {
    let scenes: Vec<Scene> = VENUES.iter().filter_map(|venue| Scene::of_book(*venue)).collect();
    assert_eq!(scenes.len(), VENUES.len() - 1, "all but Coinbase, whose whole books are larger than any frame we take");
    std::thread::scope(|scope| scenes.iter().for_each(|scene| drop(scope.spawn(move || depths(scene)))));
}

/// The fixtures of every venue begin with the same book.
fn depths(scene: &Scene) {
    let name = scene.venue.name();
    let server = scene.open(VenueOptions::default());
    let running = scene.connect(&server, quick());
    for _ in 0..5 {
        let depth = std::iter::from_fn(|| running.inputs.recv_timeout(Duration::from_secs(10)).ok())
            .find_map(|input| depth_of(&input));
        let Some((bid_qty, ask_qty)) = depth else { panic!("{name} tells no depth") };
        assert_eq!((bid_qty.get(), ask_qty.get()), (10.0, 5.0), "{name}");
    }
    let counters = running.counters();
    assert_eq!((counters.lost_books, counters.refused.iter().sum::<u64>()), (0, 0), "{name}");
    running.finish();
}

/// Some venues say unasked how they are.
fn depth_of(input: &Input) -> Option<(Qty, Qty)> {
    match input {
        Input::Event(event) => match event.body {
            Body::Depth { bid_qty, ask_qty } => Some((bid_qty, ask_qty)),
            _ => None,
        },
        _ => None,
    }
}
