//! Restarts: what the store and the last gate file remember is taken up, and never more loosely.

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, Engine, Resume};
use fusewire::event::MarketId;
use fusewire::record::{Fact, Record};
use fusewire::trip::Scope;

use crate::stage::{Stage, at, quick, table};

const DOT: Scope = Scope::Market(MarketId(0));

fn breaker(rule: &str, stance: Stance, latched: bool) -> Resume {
    Resume {
        scope: "market:a:DOT".to_owned(),
        rule: rule.to_owned(),
        permission: Permission::of(stance),
        latched,
        strikes: 1,
        version: 3,
        incident: String::new(),
    }
}

/// A new engine that takes up the last record of every breaker.
fn restarted(records: &[Record], secs: f64) -> Stage {
    let mut engine = Engine::new(quick(), table(&["a:DOT"]));
    engine.resume_records(records.last().map_or(0, |record| record.seq));
    for record in records {
        if let Fact::Breaker { scope, rule, to, permission, strikes, version, incident, .. } = &record.fact {
            let was = Resume {
                scope: scope.clone(),
                rule: rule.clone(),
                permission: *permission,
                latched: to == "Latched",
                strikes: *strikes,
                version: *version,
                incident: incident.clone(),
            };
            engine.resume(&was, at(secs)).unwrap();
        }
    }
    Stage::with(engine)
}

#[test]
fn a_restart_resumes_a_latched_breaker() {
    let mut stage = Stage::new(quick(), &["a:DOT"]).warm_up(&[(0, 100.0)]);
    stage.ask(120.0, "rumours", Action::Trip { scope: DOT, permission: Permission::HALT }).unwrap();
    let mut stage = restarted(&stage.records, 130.0);
    stage.calm(130..4000, &[(0, 100.0)]);
    assert_eq!(stage.stance(0), Stance::Halt, "an hour of calm does not unlatch it");
    let version = stage.engine.breakers()[0].version;
    let action = Action::Rearm { scope: DOT, rule: "manual".to_owned(), version };
    stage.ask(4000.0, "they were false", action).unwrap();
    assert_eq!(stage.stance(0), Stance::Normal);
}

#[test]
fn a_resumed_hold_lasts_from_the_restart_on() {
    let mut engine = Engine::new(quick(), table(&["a:DOT"]));
    engine.resume(&breaker("velocity", Stance::Halt, false), at(0.0)).unwrap();
    let mut stage = Stage::with(engine);
    stage.calm(1..300, &[(0, 100.0)]);
    assert_eq!(stage.stance(0), Stance::Halt);
    stage.calm(300..302, &[(0, 100.0)]);
    assert_eq!(stage.stance(0), Stance::Caution, "on the way back");
}

#[test]
fn two_memories_of_one_breaker_resume_as_the_stricter() {
    for memories in [
        [breaker("velocity", Stance::Caution, true), breaker("velocity", Stance::Halt, false)],
        [breaker("velocity", Stance::Halt, false), breaker("velocity", Stance::Caution, true)],
    ] {
        let mut engine = Engine::new(quick(), table(&["a:DOT"]));
        for was in &memories {
            engine.resume(was, at(0.0)).unwrap();
        }
        assert_eq!(engine.binding(MarketId(0)).stance(), Stance::Halt);
        assert_eq!(engine.breakers()[0].state, "Latched");
    }
}

#[test]
fn a_breaker_whose_rule_is_gone_is_left_to_a_person() {
    let mut engine = Engine::new(quick(), table(&["a:DOT"]));
    engine.resume(&breaker("a-rule-of-last-year", Stance::ReduceOnly, false), at(0.0)).unwrap();
    let view = engine.breakers().remove(0);
    assert_eq!((view.rule.as_str(), view.state.as_str(), view.stance.as_str()), ("manual", "Latched", "ReduceOnly"));
}
