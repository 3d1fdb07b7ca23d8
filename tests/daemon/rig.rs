//! The rig: a daemon in a process of its own over one directory, and what others see of it.

use std::fs::{self, OpenOptions};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fusewire::breaker::{Denial, Permission, Stance};
use fusewire::gate::{Cell, Reader, ReaderOptions, now_mono};
use fusewire::record::Record;
use fusewire::serve::control::{self, Request, Response};
use fusewire::store;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::web;

/// Longest that anything without a promise of its own may take on a slow machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a daemon is told, besides its places.
#[derive(Clone)]
pub(crate) struct Plan {
    /// `[[feed]]`s.
    pub(crate) feeds: String,
    /// `[[rule]]`s; the shipped ones are off.
    pub(crate) rules: &'static str,
    /// Length of the lease, milliseconds.
    pub(crate) lease_ms: u32,
    /// Anything else.
    pub(crate) more: String,
}

/// A fall of 5 % within a second halts for a moment; then the way back. Both at the pace of the scene.
pub(crate) const FAST_RULES: &str = r#"
[rules]
use_shipped = false

[[rule]]
name = "velocity"
any = ["velocity.fall"]
stance = "Halt"
hold_secs = 0.15
probe_secs = 0.1
ramp = [0.5]
strikes_max = 0
"#;

/// One feed of both markets of a scene.
pub(crate) fn feed(venue: &str, markets: &[&str], endpoint: &str) -> String {
    format!(
        "[[feed]]\nvenue = \"{venue}\"\nmarkets = {markets:?}\nendpoint = \"{endpoint}\"\n\
         backoff_first_secs = 0.05\nbackoff_max_secs = 0.5\n\n"
    )
}

impl Plan {
    /// Both markets of a scene at `endpoint`, and the fast rules.
    pub(crate) fn watching(endpoint: &str) -> Self {
        let feeds = feed("binance-coinm", &["DOTUSD_PERP", "TRXUSD_PERP"], endpoint);
        Self { feeds, rules: FAST_RULES, lease_ms: 250, more: String::new() }
    }

    fn text(&self, dir: &Path, listen: SocketAddr) -> String {
        let Self { feeds, rules, lease_ms, more } = self;
        let dir = dir.display();
        format!(
            r#"{feeds}{rules}
[engine]
look_ms = 20

# Nothing binds before the crash: what the gate says is what was decided.
[engine.warming]
stance = "Normal"

[detect.base]
rest_secs = 0

[detect.velocity]
window_secs = 1
limit_percent = 5

[gate]
path = "{dir}/gate/gate"
lease_ms = {lease_ms}

[store]
dir = "{dir}/store"

[serve]
listen = "{listen}"
control = "{dir}/control.sock"
reports = "{dir}/reports"

{more}"#
        )
    }
}

/// One directory with one config, and the daemon that runs there now. It dies with this.
pub(crate) struct Rig {
    dir: TempDir,
    pub(crate) listen: SocketAddr,
    child: Option<Child>,
}

