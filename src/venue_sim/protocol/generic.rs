//! A venue of a config: its mapping turned round. What we would send is what it understands, what we would take for an answer
//! is what it answers.

use serde_json::{Map, Value, json};

use super::{Ask, Audience, Beats, Door, Outcome, Protocol, Request, json_of};
use crate::event::Nanos;
use crate::feed::venue::generic::{
    Answer, AnyOf, Conditions, Expected, Generic, GenericSettings, Heartbeat, Hole, Known, Pointer, Source, Template,
    What,
};

/// The stream of a venue that is not asked for anything.
const EVERYTHING: &str = "*";
/// The longest list that a pointer of a config makes.
const LIST_MAX: usize = 64;

/// What stands in a request where a hole is; no venue says it.
const ID: u64 = 9_007_199_254_740_881;
const STREAM: &str = "@stream@";
const STREAMS: &str = "@streams@";
const MARKET: &str = "@market@";
const MARKETS: &str = "@markets@";

impl Protocol for Generic {
    fn door(&self, path: &str, query: Option<&str>) -> Option<Door> {
        let query = query.map_or_else(String::new, |query| format!("?{query}"));
        let full = format!("{path}{query}");
        let wanted = self.settings().path.of_market(MARKET);
        let market = between(trimmed(&wanted), trimmed(&full))?;
        let stream = if market.is_empty() { EVERYTHING.to_owned() } else { market };
        let streams = if self.settings().request.is_none() { vec![stream] } else { Vec::new() };
        Some(Door { streams, ..Door::default() })
    }

    fn read(&self, text: &str) -> Result<Request, String> {
        let settings = self.settings();
        let is_reply = |beat: &Heartbeat<Pointer>| beat.reply.as_deref() == Some(text);
        let is_alive = settings.keep_alive.as_ref().is_some_and(|(_, word)| word == text)
            || settings.heartbeats.iter().any(is_reply);
        if is_alive {
            return Ok(Request { id: Value::Null, ask: Ask::Alive, raw: Value::Null });
        }
        let refuse = |id: &Value, words: &str| refusal(settings, id, words).unwrap_or_default();
        let raw = json_of(text).ok_or_else(|| refuse(&Value::Null, "no JSON"))?;
        let mut heard = Heard::default();
        let wanted = settings.request.as_ref().and_then(with_marks);
        if !wanted.is_some_and(|wanted| heard.take(&wanted, &raw)) {
            return Err(refuse(&Value::Null, "no such request"));
        }
        let streams = heard.streams(settings);
        if streams.is_empty() {
            return Err(refuse(&heard.id, "no such stream"));
        }
        Ok(Request { id: heard.id, ask: Ask::Subscribe(streams), raw })
    }

    fn answer(&self, request: &Request, outcome: Outcome, _: Nanos) -> Vec<String> {
        if request.ask == Ask::Alive {
            return Vec::new();
        }
        let answer = match outcome {
            Outcome::NoSuch(stream) => refusal(self.settings(), &request.id, &format!("no such stream: {stream}")),
            Outcome::Done | Outcome::Listed(_) => told(self.settings(), false, &request.id, ""),
        };
        answer.into_iter().collect()
    }

    fn audience(&self, frame: &str) -> Audience {
        if self.is_for_everyone(frame) {
            return Audience::Everyone;
        }
        let settings = self.settings();
        let streams = match settings.request {
            Some(_) => self.streams_of(frame),
            None if settings.path.has_market() => {
                crate::feed::venue::Venue::named_in(self, frame.as_bytes()).into_iter().collect()
            }
            None => vec![EVERYTHING.to_owned()],
        };
        if streams.is_empty() { Audience::Nobody } else { Audience::Streams(streams) }
    }

    /// Five seconds: the config does not say.
    fn beats(&self) -> Option<Beats> {
        (!self.settings().heartbeats.is_empty()).then_some(Beats { every: 5.0, asked: false })
    }

    fn beat(&self, _: u64, _: Nanos) -> Vec<String> {
        let say = |beat: &Heartbeat<Pointer>| match &beat.known {
            Known::Text(text) => text.clone(),
            Known::When(when) => spoken(when).to_string(),
        };
        self.settings().heartbeats.first().map(say).into_iter().collect()
    }
}

/// What stands before ids of trades. Ids in lists have nothing before them, and stay as they are.
pub(super) fn id_marks(venue: &Generic) -> Vec<String> {
    let name = |what: &What<Source>| match what {
        What::Trade { id: Some(id), .. } => id.pointer.steps().last().cloned(),
        _ => None,
    };
    let names = venue.settings().messages.iter().filter_map(|message| name(&message.what));
    names.flat_map(|name| ["", "\"", " ", " \""].map(|space| format!("{}:{space}", json!(name)))).collect()
}

fn trimmed(path: &str) -> &str {
    path.trim_end_matches('/')
}

/// What stands in `text` where the mark of a market stands in `wanted`; nothing where the rest differs.
fn between(wanted: &str, text: &str) -> Option<String> {
    let Some((before, after)) = wanted.split_once(MARKET) else {
        return (wanted == text).then(String::new);
    };
    let market = text.strip_prefix(before)?.strip_suffix(after)?;
    (!market.is_empty()).then(|| market.to_owned())
}

