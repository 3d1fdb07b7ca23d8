//! D6, EWMA volatility regime: the volatility of the last minute against that of the last hour, and against days.
//!
//! Both are time-weighted (`lambda = exp(-dt / tau)`, never a constant per tick: `RiskMetrics`' 0.94 is a daily figure) on
//! one-second returns. A regime has no direction.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::stats::scale::Scale;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.volatility`.
    pub struct VolatilitySettings {
        /// Memory of the fast volatility.
        fast_secs: f64 = 60.0, "s", 1.0..=3600.0;
        /// Limit of fast volatility over the volatility of the last hour.
        limit_hour: f64 = 8.0, "x", 1.1..=1000.0;
        /// Limit of fast volatility over the slow scale of days.
        limit_days: f64 = 12.0, "x", 1.1..=1000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.6, "", 0.05..=0.99;
    }
}

/// The fast volatility.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Volatility {
    fast: Scale,
}

impl Detector for Volatility {
    const NAME: &'static str = "volatility";
    const LEGS: &'static [Leg] = leg_table!["hour" => None, "days" => None];
    type Settings = VolatilitySettings;

    fn new(settings: &VolatilitySettings) -> Self {
        // A burst must show at once, so the fast scale is hardly clipped.
        Self { fast: Scale::new(settings.fast_secs, 100.0) }
    }

    fn limit(settings: &VolatilitySettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { settings.limit_hour } else { settings.limit_days };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &VolatilitySettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        if !matches!(seen, Seen::Price { .. } | Seen::Bar(_)) {
            return;
        }
        let Some((r, secs)) = base.second() else { return };
        self.fast.push(r, secs);
        if let [hour, days] = scores {
            // A bar spans more than the fast memory: there is no burst to be seen inside one.
            let ready = base.warm && secs < settings.fast_secs;
            let fast = if ready { self.fast.sigma() } else { 0.0 };
            let slow = base.sigma_fast();
            *hour = if slow > 0.0 { fast / slow } else { 0.0 };
            *days = fast / base.sigma_slow();
        }
    }

    fn is_warm(&self, _: &VolatilitySettings, base: &Base) -> bool {
        base.warm
    }

    fn evidence(&self, settings: &VolatilitySettings, base: &Base, _: usize) -> Evidence {
        Evidence::default()
            .with("fast volatility", self.fast.sigma() * 10_000.0, "bp/sqrt(s)")
            .with("memory", settings.fast_secs, "s")
            .with("last hour", base.sigma_fast() * 10_000.0, "bp/sqrt(s)")
            .with("days", base.sigma_slow() * 10_000.0, "bp/sqrt(s)")
    }
}
