//! D5, jump: the return since the last full second against a rolling window (z) and against bipower variation (Lee-Mykland).
//!
//! The current second is scored while it runs, so a jump is seen at the tick that makes it; the window learns only whole
//! seconds. Lee and Mykland, Review of Financial Studies 2008: `L = |r| / sigma_bipower`. Their Gaussian critical value
//! alarms dozens of times a day on real prices, so the default limits are plain numbers well above it.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::{math, rolling::Rolling};
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.jump`.
    pub struct JumpSettings {
        /// Seconds with trades in the rolling window.
        window: u32 = 1024, "", 32.0..=65536.0;
        /// Seconds the window must hold before it scores.
        warm: u32 = 256, "", 16.0..=65536.0;
        /// Limit of the rolling z-score.
        limit_z: f64 = 20.0, "sigma", 1.0..=10000.0;
        /// Limit of the Lee-Mykland statistic.
        limit_bipower: f64 = 25.0, "sigma", 1.0..=10000.0;
        /// Returns smaller than this never score.
        floor_bps: f64 = 30.0, "bp", 0.0..=10000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// A window of one-second returns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Jump {
    window: Rolling,
    /// The last return beyond the floor.
    latest: f64,
}

impl Detector for Jump {
    const NAME: &'static str = "jump";
    const LEGS: &'static [Leg] = leg_table!["z-down" => Down, "z-up" => Up, "bipower-down" => Down, "bipower-up" => Up];
    type Settings = JumpSettings;

    fn new(settings: &JumpSettings) -> Self {
        Self { window: Rolling::new(settings.window as usize), latest: 0.0 }
    }

    fn limit(settings: &JumpSettings, leg: usize) -> (f64, f64) {
        let limit = if leg < 2 { settings.limit_z } else { settings.limit_bipower };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &JumpSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        let (at, price) = match *seen {
            Seen::Price { at, price } => (at, price),
            Seen::Bar(bar) => (bar.close_at, bar.close.get()),
            _ => return,
        };
        if let Some((r, secs)) = base.second() {
            self.window.push(r / math::sqrt(secs.max(1.0)));
        }
        self.score(settings, base, at, price, scores);
    }

    fn is_warm(&self, settings: &JumpSettings, base: &Base) -> bool {
        base.warm && (self.window.len() >= settings.warm as usize || base.sigma_bipower() > 0.0)
    }

    fn evidence(&self, _: &JumpSettings, base: &Base, leg: usize) -> Evidence {
        let scale = if leg < 2 { math::sqrt(self.window.variance()) } else { base.sigma_bipower() };
        Evidence::default().with("return", self.latest * 10_000.0, "bp").with("scale", scale * 10_000.0, "bp").with(
            "to",
            base.price(),
            "",
        )
    }
}

impl Jump {
    #[inline]
    fn score(&mut self, settings: &JumpSettings, base: &Base, at: Nanos, price: f64, scores: &mut [f64]) {
        let [z_down, z_up, bipower_down, bipower_up] = scores else { return };
        (*z_down, *z_up, *bipower_down, *bipower_up) = (0.0, 0.0, 0.0, 0.0);
        let Some((close, close_at)) = base.second_close() else { return };
        if (price - close).abs() * 10_000.0 < settings.floor_bps * close || !base.warm {
            return;
        }
        if self.window.len() < settings.warm as usize {
            return;
        }
        self.latest = price / close - 1.0;
        let secs = at.secs_since(Nanos(close_at)).max(1.0);
        let r = math::log_ratio(price, close) / math::sqrt(secs);
        let z = ratio(r - self.window.mean(), math::sqrt(self.window.variance()));
        let bipower = ratio(r, base.sigma_bipower());
        let (z_leg, bipower_leg) = if r < 0.0 { (z_down, bipower_down) } else { (z_up, bipower_up) };
        (*z_leg, *bipower_leg) = (z, bipower);
    }
}

/// |a| over a scale; 0 while the scale is not known.
fn ratio(a: f64, scale: f64) -> f64 {
    if scale > 0.0 { a.abs() / scale } else { 0.0 }
}
