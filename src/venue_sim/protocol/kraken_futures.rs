//! Kraken Futures' side: no ids of requests, pings demanded, heartbeats for whoever asks.

use serde_json::{Value, json};

use super::{Ask, Audience, Beats, Demands, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// Kraken Futures.
pub(super) struct KrakenFutures;

impl Protocol for KrakenFutures {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/ws/v1")
    }

    fn greeting(&self, _: Nanos) -> Option<String> {
        Some(json!({"event": "info", "version": 1}).to_string())
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw = json_of(text).ok_or_else(|| alert("Bad request"))?;
        let feed = super::text(&raw, "/feed").ok_or_else(|| alert("Bad request"))?;
        let products = || {
            let products = texts(&raw, "/product_ids").ok_or_else(|| alert("Invalid product id"))?;
            Ok::<Vec<String>, String>(products.iter().map(|product| format!("{feed}:{product}")).collect())
        };
        let ask = match (super::text(&raw, "/event"), feed) {
            (Some("subscribe"), "heartbeat") => Ask::Beats,
            (Some("subscribe"), "trade" | "ticker" | "ticker_lite" | "book") => Ask::Subscribe(products()?),
            (Some("unsubscribe"), _) => Ask::Unsubscribe(products()?),
            (Some("subscribe"), _) => return Err(alert("Invalid feed")),
            _ => return Err(alert("Bad request")),
        };
        Ok(Request { id: Value::Null, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        let raw = &request.raw;
        let event = text(raw, "/event").unwrap_or_default();
        vec![match outcome {
            Outcome::NoSuch(_) => json!({"event": "error", "message": "Invalid product id"}).to_string(),
            _ if request.ask == Ask::Beats => json!({"event": "subscribed", "feed": "heartbeat"}).to_string(),
            _ => json!({"event": format!("{event}d"), "feed": raw["feed"], "product_ids": raw["product_ids"]})
                .to_string(),
        }]
    }

    /// A snapshot goes to whoever asked for what it is the snapshot of.
    fn audience(&self, frame: &str) -> Audience {
        let stream = |frame: Value| {
            let feed = text(&frame, "/feed")?;
            Some(format!("{}:{}", feed.strip_suffix("_snapshot").unwrap_or(feed), text(&frame, "/product_id")?))
        };
        Audience::of(json_of(frame).and_then(stream))
    }

    /// A ping of the protocol every minute.
    fn demands(&self) -> Demands {
        Demands { word_within: Some(60.0), pings: true, ..Demands::default() }
    }

    fn beats(&self) -> Option<Beats> {
        Some(Beats { every: 1.0, asked: true })
    }

    fn beat(&self, _: u64, at: Nanos) -> Vec<String> {
        vec![json!({"feed": "heartbeat", "time": at.0 / 1_000_000}).to_string()]
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"seq\":"]
    }
}

fn alert(words: &str) -> String {
    json!({"event": "alert", "message": words}).to_string()
}
