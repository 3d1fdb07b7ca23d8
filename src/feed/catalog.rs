//! What a config adds to the venues that are shipped: venues of its own, and what is known of instruments.

use std::sync::Arc;

use super::instrument::is_symbol;
use super::venue::generic::Generic;
use super::venue::{self, VENUES, VenueRef};
use crate::market::{Instruments, Market, Markets, Terms};

/// Venues and instruments beside those that are shipped. The empty one adds nothing.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    own: Vec<Arc<Generic>>,
    instruments: Arc<Instruments>,
}

impl Catalog {
    /// Adds a venue; one of the same name takes the place of the one before.
    pub fn add_venue(&mut self, venue: Generic) {
        self.own.retain(|known| known.settings().name != venue.settings().name);
        self.own.push(Arc::new(venue));
    }

    /// Adds what is known of an instrument, in place of what was known before.
    pub fn add_instrument(&mut self, venue: &str, native: &str, terms: Terms) {
        Arc::make_mut(&mut self.instruments).add(format!("{venue}:{native}"), terms);
    }

    /// The venues of the config.
    pub fn own(&self) -> &[Arc<Generic>] {
        &self.own
    }

    /// What was said of instruments.
    pub const fn instruments(&self) -> &Arc<Instruments> {
        &self.instruments
    }

    /// An empty table of markets that describes them so.
    pub fn markets(&self) -> Markets {
        Markets::knowing(Arc::clone(&self.instruments))
    }

    /// The venue of a name.
    pub fn venue(&self, name: &str) -> Option<VenueRef> {
        let own = || self.own.iter().find(|venue| venue.settings().name == name);
        venue::find(name).map(VenueRef::Shipped).or_else(|| own().cloned().map(VenueRef::Own))
    }

    /// The names of all venues, the shipped ones first.
    pub fn names(&self) -> Vec<&str> {
        let shipped = VENUES.iter().map(|venue| venue.name());
        shipped.chain(self.own.iter().map(|venue| venue.settings().name.as_str())).collect()
    }

    /// The market that `venue` calls `native`, where that is a name of the venue or an instrument with all of its terms.
    pub fn market(&self, venue: &str, native: &str) -> Option<Market> {
        let plain = self.venue(venue)?.instrument(native);
        match self.instruments.get(&format!("{venue}:{native}")) {
            Some(terms) if is_symbol(native) => terms.market(venue, native, plain.as_ref()),
            _ => plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::instrument::instrument;
    use crate::market::{ContractSize, MarketKind};

    #[test]
    fn what_a_config_says_of_an_instrument_comes_first() {
        let mut catalog = Catalog::default();
        let contract = Some(ContractSize::Base(10.0));
        catalog.add_instrument("okx", "BTC-USDT-SWAP", Terms { contract, ..Terms::default() });
        catalog.add_instrument("okx", "NOVEL-USDT-SWAP", Terms { contract, ..Terms::default() });
        let all = Terms {
            asset: Some("NOVEL".to_owned()),
            quote: Some("USDT".to_owned()),
            kind: Some(MarketKind::Perp),
            contract,
            source: None,
        };
        catalog.add_instrument("bitmex", "NOVELUSDT", all);
        catalog.add_instrument("gemini", "DOTUSD", Terms { contract, ..Terms::default() });

        let known = catalog.market("okx", "BTC-USDT-SWAP").expect("a market");
        assert_eq!((known.asset.as_str(), known.contract), ("BTC", ContractSize::Base(10.0)));
        assert_eq!(catalog.market("okx", "NOVEL-USDT-SWAP"), None, "its name does not say it all");
        assert_eq!(catalog.market("bitmex", "NOVELUSDT").expect("all is said").contract, ContractSize::Base(10.0));
        assert_eq!(
            catalog.market("okx", "ETH-USDT-SWAP"),
            venue::find("okx").expect("a venue").instrument("ETH-USDT-SWAP")
        );
        assert_eq!(catalog.market("gemini", "DOTUSD"), None, "no venue that we can listen to");

        // Tapes bring names of venues that nobody listens to.
        let mut markets = catalog.markets();
        for (native, contract) in [("DOTUSD", 10.0), ("DOTEUR", 1.0)] {
            let id = markets.add(instrument("gemini", native));
            assert_eq!(markets.get(id).expect("added").contract, ContractSize::Base(contract), "{native}");
        }
    }
}
