//! The clocks of the drivers. Everything below takes time as an argument; here is where it comes from.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::event::Nanos;

/// Says what time it is.
pub trait Clock: Send + Sync {
    /// Now, since the Unix epoch.
    fn now(&self) -> Nanos;

    /// How long to wait, by the machine, until this clock shows `at`; zero when it is past.
    fn wait(&self, at: Nanos) -> Duration {
        Duration::from_nanos(at.0.saturating_sub(self.now().0).max(0).unsigned_abs())
    }
}

/// The machine's time: the wall clock read once, then the monotonic clock, so that it never steps.
#[derive(Clone, Debug)]
pub struct RealClock {
    wall: Nanos,
    since: Instant,
}

impl RealClock {
    /// Starts at the wall clock's time of now.
    #[allow(clippy::disallowed_methods, reason = "the clock of the drivers is made here")]
    pub fn new() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { wall: Nanos(i64::try_from(wall).unwrap_or(i64::MAX)), since: Instant::now() }
    }
}

impl Default for RealClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for RealClock {
    fn now(&self) -> Nanos {
        Nanos(self.wall.0.saturating_add(nanos(self.since.elapsed())))
    }
}

/// A clock of a past time that runs faster or slower, for demonstrations: it stands still until it is started.
#[derive(Debug)]
pub struct ScaledClock {
    from: Nanos,
    speed: f64,
    started: OnceLock<Instant>,
}

impl ScaledClock {
    /// Stands at `from`; once started, `speed` of its seconds pass in one of ours.
    ///
    /// # Panics
    /// When `speed` is not a finite number above zero.
    pub fn new(from: Nanos, speed: f64) -> Self {
        assert!(speed.is_finite() && speed > 0.0, "the speed of a clock must be above 0, got {speed}");
        Self { from, speed, started: OnceLock::new() }
    }

    /// Lets it run; a second call does nothing.
    #[allow(clippy::disallowed_methods, reason = "the clock of a demonstration is started by its driver")]
    pub fn start(&self) {
        self.started.get_or_init(Instant::now);
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Nanos {
        let passed = self.started.get().map_or(0.0, |since| since.elapsed().as_secs_f64());
        self.from.plus_secs(passed * self.speed)
    }

    /// While it stands still nobody knows; then a short time, to look again.
    fn wait(&self, at: Nanos) -> Duration {
        let secs = at.secs_since(self.now());
        if self.started.get().is_none() && secs > 0.0 {
            return Duration::from_millis(5);
        }
        Duration::from_secs_f64((secs / self.speed).clamp(0.0, 3600.0))
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_clock_stands_until_started_and_then_runs_fast() {
        let clock = ScaledClock::new(Nanos::from_secs(1_760_000_000), 1e6);
        assert_eq!(clock.now(), Nanos::from_secs(1_760_000_000));
        assert_eq!(clock.wait(Nanos::from_secs(1_760_000_001)), Duration::from_millis(5));
        clock.start();
        let until = Nanos::from_secs(1_760_001_000);
        while clock.now() < until {
            std::thread::yield_now();
        }
        assert_eq!(clock.wait(until), Duration::ZERO);
    }
}
