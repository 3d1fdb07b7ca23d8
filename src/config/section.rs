//! One section of a config. Readers ask it for keys; whatever nobody asked for is a fault at the end.

use std::collections::BTreeSet;
use std::path::PathBuf;

use toml_edit::{Item, TableLike};

use super::document::UNREAD;
use super::fault::Wrong;
use super::near::nearest;
use super::notebook::{Asked, Notebook};
use super::value::{self, Range, quoted};

/// A section, present or not. An absent one gives every default.
pub(super) struct Section<'s, 'd> {
    pub(super) notebook: &'s mut Notebook,
    table: Option<&'d dyn TableLike>,
    key: String,
    line: Option<usize>,
    known: Vec<&'static str>,
}

/// A table of a list of tables, with its line.
pub(super) type Entry<'d> = (&'d dyn TableLike, Option<usize>);

impl<'s, 'd> Section<'s, 'd> {
    /// The whole file.
    pub(super) fn top(notebook: &'s mut Notebook, table: &'d dyn TableLike) -> Self {
        Self { notebook, table: Some(table), key: String::new(), line: None, known: Vec::new() }
    }

    /// The section below this one.
    pub(super) fn child(&mut self, name: &'static str) -> Section<'_, 'd> {
        let (item, line) = (self.item(name), self.line_of(name));
        let table = item.and_then(Item::as_table_like);
        if let (Some(item), None) = (item, table) {
            self.wrong(name, format!("must be a section, got {}", value::kind_of(item)));
        }
        self.known.push(name);
        let key = self.full(name);
        Section { notebook: self.notebook, table, key, line, known: Vec::new() }
    }

