//! Markets that should cost the same: one asset in one money at several venues, compared with each other at every look.
//!
//! A venue has one voice, the median of its fresh prices; never do the many markets of one venue outvote the others. Of
//! three voices or more each market is compared with their median, of two with the other one.

use super::Engine;
use crate::detect::Seen;
use crate::event::{MarketId, Nanos};
use crate::market::{Market, MarketKind, Markets, VenueId};

/// The peers among the markets of a table, and room to compare them in.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    /// How many markets the table had.
    markets: usize,
    /// Members by venue; two venues at least.
    groups: Vec<Vec<(VenueId, MarketId)>>,
    voices: Vec<Voice>,
    prices: Vec<f64>,
}

/// What one venue says, and when it last spoke.
#[derive(Clone, Copy, Debug)]
struct Voice {
    venue: VenueId,
    price: f64,
    at: Nanos,
}

impl Peers {
    pub(super) fn of(markets: &Markets) -> Self {
        let mut members: Vec<_> = markets
            .iter()
            .filter(|(_, market)| matches!(market.kind, MarketKind::Spot | MarketKind::Perp))
            .filter_map(|(id, market)| markets.groups(id).map(|(venue, asset)| ((asset, money(market)), venue, id)))
            .collect();
        members.sort_unstable();
        let groups = members
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group.first().map(|one| one.1) != group.last().map(|one| one.1))
            .map(|group| group.iter().map(|&(_, venue, id)| (venue, id)).collect())
            .collect();
        Self { markets: markets.len(), groups, ..Self::default() }
    }
}

/// What a market is priced in; all dollars are one money, and what parts them is a distance like any other.
fn money(market: &Market) -> &str {
    let quote = market.quote.as_str();
    if quote.starts_with("USD") || quote.ends_with("USD") { "USD" } else { quote }
}

/// The middle of prices; `None` of none.
fn median(prices: &mut [f64]) -> Option<f64> {
    prices.sort_unstable_by(f64::total_cmp);
    let upper = *prices.get(prices.len() / 2)?;
    let lower = *prices.get((prices.len() - 1) / 2)?;
    Some(0.5 * (lower + upper))
}

impl Engine {
    /// Shows every market what the venues of its asset say.
    pub(super) fn look_at_peers(&mut self) {
        let mut peers = std::mem::take(&mut self.peers);
        if peers.markets != self.table.len() {
            peers = Peers::of(&self.table);
        }
        for group in 0..peers.groups.len() {
            self.compare_group(&mut peers, group);
        }
        self.peers = peers;
        self.state.peers_at = self.state.now;
    }

    fn compare_group(&mut self, peers: &mut Peers, group: usize) {
        let Peers { groups, voices, prices, .. } = peers;
        let Some(group) = groups.get(group) else { return };
        let Some(newest) = group.iter().filter_map(|(_, id)| self.last_price(*id)).map(|(_, at)| at).max() else {
            return;
        };
        // Nothing new was said since the last look.
        if newest < self.state.peers_at {
            return;
        }
        let fresh_ns = (self.settings.detect.dislocation.fresh_secs * Nanos::SECOND as f64) as i64;
        let fresh_from = Nanos(newest.0.saturating_sub(fresh_ns));
        voices.clear();
        voices.extend(group.chunk_by(|a, b| a.0 == b.0).filter_map(|venue| self.voice(venue, fresh_from, prices)));
        if voices.len() < 2 {
            return;
        }
        let venues = voices.len() as u32;
        prices.clear();
        prices.extend(voices.iter().map(|voice| voice.price));
        let middle = median(prices);
        for &(venue, id) in group {
            let others = || voices.iter().filter(|voice| voice.venue != venue);
            let Some((_, own_at)) = self.last_price(id).filter(|(_, at)| *at >= fresh_from) else { continue };
            let Some(others_at) = others().map(|voice| voice.at).max() else { continue };
            let one_other = others().next().map(|voice| voice.price);
            let Some(consensus) = (if venues == 2 { one_other } else { middle }) else { continue };
            let seen = Seen::Peers { at: self.state.now, heard_at: own_at.min(others_at), consensus, venues };
            self.see(id, &seen);
        }
    }

    /// The voice of one venue's members; none where no price is fresh.
    fn voice(&self, members: &[(VenueId, MarketId)], fresh_from: Nanos, prices: &mut Vec<f64>) -> Option<Voice> {
        let fresh = || members.iter().filter_map(|(_, id)| self.last_price(*id)).filter(|(_, at)| *at >= fresh_from);
        prices.clear();
        prices.extend(fresh().map(|(price, _)| price));
        let (venue, at) = (members.first()?.0, fresh().map(|(_, at)| at).max()?);
        median(prices).map(|price| Voice { venue, price, at })
    }

    /// The last believed price of a market and its time.
    fn last_price(&self, id: MarketId) -> Option<(f64, Nanos)> {
        let base = self.state.markets.get(id.0 as usize)?.bank.base();
        (base.price() > 0.0).then(|| (base.price(), base.price_at()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::ContractSize;

    fn table(names: &[(&str, &str, &str, MarketKind)]) -> Markets {
        let mut markets = Markets::new();
        for (venue, asset, quote, kind) in names {
            markets.add(Market {
                venue: (*venue).to_owned(),
                native: format!("{asset}{quote}{kind:?}"),
                asset: (*asset).to_owned(),
                quote: (*quote).to_owned(),
                kind: *kind,
                contract: ContractSize::Base(1.0),
            });
        }
        markets
    }

    #[test]
    fn peers_are_one_asset_in_one_money_at_two_venues() {
        use MarketKind::{Future, Perp, Spot};
        let peers = Peers::of(&table(&[
            ("a", "BTC", "USDT", Perp),
            ("b", "BTC", "USD", Spot),
            ("a", "BTC", "FDUSD", Spot),
            ("b", "BTC", "EUR", Spot),
            ("b", "BTC", "USD", Future),
            ("a", "ETH", "USDT", Perp),
            ("a", "ETH", "USDC", Spot),
        ]));
        let ids: Vec<Vec<u32>> = peers.groups.iter().map(|group| group.iter().map(|(_, id)| id.0).collect()).collect();
        assert_eq!(ids, [[0, 2, 1]]);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [3.0, 1.0]), Some(2.0));
        assert_eq!(median(&mut [3.0, 100.0, 1.0]), Some(3.0));
    }
}
