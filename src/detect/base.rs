//! D0, the scale everything relative is measured in: a fast one of hours, a slow one of days, both from grid returns.
//!
//! Irregular prints bounce between bid and ask; returns are therefore taken from close to close of a grid (1 s for the
//! fast scale, 60 s for the slow one) and weighted by the time they span. The scale learns *after* an event was scored,
//! and stops learning while the market is tripped (not for ever: a regime may change). Slow poisoning is answered by the
//! absolute band of the velocity detector, which has no scale.

use serde::{Deserialize, Serialize};

use super::Seen;
use crate::event::Nanos;
use crate::stats::{math, scale::Scale};

crate::settings! {
    /// The scale that relative scores are measured in.
    pub struct BaseSettings {
        /// Memory of the fast scale.
        fast_secs: f64 = 3600.0, "s", 60.0..=86400.0;
        /// Memory of the slow scale.
        slow_secs: f64 = 604_800.0, "s", 3600.0..=7_776_000.0;
        /// A return counts at most this many times the scale.
        clip: f64 = 6.0, "sigma", 2.0..=100.0;
        /// Time of history before relative detectors may trip.
        warm_secs: f64 = 10_800.0, "s", 0.0..=2_592_000.0;
        /// While history is this short the slow scale is widened by the square root of two, and more the shorter it is.
        cold_secs: f64 = 21_600.0, "s", 0.0..=2_592_000.0;
        /// Longest time the scale stops learning while tripped.
        freeze_max_secs: f64 = 14_400.0, "s", 0.0..=604_800.0;
        /// A leg that tripped counts as one trip until it stayed below its clear level for so long.
        rest_secs: f64 = 30.0, "s", 0.0..=3600.0;
        /// Smallest scale a square root of a second, as a fraction of the price.
        floor: f64 = 0.000_001, "", 0.0..=0.01;
    }
}

/// Close-to-close returns on a fixed grid of time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Grid {
    step: i64,
    ends: i64,
    close: f64,
    close_at: i64,
}

impl Grid {
    const fn new(step_secs: i64) -> Self {
        Self { step: step_secs * Nanos::SECOND, ends: i64::MIN, close: 0.0, close_at: 0 }
    }

    /// Takes the last price *before* `at`; returns (log return, seconds spanned) once a cell of the grid is over.
    #[inline]
    fn pass(&mut self, at: i64, last: f64) -> Option<(f64, f64)> {
        if at < self.ends {
            return None;
        }
        let ended = self.ends;
        self.ends = at - at.rem_euclid(self.step) + self.step;
        let (from, from_at) = (self.close, self.close_at);
        self.close = last;
        self.close_at = ended;
        if from > 0.0 && last > 0.0 && from_at != i64::MIN && ended > from_at {
            let secs = (ended - from_at) as f64 / Nanos::SECOND as f64;
            Some((math::log_ratio(last, from), secs))
        } else {
            None
        }
    }
}

/// Last price and scales of one market.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Base {
    price: f64,
    price_at: Nanos,
    fast: Scale,
    slow: Scale,
    seconds: Grid,
    minutes: Grid,
    /// Cached from `slow`, widened while history is short.
    sigma: f64,
    /// Latest one-second return and its span, for the detectors that live on that grid.
    second: Option<(f64, f64)>,
    tripped_since: Option<Nanos>,
    tick: f64,
    /// How far the moves of either sign stand from their limits, for detectors that want them confirmed: 1 = at the limit.
    pub(super) fall: f64,
    pub(super) rise: f64,
    /// Whether there is enough history for relative scores.
    pub(super) warm: bool,
}

impl Base {
    pub(super) fn new(settings: &BaseSettings) -> Self {
        Self {
            price: 0.0,
            price_at: Nanos(i64::MIN),
            fast: Scale::new(settings.fast_secs, settings.clip),
            slow: Scale::new(settings.slow_secs, settings.clip),
            seconds: Grid::new(1),
            minutes: Grid::new(60),
            sigma: settings.floor,
            second: None,
            tripped_since: None,
            tick: 0.0,
            fall: 0.0,
            rise: 0.0,
            warm: settings.warm_secs <= 0.0,
        }
    }

