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
    let is_wanted = |message: &&Message<Source>| kinds.contains(&message.what.kind()) && !settings.is_unasked(message);
    for message in settings.messages.iter().filter(is_wanted) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::venue::Limits;
    use crate::feed::venue::generic::{Answer, AnyOf, Conditions, Expected, Pointer, Source, What};
    use crate::market::ContractSize;

    const MARKETS: [(MarketId, &str); 3] =
        [(MarketId(0), "BTC-USD"), (MarketId(1), "ETH-USD"), (MarketId(2), "DOT-USD")];
    const KINDS: [Kind; 3] = [Kind::Trade, Kind::Mark, Kind::Status];

    fn at(pointer: &str) -> Source {
        Source { pointer: Pointer::parse(pointer).expect("a pointer"), in_frame: true }
    }

    fn text(text: &str) -> Template {
        let holes = [Hole::Id, Hole::Stream, Hole::Streams, Hole::Market, Hole::MarketLower, Hole::Markets];
        Template::parse(text, &holes).expect("a template")
    }

    fn message(what: What<Source>, stream: Option<&str>, steady: bool) -> Message<Source> {
        let only: fn() -> Conditions<Source> = Conditions::default;
        Message {
            when: only(),
            only: only(),
            each: None,
            symbol: Some(at("/s")),
            symbol_prefix: String::new(),
            symbol_suffix: String::new(),
            time: None,
            optional: false,
            what,
            stream: stream.map(text),
            steady,
        }
    }

    fn trades(stream: &str) -> Message<Source> {
        message(What::Trade { price: at("/p"), quantity: at("/q"), id: None, side: None }, Some(stream), false)
    }

    fn marks(stream: &str, steady: bool) -> Message<Source> {
        message(What::Mark(at("/m")), Some(stream), steady)
    }

    fn settings(request: &str, batch_max: usize, messages: Vec<Message<Source>>) -> GenericSettings {
        let when = Conditions(vec![(Pointer::parse("/ok").expect("a pointer"), AnyOf::from([Expected::Anything]))]);
        GenericSettings {
            name: "mydesk".to_owned(),
            base: "wss://a.example".to_owned(),
            path: text("/x"),
            limits: Limits { messages_per_sec: 5.0, streams_max: 4, batch_max },
            request: Some(text(request)),
            keep_alive: None,
            ping_secs: None,
            ids_contiguous: false,
            contract: ContractSize::Base(1.0),
            messages,
            answers: vec![Answer { when, id: None, refused: false, words: None }],
            heartbeats: Vec::new(),
            ignored: Vec::new(),
        }
    }

    /// Every request of every connection, with the number of streams that it asks for.
    fn asked(settings: &GenericSettings) -> Vec<Vec<(String, usize)>> {
        let all = subscribe(settings, &MARKETS, &KINDS);
        let of_line = |line: &Subscription| line.requests.iter().map(|one| (one.text.clone(), one.streams)).collect();
        for line in &all {
            let streams: usize = line.requests.iter().map(|one| one.streams).sum();
            assert_eq!(streams, line.streams.len(), "every stream is asked for once: {line:?}");
            let ids: Vec<u64> = line.requests.iter().map(|one| one.id).collect();
            assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "of one connection");
            assert!(line.streams.len() <= settings.limits.streams_max);
        }
        all.iter().map(of_line).collect()
    }

    /// Its silence means something, whichever message of it stands first in the config.
    #[test]
    fn of_messages_that_share_a_stream_the_steady_one_speaks_for_it() {
        let shared = "\"all/{market}\"";
        for messages in [vec![trades(shared), marks(shared, true)], vec![marks(shared, true), trades(shared)]] {
            let all = subscribe(&settings("{\"on\":[{streams}]}", 10, messages), &MARKETS, &KINDS);
            let told = |stream: &Stream| (stream.name.clone(), stream.kind, stream.steady, stream.market);
            let streams: Vec<_> = all.iter().flat_map(|line| line.streams.iter().map(told)).collect();
            let want = MARKETS.map(|(id, native)| (format!("\"all/{native}\""), Kind::Mark, true, Some(id)));
            assert_eq!(streams, want);
        }
        let messages = vec![trades(shared), marks(shared, false)];
        let all = subscribe(&settings("{\"on\":[{streams}]}", 10, messages.clone()), &MARKETS, &KINDS);
        assert!(all.iter().flat_map(|line| &line.streams).all(|stream| !stream.steady && stream.kind == Kind::Trade));
        let kinds = [Kind::Mark];
        let all = subscribe(&settings("{\"on\":[{streams}]}", 10, messages), &MARKETS, &kinds);
        assert!(all.iter().flat_map(|line| &line.streams).all(|stream| stream.kind == Kind::Mark), "asked for alone");
    }

    #[test]
    fn a_request_has_as_many_streams_as_it_has_room_for() {
        let messages = || vec![trades("\"t/{market}\""), marks("\"m/{market}\"", true)];
        let many = |lines: &[&[(&str, usize)]]| -> Vec<Vec<(String, usize)>> {
            lines.iter().map(|line| line.iter().map(|(text, count)| ((*text).to_owned(), *count)).collect()).collect()
        };
        // Four streams a connection, three in a request.
        let want = many(&[
            &[("[1,\"t/BTC-USD\",\"t/ETH-USD\",\"t/DOT-USD\"]", 3), ("[2,\"m/BTC-USD\"]", 1)],
            &[("[1,\"m/ETH-USD\",\"m/DOT-USD\"]", 2)],
        ]);
        assert_eq!(asked(&settings("[{id},{streams}]", 3, messages())), want);
        // One stream in a request, whatever the venue allows.
        let want = many(&[
            &[("[\"t/BTC-USD\"]", 1), ("[\"t/ETH-USD\"]", 1), ("[\"t/DOT-USD\"]", 1), ("[\"m/BTC-USD\"]", 1)],
            &[("[\"m/ETH-USD\"]", 1), ("[\"m/DOT-USD\"]", 1)],
        ]);
        assert_eq!(asked(&settings("[{stream}]", 3, messages())), want);
        // Markets of one stream.
        let bare = vec![trades("tape"), marks("mark", true)];
        let want = many(&[
            &[("tape[\"BTC-USD\",\"ETH-USD\"]", 2), ("tape[\"DOT-USD\"]", 1), ("mark[\"BTC-USD\"]", 1)],
            &[("mark[\"ETH-USD\",\"DOT-USD\"]", 2)],
        ]);
        assert_eq!(asked(&settings("{stream}[{markets}]", 2, bare.clone())), want);
        // Streams of one market.
        let want = many(&[&[("btc-usd[tape,mark]", 2), ("dot-usd[tape,mark]", 2)], &[("eth-usd[tape,mark]", 2)]]);
        assert_eq!(asked(&settings("{market_lower}[{streams}]", 2, bare)), want);
        // One request for all there is.
        assert_eq!(asked(&settings("go", 1, messages())), many(&[&[("go", 4)], &[("go", 2)]]));
    }

    #[test]
    fn what_comes_unasked_is_not_asked_for_and_what_is_of_all_markets_once() {
        let words = vec![(crate::event::VenueStatus::Online, AnyOf::from([Expected::text("open")]))];
        let status =
            |stream| Message { symbol: None, ..message(What::Status(at("/is"), words.clone()), stream, false) };
        let with = |stream| settings("[{streams}]", 9, vec![trades("\"t/{market}\""), status(stream)]);
        let lines = asked(&with(None));
        assert_eq!(lines, [[("[\"t/BTC-USD\",\"t/ETH-USD\",\"t/DOT-USD\"]".to_owned(), 3)]]);
        let lines = asked(&with(Some("\"house\"")));
        assert_eq!(lines, [[("[\"t/BTC-USD\",\"t/ETH-USD\",\"t/DOT-USD\",\"house\"]".to_owned(), 4)]]);
    }
}
