//! The shell of our sessions against the Autobahn suite, which others have used since 2011 to find what is wrong with their web
//! sockets: every case of its fuzzing server over a real socket, through `socket::run` as a venue's connection goes.
//!
//! Runs where `FUSEWIRE_AUTOBAHN=ws://127.0.0.1:PORT` names such a server and `FUSEWIRE_AUTOBAHN_REPORTS` the folder of its reports;
//! `.ci/long autobahn` starts one. The suite wants every message back: the venue of this test answers each text with itself.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it waits")]
#![allow(clippy::print_stdout, reason = "a test tells what it skipped and counted")]

#[allow(dead_code, reason = "the suite of sessions uses more of it")]
#[path = "session/running.rs"]
mod running;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fusewire::engine::{FeedState, Input};
use fusewire::event::{Completeness, Event, Kind, MarketId};
use fusewire::feed::clock::{Clock, RealClock};
use fusewire::feed::session::{Identity, Session, SessionSettings};
use fusewire::feed::venue::{Context, Decoded, Limits, MarketLookup, Refusal, Subscription, Venue, VenueRef, find};
use fusewire::market::{Market, Markets, VenueId};
use running::Running;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

const AGENT: &str = "fusewire";

/// What tokio-tungstenite publishes of itself (autobahn/expected-results.json, 2026-03): of the cases without compression all
/// are OK but these. Compression (12 and 13) it does not implement, and we ask for none.
const NOT_STRICT: &[&str] = &["6.4.3", "6.4.4"];
const INFORMATIONAL: &[&str] = &["7.1.6", "7.13.1", "7.13.2"];

/// Messages of 4 MiB and more, beyond what we take from anybody: refused, and the connection with them.
const TOO_LARGE: &[&str] = &["9.1.4", "9.1.5", "9.1.6", "9.2.4", "9.2.5", "9.2.6", "9.3.", "9.4."];

/// Messages in binary, or of 256 KiB and more: read, and not sent back, for no venue is ever sent such a thing.
const NOT_SENT: &[&str] = &["1.2.", "9.1.2", "9.1.3", "9.2.1", "9.2.2", "9.2.3", "9.5."];

/// Messages in binary for whose return the suite waits a quarter of an hour each: not asked for.
const NOT_ASKED: &[&str] = &["9.6.", "9.8."];

/// A venue of one connection that answers every text with itself, or keeps it.
struct Echo {
    path: String,
    answers: bool,
    heard: Mutex<Vec<String>>,
}

impl Venue for Echo {
    fn name(&self) -> &'static str {
        "autobahn"
    }

    fn checked(&self) -> &'static str {
        "2026-11"
    }

    fn completeness(&self) -> Completeness {
        Completeness::None
    }

    fn base(&self) -> &'static str {
        ""
    }

    fn limits(&self) -> Limits {
        find("binance-spot").expect("a venue").limits()
    }

    fn instrument(&self, _: &str) -> Option<Market> {
        None
    }

    fn subscribe(&self, _: &[(MarketId, &str)], _: &[Kind]) -> Vec<Subscription> {
        vec![Subscription { path: self.path.clone(), streams: Vec::new(), requests: Vec::new() }]
    }

    fn decode(&self, frame: &[u8], _: &Context, _: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let Ok(text) = str::from_utf8(frame) else { return Ok(Decoded::Ignored) };
        if self.answers {
            // A few megabytes in all.
            return Ok(Decoded::Reply(text.to_owned().into()));
        }
        self.heard.lock().expect("no panic").push(text.to_owned());
        Ok(Decoded::Heartbeat)
    }
}

/// Connects to a path and stays until the server ends it; what was heard, where nothing was answered, and why it ended.
fn visit(server: &str, path: &str, answers: bool) -> (Vec<String>, String) {
    let venue: &'static Echo =
        Box::leak(Box::new(Echo { path: path.to_owned(), answers, heard: Mutex::new(Vec::new()) }));
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let wanted = venue.subscribe(&[], &[]).remove(0);
    let markets = Arc::new(MarketLookup::new(venue, &Markets::new()));
    let who = Identity {
        venue: VenueRef::Shipped(venue),
        venue_id: VenueId(0),
        connection: 0,
        base: server.to_owned(),
        markets,
    };
    let settings = SessionSettings {
        silence_secs: 3600.0,
        quiet_silence_secs: 86_400.0,
        late_floor_secs: 3600.0,
        backoff_first_secs: 60.0,
        ..SessionSettings::default()
    };
    let running = Running::start(Session::new(who, wanted, settings, 7, clock.now()), clock);
    loop {
        match running.inputs.recv_timeout(Duration::from_secs(120)).unwrap_or_else(|_| panic!("{path}: no end")) {
            Input::Feed(report) if report.state == FeedState::Down => {
                // The shell takes its leave behind our back.
                std::thread::sleep(Duration::from_millis(20));
                return (venue.heard.lock().expect("no panic").clone(), report.why);
            }
            _ => {}
        }
    }
}

