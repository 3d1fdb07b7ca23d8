//! The judge of a gate: what was decided binds until a record says that it may go, over any number of deaths.

use std::collections::BTreeMap;
use std::fmt;

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::Reason;
use fusewire::record::{Fact, Record};

use crate::rig::Seen;

/// What a reader saw change, in order.
#[derive(Default)]
pub(crate) struct Sightings(Vec<(&'static str, Seen)>);

impl Sightings {
    /// Notes what a market shows; tells whether a rule or a person has made it stricter since the last look.
    pub(crate) fn note(&mut self, market: &'static str, seen: Seen) -> bool {
        let before = self.0.iter().rev().find(|(name, _)| *name == market).map(|(_, seen)| *seen);
        if before == Some(seen) {
            return false;
        }
        self.0.push((market, seen));
        decided(&seen).is_some() && before.is_none_or(|before| before.permission.stance() < seen.permission.stance())
    }
}

impl fmt::Display for Sightings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(market, Seen { permission, cell })| {
            let (cell, reason) = cell.map_or(("none", 0), |cell| (cell.permission.stance().name(), cell.reason));
            let (stance, size) = (permission.stance().name(), permission.size_factor());
            writeln!(f, "{market} reads {stance} x{size}, cell {cell}, reason {reason}")
        })
    }
}

/// What a rule or a person has decided, where the gate shows that; starting and warming up come back by themselves.
fn decided(seen: &Seen) -> Option<Permission> {
    let cell = seen.cell?;
    let of_itself = [Reason::None as u32, Reason::Starting as u32, Reason::Warming as u32];
    (!of_itself.contains(&cell.reason) && cell.permission != Permission::FREE).then_some(cell.permission)
}

/// What still binds a market, and the last record that had a say in it.
#[derive(Clone, Copy)]
struct Bond {
    stance: Stance,
    since: u64,
}

/// What still binds each market.
#[derive(Default)]
pub(crate) struct Judge {
    bonds: BTreeMap<&'static str, Bond>,
    /// Loosenings that were seen and found recorded.
    pub(crate) loosened: u64,
    /// Tightenings that were seen.
    pub(crate) tightened: u64,
    /// Among these, the ones whose record died with the daemon.
    pub(crate) unrecorded: u64,
}

impl Judge {
    /// Judges what was seen during one life of a daemon by all that is on record after it.
    pub(crate) fn judge(&mut self, seen: &Sightings, records: &[Record]) -> Result<(), String> {
        seen.0.iter().try_for_each(|(market, seen)| self.look(market, seen, records))
    }

    fn look(&mut self, market: &'static str, seen: &Seen, records: &[Record]) -> Result<(), String> {
        let bond = self.bonds.get(market).copied().unwrap_or(Bond { stance: Stance::Normal, since: 0 });
        let (shown, asked) = (seen.permission.stance(), decided(seen).map_or(Stance::Normal, |asked| asked.stance()));
        let next = if shown < bond.stance {
            self.loosened += 1;
            let since = way_back(records, bond.since, market, &seen.permission).ok_or_else(|| {
                format!(
                    "{market} was bound to {}, and the gate said {} without a record",
                    bond.stance.name(),
                    shown.name()
                )
            })?;
            Bond { stance: shown, since }
        } else if asked > bond.stance {
            self.tightened += 1;
            // Records have no holes: where this one is missing, none that came after it is there.
            let recorded = says(records, bond.since, market, |wanted| wanted.stance() == asked);
            self.unrecorded += u64::from(recorded.is_none());
            Bond { stance: asked, since: recorded.unwrap_or_else(|| records.last().map_or(0, |record| record.seq)) }
        } else {
            bond
        };
        self.bonds.insert(market, next);
        Ok(())
    }
}

/// The record by which a market may be so loose: a breaker that moved on its way back, then the permission that follows.
/// The store comes before the gate, so both are there whatever happened since.
fn way_back(records: &[Record], after: u64, market: &str, shown: &Permission) -> Option<u64> {
    let loosens = |record: &&Record| match &record.fact {
        Fact::Breaker { scope, to, .. } => scope.ends_with(market) && (to == "Probing" || to == "Armed"),
        _ => false,
    };
    let moved = records.iter().filter(|record| record.seq > after).find(loosens)?.seq;
    says(records, moved, market, |wanted| wanted == shown)
}

/// The next record by which a market has such a permission.
fn says(records: &[Record], after: u64, market: &str, such: impl Fn(&Permission) -> bool) -> Option<u64> {
    let fits = |record: &&Record| match &record.fact {
        Fact::Permission { market: of, permission, .. } => of == market && such(permission),
        _ => false,
    };
    records.iter().filter(|record| record.seq > after).find(fits).map(|record| record.seq)
}
