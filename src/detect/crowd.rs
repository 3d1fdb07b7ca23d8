//! D10, the crowd: turbulence, and how many markets move the same way at once. A storm that no single market shows.
//!
//! The engine looks at all markets together every few seconds and shows each of them what came out ([`Seen::Crowd`]); here it
//! becomes scores. Turbulence scores where the market carries at least its even share of it, breadth where the market itself
//! moves with the crowd, so that a rule never tightens a market that has no part in it. Turbulence follows Kritzman and Li,
//! Financial Analysts Journal 2010 (see [`crate::stats::turbulence`]). Its limit is a plain number well above what heavy tails
//! do on calm days, not a quantile of the chi-squared law, which they ignore. No shipped rule listens here.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.crowd`.
    pub struct CrowdSettings {
        /// How often all markets are looked at together.
        grid_secs: f64 = 5.0, "s", 1.0..=60.0;
        /// Memory of their covariance.
        memory_secs: f64 = 21_600.0, "s", 600.0..=2_592_000.0;
        /// Share by which correlations are shrunk towards none.
        shrink: f64 = 0.1, "", 0.01..=1.0;
        /// A return counts at most this many times its scale when it is learned.
        clip: f64 = 6.0, "sigma", 2.0..=100.0;
        /// Time of history a market needs before it is one of the crowd.
        warm_secs: f64 = 3600.0, "s", 60.0..=2_592_000.0;
        /// Fewer markets with a fresh price than this are no crowd.
        least_markets: u32 = 4, "", 2.0..=64.0;
        /// Limit of turbulence, 1 on an ordinary step.
        limit_turbulence: f64 = 100.0, "x", 1.5..=1_000_000.0;
        /// Share of the nearest limit of `moves` from which a market counts as falling or rising.
        near: f64 = 0.7, "", 0.05..=1.0;
        /// Limit of the share of markets that fall, or rise, together.
        limit_share: f64 = 0.6, "", 0.05..=1.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// Rounding may take this much of an even share.
const ROUNDING: f64 = 1e-9;

/// The last look at all markets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Crowd {
    markets: u32,
    falling: u32,
    rising: u32,
    turbulence: f64,
    contribution: f64,
}

impl Detector for Crowd {
    const NAME: &'static str = "crowd";
    const LEGS: &'static [Leg] = leg_table!["turbulence" => None, "breadth-fall" => Down, "breadth-rise" => Up];
    type Settings = CrowdSettings;

    fn new(_: &CrowdSettings) -> Self {
        Self::default()
    }

    fn limit(settings: &CrowdSettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { settings.limit_turbulence } else { settings.limit_share };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &CrowdSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        if let Seen::Crowd { turbulence, contribution, falling, rising, markets, .. } = *seen {
            *self = Self { markets, falling, rising, turbulence, contribution };
            self.score(settings, base, scores);
        }
    }

    /// No market waits for a crowd: there may never be one.
    fn is_warm(&self, _: &CrowdSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, _: &CrowdSettings, base: &Base, leg: usize) -> Evidence {
        let markets = f64::from(self.markets);
        if leg == 0 {
            let share = if self.turbulence > 0.0 { self.contribution / self.turbulence } else { 0.0 };
            return Evidence::default()
                .with("turbulence", self.turbulence, "x")
                .with("its part", share * 100.0, "%")
                .with("markets", markets, "");
        }
        let (name, count, own) =
            if leg == 1 { ("falling", self.falling, base.fall) } else { ("rising", self.rising, base.rise) };
        Evidence::default().with(name, f64::from(count), "markets").with("of", markets, "markets").with(
            "move against its limit",
            own,
            "x",
        )
    }
}

impl Crowd {
    fn score(&self, settings: &CrowdSettings, base: &Base, scores: &mut [f64]) {
        let [turbulence, fall, rise] = scores else { return };
        (*turbulence, *fall, *rise) = (0.0, 0.0, 0.0);
        if self.markets < settings.least_markets {
            return;
        }
        let markets = f64::from(self.markets);
        if self.contribution * markets >= self.turbulence * (1.0 - ROUNDING) {
            *turbulence = self.turbulence;
        }
        if base.fall >= settings.near {
            *fall = f64::from(self.falling) / markets;
        }
        if base.rise >= settings.near {
            *rise = f64::from(self.rising) / markets;
        }
    }
}
