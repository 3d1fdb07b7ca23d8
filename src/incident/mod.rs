//! Incidents: what belongs together, from first trip to resolution. A pure fold over what the engine decides.
//!
//! One storm is one incident: trips of one asset that follow each other within the regroup time belong together, whatever
//! venue or detector they come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::Nanos;
use crate::record::{Fact, IncidentChange, Record, Who};
use crate::trip::Direction;

/// How incidents are grouped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentSettings {
    /// A trip this long after the last one opens a new incident, seconds.
    pub regroup_secs: f64,
    /// Most incidents kept open in memory; the oldest unresolved one makes room, with a record that says so.
    pub open_max: u32,
}

impl Default for IncidentSettings {
    fn default() -> Self {
        Self { regroup_secs: 1800.0, open_max: 10_000 }
    }
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nobody has answered.
    Open,
    /// A person has seen it.
    Acknowledged,
    /// A person declared it over.
    Resolved,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// `INC-20251010T204912Z-DOT`.
    pub id: String,
    /// Asset, or venue for feeds.
    pub subject: String,
    /// Kind: `flash_crash`, `squeeze`, `liquidation_cascade`, `volatility`, `blind_feed`, `venue_halt`,
    /// `dislocation`, `manual`.
    pub kind: String,
    /// 1 (worst) to 4.
    pub severity: u8,
    /// First trip.
    pub opened_at: Nanos,
    /// Latest trip.
    pub last_trip_at: Nanos,
    /// Trips so far.
    pub trips: u64,
    /// Where it stands.
    pub phase: Phase,
}

impl Incident {
    /// The number that the gate carries: the first eight bytes of the SHA-256 of the id; never 0.
    pub fn number(id: &str) -> u64 {
        if id.is_empty() {
            return 0;
        }
        let hash = Sha256::digest(id.as_bytes());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(hash.get(..8).unwrap_or(&[1; 8]));
        u64::from_le_bytes(bytes).max(1)
    }

    fn fact(&self, change: IncidentChange, by: Who, note: String) -> Fact {
        Fact::Incident {
            id: self.id.clone(),
            change,
            kind: self.kind.clone(),
            severity: self.severity,
            title: format!("{} in {}", title(&self.kind), self.subject),
            scope: self.subject.clone(),
            by,
            note,
        }
    }
}

/// What an incident is about, in words for people.
fn title(kind: &str) -> &str {
    match kind {
        "flash_crash" => "Flash crash",
        "squeeze" => "Squeeze",
        "liquidation_cascade" => "Liquidation cascade",
        "volatility" => "Volatility regime",
        "blind_feed" => "Blind feed",
        "venue_halt" => "Trading halted",
        "manual" => "Manual trip",
        other => other,
    }
}

/// The kind of incident that a trip opens.
pub fn kind_of(detector: &str, direction: Direction) -> &'static str {
    match (detector, direction) {
        ("cascade", _) => "liquidation_cascade",
        ("stale" | "apart" | "book", _) => "blind_feed",
        ("status", _) => "venue_halt",
        ("dislocation", _) => "dislocation",
        ("manual", _) => "manual",
        (_, Direction::Down) => "flash_crash",
        (_, Direction::Up) => "squeeze",
        (_, Direction::None) => "volatility",
    }
}

/// Whether a kind is about a venue and its feeds: not the same storm as a crash of an asset, and one storm together, for the
/// halt explains the silence.
pub fn is_of_venue(kind: &str) -> bool {
    matches!(kind, "blind_feed" | "venue_halt")
}

/// What a trip brings to its incident.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Engine time.
    pub at: Nanos,
    /// Asset, or venue for feeds.
    pub subject: &'a str,
    /// Kind it would open.
    pub kind: &'static str,
    /// Severity of the rule that acts.
    pub severity: u8,
}

/// Incidents that are not resolved, by subject.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Incidents {
    settings: IncidentSettings,
    current: BTreeMap<(String, bool), Incident>,
    /// Unanswered incidents that a newer one of the same subject has replaced as the current one.
    older: BTreeMap<String, Incident>,
}

