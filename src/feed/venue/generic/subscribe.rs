//! What to ask a venue of a config for.

use super::message::{Message, Source};
use super::settings::GenericSettings;
use super::template::{Hole, Template};
use crate::event::{Kind, MarketId};
use crate::feed::venue::{Request, Stream, Subscription};

/// A stream and what a request says of it.
struct Wanted {
    stream: Stream,
    text: String,
    native: String,
}

pub(super) fn subscribe(settings: &GenericSettings, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription> {
    let lines: Vec<&[(MarketId, &str)]> =
        if settings.path.has_market() { markets.chunks(1).collect() } else { vec![markets] };
    let max = settings.limits.streams_max.max(1);
    let of_line = |markets: &[(MarketId, &str)]| {
        let path = settings.path.of_market(markets.first().map_or("", |(_, native)| native));
        let wanted = wanted(settings, markets, kinds);
        wanted.chunks(max).map(|chunk| connection(settings, &path, chunk)).collect::<Vec<_>>()
    };
    lines.into_iter().flat_map(of_line).collect()
}

/// The streams of the kinds asked for, message by message; each once, whatever messages come on it.
fn wanted(settings: &GenericSettings, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Wanted> {
    let mut list: Vec<Wanted> = Vec::new();
    for message in settings.messages.iter().filter(|message| kinds.contains(&message.what.kind())) {
        let markets = if settings.is_of_all(message) { markets.get(..1).unwrap_or_default() } else { markets };
        for (id, native) in markets {
            let one = one(settings, message, *id, native);
            match list.iter_mut().find(|known| known.stream.name == one.stream.name) {
                None => list.push(one),
                // The one that comes by the clock speaks for the stream: its silence means something.
                Some(known) if one.stream.steady && !known.stream.steady => *known = one,
                Some(_) => {}
            }
        }
    }
    if settings.request.as_ref().is_some_and(|request| request.has(Hole::Streams) && request.has_market()) {
        list.sort_by(|one, next| one.native.cmp(&next.native));
    }
    list
}

fn one(settings: &GenericSettings, message: &Message<Source>, id: MarketId, native: &str) -> Wanted {
    let market = (!settings.is_of_all(message)).then_some(id);
    let name = settings.stream_name(message, native);
    let text = message.stream.as_ref().map_or_else(|| name.clone(), |stream| stream.of_market(native));
    let stream = Stream { name, market, kind: message.what.kind(), steady: message.steady };
    Wanted { stream, text, native: native.to_owned() }
}

fn connection(settings: &GenericSettings, path: &str, wanted: &[Wanted]) -> Subscription {
    let answered = settings.answers.iter().any(|answer| !answer.refused);
    let request = |(id, batch): (u64, &[Wanted])| {
        let text = settings.request.as_ref().map(|request| ask(request, id, batch))?;
        Some(Request { id, text, streams: batch.len(), answered })
    };
    let batches = settings.request.as_ref().map_or_else(Vec::new, |request| batches(request, settings, wanted));
    Subscription {
        path: path.to_owned(),
        streams: wanted.iter().map(|wanted| wanted.stream.clone()).collect(),
        requests: (1..).zip(batches).filter_map(request).collect(),
    }
}

/// As many streams in a request as it has room for: lists have as much as the venue allows, and only of one stream where the
/// list is one of markets.
fn batches<'w>(request: &Template, settings: &GenericSettings, wanted: &'w [Wanted]) -> Vec<&'w [Wanted]> {
    let max = settings.limits.batch_max.max(1);
    if request.has(Hole::Streams) && request.has_market() {
        wanted.chunk_by(|one, next| one.native == next.native).flat_map(|same| same.chunks(max)).collect()
    } else if request.has(Hole::Streams) {
        wanted.chunks(max).collect()
    } else if request.has(Hole::Markets) {
        wanted.chunk_by(|one, next| one.text == next.text).flat_map(|same| same.chunks(max)).collect()
    } else if request.has(Hole::Stream) || request.has_market() {
        wanted.chunks(1).collect()
    } else {
        wanted.chunks(wanted.len().max(1)).collect()
    }
}

fn ask(request: &Template, id: u64, batch: &[Wanted]) -> String {
    let first = |what: fn(&Wanted) -> String| batch.first().map(what).unwrap_or_default();
    let list = |what: fn(&Wanted) -> String| batch.iter().map(what).collect::<Vec<_>>().join(",");
    request.fill(|hole| match hole {
        Hole::Id => id.to_string(),
        Hole::Stream => first(|one| one.text.clone()),
        Hole::Streams => list(|one| one.text.clone()),
        Hole::Market => first(|one| one.native.clone()),
        Hole::MarketLower => first(|one| one.native.to_lowercase()),
        // Names of markets hold no quote and no backslash.
        Hole::Markets => list(|one| format!("\"{}\"", one.native)),
    })
}

/// The request as it would be sent for one stream: what a config is checked with.
pub fn example(request: &Template, stream: Option<&Template>, native: &str) -> String {
    let stream_of = stream.map(|stream| stream.of_market(native)).unwrap_or_default();
    let shown = Stream { name: String::new(), market: None, kind: Kind::Trade, steady: false };
    ask(request, 1, &[Wanted { stream: shown, text: stream_of, native: native.to_owned() }])
}
