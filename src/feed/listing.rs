//! Public listings of instruments: contract sizes and what else the name of a market does not say, as venues publish it over
//! HTTPS. Pure; an answer is hostile until it is read.
//!
//! Shapes are those of the venues' documents (last checked 2026-07). What cannot be told is left out and counted: a market with a
//! wrong size is worse than one without.

mod cursor;
mod services;

use super::venue::name::is_asset;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

pub use cursor::{Cursor, Pages};
pub use services::{LISTINGS, Listing};

use crate::event::Nanos;
use crate::feed::instrument::is_symbol;
use crate::market::{ContractSize, MarketKind, Terms};

/// The largest answer taken, in bytes.
pub const ANSWER_MAX: u64 = 64 << 20;
/// The most instruments of a venue.
const INSTRUMENTS_MAX: usize = 100_000;

/// What a venue lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    /// What was told, by the venue's own name.
    pub instruments: BTreeMap<String, Terms>,
    /// What was left out, by reason.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// One instrument as it was read, or why it is left out.
type Read = Result<(String, Terms), &'static str>;

impl Listed {
    /// Reads one answer and adds what it lists; gives what to ask the venue for to get the next page, where there is one. The
    /// error says why it is no listing of this venue.
    pub fn read(&mut self, listing: &Listing, answer: &str) -> Result<Option<Cursor>, String> {
        let page = (listing.rows)(answer)?;
        for row in page.rows {
            if let Err(why) = (listing.read)(row.get()).and_then(|one| self.keep(one)) {
                *self.left_out.entry(why).or_default() += 1;
            }
        }
        page.next.map(Cursor::new).transpose()
    }

    fn keep(&mut self, (native, terms): (String, Terms)) -> Result<(), &'static str> {
        let is_coin = |name: &Option<String>| name.as_deref().is_some_and(is_asset);
        if !is_symbol(&native) || !is_coin(&terms.asset) || !is_coin(&terms.quote) {
            return Err("a name that is none");
        }
        if self.instruments.len() >= INSTRUMENTS_MAX {
            return Err("more than a venue has");
        }
        match self.instruments.get(&native) {
            Some(known) if *known != terms => Err("listed twice, differently"),
            Some(_) => Ok(()),
            None => {
                self.instruments.insert(native, terms);
                Ok(())
            }
        }
    }

    /// The file that a config names in `instruments.files`.
    pub fn to_toml(&self, venue: &str, source: &str, at: Nanos) -> String {
        let mut text = format!(
            "# Instruments of {venue}, written by `fusewire instruments refresh`. A config names this file under [instruments].\n\
             taken = \"{at}\"\nsource = {:?}\n",
            crate::feed::session::printable(source)
        );
        for (native, terms) in &self.instruments {
            let (Some(asset), Some(quote), Some(kind), Some(contract)) =
                (&terms.asset, &terms.quote, terms.kind, terms.contract)
            else {
                continue;
            };
            let (size, of) = match contract {
                ContractSize::Base(size) => (size, "base"),
                ContractSize::Quote(size) => (size, "quote"),
            };
            let _ = write!(
                text,
                "\n[[instrument]]\nmarket = \"{venue}:{native}\"\nasset = \"{asset}\"\nquote = \"{quote}\"\nkind = \"{}\"\n\
                 contract_size = {size:?}\ncontract_in = \"{of}\"\n",
                word(kind)
            );
        }
        text
    }
}

/// The word of a kind of market.
pub const fn word(kind: MarketKind) -> &'static str {
    match kind {
        MarketKind::Spot => "spot",
        MarketKind::Perp => "perp",
        MarketKind::Future => "future",
        MarketKind::Option => "option",
        MarketKind::Index => "index",
    }
}

/// One page of a listing: the raw elements of its list, and the venue's word for the next.
struct Page<'a> {
    rows: Vec<&'a RawValue>,
    next: Option<String>,
}

/// The whole listing.
const fn whole(rows: Vec<&RawValue>) -> Page<'_> {
    Page { rows, next: None }
}

#[cfg(test)]
mod tests;
