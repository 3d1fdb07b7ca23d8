//! A tape of engine inputs knows what its run came to, file by file; a replay that comes to something else says so.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use fusewire::engine::{Engine, EngineSettings, Input};
use fusewire::event::{Aggressor, Body, Event, MarketId, Nanos, Price, Qty};
use fusewire::feed::tape::InputWriter;
use fusewire::feed::venue::find;
use fusewire::market::Markets;
use fusewire::replay::Runner;
use serde_json::Value;

const START: Nanos = Nanos::from_secs(1_760_128_800);
const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One file of a recorded run.
struct Part {
    snapshot: Vec<u8>,
    inputs: Vec<Input>,
    digest: String,
}

fn markets() -> Markets {
    let mut markets = Markets::new();
    markets.add(find("binance-coinm").and_then(|venue| venue.instrument("DOTUSD_PERP")).expect("a market"));
    markets
}

/// A trade a second, and the time.
fn second(secs: u32) -> [Input; 2] {
    let at = START.plus_secs(f64::from(secs));
    let (price, qty) =
        (Price::new(4.0 + f64::from(secs % 7) / 1000.0).expect("price"), Qty::positive(2.0).expect("qty"));
    let body = Body::Trade { price, qty, id: u64::from(secs) + 1, aggressor: Aggressor::Sell };
    [Input::Event(Event { venue_at: at, recv_at: at, market: MarketId(0), body }), Input::Tick(at)]
}

/// A run of twenty minutes in two files, as the daemon's recorder keeps it; and what it came to as a whole.
fn run() -> ([Part; 2], String) {
    let mut runner = Runner::verbatim(Engine::new(EngineSettings::default(), markets()));
    let parts = [0..600, 600..1200].map(|secs| {
        let (snapshot, inputs): (_, Vec<Input>) = (runner.engine.snapshot(), secs.flat_map(second).collect());
        runner.begin_file();
        for input in &inputs {
            runner.feed(input.clone(), &mut []);
        }
        Part { snapshot, inputs, digest: runner.finish_file() }
    });
    let digest = runner.finish();
    (parts, digest)
}

/// Writes a part with this digest at its end.
fn write(folder: &Path, name: &str, part: &Part, digest: Option<&str>) -> PathBuf {
    let mut writer = InputWriter::packed(Vec::new(), &part.snapshot, &markets()).expect("memory takes all");
    part.inputs.iter().for_each(|input| writer.write(input).expect("memory takes all"));
    let path = folder.join(name);
    fs::write(&path, writer.finish(digest).expect("memory takes all")).expect("written");
    path
}

/// Exit code, the digest printed, and what was said beside it.
fn replay(tapes: &[&Path]) -> (i32, String, String) {
    let output = Command::cargo_bin("fusewire").expect("built").args(["replay", "--json"]).args(tapes).output();
    let output = output.expect("it runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("the summary is printed all the same");
    let digest = told["digest"].as_str().expect("a digest").to_owned();
    (output.status.code().expect("an exit code"), digest, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn files_of_a_run_replay_to_their_digests_alone_and_together() {
    let (folder, (parts, whole)) = (tempfile::tempdir().expect("a folder"), run());
    let [first, second] = ["1.arrows.zst", "2.arrows.zst"];
    let first = write(folder.path(), first, &parts[0], Some(&parts[0].digest));
    let second = write(folder.path(), second, &parts[1], Some(&parts[1].digest));
    assert_eq!(replay(&[&first, &second]), (0, whole, String::new()));
    assert_eq!(replay(&[&first]), (0, parts[0].digest.clone(), String::new()));
    assert_eq!(replay(&[&second]), (0, parts[1].digest.clone(), String::new()));
    // Whoever recorded without an engine knows none.
    let bare = write(folder.path(), "bare.arrows.zst", &parts[0], None);
    assert_eq!(replay(&[&bare]), (0, parts[0].digest.clone(), String::new()));
}

#[test]
fn a_file_that_came_to_another_digest_is_named_and_the_replay_fails() {
    let (folder, (parts, _)) = (tempfile::tempdir().expect("a folder"), run());
    let first = write(folder.path(), "1.arrows.zst", &parts[0], Some(&parts[0].digest));
    let second = write(folder.path(), "2.arrows.zst", &parts[1], Some(OTHER));
    let (code, _, told) = replay(&[&first, &second]);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("2.arrows.zst") && !told.contains("1.arrows.zst"), "{told}");
    assert!(told.contains(OTHER) && told.contains(&parts[1].digest), "{told}");
    // Of the first file the second one is no excuse.
    let first = write(folder.path(), "1.arrows.zst", &parts[0], Some(OTHER));
    let second = write(folder.path(), "2.arrows.zst", &parts[1], Some(&parts[1].digest));
    let (code, _, told) = replay(&[&first, &second]);
    assert!(code == 1 && told.contains("1.arrows.zst") && told.contains(&parts[0].digest), "{code} {told}");
}

#[test]
fn an_input_that_was_changed_by_the_smallest_step_is_told() {
    let (folder, ([mut part, _], _)) = (tempfile::tempdir().expect("a folder"), run());
    let Some(Input::Event(Event { body: Body::Trade { price, .. }, .. })) = part.inputs.get_mut(700) else {
        unreachable!("an even place holds a trade")
    };
    *price = Price::new(price.get().next_up()).expect("price");
    let digest = part.digest.clone();
    let tape = write(folder.path(), "changed.arrows.zst", &part, Some(&digest));
    let (code, came_to, told) = replay(&[&tape]);
    assert_eq!(code, 1, "{told}");
    assert!(came_to != digest && told.contains(&digest) && told.contains("or the tape was changed"), "{told}");
}
