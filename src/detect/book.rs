//! D3, the book: best bid and ask that stand crossed, or stand still while trades go through them.
//!
//! Both are data, and both mean that the book of this feed is not the market's. A book is crossed for an instant on many
//! venues; longer than `crossed_secs` it is wrong. A frozen one is told by its own law: how many trades outside of bid and ask
//! does a quote use to bear before it moves? Streams of quotes and trades are not in step, so some.

use serde::{Deserialize, Serialize};

use super::stale::with_floor;
use super::{Base, Detector, Leg, Seen, leg_table};
use crate::event::Nanos;
use crate::stats::gaps::GapLaw;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.book`.
    pub struct BookSettings {
        /// A bid at or above the ask for so long is no market.
        crossed_secs: f64 = 2.0, "s", 0.01..=3600.0;
        /// Limit of the trades outside of a quote that does not move.
        limit_frozen: f64 = 8.0, "phi", 1.0..=200.0;
        /// No quote younger than this is frozen.
        frozen_floor_secs: f64 = 3.0, "s", 0.01..=3600.0;
        /// Quotes to learn from before one is called frozen.
        warm_quotes: u32 = 200, "", 10.0..=1_000_000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// Quotes after which half of what was learned is forgotten, in units of the law's memory.
const MEMORY_QUOTES: f64 = 20_000.0;

/// Of the quotes that bore no trade at all one of so many teaches: fewer of them make the law more patient.
const TEACHES: u32 = 64;

/// The book of one market.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Book {
    /// 0 where there is none.
    bid: f64,
    ask: f64,
    moved_at: Nanos,
    crossed_since: Option<Nanos>,
    /// Trades outside of it since it moved.
    through: u32,
    /// Of these counts, and one, so that a law of quotes which bore none stays a law.
    law: GapLaw,
    quotes: u32,
    looked_at: Nanos,
}

impl Detector for Book {
    const NAME: &'static str = "book";
    const LEGS: &'static [Leg] = leg_table!["crossed" => None, "frozen" => None];
    type Settings = BookSettings;

    fn new(_: &BookSettings) -> Self {
        Self {
            bid: 0.0,
            ask: 0.0,
            moved_at: Nanos(i64::MIN),
            crossed_since: None,
            through: 0,
            law: GapLaw::new(MEMORY_QUOTES),
            quotes: 0,
            looked_at: Nanos(i64::MIN),
        }
    }

    fn limit(settings: &BookSettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { 1.0 } else { settings.limit_frozen };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &BookSettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Quote { at, bid, ask } => self.quote(settings, at, (bid, ask), scores),
            Seen::Price { at, price } if self.bid > 0.0 && (price < self.bid || price > self.ask) => {
                self.through = self.through.saturating_add(1);
                self.tell(settings, at, scores);
            }
            Seen::Clock { at } if self.is_odd() => self.tell(settings, at, scores),
            Seen::Link { at, .. } => {
                self.forget();
                self.tell(settings, at, scores);
            }
            _ => {}
        }
    }

    #[inline]
    fn wants_clock(&self, _: &BookSettings, _: Nanos) -> bool {
        self.is_odd()
    }

    fn is_warm(&self, _: &BookSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, _: &BookSettings, _: &Base, leg: usize) -> Evidence {
        let evidence = Evidence::default().with("bid", self.bid, "").with("ask", self.ask, "");
        if leg == 0 {
            return evidence.with("crossed for", self.crossed_secs(), "s");
        }
        evidence.with("trades outside of it", f64::from(self.through), "").with("unmoved for", self.age_secs(), "s")
    }
}

impl Book {
    /// Forgets the quote, and keeps the law.
    pub(super) const fn forget(&mut self) {
        (self.bid, self.ask, self.through, self.crossed_since) = (0.0, 0.0, 0, None);
    }

    const fn is_odd(&self) -> bool {
        self.through > 0 || self.crossed_since.is_some()
    }

    #[inline]
    fn quote(&mut self, settings: &BookSettings, at: Nanos, (bid, ask): (f64, f64), scores: &mut [f64]) {
        let was_odd = self.is_odd();
        if bid.to_bits() != self.bid.to_bits() || ask.to_bits() != self.ask.to_bits() {
            self.learn(settings);
            (self.bid, self.ask, self.moved_at, self.through) = (bid, ask, at, 0);
        }
        self.crossed_since = if bid >= ask { self.crossed_since.or(Some(at)) } else { None };
        if was_odd || self.is_odd() {
            self.tell(settings, at, scores);
        }
    }

    #[inline]
    fn learn(&mut self, settings: &BookSettings) {
        self.quotes = self.quotes.wrapping_add(1);
        if self.through > 0 || self.quotes.is_multiple_of(TEACHES) || self.law.count() < u64::from(settings.warm_quotes)
        {
            let bound = self.law.silence_secs(settings.limit_frozen);
            self.law.push((f64::from(self.through) + 1.0).min(bound));
        }
    }

    fn age_secs(&self) -> f64 {
        if self.moved_at.0 == i64::MIN { 0.0 } else { self.looked_at.secs_since(self.moved_at).max(0.0) }
    }

    fn crossed_secs(&self) -> f64 {
        self.crossed_since.map_or(0.0, |since| self.looked_at.secs_since(since).max(0.0))
    }

    fn tell(&mut self, settings: &BookSettings, at: Nanos, scores: &mut [f64]) {
        let [crossed, frozen] = scores else { return };
        self.looked_at = at;
        *crossed = self.crossed_secs() / settings.crossed_secs;
        let is_known = self.through > 0 && self.law.count() >= u64::from(settings.warm_quotes);
        let phi = if is_known { self.law.phi(f64::from(self.through) + 1.0) } else { 0.0 };
        *frozen = with_floor(phi, settings.limit_frozen, self.age_secs() / settings.frozen_floor_secs);
    }
}
