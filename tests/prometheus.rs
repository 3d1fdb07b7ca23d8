//! The real Prometheus reads what is served: promtool finds nothing to mend, and the server scrapes and answers.
//!
//! Needs the programs `promtool` and `prometheus` (Debian package `prometheus`); without them it says that it skipped,
//! unless CI is set: there they must be.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test fail as loudly as the test")]
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it waits for another program")]

#[path = "serve/stand_in.rs"]
mod stand_in;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fusewire::serve::Backend;
use serde_json::Value;
use stand_in::{DOT, Daemon, Served, market};

/// Whether a program is here; missing in CI is a fault, elsewhere a reason to skip.
fn is_here(program: &str) -> bool {
    let here = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
    assert!(here || std::env::var_os("CI").is_none(), "{program} is not installed, and CI is set");
    if !here {
        println!("skipped: {program} is not installed (Debian package prometheus)");
    }
    here
}

/// A daemon with a crash behind it, and with a market whose name means no good.
fn crashed() -> Served {
    let evil = market("evil", "A\"} 1\nfusewire_trips_total{market=\"\\");
    let served = Served::new(Daemon::new([market("coinbase", "DOT-USD"), evil]));
    // The silence of a market is counted from the first look on.
    served.daemon.vitals();
    served.daemon.trades(DOT, 1.0, [5.0; 400]);
    served.daemon.trades(DOT, 1.0, (1..=10).map(|n| 5.0 - 0.1 * f64::from(n)));
    served
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    head.contains(" 200 ").then(|| body.to_owned())
}

#[test]
fn promtool_finds_nothing_to_mend() {
    if !is_here("promtool") {
        return;
    }
    let served = crashed();
    let scrape = get(served.address(), "/metrics").expect("scraped");
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool runs");
    check.stdin.take().expect("piped").write_all(scrape.as_bytes()).expect("sent");
    let output = check.wait_with_output().expect("ended");
    let words = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && words.trim().is_empty(), "{words}\n{scrape}");

    // Every metric of the table that this stand-in feeds is there with its meaning; hooks it has none.
    for metric in fusewire::metrics::table() {
        let there = scrape.contains(&format!("# HELP {} {}\n", metric.name, metric.help));
        assert_eq!(there, !metric.name.starts_with("fusewire_hook_"), "{}", metric.name);
    }
}

/// A running Prometheus; ends with this.
struct Prometheus {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Prometheus {
    fn scraping(target: SocketAddr) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let config = dir.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: fusewire\n    \
             static_configs:\n      - targets: ['{target}']\n"
        );
        fs::write(&config, text).expect("written");
        let address = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log(dir.path()))
            .spawn()
            .expect("prometheus runs");
        Self { child, address, _dir: dir }
    }

    /// The value of an expression once it has one.
    fn ask(&self, expression: &str) -> Option<f64> {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(30) {
            if let Some(value) = self.value(expression) {
                return Some(value);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        None
    }

    fn value(&self, expression: &str) -> Option<f64> {
        let answer = get(self.address, &format!("/api/v1/query?query={}", escaped(expression)))?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended by itself; the test has said so then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(dir: &Path) -> fs::File {
    fs::File::create(dir.join("log")).expect("log")
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

fn escaped(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

#[test]
fn a_real_prometheus_scrapes_and_answers() {
    if !is_here("prometheus") {
        return;
    }
    let served = crashed();
    let prometheus = Prometheus::scraping(served.address());
    let dot = "market=\"binance-coinm:DOTUSD_PERP\"";
    assert_eq!(prometheus.ask("up{job=\"fusewire\"} == 1"), Some(1.0));
    let trips = |engine: &Daemon| engine.facts().iter().filter(|fact| fact.name() == "trip").count() as f64;
    let seen = prometheus.ask(&format!("sum(fusewire_trips_total{{{dot}}})")).expect("scraped");
    assert!((seen - trips(&served.daemon)).abs() < 0.5 && seen >= 1.0, "{seen} trips");
    assert_eq!(prometheus.ask(&format!("sum(fusewire_events_total{{{dot},kind=\"trades\"}})")), Some(410.0));
    assert_eq!(prometheus.ask("count(fusewire_stance == 1)"), Some(3.0), "each market is in one stance");
    assert_eq!(prometheus.ask("count(fusewire_stance{market=~\"evil.*\"})"), Some(4.0), "a hostile name is one label");
    let lag = prometheus.ask("histogram_quantile(0.5, sum by (le) (fusewire_feed_lag_seconds_bucket))").expect("a lag");
    assert!((0.0005..0.001).contains(&lag), "{lag}");

    // A counter that has grown is seen to grow.
    served.daemon.trades(DOT, 1.0, [4.0; 90]);
    assert_eq!(prometheus.ask(&format!("sum(fusewire_events_total{{{dot},kind=\"trades\"}}) == 500")), Some(500.0));
}
