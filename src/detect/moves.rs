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
    gauge: Gauge,
}

/// What turns a relative move into scores, so that no event needs a division or a root. Changes with the scale, once a minute.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Gauge {
    /// The scale it was made for; 0 while there is none.
    sigma: f64,
    /// `1 / (sigma sqrt(h))` by horizon.
    per_scale: [f64; HORIZONS],
    /// The nearer of both limits, as one over a relative move.
    per_limit: [f64; HORIZONS],
}

impl Gauge {
    fn new(settings: &MovesSettings, sigma: f64) -> Self {
        let mut gauge = Self { sigma, per_scale: [0.0; HORIZONS], per_limit: [0.0; HORIZONS] };
        let limits = settings.limit_sigma.iter().zip(&settings.limit_percent);
        let rows = gauge.per_scale.iter_mut().zip(&mut gauge.per_limit);
        for ((horizon, (sigmas, percent)), (per_scale, per_limit)) in settings.horizon_secs.iter().zip(limits).zip(rows)
        {
            *per_scale = if sigma > 0.0 { 1.0 / (sigma * math::sqrt(*horizon)) } else { 0.0 };
            *per_limit = (*per_scale / sigmas).max(100.0 / percent);
        }
        gauge
    }
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
            gauge: Gauge::new(settings, 0.0),
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
            Seen::Price { at, price } => {
                self.push(at, price);
                self.score(settings, base, price, scores);
            }
            Seen::Bar(bar) => {
                self.push(bar.close_at, bar.low.get());
                self.push(bar.close_at, bar.high.get());
                self.score(settings, base, bar.close.get(), scores);
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
    /// Takes the next price in.
    #[inline]
    fn push(&mut self, at: Nanos, price: f64) {
        for window in &mut self.windows {
            window.push(at.0, price);
        }
    }

    #[inline]
    fn score(&mut self, settings: &MovesSettings, base: &mut Base, price: f64, scores: &mut [f64]) {
        let sigma = if base.warm { base.sigma_slow() } else { 0.0 };
        if sigma.to_bits() != self.gauge.sigma.to_bits() {
            self.gauge = Gauge::new(settings, sigma);
        }
        let (mut fall, mut rise) = (0.0_f64, 0.0_f64);
        let rows = scores.as_chunks_mut::<KINDS>().0;
        let gauges = self.gauge.per_scale.iter().zip(&self.gauge.per_limit);
        for ((window, row), (per_scale, per_limit)) in self.windows.iter().zip(rows).zip(gauges) {
            let (down, up) = (window.fall(price), window.rise(price));
            *row = [down * per_scale, up * per_scale, down * 100.0, up * 100.0];
            fall = math::larger(fall, down * per_limit);
            rise = math::larger(rise, up * per_limit);
        }
        (base.fall, base.rise) = (fall, rise);
    }
}
