//! The daemon of the demonstration: this same binary as `run -c`, in a process of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::crash::{CAST, Part};
use super::receiver::Receiver;
use crate::gate::{Reader, ReaderOptions, now_mono};
use crate::live::SceneClock;
use crate::record::{Fact, Record};
use crate::store::{Filter, Store};

/// The running daemon.
pub(super) struct Daemon {
    child: std::cell::RefCell<Child>,
    dir: PathBuf,
    listen: SocketAddr,
}

/// What the daemon left behind.
pub(super) struct Ending {
    /// Every record it stored.
    pub(super) records: Vec<Record>,
    /// What `store verify` says.
    pub(super) verdict: String,
    /// Incident pages.
    pub(super) pages: Vec<PathBuf>,
    /// Lines that the exec hook wrote.
    pub(super) exec_lines: usize,
}

impl Daemon {
    /// Writes its config and starts it.
    pub(super) fn start(dir: &Path, endpoints: &[String], receiver: &Receiver, clock: &SceneClock) -> Result<Self> {
        let listen = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?;
        let config = dir.join("config.toml");
        fs::write(&config, config_text(dir, endpoints, receiver, listen, clock.speed))?;
        let log = File::create(dir.join("daemon.log"))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["run", "--scene", &clock.to_string(), "--config"])
            .arg(&config)
            .args(warm(dir)?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("starting the daemon")?;
        Ok(Self { child: child.into(), dir: dir.to_owned(), listen })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.borrow().id()
    }

    pub(super) fn gate_path(&self) -> PathBuf {
        self.dir.join("gate").join("gate")
    }

    pub(super) fn ack_path(&self) -> PathBuf {
        self.dir.join("engine").join("ack")
    }

    /// Waits until the gate has a lease: the daemon has taken its first probe.
    #[allow(clippy::disallowed_methods, reason = "a driver: it waits for another process")]
    pub(super) fn wait_until_beating(&self, patience: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < patience {
            self.check()?;
            if let Ok(reader) = Reader::open(ReaderOptions::at(self.gate_path()))
                && reader.gate().is_some_and(|page| page.is_live(now_mono()))
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the daemon did not start within {} s; see {}", patience.as_secs(), self.log().display())
    }

    /// Fails when the daemon has ended by itself.
    pub(super) fn check(&self) -> Result<()> {
        if let Some(status) = self.child.borrow_mut().try_wait()? {
            bail!("the daemon ended ({status}); see {}", self.log().display());
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.dir.join("daemon.log")
    }

    /// Its metrics, as Prometheus would see them.
    pub(super) fn scrape(&self) -> Option<String> {
        let mut stream = TcpStream::connect_timeout(&self.listen, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        let host = self.listen;
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        text.starts_with("HTTP/1.1 200").then_some(text)
    }

    /// Asks it to end, waits, and reads what it left.
    pub(super) fn end(self) -> Result<Ending> {
        let mut child = self.child.borrow_mut();
        if let Some(pid) = Pid::from_raw(i32::try_from(child.id())?) {
            kill_process(pid, Signal::TERM)?;
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("the daemon ended with {status}; see {}", self.log().display());
        }
        let reader = Store::open_read_only(&self.dir.join("store"))?;
        let records = reader.records(1, Filter::default()).collect::<Result<Vec<_>, _>>()?;
        let verdict = match reader.verify() {
            Ok(good) => format!("{} records, chain unbroken", good.records),
            Err(broken) => format!("BROKEN at record {}: {}", broken.seq, broken.why),
        };
        let pages = pages(&records, &self.dir.join("reports"));
        let exec = fs::read_to_string(self.dir.join("exec-hook.jsonl")).unwrap_or_default();
        Ok(Ending { records, verdict, pages, exec_lines: exec.lines().count() })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only what ended badly is still running here.
        drop(self.child.borrow_mut().kill());
        drop(self.child.borrow_mut().wait());
    }
}

/// Puts the day before the scene into the directory; gives the arguments that name it.
fn warm(dir: &Path) -> Result<Vec<OsString>> {
    let mut args: Vec<OsString> = Vec::new();
    for part in &CAST {
        for (name, bytes) in part.before {
            let path = dir.join(name);
            fs::write(&path, bytes)?;
            let mut whose = OsString::from(format!("{}=", part.venue));
            whose.push(&path);
            args.extend(["--warm".into(), path.into_os_string(), "--warm-venue".into(), whose]);
        }
    }
    Ok(args)
}

fn pages(records: &[Record], dir: &Path) -> Vec<PathBuf> {
    let mut ids: Vec<&str> = Vec::new();
    for record in records {
        if let Fact::Incident { id, .. } = &record.fact
            && !ids.contains(&id.as_str())
        {
            ids.push(id);
        }
    }
    ids.iter().map(|id| dir.join(format!("{id}.md"))).filter(|page| page.exists()).collect()
}

/// Seconds of this machine's patience, in the scene's: limits in its own would be milliseconds here.
fn patience(secs: f64, speed: f64, max: f64) -> f64 {
    (secs * speed).min(max)
}

fn feed_text(part: &Part, endpoint: &str, speed: f64) -> String {
    format!(
        r#"
[[feed]]
venue = "{venue}"
markets = {markets:?}
kinds = {kinds:?}
endpoint = "{endpoint}"
silence_secs = {silence:?}
quiet_silence_secs = {quiet:?}
late_floor_secs = {late:?}
open_within_secs = {answer:?}
answer_within_secs = {answer:?}
"#,
        venue = part.venue,
        markets = part.markets,
        kinds = part.kinds,
        silence = patience(5.0, speed, 3600.0),
        quiet = patience(10.0, speed, 86_400.0),
        answer = patience(5.0, speed, 300.0),
        late = patience(2.0, speed, 3600.0),
    )
}

fn config_text(dir: &Path, endpoints: &[String], receiver: &Receiver, listen: SocketAddr, speed: f64) -> String {
    let dir = dir.display();
    let feeds: String = CAST.iter().zip(endpoints).map(|(part, endpoint)| feed_text(part, endpoint, speed)).collect();
    format!(
        r#"# Written by `fusewire demo`.
{feeds}
[detect.stale]
late_floor_secs = {late:?}
dead_floor_secs = {dead:?}

[gate]
path = "{dir}/gate/gate"
ack = "{dir}/engine/ack"

[store]
dir = "{dir}/store"

[serve]
listen = "{listen}"
control = "{dir}/control.sock"
reports = "{dir}/reports"

[[hook]]
name = "desk-webhook"
kind = "http"
url = "{url}"
secrets = ["{secret}"]
on = ["trip", "breaker", "incident"]
min_stance = "ReduceOnly"

[[hook]]
name = "append-to-file"
kind = "exec"
argv = ["/bin/sh", "-c", "cat >> \"$0\"; echo >> \"$0\"", "{dir}/exec-hook.jsonl"]
on = ["incident"]
"#,
        late = patience(2.0, speed, 3600.0),
        dead = patience(5.0, speed, 86_400.0),
        url = receiver.url(),
        secret = receiver.secret(),
    )
}
