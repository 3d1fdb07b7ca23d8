//! Hyperliquid's side: one stream a request, repeated in the answer.

use serde_json::{Value, json};

use super::{Ask, Audience, Demands, Door, Outcome, Protocol, Request, json_of, text};
use crate::event::Nanos;

/// Hyperliquid.
pub(super) struct Hyperliquid;

impl Protocol for Hyperliquid {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/ws")
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw =
            json_of(text).ok_or_else(|| error(&format!("Error parsing JSON into valid websocket request: {text}")))?;
        let stream = || {
            let wanted = raw.get("subscription").cloned().unwrap_or_default();
            let stream = super::text(&wanted, "/type").zip(super::text(&wanted, "/coin"));
            let stream = stream.map(|(kind, coin)| vec![format!("{kind}:{coin}")]);
            stream.ok_or_else(|| error(&format!("Invalid subscription {wanted}")))
        };
        let ask = match super::text(&raw, "/method") {
            Some("subscribe") => Ask::Subscribe(stream()?),
            Some("unsubscribe") => Ask::Unsubscribe(stream()?),
            Some("ping") => Ask::Alive,
            _ => return Err(error(&format!("Error parsing JSON into valid websocket request: {text}"))),
        };
        Ok(Request { id: Value::Null, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        let raw = &request.raw;
        vec![match (outcome, &request.ask) {
            (_, Ask::Alive) => json!({"channel": "pong"}).to_string(),
            (Outcome::NoSuch(_), _) => error(&format!("Invalid subscription {}", raw["subscription"])),
            _ => {
                let data = json!({"method": raw["method"], "subscription": raw["subscription"]});
                json!({"channel": "subscriptionResponse", "data": data}).to_string()
            }
        }]
    }

    fn audience(&self, frame: &str) -> Audience {
        let stream = |frame: Value| {
            let coin = text(&frame, "/data/coin").or_else(|| text(&frame, "/data/0/coin"))?;
            Some(format!("{}:{coin}", text(&frame, "/channel")?))
        };
        Audience::of(json_of(frame).and_then(stream))
    }

    /// A minute.
    fn demands(&self) -> Demands {
        Demands { word_within: Some(60.0), ..Demands::default() }
    }
}

fn error(words: &str) -> String {
    json!({"channel": "error", "data": words}).to_string()
}
