//! P9: the tape of a live session, reconnects and all, replays to the very same digest.

use std::io::BufReader;
use std::time::Duration;

use fusewire::config;
use fusewire::engine::Engine;
use fusewire::feed::tape::InputReader;
use fusewire::record::Fact;
use fusewire::replay::Runner;
use fusewire::serve::control::Request;

use crate::rig::{Plan, Rig};
use crate::scene::{CALM, Scene};

#[test]
fn a_live_session_replays_to_the_same_digest() {
    let venue = Scene::crashes_every(1.0).play();
    let tapes = tempfile::tempdir().expect("a directory");
    let tape = tapes.path().join("session.tape");
    let more = format!("[record]\npath = {:?}\n", tape.display().to_string());
    // The default lease could run out under load; here only the digest counts.
    let mut rig = Rig::running(&Plan { more, lease_ms: 2000, ..Plan::watching(&venue.base()) });
    for cut in 1..=2 {
        rig.wait_for_stance("binance-coinm:DOTUSD_PERP", |stance| stance == fusewire::breaker::Stance::Halt);
        venue.drop_connections();
        rig.wait_for("data after a reconnect", |rig| rig.log().matches("data arrives").count() > cut);
    }
    rig.ask(&Request::Trip { scope: format!("market:{CALM}"), stance: "Caution".into(), reason: "a word".into() });
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(rig.end(), 0, "{}", rig.log());

    let log = rig.log();
    let live =
        log.split("digest=").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("a digest in the log");
    let (inputs, replayed) = replay(&rig, &tape);
    let trips = rig.records(1).iter().filter(|record| matches!(record.fact, Fact::Trip { .. })).count();
    println!("{inputs} inputs with {trips} trips and 2 reconnects: {live}");
    assert!(trips >= 2);
    assert_eq!(live, replayed);
}

fn replay(rig: &Rig, tape: &std::path::Path) -> (u64, String) {
    let settings = config::load(&rig.config()).expect("config").engine;
    let file = std::fs::File::open(tape).expect("a tape");
    let reader = InputReader::new(BufReader::new(file)).expect("a tape of inputs");
    let mut runner = Runner::verbatim(Engine::restore(settings, reader.snapshot()).expect("a snapshot"));
    let mut inputs = 0;
    for input in reader {
        runner.feed(input.expect("an input"), &mut []);
        inputs += 1;
    }
    (inputs, runner.finish())
}
