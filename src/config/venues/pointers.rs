//! Keys that are JSON pointers, and tables of what must stand at them.

use toml_edit::{Item, Value};

use crate::config::fault::Wrong;
use crate::config::section::Section;
use crate::config::value::{found, quoted};
use crate::feed::venue::generic::{AnyOf, Conditions, Expected, Pointer, Source};

/// A pointer, if there is one.
pub(super) fn plain(section: &mut Section<'_, '_>, key: &'static str) -> Option<Pointer> {
    let text = section.text(key)?;
    match Pointer::parse(&text) {
        Ok(pointer) => Some(pointer),
        Err(problem) => {
            section.wrong(key, no_pointer(&text, problem));
            None
        }
    }
}

/// A pointer into an element, or with `^` before it into the frame.
pub(super) fn source(section: &mut Section<'_, '_>, key: &'static str) -> Option<Source> {
    let text = section.text(key)?;
    match parse(&text) {
        Ok(source) => Some(source),
        Err(problem) => {
            section.wrong(key, no_pointer(&text, problem));
            None
        }
    }
}

/// A pointer that must be there; one that leads nowhere stands in for it, so that the rest is read.
pub(super) fn needed(section: &mut Section<'_, '_>, key: &'static str, example: &str) -> Source {
    let is_there = section.holds(key);
    let found = source(section, key);
    if !is_there {
        section.missing(key, &quoted(example));
    }
    found.unwrap_or_else(|| Source { pointer: Pointer::default(), in_frame: false })
}

fn parse(text: &str) -> Result<Source, &'static str> {
    let in_frame = text.starts_with('^');
    let pointer = Pointer::parse(text.strip_prefix('^').unwrap_or(text))?;
    Ok(Source { pointer, in_frame })
}

fn no_pointer(text: &str, problem: &str) -> Wrong {
    let meant = text.trim_start_matches(['$', '.', '/']).replace('.', "/");
    let wrong = Wrong::new(format!("is no JSON pointer: it {problem}, got {}", quoted(text)));
    if meant.is_empty() || text.contains('~') { wrong } else { wrong.propose(quoted(&format!("/{meant}"))) }
}

/// A table of what must stand where, as `{ "/type" = "trade" }`: pointers into the frame.
pub(super) fn conditions(section: &mut Section<'_, '_>, key: &'static str, is_needed: bool) -> Conditions<Pointer> {
    let all = read(section, key, Pointer::parse);
    if is_needed && all.0.is_empty() && !section.holds(key) {
        section.missing(key, "{ \"/type\" = \"trade\" }");
    }
    all
}

/// The same with pointers into the element.
pub(super) fn sources(section: &mut Section<'_, '_>, key: &'static str) -> Conditions<Source> {
    read(section, key, parse)
}

fn read<P>(
    section: &mut Section<'_, '_>,
    key: &'static str,
    parse: impl Fn(&str) -> Result<P, &'static str>,
) -> Conditions<P> {
    let mut all = Vec::new();
    for (name, item, line) in section.pairs(key) {
        let full = format!("{}.{key}.{}", section.key(), quoted(&name));
        let pointer = parse(&name).map_err(|problem| no_pointer(&name, problem));
        match pointer.and_then(|pointer| Ok((pointer, any_of(item)?))) {
            Ok(one) => all.push(one),
            Err(wrong) => section.notebook.fault(line, &full, wrong),
        }
    }
    Conditions(all)
}

/// One value or a list of them, as a key.
pub(super) fn values(section: &mut Section<'_, '_>, key: &'static str) -> Option<AnyOf> {
    section.take(key, String::new(), any_of)
}

fn any_of(item: &Item) -> Result<AnyOf, Wrong> {
    let list: Vec<Item> = match item.as_array() {
        Some(list) => list.iter().map(|value| Item::Value(value.clone())).collect(),
        None => vec![item.clone()],
    };
    if list.is_empty() {
        return Err(Wrong::new("must name at least one value"));
    }
    list.iter().map(expected).collect()
}

fn expected(item: &Item) -> Result<Expected, Wrong> {
    match item {
        Item::Value(Value::String(text)) => Ok(Expected::text(text.value())),
        Item::Value(Value::Integer(whole)) => Ok(Expected::Whole(*whole.value())),
        Item::Value(Value::Boolean(flag)) => Ok(Expected::Flag(*flag.value())),
        other => Err(Wrong::new(format!(
            "must be a text (with * at its end for what begins so, \"*\" for anything), a whole number, true or false, got {}",
            found(other)
        ))),
    }
}
