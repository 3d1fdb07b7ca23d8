//! Sessions. The first byte picks the venue; then come steps: a byte of what happens, a byte of how much later, and for
//! frames two bytes of length and the frame.
//!
//! Never a panic; every event is sound; a session never asks for a wake-up that lies behind it; what it says in words is
//! printable; its actions come to an end.

use std::sync::Arc;

use fusewire::engine::Input;
use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::{Action, Identity, Session, SessionInput, SessionSettings};
use fusewire::market::VenueId;

use super::rooms::{self, Room};
use super::sound;

const START: Nanos = Nanos::from_secs(1_760_128_900);
/// What one step may make a session do.
const ACTIONS_MAX: usize = 10_000;

pub fn check(data: &[u8]) {
    let Some((pick, mut steps)) = data.split_first() else { return };
    let room = rooms::of(*pick);
    let mut now = START;
    let mut session = session(room);
    while let [what, later, rest @ ..] = steps {
        // From 8 ms to half an hour.
        now = now.plus_secs(f64::from(u32::from(later & 0x0f) + 1) * 0.008 * f64::from(1_u32 << (later >> 4)));
        let (input, rest) = step(*what, rest);
        session.handle(now, input);
        obey(&mut session, room);
        assert!(session.deadline() >= now, "{:?} lies behind {now:?}", session.deadline());
        steps = rest;
    }
    let _ = session.counters();
}

fn step(what: u8, rest: &[u8]) -> (SessionInput<'_>, &[u8]) {
    match what % 8 {
        0 => (SessionInput::Tick, rest),
        1 => (SessionInput::Opened, rest),
        2 => (SessionInput::Ping, rest),
        3 => (SessionInput::Lost("gone \u{1b}[31m\n"), rest),
        _ => {
            let [low, high, rest @ ..] = rest else { return (SessionInput::Tick, &[]) };
            let length = usize::from(u16::from_le_bytes([*low, *high])).min(rest.len());
            let (frame, rest) = rest.split_at(length);
            (SessionInput::Frame(frame), rest)
        }
    }
}

fn session(room: &Room) -> Session {
    let wanted = room.venue.subscribe(&room.wanted(), &Kind::ALL).into_iter().next().expect("a connection");
    let who = Identity {
        venue: room.venue.clone(),
        venue_id: VenueId(0),
        connection: 0,
        base: room.venue.base().to_owned(),
        markets: Arc::clone(&room.lookup),
    };
    Session::new(who, wanted, SessionSettings::default(), 7, START)
}

fn obey(session: &mut Session, room: &Room) {
    for _ in 0..ACTIONS_MAX {
        match session.poll() {
            None => return,
            Some(Action::Emit(Input::Event(event))) => sound::event(&event, &room.markets),
            Some(Action::Emit(Input::Feed(report))) => {
                assert!(report.why.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{report:?}");
            }
            Some(_) => {}
        }
    }
    panic!("{ACTIONS_MAX} actions of one step");
}
