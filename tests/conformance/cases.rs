//! Reads the fixtures: `fixtures/wire/<venue>/*.jsonl`, see the README there.

use std::fs;
use std::path::Path;

use fusewire::event::Event;
use fusewire::feed::book::Books;
use fusewire::feed::venue::{Decoded, MarketLookup, Refusal, VenueRef, find, read};
use fusewire::market::Markets;
use serde_json::Value;

use crate::RECV_AT;
use crate::own::described;

/// A venue with its cases.
pub(crate) struct Room {
    pub(crate) venue: VenueRef,
    pub(crate) markets: Markets,
    pub(crate) lookup: MarketLookup,
    pub(crate) cases: Vec<Case>,
}

/// One case.
pub(crate) struct Case {
    /// File and line.
    pub(crate) place: String,
    /// Frames that came before it on its connection.
    pub(crate) before: Vec<String>,
    /// The frame as it comes over the wire.
    pub(crate) frame: String,
    pub(crate) value: Value,
}

/// Every folder of fixtures.
pub(crate) fn rooms() -> Vec<Room> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire");
    let mut folders: Vec<_> = fs::read_dir(root).expect("fixtures").map(|entry| entry.expect("entry").path()).collect();
    folders.sort();
    folders.iter().filter(|path| path.is_dir()).map(|path| room(path)).collect()
}

fn room(folder: &Path) -> Room {
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
    let shipped = || find(name).map(VenueRef::Shipped);
    let venue = described(folder).or_else(shipped).unwrap_or_else(|| panic!("{name}: no such venue"));
    let list = fs::read_to_string(folder.join("markets.json")).expect("markets.json");
    let natives: Vec<String> = serde_json::from_str(&list).expect("a list of names");
    let mut markets = Markets::new();
    for native in &natives {
        markets.add(venue.instrument(native).unwrap_or_else(|| panic!("{name}: {native} is no market")));
    }
    let mut files: Vec<_> = fs::read_dir(folder).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    files.sort();
    let cases = files.iter().filter(|file| file.extension().is_some_and(|end| end == "jsonl")).flat_map(|f| cases(f));
    Room { lookup: MarketLookup::new(&*venue, &markets), venue, cases: cases.collect(), markets }
}

fn cases(file: &Path) -> Vec<Case> {
    let text = fs::read_to_string(file).expect("a file of cases");
    let case = |(number, line): (usize, &str)| {
        let place = format!("{}:{}", file.display(), number + 1);
        let value: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{place}: {fault}"));
        let (frame, before) = (raw_frame(line, &value), before(line));
        Case { place, before, frame, value }
    };
    text.lines().enumerate().map(case).collect()
}

/// The frame as it stands in the line, with its own order of keys.
fn raw_frame(line: &str, value: &Value) -> String {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        frame: &'a serde_json::value::RawValue,
    }
    let raw: Raw = serde_json::from_str(line).expect("read before");
    value["frame"].as_str().map_or_else(|| raw.frame.get().to_owned(), str::to_owned)
}

/// The frames before it, as they stand in the line.
fn before(line: &str) -> Vec<String> {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow, default)]
        before: Vec<&'a serde_json::value::RawValue>,
    }
    let raw: Raw = serde_json::from_str(line).expect("read before");
    raw.before.iter().map(|frame| frame.get().to_owned()).collect()
}

impl Room {
    /// Books that the frames before a case have filled.
    pub(crate) fn books(&self, case: &Case) -> Books {
        let mut books = Books::default();
        for frame in &case.before {
            let found = read(&*self.venue, frame.as_bytes(), RECV_AT, &self.lookup, &mut books, &mut Vec::new());
            found.unwrap_or_else(|fault| panic!("{}: {frame}: {fault:?}", case.place));
        }
        books
    }

    /// What a frame means that comes behind those before a case.
    pub(crate) fn decode(&self, case: &Case, frame: &[u8]) -> (Result<Decoded, Refusal>, Vec<Event>) {
        let mut events = Vec::new();
        let found = read(&*self.venue, frame, RECV_AT, &self.lookup, &mut self.books(case), &mut events);
        (found, events)
    }
}

impl Case {
    /// The paths that stand in these lists, with the name of the list.
    pub(crate) fn fields<'a>(&'a self, lists: &'a [&'a str]) -> impl Iterator<Item = (&'a str, String)> {
        lists.iter().flat_map(|list| {
            let paths = self.value.get(*list).and_then(Value::as_array).into_iter().flatten();
            paths.map(|path| (*list, path.as_str().expect("a path").to_owned()))
        })
    }

    /// The frame with `literal` in place of the value of `field`.
    pub(crate) fn spoiled(&self, field: &str, literal: &str) -> String {
        let mut frame: Value = serde_json::from_str(&self.frame).expect("a frame to spoil is JSON");
        let pointer = format!("/{}", field.replace('.', "/"));
        *frame.pointer_mut(&pointer).unwrap_or_else(|| panic!("{}: no field {field}", self.place)) = "@@".into();
        frame.to_string().replace("\"@@\"", literal)
    }
}
