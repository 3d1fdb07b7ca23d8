//! The laws, checked after every input on what came out.

use std::collections::BTreeMap;

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, BreakerView, Engine, FeedState, GateWrite, Input, Life, Output};
use fusewire::event::Nanos;
use fusewire::market::Markets;
use fusewire::record::{Fact, IncidentChange, Record};

use crate::market::{MARKETS, VENUE_OF};

/// A breaker as its records tell.
struct Known {
    state: String,
    permission: Permission,
    until: Option<Nanos>,
}

/// One storm: its incident, and when it last tripped.
struct Storm {
    incident: String,
    last_trip: Nanos,
}

/// What the world outside the engine knows.
pub(crate) struct Laws {
    published: [Permission; MARKETS.len()],
    /// Last permission recorded for each market, and the number of the record.
    recorded: [Option<(Permission, u64)>; MARKETS.len()],
    acknowledged: u64,
    last_seq: u64,
    breakers: BTreeMap<(String, String), Known>,
    storms: BTreeMap<String, Storm>,
    regroup_secs: f64,
}

impl Laws {
    pub(crate) fn new(engine: &Engine, last_seq: u64) -> Self {
        Self {
            published: [Permission::HALT; MARKETS.len()],
            recorded: [None; MARKETS.len()],
            acknowledged: last_seq,
            last_seq,
            breakers: BTreeMap::new(),
            storms: BTreeMap::new(),
            regroup_secs: engine.settings().incident.regroup_secs,
        }
    }

    /// A new engine stands where another one was cut down; what is open goes on.
    pub(crate) fn restarted(&mut self, engine: &Engine, last_seq: u64) {
        let storms = std::mem::take(&mut self.storms);
        *self = Self::new(engine, last_seq);
        let open: Vec<_> = engine.incidents().open().into_iter().map(|incident| incident.id.clone()).collect();
        self.storms = storms.into_iter().filter(|(_, storm)| open.contains(&storm.incident)).collect();
        for view in engine.breakers() {
            let permission = Permission::of(Stance::parse(&view.stance).unwrap());
            let known = Known { state: view.state, permission, until: view.until };
            self.breakers.insert((view.scope, view.rule), known);
        }
    }

    pub(crate) fn check(&mut self, engine: &Engine, input: &Input, before: &[BreakerView], out: &[Output]) {
        if let Input::Stored { seq, .. } = input {
            self.acknowledged = self.acknowledged.max(*seq);
        }
        gate_before_store(out);
        for output in out {
            match output {
                Output::Gate(write) => self.gate(input, write),
                Output::Record(record) => self.record(engine.markets(), input, record),
                Output::Answer { result, after, .. } => {
                    assert!(*after <= self.last_seq, "an answer waits for a record that was given");
                    answer_is_earned(engine, input, before, result);
                }
                Output::Beat { .. } => {}
            }
        }
        for (view, published) in engine.view().zip(&self.published) {
            assert_eq!(view.permission, *published, "what the engine says is what it wrote");
            assert!(view.scores.iter().all(|score| score.is_finite()), "scores are finite: {:?}", view.scores);
        }
        blind_at_once(engine, input);
    }

    /// When faults have stopped and the disk has answered, the gate says what was recorded last.
    pub(crate) fn settled(&self) {
        for (published, recorded) in self.published.iter().zip(&self.recorded) {
            assert!(recorded.is_none_or(|(recorded, _)| recorded == *published), "the gate lags behind the records");
        }
    }

    /// Tightens at any time; loosens only once the record that says so is on disk.
    fn gate(&mut self, input: &Input, write: &GateWrite) {
        let market = write.market.0 as usize;
        if !write.permission.at_least_as_strict_as(&self.published[market]) {
            assert!(matches!(input, Input::Stored { .. }), "{input:?} loosens the gate: {write:?}");
            let (recorded, seq) = self.recorded[market].expect("a loosening has a record");
            assert_eq!(recorded, write.permission, "the gate loosens to what was recorded last");
            assert!(seq <= self.acknowledged, "record {seq} is not on disk, only {}", self.acknowledged);
        }
        self.published[market] = write.permission;
    }

    fn record(&mut self, markets: &Markets, input: &Input, record: &Record) {
        assert_eq!(record.seq, self.last_seq + 1, "records have no holes");
        self.last_seq = record.seq;
        match &record.fact {
            Fact::Permission { market, permission, .. } => {
                let market = markets.find(market).unwrap().0 as usize;
                self.recorded[market] = Some((*permission, record.seq));
            }
            Fact::Breaker { .. } => self.breaker(input, record),
            Fact::Trip { market, detector, incident, .. } if !incident.is_empty() => {
                let market = markets.get(markets.find(market).unwrap()).unwrap();
                let blind = detector == "stale";
                self.storm(
                    if blind { format!("feed {}", market.venue) } else { market.asset.clone() },
                    incident,
                    record.at,
                );
            }
            Fact::Incident { id, change: IncidentChange::Resolved, .. } => {
                self.storms.retain(|_, storm| storm.incident != *id);
            }
            _ => {}
        }
    }

