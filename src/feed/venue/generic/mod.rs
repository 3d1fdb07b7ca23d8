//! Any JSON WebSocket, by a mapping in the config (`[[venue]]`): a desk adds its own venue without Rust.
//!
//! The mapping is data: where things stand, as JSON pointers, and what values mean. Reading is as strict as that of the shipped
//! venues, and so is what comes of it: all or none of a message, the good elements of a list, refusals by reason.

mod condition;
mod message;
mod pointer;
mod settings;
mod subscribe;
mod template;

use std::borrow::Cow;

pub use condition::{AnyOf, Conditions, Expected};
pub use message::{Message, Side, Source, TimeUnit, What};
pub use pointer::Pointer;
pub use settings::{Answer, GenericSettings, Heartbeat, Known};
pub use subscribe::example;
pub use template::{Hole, Template};

use serde_json::value::RawValue;

use self::message::{Place, View};
use self::pointer::{Found, Tree, string};
use super::frame::{self, words};
use super::number::Number;
use super::{Context, Decoded, Limits, Reason, Refusal, Subscription, Venue};
use crate::event::{Completeness, Event, Kind, MarketId};
use crate::feed::instrument;
use crate::market::Market;

/// A venue of a config.
#[derive(Clone, Debug)]
pub struct Generic {
    settings: GenericSettings,
    completeness: Completeness,
    /// Every pointer into a frame.
    tree: Tree,
    groups: Vec<Group>,
    answers: Vec<Answer<usize>>,
    heartbeats: Vec<Heartbeat<usize>>,
    ignored: Vec<Conditions<usize>>,
}

/// Messages that are read from the same elements.
#[derive(Clone, Debug)]
struct Group {
    /// Where the list of elements stands in the frame; the frame is the only one where there is none.
    each: Option<Place>,
    /// Every pointer into an element.
    tree: Tree,
    /// With their places among the messages of the settings.
    messages: Vec<(usize, Message<Place>)>,
}

impl Generic {
    /// The venue that a config describes.
    pub fn new(settings: GenericSettings) -> Self {
        let mut tree = Tree::default();
        let groups = groups(&settings, &mut tree);
        let mut slot = |pointer: &Pointer| tree.slot(pointer);
        let answers = settings.answers.iter().map(|answer| Answer {
            when: answer.when.map(&mut slot),
            id: answer.id.as_ref().map(&mut slot),
            refused: answer.refused,
            words: answer.words.as_ref().map(&mut slot),
        });
        let answers = answers.collect();
        let heartbeats = settings.heartbeats.iter().map(|beat| Heartbeat {
            known: match &beat.known {
                Known::Text(text) => Known::Text(text.clone()),
                Known::When(when) => Known::When(when.map(&mut slot)),
            },
            reply: beat.reply.clone(),
        });
        let heartbeats = heartbeats.collect();
        let ignored = settings.ignored.iter().map(|when| when.map(&mut slot)).collect();
        Self { completeness: settings.completeness(), settings, tree, groups, answers, heartbeats, ignored }
    }

    /// What the config says.
    pub const fn settings(&self) -> &GenericSettings {
        &self.settings
    }

    /// The streams that a frame comes on, by their names in a subscription.
    pub(crate) fn streams_of(&self, frame: &str) -> Vec<String> {
        let mut streams: Vec<String> = Vec::new();
        self.visit(frame, |place, native| {
            let name = self.settings.messages.get(place).map(|message| self.settings.stream_name(message, native));
            streams.extend(name.filter(|name| !streams.contains(name)));
        });
        streams
    }

    /// Whether a frame is for every client: of all markets, or of none that is asked for.
    pub(crate) fn is_for_everyone(&self, frame: &str) -> bool {
        let Ok(whole) = self.tree.walk(frame) else { return false };
        let mut messages = self.groups.iter().flat_map(|group| &group.messages);
        let is_unasked = |place: usize| self.settings.messages.get(place).is_some_and(|m| self.settings.is_unasked(m));
        messages.any(|(place, message)| (message.symbol.is_none() || is_unasked(*place)) && message.is(&whole))
    }

    /// Shows each message of a frame that names a market, by its place in the settings, with that name.
    fn visit(&self, frame: &str, mut see: impl FnMut(usize, &str)) {
        let Ok(whole) = self.tree.walk(frame) else { return };
        for group in &self.groups {
            let mut look = |element: &Found| {
                let view = View { frame: &whole, element };
                for (place, message) in group.messages.iter().filter(|(_, message)| message.is(&whole)) {
                    if message.only.hold(|at| view.at(at))
                        && let Ok(Some(native)) = message.native(view)
                    {
                        see(*place, &native);
                    }
                }
            };
            let Some(each) = &group.each else {
                look(&Found::new());
                continue;
            };
            let list = whole.get(each.slot).copied().flatten().map_or("", RawValue::get);
            let _ = elements(list, &mut Vec::new(), |element, _| {
                look(&group.tree.walk(element)?);
                Ok(())
            });
        }
    }

