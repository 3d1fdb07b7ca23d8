//! Sections `[[feed]]`: which venues and markets to listen to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::fault::Wrong;
use super::section::{Entry, Section};
use super::table;
use super::value::{Range, quoted};
use super::vault::Vault;
use crate::event::Kind;
use crate::feed::catalog::Catalog;
use crate::feed::instrument::is_symbol;
use crate::feed::session::{Relay, SessionSettings};
use crate::feed::spelling;
use crate::feed::trust::Trust;
use crate::feed::venue::{VENUES, VenueRef};
use crate::gate::NAME_BYTES_MAX;
use crate::live::FeedSettings;

/// Reads them all. A config without any listens to the default ones.
pub(super) fn read(
    top: &mut Section<'_, '_>,
    default: Vec<FeedSettings>,
    catalog: &Catalog,
    vault: Vault,
) -> Vec<FeedSettings> {
    let entries = top.entries("feed");
    if entries.is_empty() {
        if top.holds("feed") && !top.notebook.blames("feed") {
            top.wrong("feed", "must be at least one: there is nothing to watch");
        }
        return default;
    }
    let mut seen = BTreeSet::new();
    (1..).zip(entries).map(|(place, entry)| feed(top, entry, place, (catalog, vault), &mut seen)).collect()
}

fn feed(
    top: &mut Section<'_, '_>,
    entry: Entry<'_>,
    place: usize,
    (catalog, vault): (&Catalog, Vault),
    seen: &mut BTreeSet<String>,
) -> FeedSettings {
    let venue = entry.0.get("venue").and_then(toml_edit::Item::as_str).and_then(|name| catalog.venue(name));
    let mut section = top.entry_named("feed", "venue", place, entry, &BTreeSet::new());
    let default = FeedSettings::new("", &[]);
    let feed = FeedSettings {
        venue: self::venue(&mut section, catalog),
        markets: markets(&mut section, venue.as_ref(), catalog, seen),
        kinds: kinds(&mut section, default.kinds),
        endpoint: endpoint(&mut section),
        endpoints: endpoints(&mut section),
        connections: connections(&mut section),
        ca_file: ca_file(&mut section, vault),
        session: session(&mut section),
    };
    section.finish();
    feed
}

fn venue(section: &mut Section<'_, '_>, catalog: &Catalog) -> String {
    let names = catalog.names();
    let is_there = section.holds("venue");
    let shipped = VENUES.iter().map(|venue| venue.name()).collect::<Vec<_>>().join(", ");
    let venue = section.word_of("venue", shipped, &names, |word| names.contains(&word).then(|| word.to_owned()));
    if !is_there {
        section.missing("venue", "\"binance-usdm\"");
    }
    venue.unwrap_or_default()
}

fn markets(
    section: &mut Section<'_, '_>,
    venue: Option<&VenueRef>,
    catalog: &Catalog,
    seen: &mut BTreeSet<String>,
) -> Vec<String> {
    let is_there = section.holds("markets");
    let names = section.texts("markets").unwrap_or_default();
    if !is_there {
        section.missing("markets", "[\"BTCUSDT\"]");
    } else if names.is_empty() && !section.notebook.blames(&format!("{}.markets", section.key())) {
        section.wrong("markets", "must name at least one market");
    }
    let Some(venue) = venue else { return names };
    let names: Vec<String> = names.into_iter().filter_map(|name| native(section, venue, catalog, name)).collect();
    for name in &names {
        let full = format!("{}:{name}", venue.name());
        if catalog.market(venue.name(), name).is_none() {
            let problem = format!("{} is no market of {}", quoted(name), venue.name());
            section.wrong("markets", Wrong::new(problem).hint(meant(venue, name)));
        } else if full.len() > NAME_BYTES_MAX {
            let problem = format!("{} is longer than the gate's {NAME_BYTES_MAX} bytes", quoted(&full));
            section.wrong("markets", problem);
        } else if !seen.insert(full) {
            section.wrong("markets", format!("{} is listened to already", quoted(name)));
        }
    }
    names
}

/// The venue's own name of a market; what is none stays as it is, and is told where it is looked for. Nothing where it may be
/// several, which is told here.
fn native(section: &mut Section<'_, '_>, venue: &VenueRef, catalog: &Catalog, name: String) -> Option<String> {
    match spelling::native(catalog, venue.name(), &name) {
        Ok(Some(native)) => {
            if native != name {
                section.notebook.notes.push(format!("{} is {native} at {}", quoted(&name), venue.name()));
            }
            Some(native)
        }
        Ok(None) => Some(name),
        Err(choices) => {
            let choices = choices.join(", ");
            let wrong = Wrong::new(format!("{} may be several markets of {}", quoted(&name), venue.name()));
            section.wrong("markets", wrong.hint(format!("say which: {choices}")));
            None
        }
    }
}

