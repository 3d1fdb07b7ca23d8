//! Frames changed in one place: whatever comes of them is sound, or a refusal that leaves nothing behind.

use fusewire::event::{Body, Event, Nanos};

use crate::cases::{Case, Room, rooms};
use crate::{RECV_AT, decode};

/// What a broken line or a hostile hand puts in place of one byte.
const BYTES: [u8; 10] = [b'0', b'9', b'-', b'e', b'.', b'"', b'}', b']', b',', 0x80];

#[test]
fn any_change_of_a_byte_gives_sound_events_or_a_refusal() {
    let mut changed = 0_u64;
    for room in rooms() {
        for case in &room.cases {
            // Longer frames repeat themselves.
            for place in 0..case.frame.len().min(1000) {
                for byte in BYTES {
                    changed += u64::from(check(&room, case, place, byte));
                }
            }
        }
    }
    println!("{changed} changed frames");
    assert!(changed > 100_000, "{changed}");
}

/// Every frame of every venue, to every other one: none may be so taken that numbers are unsound, and none may panic.
#[test]
fn frames_of_other_venues_are_sound_or_refused() {
    let rooms = rooms();
    for room in &rooms {
        for case in rooms.iter().flat_map(|other| &other.cases) {
            let (found, events) = decode(room, &case.frame);
            assert!(found.is_ok() || events.is_empty(), "{}: {}: {found:?}", room.venue.name(), case.place);
            for event in &events {
                assert_sound(room, event, &case.place);
            }
        }
    }
}

fn check(room: &Room, case: &Case, place: usize, byte: u8) -> bool {
    let mut frame = case.frame.clone().into_bytes();
    if std::mem::replace(&mut frame[place], byte) == byte {
        return false;
    }
    let (found, events) = room.decode(case, &frame);
    assert!(found.is_ok() || events.is_empty(), "{}: byte {place} = {byte}: {found:?}", case.place);
    for event in &events {
        assert_sound(room, event, &case.place);
    }
    let _ = (room.venue.named_in(&frame), room.venue.sequence(&frame));
    true
}

/// Prices and quantities cannot be unsound by their type; times, rates and markets could.
fn assert_sound(room: &Room, event: &Event, place: &str) {
    let (first, last) = (Nanos::from_secs(1_230_768_000), Nanos::from_secs(4_102_444_800));
    assert!((first..last).contains(&event.venue_at), "{place}: {event:?}");
    assert_eq!(event.recv_at, RECV_AT, "{place}");
    assert!(room.markets.get(event.market).is_some(), "{place}: {event:?}");
    match event.body {
        Body::Funding { rate } => assert!(rate.abs() <= 10.0, "{place}: {rate}"),
        Body::Trade { qty, .. } | Body::Liquidation { qty, .. } => assert!(qty.get() > 0.0, "{place}: {event:?}"),
        _ => {}
    }
}
