//! Every venue against its fixtures, against spoiled and cut frames, and against recordings where they are at hand.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly"
)]

mod books;
mod captures;
mod cases;
mod derivatives;
mod hostile;
#[path = "../venues/own.rs"]
mod own;
mod recordings;

use std::collections::BTreeMap;

use fusewire::event::{Event, Nanos};
use fusewire::feed::book::Books;
use fusewire::feed::venue::{Decoded, Reason, Refusal, VenueRef, read};
use serde_json::{Value, json};

use cases::{Case, Room, rooms};

/// When every frame of a fixture came.
const RECV_AT: Nanos = Nanos::from_secs(1_760_128_900);

#[test]
fn every_venue_has_fixtures_and_every_folder_a_venue() {
    let folders: Vec<String> = rooms().iter().map(|room| room.venue.name().to_owned()).collect();
    for venue in fusewire::feed::venue::VENUES {
        assert!(folders.iter().any(|folder| folder == venue.name()), "{}: no fixtures", venue.name());
        assert_eq!(venue.checked().len(), "YYYY-MM".len(), "{}", venue.name());
        assert!(venue.base().starts_with("wss://"), "{}", venue.name());
    }
}

/// Tapes describe markets by `feed::instrument`, sessions by their venue: the two must say the same.
#[test]
fn a_market_is_described_alike_everywhere() {
    for room in rooms().into_iter().filter(|room| matches!(room.venue, VenueRef::Shipped(_))) {
        for (_, market) in room.markets.iter() {
            assert_eq!(fusewire::feed::instrument::instrument(&market.venue, &market.native), *market);
        }
    }
}

#[test]
fn every_frame_means_what_its_fixture_says() {
    for room in rooms() {
        for case in &room.cases {
            let (found, events) = room.decode(case, case.frame.as_bytes());
            let wanted = case.value.get("events").map_or(&[][..], |events| events.as_array().expect("a list"));
            let events: Vec<Value> = events.iter().map(|event| plain(&room, event)).collect();
            let place = &case.place;
            assert_eq!(events, wanted, "{place}: {}", case.frame);
            match (case.value.get("refused"), case.value.get("answer"), case.value.get("is")) {
                (Some(reason), ..) => {
                    let (Ok(Decoded::Partly(refusal)) | Err(refusal)) = &found else { panic!("{place}: {found:?}") };
                    assert_eq!(*reason, refusal.reason.label(), "{place}: {}", case.frame);
                    assert_eq!(found.is_err(), wanted.is_empty(), "{place}");
                }
                (_, Some(words), _) => {
                    let result = if words == "ok" { Ok(()) } else { Err(words.as_str().expect("words").to_owned()) };
                    let id = case.value.get("id").map(|id| id.as_u64().expect("an id"));
                    assert_eq!(found, Ok(Decoded::Answer { id, result }), "{place}");
                }
                (.., Some(Value::Object(reply))) => {
                    let Ok(Decoded::Reply(text)) = found else { panic!("{place}: {found:?}") };
                    assert_eq!(reply["reply"], *text, "{place}");
                }
                (.., Some(word)) => {
                    let decoded = found.unwrap_or_else(|refusal| panic!("{place}: {refusal:?}"));
                    assert_eq!(format!("{decoded:?}").to_lowercase(), *word, "{place}");
                }
                _ => assert_eq!(found, Ok(Decoded::Data), "{place}: {}", case.frame),
            }
            assert!(case.value.get("events").is_none() || check_names(&room, case), "{place}");
        }
    }
}

#[test]
fn a_frame_cut_anywhere_never_means_something_else() {
    let mut cuts = 0;
    for room in rooms() {
        let whole = |case: &&Case| serde_json::from_str::<Value>(&case.frame).is_ok();
        for case in room.cases.iter().filter(whole) {
            for end in 0..case.frame.len() {
                let Some(cut) = case.frame.get(..end) else { continue };
                let (found, events) = room.decode(case, cut.as_bytes());
                assert!(events.is_empty(), "{}: {cut}: {events:?}", case.place);
                assert!(found.is_err(), "{}: {cut}: {found:?}", case.place);
                cuts += 1;
            }
        }
    }
    println!("{cuts} cut frames, none taken");
}

