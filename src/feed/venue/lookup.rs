//! From a venue's own name of a market to its id: one probe or two, no allocation, the same on every machine.

use std::collections::BTreeMap;

use super::Venue;
use crate::event::MarketId;
use crate::market::Markets;

/// The markets of one venue by their own names. Built once from the table of markets; frames cannot make it grow.
#[derive(Clone, Debug)]
pub struct MarketLookup {
    names: Vec<(Box<str>, MarketId)>,
    /// Places in `names`, by hash with linear probing; at most half full, so that a probe always ends.
    slots: Vec<Option<u32>>,
    aliases: BTreeMap<Box<str>, Vec<MarketId>>,
}

impl MarketLookup {
    /// The markets of `venue` in `markets`.
    pub fn new(venue: &dyn Venue, markets: &Markets) -> Self {
        let mut lookup = Self { names: Vec::new(), slots: vec![None; 2], aliases: BTreeMap::new() };
        for (id, market) in markets.iter().filter(|(_, market)| market.venue == venue.name()) {
            lookup.add(venue, &market.native, id);
        }
        lookup
    }

    /// Adds a market; a known name keeps its id. For readers of recordings, who learn names on the way and bound them.
    pub fn add(&mut self, venue: &dyn Venue, native: &str, id: MarketId) {
        if self.find(native).is_some() {
            return;
        }
        self.names.push((native.into(), id));
        if let Some(alias) = venue.alias(native) {
            self.aliases.entry(alias.into()).or_default().push(id);
        }
        if self.names.len() * 2 > self.slots.len() {
            self.slots = vec![None; self.slots.len() * 2];
            (0..self.names.len()).for_each(|place| self.place(place));
        } else {
            self.place(self.names.len() - 1);
        }
    }

    /// The market of a name.
    #[inline]
    pub fn find(&self, native: &str) -> Option<MarketId> {
        let mask = self.slots.len() - 1;
        let mut slot = hash(native) & mask;
        loop {
            let place = (*self.slots.get(slot)?)?;
            let (name, id) = self.names.get(place as usize)?;
            if **name == *native {
                return Some(*id);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// The markets behind a shared name; see [`Venue::alias`].
    pub fn behind(&self, alias: &str) -> &[MarketId] {
        self.aliases.get(alias).map_or(&[], Vec::as_slice)
    }

    /// Every market with its name, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (MarketId, &str)> {
        self.names.iter().map(|(name, id)| (*id, &**name))
    }

    /// Puts the name at `place` of the list into the first free slot behind its hash.
    fn place(&mut self, place: usize) {
        let mask = self.slots.len() - 1;
        let Some((name, _)) = self.names.get(place) else { return };
        let mut slot = hash(name) & mask;
        while self.slots.get(slot).is_some_and(Option::is_some) {
            slot = (slot + 1) & mask;
        }
        if let Some(free) = self.slots.get_mut(slot) {
            *free = Some(place as u32);
        }
    }
}

/// FNV-1a over words of eight bytes with a last mix. Names come from our own config, so nobody can flood it.
fn hash(name: &str) -> usize {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let words = name.as_bytes().chunks(8);
    let sum = words.fold(0xcbf2_9ce4_8422_2325_u64, |sum, word| {
        let value = word.iter().fold(0u64, |value, byte| (value << 8) | u64::from(*byte));
        (sum ^ value).wrapping_mul(PRIME)
    });
    (sum ^ (sum >> 29)).wrapping_mul(PRIME) as usize >> 7
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::venue::find;

    #[test]
    fn every_name_is_found_and_no_other() {
        let venue = find("binance-coinm").expect("in the table");
        let mut markets = Markets::new();
        for number in 0..500 {
            markets.add(venue.instrument(&format!("A{number}USD_PERP")).expect("a name"));
            markets.add(venue.instrument(&format!("A{number}USD_251226")).expect("a name"));
        }
        let lookup = MarketLookup::new(venue, &markets);
        for (id, market) in markets.iter() {
            assert_eq!(lookup.find(&market.native), Some(id));
        }
        assert_eq!(lookup.find("A500USD_PERP"), None);
        assert_eq!(lookup.find(""), None);
        assert_eq!(lookup.behind("A7USD").len(), 2);
        assert!(lookup.behind("A7").is_empty());
        assert_eq!(MarketLookup::new(venue, &Markets::new()).find("A7USD_PERP"), None);
    }
}
