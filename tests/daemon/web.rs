//! HTTP by hand: what a scraper reads, and a receiver of webhooks that may be deaf.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Status and body of a page; nothing where nobody answers.
pub(crate) fn get(at: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&at, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// The value of a series on a page of metrics.
pub(crate) fn value(page: &str, series: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.and_then(|text| text.trim().parse().ok()).unwrap_or_else(|| panic!("no {series} in\n{page}"))
}

/// The quantile of a histogram without labels, interpolated inside its bucket, in its unit.
pub(crate) fn quantile(page: &str, name: &str, share: f64) -> f64 {
    let prefix = format!("{name}_bucket{{le=\"");
    let buckets = page.lines().filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "));
    let buckets: Vec<(f64, f64)> =
        buckets.filter_map(|(bound, count)| Some((bound.parse().ok()?, count.parse().ok()?))).collect();
    let wanted = buckets.last().map_or(0.0, |(_, all)| all * share);
    let mut below = (0.0, 0.0);
    for bucket in buckets {
        if bucket.1 >= wanted && bucket.1 > below.1 {
            return below.0 + (bucket.0 - below.0) * (wanted - below.1) / (bucket.1 - below.1);
        }
        below = bucket;
    }
    f64::NAN
}

/// Takes connections in and never says a word. They stay open as long as this lives.
pub(crate) struct Deaf {
    listener: Arc<TcpListener>,
    visitors: Arc<AtomicU64>,
}

impl Deaf {
    pub(crate) fn new() -> Self {
        let listener = Arc::new(TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
        let visitors = Arc::new(AtomicU64::new(0));
        let (door, count) = (Arc::clone(&listener), Arc::clone(&visitors));
        std::thread::spawn(move || {
            let mut held = Vec::new();
            while let Ok((stream, _)) = door.accept() {
                held.push(stream);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { listener, visitors }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.listener.local_addr().expect("an address"))
    }

    pub(crate) fn visitors(&self) -> u64 {
        self.visitors.load(Ordering::Relaxed)
    }
}

/// Takes messages and says that they arrived.
pub(crate) struct Kind {
    at: SocketAddr,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Kind {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let at = listener.local_addr().expect("an address");
        let bodies = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&bodies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let heard = Arc::clone(&heard);
                std::thread::spawn(move || {
                    while let Some(body) = receive(&stream) {
                        heard.lock().expect("nobody died").push(body);
                    }
                });
            }
        });
        Self { at, bodies }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.at)
    }

    pub(crate) fn messages(&self) -> u64 {
        self.bodies.lock().expect("nobody died").len() as u64
    }

    /// What they said, in order.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.bodies.lock().expect("nobody died").clone()
    }
}

fn receive(mut stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().ok()?,
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n").ok()?;
    String::from_utf8(body).ok()
}
