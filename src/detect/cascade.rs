//! D2, liquidation cascade in one market: a self-exciting burst of forced orders, confirmed by something else.
//!
//! A count alone needs dozens of events and a benign stream excites itself too, so the score is the *second largest* of
//! its normalised parts: the CUSUM of the Hawkes likelihood, the move in the same direction, and the fall of open
//! interest. Two of them must reach their limits. On a sampled feed (the latest a second a symbol) counts and sums saturate
//! exactly when they matter: there the share of occupied seconds stands in for the count.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::{Completeness, Liquidated, Nanos};
use crate::stats::extremes::Extremes;
use crate::stats::hawkes::{CascadeCusum, CascadeLaw};
use crate::stats::occupancy::Occupancy;
use crate::trip::{Direction, Evidence};

crate::settings! {
    /// Section `detect.cascade`.
    pub struct CascadeSettings {
        /// Limit of the CUSUM of the Hawkes log-likelihood ratio.
        limit_cusum: f64 = 12.0, "nats", 0.5..=1000.0;
        /// Share of the last 60 seconds with a liquidation that counts as saturated, on sampled feeds.
        limit_occupied: f64 = 0.3, "", 0.05..=1.0;
        /// Share of the move limit that confirms a cascade.
        confirm_move: f64 = 0.5, "", 0.05..=2.0;
        /// Fall of open interest within five minutes that confirms a cascade.
        confirm_interest_percent: f64 = 3.0, "%", 0.1..=90.0;
        /// Largest weight of one liquidation, in medians of the market.
        weight_max: f64 = 20.0, "", 1.0..=10000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.3, "", 0.05..=0.99;
    }
}

/// Share of its limit from which a burst is loud.
const LOUD: f64 = 0.25;

/// Forced orders of one direction.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flow {
    cusum: CascadeCusum,
    occupied: Occupancy,
    last: Nanos,
    sampled: bool,
    notional: f64,
    count: u64,
}

impl Flow {
    fn new() -> Self {
        Self {
            cusum: CascadeCusum::new(CascadeLaw::default()),
            occupied: Occupancy::new(),
            last: Nanos(i64::MIN),
            sampled: false,
            notional: 0.0,
            count: 0,
        }
    }

    fn advance(&mut self, at: Nanos) {
        if self.last.0 != i64::MIN {
            let dt = at.secs_since(self.last).max(0.0);
            self.cusum.advance(dt);
            self.occupied.advance(at.0);
            self.notional *= crate::stats::math::exp(-dt / 60.0);
        }
        self.last = at;
    }

    fn take(&mut self, at: Nanos, weight: f64, notional: f64, sampled: bool, frozen: bool) {
        self.advance(at);
        if frozen {
            self.cusum.event_frozen(0.0, weight);
        } else {
            self.cusum.event(0.0, weight);
        }
        self.occupied.push(at.0);
        self.sampled = sampled;
        self.notional += notional;
        self.count += 1;
    }

    /// The burst against its limit: 1 = at the limit.
    fn headroom(&self, settings: &CascadeSettings) -> f64 {
        let burst = self.cusum.g() / settings.limit_cusum;
        if self.sampled { burst.max(self.occupied.fraction() / settings.limit_occupied) } else { burst }
    }
}

/// The parts of the scores that prices do not move, 1 = at the limit: all that a price needs to see.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Parts {
    /// Whether there ever was a forced order: without one there is nothing to confirm.
    any: bool,
    /// Whether a burst is loud enough to be told of its age.
    is_loud: bool,
    longs: f64,
    shorts: f64,
    interest: f64,
    /// What turns a move against its limit into its part.
    per_move: f64,
}

impl Parts {
    #[inline]
    fn score(&self, base: &Base, scores: &mut [f64]) {
        if let [longs, shorts] = scores {
            *longs = second_largest([self.longs, base.fall * self.per_move, self.interest]);
            *shorts = second_largest([self.shorts, base.rise * self.per_move, self.interest]);
        }
    }
}

/// Both directions, and the open interest.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cascade {
    parts: Parts,
    longs: Flow,
    shorts: Flow,
    /// When the last forced order came.
    forced_at: Nanos,
    interest: Extremes,
    interest_now: f64,
    /// Running median of the notional of one liquidation, by small steps.
    median: f64,
}

