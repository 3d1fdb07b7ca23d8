//! A real daemon process that is killed, stopped or hung: the engine sees Halt within 300 ms.
//!
//! The child is this test binary again, run with one ignored test and told its part through the environment.

#![allow(clippy::disallowed_methods, reason = "real processes, real time")]
#![allow(clippy::expect_used, clippy::print_stdout, reason = "helpers of tests are not seen as tests")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fusewire::breaker::{Contract, Denial, Exposure, Intent, Order, Permission, Side, Stance, Verdict};
use fusewire::gate::{CreateError, Listing, Place, Previous, Reader, ReaderOptions, Role, Spec, Writer, now_mono};
use tempfile::TempDir;

const MARKET: &str = "binance-usdm:BTCUSDT";
const PART: &str = "FUSEWIRE_TEST_GATE";
const MS: u64 = 1_000_000;

/// A daemon of its own process: 25 ms beat unless told otherwise.
struct Daemon {
    child: Child,
    dir: TempDir,
}

impl Daemon {
    fn start() -> Self {
        Self::start_with(25, 250)
    }

    fn start_with(beat_ms: u64, lease_ms: u64) -> Self {
        let dir = TempDir::new().expect("a directory");
        let part = format!("{}|{beat_ms}|{lease_ms}", gate_in(&dir).display());
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "the_child", "--ignored", "--nocapture"])
            .env(PART, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("a child");
        Self { child, dir }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().expect("kill");
        assert!(status.success());
    }

    /// An engine attached to a live gate.
    fn engine(&self) -> Engine {
        let mut reader = Reader::attach(ReaderOptions::at(gate_in(&self.dir)));
        let start = now_mono();
        while reader.standing_at(now_mono(), reader.place(MARKET), 0) != Ok(Permission::FREE) {
            assert!(now_mono() - start < 20_000 * MS, "no gate: {:?}", reader.trouble());
            thread::sleep(Duration::from_millis(1));
            reader.refresh();
        }
        Engine { place: reader.place(MARKET), reader }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn gate_in(dir: &TempDir) -> PathBuf {
    dir.path().join("gate")
}

struct Engine {
    reader: Reader,
    place: Place,
}

impl Engine {
    fn ask(&self, now: u64) -> Verdict {
        let order = Order::limit(Intent::Open, Side::Buy, 1.0, 100.0);
        self.reader.check_at(now, self.place, 0, &order, &Exposure::FLAT)
    }

    /// Asks until opening is denied; the last reading of the clock at which it was still allowed, and the first at
    /// which it was not. Only the first of them is the gate's doing: this thread may itself be put to sleep.
    fn wait_for_halt(&self) -> (u64, u64) {
        let mut last_open = now_mono();
        loop {
            let now = now_mono();
            match self.ask(now) {
                Verdict::Allow => last_open = now,
                verdict => {
                    assert_eq!(verdict, Verdict::Deny(Denial::Expired));
                    return (last_open, now);
                }
            }
            thread::sleep(Duration::from_micros(200));
        }
    }
}

fn expires_within(limit_ms: u64, what: &str, engine: &Engine, misfortune: impl FnOnce()) {
    let start = now_mono();
    misfortune();
    let (last_open, halted) = engine.wait_for_halt();
    let after = |at: u64| at.saturating_sub(start) as f64 / MS as f64;
    println!("{what}: last open {:.1} ms after, seen as Halt {:.1} ms after", after(last_open), after(halted));
    assert!(last_open.saturating_sub(start) <= limit_ms * MS, "{what}: open for longer than {limit_ms} ms");
}

#[test]
fn a_killed_daemon_reads_as_halt_and_its_heir_learns_what_it_said() {
    let mut daemon = Daemon::start();
    let mut engine = daemon.engine();
    expires_within(300, "kill -9", &engine, || daemon.child.kill().expect("killed"));
    daemon.child.wait().expect("reaped");

    let heir = Writer::claim(gate_in(&daemon.dir), Role::Gate).expect("the lock died with its holder");
    assert!(matches!(heir.previous(), Previous::Read { .. }));
    assert_eq!(heir.previous().permission(MARKET, 0), Some(Permission::FREE));
    let mut heir = heir.create(&spec(250)).expect("a gate");
    assert!(engine.reader.refresh());
    heir.renew(1, now_mono());
    assert_eq!(engine.ask(now_mono()), Verdict::Deny(Denial::Stance), "Halt until the heir has spoken");
    heir.publish(0, 0, &Permission::of(Stance::Caution), 2, 0).expect("a cell");
    assert_eq!(engine.ask(now_mono()), Verdict::Allow);
}

#[test]
fn a_stopped_daemon_reads_as_halt_and_comes_back_with_its_next_beat() {
    let daemon = Daemon::start();
    let engine = daemon.engine();
    expires_within(300, "SIGSTOP", &engine, || daemon.signal("-STOP"));
    assert!(matches!(create(&gate_in(&daemon.dir), 250), Err(CreateError::Busy(_))), "a sleeper still holds its gate");
    daemon.signal("-CONT");
    let start = now_mono();
    while engine.ask(now_mono()) != Verdict::Allow {
        assert!(now_mono() - start < 10_000 * MS, "no beat after SIGCONT");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_daemon_that_hangs_in_a_loop_reads_as_halt() {
    let mut daemon = Daemon::start();
    let engine = daemon.engine();
    let stdin = daemon.child.stdin.take();
    expires_within(300, "endless loop", &engine, || drop(stdin));
}

#[test]
fn the_tight_profile_reads_as_halt_within_60_ms() {
    let mut daemon = Daemon::start_with(10, 50);
    let engine = daemon.engine();
    expires_within(60, "tight, kill -9", &engine, || daemon.child.kill().expect("killed"));
}

#[test]
fn a_second_daemon_is_refused_and_the_first_one_beats_on() {
    let daemon = Daemon::start();
    let engine = daemon.engine();
    assert!(matches!(create(&gate_in(&daemon.dir), 250), Err(CreateError::Busy(_))));
    assert_eq!(engine.ask(now_mono()), Verdict::Allow);
}

/// `FUSEWIRE_SOAK_SECS` makes it longer; every core is kept busy meanwhile.
#[test]
fn a_busy_machine_expires_no_lease() {
    let secs = std::env::var("FUSEWIRE_SOAK_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(2);
    let daemon = Daemon::start();
    let engine = daemon.engine();
    let done = AtomicBool::new(false);
    let mut expired = 0;
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let end = now_mono() + secs * 1_000 * MS;
        while now_mono() < end {
            expired += u32::from(engine.ask(now_mono()) != Verdict::Allow);
            thread::sleep(Duration::from_millis(1));
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{secs} s on a busy machine: {expired} false expiries");
    assert_eq!(expired, 0);
}

fn create(path: &Path, lease_ms: u64) -> Result<Writer, CreateError> {
    Writer::create(path, &spec(lease_ms))
}

fn spec(lease_ms: u64) -> Spec {
    Spec { lease_ns: lease_ms * MS, ..Spec::gate(vec![Listing::new(MARKET, Contract::COIN)]) }
}

#[test]
#[ignore = "the daemon of the other tests"]
fn the_child() {
    static HANGS: AtomicBool = AtomicBool::new(false);
    let Ok(part) = std::env::var(PART) else { return };
    let mut words = part.split('|');
    let path = PathBuf::from(words.next().expect("a path"));
    let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).expect("a number");
    let (beat_ms, lease_ms) = (number(), number());
    let mut writer = create(&path, lease_ms).expect("a gate");
    writer.publish(0, 0, &Permission::FREE, 16, 7).expect("a cell");
    thread::spawn(|| {
        // The parent closes our standard input to hang us; it also closes when the parent dies.
        let _ = std::io::stdin().read(&mut [0]);
        HANGS.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_secs(10));
        std::process::exit(0);
    });
    for probe_seq in 1.. {
        writer.renew(probe_seq, now_mono());
        while HANGS.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
        thread::sleep(Duration::from_millis(beat_ms));
    }
}
