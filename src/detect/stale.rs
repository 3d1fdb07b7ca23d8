//! D3, staleness in its first form: how improbable is this silence under the gaps this market has taught us?
//!
//! `phi = -log10 P(gap > silence)` (after the accrual failure detector of Hayashibara and others, SRDS 2004) with the
//! *empirical* law of gaps, never a Gaussian one. Ping and pong are no life: only data counts. A connection that is known to
//! be down is stale at once.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Link, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::gaps::GapLaw;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.stale`.
    pub struct StaleSettings {
        /// First limit: the feed is late.
        limit_late: f64 = 8.0, "phi", 1.0..=100.0;
        /// Second limit: the feed is dead.
        limit_dead: f64 = 12.0, "phi", 1.0..=200.0;
        /// No silence shorter than this is late.
        late_floor_secs: f64 = 5.0, "s", 0.01..=3600.0;
        /// No silence shorter than this is dead, nor a broken connection younger than this.
        dead_floor_secs: f64 = 20.0, "s", 0.01..=86400.0;
        /// Gaps to learn from before silence means anything.
        warm_gaps: u32 = 200, "", 10.0..=1_000_000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// Gaps after which half of what was learned is forgotten, in units of the law's memory.
const MEMORY_GAPS: f64 = 20_000.0;

/// The law of gaps and the last arrival.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stale {
    gaps: GapLaw,
    last: Nanos,
    /// Connections that are down, as bits: data on another one does not heal them.
    down: u64,
    down_since: Nanos,
    silence: f64,
}

impl Detector for Stale {
    const NAME: &'static str = "stale";
    const LEGS: &'static [Leg] = leg_table!["late" => None, "dead" => None];
    type Settings = StaleSettings;

    fn new(_: &StaleSettings) -> Self {
        Self { gaps: GapLaw::new(MEMORY_GAPS), last: Nanos(i64::MIN), down: 0, down_since: Nanos(0), silence: 0.0 }
    }

    fn limit(settings: &StaleSettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { settings.limit_late } else { settings.limit_dead };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &StaleSettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Price { at, .. }
            | Seen::Liquidation { at, .. }
            | Seen::OpenInterest { at, .. }
            | Seen::Arrival { at } => {
                if self.last.0 != i64::MIN {
                    self.gaps.push(at.secs_since(self.last).max(0.0));
                }
                self.last = at;
                self.silence = 0.0;
                if self.down == 0 {
                    scores.fill(0.0);
                } else {
                    self.listen(settings, at, scores);
                }
            }
            Seen::Clock { at } => self.listen(settings, at, scores),
            Seen::Link { at, connection, link } => self.link(settings, at, 1 << (connection % 64), link, scores),
            Seen::Bar(_) | Seen::Crowd { .. } => {}
        }
    }

    /// A silence below the first floor cannot be late.
    #[inline]
    fn wants_clock(&self, settings: &StaleSettings, at: Nanos) -> bool {
        self.down != 0 || at.secs_since(self.last) >= settings.late_floor_secs
    }

    fn is_warm(&self, _: &StaleSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, _: &StaleSettings, _: &Base, _: usize) -> Evidence {
        let evidence = Evidence::default().with("silent for", self.silence, "s").with(
            "gaps learned",
            self.gaps.count() as f64,
            "",
        );
        if self.down == 0 {
            return evidence;
        }
        let looked_at = self.last.plus_secs(self.silence);
        evidence.with("connection down for", looked_at.secs_since(self.down_since).max(0.0), "s")
    }
}

impl Stale {
    /// Forgets when something last arrived, and keeps the law of gaps.
    pub(super) fn forget_arrival(&mut self) {
        self.last = Nanos(i64::MIN);
        self.down = 0;
    }

    fn link(&mut self, settings: &StaleSettings, at: Nanos, bit: u64, link: Link, scores: &mut [f64]) {
        match link {
            Link::Up => self.down &= !bit,
            Link::Down => {
                if self.down == 0 {
                    self.down_since = at;
                }
                self.down |= bit;
            }
            Link::Hole => {}
        }
        self.listen(settings, at, scores);
        if let ([late, _], Link::Hole) = (scores, link) {
            *late = late.max(settings.limit_late);
        }
    }

    fn listen(&mut self, settings: &StaleSettings, at: Nanos, scores: &mut [f64]) {
        let [late, dead] = scores else { return };
        if self.last.0 == i64::MIN {
            return;
        }
        self.silence = at.secs_since(self.last).max(0.0);
        let learned = self.gaps.count() >= u64::from(settings.warm_gaps);
        let phi = if learned { self.gaps.phi(self.silence) } else { 0.0 };
        *late = with_floor(phi, settings.limit_late, self.silence / settings.late_floor_secs);
        *dead = with_floor(phi, settings.limit_dead, self.silence / settings.dead_floor_secs);
        if self.down != 0 {
            *late = late.max(settings.limit_late);
            let down = at.secs_since(self.down_since).max(0.0) / settings.dead_floor_secs;
            *dead = dead.max(settings.limit_dead * down.min(1.0));
        }
    }
}

/// Below its floor a silence stays below its limit, however surprising it is: a busy stream may pause for a second.
fn with_floor(phi: f64, limit: f64, silence_in_floors: f64) -> f64 {
    if silence_in_floors < 1.0 { phi.min(limit) * silence_in_floors } else { phi }
}
