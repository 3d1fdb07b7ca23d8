//! OKX's side, v5: one answer a stream, `ping` as bare text, a notice before an upgrade of the service.

use serde_json::{Map, Value, json};

use super::{Ask, Audience, Demands, Door, Outcome, Protocol, Request, json_of, text};
use crate::event::Nanos;

/// OKX's public line.
pub(super) struct Okx;

const CONNECTION: &str = "a4d3ae55";

impl Protocol for Okx {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, "/ws/v5/public")
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        if text == "ping" {
            return Ok(Request { id: Value::Null, ask: Ask::Alive, raw: Value::Null });
        }
        let bad = || error("60012", &format!("Invalid request: {text}"), &Value::Null);
        let raw = json_of(text).ok_or_else(bad)?;
        let id = raw.get("id").cloned().unwrap_or(Value::Null);
        let args = raw.get("args").and_then(Value::as_array).ok_or_else(bad)?;
        let streams: Vec<String> = args.iter().map(stream).collect::<Option<_>>().ok_or_else(bad)?;
        let ask = match super::text(&raw, "/op") {
            Some("subscribe") => Ask::Subscribe(streams),
            Some("unsubscribe") => Ask::Unsubscribe(streams),
            _ => return Err(bad()),
        };
        Ok(Request { id, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        if request.ask == Ask::Alive {
            return vec!["pong".to_owned()];
        }
        if let Outcome::NoSuch(stream) = outcome {
            let (channel, key) = stream.split_once(':').unwrap_or((stream, ""));
            let words = format!("Wrong URL or channel:{channel},instId:{key} doesn't exist.");
            return vec![error("60018", &words, &request.id)];
        }
        let args = request.raw.get("args").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let event = text(&request.raw, "/op").unwrap_or_default();
        let one = |arg: &Value| with_id(json!({"event": event, "arg": arg, "connId": CONNECTION}), &request.id);
        args.iter().map(one).collect()
    }

    fn audience(&self, frame: &str) -> Audience {
        let is_data = |frame: &Value| frame.get("data").is_some();
        Audience::of(json_of(frame).filter(is_data).and_then(|frame| stream(frame.get("arg")?)))
    }

    /// Half a minute.
    fn demands(&self) -> Demands {
        Demands { word_within: Some(30.0), ..Demands::default() }
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"tradeId\":\""]
    }

    fn closing(&self, _: Nanos) -> Option<String> {
        let words = "The connection will soon be closed for a service upgrade. Please reconnect.";
        Some(json!({"event": "notice", "code": "64008", "msg": words, "connId": CONNECTION}).to_string())
    }
}

/// `trades:BTC-USDT-SWAP` of an argument; streams of a class are named by the class.
fn stream(arg: &Value) -> Option<String> {
    let key = text(arg, "/instId").or_else(|| text(arg, "/instType"))?;
    Some(format!("{}:{key}", text(arg, "/channel")?))
}

fn error(code: &str, words: &str, id: &Value) -> String {
    with_id(json!({"event": "error", "code": code, "msg": words, "connId": CONNECTION}), id)
}

/// The id stands in an answer only where the request had one.
fn with_id(answer: Value, id: &Value) -> String {
    let mut fields = match answer {
        Value::Object(fields) => fields,
        _ => Map::new(),
    };
    if !id.is_null() {
        fields.insert("id".to_owned(), id.clone());
    }
    Value::Object(fields).to_string()
}