/// A template as JSON with marks in its holes; a hole for one stream may stand between quotes or without.
fn with_marks(template: &Template) -> Option<Value> {
    let filled = |stream: &str| {
        let text = template.fill(|hole| match hole {
            Hole::Id => ID.to_string(),
            Hole::Stream => stream.to_owned(),
            Hole::Streams => format!("\"{STREAMS}\""),
            Hole::Market | Hole::MarketLower => MARKET.to_owned(),
            Hole::Markets => format!("\"{MARKETS}\""),
        });
        json_of(&text)
    };
    filled(STREAM).or_else(|| filled(&format!("\"{STREAM}\"")))
}

/// What a client's request says in the holes of ours.
#[derive(Default)]
struct Heard {
    id: Value,
    streams: Vec<Value>,
    markets: Vec<String>,
}

impl Heard {
    /// Whether `text` is the request, with whatever stands in its holes.
    fn take(&mut self, wanted: &Value, text: &Value) -> bool {
        match (wanted, text) {
            (Value::Number(number), _) if number.as_u64() == Some(ID) => self.named(text),
            (Value::String(mark), _) if *mark == ID.to_string() => self.named(text),
            (Value::String(mark), _) if mark == STREAM => {
                self.streams.push(text.clone());
                true
            }
            (Value::String(wanted), Value::String(text)) => between(wanted, text).is_some_and(|market| {
                self.markets.extend((!market.is_empty()).then_some(market));
                true
            }),
            (Value::Array(wanted), Value::Array(text)) => self.list(wanted, text),
            (Value::Object(wanted), Value::Object(text)) => {
                let both =
                    |(name, wanted): (&String, &Value)| text.get(name).is_some_and(|text| self.take(wanted, text));
                wanted.len() == text.len() && wanted.iter().all(both)
            }
            _ => wanted == text,
        }
    }

    fn named(&mut self, id: &Value) -> bool {
        self.id = id.clone();
        !id.is_array() && !id.is_object()
    }

    fn list(&mut self, wanted: &[Value], text: &[Value]) -> bool {
        match wanted {
            [Value::String(mark)] if mark == STREAMS => self.streams.extend_from_slice(text),
            [Value::String(mark)] if mark == MARKETS => {
                self.markets.extend(text.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            _ => {
                return wanted.len() == text.len()
                    && wanted.iter().zip(text).all(|(wanted, text)| self.take(wanted, text));
            }
        }
        true
    }

    /// The streams by their names; what is no stream of the venue is left out.
    fn streams(&self, settings: &GenericSettings) -> Vec<String> {
        let mut names = Vec::new();
        for message in &settings.messages {
            let Some(stream) = &message.stream else { continue };
            let markets: Vec<String> = if self.streams.is_empty() {
                self.markets.clone()
            } else {
                let asked = self.streams.iter().filter_map(|asked| market_of(stream, asked));
                asked.flat_map(|market| if market.is_empty() { self.all_markets() } else { vec![market] }).collect()
            };
            names.extend(markets.iter().map(|native| settings.stream_name(message, native)));
        }
        names
    }

    /// The markets beside a stream that names none; none of them where it is a stream of all.
    fn all_markets(&self) -> Vec<String> {
        if self.markets.is_empty() { vec![String::new()] } else { self.markets.clone() }
    }
}

/// The market of which a client asks this stream: empty for a stream that names none, nothing where it is another stream.
fn market_of(stream: &Template, asked: &Value) -> Option<String> {
    let mut heard = Heard::default();
    let text = stream.of_market(MARKET);
    let wanted = json_of(&text).unwrap_or(Value::String(text));
    heard.take(&wanted, asked).then(|| heard.markets.pop().unwrap_or_default())
}

/// A refusal of a request, where the config says how it looks.
fn refusal(settings: &GenericSettings, id: &Value, words: &str) -> Option<String> {
    told(settings, true, id, words)
}

fn told(settings: &GenericSettings, refused: bool, id: &Value, words: &str) -> Option<String> {
    let answer: &Answer<Pointer> = settings.answers.iter().find(|answer| answer.refused == refused)?;
    let mut frame = spoken(&answer.when);
    if let Some(at) = &answer.id {
        put(&mut frame, at.steps(), id.clone());
    }
    if let Some(at) = &answer.words {
        put(&mut frame, at.steps(), json!(words));
    }
    Some(frame.to_string())
}

/// The smallest frame in which this stands.
fn spoken(when: &Conditions<Pointer>) -> Value {
    let mut frame = Value::Null;
    for (at, wanted) in &when.0 {
        put(&mut frame, at.steps(), word(wanted));
    }
    frame
}

fn word(wanted: &AnyOf) -> Value {
    match wanted.first() {
        Some(Expected::Text(text) | Expected::Prefix(text)) => json!(text),
        Some(Expected::Whole(whole)) => json!(whole),
        Some(Expected::Flag(flag)) => json!(flag),
        Some(Expected::Anything) | None => json!("yes"),
    }
}

/// Puts a value at the end of a way, making objects and lists as it goes.
fn put(frame: &mut Value, steps: &[String], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *frame = value;
        return;
    };
    let place = step.parse::<usize>().ok().filter(|place| *place < LIST_MAX && !frame.is_object());
    let Some(place) = place else {
        if !frame.is_object() {
            *frame = Value::Object(Map::new());
        }
        if let Value::Object(fields) = frame {
            put(fields.entry(step.clone()).or_insert(Value::Null), rest, value);
        }
        return;
    };
    if !frame.is_array() {
        *frame = json!([]);
    }
    if let Value::Array(list) = frame {
        let longer = list.len().max(place + 1);
        list.resize(longer, Value::Null);
        list.iter_mut().skip(place).take(1).for_each(|slot| put(slot, rest, value.clone()));
    }
}
