//! P9: the tape of a live session, reconnects and all, replays to the very same digest; and of a killed one all but the last
//! second is kept.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fusewire::config;
use fusewire::engine::{Engine, Input};
use fusewire::event::Nanos;
use fusewire::feed::tape::{self, Ending, InputReader, Spec};
use fusewire::market::Markets;
use fusewire::record::Fact;
use fusewire::replay::Runner;
use fusewire::serve::control::Request;

use crate::rig::{Plan, Rig};
use crate::scene::{CALM, Scene};

fn recording(dir: &Path, base: &str) -> Plan {
    let more = format!("[record]\ndir = {:?}\n", dir.display().to_string());
    // The default lease could run out under load; here only the tapes count.
    Plan { more, lease_ms: 2000, ..Plan::watching(base) }
}

/// Recordings whose names end so, oldest first.
fn recordings(dir: &Path, end: &str) -> Vec<PathBuf> {
    let files = std::fs::read_dir(dir).expect("a directory").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    files.sort();
    files
}

const EVENTS: &str = r#"fusewire_feed_events_total{venue="binance-coinm",connection="0"}"#;
const INPUTS: &str = "-inputs.arrows.zst";
const FRAMES: &str = "-binance-coinm-0.frames.zst";

#[test]
fn a_live_session_replays_to_the_same_digest() {
    let venue = Scene::crashes_every(1.0).play();
    let tapes = tempfile::tempdir().expect("a directory");
    let mut rig = Rig::running(&recording(tapes.path(), &venue.base()));
    for cut in 1..=2 {
        rig.wait_for_stance("binance-coinm:DOTUSD_PERP", |stance| stance == fusewire::breaker::Stance::Halt);
        venue.drop_connections();
        rig.wait_for("data after a reconnect", |rig| rig.log().matches("data arrives").count() > cut);
    }
    rig.ask(&Request::Trip { scope: format!("market:{CALM}"), stance: "Caution".into(), reason: "a word".into() });
    std::thread::sleep(Duration::from_millis(1500));
    let metrics = rig.metrics();
    assert!(
        metrics.contains("fusewire_record_stopped 0") && !metrics.contains("fusewire_record_bytes_total 0"),
        "{metrics}"
    );
    assert_eq!(rig.end(), 0, "{}", rig.log());

    let log = rig.log();
    let live =
        log.split("digest=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a digest in the log");
    let [tape] = &recordings(tapes.path(), INPUTS)[..] else { panic!("one tape of inputs") };
    let (inputs, replayed) = replay(&rig, tape);
    let trips = rig.records(1).iter().filter(|record| matches!(record.fact, Fact::Trip { .. })).count();
    println!("{inputs} inputs with {trips} trips and 2 reconnects: {live}");
    assert!(trips >= 2);
    assert_eq!(live, replayed);
    frames_say_what_inputs_say(tapes.path(), tape);
}

/// The raw frames of the connection, decoded anew, hold every event that the engine took in.
fn frames_say_what_inputs_say(dir: &Path, tape: &Path) {
    let [frames] = &recordings(dir, FRAMES)[..] else { panic!("one file of frames") };
    let info = tape::info(&[Spec::new(frames)]).expect("the URL tells the venue");
    let inputs = tape::info(&[Spec::new(tape)]).expect("a tape");
    assert!(info.bad.is_empty() && info.damaged.is_empty(), "{info:?}");
    for (market, told) in &inputs.markets {
        let (of_frames, of_inputs) = (info.markets[market].counts["trades"], told.counts["trades"]);
        // After a reconnect a session drops trades that it has had.
        assert!(of_inputs > 0 && of_frames >= of_inputs, "{market}: {of_frames} in frames, {of_inputs} taken in");
    }
}

