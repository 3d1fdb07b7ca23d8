//! The name table: which markets a gate knows, and what one unit of each is worth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::layout::{ENTRY_BYTES, MARKETS_MAX, NAME_BYTES, NAME_BYTES_MAX, Role};
use super::refusal::Doubt;
use crate::breaker::Contract;

/// One market of a gate; its place in the list is its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// `venue:NATIVE`: printable ASCII without spaces, up to 79 bytes.
    pub name: String,
    /// What one unit is worth.
    pub contract: Contract,
}

impl Listing {
    /// A market by name.
    pub fn new(name: impl Into<String>, contract: Contract) -> Self {
        Self { name: name.into(), contract }
    }
}

/// Why a list of markets cannot become a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Not printable ASCII, empty, or too long.
    Name(String),
    /// Listed twice.
    Twice(String),
    /// A contract size that is NaN, negative, infinite, or zero altogether.
    Contract(String),
    /// More markets than a gate holds.
    TooMany(usize),
    /// Not between 1 and [`super::SLOTS_MAX`] slots.
    Slots(u8),
    /// A lease of no length, or of more than an hour.
    Lease(u64),
    /// The other role was claimed.
    Role(Role),
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => {
                write!(f, "market {name:?}: want 1 to {NAME_BYTES_MAX} printable ASCII characters without spaces")
            }
            Self::Twice(name) => write!(f, "market {name:?} is listed twice"),
            Self::Contract(name) => write!(f, "market {name:?}: contract size must be finite and above 0"),
            Self::TooMany(count) => write!(f, "{count} markets, a gate holds {MARKETS_MAX}"),
            Self::Slots(slots) => write!(f, "{slots} slots, want 1 to {}", super::SLOTS_MAX),
            Self::Lease(ns) => write!(f, "lease of {ns} ns, want 1 ns to 1 hour"),
            Self::Role(role) => write!(f, "claimed as another file than a {}", role.file_name()),
        }
    }
}

/// The table as a reader holds it: found by name, read by number.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Table {
    by_name: BTreeMap<String, u32>,
    contracts: Vec<Contract>,
}

impl Table {
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    pub(super) fn contract(&self, market: u32) -> Option<&Contract> {
        self.contracts.get(market as usize)
    }

    /// Names with their numbers, in the order of the alphabet.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        self.by_name.iter().map(|(name, number)| (name.as_str(), *number))
    }

    pub(super) fn listings(&self) -> Vec<Listing> {
        let mut names: Vec<_> = self.names().collect();
        names.sort_unstable_by_key(|(_, number)| *number);
        names.into_iter().zip(&self.contracts).map(|((name, _), contract)| Listing::new(name, *contract)).collect()
    }

    /// Reads a table whose digest already held; what no writer writes is refused all the same.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Doubt> {
        let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
        let mut table = Self::default();
        for (number, entry) in entries.iter().enumerate() {
            let (name, contract) = parse_entry(entry).ok_or(Doubt::Table)?;
            if table.by_name.insert(name, number as u32).is_some() {
                return Err(Doubt::Table);
            }
            table.contracts.push(contract);
        }
        Ok(table)
    }
}

/// The bytes of a table, or what is wrong with the list.
pub(super) fn to_bytes(markets: &[Listing]) -> Result<Vec<u8>, SpecError> {
    if markets.len() > MARKETS_MAX as usize {
        return Err(SpecError::TooMany(markets.len()));
    }
    let mut seen = BTreeSet::new();
    let mut bytes = Vec::with_capacity(markets.len() * ENTRY_BYTES);
    for Listing { name, contract } in markets {
        if !is_name(name) {
            return Err(SpecError::Name(name.clone()));
        }
        if !seen.insert(name) {
            return Err(SpecError::Twice(name.clone()));
        }
        if !contract.is_sound() {
            return Err(SpecError::Contract(name.clone()));
        }
        let mut padded = name.clone().into_bytes();
        padded.resize(NAME_BYTES, 0);
        bytes.extend(padded);
        bytes.extend(contract.flat.to_le_bytes());
        bytes.extend(contract.per_price.to_le_bytes());
    }
    Ok(bytes)
}

fn parse_entry(entry: &[u8; ENTRY_BYTES]) -> Option<(String, Contract)> {
    let (padded, sizes) = entry.split_first_chunk::<NAME_BYTES>()?;
    let (flat, per_price) = sizes.split_first_chunk::<8>()?;
    let contract =
        Contract { flat: f64::from_le_bytes(*flat), per_price: f64::from_le_bytes(per_price.try_into().ok()?) };
    let length = padded.iter().position(|byte| *byte == 0)?;
    let (name, padding) = padded.split_at(length);
    let name = std::str::from_utf8(name).ok()?;
    let is_sound = is_name(name) && padding.iter().all(|byte| *byte == 0) && contract.is_sound();
    is_sound.then(|| (name.to_owned(), contract))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let inverse = Contract { flat: 10.0, per_price: 0.0 };
        let listings =
            [Listing::new("b:LONG", Contract::COIN), Listing::new("a:X".to_owned() + &"Y".repeat(76), inverse)];
        let table = Table::parse(&to_bytes(&listings).expect("sound")).expect("whole");
        for (number, listing) in listings.iter().enumerate() {
            assert_eq!(table.number(&listing.name), Some(number as u32));
            assert_eq!(table.contract(number as u32), Some(&listing.contract));
        }
        assert_eq!(table.number("c:UNKNOWN"), None);
    }

    #[test]
    fn a_list_that_cannot_be_written_says_which_market() {
        let coin = |name: &str| Listing::new(name, Contract::COIN);
        for (markets, want) in [
            (vec![coin("")], SpecError::Name(String::new())),
            (vec![coin("a b")], SpecError::Name("a b".into())),
            (vec![coin("a:\u{e9}")], SpecError::Name("a:\u{e9}".into())),
            (vec![coin(&"x".repeat(80))], SpecError::Name("x".repeat(80))),
            (vec![coin("a:X"), coin("a:X")], SpecError::Twice("a:X".into())),
            (vec![Listing::new("a:X", Contract { flat: f64::NAN, per_price: 1.0 })], SpecError::Contract("a:X".into())),
            (vec![Listing::new("a:X", Contract { flat: 0.0, per_price: 0.0 })], SpecError::Contract("a:X".into())),
        ] {
            assert_eq!(to_bytes(&markets), Err(want));
        }
    }

    #[test]
    fn a_table_that_no_writer_writes_is_refused() {
        let good = to_bytes(&[Listing::new("a:X", Contract::COIN)]).expect("sound");
        let with = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Table::parse(&bytes)
        };
        for (at, byte) in [(0, 0), (1, b' '), (2, 0xff), (5, b'Z'), (0x5f, 0xff), (0x57, 0xbf)] {
            let parsed = with(at, byte);
            assert!(parsed.is_err(), "byte {at} = {byte:#x}: {parsed:?}");
        }
        assert_eq!(Table::parse(&[good.clone(), good].concat()), Err(Doubt::Table));
    }
}
