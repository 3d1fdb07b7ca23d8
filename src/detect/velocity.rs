//! D7, velocity: a fixed percentage either way within a fixed time. The dumb second channel.
//!
//! After the velocity logic of CME Group: it needs no scale, no warm-up and no history beyond its window, so it works from
//! the first valid reference and no slow poisoning can mute it.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::extremes::Extremes;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.velocity`.
    pub struct VelocitySettings {
        /// Window.
        window_secs: f64 = 60.0, "s", 0.1..=3600.0;
        /// Move either way that trips.
        limit_percent: f64 = 10.0, "%", 0.01..=99.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

const BUCKETS: usize = 60;

/// Extremes over one short window.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Velocity {
    window: Extremes,
}

impl Detector for Velocity {
    const NAME: &'static str = "velocity";
    const LEGS: &'static [Leg] = leg_table!["fall" => Down, "rise" => Up];
    type Settings = VelocitySettings;

    fn new(settings: &VelocitySettings) -> Self {
        Self { window: Extremes::new(settings.window_secs, BUCKETS) }
    }

    fn limit(settings: &VelocitySettings, _: usize) -> (f64, f64) {
        (settings.limit_percent, settings.limit_percent * settings.clear)
    }

    #[inline]
    fn see(&mut self, _: &VelocitySettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Price { at, price } => {
                self.window.push(at.0, price);
                self.score(price, scores);
            }
            Seen::Bar(bar) => {
                self.window.push(bar.close_at.0, bar.low.get());
                self.window.push(bar.close_at.0, bar.high.get());
                self.score(bar.close.get(), scores);
            }
            _ => {}
        }
    }

    fn is_warm(&self, _: &VelocitySettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, settings: &VelocitySettings, base: &Base, leg: usize) -> Evidence {
        let falls = leg == 0;
        let (extreme, at) =
            if falls { (self.window.max(), self.window.max_at()) } else { (self.window.min(), self.window.min_at()) };
        let (Some(extreme), Some(at)) = (extreme, at) else { return Evidence::default() };
        Evidence::default()
            .with("move", (base.price() / extreme - 1.0) * 100.0, "%")
            .with("within", base.price_at().secs_since(Nanos(at)), "s")
            .with("from", extreme, "")
            .with("to", base.price(), "")
            .with("window", settings.window_secs, "s")
    }
}

impl Velocity {
    #[inline]
    fn score(&self, price: f64, scores: &mut [f64]) {
        if let [fall, rise] = scores {
            *fall = self.window.fall(price) * 100.0;
            *rise = self.window.rise(price) * 100.0;
        }
    }
}
