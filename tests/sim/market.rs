//! The market: prices that wander, trend, gap and crash, and what the venues say of them.

use fusewire::engine::Input;
use fusewire::event::{Liquidated, Nanos};

use crate::chance::Chance;
use crate::stage::{at, interest, liquidation, quote, trade};

/// `venue:ASSET` of every market.
pub(crate) const MARKETS: [&str; 3] = ["a:DOT", "b:DOT", "a:TRX"];

/// A venue's place for each market.
pub(crate) const VENUE_OF: [u32; 3] = [0, 1, 0];

/// What the market goes through, in seconds from the start.
struct Weather {
    from: f64,
    until: f64,
    /// Log return a second.
    drift: f64,
    /// Markets it hits, as bits.
    hits: u8,
}

/// Prices of all markets and the way they go.
pub(crate) struct Market {
    chance: Chance,
    secs: f64,
    until: f64,
    logs: [f64; MARKETS.len()],
    ids: [u64; MARKETS.len()],
    weather: Vec<Weather>,
}

impl Market {
    pub(crate) fn new(mut chance: Chance, calm: f64, until: f64) -> Self {
        let count = 1 + chance.below(3);
        let weather = (0..count).map(|_| Weather::any(&mut chance, calm, until)).collect();
        Self { chance, secs: 0.0, until, logs: [0.0; MARKETS.len()], ids: [0; MARKETS.len()], weather }
    }

    /// What is said next, and by which market; nothing at the end.
    pub(crate) fn next(&mut self) -> Option<(usize, Nanos, Input)> {
        let gap = self.chance.gap(0.4);
        self.secs += gap;
        if self.secs > self.until {
            return None;
        }
        let drifts: Vec<(u8, f64)> =
            self.weather.iter().filter(|w| w.is_on(self.secs)).map(|w| (w.hits, w.drift)).collect();
        for (place, log) in self.logs.iter_mut().enumerate() {
            let drift: f64 = drifts.iter().filter(|(hits, _)| hits >> place & 1 == 1).map(|(_, drift)| drift).sum();
            *log += drift * gap + 0.0001 * f64::sqrt(gap) * self.chance.normal();
        }
        let place = self.chance.below(MARKETS.len() as u64) as usize;
        let stormy = drifts.iter().any(|(hits, drift)| hits >> place & 1 == 1 && *drift < 0.0);
        Some((place, at(self.secs), self.said(place, stormy)))
    }

    fn said(&mut self, place: usize, stormy: bool) -> Input {
        let (now, market, price) = (at(self.secs), place as u32, 100.0 * libm::exp(self.logs[place]));
        let forced = if stormy { 250 } else { 3 };
        Input::Event(match self.chance.below(1000) {
            kind if kind < forced => {
                let whose = if stormy { Liquidated::Long } else { Liquidated::Short };
                liquidation(market, now, price, self.chance.between(1.0, 50.0), whose, place == 0)
            }
            950.. => interest(market, now, if stormy { 900.0 } else { 1000.0 }),
            800.. => quote(market, now, price),
            // A fat number now and then.
            799 => trade(market, self.id(place), now, price * 1e6),
            _ => trade(market, self.id(place), now, price),
        })
    }

    const fn id(&mut self, place: usize) -> u64 {
        self.ids[place] += 1;
        self.ids[place]
    }
}

impl Weather {
    /// A trend, a crash or a gap, on one market or on all.
    fn any(chance: &mut Chance, calm: f64, until: f64) -> Self {
        let from = chance.between(calm, until * 0.6);
        let (length, depth) = match chance.below(4) {
            0 => (600.0, chance.between(-0.05, 0.05)),
            1 => (60.0, chance.between(-0.6, -0.1)),
            2 => (1.0, chance.between(-0.3, 0.3)),
            _ => (120.0, chance.between(-0.15, 0.25)),
        };
        Self { from, until: from + length, drift: depth / length, hits: 1 + chance.below(7) as u8 }
    }

    fn is_on(&self, secs: f64) -> bool {
        (self.from..self.until).contains(&secs)
    }
}
