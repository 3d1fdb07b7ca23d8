//! The words on the control socket.

use serde::{Deserialize, Serialize};

use crate::incident::Incident;
use crate::serve::{BreakerRow, Status};

/// Longest request, bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// What a person asks for. A field that is not listed is refused: one that is ignored would be a promise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// How the daemon is.
    Status {},
    /// Breakers that are not at rest.
    Breakers {},
    /// Incidents that nobody has resolved.
    Incidents {},
    /// Tighten by hand.
    Trip {
        /// Where: `market:VENUE:NATIVE`, `venue:NAME`, `asset:NAME`, `everything`.
        scope: String,
        /// Caution, `ReduceOnly` or Halt.
        stance: String,
        /// Why. Welcome, and never in the way.
        #[serde(default)]
        reason: String,
    },
    /// Let a breaker go.
    Rearm {
        /// Where.
        scope: String,
        /// Whose breaker; `manual` for one tripped by hand.
        rule: String,
        /// The version the person saw.
        version: u64,
        /// Why.
        reason: String,
    },
    /// Say that an incident was seen.
    Ack {
        /// Which.
        incident: String,
        /// A word about it.
        #[serde(default)]
        reason: String,
    },
    /// Say that an incident is over.
    Resolve {
        /// Which.
        incident: String,
        /// A word about it.
        #[serde(default)]
        reason: String,
    },
    /// Add a remark to an incident.
    Comment {
        /// Which.
        incident: String,
        /// The remark.
        reason: String,
    },
}

impl Request {
    /// Understands a line, without its end. The error says why not, in words for the asker.
    pub fn read(line: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(line).map_err(|why| format!("not understood: {why}"))
    }
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Response {
    /// Done, and on disk.
    Done {
        /// What was done.
        answer: String,
        /// Who did it, as the records name them.
        by: String,
    },
    /// Not done.
    Refused {
        /// Why not.
        why: String,
    },
    /// How the daemon is.
    Status {
        /// The status.
        status: Status,
    },
    /// Breakers that are not at rest.
    Breakers {
        /// Their rows.
        breakers: Vec<BreakerRow>,
    },
    /// Incidents that nobody has resolved.
    Incidents {
        /// The latest of them, oldest first.
        incidents: Vec<Incident>,
        /// How many there are in all.
        open: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::Request;

    #[test]
    fn what_is_not_asked_for_is_refused() {
        let read = |text: &str| serde_json::from_str::<Request>(text).map_err(|why| why.to_string());
        assert_eq!(read(r#"{"do":"breakers"}"#), Ok(Request::Breakers {}));
        for (text, want) in [
            (r#"{"do":"breakers","who":"root"}"#, "unknown field `who`"),
            (r#"{"do":"trip","scope":"everything","stance":"Halt","who":"root"}"#, "unknown field `who`"),
            (r#"{"do":"rearm","scope":"everything","rule":"manual","reason":"x"}"#, "missing field `version`"),
            (r#"{"do":"rearm","scope":"everything","rule":"manual","version":-1,"reason":"x"}"#, "invalid value"),
            (
                r#"{"do":"rearm","scope":"everything","rule":"manual","version":1,"version":2,"reason":"x"}"#,
                "duplicate",
            ),
            (r#"{"do":"trip","do":"rearm"}"#, "duplicate field `do`"),
            (r#"{"do":"open"}"#, "unknown variant `open`"),
            (r#"["do","trip"]"#, "unknown variant"),
        ] {
            let fault = read(text).expect_err(text);
            assert!(fault.contains(want), "{text}: {fault}");
        }
    }
}
