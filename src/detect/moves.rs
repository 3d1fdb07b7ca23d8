//! D1, the multi-horizon move: how far the price stands from the highest and lowest of the last 1, 5, 15 and 60 minutes, in
//! percent and in units of a slow scale.
//!
//! Percent catches the absolute damage, scale keeps a budget that holds across markets; both are legs, a rule takes either.
//! The scale is the slow one of [`Base`], which does not learn while the market is tripped, so that a long crash cannot
//! make itself look small. Score in sigma: `|p / extreme - 1| / (sigma sqrt(h))`.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::{extremes::Extremes, math};
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.moves`.
    pub struct MovesSettings {
        /// Horizons, short to long.
        horizon_secs: [f64; 4] = [60.0, 300.0, 900.0, 3600.0], "s", 1.0..=86400.0;
        /// Limits in units of the slow scale, by horizon.
        limit_sigma: [f64; 4] = [16.0, 14.0, 12.0, 10.0], "sigma", 0.1..=1000.0;
        /// Limits in percent, by horizon.
        limit_percent: [f64; 4] = [5.0, 7.0, 10.0, 15.0], "%", 0.01..=99.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.6, "", 0.05..=0.99;
    }
}

const HORIZONS: usize = 4;
/// Legs a horizon has: fall and rise in sigma, fall and rise in percent.
const KINDS: usize = 4;
const BUCKETS: usize = 60;

/// Extremes over every horizon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moves {
    windows: [Extremes; HORIZONS],
    /// Square roots of the horizons, so that none is taken on the hot path.
    roots: [f64; HORIZONS],
}

impl Detector for Moves {
    const NAME: &'static str = "moves";
    const LEGS: &'static [Leg] = leg_table![
        "fall-0" => Down, "rise-0" => Up, "fall-percent-0" => Down, "rise-percent-0" => Up,
        "fall-1" => Down, "rise-1" => Up, "fall-percent-1" => Down, "rise-percent-1" => Up,
        "fall-2" => Down, "rise-2" => Up, "fall-percent-2" => Down, "rise-percent-2" => Up,
        "fall-3" => Down, "rise-3" => Up, "fall-percent-3" => Down, "rise-percent-3" => Up,
    ];
    type Settings = MovesSettings;

    fn new(settings: &MovesSettings) -> Self {
        Self {
            windows: settings.horizon_secs.map(|secs| Extremes::new(secs, BUCKETS)),
            roots: settings.horizon_secs.map(math::sqrt),
        }
    }

    fn limit(settings: &MovesSettings, leg: usize) -> (f64, f64) {
        let table = if leg % KINDS < 2 { &settings.limit_sigma } else { &settings.limit_percent };
        let limit = table.get(leg / KINDS).copied().unwrap_or(f64::INFINITY);
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &MovesSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Price { at, price } => self.measure(settings, base, at, [price; 2], price, scores),
            Seen::Bar(bar) => {
                let range = [bar.low.get(), bar.high.get()];
                self.measure(settings, base, bar.close_at, range, bar.close.get(), scores);
            }
            _ => {}
        }
    }

    fn is_warm(&self, _: &MovesSettings, base: &Base) -> bool {
        base.warm
    }

    fn evidence(&self, settings: &MovesSettings, base: &Base, leg: usize) -> Evidence {
        let place = leg / KINDS;
        let (Some(window), Some(horizon)) = (self.windows.get(place), settings.horizon_secs.get(place)) else {
            return Evidence::default();
        };
        let falls = leg.is_multiple_of(2);
        let (extreme, at) = if falls { (window.max(), window.max_at()) } else { (window.min(), window.min_at()) };
        let (Some(extreme), Some(at)) = (extreme, at) else { return Evidence::default() };
        let price = base.price();
        Evidence::default()
            .with("move", (price / extreme - 1.0) * 100.0, "%")
            .with("within", base.price_at().secs_since(Nanos(at)), "s")
            .with(if falls { "from high" } else { "from low" }, extreme, "")
            .with("to", price, "")
            .with("horizon", *horizon, "s")
            .with("scale", base.sigma_slow() * math::sqrt(*horizon) * 100.0, "%")
    }
}

impl Moves {
    #[inline]
    fn measure(
        &mut self,
        settings: &MovesSettings,
        base: &mut Base,
        at: Nanos,
        range: [f64; 2],
        price: f64,
        scores: &mut [f64],
    ) {
        let per_sigma = if base.warm { 1.0 / base.sigma_slow() } else { 0.0 };
        let (mut fall, mut rise) = (0.0_f64, 0.0_f64);
        let rows = scores.as_chunks_mut::<KINDS>().0;
        let limits = settings.limit_sigma.iter().zip(&settings.limit_percent);
        for (((window, root), row), (sigmas, percents)) in
            self.windows.iter_mut().zip(&self.roots).zip(rows).zip(limits)
        {
            window.push(at.0, range[0]);
            if range[1] > range[0] {
                window.push(at.0, range[1]);
            }
            let down = (1.0 - price / window.max().unwrap_or(price)).max(0.0);
            let up = (price / window.min().unwrap_or(price) - 1.0).max(0.0);
            let scale = per_sigma / root;
            *row = [down * scale, up * scale, down * 100.0, up * 100.0];
            fall = fall.max(down * scale / sigmas).max(down * 100.0 / percents);
            rise = rise.max(up * scale / sigmas).max(up * 100.0 / percents);
        }
        (base.fall, base.rise) = (fall, rise);
    }
}
