//! Sections `[[venue.message]]`: which frames say what, and where in them it stands.

use super::pointers::{conditions, needed, plain, source, sources, values};
use super::template;
use crate::config::fault::Wrong;
use crate::config::section::{Entry, Section};
use crate::config::value::Range;
use crate::event::{Completeness, Kind, PriceMeaning, VenueStatus};
use crate::feed::venue::generic::{AnyOf, Expected, Hole, Message, Side, Source, Template, TimeUnit, What};

const MEANINGS: [(&str, PriceMeaning); 3] =
    [("order", PriceMeaning::Order), ("fill", PriceMeaning::Fill), ("bankruptcy", PriceMeaning::Bankruptcy)];
const SHARES: [(&str, Completeness); 3] =
    [("full", Completeness::Full), ("sampled", Completeness::Sampled), ("partial", Completeness::Partial)];
const SIDES: [(&str, bool); 2] = [("taker", false), ("maker", true)];
/// What a venue says of itself, in the order in which it is looked for.
const STATUSES: [(&str, VenueStatus); 4] = [
    ("online", VenueStatus::Online),
    ("post_only", VenueStatus::PostOnly),
    ("cancel_only", VenueStatus::CancelOnly),
    ("maintenance", VenueStatus::Maintenance),
];
const SCALE: Range = Range { unit: "", min: 1e-9, max: 1e9 };

/// Reads them all.
pub(super) fn read(venue: &mut Section<'_, '_>, request: Option<&Template>) -> Vec<Message<Source>> {
    let entries = venue.entries("message");
    (1..).zip(entries).filter_map(|(place, entry)| message(venue, entry, place, request)).collect()
}

fn message(
    venue: &mut Section<'_, '_>,
    entry: Entry<'_>,
    place: usize,
    request: Option<&Template>,
) -> Option<Message<Source>> {
    let key = format!("{}.message[{place}]", venue.key());
    let mut section = venue.entry(entry, key);
    let kind = kind(&mut section)?;
    let when = conditions(&mut section, "when", true);
    let each = plain(&mut section, "each").map(|pointer| Source { pointer, in_frame: true });
    let message = Message {
        when: crate::feed::venue::generic::Conditions(
            when.0.into_iter().map(|(pointer, wanted)| (Source { pointer, in_frame: true }, wanted)).collect(),
        ),
        only: sources(&mut section, "only"),
        each,
        symbol: symbol(&mut section, kind),
        symbol_prefix: section.text("symbol_prefix").unwrap_or_default(),
        symbol_suffix: section.text("symbol_suffix").unwrap_or_default(),
        time: time(&mut section, kind),
        optional: section.flag("optional", false),
        what: what(&mut section, kind),
        stream: stream(&mut section, kind, request),
        steady: section.flag("steady", false),
    };
    section.finish();
    Some(message)
}

fn kind(section: &mut Section<'_, '_>) -> Option<Kind> {
    let names = Kind::ALL.map(Kind::name);
    let is_there = section.holds("kind");
    let kind = section.word("kind", &names, |word| Kind::ALL.into_iter().find(|kind| kind.name() == word));
    if !is_there {
        section.missing("kind", "\"trades\"");
    }
    kind
}

/// What a venue says of itself may be of all markets; nothing else may.
fn symbol(section: &mut Section<'_, '_>, kind: Kind) -> Option<Source> {
    if kind == Kind::Status && !section.holds("symbol") {
        return source(section, "symbol");
    }
    Some(needed(section, "symbol", "/symbol"))
}

/// Trades and liquidations must say when they were: a repeat is known by it.
fn time(section: &mut Section<'_, '_>, kind: Kind) -> Option<(Source, TimeUnit)> {
    let at = source(section, "time");
    let units = TimeUnit::WORDS.map(|(word, _)| word);
    let unit = word(section, "time_unit", &TimeUnit::WORDS);
    if !section.holds("time") && matches!(kind, Kind::Trade | Kind::Liquidation) {
        section.missing("time", "\"/time\"");
    }
    if section.holds("time") && !section.holds("time_unit") {
        section.missing("time_unit", &format!("\"ms\" (one of {})", units.join(", ")));
    }
    at.zip(unit)
}

/// Some venues say what they are up to without being asked.
fn stream(section: &mut Section<'_, '_>, kind: Kind, request: Option<&Template>) -> Option<Template> {
    let stream = template(section, "stream", &[Hole::Market, Hole::MarketLower]);
    let asks = request.is_some_and(|request| request.has(Hole::Stream) || request.has(Hole::Streams));
    if asks && kind != Kind::Status && !section.holds("stream") {
        let wrong = Wrong::new("is missing: the request asks for streams")
            .hint("as in stream = '\"trades/{market}\"'; the quotes are part of it".to_owned());
        section.wrong("stream", wrong);
    }
    stream
}

