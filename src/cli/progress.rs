//! How far long work has come: bytes of all, events a second, time left. On standard error, and only where that is a terminal.
//!
//! The work itself pays next to nothing: a thread beside it looks ten times a second how far the files have been read. Work that
//! is done within a tenth of a second shows nothing.

use std::fmt::Write;
use std::fs::File;
use std::io::{IsTerminal as _, Seek as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::feed::tape::{self, Source, Spec, TapeError};
use crate::trip::short;

/// How often it is drawn, a second.
const HERTZ: u8 = 10;

/// Over how long a rate is taken, in seconds.
const RATE_SECS: f64 = 2.0;

/// A line of progress; it goes when this is dropped.
pub(super) struct Progress {
    seen: Arc<Seen>,
    drawing: Option<Drawing>,
}

/// What the work leaves behind for the thread that draws.
#[derive(Default)]
struct Seen {
    events: AtomicU64,
    bytes: AtomicU64,
    total: AtomicU64,
    /// Events a second, as drawn.
    rate: AtomicU64,
    /// The files being read: clones, which share the place in the file.
    files: Mutex<Vec<File>>,
}

/// The thread that draws.
struct Drawing {
    bar: ProgressBar,
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Progress {
    /// Nothing done yet, and nobody knows of how much.
    pub(super) fn new() -> Self {
        let seen = Arc::new(Seen::default());
        let drawing = std::io::stderr().is_terminal().then(|| Drawing::start(Arc::clone(&seen)));
        Self { seen, drawing }
    }

    /// All of these files are going to be read.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        let progress = Self::new();
        let sizes = paths.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|file| file.len());
        progress.seen.total.store(sizes.sum(), Relaxed);
        progress
    }

    /// Opens a tape, and watches how far it is read.
    pub(super) fn open(&self, spec: &Spec) -> Result<Box<dyn Source>, TapeError> {
        let opened = File::open(&spec.path).and_then(|file| Ok((file.try_clone()?, file)));
        match opened {
            Ok((clone, file)) => {
                self.watch(clone);
                tape::read(Box::new(file), spec)
            }
            // In the words of the reader of tapes.
            Err(_) => tape::open(spec),
        }
    }

    /// Watches how far a file is read, by a clone of it. One that cannot tell, such as a pipe, counts nothing.
    pub(super) fn watch(&self, clone: File) {
        self.seen.files.lock().unwrap_or_else(PoisonError::into_inner).push(clone);
    }

    /// So many events have been seen.
    pub(super) fn events(&self, count: u64) {
        self.seen.events.store(count, Relaxed);
    }

    /// Another file begins: so many bytes of it are here, of so many; 0 where nobody knows.
    pub(super) fn begin(&self, have: u64, total: u64) {
        self.seen.bytes.store(have, Relaxed);
        self.seen.total.store(total, Relaxed);
        if let Some(drawing) = &self.drawing {
            drawing.bar.set_position(have);
            drawing.bar.reset_eta();
        }
    }

    /// So many bytes more.
    pub(super) fn more(&self, bytes: u64) {
        self.seen.bytes.fetch_add(bytes, Relaxed);
    }

    /// Prints something without being in its way.
    pub(super) fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.drawing {
            Some(drawing) => drawing.bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(Drawing { bar, stop, thread }) = self.drawing.take() {
            drop(stop);
            // It does nothing that could fail.
            let _ = thread.join();
            bar.finish_and_clear();
        }
    }
}

impl Drawing {
    fn start(seen: Arc<Seen>) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(HERTZ));
        let (stop, stopped) = channel();
        let drawn = bar.clone();
        let thread = std::thread::spawn(move || {
            let mut rate = Rate::new(now());
            let pause = Duration::from_secs(1) / u32::from(HERTZ);
            while stopped.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                draw(&drawn, &seen, &mut rate);
            }
        });
        Self { bar, stop, thread }
    }
}

/// One look and one stroke: of what is told to the bar, its place alone makes it draw.
fn draw(bar: &ProgressBar, seen: &Arc<Seen>, rate: &mut Rate) {
    let (events, total, done) = (seen.events.load(Relaxed), seen.total.load(Relaxed), seen.done());
    rate.look(now(), events);
    seen.rate.store(rate.a_second as u64, Relaxed);
    if done == 0 && events == 0 {
        return;
    }
    bar.set_style(style(seen, total > 0, events > 0));
    if total > 0 && bar.length() != Some(total) {
        bar.set_length(total);
    }
    bar.set_position(done);
}

fn style(seen: &Arc<Seen>, has_end: bool, has_events: bool) -> ProgressStyle {
    let template = match (has_end, has_events) {
        (true, true) => "[{bar:24}] {bytes}/{total_bytes}, {rate} events/s, {eta} left",
        (true, false) => "[{bar:24}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left",
        (false, true) => "{bytes}, {rate} events/s, {elapsed}",
        (false, false) => "{bytes}, {bytes_per_sec}, {elapsed}",
    };
    let seen = Arc::clone(seen);
    let rate = move |_: &ProgressState, out: &mut dyn Write| {
        let _ = out.write_str(&short(seen.rate.load(Relaxed) as f64));
    };
    let plain = ProgressStyle::default_bar();
    ProgressStyle::with_template(template).unwrap_or(plain).with_key("rate", rate).progress_chars("=> ")
}

impl Seen {
    /// Bytes done: counted, and read of the files.
    fn done(&self) -> u64 {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let read: u64 = files.iter_mut().filter_map(|file| file.stream_position().ok()).sum();
        self.bytes.load(Relaxed) + read
    }
}

/// Events a second, of late.
struct Rate {
    at: Instant,
    events: u64,
    a_second: f64,
}

impl Rate {
    const fn new(at: Instant) -> Self {
        Self { at, events: 0, a_second: 0.0 }
    }

    fn look(&mut self, at: Instant, events: u64) {
        let secs = at.saturating_duration_since(self.at).as_secs_f64();
        if secs <= 0.0 {
            return;
        }
        let fresh = events.saturating_sub(self.events) as f64 / secs;
        let weight = if self.a_second > 0.0 { (secs / RATE_SECS).min(1.0) } else { 1.0 };
        self.a_second += (fresh - self.a_second) * weight;
        (self.at, self.events) = (at, events);
    }
}

#[allow(clippy::disallowed_methods, reason = "a driver: it tells people how fast it goes")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_follows_within_seconds_and_does_not_jump() {
        let began = now();
        let mut rate = Rate::new(began);
        let mut events = 0;
        let mut seen = Vec::new();
        for tick in 1..=60_u32 {
            events += if tick <= 20 { 100 } else { 300 };
            rate.look(began + Duration::from_millis(100) * tick, events);
            seen.push(rate.a_second);
        }
        assert!((seen[19] - 1000.0).abs() < 1.0, "{}", seen[19]);
        assert!(seen[20] < 1200.0 && seen[59] > 2500.0, "{} {}", seen[20], seen[59]);
    }

    #[test]
    fn files_are_watched_by_their_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tape");
        std::fs::write(&path, [0; 1000]).unwrap();
        let progress = Progress { seen: Arc::default(), drawing: None };
        let mut file = File::open(&path).unwrap();
        progress.watch(file.try_clone().unwrap());
        assert_eq!(progress.seen.done(), 0);
        std::io::Read::read_exact(&mut file, &mut [0; 300]).unwrap();
        assert_eq!(progress.seen.done(), 300);
    }
}
