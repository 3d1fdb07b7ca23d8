//! The venue's side of Binance's protocol, pure: paths, requests and answers.

use serde_json::{Value, json};

/// Which streams a connection can get, where they are routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Books.
    Public,
    /// All others.
    Market,
}

/// The class of a stream, by its name.
pub(super) fn class_of(stream: &str) -> Class {
    let kind = stream.split_once('@').map_or(stream, |(_, kind)| kind);
    let book = ["bookTicker", "depth", "trade", "!bookTicker"].iter().any(|word| kind.starts_with(word));
    if book { Class::Public } else { Class::Market }
}

/// What a connection's path says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Door {
    /// Where the path routes to; `None` for the un-routed one.
    pub(super) route: Option<Class>,
    /// Whether frames come without their wrapper.
    pub(super) bare: bool,
    /// Streams asked for by the path.
    pub(super) streams: Vec<String>,
}

impl Door {
    /// Reads `/ws`, `/ws/a`, `/stream`, `/stream?streams=a/b`, with `/public` or `/market` before it or not.
    pub(super) fn parse(path: &str, query: Option<&str>) -> Option<Self> {
        let (route, rest) = match (path.strip_prefix("/public"), path.strip_prefix("/market")) {
            (Some(rest), _) => (Some(Class::Public), rest),
            (_, Some(rest)) => (Some(Class::Market), rest),
            _ => (None, path),
        };
        let names = |list: &str| list.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if let Some(list) = rest.strip_prefix("/ws") {
            return Some(Self { route, bare: true, streams: names(list) });
        }
        let query = query.and_then(|query| query.strip_prefix("streams=")).unwrap_or_default();
        (rest == "/stream").then(|| Self { route, bare: false, streams: names(query) })
    }

    /// Whether a stream's frames come through this door of a venue that routes.
    pub(super) fn lets(&self, stream: &str) -> bool {
        class_of(stream) == self.route.unwrap_or(Class::Public)
    }
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ask {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
}

/// Reads a request; the error is the answer to send.
pub(super) fn parse(text: &str) -> Result<(Value, Ask), String> {
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
    .map(|ask| (id.clone(), ask))
}

/// The answer to a request that was carried out.
pub(super) fn done(id: &Value) -> String {
    json!({"result": null, "id": id}).to_string()
}

/// The answer to a question for the subscriptions.
pub(super) fn list(id: &Value, streams: &[String]) -> String {
    json!({"result": streams, "id": id}).to_string()
}

/// The answer to a request that was not carried out.
pub(super) fn error(code: i32, words: &str, id: Option<&Value>) -> String {
    let mut answer = json!({"error": {"code": code, "msg": words}});
    if let (Some(id), Some(fields)) = (id, answer.as_object_mut()) {
        fields.insert("id".to_owned(), id.clone());
    }
    answer.to_string()
}

/// The stream and the data of a combined-stream frame, without reading the JSON inside.
pub(super) fn split(frame: &str) -> Option<(&str, &str)> {
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
            Door::parse(path, query).map(|door| format!("{:?} bare {} {:?}", door.route, door.bare, door.streams))
        };
        assert_eq!(door("/ws", None).as_deref(), Some("None bare true []"));
        assert_eq!(door("/public/ws/a@trade", None).as_deref(), Some("Some(Public) bare true [\"a@trade\"]"));
        assert_eq!(
            door("/market/stream", Some("streams=a/b")).as_deref(),
            Some("Some(Market) bare false [\"a\", \"b\"]")
        );
        assert_eq!(door("/", None), None);
        assert_eq!(door("/api/v3/ping", None), None);
    }

    #[test]
    fn requests_are_read_and_faults_answered_in_the_venues_words() {
        let subscribe = parse(r#"{"method":"SUBSCRIBE","params":["a@trade"],"id":1}"#);
        assert_eq!(subscribe, Ok((json!(1), Ask::Subscribe(vec!["a@trade".to_owned()]))));
        for (text, want) in [
            ("{", r#"{"error":{"code":3,"msg":"Invalid JSON: EOF"#),
            (r#"{"method":"SUBSCRIBE","params":[1],"id":7}"#, r#"{"error":{"code":2,"msg":"Invalid request: params"#),
            (r#"{"id":7}"#, r#"{"error":{"code":2,"msg":"Invalid request: unknown method"},"id":7}"#),
        ] {
            let answer = parse(text).expect_err(text);
            assert!(answer.starts_with(want), "{answer}");
        }
        assert_eq!(split(r#"{"stream":"a@trade","data":{"e":"trade"}}"#), Some(("a@trade", r#"{"e":"trade"}"#)));
        assert_eq!(split(r#"{"lastUpdateId":1}"#), None);
    }
}
