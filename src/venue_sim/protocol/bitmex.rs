//! `BitMEX`'s side: a greeting, one answer a topic, `ping` as bare text.

use serde_json::{Value, json};

use super::{Ask, Audience, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// `BitMEX`.
pub(super) struct Bitmex;

impl Protocol for Bitmex {
    /// Topics may be asked for by the path: `/realtime?subscribe=trade:XBTUSD,quote`.
    fn door(&self, path: &str, query: Option<&str>) -> Option<Door> {
        let topics = query.and_then(|query| query.strip_prefix("subscribe=")).unwrap_or_default();
        let streams = topics.split(',').filter(|topic| !topic.is_empty()).map(str::to_owned).collect();
        (path == "/realtime").then(|| Door { streams, ..Door::default() })
    }

    fn greeting(&self, at: Nanos) -> Option<String> {
        let words = "Welcome to the BitMEX Realtime API.";
        Some(json!({"info": words, "version": "2.0.0", "timestamp": at.to_string()}).to_string())
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        if text == "ping" {
            return Ok(Request { id: Value::Null, ask: Ask::Alive, raw: Value::Null });
        }
        let raw = json_of(text).ok_or_else(|| error("Unrecognized request", &Value::Null))?;
        let topics = texts(&raw, "/args").ok_or_else(|| error("Missing argument: args", &raw))?;
        let ask = match super::text(&raw, "/op") {
            Some("subscribe") => Ask::Subscribe(topics),
            Some("unsubscribe") => Ask::Unsubscribe(topics),
            _ => return Err(error("Unknown operation", &raw)),
        };
        Ok(Request { id: Value::Null, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        match (outcome, &request.ask) {
            (Outcome::NoSuch(topic), _) => vec![error(&format!("Unknown or expired symbol: {topic}"), &request.raw)],
            (_, Ask::Alive) => vec!["pong".to_owned()],
            (_, ask) => {
                let op = text(&request.raw, "/op").unwrap_or_default();
                let one = |topic: &String| json!({"success": true, op: topic, "request": request.raw}).to_string();
                ask.streams().iter().map(one).collect()
            }
        }
    }

    /// `trade:XBTUSD` and `trade`; an empty image names its market in the filter.
    fn audience(&self, frame: &str) -> Audience {
        let Some(frame) = json_of(frame) else { return Audience::Nobody };
        let Some(table) = text(&frame, "/table") else { return Audience::Nobody };
        let symbol = text(&frame, "/data/0/symbol").or_else(|| text(&frame, "/filter/symbol"));
        let of_market = symbol.map(|symbol| format!("{table}:{symbol}"));
        Audience::Streams(of_market.into_iter().chain([table.to_owned()]).collect())
    }
}

fn error(words: &str, request: &Value) -> String {
    json!({"status": 400, "error": words, "meta": {}, "request": request}).to_string()
}
