//! Sections `[[instrument]]`: contract sizes and what else the name of a market does not say.

use crate::feed::venue::name::is_asset;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::config::document;
use crate::config::fault::Wrong;
use crate::config::notebook::Notebook;
use crate::config::section::{Entry, Section};
use crate::config::value::{Range, quoted};
use crate::feed::catalog::Catalog;
use crate::feed::instrument::{is_symbol, is_venue};
use crate::feed::session::printable;
use crate::market::{ContractSize, MarketKind, Terms};

const SIZE: Range = Range { unit: "", min: 1e-12, max: 1e12 };
const KINDS: [(&str, MarketKind); 5] = [
    ("spot", MarketKind::Spot),
    ("perp", MarketKind::Perp),
    ("future", MarketKind::Future),
    ("option", MarketKind::Option),
    ("index", MarketKind::Index),
];

/// The largest file of instruments, in bytes.
const FILE_MAX: u64 = 16 << 20;
/// Faults of a file that are told; the rest are like them.
const FAULTS_MAX: usize = 3;

/// Reads the files that are named, then what stands here, which goes before them.
pub(super) fn read(top: &mut Section<'_, '_>, catalog: &mut Catalog) {
    let mut section = top.child("instruments");
    for path in section.texts("files").unwrap_or_default() {
        if let Err(problem) = file(Path::new(&path), catalog) {
            let hint = "`fusewire instruments refresh VENUE` writes such files".to_owned();
            section.wrong("files", Wrong::new(format!("{}: {problem}", quoted(&path))).hint(hint));
        }
    }
    section.finish();
    let (entries, mut told) = (top.entries("instrument"), BTreeSet::new());
    for (place, entry) in (1..).zip(entries) {
        instrument(top, entry, place, ("config", &mut told), catalog);
    }
}

/// Reads a file of instruments; nothing of one that has a fault.
fn file(path: &Path, catalog: &mut Catalog) -> Result<(), String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text));
    read.map_err(|why| format!("cannot be read: {why}"))?;
    if text.len() as u64 > FILE_MAX {
        return Err(format!("must be at most {FILE_MAX} bytes"));
    }
    let mut notebook = Notebook::new(&path.display().to_string(), &text);
    let mut found = catalog.clone();
    if let Some(document) = document::read(&text, &mut notebook) {
        let mut top = Section::top(&mut notebook, document.as_table());
        let taken = top.text("taken").map_or_else(String::new, |taken| format!(", taken {}", printable(&taken)));
        let _ = top.text("source");
        let (entries, mut told) = (top.entries("instrument"), BTreeSet::new());
        let source = format!("{}{taken}", path.display());
        for (place, entry) in (1..).zip(entries) {
            instrument(&mut top, entry, place, (&source, &mut told), &mut found);
        }
        top.finish();
    }
    if notebook.faults.is_empty() {
        *catalog = found;
        return Ok(());
    }
    let faults: Vec<String> = notebook.faults.iter().take(FAULTS_MAX).map(ToString::to_string).collect();
    Err(format!("{} at fault; {}", notebook.faults.len(), faults.join("; ")))
}

fn instrument(
    top: &mut Section<'_, '_>,
    entry: Entry<'_>,
    place: usize,
    (source, told): (&str, &mut BTreeSet<String>),
    catalog: &mut Catalog,
) {
    let mut section = top.entry(entry, format!("instrument[{place}]"));
    let market = market(&mut section);
    let coin = |section: &mut Section<'_, '_>, key| section.text(key).filter(|name| is_coin(section, key, name));
    let terms = Terms {
        asset: coin(&mut section, "asset"),
        quote: coin(&mut section, "quote"),
        kind: section.word("kind", &KINDS.map(|(word, _)| word), |text| {
            KINDS.iter().find(|(word, _)| *word == text).map(|(_, kind)| *kind)
        }),
        contract: contract(&mut section),
        source: Some(source.to_owned()),
    };
    if let Some((venue, native)) = market {
        let name = format!("{venue}:{native}");
        if !told.insert(name.clone()) {
            section.wrong("market", format!("must be another one: {} stands above already", quoted(&name)));
        }
        catalog.add_instrument(&venue, &native, terms);
    }
    section.finish();
}

fn market(section: &mut Section<'_, '_>) -> Option<(String, String)> {
    let is_there = section.holds("market");
    let Some(name) = section.text("market") else {
        if !is_there {
            section.missing("market", "\"okx:BTC-USDT-SWAP\"");
        }
        return None;
    };
    match name.split_once(':') {
        Some((venue, native)) if is_venue(venue) && is_symbol(native) => Some((venue.to_owned(), native.to_owned())),
        _ => {
            let wrong = Wrong::new(format!("must be VENUE:NAME by the venue's own name, got {}", quoted(&name)));
            section.wrong("market", wrong.hint("as in market = \"okx:BTC-USDT-SWAP\"".to_owned()));
            None
        }
    }
}

fn is_coin(section: &mut Section<'_, '_>, key: &str, name: &str) -> bool {
    let is_sound = is_asset(name);
    if !is_sound {
        section.wrong(key, format!("must be 1 to 24 of A-Z and 0-9, got {}", quoted(name)));
    }
    is_sound
}

/// What one unit of quantity is worth: a size, and whether it counts coins or money.
pub(super) fn contract(section: &mut Section<'_, '_>) -> Option<ContractSize> {
    let size = section.number("contract_size", SIZE, 1.0);
    let of = section.word("contract_in", &["base", "quote"], |word| match word {
        "base" => Some(ContractSize::Base(size)),
        "quote" => Some(ContractSize::Quote(size)),
        _ => None,
    });
    if section.holds("contract_size") && !section.holds("contract_in") {
        section.missing("contract_in", "\"base\" for coins, or \"quote\" for money, a contract");
    }
    of
}
