//! Kraken spot's side, v2: its status first, one answer a symbol, a heartbeat every second.

use serde_json::{Value, json};

use super::{Ask, Audience, Beats, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// Kraken spot.
pub(super) struct KrakenSpot;

impl Protocol for KrakenSpot {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/v2")
    }

    fn greeting(&self, _: Nanos) -> Option<String> {
        let online = json!({"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 1});
        Some(json!({"channel": "status", "type": "update", "data": [online]}).to_string())
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw = json_of(text).ok_or_else(|| json!({"error": "Malformed request"}).to_string())?;
        let id = raw.get("req_id").cloned().unwrap_or(Value::Null);
        let bad = |words: &str| json!({"error": words, "success": false, "req_id": id}).to_string();
        let channel = super::text(&raw, "/params/channel").unwrap_or_default();
        let symbols = || {
            let symbols = texts(&raw, "/params/symbol").ok_or_else(|| bad("Symbol(s) not found"))?;
            Ok::<Vec<String>, String>(symbols.iter().map(|symbol| format!("{channel}:{symbol}")).collect())
        };
        let ask = match (super::text(&raw, "/method"), channel) {
            (Some("ping"), _) => Ask::Alive,
            (Some("subscribe"), "trade" | "ticker" | "book" | "ohlc") => Ask::Subscribe(symbols()?),
            (Some("unsubscribe"), _) => Ask::Unsubscribe(symbols()?),
            (Some("subscribe"), _) => return Err(bad("Channel not supported")),
            _ => return Err(bad("Method not supported")),
        };
        Ok(Request { id, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, at: Nanos) -> Vec<String> {
        let (method, now) = (text(&request.raw, "/method").unwrap_or_default(), at.to_string());
        let whole = |mut answer: Value| {
            if let Some(fields) = answer.as_object_mut() {
                fields.extend([("time_in".to_owned(), json!(now)), ("time_out".to_owned(), json!(now))]);
                if !request.id.is_null() {
                    fields.insert("req_id".to_owned(), request.id.clone());
                }
            }
            answer.to_string()
        };
        let symbol_of = |stream: &str| stream.split_once(':').map_or(String::new(), |(_, symbol)| symbol.to_owned());
        match (outcome, &request.ask) {
            (_, Ask::Alive) => vec![whole(json!({"method": "pong"}))],
            (Outcome::NoSuch(stream), _) => {
                let words = format!("Currency pair not supported {}", symbol_of(stream));
                vec![whole(json!({"error": words, "method": method, "success": false, "symbol": symbol_of(stream)}))]
            }
            (_, ask) => {
                let channel = text(&request.raw, "/params/channel").unwrap_or_default();
                let one = |stream: &String| {
                    let result = json!({"channel": channel, "symbol": symbol_of(stream)});
                    whole(json!({"method": method, "result": result, "success": true}))
                };
                ask.streams().iter().map(one).collect()
            }
        }
    }

    fn audience(&self, frame: &str) -> Audience {
        let Some(frame) = json_of(frame) else { return Audience::Nobody };
        match (text(&frame, "/channel"), text(&frame, "/data/0/symbol")) {
            (Some("status"), _) => Audience::Everyone,
            (Some(channel), Some(symbol)) => Audience::Streams(vec![format!("{channel}:{symbol}")]),
            _ => Audience::Nobody,
        }
    }

    fn beats(&self) -> Option<Beats> {
        Some(Beats { every: 1.0, asked: false })
    }

    fn beat(&self, _: u64, _: Nanos) -> Vec<String> {
        vec![json!({"channel": "heartbeat"}).to_string()]
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"trade_id\":"]
    }
}