fn ask(server: &str, path: &str) -> String {
    let (heard, why) = visit(server, path, false);
    heard.into_iter().next().unwrap_or_else(|| panic!("{path}: {why}"))
}

fn is_of(case: &str, list: &[&str]) -> bool {
    list.iter().any(|entry| case == *entry || (entry.ends_with('.') && case.starts_with(entry)))
}

#[test]
fn no_case_is_worse_than_the_librarys_own_record() {
    let (Ok(server), Ok(reports)) = (std::env::var("FUSEWIRE_AUTOBAHN"), std::env::var("FUSEWIRE_AUTOBAHN_REPORTS"))
    else {
        println!("skipped: FUSEWIRE_AUTOBAHN names no fuzzing server (`.ci/long autobahn` starts one)");
        return;
    };
    let count: usize = ask(&server, "/getCaseCount").parse().expect("a number");
    assert!(count > 200, "{count} cases: is this the suite?");
    let mut ends = BTreeMap::new();
    for case in 1..=count {
        let about: Value = serde_json::from_str(&ask(&server, &format!("/getCaseInfo?case={case}"))).expect("JSON");
        let id = about["id"].as_str().expect("an id").to_owned();
        if is_of(&id, NOT_ASKED) {
            continue;
        }
        let (_, why) = visit(&server, &format!("/runCase?case={case}&agent={AGENT}"), true);
        ends.insert(id, why);
    }
    visit(&server, &format!("/updateReports?agent={AGENT}"), false);
    judge(&ends, Path::new(&reports));
}

/// What a server of one connection hears back, after `act` has done something to the client.
fn heard_back(act: impl FnOnce(&mut WebSocket<TcpStream>) + Send + 'static) -> Vec<Message> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
        let mut socket = tungstenite::accept(stream).expect("a handshake");
        act(&mut socket);
        std::iter::from_fn(|| socket.read().ok()).collect()
    });
    visit(&format!("ws://{address}"), "/", true);
    server.join().expect("no panic")
}

#[test]
fn a_venue_that_closes_is_answered() {
    let (code, reason) = (CloseCode::Away, "at 00:00 UTC".into());
    let heard = heard_back(move |socket| socket.close(Some(CloseFrame { code, reason })).expect("sent"));
    assert!(matches!(heard.as_slice(), [Message::Close(Some(frame))] if frame.code == CloseCode::Away), "{heard:?}");
}

#[test]
fn what_waited_to_be_said_is_said_before_a_broken_connection_is_left() {
    let heard = heard_back(|socket| {
        // A word, and behind it at once a frame with reserved bits.
        socket.get_mut().write_all(b"\x81\x05hello\xF1\x00").expect("sent");
    });
    assert!(
        matches!(heard.as_slice(), [Message::Text(text), Message::Close(_)] if text.as_str() == "hello"),
        "{heard:?}"
    );
}

/// Compares what the suite says of every case with what must be.
fn judge(ends: &BTreeMap<String, String>, reports: &Path) {
    let text = std::fs::read_to_string(reports.join("index.json")).expect("a report");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let told = told[AGENT].as_object().expect("an agent");
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for (case, why) in ends {
        let word = |key: &str| told[case][key].as_str().unwrap_or("nothing").to_owned();
        let (behavior, close) = (word("behavior"), word("behaviorClose"));
        let good = match behavior.as_str() {
            _ if is_of(case, TOO_LARGE) => behavior == "FAILED" && why.contains("Message too long"),
            _ if is_of(case, NOT_SENT) => !why.contains("Message too long"),
            "OK" => close == "OK",
            "NON-STRICT" => is_of(case, NOT_STRICT) && close == "OK",
            "INFORMATIONAL" => is_of(case, INFORMATIONAL),
            "UNIMPLEMENTED" => is_of(case, &["12.", "13."]),
            _ => false,
        };
        let kind = match () {
            () if is_of(case, TOO_LARGE) => "refused as too large",
            () if is_of(case, NOT_SENT) => "read and not sent back",
            () => &behavior,
        };
        *tally.entry(kind.to_owned()).or_default() += 1;
        if !good {
            faults.push(format!("{case}: {behavior}, close {close}; {why}"));
        }
    }
    println!("{} cases: {tally:?}", ends.len());
    assert!(faults.is_empty(), "{} cases are worse than they must be:\n{}", faults.len(), faults.join("\n"));
}