    /// The last price; 0 before the first.
    pub const fn price(&self) -> f64 {
        self.price
    }

    /// When it came.
    pub const fn price_at(&self) -> Nanos {
        self.price_at
    }

    /// The slow scale a square root of a second, widened while history is short. Never 0.
    pub const fn sigma_slow(&self) -> f64 {
        self.sigma
    }

    /// The fast scale a square root of a second; 0 before it has seen anything.
    pub fn sigma_fast(&self) -> f64 {
        self.fast.sigma()
    }

    /// The fast scale by bipower variation, which single jumps do not move.
    pub fn sigma_bipower(&self) -> f64 {
        self.fast.sigma_bipower()
    }

    /// How far the largest fall of any horizon stands from its limit: 1 = at the limit.
    pub const fn fall(&self) -> f64 {
        self.fall
    }

    /// The same of a rise.
    pub const fn rise(&self) -> f64 {
        self.rise
    }

    /// Half the finest step the price has made, as a fraction of it: no market can move by less. 0 before it is known.
    pub fn half_tick(&self) -> f64 {
        if self.price > 0.0 { 0.5 * self.tick / self.price } else { 0.0 }
    }

    /// The one-second return that the latest event completed, as (log return, seconds).
    pub(super) const fn second(&self) -> Option<(f64, f64)> {
        self.second
    }

    /// Close of the last completed second and its time; `None` before the first.
    pub(super) fn second_close(&self) -> Option<(f64, i64)> {
        (self.seconds.close > 0.0).then_some((self.seconds.close, self.seconds.close_at))
    }

    /// Closes the seconds that are over before an event is scored.
    #[inline]
    pub(super) fn open(&mut self, seen: &Seen<'_>) {
        match *seen {
            Seen::Price { at, .. } => self.second = self.seconds.pass(at.0, self.price),
            Seen::Bar(bar) => self.second = self.seconds.pass(bar.close_at.0, self.price),
            _ => {}
        }
    }

    /// Learns from an event that was scored.
    #[inline]
    pub(super) fn learn(&mut self, settings: &BaseSettings, seen: &Seen<'_>, tripped: bool) {
        match *seen {
            Seen::Price { at, price } => self.learn_price(settings, at, price, tripped),
            Seen::Bar(bar) => self.learn_price(settings, bar.close_at, bar.close.get(), tripped),
            _ => {}
        }
    }

    #[inline]
    fn learn_price(&mut self, settings: &BaseSettings, at: Nanos, price: f64, tripped: bool) {
        let frozen = self.frozen(settings, at, tripped);
        if let Some((r, secs)) = self.second.take()
            && !frozen
        {
            self.fast.push(r, secs);
        }
        if let Some((r, secs)) = self.minutes.pass(at.0, self.price)
            && !frozen
        {
            self.slow.push(r, secs);
            self.widen(settings);
        }
        self.learn_tick(price);
        self.price = price;
        self.price_at = at;
    }

    fn frozen(&mut self, settings: &BaseSettings, at: Nanos, tripped: bool) -> bool {
        if !tripped {
            self.tripped_since = None;
            return false;
        }
        let since = *self.tripped_since.get_or_insert(at);
        at.secs_since(since) < settings.freeze_max_secs
    }

    /// Half a tick is the finest a market can move: no scale is smaller.
    fn learn_tick(&mut self, price: f64) {
        let step = (price - self.price).abs();
        if self.price > 0.0 && step > price * 1e-9 && (self.tick == 0.0 || step < self.tick) {
            self.tick = step;
        }
    }

    fn widen(&mut self, settings: &BaseSettings) {
        let seen = self.slow.seen_secs().max(1.0);
        self.warm = seen >= settings.warm_secs;
        // Half a tick within a minute, as a rate for the square root of a second.
        let floor = settings.floor.max(self.half_tick() / math::sqrt(60.0));
        self.sigma = (self.slow.sigma() * math::sqrt(1.0 + settings.cold_secs / seen)).max(floor);
    }
}
