//! What a hook has done, for whoever counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;

/// Longest time a histogram tells apart: an hour, in microseconds.
const LONGEST_US: u64 = 3_600_000_000;

/// Counters of one hook, shared between its courier and the metrics.
#[derive(Debug)]
pub struct HookStats {
    attempts: AtomicU64,
    delivered: AtomicU64,
    dead: AtomicU64,
    shadowed: AtomicU64,
    queued: AtomicU64,
    disabled: AtomicBool,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    attempt_us: Histogram<u64>,
    delivery_us: Histogram<u64>,
}

/// The numbers at one moment.
#[derive(Clone, Debug)]
pub struct HookNumbers {
    /// Attempts made.
    pub attempts: u64,
    /// Messages that arrived.
    pub delivered: u64,
    /// Messages that became dead letters.
    pub dead: u64,
    /// Messages that would have been sent.
    pub shadowed: u64,
    /// Messages in the courier's hands, those waiting for another attempt included.
    pub queued: u64,
    /// Whether the receiver said that it is gone.
    pub disabled: bool,
    /// How long an attempt took, successful or not.
    pub attempt_us: Histogram<u64>,
    /// From the engine's decision to the receiver's word.
    pub delivery_us: Histogram<u64>,
}

impl HookStats {
    /// All zero; `None` only if the histogram's constants were wrong.
    pub(super) fn new() -> Option<Self> {
        let empty = || Histogram::new_with_bounds(1, LONGEST_US, 2).ok();
        Some(Self {
            attempts: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            dead: AtomicU64::new(0),
            shadowed: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            disabled: AtomicBool::new(false),
            times: Mutex::new(Times { attempt_us: empty()?, delivery_us: empty()? }),
        })
    }

    /// The numbers now.
    pub fn read(&self) -> HookNumbers {
        let times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        HookNumbers {
            attempts: self.attempts.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            dead: self.dead.load(Relaxed),
            shadowed: self.shadowed.load(Relaxed),
            queued: self.queued.load(Relaxed),
            disabled: self.disabled.load(Relaxed),
            attempt_us: times.attempt_us.clone(),
            delivery_us: times.delivery_us.clone(),
        }
    }

    pub(super) fn attempted(&self, secs: f64) {
        self.attempts.fetch_add(1, Relaxed);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).attempt_us.saturating_record(micros(secs));
    }

    pub(super) fn delivered(&self, secs: f64) {
        self.delivered.fetch_add(1, Relaxed);
        self.times.lock().unwrap_or_else(PoisonError::into_inner).delivery_us.saturating_record(micros(secs));
    }

    pub(super) fn died(&self) {
        self.dead.fetch_add(1, Relaxed);
    }

    pub(super) fn shadowed(&self) {
        self.shadowed.fetch_add(1, Relaxed);
    }

    pub(super) fn queued(&self, count: usize) {
        self.queued.store(count as u64, Relaxed);
    }

    pub(super) fn disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Relaxed);
    }
}

/// A clock set back while somebody was waiting gives a time below zero: counted as none.
fn micros(secs: f64) -> u64 {
    (secs * 1e6).max(0.0) as u64
}
