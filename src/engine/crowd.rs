//! What all markets do together: gathered on a grid of time from their last believed prices, and shown to each of them.
//!
//! Of more than [`CROWD_MAX`] markets the first by id are measured; all others are told what those do.

use serde::{Deserialize, Serialize};

use super::{Engine, MarketState};
use crate::detect::{Base, CrowdSettings, Seen};
use crate::event::{MarketId, Nanos};
use crate::stats::math;
use crate::stats::turbulence::{Turbulence, TurbulenceLaw};

/// Most markets whose covariance is kept: the first by id.
pub const CROWD_MAX: usize = 64;

/// A return over a longer time (nothing came, or the clock jumped) teaches as much as one over so long.
const TEACHES_MAX_SECS: f64 = 60.0;

/// The panel of all markets, and where each stood at the last step at which its price was fresh.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Crowd {
    panel: Turbulence,
    closes: Vec<Option<(f64, Nanos)>>,
    stepped_at: Nanos,
    next_step: Nanos,
}

/// What a step showed.
#[derive(Clone, Copy, Debug)]
struct Sight {
    turbulence: f64,
    falling: u32,
    rising: u32,
    markets: u32,
}

impl Crowd {
    pub(super) fn new(settings: &CrowdSettings) -> Self {
        let law = TurbulenceLaw {
            tau_secs: settings.memory_secs,
            shrink: settings.shrink,
            clip_sigmas: settings.clip,
            warm_secs: settings.warm_secs,
        };
        let never = Nanos(i64::MIN);
        Self { panel: Turbulence::new(law, 0), closes: Vec::new(), stepped_at: never, next_step: never }
    }

    /// Room for so many markets.
    pub(super) fn grow(&mut self, markets: usize) {
        let markets = markets.min(CROWD_MAX);
        self.closes.resize(markets, None);
        self.panel.widen(markets);
    }

    /// Ends a step of the grid.
    fn step(&mut self, settings: &CrowdSettings, now: Nanos, markets: &[MarketState]) -> Sight {
        for (place, (close, market)) in self.closes.iter_mut().zip(markets).enumerate() {
            let base = market.bank.base();
            if base.price() <= 0.0 || base.price_at() < self.stepped_at {
                continue;
            }
            if let Some((before, at)) = close.replace((base.price(), now)) {
                let secs = now.secs_since(at);
                // Over several steps a return is as wide as the root of their number.
                let steps = math::larger(secs / settings.grid_secs, 1.0);
                let x = math::log_ratio(base.price(), before) / math::sqrt(steps);
                self.panel.offer(place, x, secs.min(TEACHES_MAX_SECS), base.half_tick());
            }
        }
        let turbulence = self.panel.step();
        self.stepped_at = now;
        self.next_step = next_on_grid(now, settings.grid_secs);
        self.sight(settings, turbulence, markets)
    }

    fn sight(&self, settings: &CrowdSettings, turbulence: f64, markets: &[MarketState]) -> Sight {
        let bases = || self.panel.took_part().filter_map(|place| markets.get(place)).map(|market| market.bank.base());
        let count = |near: fn(&Base) -> f64| bases().filter(|base| near(base) >= settings.near).count() as u32;
        Sight {
            turbulence,
            falling: count(Base::fall),
            rising: count(Base::rise),
            markets: self.panel.took_part().len() as u32,
        }
    }
}

/// The grid is that of the clock, whenever the engine was started.
fn next_on_grid(now: Nanos, grid_secs: f64) -> Nanos {
    let step = (grid_secs * Nanos::SECOND as f64) as i64;
    Nanos(now.0.saturating_sub(now.0.rem_euclid(step)).saturating_add(step))
}

impl Engine {
    /// Once a step of the grid is over, and there are markets enough, every market is shown the crowd.
    pub(super) fn look_at_crowd(&mut self) {
        let (now, settings) = (self.state.now, &self.settings.detect.crowd);
        if now < self.state.crowd.next_step || self.state.markets.len() < settings.least_markets as usize {
            return;
        }
        let Sight { turbulence, falling, rising, markets } = self.state.crowd.step(settings, now, &self.state.markets);
        for place in 0..self.state.markets.len() {
            let contribution = self.state.crowd.panel.part(place);
            let seen = Seen::Crowd { at: now, turbulence, contribution, falling, rising, markets };
            self.see(MarketId(place as u32), &seen);
        }
    }
}
