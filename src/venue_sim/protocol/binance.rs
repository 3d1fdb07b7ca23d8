//! Binance's side: combined and bare streams, routed by path on USD-M.

use serde_json::{Value, json};

use super::{Ask, Audience, Door, Outcome, Protocol, Request};
use crate::event::Nanos;

/// One of Binance's three market data services.
pub(super) struct Binance {
    /// Whether streams are routed by path: `/public` has books, `/market` the rest, and a connection without either is
    /// shaken hands with and never gets the rest.
    routed: bool,
}

pub(super) static USDM: Binance = Binance { routed: true };
pub(super) static COINM: Binance = Binance { routed: false };
pub(super) static SPOT: Binance = Binance { routed: false };

const PUBLIC: &str = "public";
const MARKET: &str = "market";

impl Protocol for Binance {
    /// Reads `/ws`, `/ws/a`, `/stream`, `/stream?streams=a/b`, with `/public` or `/market` before it or not.
    fn door(&self, path: &str, query: Option<&str>) -> Option<Door> {
        let (route, rest) = match (path.strip_prefix("/public"), path.strip_prefix("/market")) {
            (Some(rest), _) => (Some(PUBLIC), rest),
            (_, Some(rest)) => (Some(MARKET), rest),
            _ => (None, path),
        };
        let names = |list: &str| list.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if let Some(list) = rest.strip_prefix("/ws") {
            return Some(Door { route, bare: true, streams: names(list) });
        }
        let query = query.and_then(|query| query.strip_prefix("streams=")).unwrap_or_default();
        (rest == "/stream").then(|| Door { route, bare: false, streams: names(query) })
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let request: Value =
            serde_json::from_str(text).map_err(|fault| error(3, &format!("Invalid JSON: {fault}"), None))?;
        let id = request.get("id").cloned().unwrap_or(Value::Null);
        let names = || {
            let list = request.get("params").and_then(Value::as_array)?;
            list.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<String>>>()
        };
        let bad = |words: &str| error(2, &format!("Invalid request: {words}"), Some(&id));
        match request.get("method").and_then(Value::as_str) {
            Some("SUBSCRIBE") => names().map(Ask::Subscribe).ok_or_else(|| bad("params must be names of streams")),
            Some("UNSUBSCRIBE") => names().map(Ask::Unsubscribe).ok_or_else(|| bad("params must be names of streams")),
            Some("LIST_SUBSCRIPTIONS") => Ok(Ask::List),
            _ => Err(bad("unknown method")),
        }
        .map(|ask| Request { id: id.clone(), ask, raw: Value::Null })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        let id = &request.id;
        vec![match outcome {
            Outcome::Done => json!({"result": null, "id": id}).to_string(),
            Outcome::Listed(streams) => json!({"result": streams, "id": id}).to_string(),
            Outcome::NoSuch(stream) => error(2, &format!("Invalid request: {stream} is no stream"), Some(id)),
        }]
    }

    fn audience(&self, frame: &str) -> Audience {
        Audience::of(split(frame).map(|(stream, _)| stream.to_owned()))
    }

    fn lets(&self, door: &Door, stream: &str) -> bool {
        !self.routed || class_of(stream) == door.route.unwrap_or(PUBLIC)
    }

    fn bare<'f>(&self, frame: &'f str) -> &'f str {
        split(frame).map_or(frame, |(_, data)| data)
    }

    fn id_marks(&self) -> &'static [&'static str] {
        &["\"a\":", "\"t\":"]
    }

    fn closing(&self, at: Nanos) -> Option<String> {
        Some(json!({"e": "serverShutdown", "E": at.0 / 1_000_000}).to_string())
    }
}

/// The route of a stream, by its name.
fn class_of(stream: &str) -> &'static str {
    let kind = stream.split_once('@').map_or(stream, |(_, kind)| kind);
    let book = ["bookTicker", "depth", "trade", "!bookTicker"].iter().any(|word| kind.starts_with(word));
    if book { PUBLIC } else { MARKET }
}

/// The answer to a request that was not carried out.
fn error(code: i32, words: &str, id: Option<&Value>) -> String {
    let mut answer = json!({"error": {"code": code, "msg": words}});
    if let (Some(id), Some(fields)) = (id, answer.as_object_mut()) {
        fields.insert("id".to_owned(), id.clone());
    }
    answer.to_string()
}

/// The stream and the data of a combined-stream frame, without reading the JSON inside.
fn split(frame: &str) -> Option<(&str, &str)> {
    let (stream, rest) = frame.strip_prefix("{\"stream\":\"")?.split_once('"')?;
    let data = rest.strip_prefix(",\"data\":")?.strip_suffix('}')?;
    Some((stream, data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_route_wrapper_and_streams() {
        let door = |path: &str, query: Option<&str>| {
            USDM.door(path, query).map(|door| format!("{:?} bare {} {:?}", door.route, door.bare, door.streams))
        };
        assert_eq!(door("/ws", None).as_deref(), Some("None bare true []"));
        assert_eq!(door("/public/ws/a@trade", None).as_deref(), Some("Some(\"public\") bare true [\"a@trade\"]"));
        assert_eq!(
            door("/market/stream", Some("streams=a/b")).as_deref(),
            Some("Some(\"market\") bare false [\"a\", \"b\"]")
        );
        assert_eq!(door("/", None), None);
        assert_eq!(door("/api/v3/ping", None), None);
    }

    #[test]
    fn requests_are_read_and_faults_answered_in_the_venues_words() {
        let subscribe = USDM.read(r#"{"method":"SUBSCRIBE","params":["a@trade"],"id":1}"#);
        assert_eq!(
            subscribe,
            Ok(Request { id: json!(1), ask: Ask::Subscribe(vec!["a@trade".to_owned()]), raw: Value::Null })
        );
        for (text, want) in [
            ("{", r#"{"error":{"code":3,"msg":"Invalid JSON: EOF"#),
            (r#"{"method":"SUBSCRIBE","params":[1],"id":7}"#, r#"{"error":{"code":2,"msg":"Invalid request: params"#),
            (r#"{"id":7}"#, r#"{"error":{"code":2,"msg":"Invalid request: unknown method"},"id":7}"#),
        ] {
            let answer = USDM.read(text).expect_err(text);
            assert!(answer.starts_with(want), "{answer}");
        }
        assert_eq!(split(r#"{"stream":"a@trade","data":{"e":"trade"}}"#), Some(("a@trade", r#"{"e":"trade"}"#)));
        assert_eq!(split(r#"{"lastUpdateId":1}"#), None);
    }
}
