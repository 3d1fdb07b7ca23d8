//! The way back: what a trading engine acknowledges is shown, its silence is noticed, and its file harms nobody.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use fusewire::breaker::{Denial, Verdict};
use fusewire::gate::{AckWriter, Glance, Reader, ReaderOptions, now_mono};

use crate::rig::{Plan, Rig};
use crate::scene::Scene;
use crate::web::value;

const FRESH: &str = "fusewire_ack_fresh";
const AGE: &str = "fusewire_ack_age_seconds";
const LAG: &str = "fusewire_ack_lag_publications";

/// A trading engine that asked for three orders, of which one was denied, and acknowledges every 10 ms.
struct Engine {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Engine {
    /// Acknowledges what `tell` makes of what it sees of the gate.
    fn start(rig: &Rig, tell: fn(Glance) -> Glance) -> Self {
        let (gate, ack) = (rig.path("gate/gate"), ack_of(rig));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut reader = Reader::attach(ReaderOptions::at(gate));
            let mut acks = AckWriter::create(&ack).expect("an ack file");
            for verdict in [Verdict::Allow, Verdict::Reduce { max_qty: 1.0 }, Verdict::Deny(Denial::Stance)] {
                acks.count(&verdict);
            }
            while !stopped.load(Ordering::Relaxed) {
                reader.refresh();
                if let Some(glance) = reader.glance() {
                    acks.write(&tell(glance), now_mono());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("an engine");
    }
}

fn ack_of(rig: &Rig) -> PathBuf {
    rig.path("engine/ack")
}

/// A daemon that expects acknowledgements.
fn listening(base: &str) -> Rig {
    let mut rig = Rig::new(&Plan::watching(base));
    fs::create_dir(rig.path("engine")).expect("a directory of the engine");
    rig.set("lease_ms = 250", &format!("lease_ms = 250\nack = \"{}\"", ack_of(&rig).display()));
    rig.start(&[]);
    rig.wait_for_lease();
    rig
}

fn wait_for_fresh(rig: &Rig, fresh: f64) -> Duration {
    rig.wait_for("the acknowledgement", |rig| (value(&rig.metrics(), FRESH) - fresh).abs() < 0.1)
}

fn count(rig: &Rig, words: &str) -> usize {
    rig.log().matches(words).count()
}

/// What `fusewire gate read` says of the engine.
fn gate_read(rig: &Rig) -> serde_json::Value {
    let config = rig.config();
    let read = Command::new(env!("CARGO_BIN_EXE_fusewire"))
        .args(["gate", "read", "--json", "-c"])
        .arg(&config)
        .output()
        .expect("gate read");
    let whole: serde_json::Value = serde_json::from_slice(&read.stdout).expect("json");
    whole["ack"].clone()
}

#[test]
fn an_engine_that_falls_silent_is_noticed_and_so_is_its_return() {
    let venue = Scene::calm().play();
    let mut rig = listening(&venue.base());
    rig.wait_for("metrics", |rig| rig.get("/metrics").is_some_and(|(_, page)| page.contains(FRESH)));
    let page = rig.metrics();
    assert!(value(&page, FRESH) < 0.1 && !page.contains(AGE), "nobody has acknowledged yet");

    let engine = Engine::start(&rig, |glance| glance);
    let took = wait_for_fresh(&rig, 1.0);
    println!("heard after {:.0} ms", took.as_secs_f64() * 1e3);
    let page = rig.metrics();
    assert!(value(&page, AGE) < 3.0 && value(&page, LAG) < 8.0, "{page}");
    assert_eq!(value(&page, "fusewire_ack_orders_total{verdict=\"allowed\"}") as u64, 2);
    assert_eq!(value(&page, "fusewire_ack_orders_total{verdict=\"denied\"}") as u64, 1);
    let ack = gate_read(&rig);
    assert_eq!((&ack["fresh"], &ack["why"]), (&true.into(), &serde_json::Value::Null), "{ack}");
    assert_eq!((&ack["orders_allowed"], &ack["orders_denied"]), (&2.into(), &1.into()), "{ack}");
    rig.wait_for("a line", |rig| count(rig, "a trading engine acknowledges the gate") == 1);

    engine.stop();
    let took = wait_for_fresh(&rig, 0.0);
    println!("noticed after {:.1} s", took.as_secs_f64());
    assert!((2.0..6.0).contains(&took.as_secs_f64()), "{took:?}");
    assert!(value(&rig.metrics(), AGE) > 3.0);
    assert!(gate_read(&rig)["why"].as_str().is_some_and(|why| why.contains("it fell silent ")));
    let mute = "no trading engine acknowledges the gate";
    rig.wait_for("a warning", |rig| count(rig, mute) == 1);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(count(&rig, mute), 1, "once");

    let engine = Engine::start(&rig, |glance| glance);
    wait_for_fresh(&rig, 1.0);
    rig.wait_for("a line", |rig| count(rig, "the trading engine acknowledges the gate again") == 1);
    engine.stop();
    assert_eq!(rig.end(), 0);
}

#[test]
fn an_engine_that_reads_another_gate_does_not_count() {
    let venue = Scene::calm().play();
    let mut rig = listening(&venue.base());
    let engine = Engine::start(&rig, |glance| glance);
    wait_for_fresh(&rig, 1.0);
    engine.stop();
    let engine = Engine::start(&rig, |glance| Glance { generation: glance.generation - 1, ..glance });
    wait_for_fresh(&rig, 0.0);
    rig.wait_for("a warning", |rig| count(rig, "acknowledges the gate: it reads another gate file, generation ") == 1);
    let page = rig.metrics();
    assert!(value(&page, AGE) < 3.0 && !page.contains(LAG), "it is there, and what it sees is not ours: {page}");
    engine.stop();
    assert_eq!(rig.end(), 0);
}

/// Everything that may stand in the place of the file, while the daemon looks.
#[test]
fn a_hostile_file_changes_nothing_but_the_metric() {
    let venue = Scene::calm().play();
    let mut rig = listening(&venue.base());
    let ack = ack_of(&rig);
    let engine = Engine::start(&rig, |glance| glance);
    wait_for_fresh(&rig, 1.0);
    engine.stop();
    let whole = fs::read(&ack).expect("written");
    let mut torn = whole.clone();
    torn[0x60] ^= 0xff;
    let beats = || value(&rig.metrics(), "fusewire_lease_beats_total");
    let write = |bytes: &[u8]| fs::write(&ack, bytes).expect("written");
    let misfortunes: [(&str, &dyn Fn()); 6] = [
        ("torn", &|| write(&torn)),
        ("short", &|| write(&whole[..40])),
        ("empty", &|| write(&[])),
        ("large", &|| write(&vec![0xa5; 8 << 20])),
        ("a pipe that nobody writes", &|| replace(&ack, "mkfifo")),
        ("a directory", &|| replace(&ack, "mkdir")),
    ];
    for (what, misfortune) in misfortunes {
        misfortune();
        let before = beats();
        // Long enough for one look at it.
        std::thread::sleep(Duration::from_millis(1200));
        assert!(rig.sight().is_live(), "{what}: {}", rig.log());
        assert!(beats() > before, "{what}");
        assert!(gate_read(&rig)["why"].is_string(), "{what}");
    }
    assert!(value(&rig.metrics(), FRESH) < 0.1);
    assert_eq!(
        value(&rig.metrics(), "fusewire_ack_orders_total{verdict=\"allowed\"}") as u64,
        2,
        "the last word stands"
    );
    assert_eq!(count(&rig, "no trading engine acknowledges the gate"), 1, "{}", rig.log());

    fs::remove_dir(&ack).expect("removed");
    let engine = Engine::start(&rig, |glance| glance);
    wait_for_fresh(&rig, 1.0);
    engine.stop();
    assert_eq!(rig.end(), 0);
}

fn replace(path: &Path, program: &str) {
    let remove = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
    remove.expect("removed");
    assert!(Command::new(program).arg(path).status().expect(program).success());
}