    fn breaker(&mut self, input: &Input, record: &Record) {
        let Fact::Breaker { scope, rule, from, to, permission, until, by, .. } = &record.fact else { return };
        let key = (scope.clone(), rule.clone());
        let armed = Known { state: "Armed".to_owned(), permission: Permission::FREE, until: None };
        let was = self.breakers.remove(&key).unwrap_or(armed);
        assert_eq!(*from, was.state, "{rule} at {scope} leaves the state it was in");
        let by_person = by.is_some() && matches!(input, Input::Command(_));
        assert!(was.state != "Latched" || to == "Latched" || by_person, "only a person unlatches: {record:?}");
        if to == "Tripped" || to == "Latched" {
            assert!(permission.at_least_as_strict_as(&was.permission), "a trip loosens: {record:?}");
        } else if !by_person {
            let until = was.until.expect("it moves by itself");
            assert!(record.at >= until, "a deadline acts early, by {} s", until.secs_since(record.at));
        }
        let permission = if to == "Probing" { Permission::FREE } else { *permission };
        self.breakers.insert(key, Known { state: to.clone(), permission, until: *until });
    }

    fn storm(&mut self, subject: String, incident: &str, at: Nanos) {
        let regroup = self.regroup_secs;
        let storm =
            self.storms.entry(subject).or_insert_with(|| Storm { incident: incident.to_owned(), last_trip: at });
        if at.secs_since(storm.last_trip) <= regroup {
            assert_eq!(storm.incident, incident, "one storm is one incident");
        }
        (storm.last_trip, storm.incident) = (at, incident.to_owned());
    }
}

fn gate_before_store(out: &[Output]) {
    let rank = |output: &Output| match output {
        Output::Gate(_) => 0,
        Output::Beat { .. } => 1,
        Output::Record(_) => 2,
        Output::Answer { .. } => 3,
    };
    assert!(out.is_sorted_by_key(rank), "effects out of order: {out:#?}");
}

/// A re-arm was granted to a person with a reason who saw the breaker as it was, clear of its causes.
fn answer_is_earned(engine: &Engine, input: &Input, before: &[BreakerView], result: &Result<String, String>) {
    let Input::Command(command) = input else { panic!("an answer without a question: {input:?}") };
    let (Action::Rearm { scope, rule, version }, Ok(_)) = (&command.action, result) else { return };
    let scope = scope.name(engine.markets());
    let view = before.iter().find(|view| view.scope == scope && view.rule == *rule).expect("it stood");
    assert!(!command.reason.trim().is_empty() && view.clear && view.version == *version, "{command:?} of {view:?}");
}

/// A broken connection is silence at once.
fn blind_at_once(engine: &Engine, input: &Input) {
    let Input::Feed(report) = input else { return };
    if report.state != FeedState::Down {
        return;
    }
    for view in
        engine.view().filter(|view| VENUE_OF[view.id.0 as usize] == report.venue.0 && view.life != Life::Starting)
    {
        assert!(view.permission.stance() >= Stance::Caution, "{report:?} and the gate says {:?}", view.permission);
    }
}

/// A restart: whatever was decided still binds, and what was latched on disk is latched.
pub(crate) fn recovered_as_strict(old: &Engine, new: &Engine, records: &[Record]) {
    let warming = old.settings().warming;
    for (market, before) in old.view().enumerate() {
        let after = new.binding(before.id);
        // While warming, what binds no more than the warm-up comes back with it.
        let (was, is) = match before.life {
            Life::Starting => continue,
            Life::Warming => (old.binding(before.id).meet(warming), after.meet(warming)),
            Life::Live => (old.binding(before.id), after),
        };
        assert!(is.at_least_as_strict_as(&was), "market {market} was bound to {was:?}, after the restart to {is:?}");
    }
    let mut latched = BTreeMap::new();
    for record in records {
        if let Fact::Breaker { scope, rule, to, .. } = &record.fact {
            latched.insert((scope.clone(), rule.clone()), to == "Latched");
        }
    }
    let now = new.breakers();
    for ((scope, rule), _) in latched.iter().filter(|(_, latched)| **latched) {
        let view = now.iter().find(|view| view.scope == *scope && view.rule == *rule).expect("latched stays");
        assert_eq!(view.state, "Latched", "{rule} at {scope}");
    }
}
