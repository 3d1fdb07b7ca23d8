//! The filter in front of every detector: a bad tick is data, refused and counted, and a real fall passes whole.
//!
//! One print far away from the last price is held back until others confirm it: a fat number is alone, a crash is not.
//! Nothing is ever believed on one print, and nothing is refused for ever.

use serde::{Deserialize, Serialize};

use crate::event::{Nanos, Price};

crate::settings! {
    /// The filter in front of every detector.
    pub struct PlausibleSettings {
        /// A print farther from the last one than this factor waits for confirmation.
        factor: f64 = 1.25, "", 1.001..=100.0;
        /// Prints within a tenth of that factor of each other that confirm a new level.
        confirm: u32 = 3, "", 1.0..=1000.0;
        /// A jump beyond this factor needs `far_secs` of agreeing prints instead.
        far_factor: f64 = 10.0, "", 1.5..=1_000_000.0;
        /// How long prints must agree on a far level before it is believed.
        far_secs: f64 = 10.0, "s", 0.0..=3600.0;
        /// After this long without a believed price any level may be new: only confirmation counts, not the distance.
        stale_secs: f64 = 900.0, "s", 1.0..=86400.0;
    }
}

/// Why a price was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Far away and not confirmed yet.
    Unconfirmed,
}

impl Refused {
    /// The reason as a metric label.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Unconfirmed => "unconfirmed_price",
        }
    }
}

/// Last believed price, and the level that waits for confirmation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plausible {
    believed: f64,
    believed_at: i64,
    waiting: f64,
    waiting_since: i64,
    agreeing: u32,
}

impl Plausible {
    /// Believes the price, or says why not.
    #[inline]
    pub fn admit(&mut self, settings: &PlausibleSettings, at: Nanos, price: f64) -> Result<(), Refused> {
        if within(price, self.believed, settings.factor) {
            self.believe(at, price);
            return Ok(());
        }
        self.wait(settings, at, price)
    }

    /// The last believed price.
    pub fn believed(&self) -> Option<Price> {
        Price::new(self.believed).ok()
    }

    fn believe(&mut self, at: Nanos, price: f64) {
        self.believed = price;
        self.believed_at = at.0;
        self.agreeing = 0;
    }

    #[cold]
    fn wait(&mut self, settings: &PlausibleSettings, at: Nanos, price: f64) -> Result<(), Refused> {
        let near = 1.0 + (settings.factor - 1.0) * 0.1;
        if self.agreeing == 0 || !within(price, self.waiting, near) {
            self.waiting_since = at.0;
            self.agreeing = 0;
        }
        self.waiting = price;
        self.agreeing += 1;
        let held = at.secs_since(Nanos(self.waiting_since));
        let silent = at.secs_since(Nanos(self.believed_at)) > settings.stale_secs;
        let near_enough = silent || self.believed == 0.0 || within(price, self.believed, settings.far_factor);
        if self.agreeing >= settings.confirm && (near_enough || held >= settings.far_secs) {
            self.believe(at, price);
            Ok(())
        } else {
            Err(Refused::Unconfirmed)
        }
    }
}

/// Whether two prices lie within a factor of each other.
#[inline]
fn within(a: f64, b: f64, factor: f64) -> bool {
    a <= b * factor && b <= a * factor
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(prices: impl IntoIterator<Item = (f64, f64)>) -> Vec<bool> {
        let settings = PlausibleSettings::default();
        let mut filter = Plausible::default();
        prices
            .into_iter()
            .map(|(secs, price)| filter.admit(&settings, Nanos::from_secs(1000).plus_secs(secs), price).is_ok())
            .collect()
    }

    #[test]
    fn the_first_price_needs_company_like_any_new_level() {
        assert_eq!(run([(0.0, 100.0), (0.1, 100.1), (0.2, 100.0), (0.3, 100.0)]), [false, false, true, true]);
    }

    #[test]
    fn a_bad_tick_is_refused_and_leaves_no_trace() {
        let calm = (0..10).map(|i| (f64::from(i), 100.0));
        let bad = [(10.0, 1e12), (10.1, 1e-9), (10.2, 1e12)];
        let after = (11..20).map(|i| (f64::from(i), 100.0));
        let admitted = run(calm.chain(bad).chain(after));
        assert!(admitted[10..13].iter().all(|ok| !ok));
        assert!(admitted[13..].iter().all(|ok| *ok));
    }

    #[test]
    fn a_fall_of_84_percent_passes_whole_when_it_is_traded_through() {
        let fall = (0..200).map(|i| (f64::from(i) * 0.1, 4.29 * libm::exp(-1.8 * f64::from(i) / 200.0)));
        assert!(run(fall).iter().skip(2).all(|ok| *ok));
    }

    #[test]
    fn a_gap_is_believed_after_three_prints() {
        let calm = (0..5).map(|i| (f64::from(i), 4.29));
        let gap = (5..10).map(|i| (f64::from(i), 0.7 + f64::from(i) * 0.001));
        assert_eq!(run(calm.chain(gap))[5..], [false, false, true, true, true]);
    }
}
