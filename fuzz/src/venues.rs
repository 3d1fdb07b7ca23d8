//! Decoders of venues. The first byte picks the venue, the rest is a frame.
//!
//! Never a panic; a refused frame appends nothing; only data appends; every event is sound; the same frame says the same
//! again.

use fusewire::event::{Body, Event, MarketId, Nanos, VenueStatus};
use fusewire::feed::book::Books;
use fusewire::feed::venue::{Context, Decoded, FRAME_MAX};

use super::{rooms, sound};

/// A message of a book, on a connection that knows none: sound depths or a refusal, and the same again.
fn book(room: &rooms::Room, frame: &[u8]) {
    let cx = Context { recv_at: RECV_AT, markets: &room.lookup };
    let read = || {
        let (mut books, mut events) = (Books::default(), Vec::new());
        let found = room.venue.book(frame, &cx, &mut books, &mut events);
        assert!(found.is_ok() || events.is_empty(), "{found:?} appended {events:?}");
        (found, events)
    };
    let (found, events) = read();
    for event in &events {
        sound::event(event, &room.markets);
    }
    assert_eq!(read(), (found, events));
}

const RECV_AT: Nanos = Nanos::from_secs(1_760_128_900);

pub fn check(data: &[u8]) {
    let Some((pick, frame)) = data.split_first() else { return };
    let room = rooms::of(*pick);
    // What was there before stays as it was.
    let body = Body::Status { status: VenueStatus::Online };
    let before = Event { venue_at: RECV_AT, recv_at: RECV_AT, market: MarketId(0), body };
    let cx = Context { recv_at: RECV_AT, markets: &room.lookup };
    let mut events = vec![before];
    let found = room.venue.decode(frame, &cx, &mut events);
    let (first, new) = events.split_first().expect("what was there");
    assert_eq!(*first, before);
    assert!(new.len() <= FRAME_MAX / 8, "{} events of {} bytes", new.len(), frame.len());
    match &found {
        Ok(Decoded::Data) => {}
        Ok(Decoded::Partly(_)) => assert!(!new.is_empty(), "partly of nothing is a refusal"),
        Ok(_) | Err(_) => assert!(new.is_empty(), "{found:?} appended {new:?}"),
    }
    for event in new {
        sound::event(event, &room.markets);
        assert_eq!(event.recv_at, RECV_AT);
    }
    let mut again = vec![before];
    assert_eq!(room.venue.decode(frame, &cx, &mut again), found);
    assert_eq!(again, events);
    if found == Ok(Decoded::Book) {
        book(room, frame);
    }
    if let Some(name) = room.venue.named_in(frame) {
        assert!(name.len() <= frame.len());
        let _ = room.venue.instrument(&name);
    }
    let _ = room.venue.sequence(frame);
}
