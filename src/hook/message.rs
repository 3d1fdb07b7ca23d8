//! What a hook sends: a fact in the envelope that Standard Webhooks suggests, under an id that never changes.

use super::date::rfc3339;
use crate::event::Nanos;
use crate::record::{Fact, IncidentChange, Record};

/// A message to one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `msg_<instance>_<seq>_<hook>`: equal on every attempt, never made twice, whatever becomes of the store.
    pub id: String,
    /// Hook.
    pub hook: String,
    /// The record it tells of.
    pub seq: u64,
    /// Engine time of that record.
    pub at: Nanos,
    /// JSON.
    pub body: String,
}

impl Message {
    /// Tells `hook` of a record; `instance` is the random name of the store that keeps it.
    pub fn new(record: &Record, hook: &str, instance: &str) -> Self {
        Self {
            id: format!("msg_{instance}_{}_{hook}", record.seq),
            hook: hook.to_owned(),
            seq: record.seq,
            at: record.at,
            body: body(record),
        }
    }
}

/// The envelope. `data` is the record's body to the byte, as the store hashed it.
fn body(record: &Record) -> String {
    format!(
        r#"{{"type":{},"timestamp":"{}","seq":{},"at_ns":{},"incident":{},"data":{}}}"#,
        quoted(&kind(&record.fact)),
        rfc3339(record.at),
        record.seq,
        record.at.0,
        quoted(record.fact.incident()),
        record.body(),
    )
}

/// The event type: the fact, and what became of it where it has states, as in `breaker.tripped`.
fn kind(fact: &Fact) -> String {
    match fact {
        Fact::Breaker { to, .. } => format!("breaker.{}", to.to_ascii_lowercase()),
        Fact::Incident { change, .. } => format!("incident.{}", change_name(*change)),
        other => other.name().to_owned(),
    }
}

const fn change_name(change: IncidentChange) -> &'static str {
    match change {
        IncidentChange::Opened => "opened",
        IncidentChange::Raised => "raised",
        IncidentChange::Acknowledged => "acknowledged",
        IncidentChange::Resolved => "resolved",
        IncidentChange::Commented => "commented",
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Who;

    #[test]
    fn the_envelope_carries_the_fact_as_hashed() {
        let fact = Fact::Incident {
            id: "inc-\"1\"".to_owned(),
            change: IncidentChange::Opened,
            kind: "flash_crash".to_owned(),
            severity: 1,
            title: "DOT".to_owned(),
            scope: "asset:DOT".to_owned(),
            by: Who::engine(),
            note: String::new(),
        };
        let record = Record { seq: 7, at: Nanos::from_secs(1_760_131_200), fact };
        let message = Message::new(&record, "pager", "0123456789ab");
        assert_eq!(message.id, "msg_0123456789ab_7_pager");
        let value: serde_json::Value = serde_json::from_str(&message.body).expect("json");
        assert_eq!(value["type"], "incident.opened");
        assert_eq!(value["timestamp"], "2025-10-10T21:20:00.000000000Z");
        assert_eq!((value["seq"].as_u64(), value["incident"].as_str()), (Some(7), Some("inc-\"1\"")));
        assert!(message.body.contains(&record.body()));
    }
}
