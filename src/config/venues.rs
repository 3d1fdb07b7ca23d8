//! Sections `[[venue]]`: venues of the desk's own, each a mapping of what they say. And `[[instrument]]`: what is known of
//! markets beside what their names say.

mod instruments;
mod message;
mod pointers;

use std::collections::BTreeSet;

use super::fault::Wrong;
use super::feeds::address;
use super::section::{Entry, Section};
use super::value::{Range, quoted};
use crate::event::Kind;
use crate::feed::catalog::Catalog;
use crate::feed::instrument::is_venue;
use crate::feed::venue::generic::{
    Answer, Generic, GenericSettings, Heartbeat, Hole, Known, Pointer, Template, example,
};
use crate::feed::venue::{self, FRAME_MAX, Limits};

const SECS: Range = Range { unit: "s", min: 0.1, max: 3600.0 };
const COUNT: Range = Range { unit: "", min: 1.0, max: 10_000.0 };
const RATE: Range = Range { unit: "", min: 0.01, max: 1000.0 };

/// Reads them all.
pub(super) fn read(top: &mut Section<'_, '_>) -> Catalog {
    let mut catalog = Catalog::default();
    let mut names = BTreeSet::new();
    for (place, entry) in (1..).zip(top.entries("venue")) {
        if let Some(venue) = own(top, entry, place, &mut names) {
            catalog.add_venue(Generic::new(venue));
        }
    }
    instruments::read(top, &mut catalog);
    catalog
}

/// One venue; nothing where its name is none, because then nobody can mean it.
fn own(
    top: &mut Section<'_, '_>,
    entry: Entry<'_>,
    place: usize,
    names: &mut BTreeSet<String>,
) -> Option<GenericSettings> {
    let mut section = top.entry_named("venue", "name", place, entry, names);
    let name = name(&mut section, names);
    let (base, path) = url(&mut section);
    let limits = Limits {
        messages_per_sec: section.number("messages_per_sec", RATE, 5.0),
        streams_max: section.whole("streams_max", COUNT, 200),
        batch_max: section.whole("batch_max", COUNT, 50),
    };
    let request = template(&mut section, "request", &ASKS);
    let keep_alive = keep_alive(&mut section);
    let ping_secs = section.holds("ping_secs").then(|| section.number("ping_secs", SECS, 15.0));
    let ids_contiguous = section.flag("ids_contiguous", false);
    let contract = instruments::contract(&mut section).unwrap_or(crate::market::ContractSize::Base(1.0));
    let messages = message::read(&mut section, request.as_ref());
    let answers = answers(&mut section);
    let heartbeats = heartbeats(&mut section);
    let ignored = ignored(&mut section);
    let settings = GenericSettings {
        name: name.clone().unwrap_or_default(),
        base,
        path,
        limits,
        request,
        keep_alive,
        ping_secs,
        ids_contiguous,
        contract,
        messages,
        answers,
        heartbeats,
        ignored,
    };
    check(&mut section, &settings);
    section.finish();
    name.map(|_| settings)
}

/// What a request may be filled with.
const ASKS: [Hole; 6] = [Hole::Id, Hole::Stream, Hole::Streams, Hole::Market, Hole::MarketLower, Hole::Markets];

fn name(section: &mut Section<'_, '_>, names: &mut BTreeSet<String>) -> Option<String> {
    let is_there = section.holds("name");
    let Some(name) = section.text("name") else {
        if !is_there {
            section.missing("name", "\"mydesk\"");
        }
        return None;
    };
    let problem = if !is_venue(&name) {
        format!("must be 1 to 32 of a-z, 0-9 and -, got {}", quoted(&name))
    } else if venue::find(&name).is_some() {
        format!("must be another one: {} is shipped with Fusewire", quoted(&name))
    } else if !names.insert(name.clone()) {
        format!("must be another one: {} stands above already", quoted(&name))
    } else {
        return Some(name);
    };
    section.wrong("name", problem);
    None
}

