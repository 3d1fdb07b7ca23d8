//! From the venue and symbol of a line to the id of a market, without a look into the table for each line.

use std::collections::BTreeMap;

use super::bad::Reason;
use crate::event::MarketId;
use crate::feed::instrument::{instrument, is_symbol, is_venue};
use crate::market::Markets;

/// The most markets a table takes from tapes; a flood of symbols beyond it is counted as bad.
pub const MARKETS_MAX: usize = 100_000;

/// Turns a tape's word for a venue, beside a symbol of it, into ours.
pub(super) type Word = for<'a> fn(&'a str, &str) -> &'a str;

/// Ids of the markets of one tape. All calls must bring the same table.
pub(super) struct Names {
    word: Word,
    last: Vec<u8>,
    last_id: MarketId,
    known: BTreeMap<Vec<u8>, MarketId>,
}

impl Names {
    /// With the tape's words for venues.
    pub(super) fn new(word: Word) -> Self {
        Self { word, last: Vec::new(), last_id: MarketId(0), known: BTreeMap::new() }
    }

    /// The id of the market at the head of a line; `head` holds venue and symbol with what is between them.
    #[inline]
    pub(super) fn id(
        &mut self,
        head: &[u8],
        venue: &[u8],
        symbol: &[u8],
        table: &mut Markets,
    ) -> Result<MarketId, Reason> {
        if head == self.last.as_slice() {
            return Ok(self.last_id);
        }
        let id = self.look_up(head, venue, symbol, table)?;
        self.last.clear();
        self.last.extend_from_slice(head);
        self.last_id = id;
        Ok(id)
    }

    fn look_up(&mut self, head: &[u8], venue: &[u8], symbol: &[u8], table: &mut Markets) -> Result<MarketId, Reason> {
        if let Some(&id) = self.known.get(head) {
            return Ok(id);
        }
        let (venue, symbol) = (text(venue, Reason::Venue)?, text(symbol, Reason::Symbol)?);
        let id = add(table, (self.word)(venue, symbol), symbol)?;
        if self.known.len() < MARKETS_MAX {
            self.known.insert(head.to_vec(), id);
        }
        Ok(id)
    }
}

/// The id of a market in the table, if its name is sound and the table has room.
pub(super) fn add(table: &mut Markets, venue: &str, symbol: &str) -> Result<MarketId, Reason> {
    if !is_venue(venue) {
        return Err(Reason::Venue);
    }
    if !is_symbol(symbol) {
        return Err(Reason::Symbol);
    }
    let known = table.find(&format!("{venue}:{symbol}"));
    match known {
        Some(id) => Ok(id),
        None if table.len() < MARKETS_MAX => Ok(table.add(instrument(venue, symbol))),
        None => Err(Reason::TooManyMarkets),
    }
}

fn text(bytes: &[u8], reason: Reason) -> Result<&str, Reason> {
    std::str::from_utf8(bytes).map_err(|_| reason)
}