impl Incidents {
    /// None yet.
    pub fn new(settings: IncidentSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Those that nobody has resolved, oldest first.
    pub fn open(&self) -> Vec<&Incident> {
        let mut all: Vec<_> =
            self.older.values().chain(self.current.values()).filter(|i| i.phase != Phase::Resolved).collect();
        all.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        all
    }

    /// Takes a trip in; returns the incident's id and the facts that follow.
    pub fn trip(&mut self, arrival: Arrival<'_>) -> (String, Vec<Fact>) {
        let key = (arrival.subject.to_owned(), is_of_venue(arrival.kind));
        let regroup = self.settings.regroup_secs;
        if let Some(incident) = self.current.get_mut(&key)
            && incident.phase != Phase::Resolved
            && arrival.at.secs_since(incident.last_trip_at) <= regroup
        {
            incident.last_trip_at = arrival.at;
            incident.trips += 1;
            let facts = raise(incident, arrival);
            return (incident.id.clone(), facts);
        }
        self.open_new(key, arrival)
    }

    fn open_new(&mut self, key: (String, bool), arrival: Arrival<'_>) -> (String, Vec<Fact>) {
        let incident = Incident {
            id: self.fresh_id(arrival),
            subject: arrival.subject.to_owned(),
            kind: arrival.kind.to_owned(),
            severity: arrival.severity,
            opened_at: arrival.at,
            last_trip_at: arrival.at,
            trips: 1,
            phase: Phase::Open,
        };
        let id = incident.id.clone();
        let mut facts = vec![incident.fact(IncidentChange::Opened, Who::engine(), String::new())];
        if let Some(before) = self.current.insert(key, incident)
            && before.phase != Phase::Resolved
        {
            self.older.insert(before.id.clone(), before);
        }
        facts.extend(self.make_room());
        (id, facts)
    }

    /// `INC-<UTC second>-<subject>`, with a counter where one second opens two.
    fn fresh_id(&self, arrival: Arrival<'_>) -> String {
        let second: String = arrival.at.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let feed = if is_of_venue(arrival.kind) { "FEED-" } else { "" };
        let plain = format!("INC-{second}Z-{feed}{}", arrival.subject);
        let taken = |id: &str| self.older.contains_key(id) || self.current.values().any(|i| i.id == id);
        if !taken(&plain) {
            return plain;
        }
        (2..=u32::MAX).map(|n| format!("{plain}-{n}")).find(|id| !taken(id)).unwrap_or(plain)
    }

    fn make_room(&mut self) -> Option<Fact> {
        if self.older.len() < self.settings.open_max as usize {
            return None;
        }
        let (_, mut oldest) = self.older.pop_first()?;
        oldest.phase = Phase::Resolved;
        Some(oldest.fact(IncidentChange::Resolved, Who::engine(), "too many unanswered incidents are open".to_owned()))
    }

    /// A person says something about an incident.
    pub fn answer(&mut self, id: &str, change: IncidentChange, by: Who, note: String) -> Result<Fact, String> {
        let incident = self
            .older
            .values_mut()
            .chain(self.current.values_mut())
            .find(|incident| incident.id == id)
            .ok_or_else(|| format!("there is no open incident {id}"))?;
        if incident.phase == Phase::Resolved {
            return Err(format!("{id} is resolved already"));
        }
        match change {
            IncidentChange::Acknowledged => incident.phase = Phase::Acknowledged,
            IncidentChange::Resolved => incident.phase = Phase::Resolved,
            _ => {}
        }
        let fact = incident.fact(change, by, note);
        self.older.retain(|_, incident| incident.phase != Phase::Resolved);
        Ok(fact)
    }

    /// Takes up what a record says, in the order of the records: how a restart finds its open incidents. Trips tell how long a
    /// storm has lasted, so that one that a restart cuts stays one.
    pub fn fold(&mut self, record: &Record) {
        if let Fact::Trip { incident, .. } = &record.fact {
            let mut all = self.older.values_mut().chain(self.current.values_mut());
            if let Some(incident) = all.find(|known| known.id == *incident) {
                incident.last_trip_at = incident.last_trip_at.max(record.at);
            }
        }
        let Fact::Incident { id, change, kind, severity, scope, .. } = &record.fact else { return };
        let key = (scope.clone(), is_of_venue(kind));
        if *change == IncidentChange::Opened {
            let incident = Incident {
                id: id.clone(),
                subject: scope.clone(),
                kind: kind.clone(),
                severity: *severity,
                opened_at: record.at,
                last_trip_at: record.at,
                trips: 1,
                phase: Phase::Open,
            };
            if let Some(before) = self.current.insert(key, incident) {
                self.older.insert(before.id.clone(), before);
            }
            return;
        }
        let mut all = self.older.values_mut().chain(self.current.values_mut());
        let Some(incident) = all.find(|incident| incident.id == *id) else { return };
        incident.severity = *severity;
        incident.kind.clone_from(kind);
        match change {
            IncidentChange::Acknowledged => incident.phase = Phase::Acknowledged,
            IncidentChange::Resolved => incident.phase = Phase::Resolved,
            _ => {}
        }
        self.older.retain(|_, incident| incident.phase != Phase::Resolved);
    }
}

/// Severity rises by itself and never falls; a worse kind names the incident.
fn raise(incident: &mut Incident, arrival: Arrival<'_>) -> Vec<Fact> {
    if arrival.severity >= incident.severity {
        return Vec::new();
    }
    incident.severity = arrival.severity;
    arrival.kind.clone_into(&mut incident.kind);
    vec![incident.fact(IncidentChange::Raised, Who::engine(), String::new())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(incidents: &mut Incidents, secs: i64, subject: &str, severity: u8) -> (String, usize) {
        let arrival = Arrival { at: Nanos::from_secs(secs), subject, kind: "flash_crash", severity };
        let (id, facts) = incidents.trip(arrival);
        (id, facts.len())
    }

    #[test]
    fn one_storm_is_one_incident_and_severity_only_rises() {
        let mut incidents = Incidents::new(IncidentSettings::default());
        let (first, opened) = trip(&mut incidents, 0, "DOT", 3);
        assert_eq!((first.as_str(), opened), ("INC-19700101T000000Z-DOT", 1));
        assert_eq!(trip(&mut incidents, 1700, "DOT", 2), (first.clone(), 1));
        assert_eq!(trip(&mut incidents, 3000, "DOT", 4), (first.clone(), 0));
        assert_ne!(trip(&mut incidents, 3000, "TRX", 3).0, first);
        let (second, _) = trip(&mut incidents, 9000, "DOT", 3);
        assert_ne!(second, first);
        assert_eq!(incidents.open().len(), 3, "the unanswered one stays open");
    }

    #[test]
    fn a_storm_that_a_restart_cuts_stays_one_incident() {
        let mut before = Incidents::new(IncidentSettings::default());
        let arrival = |secs| Arrival { at: Nanos::from_secs(secs), subject: "DOT", kind: "flash_crash", severity: 3 };
        let (id, facts) = before.trip(arrival(0));
        let opened = Record { seq: 2, at: Nanos::from_secs(0), fact: facts[0].clone() };
        let trip = |incident: &str| Fact::Trip {
            market: "a:DOT".into(),
            detector: "moves".into(),
            leg: "fall-0".into(),
            direction: Direction::Down,
            rule: "fast-move".into(),
            scope: "market:a:DOT".into(),
            stance: "ReduceOnly".into(),
            score: 6.0,
            limit: 5.0,
            return_period_secs: None,
            evidence: crate::trip::Evidence::default(),
            venue_at: Nanos(0),
            recv_at: Nanos(0),
            incident: incident.into(),
        };
        let later = Record { seq: 3, at: Nanos::from_secs(1700), fact: trip(&id) };
        let mut after = Incidents::new(IncidentSettings::default());
        after.fold(&opened);
        after.fold(&later);
        assert_eq!(after.trip(arrival(3000)).0, id, "22 minutes after the last trip, 50 after the first");
        assert_ne!(after.trip(arrival(9000)).0, id);
    }

    #[test]
    fn a_resolved_incident_takes_no_more_trips() {
        let mut incidents = Incidents::new(IncidentSettings::default());
        let (first, _) = trip(&mut incidents, 0, "DOT", 3);
        let who = Who { name: "ann".into(), via: "socket".into() };
        incidents.answer(&first, IncidentChange::Resolved, who.clone(), "over".into()).expect("open");
        assert!(incidents.answer(&first, IncidentChange::Acknowledged, who, String::new()).is_err());
        assert_eq!(trip(&mut incidents, 0, "DOT", 3).0, format!("{first}-2"));
    }
}
