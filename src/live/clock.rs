//! The clock of a run: real, or a past time at another speed, shared by two processes of one machine.

use std::sync::Arc;
use std::time::Duration;

use crate::event::Nanos;
use crate::feed::clock::{Clock, RealClock};
use crate::gate::now_mono;

/// A past time that runs from an instant of the machine's monotonic clock: equal in every process that is told the same.
///
/// Only events live in it. The lease of the gate stays on the machine's own clock, whatever the speed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SceneClock {
    /// What it shows at `mono`.
    pub from: Nanos,
    /// So many of its seconds pass in one of ours.
    pub speed: f64,
    /// `CLOCK_MONOTONIC`, nanoseconds.
    pub mono: u64,
}

impl Clock for SceneClock {
    fn now(&self) -> Nanos {
        let passed = now_mono().saturating_sub(self.mono) as f64 * self.speed;
        Nanos(self.from.0.saturating_add(passed as i64))
    }

    fn wait(&self, at: Nanos) -> Duration {
        let until_start = self.mono.saturating_sub(now_mono());
        let rest = at.secs_since(self.now()).max(0.0) / self.speed;
        Duration::from_nanos(until_start) + Duration::from_secs_f64(rest.min(3600.0))
    }
}

/// `FROM_NS,SPEED,MONO_NS`, as one process hands it to another.
impl std::str::FromStr for SceneClock {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(',').collect();
        let [from, speed, mono] = parts.as_slice() else {
            return Err("a scene clock is FROM_NS,SPEED,MONO_NS".to_owned());
        };
        let from = from.parse().map(Nanos).map_err(|_| "FROM_NS is not a time")?;
        let mono = mono.parse().map_err(|_| "MONO_NS is not a time")?;
        let speed: f64 = speed.parse().map_err(|_| "SPEED is not a number")?;
        if speed.is_finite() && speed > 0.0 {
            Ok(Self { from, speed, mono })
        } else {
            Err("SPEED must be above 0".into())
        }
    }
}

impl std::fmt::Display for SceneClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{},{}", self.from.0, self.speed, self.mono)
    }
}

/// The clock of a run.
pub(super) fn clock_of(scene: Option<SceneClock>) -> Arc<dyn Clock> {
    match scene {
        Some(scene) => Arc::new(scene),
        None => Arc::new(RealClock::new()),
    }
}
