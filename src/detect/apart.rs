//! D3, standing apart: a market that is silent while others go on trading, and one whose venue's times leave ours.
//!
//! The clock cannot tell an outage from a quiet market; the trades of others can. So silence is measured a second time in
//! *their* trades: how many of the same asset elsewhere, and how many of the venue's other markets, use to come
//! between two seconds in which this market traded? The law of these counts is learned as the law of gaps is (see `stale`), and a
//! silence counts only as far as it is unusual by the clock too, or a peer that comes back would blind everybody. Skew is the
//! lag from the venue's time of an event to ours, against the band that it has kept so far; it must stay outside for a while. Data
//! cannot come later by more than the time that has passed, nor before it is made: a lag that does is a clock that was set, and
//! neither trips nor mutes.

use serde::{Deserialize, Serialize};

use super::stale::with_floor;
use super::{Base, Detector, Leg, Link, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::gaps::GapLaw;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.apart`.
    pub struct ApartSettings {
        /// Limit of a silence while others trade.
        limit_silent: f64 = 12.0, "phi", 1.0..=200.0;
        /// No silence shorter than this counts.
        silent_floor_secs: f64 = 3.0, "s", 1.0..=3600.0;
        /// Limit of the lag between the venue's times and ours, against the lags so far.
        limit_skew: f64 = 12.0, "phi", 1.0..=200.0;
        /// No change of the lag smaller than this counts.
        skew_floor_secs: f64 = 1.0, "s", 0.01..=3600.0;
        /// Seconds in a row with an event, in which the lag must be outside.
        skew_dwell: u32 = 5, "", 1.0..=3600.0;
        /// Seconds with a trade, or with an event, to learn from before anything is said.
        warm_looks: u32 = 600, "", 10.0..=1_000_000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// Looks after which half of what was learned is forgotten, in units of a law's memory.
const MEMORY_LOOKS: f64 = 20_000.0;

/// A silence counts up to so many times its surprise by the clock.
const BY_CLOCK: f64 = 4.0;

/// The share of a new lag in the usual one.
const LAG_SHARE: f64 = 1.0 / 600.0;

/// What may be looked at of a market once a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Its own trades since the last look.
    pub trades: u64,
    /// Trades of its asset in other markets, wherever.
    pub peers: u64,
    /// Trades of other markets of its venue.
    pub neighbours: u64,
    /// From the venue's time of its last event to ours, seconds, where one came.
    pub lag_secs: Option<f64>,
}

/// Silence in the trades of others.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Others {
    law: GapLaw,
    /// Their trades since this market's own last one.
    since: u64,
}

impl Others {
    fn new() -> Self {
        Self { law: GapLaw::new(MEMORY_LOOKS), since: 0 }
    }

    /// An outage teaches as much as the longest silence that is none: or the next one would be ordinary.
    fn look(&mut self, own: u64, theirs: u64, limit: f64) {
        if own == 0 {
            self.since = self.since.saturating_add(theirs);
        } else {
            self.law.push((self.since as f64).min(self.law.silence_secs(limit)));
            self.since = 0;
        }
    }

    fn phi(&self) -> f64 {
        self.law.phi(self.since as f64)
    }
}

/// How far the venue's times lie behind ours.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Lag {
    usual_secs: f64,
    law: GapLaw,
    last_secs: f64,
    last_at: Nanos,
    /// Looks in a row outside.
    outside: u32,
}

impl Lag {
    /// The score after one more look.
    fn look(&mut self, settings: &ApartSettings, at: Nanos, lag_secs: f64) -> f64 {
        let (risen, passed) = (lag_secs - self.last_secs, at.secs_since(self.last_at).max(0.0));
        let floor = settings.skew_floor_secs;
        let is_set = self.last_at.0 == i64::MIN || risen > passed + floor || lag_secs < self.usual_secs - floor;
        (self.last_secs, self.last_at) = (lag_secs, at);
        if is_set {
            (self.usual_secs, self.outside) = (lag_secs, 0);
            return 0.0;
        }
        let off = lag_secs - self.usual_secs;
        let (size, bound) = (off.abs(), self.law.silence_secs(settings.limit_skew));
        let is_known = self.law.count() >= u64::from(settings.warm_looks);
        let phi = if is_known { self.law.phi(size) } else { 0.0 };
        let is_outside = phi >= settings.limit_skew && size >= settings.skew_floor_secs;
        self.outside = if is_outside { self.outside.saturating_add(1) } else { 0 };
        // What is outside teaches nothing of the band; the usual lag follows it, within hours.
        if !is_outside {
            self.law.push(size.min(bound));
        }
        self.usual_secs += LAG_SHARE * off.clamp(-bound, bound);
        let held = f64::from(self.outside) / f64::from(settings.skew_dwell);
        if held < 1.0 { settings.limit_skew * held } else { phi }
    }
}

/// One market beside its peers and its clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Apart {
    peers: Others,
    neighbours: Others,
    /// Seconds between the looks with a trade.
    own: GapLaw,
    traded_at: Nanos,
    looked_at: Nanos,
    lag: Lag,
}

impl Detector for Apart {
    const NAME: &'static str = "apart";
    const LEGS: &'static [Leg] = leg_table!["silent" => None, "skew" => None];
    type Settings = ApartSettings;

    fn new(_: &ApartSettings) -> Self {
        let never = Nanos(i64::MIN);
        let lag = Lag { usual_secs: 0.0, law: GapLaw::new(MEMORY_LOOKS), last_secs: 0.0, last_at: never, outside: 0 };
        let own = GapLaw::new(MEMORY_LOOKS);
        Self { peers: Others::new(), neighbours: Others::new(), own, traded_at: never, looked_at: never, lag }
    }

    fn limit(settings: &ApartSettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { settings.limit_silent } else { settings.limit_skew };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &ApartSettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Look { at, look } => self.look(settings, at, look, scores),
            // A new connection may come by another way, and what came while there was none is not known.
            Seen::Link { link: Link::Down, .. } => self.forget(),
            // From here on it is missed again, or a stream that does not come back never would be.
            Seen::Link { at, link: Link::Up, .. } if self.traded_at.0 == i64::MIN && self.own.count() > 0 => {
                self.traded_at = at;
            }
            _ => {}
        }
    }

    fn is_warm(&self, _: &ApartSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, _: &ApartSettings, _: &Base, leg: usize) -> Evidence {
        if leg == 1 {
            let usual = Evidence::default().with("lag", self.lag.last_secs, "s");
            return usual.with("usual lag", self.lag.usual_secs, "s");
        }
        Evidence::default()
            .with("no trades for", self.silence(), "s")
            .with("trades of the asset elsewhere", self.peers.since as f64, "")
            .with("trades of the venue's other markets", self.neighbours.since as f64, "")
    }
}

impl Apart {
    /// Forgets when something last came, and keeps the laws.
    pub(super) const fn forget(&mut self) {
        self.traded_at = Nanos(i64::MIN);
        (self.peers.since, self.neighbours.since, self.lag.outside) = (0, 0, 0);
    }

    fn silence(&self) -> f64 {
        if self.traded_at.0 == i64::MIN { 0.0 } else { self.looked_at.secs_since(self.traded_at).max(0.0) }
    }

    fn look(&mut self, settings: &ApartSettings, at: Nanos, look: Look, scores: &mut [f64]) {
        let [silent, skew] = scores else { return };
        self.looked_at = at;
        if let Some(lag_secs) = look.lag_secs {
            *skew = self.lag.look(settings, at, lag_secs);
        }
        let is_known = self.traded_at.0 != i64::MIN;
        if is_known {
            self.peers.look(look.trades, look.peers, settings.limit_silent);
            self.neighbours.look(look.trades, look.neighbours, settings.limit_silent);
        }
        if look.trades > 0 {
            if is_known {
                // As of the others: an outage teaches no more than the longest silence that is none.
                let bound = self.own.silence_secs(settings.limit_silent);
                self.own.push(self.silence().min(bound));
            }
            self.traded_at = at;
        }
        *silent = self.silent(settings);
    }

    fn silent(&self, settings: &ApartSettings) -> f64 {
        if self.own.count() < u64::from(settings.warm_looks) {
            return 0.0;
        }
        let silence = self.silence();
        let by_clock = BY_CLOCK * self.own.phi(silence);
        let phi = self.peers.phi().max(self.neighbours.phi()).min(by_clock);
        with_floor(phi, settings.limit_silent, silence / settings.silent_floor_secs)
    }
}
