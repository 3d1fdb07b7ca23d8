//! A restart resumes the strictest of the store, the last gate file, and what is recomputed.

use anyhow::{Context, Result};

use super::desk::rows_of;
use crate::breaker::{Permission, Stance, State};
use crate::engine::{Engine, Reason, Resume};
use crate::event::Nanos;
use crate::gate::{Cell, Previous};
use crate::hook::Router;
use crate::incident::Incident;
use crate::record::{Fact, Record};
use crate::store::Store;
use crate::trip::Scope;

/// Takes up what stood when the last run ended, however it ended: what the store knows, then what only the gate said.
/// Returns how many breakers were resumed. To be called before the gate is made anew; `router` knows the store's breakers.
pub(super) fn resume(
    engine: &mut Engine,
    store: &mut Store,
    previous: &Previous,
    router: &mut Router,
    at: Nanos,
) -> Result<usize> {
    let (last, _) = store.last()?;
    engine.resume_records(last);
    for record in store.open_incidents().context("open incidents")? {
        engine.resume_incident(&record);
    }
    for record in store.breakers().context("breakers")? {
        if let Fact::Breaker { version, .. } = record.fact {
            engine.remember_versions(version);
        }
    }
    let mut resumed = 0;
    for record in store.open_breakers().context("open breakers")? {
        let Some(was) = breaker_of(&record) else { continue };
        match engine.resume(&was, at) {
            Ok(()) => resumed += 1,
            Err(why) => tracing::warn!("a breaker of the last run is left behind: {why}"),
        }
    }
    Ok(resumed + take_up(engine, store, previous, router, at)?)
}

fn breaker_of(record: &Record) -> Option<Resume> {
    let Fact::Breaker { scope, rule, to, permission, strikes, version, incident, .. } = &record.fact else {
        return None;
    };
    Some(Resume {
        scope: scope.clone(),
        rule: rule.clone(),
        permission: *permission,
        latched: to == State::Latched { permission: *permission }.name(),
        strikes: *strikes,
        version: *version,
        incident: incident.clone(),
    })
}

/// Takes up what the gate had said and the store does not know: a crash came between the two. The store learns it here,
/// with the messages that hooks are owed, for the file is about to be replaced, and the next crash may come before
/// anything else is recorded.
fn take_up(
    engine: &mut Engine,
    store: &mut Store,
    previous: &Previous,
    router: &mut Router,
    at: Nanos,
) -> Result<usize> {
    let taken = match previous {
        Previous::None => return Ok(0),
        Previous::Damaged(why) => vec![halt_all(engine, &why.to_string())],
        Previous::Read { cells, .. } => {
            let first = |(name, slots): (&String, &Vec<Cell>)| unrecorded(engine, name, slots.first()?);
            cells.iter().filter_map(first).collect()
        }
    };
    let mut records = Vec::new();
    for was in taken {
        let version = last_version(store, &was)? + 1;
        let was = Resume { version, ..was };
        match engine.resume(&was, at) {
            Ok(()) => records.extend(record_of(engine, &was, store.last()?.0 + 1 + records.len() as u64, at)),
            Err(why) => tracing::warn!("what the gate said last is left behind: {why}"),
        }
    }
    if !records.is_empty() {
        let messages: Vec<_> = records.iter().flat_map(|record| rows_of(router.messages(record))).collect();
        engine.resume_records(store.append(&records, &messages).context("what the gate said last")?);
    }
    Ok(records.len())
}

/// A breaker that would say what this cell says, where no breaker does.
fn unrecorded(engine: &Engine, name: &str, cell: &Cell) -> Option<Resume> {
    let id = engine.markets().find(name)?;
    if !was_decided(cell) || engine.binding(id).at_least_as_strict_as(&cell.permission) {
        return None;
    }
    let open = engine.incidents().open();
    let incident = open.iter().find(|incident| Incident::number(&incident.id) == cell.incident);
    Some(Resume {
        scope: format!("market:{name}"),
        rule: engine.reason_name(cell.reason).to_owned(),
        permission: cell.permission,
        latched: false,
        strikes: 1,
        version: 0,
        incident: incident.map_or_else(String::new, |incident| incident.id.clone()),
    })
}

/// Nothing is known of what the gate had said, so the strict answer stands until a person lets it go.
fn halt_all(engine: &Engine, why: &str) -> Resume {
    tracing::warn!(
        "the gate file of the last run cannot be believed ({why}): Halt everywhere until `fusewire breakers rearm`"
    );
    Resume {
        scope: Scope::Everything.name(engine.markets()),
        rule: "manual".to_owned(),
        permission: Permission::HALT,
        latched: true,
        strikes: 1,
        version: 0,
        incident: String::new(),
    }
}

/// Versions go on counting over a restart, or a re-arm meant for an earlier trip would fit a later one.
fn last_version(store: &Store, was: &Resume) -> Result<u64> {
    let version = |record: Record| match record.fact {
        Fact::Breaker { scope, rule, version, .. } if scope == was.scope && rule == was.rule => Some(version),
        _ => None,
    };
    Ok(store.breakers()?.into_iter().filter_map(version).max().unwrap_or(0))
}

/// The record that the last run did not live to see on disk.
fn record_of(engine: &Engine, was: &Resume, seq: u64, at: Nanos) -> Option<Record> {
    // A rule that is gone from the config is a person's business now.
    let stands = |rule: &str| engine.breakers().into_iter().find(|row| row.scope == was.scope && row.rule == rule);
    let row = stands(&was.rule).or_else(|| stands("manual"))?;
    let fact = Fact::Breaker {
        scope: row.scope,
        rule: row.rule,
        from: State::Armed.name().to_owned(),
        to: row.state,
        stance: was.permission.stance().name().to_owned(),
        permission: was.permission,
        strikes: row.strikes,
        until: row.until,
        cause: "the gate said so when the last run died".to_owned(),
        version: row.version,
        incident: row.incident,
        by: None,
        reason: String::new(),
    };
    Some(Record { seq, at, fact })
}

/// Whether a rule or a person asked for it: starting and warming up ask anew by themselves.
fn was_decided(cell: &Cell) -> bool {
    let of_itself = [Reason::None as u32, Reason::Starting as u32, Reason::Warming as u32];
    let by_somebody = !of_itself.contains(&cell.reason) || *cell == Previous::LOST;
    cell.permission.stance() > Stance::Normal && by_somebody
}
