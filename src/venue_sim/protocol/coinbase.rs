//! Coinbase Advanced's side: numbered messages, a first request demanded, heartbeats for whoever asks.

use serde_json::{Value, json};

use super::{Ask, Audience, Beats, Demands, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// Coinbase Advanced.
pub(super) struct Coinbase;

impl Protocol for Coinbase {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/")
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw = json_of(text).ok_or_else(|| error("malformed request"))?;
        let channel = super::text(&raw, "/channel").unwrap_or_default();
        let products = || {
            let products = texts(&raw, "/product_ids").ok_or_else(|| error("product_ids is required"))?;
            Ok::<Vec<String>, String>(products.iter().map(|product| format!("{channel}:{product}")).collect())
        };
        let ask = match (super::text(&raw, "/type"), channel) {
            (Some("subscribe"), "heartbeats") => Ask::Beats,
            (Some("subscribe"), "market_trades" | "ticker" | "ticker_batch" | "level2" | "candles" | "status") => {
                Ask::Subscribe(products()?)
            }
            (Some("unsubscribe"), _) => Ask::Unsubscribe(products()?),
            (Some("subscribe"), _) => return Err(error("channel does not exist")),
            _ => return Err(error("unknown type")),
        };
        Ok(Request { id: Value::Null, ask, raw })
    }

    /// The real one lists all that the client has; this one what it asked for last.
    fn answer(&self, request: &Request, outcome: Outcome, at: Nanos) -> Vec<String> {
        if let Outcome::NoSuch(_) = outcome {
            return vec![error("failure to subscribe")];
        }
        let channel = text(&request.raw, "/channel").unwrap_or_default();
        let products = texts(&request.raw, "/product_ids").unwrap_or_else(|| vec!["heartbeats".to_owned()]);
        vec![message("subscriptions", &json!({"subscriptions": {channel: products}}), at)]
    }

    fn audience(&self, frame: &str) -> Audience {
        let stream = |frame: Value| {
            let channel = text(&frame, "/channel")?;
            let product = ["/events/0/trades/0/product_id", "/events/0/tickers/0/product_id", "/events/0/product_id"];
            let product = product.iter().find_map(|path| text(&frame, path))?;
            Some(format!("{}:{product}", if channel == "l2_data" { "level2" } else { channel }))
        };
        Audience::of(json_of(frame).and_then(stream))
    }

    /// Five seconds to the first request.
    fn demands(&self) -> Demands {
        Demands { ask_within: Some(5.0), ..Demands::default() }
    }

    fn beats(&self) -> Option<Beats> {
        Some(Beats { every: 1.0, asked: true })
    }

    fn beat(&self, count: u64, at: Nanos) -> Vec<String> {
        let event = json!({"current_time": at.to_string(), "heartbeat_counter": count});
        vec![message("heartbeats", &event, at)]
    }

    fn number_mark(&self) -> Option<&'static str> {
        Some("\"sequence_num\":")
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"trade_id\":\""]
    }
}

/// The number is put in when the message is sent.
fn message(channel: &str, event: &Value, at: Nanos) -> String {
    let events = [event];
    json!({"channel": channel, "client_id": "", "timestamp": at.to_string(), "sequence_num": 0, "events": events})
        .to_string()
}

fn error(words: &str) -> String {
    json!({"type": "error", "message": words}).to_string()
}
