//! Receives the daemon's webhooks on loopback and checks every signature by itself.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// What came.
#[derive(Debug, Default)]
struct Counts {
    verified: AtomicU64,
    refused: AtomicU64,
}

/// A receiver on loopback.
pub(super) struct Receiver {
    addr: SocketAddr,
    key: [u8; 24],
    counts: Arc<Counts>,
}

impl Receiver {
    /// Listens; ends with the process.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("webhook receiver")?;
        let addr = listener.local_addr()?;
        // The secret of a demonstration on loopback guards nothing: it shows how the signature is checked.
        let key = *b"fusewire-demo-secret-24b";
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        std::thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                let _ = std::thread::Builder::new().spawn(move || serve(&stream, key, &shared));
            }
        })?;
        Ok(Self { addr, key, counts })
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/fusewire", self.addr)
    }

    pub(super) fn secret(&self) -> String {
        format!("whsec_{}", STANDARD.encode(self.key))
    }

    /// Messages with a good signature, and those without.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.counts.verified.load(Ordering::Relaxed), self.counts.refused.load(Ordering::Relaxed))
    }

    /// Waits until nothing has come for a moment, at most `patience`.
    #[allow(clippy::disallowed_methods, reason = "a driver: it waits for another process")]
    pub(super) fn settle(&self, patience: Duration) {
        let step = Duration::from_millis(100);
        let mut waited = Duration::ZERO;
        let mut last = self.counts();
        while waited < patience {
            std::thread::sleep(step);
            waited += step;
            let now = self.counts();
            if now == last {
                return;
            }
            last = now;
        }
    }
}

/// Answers requests of one connection until it ends.
fn serve(stream: &TcpStream, key: [u8; 24], counts: &Counts) {
    let mut reader = BufReader::new(stream);
    while let Some(good) = receive(&mut reader, key) {
        let (count, status) =
            if good { (&counts.verified, "204 No Content") } else { (&counts.refused, "401 Unauthorized") };
        count.fetch_add(1, Ordering::Relaxed);
        let mut writer = stream;
        if write!(writer, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").is_err() {
            return;
        }
    }
}

/// Reads one request; whether its signature is good, or nothing at the end.
fn receive(reader: &mut impl std::io::BufRead, key: [u8; 24]) -> Option<bool> {
    let (mut id, mut timestamp, mut signature, mut length) = (String::new(), String::new(), String::new(), 0_usize);
    let mut first = true;
    loop {
        let mut line = String::new();
        if reader.by_ref().take(8192).read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() && !first {
            break;
        }
        first = false;
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => value.clone_into(&mut id),
            "webhook-timestamp" => value.clone_into(&mut timestamp),
            "webhook-signature" => value.clone_into(&mut signature),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    let mut body = vec![0; length.min(1 << 20)];
    reader.read_exact(&mut body).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&body);
    let want = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    Some(signature.split(' ').any(|one| one == want))
}