impl Rig {
    pub(crate) fn new(plan: &Plan) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let listen = free_address();
        fs::write(dir.path().join("config.toml"), plan.text(dir.path(), listen)).expect("config");
        Self { dir, listen, child: None }
    }

    /// A rig whose daemon runs and holds a lease.
    pub(crate) fn running(plan: &Plan) -> Self {
        let mut rig = Self::new(plan);
        rig.start(&[]);
        rig.wait_for_lease();
        rig
    }

    /// Starts the daemon, and waits for nothing.
    pub(crate) fn start(&mut self, args: &[&str]) {
        self.start_as("run", args);
    }

    /// Starts another command that takes the config and stays.
    pub(crate) fn start_as(&mut self, command: &str, args: &[&str]) {
        self.launch(Command::new(env!("CARGO_BIN_EXE_fusewire")).arg(command).arg("-c").arg(self.config()).args(args));
    }

    /// Starts the daemon by a line of shell, in which `"$@"` is the daemon.
    pub(crate) fn start_in_shell(&mut self, line: &str) {
        let daemon = env!("CARGO_BIN_EXE_fusewire");
        self.launch(Command::new("/bin/sh").args(["-c", line, "sh", daemon, "run", "-c"]).arg(self.config()));
    }

    fn launch(&mut self, command: &mut Command) {
        let log = OpenOptions::new().create(true).append(true).open(self.path("log")).expect("log");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the daemon");
        self.child = Some(child);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config.toml")
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(self.child.as_ref().expect("a running daemon"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a signal");
    }

    /// `kill -9`, and the corpse is buried. Gives the time at which the signal was sent.
    pub(crate) fn kill(&mut self) -> u64 {
        self.signal(Signal::KILL);
        let at = now_mono();
        self.child.take().expect("a running daemon").wait().expect("a corpse");
        at
    }

    /// SIGTERM; gives the exit code.
    pub(crate) fn end(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.exit()
    }

    /// Waits for the daemon to end by itself; gives the exit code.
    pub(crate) fn exit(&mut self) -> i32 {
        let mut child = self.child.take().expect("a running daemon");
        let began = Instant::now();
        loop {
            if let Some(status) = child.try_wait().expect("a status") {
                return status.code().unwrap_or_else(|| panic!("{status}\n{}", self.log()));
            }
            if began.elapsed() > PATIENCE {
                self.child = Some(child);
                panic!("the daemon does not end\n{}", self.log());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until something holds.
    pub(crate) fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "waited in vain for {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(2));
        }
        began.elapsed()
    }

    /// Waits until the daemon that runs now holds a lease; the one before it may have left a living one.
    pub(crate) fn wait_for_lease(&self) -> Duration {
        let pid = self.child.as_ref().expect("a running daemon").id();
        self.wait_for("a lease", |rig| rig.sight().is_live_by(pid))
    }

    /// Waits until a market allows at most, or exactly, what `fits` says.
    pub(crate) fn wait_for_stance(&self, market: &str, fits: impl Fn(Stance) -> bool) -> Duration {
        let mut sight = self.sight();
        let began = Instant::now();
        loop {
            let stance = sight.of(market).permission.stance();
            if sight.is_live() && fits(stance) {
                return began.elapsed();
            }
            assert!(began.elapsed() < PATIENCE, "{market} stays at {}\n{}", stance.name(), self.log());
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    /// A look at the gate.
    pub(crate) fn sight(&self) -> Sight {
        Sight::new(self.path("gate/gate"))
    }

    pub(crate) fn ask(&self, request: &Request) -> Response {
        control::ask(&self.path("control.sock"), request).unwrap_or_else(|why| panic!("{why}\n{}", self.log()))
    }

    pub(crate) fn get(&self, page: &str) -> Option<(u16, String)> {
        web::get(self.listen, page)
    }

    pub(crate) fn metrics(&self) -> String {
        let (status, page) = self.get("/metrics").expect("metrics");
        assert_eq!(status, 200, "{page}");
        page
    }

    pub(crate) fn store(&self) -> store::Reader {
        store::Reader::open(&self.path("store")).expect("a store")
    }

    /// Every record from `from` on, in a store that is whole.
    pub(crate) fn records(&self, from: u64) -> Vec<Record> {
        let reader = self.store();
        reader.verify().unwrap_or_else(|broken| panic!("broken at {}: {}", broken.seq, broken.why));
        reader.records(from, store::Filter::default()).collect::<Result<_, _>>().expect("records")
    }

    /// Changes the config before a start.
    pub(crate) fn set(&self, what: &str, to: &str) {
        let text = fs::read_to_string(self.config()).expect("config");
        assert!(text.contains(what), "{what} is not in\n{text}");
        fs::write(self.config(), text.replace(what, to)).expect("config");
    }

    /// Takes a place of another directory instead of its own.
    pub(crate) fn borrow(&self, place: &str, from: &Self) {
        self.set(&self.path(place).display().to_string(), &from.path(place).display().to_string());
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // What still runs here failed its test or is hung: nothing gentler reaches both.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Free a moment ago, which is enough on loopback.
fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port")
}

/// The gate as a trading engine sees it, through the public reader.
pub(crate) struct Sight {
    reader: Reader,
}

/// One market at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// What an order would be judged by; Halt without a lease.
    pub(crate) permission: Permission,
    /// The cell behind it, whatever the lease says.
    pub(crate) cell: Option<Cell>,
}

impl Sight {
    fn new(gate: PathBuf) -> Self {
        Self { reader: Reader::attach(ReaderOptions::at(gate)) }
    }

    pub(crate) fn of(&mut self, market: &str) -> Seen {
        self.reader.refresh();
        let place = self.reader.place(market);
        Seen { permission: self.reader.permission_at(now_mono(), place, 0), cell: self.reader.read_cell(place, 0) }
    }

    /// Whether the gate has a lease now.
    pub(crate) fn is_live(&self) -> bool {
        self.reader.gate().is_some_and(|page| page.is_live(now_mono()))
    }

    fn is_live_by(&self, pid: u32) -> bool {
        self.reader.gate().is_some_and(|page| page.header().pid == pid) && self.is_live()
    }

    /// Whether the lease of the file seen last is over at `at`.
    pub(crate) fn is_expired_at(&self, market: &str, at: u64) -> bool {
        self.reader.standing_at(at, self.reader.place(market), 0) == Err(Denial::Expired)
    }

    /// When the lease ends, and the last probe that renewed it.
    pub(crate) fn lease(&self) -> (u64, u64) {
        self.reader.glance().map_or((0, 0), |glance| (glance.lease_until, glance.probe_seq))
    }
}
