//! The judge of a gate: what was decided binds until a record says that it may go, over any number of deaths.

use std::collections::BTreeMap;

use fusewire::breaker::Permission;
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
        let loose = before.is_none_or(|before| !before.permission.at_least_as_strict_as(&seen.permission));
        decided(&seen).is_some() && loose
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a rule or a person has decided, where the gate shows that; starting and warming up come back by themselves.
fn decided(seen: &Seen) -> Option<Permission> {
    let cell = seen.cell?;
    let of_itself = [Reason::None as u32, Reason::Starting as u32, Reason::Warming as u32];
    (!of_itself.contains(&cell.reason) && cell.permission != Permission::FREE).then_some(cell.permission)
}

/// What still binds each market.
#[derive(Default)]
pub(crate) struct Judge {
    bound: BTreeMap<&'static str, Permission>,
    /// Loosenings that were seen and found recorded.
    pub(crate) loosened: u64,
    /// Tightenings that were seen.
    pub(crate) tightened: u64,
}

impl Judge {
    /// Judges one life of a daemon: what was seen of it, and what it has recorded.
    pub(crate) fn judge(&mut self, seen: &Sightings, records: &[Record]) -> Result<(), String> {
        let mut from = BTreeMap::new();
        for (market, seen) in &seen.0 {
            let bound = *self.bound.get(market).unwrap_or(&Permission::FREE);
            if seen.permission.at_least_as_strict_as(&bound) {
                if let Some(permission) = decided(seen) {
                    self.tightened += u64::from(!bound.at_least_as_strict_as(&permission));
                    self.bound.insert(market, permission.meet(bound));
                }
                continue;
            }
            let cursor = from.entry(*market).or_insert(0);
            *cursor = excuse(records, *cursor, market, &seen.permission).ok_or_else(|| {
                let (was, is) = (bound.stance().name(), seen.permission.stance().name());
                format!("{market} was bound to {was}, and the gate said {is} without a record: {seen:?}")
            })?;
            self.loosened += 1;
            self.bound.insert(market, seen.permission);
        }
        Ok(())
    }
}

/// The record by which a market may be so loose: a breaker that moved on its way back, then the permission that follows.
/// The store comes before the gate, so both are there whatever happened since.
fn excuse(records: &[Record], after: u64, market: &str, shown: &Permission) -> Option<u64> {
    let later = || records.iter().filter(|record| record.seq > after);
    let way_back = |fact: &Fact| matches!(fact, Fact::Breaker { to, .. } if to == "Probing" || to == "Armed");
    let moved = later().find(|record| way_back(&record.fact))?.seq;
    let allows = |fact: &Fact| matches!(fact, Fact::Permission { market: of, permission, .. } if of == market && permission == shown);
    later().find(|record| record.seq > moved && allows(&record.fact)).map(|record| record.seq)
}