    /// A frame that is an answer or a sign of life.
    fn talk(&self, whole: &Found) -> Option<Result<Decoded, Refusal>> {
        let at = |slot: &usize| whole.get(*slot).copied().flatten();
        if let Some(answer) = self.answers.iter().find(|answer| answer.when.hold(at)) {
            let id = answer.id.as_ref().and_then(at).filter(|raw| raw.get() != "null");
            let id = id.map(|raw| Number::new(raw).whole()).transpose();
            let result = if answer.refused { Err(said(answer.words.as_ref().and_then(at))) } else { Ok(()) };
            return Some(id.map(|id| Decoded::Answer { id, result }).map_err(Refusal::from));
        }
        let is = |beat: &&Heartbeat<usize>| matches!(&beat.known, Known::When(when) if when.hold(at));
        self.heartbeats.iter().find(is).map(|beat| Ok(beat.decoded()))
    }
}

impl<P> Heartbeat<P> {
    fn decoded(&self) -> Decoded {
        self.reply.as_ref().map_or(Decoded::Heartbeat, |reply| Decoded::Reply(Cow::Owned(reply.clone())))
    }
}

/// The venue's words: a text, or JSON as it stands there.
fn said(raw: Option<&RawValue>) -> String {
    raw.map_or_else(|| "it does not say why".to_owned(), |raw| words(&string(raw).unwrap_or(Cow::Borrowed(raw.get()))))
}

