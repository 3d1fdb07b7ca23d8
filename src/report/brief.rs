//! Incidents in a line each, folded from records in order.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::event::Nanos;
use crate::incident::Phase;
use crate::record::{Fact, IncidentChange, Record};

/// One incident in a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Brief {
    /// Its id.
    pub id: String,
    /// Title for people.
    pub title: String,
    /// Kind, as in `flash_crash`.
    pub kind: String,
    /// 1 (worst) to 4, as it stands now.
    pub severity: u8,
    /// What it covers.
    pub scope: String,
    /// Where it stands.
    pub phase: Phase,
    /// Its first record.
    pub opened_ns: Nanos,
    /// Its latest trip; the opening where it has none, as one opened by hand.
    pub last_trip_ns: Nanos,
    /// When a person first answered.
    pub acknowledged_ns: Option<Nanos>,
    /// When a person declared it over.
    pub resolved_ns: Option<Nanos>,
    /// Trips so far.
    pub trips: u64,
    /// Markets that tripped or were bound.
    pub markets: BTreeSet<String>,
}

impl Brief {
    /// An incident of which nothing but its first record is known.
    fn new(id: &str, at: Nanos) -> Self {
        Self {
            id: id.to_owned(),
            title: String::new(),
            kind: String::new(),
            severity: 4,
            scope: String::new(),
            phase: Phase::Open,
            opened_ns: at,
            last_trip_ns: at,
            acknowledged_ns: None,
            resolved_ns: None,
            trips: 0,
            markets: BTreeSet::new(),
        }
    }

    fn take(&mut self, record: &Record) {
        match &record.fact {
            Fact::Trip { market, .. } => {
                self.trips += 1;
                self.last_trip_ns = record.at;
                self.note_market(market);
            }
            Fact::Permission { market, .. } => self.note_market(market),
            Fact::Incident { change, kind, severity, title, scope, .. } => {
                self.step(*change, record.at);
                self.severity = *severity;
                for (mine, latest) in [(&mut self.kind, kind), (&mut self.title, title), (&mut self.scope, scope)] {
                    mine.clone_from(latest);
                }
            }
            _ => {}
        }
    }

    fn note_market(&mut self, market: &str) {
        if !self.markets.contains(market) {
            self.markets.insert(market.to_owned());
        }
    }

    fn step(&mut self, change: IncidentChange, at: Nanos) {
        match change {
            IncidentChange::Acknowledged => {
                self.phase = Phase::Acknowledged;
                self.acknowledged_ns.get_or_insert(at);
            }
            IncidentChange::Resolved => {
                self.phase = Phase::Resolved;
                self.resolved_ns = Some(at);
            }
            IncidentChange::Opened | IncidentChange::Raised | IncidentChange::Commented => {}
        }
    }
}

/// Every incident that some records tell of.
#[derive(Clone, Debug, Default)]
pub struct Briefs(BTreeMap<String, Brief>);

impl Briefs {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record; one that belongs to no incident changes nothing.
    pub fn take(&mut self, record: &Record) {
        let id = record.fact.incident();
        if id.is_empty() {
            return;
        }
        if !self.0.contains_key(id) {
            self.0.insert(id.to_owned(), Brief::new(id, record.at));
        }
        if let Some(brief) = self.0.get_mut(id) {
            brief.take(record);
        }
    }

    /// One of them.
    pub fn remove(&mut self, id: &str) -> Option<Brief> {
        self.0.remove(id)
    }

    /// All of them, the latest opened first.
    pub fn newest_first(self) -> Vec<Brief> {
        let mut all: Vec<_> = self.0.into_values().collect();
        all.sort_by(|a, b| (b.opened_ns, &b.id).cmp(&(a.opened_ns, &a.id)));
        all
    }
}
