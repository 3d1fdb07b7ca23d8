//! Once a second every market that speaks is shown how much it traded beside how much the others did.

use serde::{Deserialize, Serialize};

use super::Engine;
use crate::detect::{Look, Seen};
use crate::event::{MarketId, Nanos};

/// Trades of the last second, by asset and by venue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Survey {
    next: Nanos,
    assets: Vec<u64>,
    venues: Vec<u64>,
}

/// What a market has done since the last look.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Since {
    pub(super) trades: u64,
    /// The last event: our time and the venue's.
    pub(super) last: Option<(Nanos, Nanos)>,
}

impl Survey {
    pub(super) const fn new() -> Self {
        Self { next: Nanos(i64::MIN), assets: Vec::new(), venues: Vec::new() }
    }
}

impl Engine {
    /// Looks around, where a second has passed.
    pub(super) fn survey(&mut self) {
        let now = self.state.now;
        if now < self.state.survey.next {
            return;
        }
        self.state.survey.next = Nanos(now.0.saturating_add(Nanos::SECOND));
        self.count_trades();
        for place in 0..self.state.markets.len() {
            let id = MarketId(place as u32);
            if let Some(look) = self.look_of(id) {
                self.see(id, &Seen::Look { at: now, look });
            }
        }
    }

    fn count_trades(&mut self) {
        let survey = &mut self.state.survey;
        survey.assets.clear();
        survey.venues.clear();
        survey.assets.resize(self.table.assets().len(), 0);
        survey.venues.resize(self.table.venues().len(), 0);
        for (place, market) in self.state.markets.iter().enumerate() {
            let Some((venue, asset)) = self.table.groups(MarketId(place as u32)) else { continue };
            if let Some(sum) = survey.assets.get_mut(asset.0 as usize) {
                *sum += market.since.trades;
            }
            if let Some(sum) = survey.venues.get_mut(venue.0 as usize) {
                *sum += market.since.trades;
            }
        }
    }

    /// What there is to show; `None` where nothing happened.
    fn look_of(&mut self, id: MarketId) -> Option<Look> {
        let (venue, asset) = self.table.groups(id)?;
        let sum = |sums: &[u64], place: u32| sums.get(place as usize).copied().unwrap_or_default();
        let (of_asset, of_venue) = (sum(&self.state.survey.assets, asset.0), sum(&self.state.survey.venues, venue.0));
        let market = self.state.markets.get_mut(id.0 as usize).filter(|market| market.streams)?;
        let since = std::mem::take(&mut market.since);
        let look = Look {
            trades: since.trades,
            peers: of_asset.saturating_sub(since.trades),
            neighbours: of_venue.saturating_sub(since.trades),
            lag_secs: since.last.map(|(ours, venues)| ours.secs_since(venues)),
        };
        (look != Look::default()).then_some(look)
    }
}
