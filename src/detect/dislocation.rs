//! D4, dislocation: this market's price has left the company of the others that should cost the same.
//!
//! Two companions: what the venues of this asset agree on (the engine compares them at every look, [`Seen::Peers`]) and the
//! index its own venue publishes. The distance `x = ln(own / companion)` has a usual value and a usual spread, a basis, learned
//! in peace. A distance counts while `|x - usual|` is above both a floor and a multiple of that spread; its *area* over time is
//! the score, in units of that threshold: just above it trips after [`DislocationSettings::limit_secs`], at twice in half the
//! time. So a price that is half gone is told at the second look, and an arbitrage that takes a second to close never is. Only
//! time in which both sides spoke counts: one odd print of a sleepy market stays one odd print.
//!
//! Between two venues nobody knows who is wrong, and both are told. Of three or more the median is right.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::{ewma::Ewma, math};
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.dislocation`.
    pub struct DislocationSettings {
        /// No distance from the usual one below this counts.
        floor_bps: f64 = 50.0, "bp", 1.0..=5000.0;
        /// Nor one below so many times its usual spread.
        limit_sigmas: f64 = 8.0, "sigma", 2.0..=100.0;
        /// A distance just above that trips after so long, one of twice as much in half the time.
        limit_secs: f64 = 2.0, "s", 0.1..=3600.0;
        /// Prices further apart in time are not compared.
        fresh_secs: f64 = 2.0, "s", 0.1..=300.0;
        /// Memory of the usual distance; one that lasts for so long becomes the usual one.
        memory_secs: f64 = 21_600.0, "s", 600.0..=2_592_000.0;
        /// Time of comparison before a distance means anything.
        warm_secs: f64 = 600.0, "s", 10.0..=86_400.0;
        /// Back, and clear again, below this share of that distance and of the limit; in between time neither counts nor ends.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// A comparison after a longer pause teaches as much as one after so long.
const TEACHES_MAX_SECS: f64 = 60.0;

/// A distance counts at most this many times its spread when it is learned, once there is one.
const CLIP_SIGMAS: f64 = 6.0;

/// A distance that nothing confirmed for so long is not told any more.
const FORGOTTEN_SECS: f64 = 30.0;

/// The area grows no further than so many times the limit.
const AREA_MAX: f64 = 1000.0;

/// The distance to one companion.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Distance {
    usual: Ewma,
    /// The last comparison.
    at: Nanos,
    /// How far from the usual, as a log ratio.
    away: f64,
    /// Since when it has been out; `None` while it is not.
    out_since: Option<Nanos>,
    /// Seconds out, each counted as many times as it was above the threshold.
    area: f64,
}

impl Distance {
    fn new(settings: &DislocationSettings) -> Self {
        let usual = Ewma::new(settings.memory_secs);
        Self { usual, at: Nanos(i64::MIN), away: 0.0, out_since: None, area: 0.0 }
    }

    fn compare(&mut self, settings: &DislocationSettings, at: Nanos, own: f64, other: f64) {
        let x = math::log_ratio(own, other);
        if !math::usable(x) || at < self.at {
            return;
        }
        let secs = if self.at.0 == i64::MIN { 0.0 } else { at.secs_since(self.at) };
        let away = if self.usual.is_empty() { 0.0 } else { x - self.usual.mean() };
        let turned = away * self.away < 0.0;
        (self.at, self.away) = (at, away);
        let times = away.abs() / self.threshold(settings);
        let is_far = times >= if self.out_since.is_some() { settings.clear } else { 1.0 };
        if is_far && self.knows(settings) {
            self.stay_out(settings, at, secs, times, turned);
        } else {
            self.come_back();
        }
        let settled = self.out_since.is_none_or(|since| at.secs_since(since) > settings.memory_secs);
        if settled {
            self.learn(x, secs.min(TEACHES_MAX_SECS));
        }
    }

    /// The time since the last look counts where it was out then too, on this side.
    fn stay_out(&mut self, settings: &DislocationSettings, at: Nanos, secs: f64, times: f64, turned: bool) {
        if self.out_since.is_none() || turned {
            (self.out_since, self.area) = (Some(at), 0.0);
        } else {
            let counted = if times >= 1.0 { secs.min(settings.limit_secs) * times } else { 0.0 };
            self.area = (self.area + counted).min(AREA_MAX * settings.limit_secs);
        }
    }

    fn come_back(&mut self) {
        (self.out_since, self.area) = (None, 0.0);
    }

    fn learn(&mut self, x: f64, secs: f64) {
        let reach = CLIP_SIGMAS * self.usual.sd();
        let is_young = self.usual.seen_secs() < TEACHES_MAX_SECS || reach == 0.0;
        let mean = self.usual.mean();
        self.usual.push(if is_young { x } else { x.clamp(mean - reach, mean + reach) }, secs);
    }

    fn knows(&self, settings: &DislocationSettings) -> bool {
        self.usual.seen_secs() >= settings.warm_secs
    }

    fn threshold(&self, settings: &DislocationSettings) -> f64 {
        (settings.floor_bps * 1e-4).max(settings.limit_sigmas * self.usual.sd())
    }

    fn forget_if_old(&mut self, at: Nanos) {
        if self.out_since.is_some() && at.secs_since(self.at) > FORGOTTEN_SECS {
            self.come_back();
        }
    }

    /// Scores of below and above.
    fn scores(&self) -> [f64; 2] {
        if self.away < 0.0 { [self.area, 0.0] } else { [0.0, self.area] }
    }
}

/// The distances to both companions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Dislocation {
    peers: Distance,
    index: Distance,
    /// Venues that were compared last.
    venues: u32,
}

impl Detector for Dislocation {
    const NAME: &'static str = "dislocation";
    const LEGS: &'static [Leg] =
        leg_table!["venue-below" => Down, "venue-above" => Up, "index-below" => Down, "index-above" => Up];
    type Settings = DislocationSettings;

    fn new(settings: &DislocationSettings) -> Self {
        Self { peers: Distance::new(settings), index: Distance::new(settings), venues: 0 }
    }

    fn limit(settings: &DislocationSettings, _: usize) -> (f64, f64) {
        (settings.limit_secs, settings.limit_secs * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &DislocationSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Peers { heard_at, consensus, venues, .. } => {
                self.venues = venues;
                self.peers.compare(settings, heard_at, base.price(), consensus);
            }
            Seen::Index { at, price } if at.secs_since(base.price_at()) <= settings.fresh_secs => {
                self.index.compare(settings, at, base.price(), price);
            }
            Seen::Clock { at } => {
                self.peers.forget_if_old(at);
                self.index.forget_if_old(at);
            }
            _ => return,
        }
        if let [below, above, index_below, index_above] = scores {
            [*below, *above] = self.peers.scores();
            [*index_below, *index_above] = self.index.scores();
        }
    }

    fn wants_clock(&self, _: &DislocationSettings, at: Nanos) -> bool {
        let is_old = |distance: &Distance| distance.out_since.is_some() && at.secs_since(distance.at) > FORGOTTEN_SECS;
        is_old(&self.peers) || is_old(&self.index)
    }

    /// No market waits for company: there may never be any.
    fn is_warm(&self, _: &DislocationSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, settings: &DislocationSettings, base: &Base, leg: usize) -> Evidence {
        let distance = if leg < 2 { &self.peers } else { &self.index };
        let bps = |log: f64| math::exp_m1(log) * 1e4;
        let evidence = Evidence::default()
            .with("distance", bps(distance.away + distance.usual.mean()), "bp")
            .with("usual", bps(distance.usual.mean()), "bp")
            .with("counts from", distance.threshold(settings) * 1e4, "bp")
            .with("price", base.price(), "")
            .with("out for", distance.out_since.map_or(0.0, |since| distance.at.secs_since(since)), "s");
        if leg < 2 { evidence.with("venues", f64::from(self.venues), "") } else { evidence }
    }
}