/// Messages by where their elements stand.
fn groups(settings: &GenericSettings, tree: &mut Tree) -> Vec<Group> {
    let mut groups: Vec<(Option<&Pointer>, Group)> = Vec::new();
    for (place, message) in settings.messages.iter().enumerate() {
        let each = message.each.as_ref().map(|each| &each.pointer);
        let at = groups.iter().position(|(known, _)| *known == each).unwrap_or_else(|| {
            groups.push((each, Group { each: None, tree: Tree::default(), messages: Vec::new() }));
            groups.len() - 1
        });
        if let Some((_, group)) = groups.get_mut(at) {
            let elements = &mut group.tree;
            let placed = message.placed(|pointer| tree.slot(pointer), |pointer| elements.slot(pointer));
            group.each = placed.each;
            group.messages.push((place, placed));
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The elements of a list one by one, or the only one where an object stands instead.
fn elements<'a>(
    list: &'a str,
    out: &mut Vec<Event>,
    mut read: impl FnMut(&'a str, &mut Vec<Event>) -> Result<(), Refusal>,
) -> Result<Decoded, Refusal> {
    if list.starts_with('{') { read(list, out).map(|()| Decoded::Data) } else { frame::each(list, out, read) }
}

/// One frame that is being read.
struct Reading<'r, 'a> {
    whole: Found<'a>,
    cx: &'r Context<'r>,
    settings: &'r GenericSettings,
    /// Some message was of the frame.
    is_known: bool,
    /// Something was of a market that was asked for, and something of one that was not.
    is_ours: bool,
    is_elsewhere: bool,
}

impl<'a> Reading<'_, 'a> {
    /// Reads what a group of messages finds in the frame.
    fn group(&mut self, group: &Group, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let active: Vec<_> = group.messages.iter().filter(|(_, message)| message.is(&self.whole)).collect();
        if active.is_empty() {
            return Ok(Decoded::Ignored);
        }
        self.is_known = true;
        let Some(each) = &group.each else {
            self.element(&active, &Found::new(), out)?;
            return Ok(Decoded::Data);
        };
        let list = self.whole.get(each.slot).copied().flatten().ok_or(Reason::MissingField)?;
        elements(list.get(), out, |element, out| {
            if !element.starts_with(['{', '[']) {
                return Err(Reason::WrongType.into());
            }
            self.element(&active, &group.tree.walk(element)?, out)
        })
    }

    /// Reads every message in one element; all or none.
    fn element(
        &mut self,
        active: &[&(usize, Message<Place>)],
        element: &Found<'a>,
        out: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let before = out.len();
        for (place, message) in active {
            if let Err(refusal) = self.message(*place, message, element, out) {
                out.truncate(before);
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn message(
        &mut self,
        place: usize,
        message: &Message<Place>,
        element: &Found<'a>,
        out: &mut Vec<Event>,
    ) -> Result<(), Refusal> {
        let view = View { frame: &self.whole, element };
        if !message.only.hold(|at| view.at(at)) {
            return Ok(());
        }
        let Some(native) = message.native(view)? else {
            self.is_ours = true;
            return of_venue(message, view, self.cx, out);
        };
        let Some(market) = self.cx.markets.find(&native) else {
            let is_of_all = self.settings.messages.get(place).is_some_and(|message| self.settings.is_of_all(message));
            self.is_elsewhere = is_of_all;
            return if is_of_all { Ok(()) } else { Err(Reason::UnknownMarket.into()) };
        };
        self.is_ours = true;
        if message.is_silent(view) {
            return Ok(());
        }
        let (venue_at, body) = message.read(view, self.cx.recv_at).map_err(|reason| reason.at(market))?;
        self.cx.tell(market, venue_at, [body], out);
        Ok(())
    }
}

/// What is said of all markets at once.
fn of_venue(message: &Message<Place>, view: View, cx: &Context, out: &mut Vec<Event>) -> Result<(), Refusal> {
    if !message.is_silent(view) {
        if out.len() >= frame::EVENTS_MAX {
            return Err(Reason::TooLarge.into());
        }
        let (venue_at, body) = message.read(view, cx.recv_at)?;
        cx.markets.iter().for_each(|(market, _)| cx.tell(market, venue_at, [body], out));
    }
    Ok(())
}

impl Venue for Generic {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn checked(&self) -> &'static str {
        "by config"
    }

    fn completeness(&self) -> Completeness {
        self.completeness
    }

    fn base(&self) -> &str {
        &self.settings.base
    }

    fn limits(&self) -> Limits {
        self.settings.limits
    }

    /// By the spelling, which must show asset and quote; what it does not show stands under `[[instrument]]`.
    fn instrument(&self, native: &str) -> Option<Market> {
        let market = instrument::spelled(&self.settings.name, native)?;
        Some(Market { contract: self.settings.contract, ..market })
    }

    fn named_in(&self, frame: &[u8]) -> Option<String> {
        let mut first = None;
        self.visit(frame::text(frame).ok()?, |_, native| {
            first.get_or_insert_with(|| native.to_owned());
        });
        first
    }

    fn trade_ids_contiguous(&self) -> bool {
        self.settings.ids_contiguous
    }

    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
        subscribe::subscribe(&self.settings, markets, kinds)
    }

    fn keep_alive(&self) -> Option<(f64, &str)> {
        self.settings.keep_alive.as_ref().map(|(secs, text)| (*secs, text.as_str()))
    }

    fn ping_every(&self) -> Option<f64> {
        self.settings.ping_secs
    }

    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let text = frame::text(frame)?;
        let is = |beat: &&Heartbeat<usize>| matches!(&beat.known, Known::Text(known) if known == text);
        if let Some(beat) = self.heartbeats.iter().find(is) {
            return Ok(beat.decoded());
        }
        let whole = self.tree.walk(text)?;
        if !text.starts_with(['{', '[']) {
            return Err(Reason::WrongType.into());
        }
        if let Some(talk) = self.talk(&whole) {
            return talk;
        }
        let (is_known, is_ours, is_elsewhere) = (false, false, false);
        let mut reading = Reading { whole, cx, settings: &self.settings, is_known, is_ours, is_elsewhere };
        let (before, mut fault) = (out.len(), None);
        for group in &self.groups {
            match reading.group(group, out) {
                // What the frame says of itself counts whole or not at all.
                Err(refusal) if group.each.is_none() => {
                    out.truncate(before);
                    return Err(refusal);
                }
                Err(refusal) | Ok(Decoded::Partly(refusal)) => fault = fault.or(Some(refusal)),
                Ok(_) => {}
            }
        }
        match fault {
            Some(refusal) if out.len() == before => Err(refusal),
            Some(refusal) => Ok(Decoded::Partly(refusal)),
            None if reading.is_elsewhere && !reading.is_ours => Ok(Decoded::Elsewhere),
            None if reading.is_known => Ok(Decoded::Data),
            None => self.unknown(&reading.whole),
        }
    }
}

impl Generic {
    /// A frame that is no message: ignored where the config knows it.
    fn unknown(&self, whole: &Found) -> Result<Decoded, Refusal> {
        let at = |slot: &usize| whole.get(*slot).copied().flatten();
        let is_known = self.ignored.iter().any(|when| when.hold(at));
        if is_known { Ok(Decoded::Ignored) } else { Err(Reason::UnknownKind.into()) }
    }
}