#[test]
fn killed_it_leaves_all_but_the_last_second_and_the_reader_says_so() {
    let venue = Scene::crashes_every(1.0).play();
    let tapes = tempfile::tempdir().expect("a directory");
    let plan = recording(tapes.path(), &venue.base());
    let mut rig = Rig::running(&plan);
    rig.wait_for("three seconds of data", |_| {
        std::thread::sleep(Duration::from_millis(100));
        recordings(tapes.path(), FRAMES)
            .iter()
            .any(|file| span(file).is_some_and(|(from, to)| to.secs_since(from) > 3.0))
    });
    rig.kill();
    let killed = now();
    let [tape] = &recordings(tapes.path(), INPUTS)[..] else { panic!("one tape of inputs") };
    let file = std::fs::File::open(tape).expect("a tape");
    let mut reader = InputReader::new(BufReader::new(file)).expect("a snapshot");
    let inputs: Vec<Input> = reader.by_ref().map(|input| input.expect("an input")).collect();
    let last = inputs.last().expect("inputs").at();
    println!("{} inputs kept, the last of {:.2} s before the kill", inputs.len(), killed.secs_since(last));
    assert!(killed.secs_since(last) < 1.0, "at most the last second is lost: {:.2} s", killed.secs_since(last));
    assert!(matches!(reader.ending(), Some(Ending::Torn { .. })), "{:?}", reader.ending());
    let damage = reader.damage().expect("it is told");
    assert!(damage.contains(&last.to_string()), "{damage}");
    let (_, frames_to) = span(&recordings(tapes.path(), FRAMES)[0]).expect("frames");
    assert!(killed.secs_since(frames_to) < 2.0);

    let output = Command::new(env!("CARGO_BIN_EXE_fusewire"))
        .args(["replay", "--json", "-c"])
        .arg(rig.config())
        .arg(tape)
        .output()
        .expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{told}");
    assert!(told.contains("torn off") && told.contains(&last.to_string()), "{told}");

    // A restart begins files of its own.
    let before = std::fs::read(tape).expect("a tape");
    rig.start(&[]);
    rig.wait_for_lease();
    assert_eq!(rig.end(), 0, "{}", rig.log());
    assert_eq!(std::fs::read(tape).expect("a tape"), before);
    assert_eq!(recordings(tapes.path(), INPUTS).len(), 2);
}

#[test]
fn a_recording_without_an_engine_is_scraped_while_it_runs_and_ends_in_order() {
    let venue = Scene::calm().play();
    let tapes = tempfile::tempdir().expect("a directory");
    let mut rig = Rig::new(&recording(tapes.path(), &venue.base()));
    rig.start_as("record", &["--serve"]);
    rig.wait_for("feeds that deliver", |rig| rig.get("/readyz").is_some_and(|(status, _)| status == 200));
    let told = |metrics: &str, name: &str| -> f64 {
        let line =
            metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}\n{metrics}"));
        line.trim().parse().expect("a number")
    };
    rig.wait_for("bytes on the disk", |rig| {
        let metrics = rig.metrics();
        told(&metrics, "fusewire_record_bytes_total") > 0.0 && told(&metrics, EVENTS) > 100.0
    });
    assert_eq!(rig.get("/healthz").expect("it lives").0, 200);
    assert!(told(&rig.metrics(), "fusewire_record_stopped") < 1.0);
    assert!(!rig.path("gate").exists() && !rig.path("store").exists(), "neither gate nor store");
    let before = told(&rig.metrics(), EVENTS) as u64;
    assert_eq!(rig.end(), 0, "{}", rig.log());
    let [tape] = &recordings(tapes.path(), INPUTS)[..] else { panic!("one tape of inputs") };
    let info = tape::info(&[Spec::new(tape)]).expect("a tape");
    let trades: u64 = info.markets.values().map(|market| market.counts["trades"]).sum();
    assert!(info.damaged.is_empty() && trades > 100, "{info:?}");
    let events: u64 = info.markets.values().flat_map(|market| market.counts.values()).sum();
    assert!(events >= before, "{events} on the tape, {before} were told before its end");

    // Where nobody could see it, it does not begin.
    let taken = std::net::TcpListener::bind(rig.listen).expect("the port is free again");
    rig.start_as("record", &["--serve"]);
    assert_eq!(rig.exit(), 1);
    assert!(rig.log().contains(&format!("listening on {}", rig.listen)), "{}", rig.log());
    drop(taken);
}

fn now() -> Nanos {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    Nanos(since.as_nanos() as i64)
}

/// First and last receive time of what can be read of a file.
fn span(path: &Path) -> Option<(Nanos, Nanos)> {
    let mut source = tape::open(&Spec::new(path)).ok()?;
    let (mut markets, mut span) = (Markets::new(), None);
    while let Ok(Some(input)) = source.next(&mut markets) {
        let at = input.at();
        span = Some(span.map_or((at, at), |(from, _)| (from, at)));
    }
    span
}

fn replay(rig: &Rig, tape: &std::path::Path) -> (u64, String) {
    let settings = config::load(&rig.config()).expect("config").engine;
    let file = std::fs::File::open(tape).expect("a tape");
    let mut reader = InputReader::new(BufReader::new(file)).expect("a tape of inputs");
    let mut runner = Runner::verbatim(Engine::restore(settings, reader.snapshot()).expect("a snapshot"));
    let mut inputs = 0;
    for input in reader.by_ref() {
        runner.feed(input.expect("an input"), &mut []);
        inputs += 1;
    }
    let digest = runner.finish();
    assert_eq!(reader.ending(), Some(&Ending::Whole(Some(digest.clone()))), "the tape knows its digest");
    (inputs, digest)
}