#[test]
fn no_nonsense_passes_in_any_field() {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for room in rooms() {
        for case in &room.cases {
            for (list, field) in case.fields(&["numbers", "times"]) {
                let zero_ok = case.fields(&["zero_ok"]).any(|(_, path)| path == field);
                for bad in nonsense(list == "times") {
                    let frame = case.spoiled(&field, &bad);
                    let (found, events) = room.decode(case, frame.as_bytes());
                    if bad == "null" && case.fields(&["null_ok"]).any(|(_, path)| path == field) {
                        assert_eq!(found, Ok(Decoded::Data), "{}: {frame}", case.place);
                        continue;
                    }
                    // A venue that writes numbers as text may refuse a bare zero, but never take it for something else.
                    if zero_ok && (bad == "\"0\"" || (bad == "0" && found.is_ok())) {
                        assert_eq!(found, Ok(Decoded::Data), "{}: {frame}", case.place);
                        continue;
                    }
                    let Err(Refusal { reason, .. }) = found else {
                        panic!("{}: {field} = {bad} gave {events:?}", case.place)
                    };
                    assert!(events.is_empty(), "{}: {field} = {bad}", case.place);
                    *reasons.entry(reason.label()).or_default() += 1;
                }
            }
        }
    }
    println!("refused by reason: {reasons:?}");
    for reason in [Reason::BadJson, Reason::BadNumber, Reason::NotFinite, Reason::NotPositive, Reason::WrongType] {
        assert!(reasons.contains_key(reason.label()), "nothing was refused as {}", reason.label());
    }
}

#[test]
fn a_frame_beyond_the_limit_is_not_even_looked_at() {
    let room = rooms().remove(0);
    let frame = format!("{{\"a\":\"{}\"}}", "x".repeat(fusewire::feed::venue::FRAME_MAX));
    assert_eq!(decode(&room, &frame).0, Err(Reason::TooLarge.into()));
    let deep = "[".repeat(1 << 19);
    assert_eq!(decode(&room, &deep).0, Err(Reason::BadJson.into()));
    let deep = format!("{{\"e\":\"aggTrade\",\"x\":{}", "{\"x\":".repeat(1 << 17));
    assert_eq!(decode(&room, &deep).0, Err(Reason::BadJson.into()));
}

/// What must not pass as a price, a quantity or a time, as JSON.
fn nonsense(time: bool) -> Vec<String> {
    let words = ["NaN", "nan", "inf", "-inf", "Infinity", "-Infinity", "1e999", "-1e999", "-0", "0", "-1"];
    let long = "9".repeat(400);
    let text = words.iter().map(|word| format!("\"{word}\""));
    let bare = words.iter().map(|word| (*word).to_owned());
    let others = ["\"\"", "null", "{}", "[]", "true", "\" 1\"", "\"+1\"", "\"0x10\""].map(str::to_owned);
    let longs = [long.clone(), format!("-{long}"), format!("\"{long}\""), format!("0.{}1", "0".repeat(400))];
    let odd = if time { vec!["1760128800".to_owned(), "17601288001010000000".to_owned()] } else { Vec::new() };
    text.chain(bare).chain(others).chain(longs).chain(odd).collect()
}

fn decode(room: &Room, frame: &str) -> (Result<Decoded, Refusal>, Vec<Event>) {
    let mut events = Vec::new();
    let found = read(&*room.venue, frame.as_bytes(), RECV_AT, &room.lookup, &mut Books::default(), &mut events);
    (found, events)
}

/// An event as fixtures write it.
fn plain(room: &Room, event: &Event) -> Value {
    assert_eq!(event.recv_at, RECV_AT);
    let native = &room.markets.get(event.market).expect("in the table").native;
    json!({"market": native, "venue_at": event.venue_at.0, "body": event.body})
}

/// Whether the market a frame names, if that is one, is the market of its first event.
fn check_names(room: &Room, case: &Case) -> bool {
    let first = case.value.pointer("/events/0/market").and_then(Value::as_str);
    let named = room.venue.named_in(case.frame.as_bytes()).filter(|name| room.venue.instrument(name).is_some());
    first.is_none() || named.is_none_or(|name| Some(name.as_str()) == first)
}
