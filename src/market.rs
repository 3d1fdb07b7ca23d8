//! Which markets there are: `venue:NATIVE`, asset, quote, kind and contract size, numbered once.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::event::MarketId;

/// What is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarketKind {
    /// Coins against money, at once.
    Spot,
    /// A perpetual swap.
    Perp,
    /// A dated future.
    Future,
    /// An option.
    Option,
    /// A published index.
    Index,
}

/// What one unit of a venue's quantity is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContractSize {
    /// So many coins a unit: notional = quantity x size x price.
    Base(f64),
    /// So much quote money a unit (inverse contracts): notional = quantity x size.
    Quote(f64),
}

impl ContractSize {
    /// Notional in quote currency of `qty` units at `price`.
    pub fn notional(self, qty: f64, price: f64) -> f64 {
        match self {
            Self::Base(size) => qty * size * price,
            Self::Quote(size) => qty * size,
        }
    }
}

/// One market of one venue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Market {
    /// The venue, as in `binance-coinm`.
    pub venue: String,
    /// The venue's own name of it, as in `DOTUSD_PERP`.
    pub native: String,
    /// The asset whose price moves, as in `DOT`.
    pub asset: String,
    /// The money it is priced in, as in `USD`.
    pub quote: String,
    /// What is traded.
    pub kind: MarketKind,
    /// What one unit is worth.
    pub contract: ContractSize,
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.venue, self.native)
    }
}

/// What is known of an instrument; what is left out is as the venue's name of it says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Terms {
    /// The asset whose price moves.
    pub asset: Option<String>,
    /// The money it is priced in.
    pub quote: Option<String>,
    /// What is traded.
    pub kind: Option<MarketKind>,
    /// What one unit of quantity is worth.
    pub contract: Option<ContractSize>,
    /// Who says so, for people.
    pub source: Option<String>,
}

impl Terms {
    /// The market of these terms; what they leave out is taken from `plain`, and without it nothing may be left out.
    pub fn market(&self, venue: &str, native: &str, plain: Option<&Market>) -> Option<Market> {
        Some(Market {
            venue: venue.to_owned(),
            native: native.to_owned(),
            asset: self.asset.clone().or_else(|| plain.map(|plain| plain.asset.clone()))?,
            quote: self.quote.clone().or_else(|| plain.map(|plain| plain.quote.clone()))?,
            kind: self.kind.or_else(|| plain.map(|plain| plain.kind))?,
            contract: self.contract.or_else(|| plain.map(|plain| plain.contract))?,
        })
    }
}

/// What is known of instruments, by `venue:NATIVE`, beside what their names say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Instruments(BTreeMap<String, Terms>);

impl Instruments {
    /// Adds what is known of an instrument, in place of what was known before.
    pub fn add(&mut self, name: String, terms: Terms) {
        self.0.insert(name, terms);
    }

    /// What is known of an instrument.
    pub fn get(&self, name: &str) -> Option<&Terms> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Terms)> {
        self.0.iter()
    }
}

/// A venue's place in the table of venues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VenueId(pub u32);

/// An asset's place in the table of assets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AssetId(pub u32);

/// The table of markets. Ids are places in it, given in order of arrival and never reused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Markets {
    list: Vec<Market>,
    groups: Vec<(VenueId, AssetId)>,
    by_name: BTreeMap<String, MarketId>,
    venues: Names,
    assets: Names,
    /// Told by a config; a table that was kept holds what was made of it.
    #[serde(skip)]
    known: Arc<Instruments>,
}

/// Names numbered in order of arrival.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Names {
    list: Vec<String>,
    places: BTreeMap<String, u32>,
}

impl Names {
    fn place(&mut self, name: &str) -> u32 {
        if let Some(&place) = self.places.get(name) {
            return place;
        }
        let place = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

impl Markets {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty table that describes markets as these instruments say, whatever else is said of them.
    pub fn knowing(known: Arc<Instruments>) -> Self {
        Self { known, ..Self::default() }
    }

    /// The id of `market`, adding it when it is new. A known name keeps its first description.
    pub fn add(&mut self, market: Market) -> MarketId {
        let name = market.to_string();
        if let Some(&id) = self.by_name.get(&name) {
            return id;
        }
        let told = self.known.get(&name).and_then(|terms| terms.market(&market.venue, &market.native, Some(&market)));
        let market = told.unwrap_or(market);
        let id = MarketId(self.list.len() as u32);
        let venue = VenueId(self.venues.place(&market.venue));
        let asset = AssetId(self.assets.place(&market.asset));
        self.groups.push((venue, asset));
        self.list.push(market);
        self.by_name.insert(name, id);
        id
    }

    /// The market behind an id.
    pub fn get(&self, id: MarketId) -> Option<&Market> {
        self.list.get(id.0 as usize)
    }

    /// The id behind `venue:NATIVE`.
    pub fn find(&self, name: &str) -> Option<MarketId> {
        self.by_name.get(name).copied()
    }

    /// `venue:NATIVE` of an id, or a plain mark for one that is not in the table.
    pub fn name(&self, id: MarketId) -> String {
        self.get(id).map_or_else(|| format!("unknown:{}", id.0), Market::to_string)
    }

    /// The venue and the asset a market belongs to.
    pub fn groups(&self, id: MarketId) -> Option<(VenueId, AssetId)> {
        self.groups.get(id.0 as usize).copied()
    }

    /// Names of the venues, by [`VenueId`].
    pub fn venues(&self) -> &[String] {
        &self.venues.list
    }

    /// Names of the assets, by [`AssetId`].
    pub fn assets(&self) -> &[String] {
        &self.assets.list
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them with their ids, in order.
    pub fn iter(&self) -> impl Iterator<Item = (MarketId, &Market)> {
        self.list.iter().enumerate().map(|(place, market)| (MarketId(place as u32), market))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(venue: &str, native: &str, asset: &str) -> Market {
        Market {
            venue: venue.into(),
            native: native.into(),
            asset: asset.into(),
            quote: "USD".into(),
            kind: MarketKind::Perp,
            contract: ContractSize::Quote(10.0),
        }
    }

    #[test]
    fn a_known_name_keeps_its_id_and_groups_are_shared() {
        let mut markets = Markets::new();
        let dot = markets.add(market("binance-coinm", "DOTUSD_PERP", "DOT"));
        let trx = markets.add(market("binance-coinm", "TRXUSD_PERP", "TRX"));
        let spot = markets.add(market("coinbase", "DOT-USD", "DOT"));
        assert_eq!(markets.add(market("binance-coinm", "DOTUSD_PERP", "X")), dot);
        assert_eq!(markets.find("coinbase:DOT-USD"), Some(spot));
        assert_eq!(markets.groups(dot).map(|g| g.0), markets.groups(trx).map(|g| g.0));
        assert_eq!(markets.groups(dot).map(|g| g.1), markets.groups(spot).map(|g| g.1));
        assert_eq!(markets.len(), 3);
    }

    #[test]
    fn contracts_become_notional() {
        assert!((ContractSize::Quote(10.0).notional(7.0, 3.5) - 70.0).abs() < 1e-12);
        assert!((ContractSize::Base(1.0).notional(2.0, 3.5) - 7.0).abs() < 1e-12);
    }
}