/// How the connections are kept: the keys of the session's own table.
fn session(section: &mut Section<'_, '_>) -> SessionSettings {
    let mut settings = SessionSettings::default();
    let before = section.faults();
    table::read(section, &mut settings);
    let (first, longest) = (settings.backoff_first_secs, settings.backoff_max_secs);
    if section.faults() == before && first > longest {
        section.wrong("backoff_first_secs", format!("must not be above backoff_max_secs ({longest}), got {first} s"));
    }
    settings
}

/// What a name that is no market of this venue may have meant.
fn meant(venue: &VenueRef, name: &str) -> Option<String> {
    if matches!(venue, VenueRef::Own(_)) && is_symbol(name) {
        return Some(
            "its name does not tell asset and quote: say both, and kind and contract, under [[instrument]]".to_owned(),
        );
    }
    let plain: String = name.to_uppercase().chars().filter(|c| !matches!(c, '-' | '/' | '_' | ' ')).collect();
    let perp = format!("{}_PERP", plain.strip_suffix("PERP").unwrap_or(&plain));
    let shape = [name.to_uppercase(), perp, plain].into_iter().find(|shape| venue.instrument(shape).is_some());
    let elsewhere = || VENUES.iter().find(|venue| venue.instrument(name).is_some());
    shape.map_or_else(
        || elsewhere().map(|other| format!("{} has such names", other.name())),
        |shape| Some(format!("try {}", quoted(&shape))),
    )
}

/// Kinds of event; prices come from trades, so those must be among them.
fn kinds(section: &mut Section<'_, '_>, default: Vec<Kind>) -> Vec<Kind> {
    let names = Kind::ALL.map(Kind::name);
    let parse = |word: &str| Kind::ALL.into_iter().find(|kind| kind.name() == word);
    let Some(kinds) = section.words("kinds", &names, parse) else { return default };
    if !kinds.contains(&Kind::Trade) && !section.notebook.blames(&format!("{}.kinds", section.key())) {
        let problem = "must hold \"trades\": without them no detector sees a price";
        section.wrong("kinds", problem);
    }
    kinds
}

/// Another address than the venue's own.
fn endpoint(section: &mut Section<'_, '_>) -> Option<String> {
    address(section, "endpoint")
}

/// An address of a WebSocket. Plain `ws` never leaves the machine.
pub(super) fn address(section: &mut Section<'_, '_>, key: &'static str) -> Option<String> {
    let text = section.text(key)?;
    checked_address(section, key, text)
}

/// Several of them, in the order they are tried.
fn endpoints(section: &mut Section<'_, '_>) -> Vec<String> {
    let texts = section.texts("endpoints").unwrap_or_default();
    let mut seen = BTreeSet::new();
    for text in &texts {
        if !seen.insert(text) {
            section.wrong("endpoints", format!("{} is named twice", quoted(text)));
        }
    }
    texts.into_iter().filter_map(|text| checked_address(section, "endpoints", text)).collect()
}

/// How many connections bring the same.
fn connections(section: &mut Section<'_, '_>) -> u32 {
    section.whole("connections", Range { unit: "", min: 1.0, max: f64::from(Relay::CONNECTIONS_MAX) }, 1)
}

fn checked_address(section: &mut Section<'_, '_>, key: &str, text: String) -> Option<String> {
    let uri = text.parse::<ureq::http::Uri>().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // Addresses only: a name, even `localhost`, means what somebody's resolver says.
    let is_loopback = bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let problem = match uri.as_ref().and_then(|uri| uri.scheme_str()) {
        _ if host.is_empty() || text.contains('@') => "must be an address as in wss://host or ws://127.0.0.1:8080",
        Some("wss") => return Some(text),
        Some("ws") if is_loopback => return Some(text),
        Some("ws") => "must be wss off loopback: anyone on the way could invent prices",
        _ => "must begin with wss://, or with ws:// on loopback",
    };
    let hint = (bare == "localhost").then(|| "try 127.0.0.1: a name means what somebody's resolver says".to_owned());
    section.wrong(key, Wrong::new(problem).hint(hint));
    None
}

/// Authorities of the desk's own. Looked into where secrets are: the file lies on the machine that runs the daemon.
fn ca_file(section: &mut Section<'_, '_>, vault: Vault) -> Option<PathBuf> {
    let path = section.text("ca_file").map(PathBuf::from)?;
    if vault == Vault::Open
        && let Err(bad) = Trust::with_file(&path)
    {
        section.wrong("ca_file", format!("{}: {bad}", quoted(&path.to_string_lossy())));
    }
    Some(path)
}