    /// One table of a list, under a key that tells it from the others.
    pub(super) fn entry<'e>(&mut self, (table, line): Entry<'e>, key: String) -> Section<'_, 'e> {
        Section { notebook: self.notebook, table: Some(table), key, line, known: Vec::new() }
    }

    /// One table of a list under its own name, where that is sound and new, else under its place: `rule.fast-move`,
    /// `rule[2]`.
    pub(super) fn entry_named<'e>(
        &mut self,
        list: &str,
        by: &str,
        place: usize,
        entry: Entry<'e>,
        names: &BTreeSet<String>,
    ) -> Section<'_, 'e> {
        let name = entry.0.get(by).and_then(Item::as_str).filter(|name| is_name(name) && !names.contains(*name));
        let key = name.map_or_else(|| format!("{list}[{place}]"), |name| format!("{list}.{name}"));
        self.entry(entry, key)
    }

    /// The tables of `[[name]]`; nothing where there is none.
    pub(super) fn entries(&mut self, name: &'static str) -> Vec<Entry<'d>> {
        self.known.push(name);
        let Some(item) = self.item(name) else { return Vec::new() };
        let line = |span: Option<std::ops::Range<usize>>| span.map(|span| self.notebook.line(span.start));
        let list: Option<Vec<Entry<'d>>> = match item {
            Item::ArrayOfTables(list) => {
                Some(list.iter().map(|table| (table as &dyn TableLike, line(table.span()))).collect())
            }
            _ => item.as_array().and_then(|list| {
                let table = |value: &'d toml_edit::Value| {
                    value.as_inline_table().map(|t| (t as &dyn TableLike, line(t.span())))
                };
                list.iter().map(table).collect()
            }),
        };
        if list.is_none() {
            self.wrong(name, format!("must be a list of sections, as in [[{name}]]"));
        }
        list.unwrap_or_default()
    }

    /// Its full key.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether it holds a key.
    pub(super) fn holds(&self, name: &str) -> bool {
        self.item(name).is_some()
    }

    /// How many faults there are so far: a reader compares before and after.
    pub(super) const fn faults(&self) -> usize {
        self.notebook.faults.len()
    }

    /// A number.
    pub(super) fn number(&mut self, name: &'static str, range: Range, default: f64) -> f64 {
        self.take(name, range.say(), |item| value::number(item, range, default)).unwrap_or(default)
    }

    /// A whole number.
    pub(super) fn whole<T: TryFrom<i64> + TryInto<i64> + Copy>(
        &mut self,
        name: &'static str,
        range: Range,
        default: T,
    ) -> T {
        let plain = default.try_into().unwrap_or(0);
        let taken = self.take(name, range.say(), |item| value::whole(item, range, plain));
        taken.and_then(|whole| T::try_from(whole).ok()).unwrap_or(default)
    }

    /// A list of numbers.
    pub(super) fn numbers(
        &mut self,
        name: &'static str,
        range: Range,
        len: Option<usize>,
        default: Vec<f64>,
    ) -> Vec<f64> {
        self.take(name, range.say(), |item| value::numbers(item, range, len, &default)).unwrap_or(default)
    }

    /// A switch.
    pub(super) fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.take(name, "true or false".to_owned(), |item| value::flag(item, default)).unwrap_or(default)
    }

    /// A text, if there is one.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        self.take(name, String::new(), value::text)
    }

    /// The key `name` of an entry: sound, and no other entry's.
    pub(super) fn name(&mut self, names: &mut BTreeSet<String>, example: &str) -> String {
        let is_there = self.holds("name");
        let Some(name) = self.text("name") else {
            if !is_there {
                self.missing("name", &quoted(example));
            }
            return String::new();
        };
        if !is_name(&name) {
            self.wrong("name", format!("must be 1 to 64 of a-z, 0-9, - and _, got {}", quoted(&name)));
        } else if !names.insert(name.clone()) {
            self.wrong("name", format!("must be another one: {} stands above already", quoted(&name)));
        }
        name
    }

    /// A path.
    pub(super) fn path(&mut self, name: &'static str, default: PathBuf) -> PathBuf {
        let plain = quoted(&default.to_string_lossy());
        let taken = self.take(name, String::new(), |item| value::text(item).map_err(|wrong| wrong.propose(plain)));
        taken.map_or(default, PathBuf::from)
    }

    /// A list of texts, if there is one; one text counts as a list.
    pub(super) fn texts(&mut self, name: &'static str) -> Option<Vec<String>> {
        self.take(name, String::new(), |item| match item.as_array() {
            Some(list) => list.iter().map(|value| value::text(&Item::Value(value.clone()))).collect(),
            None => value::text(item).map(|one| vec![one]),
        })
    }

    /// One of several words.
    pub(super) fn word<T>(
        &mut self,
        name: &'static str,
        choices: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.word_of(name, choices.join(", "), choices, parse)
    }

    /// The same, where `takes` says what it may be, and this config adds to that.
    pub(super) fn word_of<T>(
        &mut self,
        name: &'static str,
        takes: String,
        choices: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        self.take(name, takes, |item| {
            let text = item.as_str().ok_or_else(|| no_choice(choices, &value::found(item)))?;
            parse(text).ok_or_else(|| no_word(choices, text))
        })
    }

    /// Several of several words, each once.
    pub(super) fn words<T: PartialEq>(
        &mut self,
        name: &'static str,
        choices: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<Vec<T>> {
        let texts = self.texts(name)?;
        self.takes(name, choices.join(", "));
        let mut list = Vec::new();
        for text in texts {
            match parse(&text) {
                Some(word) if list.contains(&word) => {
                    self.wrong(name, format!("names {} twice", quoted(&text)));
                }
                Some(word) => list.push(word),
                None => self.wrong(name, no_word(choices, &text)),
            }
        }
        Some(list)
    }

    /// The names and values of a section whose keys are the user's own, each with its line.
    pub(super) fn pairs(&mut self, name: &'static str) -> Vec<(String, &'d Item, Option<usize>)> {
        let child = self.child(name);
        let (table, key, line) = (child.table, child.key, child.line);
        let is_there = table.is_some();
        self.notebook.asked.push(Asked { key, line, is_there, takes: String::new() });
        let line = |name: &str| Some(self.notebook.line(table?.key(name)?.span()?.start));
        let pairs = table.into_iter().flat_map(|table| table.iter());
        pairs.map(|(name, item)| (name.to_owned(), item, line(name))).collect()
    }

    /// Says that a key must be there and is not.
    pub(super) fn missing(&mut self, name: &str, example: &str) {
        if !self.notebook.torn {
            self.wrong(name, Wrong::new("is missing").hint(format!("as in {name} = {example}")));
        }
    }

    /// Says that a key is wrong.
    pub(super) fn wrong(&mut self, name: &str, wrong: impl Into<Wrong>) {
        let (line, key) = (self.line_of(name).or(self.line), self.full(name));
        self.notebook.fault(line, &key, wrong);
    }

    /// Every key that nobody asked for is a fault.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        let is_unknown = |name: &str| !self.known.contains(&name) && !name.starts_with(UNREAD);
        for (name, _) in table.iter().filter(|(name, _)| is_unknown(name)) {
            let known = self.known.iter().copied();
            let hint = nearest(name, known.clone())
                .map(|near| format!("did you mean {near}?"))
                .or_else(|| Some(format!("known: {}", known.collect::<Vec<_>>().join(", "))));
            let (line, key) = (self.line_of(name).or(self.line), self.full(name));
            self.notebook.fault(line, &key, Wrong::new("is not known").hint(hint));
        }
    }

    /// A value of a shape of its own; `takes` says what it may be.
    pub(super) fn take<T>(
        &mut self,
        name: &'static str,
        takes: String,
        read: impl FnOnce(&'d Item) -> Result<T, Wrong>,
    ) -> Option<T> {
        let (key, line) = (self.full(name), self.line_of(name).or(self.line));
        self.note(name, key, line, takes);
        match read(self.item(name)?) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.wrong(name, wrong);
                None
            }
        }
    }

    fn note(&mut self, name: &'static str, key: String, line: Option<usize>, takes: String) {
        self.known.push(name);
        let is_there = self.holds(name);
        self.notebook.asked.push(Asked { key, line, is_there, takes });
    }

    fn takes(&mut self, name: &str, takes: String) {
        let key = self.full(name);
        if let Some(asked) = self.notebook.asked.iter_mut().rfind(|asked| asked.key == key) {
            asked.takes = takes;
        }
    }

    fn item(&self, name: &str) -> Option<&'d Item> {
        self.table?.get(name).filter(|item| !item.is_none())
    }

    fn line_of(&self, name: &str) -> Option<usize> {
        let span = self.table?.key(name)?.span()?;
        Some(self.notebook.line(span.start))
    }

    fn full(&self, name: &str) -> String {
        let name = value::bare(name);
        if self.key.is_empty() { name } else { format!("{}.{name}", self.key) }
    }
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    (1..=64).contains(&name.len()) && name.chars().all(fits)
}

fn no_choice(choices: &[&str], found: &str) -> Wrong {
    Wrong::new(format!("must be one of {}, got {found}", choices.join(", ")))
}

fn no_word(choices: &[&str], text: &str) -> Wrong {
    let wrong = no_choice(choices, &quoted(text));
    match nearest(text, choices.iter().copied()) {
        Some(near) => wrong.propose(quoted(near)),
        None => wrong,
    }
}
