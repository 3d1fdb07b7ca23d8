//! Deribit's side: JSON-RPC, and heartbeats that a client asks for and must answer.

use serde_json::{Value, json};

use super::{Ask, Audience, Beats, Demands, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// Deribit.
pub(super) struct Deribit;

impl Protocol for Deribit {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/ws/api/v2")
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw = json_of(text).ok_or_else(|| error(-32_700, "Parse error", &Value::Null))?;
        let id = raw.get("id").cloned().unwrap_or(Value::Null);
        let channels = || texts(&raw, "/params/channels").ok_or_else(|| error(-32_602, "Invalid params", &id));
        let ask = match super::text(&raw, "/method") {
            Some("public/subscribe") => Ask::Subscribe(channels()?),
            Some("public/unsubscribe") => Ask::Unsubscribe(channels()?),
            Some("public/set_heartbeat") => Ask::Beats,
            Some("public/test" | "public/hello") => Ask::Alive,
            _ => return Err(error(-32_601, "Method not found", &id)),
        };
        Ok(Request { id, ask, raw })
    }

    /// Unknown channels are left out of the answer; there is no error for them.
    fn answer(&self, request: &Request, outcome: Outcome, at: Nanos) -> Vec<String> {
        let result = match (outcome, &request.ask) {
            (Outcome::NoSuch(_), _) => json!([]),
            (_, Ask::Alive) => json!({"version": "1.2.26"}),
            (_, Ask::Beats | Ask::List) => json!("ok"),
            (_, ask) => json!(ask.streams()),
        };
        let us = at.0 / 1000;
        let times = json!({"usIn": us, "usOut": us, "usDiff": 0, "testnet": false});
        let mut answer = json!({"jsonrpc": "2.0", "id": request.id, "result": result});
        if let (Some(fields), Value::Object(times)) = (answer.as_object_mut(), times) {
            fields.extend(times);
        }
        vec![answer.to_string()]
    }

    fn audience(&self, frame: &str) -> Audience {
        Audience::of(json_of(frame).and_then(|frame| text(&frame, "/params/channel").map(str::to_owned)))
    }

    /// A client that leaves two requests for a sign of life unanswered is gone.
    fn demands(&self) -> Demands {
        Demands { word_within: Some(20.0), ..Demands::default() }
    }

    fn beats(&self) -> Option<Beats> {
        Some(Beats { every: 10.0, asked: true })
    }

    fn beat(&self, _: u64, _: Nanos) -> Vec<String> {
        let beat = |kind: &str| json!({"jsonrpc": "2.0", "method": "heartbeat", "params": {"type": kind}}).to_string();
        vec![beat("heartbeat"), beat("test_request")]
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"trade_seq\":"]
    }
}

fn error(code: i32, words: &str, id: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": words}}).to_string()
}