/// Scheme and host, and what comes behind.
fn url(section: &mut Section<'_, '_>) -> (String, Template) {
    let is_there = section.holds("url");
    let Some(url) = address(section, "url") else {
        if !is_there {
            section.missing("url", "\"wss://md.example.com/stream\"");
        }
        return (String::new(), Template::default());
    };
    let from = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(from..).and_then(|rest| rest.find(['/', '?'])).map_or(url.len(), |at| from + at);
    let (base, path) = url.split_at_checked(end).unwrap_or((&url, ""));
    let path = Template::parse(path, &[Hole::Market, Hole::MarketLower]).unwrap_or_else(|problem| {
        section.wrong("url", problem);
        Template::default()
    });
    (base.to_owned(), path)
}

/// A text with holes of these.
fn template(section: &mut Section<'_, '_>, key: &'static str, known: &[Hole]) -> Option<Template> {
    let text = section.text(key)?;
    match Template::parse(&text, known) {
        Ok(template) => Some(template),
        Err(problem) => {
            section.wrong(key, problem);
            None
        }
    }
}

fn keep_alive(section: &mut Section<'_, '_>) -> Option<(f64, String)> {
    let secs = section.number("keep_alive_secs", SECS, 15.0);
    let text = section.text("keep_alive");
    if text.is_none() && section.holds("keep_alive_secs") {
        section.wrong(
            "keep_alive_secs",
            Wrong::new("says how often, and nothing says what").hint(
                "as in keep_alive = '{\"op\":\"ping\"}', or ping_secs for pings of the WebSocket protocol".to_owned(),
            ),
        );
    }
    text.map(|text| (secs, text))
}

fn answers(section: &mut Section<'_, '_>) -> Vec<Answer<Pointer>> {
    // A refusal says more than an answer, so it is looked for first.
    let mut all = Vec::new();
    for (list, refused) in [("refusal", true), ("answer", false)] {
        for (place, entry) in (1..).zip(section.entries(list)) {
            let key = format!("{}.{list}[{place}]", section.key());
            let mut entry = section.entry(entry, key);
            let when = pointers::conditions(&mut entry, "when", true);
            let id = pointers::plain(&mut entry, "id");
            let words = if refused { pointers::plain(&mut entry, "words") } else { None };
            entry.finish();
            all.push(Answer { when, id, refused, words });
        }
    }
    all
}

fn heartbeats(section: &mut Section<'_, '_>) -> Vec<Heartbeat<Pointer>> {
    let mut all = Vec::new();
    for (place, entry) in (1..).zip(section.entries("heartbeat")) {
        let key = format!("{}.heartbeat[{place}]", section.key());
        let mut entry = section.entry(entry, key);
        let text = entry.text("text");
        let known = match text {
            Some(text) => {
                if entry.holds("when") {
                    entry.wrong("text", "must stand alone: a frame is either this text or JSON with a `when`");
                }
                let _ = pointers::conditions(&mut entry, "when", false);
                Known::Text(text)
            }
            None => Known::When(pointers::conditions(&mut entry, "when", true)),
        };
        let reply = entry.text("reply").filter(|reply| reply.len() <= FRAME_MAX);
        entry.finish();
        all.push(Heartbeat { known, reply });
    }
    all
}

fn ignored(section: &mut Section<'_, '_>) -> Vec<crate::feed::venue::generic::Conditions<Pointer>> {
    let mut all = Vec::new();
    for (place, entry) in (1..).zip(section.entries("ignore")) {
        let key = format!("{}.ignore[{place}]", section.key());
        let mut entry = section.entry(entry, key);
        all.push(pointers::conditions(&mut entry, "when", true));
        entry.finish();
    }
    all
}

/// The parts against each other.
fn check(section: &mut Section<'_, '_>, settings: &GenericSettings) {
    if !section.holds("message") {
        let hint = "each kind of event is one [[venue.message]]; \"trades\" must be among them".to_owned();
        section.wrong("message", Wrong::new("is missing: it says nothing").hint(hint));
    } else if settings.messages.iter().all(|message| message.what.kind() != Kind::Trade)
        && !section.notebook.blames(section.key())
    {
        section.wrong("message", "must map \"trades\": without them no detector sees a price");
    }
    let Some(request) = &settings.request else { return };
    for message in &settings.messages {
        let text = example(request, message.stream.as_ref(), "BTC-USD");
        if let Err(fault) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            let problem = format!("must be JSON once it is filled in, got {}: {fault}", quoted(&text));
            let hint = "a stream stands bare in {streams}: write its quotes in `stream`".to_owned();
            section.wrong("request", Wrong::new(problem).hint(hint));
            return;
        }
    }
}