fn what(section: &mut Section<'_, '_>, kind: Kind) -> What<Source> {
    match kind {
        Kind::Liquidation => liquidation(section),
        Kind::Quote => What::Quote {
            bid: needed(section, "bid", "/bid"),
            bid_quantity: needed(section, "bid_quantity", "/bid_size"),
            ask: needed(section, "ask", "/ask"),
            ask_quantity: needed(section, "ask_quantity", "/ask_size"),
        },
        Kind::Mark => What::Mark(needed(section, "price", "/mark")),
        Kind::Index => What::Index(needed(section, "price", "/index")),
        Kind::Funding => What::Funding(needed(section, "rate", "/funding"), section.number("scale", SCALE, 1.0)),
        Kind::OpenInterest => What::OpenInterest(needed(section, "quantity", "/open_interest")),
        Kind::Depth => What::Depth {
            bid_quantity: needed(section, "bid_quantity", "/bid_depth"),
            ask_quantity: needed(section, "ask_quantity", "/ask_depth"),
        },
        Kind::MarkIv => What::MarkIv(needed(section, "iv", "/mark_iv"), section.number("scale", SCALE, 1.0)),
        Kind::VolatilityIndex => What::VolatilityIndex(needed(section, "level", "/volatility")),
        Kind::Status => What::Status(needed(section, "status", "/status"), statuses(section)),
        Kind::Trade => What::Trade {
            price: needed(section, "price", "/price"),
            quantity: needed(section, "quantity", "/size"),
            id: source(section, "id"),
            side: side(section),
        },
    }
}

fn side(section: &mut Section<'_, '_>) -> Option<Side<Source>> {
    let at = source(section, "side");
    let (buy, sell) = (values(section, "buy"), values(section, "sell"));
    let is_maker = word(section, "side_of", &SIDES).unwrap_or(false);
    if !section.holds("side") {
        for key in ["buy", "sell", "side_of"] {
            if section.holds(key) {
                section.wrong(
                    key,
                    Wrong::new("says what a side means, and nothing says where it stands")
                        .hint("as in side = \"/side\"".to_owned()),
                );
            }
        }
        return None;
    }
    if !section.holds("side_of") {
        section.missing("side_of", "\"taker\", or \"maker\" where the venue tells the side of the resting order");
    }
    let (buy, sell) = two(section, ("buy", buy), ("sell", sell));
    at.map(|at| Side { at, buy, sell, is_maker })
}

fn liquidation(section: &mut Section<'_, '_>) -> What<Source> {
    let (price, quantity) = (needed(section, "price", "/price"), needed(section, "quantity", "/size"));
    let side = needed(section, "side", "/side");
    let (long, short) = (values(section, "long"), values(section, "short"));
    let (long, short) = two(section, ("long", long), ("short", short));
    let meaning = word(section, "price_is", &MEANINGS);
    let completeness = word(section, "completeness", &SHARES);
    for (key, example) in [("price_is", "\"fill\""), ("completeness", "\"full\"")] {
        if !section.holds(key) {
            section.missing(key, example);
        }
    }
    What::Liquidation {
        price,
        quantity,
        side,
        long,
        short,
        meaning: meaning.unwrap_or(PriceMeaning::Order),
        completeness: completeness.unwrap_or(Completeness::Partial),
    }
}

/// What the words of a venue mean: what is open must be said, and what is not. No value may mean two, but `"*"` alone is what
/// is left.
fn statuses(section: &mut Section<'_, '_>) -> Vec<(VenueStatus, AnyOf)> {
    let mut known: Vec<(&str, VenueStatus, AnyOf)> = Vec::new();
    for (key, status) in STATUSES {
        let Some(values) = values(section, key) else { continue };
        let is_rest = values == [Expected::Anything] && !known.is_empty();
        let shares = |of: &AnyOf| of.iter().any(|one| values.iter().any(|other| !one.excludes(other)));
        if let Some((other, ..)) = known.iter().find(|(_, _, of)| !is_rest && shares(of)) {
            section.wrong(key, format!("must not share a value with {other}"));
        }
        known.push((key, status, values));
    }
    for (key, is_there, example) in [
        ("online", section.holds("online"), "online = \"open\""),
        (
            "maintenance",
            STATUSES.iter().skip(1).any(|(key, _)| section.holds(key)),
            "maintenance = \"*\": whatever else",
        ),
    ] {
        if !is_there {
            let wrong = Wrong::new("is missing: a status must say what is open, and what is not");
            section.wrong(key, wrong.hint(format!("as in {example}")));
        }
    }
    known.into_iter().map(|(_, status, values)| (status, values)).collect()
}

/// Values of two meanings: both must be there, and no value may mean both.
fn two(
    section: &mut Section<'_, '_>,
    (one, of_one): (&'static str, Option<AnyOf>),
    (other, of_other): (&'static str, Option<AnyOf>),
) -> (AnyOf, AnyOf) {
    for key in [one, other] {
        if !section.holds(key) {
            let wrong = Wrong::new("is missing: both meanings must be said").hint(format!("as in {key} = \"B\""));
            section.wrong(key, wrong);
        }
    }
    let (of_one, of_other) = (of_one.unwrap_or_default(), of_other.unwrap_or_default());
    if of_one.iter().any(|one| of_other.iter().any(|other| !one.excludes(other))) {
        section.wrong(other, format!("must not share a value with {one}"));
    }
    (of_one, of_other)
}

fn word<T: Copy>(section: &mut Section<'_, '_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    section.word(key, &names, |text| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value))
}