impl Detector for Cascade {
    const NAME: &'static str = "cascade";
    const LEGS: &'static [Leg] = leg_table!["longs" => Down, "shorts" => Up];
    type Settings = CascadeSettings;

    fn new(_: &CascadeSettings) -> Self {
        Self {
            parts: Parts::default(),
            longs: Flow::new(),
            shorts: Flow::new(),
            forced_at: Nanos(i64::MIN),
            interest: Extremes::new(300.0, 60),
            interest_now: 0.0,
            median: 0.0,
        }
    }

    fn limit(settings: &CascadeSettings, _: usize) -> (f64, f64) {
        (1.0, settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &CascadeSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Price { .. } if self.parts.any => self.parts.score(base, scores),
            Seen::Liquidation { at, notional, liquidated, completeness } => {
                self.forced_at = at;
                self.take(settings, base, at, notional, liquidated, completeness);
                self.weigh(settings);
                self.parts.score(base, scores);
            }
            Seen::OpenInterest { at, qty } if qty > 0.0 => {
                self.interest.push(at.0, qty);
                self.interest_now = qty;
                self.weigh(settings);
            }
            Seen::Clock { at } if self.parts.any => {
                self.longs.advance(at);
                self.shorts.advance(at);
                self.weigh(settings);
                self.parts.score(base, scores);
            }
            _ => {}
        }
    }

    /// Ten minutes after the last forced order nothing is left to fade, and time only ever takes from a burst: one this far
    /// below its limit cannot be what a move confirms, however old it is.
    #[inline]
    fn wants_clock(&self, _: &CascadeSettings, at: Nanos) -> bool {
        self.parts.is_loud && at.secs_since(self.forced_at) < 600.0
    }

    fn is_warm(&self, _: &CascadeSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, settings: &CascadeSettings, base: &Base, leg: usize) -> Evidence {
        let flow = if Self::LEGS.get(leg).is_some_and(|l| l.direction == Direction::Down) {
            &self.longs
        } else {
            &self.shorts
        };
        let name = if flow.sampled { "seen in a sampled feed, last minute" } else { "liquidated, last minute" };
        Evidence::default()
            .with(name, flow.notional, "USD")
            .with("CUSUM", flow.cusum.g(), "nats")
            .with("CUSUM limit", settings.limit_cusum, "nats")
            .with("occupied seconds", flow.occupied.fraction() * 100.0, "%")
            .with("move against its limit", base.fall.max(base.rise), "x")
            .with("branching ratio", flow.cusum.branching(), "")
            .with("exogenous share", flow.cusum.exogenous_share(), "")
    }
}

impl Cascade {
    fn take(
        &mut self,
        settings: &CascadeSettings,
        base: &Base,
        at: Nanos,
        notional: f64,
        liquidated: Liquidated,
        completeness: Completeness,
    ) {
        let weight = if self.median > 0.0 { (notional / self.median).min(settings.weight_max) } else { 1.0 };
        self.learn_median(notional);
        let frozen = base.fall.max(base.rise) >= 1.0;
        let flow = match liquidated {
            Liquidated::Long => &mut self.longs,
            Liquidated::Short => &mut self.shorts,
        };
        flow.take(at, weight, notional, completeness != Completeness::Full, frozen);
    }

    /// Steps of 5 % towards each new value: the middle of the stream, whatever its tails (Ma, Muthukrishnan and Sandler's
    /// frugal median, in relative steps).
    fn learn_median(&mut self, notional: f64) {
        if self.median == 0.0 {
            self.median = notional;
        } else if notional > self.median {
            self.median *= 1.05;
        } else if notional < self.median {
            self.median /= 1.05;
        }
    }

    /// Takes forced orders and open interest against their limits.
    fn weigh(&mut self, settings: &CascadeSettings) {
        let (longs, shorts) = (self.longs.headroom(settings), self.shorts.headroom(settings));
        self.parts = Parts {
            any: self.longs.count + self.shorts.count > 0,
            is_loud: longs.max(shorts) >= LOUD,
            longs,
            shorts,
            interest: self.interest.fall(self.interest_now) * 100.0 / settings.confirm_interest_percent,
            per_move: 1.0 / settings.confirm_move,
        };
    }
}

fn second_largest([a, b, c]: [f64; 3]) -> f64 {
    a.min(b).max(a.min(c)).max(b.min(c))
}
