//! A restart resumes the strictest of the store, the last gate file, and what is recomputed.

use anyhow::{Context, Result};

use crate::breaker::{Permission, Stance, State};
use crate::engine::{Engine, Reason, Resume};
use crate::event::Nanos;
use crate::gate::{Cell, Previous};
use crate::record::{Fact, Record};
use crate::store::Store;
use crate::trip::Scope;

/// Takes up what stood when the last run ended, however it ended. Returns how many breakers were resumed.
pub(super) fn resume(engine: &mut Engine, store: &Store, previous: &Previous, at: Nanos) -> Result<usize> {
    let (last, _) = store.last()?;
    engine.resume_records(last);
    for record in store.open_incidents().context("open incidents")? {
        engine.resume_incident(&record);
    }
    let mut resumed = 0;
    for record in store.open_breakers().context("open breakers")? {
        let Some(was) = breaker_of(&record) else { continue };
        match engine.resume(&was, at) {
            Ok(()) => resumed += 1,
            Err(why) => tracing::warn!("a breaker of the last run is left behind: {why}"),
        }
    }
    Ok(resumed + from_gate(engine, previous, at))
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

/// What the gate had said and the store does not know: a crash came between the two. It is taken up as a breaker that
/// holds anew.
fn from_gate(engine: &mut Engine, previous: &Previous, at: Nanos) -> usize {
    let cells = match previous {
        Previous::None => return 0,
        Previous::Damaged(why) => return usize::from(halt_all(engine, &why.to_string(), at)),
        Previous::Read { cells, .. } => cells,
    };
    let mut resumed = 0;
    for (name, slots) in cells {
        let Some(cell) = slots.first() else { continue };
        let Some(id) = engine.markets().find(name) else { continue };
        if !was_decided(cell) || engine.binding(id).at_least_as_strict_as(&cell.permission) {
            continue;
        }
        let was = Resume {
            scope: format!("market:{name}"),
            rule: engine.reason_name(cell.reason).to_owned(),
            permission: cell.permission,
            latched: false,
            strikes: 1,
            version: 1,
            incident: String::new(),
        };
        resumed += usize::from(engine.resume(&was, at).is_ok());
    }
    resumed
}

/// Nothing is known of what the gate had said, so the strict answer stands until a person lets it go.
fn halt_all(engine: &mut Engine, why: &str, at: Nanos) -> bool {
    tracing::warn!(
        "the gate file of the last run cannot be believed ({why}): Halt everywhere until `fusewire breakers rearm`"
    );
    let was = Resume {
        scope: Scope::Everything.name(engine.markets()),
        rule: "manual".to_owned(),
        permission: Permission::HALT,
        latched: true,
        strikes: 1,
        version: 1,
        incident: String::new(),
    };
    engine.resume(&was, at).is_ok()
}

/// Whether a rule or a person asked for it: starting and warming up ask anew by themselves.
fn was_decided(cell: &Cell) -> bool {
    let of_itself = [Reason::None as u32, Reason::Starting as u32, Reason::Warming as u32];
    cell.permission.stance() > Stance::Normal
        && !of_itself.contains(&cell.reason)
        && cell.permission != Permission::FREE
}
