//! Bybit's side, v5: a path for each of its three services, one answer a request, `ping` in its own words.

use serde_json::{Value, json};

use super::{Ask, Audience, Demands, Door, Outcome, Protocol, Request, json_of, text, texts};
use crate::event::Nanos;

/// One of Bybit's three market data services.
pub(super) struct Bybit {
    path: &'static str,
    /// Streams in one request.
    args_max: usize,
}

pub(super) static LINEAR: Bybit = Bybit { path: "/v5/public/linear", args_max: usize::MAX };
pub(super) static INVERSE: Bybit = Bybit { path: "/v5/public/inverse", args_max: usize::MAX };
pub(super) static SPOT: Bybit = Bybit { path: "/v5/public/spot", args_max: 10 };

const CONNECTION: &str = "2324d924-aa4d-45b0-a858-7b8be29ab52b";

impl Protocol for Bybit {
    fn door(&self, path: &str, _: Option<&str>) -> Option<Door> {
        Door::only(path, self.path)
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let raw = json_of(text).ok_or_else(|| answer(false, "Invalid JSON", &Value::Null, ""))?;
        let id = raw.get("req_id").cloned().unwrap_or_else(|| json!(""));
        let op = super::text(&raw, "/op").unwrap_or_default();
        let args = || match texts(&raw, "/args") {
            Some(args) if args.len() > self.args_max => Err(answer(false, "args size >10", &id, op)),
            Some(args) => Ok(args),
            None => Err(answer(false, "Params Error", &id, op)),
        };
        let ask = match op {
            "subscribe" => Ask::Subscribe(args()?),
            "unsubscribe" => Ask::Unsubscribe(args()?),
            "ping" => Ask::Alive,
            _ => return Err(answer(false, "Invalid op", &id, op)),
        };
        Ok(Request { id, ask, raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        let op = text(&request.raw, "/op").unwrap_or_default();
        let words = if request.ask == Ask::Alive { "pong" } else { op };
        vec![match outcome {
            Outcome::NoSuch(stream) => {
                answer(false, &format!("error:handler not found,topic:{stream}"), &request.id, op)
            }
            Outcome::Done | Outcome::Listed(_) => answer(true, words, &request.id, op),
        }]
    }

    fn audience(&self, frame: &str) -> Audience {
        Audience::of(json_of(frame).and_then(|frame| text(&frame, "/topic").map(str::to_owned)))
    }

    /// Ten minutes.
    fn demands(&self) -> Demands {
        Demands { word_within: Some(600.0), ..Demands::default() }
    }
}

fn answer(success: bool, words: &str, id: &Value, op: &str) -> String {
    json!({"success": success, "ret_msg": words, "conn_id": CONNECTION, "req_id": id, "op": op}).to_string()
}
