//! The documented default, held to its word: it parses to the defaults, and explains every key with its true range.

use std::collections::BTreeSet;

use super::notebook::{Asked, Notebook};
use super::vault::Vault;
use super::{Depth, fields, read, table};
use crate::detect::{DetectSettings, SectionVisitor};
use crate::feed::session::SessionSettings;
use crate::live::Settings;
use crate::settings::{Field, Value};

const TEXT: &str = include_str!("../../config.toml");

#[test]
fn the_documented_default_is_the_default() {
    assert_default(TEXT);
}

#[test]
fn an_empty_config_is_the_default() {
    assert_default("");
}

/// By the lines of `Debug`, for the settings as a whole have no equality; a difference prints only itself.
fn assert_default(text: &str) {
    let reading = read(text, "config.toml", Depth::Topology, Vault::Shut);
    assert_eq!(reading.faults.to_string(), "");
    let (got, want) = (format!("{:#?}", reading.settings), format!("{:#?}", Settings::default()));
    let pairs = got.lines().zip(want.lines());
    let differences: Vec<_> = pairs.filter(|(got, want)| got != want).take(10).collect();
    assert!(differences.is_empty(), "(config.toml, default): {differences:#?}");
    assert_eq!(got.lines().count(), want.lines().count());
}

/// What the file must say of detectors and sessions, from their tables. A difference prints the wanted text whole.
#[test]
fn tables_are_explained_as_they_say_themselves() {
    let mut wanted = Explained(Vec::new());
    DetectSettings::default().each(&mut wanted);
    for text in wanted.0.into_iter().chain([explained::<SessionSettings>()]) {
        assert!(TEXT.contains(text.trim_end()), "config.toml should hold:\n\n{text}");
    }
}

struct Explained(Vec<String>);

impl SectionVisitor for Explained {
    fn section<S: crate::settings::Settings>(&mut self, name: &'static str, _: &mut S) {
        self.0.push(format!("[detect.{name}]\n{}", explained::<S>()));
    }
}

fn explained<S: crate::settings::Settings>() -> String {
    let one = |field: &Field| {
        let takes =
            if matches!(field.default, Value::Flag(_)) { String::new() } else { table::range(field).say() + "." };
        let comment = wrapped(&format!("{} {takes}", field.doc));
        format!("{comment}{} = {}\n", field.name, table::say(&field.default))
    };
    S::fields().iter().map(one).collect()
}

/// Comment lines no wider than the file.
fn wrapped(text: &str) -> String {
    let mut lines = vec!["#".to_owned()];
    for word in text.split_whitespace() {
        if lines.last().is_some_and(|line| line.len() + word.len() + 1 > 120) {
            lines.push("#".to_owned());
        }
        lines.last_mut().unwrap().extend([" ", word]);
    }
    lines.join("\n") + "\n"
}

/// The file with its examples switched on.
fn uncommented() -> String {
    let on = |line: &'static str| line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| !" -".contains(c)));
    TEXT.lines().map(|line| on(line).unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn its_examples_work_once_they_are_switched_on() {
    let reading = read(&uncommented(), "config.toml", Depth::Topology, Vault::Shut);
    assert_eq!(reading.faults.to_string(), "");
    let names: Vec<_> = reading.settings.hooks.iter().map(|hook| (hook.name.as_str(), hook.kind.name())).collect();
    assert_eq!(names, [("pager", "http"), ("siren", "exec")]);
    assert!(reading.settings.record.is_some());
    assert!(reading.settings.feeds[0].endpoint.is_some());
}

/// The kind of a key, whatever the name of its rule, hook or feed; plans are explained at rules.
fn plain(key: &str) -> String {
    let parts: Vec<&str> = key.split('.').collect();
    match parts[..] {
        [list @ ("rule" | "hook" | "feed" | "venue"), _, name] => format!("{list}.{name}"),
        ["venue", _, part, name] => format!("venue.{}.{name}", part.split('[').next().unwrap_or(part)),
        [part, name] if part.starts_with("instrument[") => format!("instrument.{name}"),
        ["manual", name] => format!("rule.{name}"),
        ["engine", "warming", name] if name != "stance" => format!("rule.{name}"),
        _ => key.to_owned(),
    }
}

/// The comment above a line.
fn comment(lines: &[&str], line: usize) -> String {
    let above = lines[..line - 1].iter().rev().take_while(|line| line.starts_with("# "));
    let above: Vec<&str> = above.copied().collect();
    above.into_iter().rev().map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_key_is_explained_with_its_range() {
    let text = uncommented();
    let lines: Vec<&str> = text.lines().collect();
    let mut notebook = Notebook::new("config.toml", &text);
    let _ = fields(&text, &mut notebook, Vault::Shut);
    let mut explained = BTreeSet::new();
    let explains = |asked: &Asked| {
        let comment = asked.line.map_or_else(String::new, |line| comment(&lines, line));
        asked.is_there && !comment.is_empty() && (asked.takes == "true or false" || comment.contains(&asked.takes))
    };
    for asked in notebook.asked.iter().filter(|asked| explains(asked)) {
        explained.insert(plain(&asked.key));
    }
    let mentioned = |name: &str| TEXT.contains(&format!("`{name}`"));
    let missing: BTreeSet<String> = notebook
        .asked
        .iter()
        .filter(|asked| !explained.contains(&plain(&asked.key)))
        .filter(|asked| asked.is_there || !mentioned(asked.key.rsplit('.').next().unwrap_or_default()))
        .map(|asked| format!("{} ({})", plain(&asked.key), asked.takes))
        .collect();
    assert_eq!(missing, BTreeSet::new());
    assert!(explained.len() > 90, "{explained:?}");
}
