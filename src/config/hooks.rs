//! Sections `[[hook]]`: whom to tell. Secrets may stand in the environment or in files; their values are never printed.

use std::collections::BTreeSet;

use toml_edit::Item;

use super::plan;
use super::section::{Entry, Section};
use super::value::{self, Range};
use super::vault::Vault;
use crate::breaker::Stance;
use crate::hook::{HookSettings, Kind, Secret, Topic, exec, http};
use crate::policy::Mode;

const TIMEOUT: Range = Range { unit: "ms", min: 10.0, max: 600_000.0 };

/// Stands for a URL that is not looked up.
const ELSEWHERE: &str = "https://secret.invalid/";

/// Reads them all.
pub(super) fn read(top: &mut Section<'_, '_>, vault: Vault) -> Vec<HookSettings> {
    let mut names = BTreeSet::new();
    let entries = top.entries("hook");
    (1..).zip(entries).filter_map(|(place, entry)| hook(top, entry, place, vault, &mut names)).collect()
}

fn hook(
    top: &mut Section<'_, '_>,
    entry: Entry<'_>,
    place: usize,
    vault: Vault,
    names: &mut BTreeSet<String>,
) -> Option<HookSettings> {
    let mut section = top.entry_named("hook", "name", place, entry, names);
    let before = section.faults();
    let name = section.name(names, "pager");
    let is_there = section.holds("kind");
    let word = section.word("kind", Kind::NAMES, |word| Kind::NAMES.iter().find(|name| **name == word).copied());
    if !is_there {
        section.missing("kind", "\"http\"");
    }
    let kind = match word {
        Some("http") => Some(Kind::Http(http(&mut section, vault))),
        Some("exec") => Some(Kind::Exec(exec(&mut section, vault))),
        _ => None,
    };
    // Which keys are known hangs on the kind: without one the rest says nothing.
    let kind = kind?;
    let settings = deliver(&mut section, HookSettings::new(&name, kind));
    if section.faults() == before
        && let Err(why) = settings.check()
    {
        let (name, problem) = why.split_once(": ").unwrap_or(("name", &why));
        section.wrong(name, problem);
    }
    section.finish();
    Some(settings)
}

/// What every kind has: when it is told and how often it is tried.
fn deliver(section: &mut Section<'_, '_>, default: HookSettings) -> HookSettings {
    let topics = Topic::ALL.map(Topic::name);
    let mode = section.word("mode", &Mode::WORDS.map(|(word, _)| word), Mode::parse).unwrap_or(default.mode);
    let on = section.words("on", &topics, Topic::parse).unwrap_or(default.on);
    let min_stance = plan::stance(section, "min_stance", &Stance::ALL, default.min_stance);
    let attempts = Range { unit: "", min: 1.0, max: 100.0 };
    let max_attempts = section.whole("max_attempts", attempts, default.max_attempts);
    if min_stance > Stance::Normal && !on.contains(&Topic::Breaker) && !on.contains(&Topic::Permission) {
        let problem = "binds nothing: only \"breaker\" and \"permission\" carry a stance, and `on` names neither";
        section.wrong("min_stance", problem);
    }
    HookSettings { mode, on, min_stance, max_attempts, ..default }
}

fn http(section: &mut Section<'_, '_>, vault: Vault) -> http::Settings {
    let url = url(section, vault).unwrap_or_else(|| Secret::new(ELSEWHERE));
    http::Settings {
        secrets: secrets(section, vault),
        headers: pairs(section, "headers", vault),
        timeout_ms: timeout(section, http::Settings::DEFAULT_TIMEOUT_MS),
        allow_private: section.flag("allow_private", false),
        ..http::Settings::new(url)
    }
}

fn exec(section: &mut Section<'_, '_>, vault: Vault) -> exec::Settings {
    let is_there = section.holds("argv");
    let argv = section.texts("argv").unwrap_or_default();
    if !is_there {
        section.missing("argv", "[\"/usr/local/bin/page\", \"--desk\"]");
    }
    exec::Settings {
        env: pairs(section, "env", vault),
        timeout_ms: timeout(section, exec::Settings::DEFAULT_TIMEOUT_MS),
        ..exec::Settings::new(argv)
    }
}

fn timeout(section: &mut Section<'_, '_>, default: u64) -> u64 {
    let plain: i64 = default.try_into().unwrap_or(10_000);
    section.whole("timeout_ms", TIMEOUT, plain).cast_unsigned()
}

/// The URL, from exactly one of three places.
fn url(section: &mut Section<'_, '_>, vault: Vault) -> Option<Secret> {
    let places = (section.text("url"), section.text("url_env"), section.text("url_file"));
    match places {
        (Some(url), None, None) => Some(Secret::new(url)),
        (None, Some(name), None) => opened(section, "url_env", vault.env(&name)).flatten(),
        (None, None, Some(path)) => {
            let given = file(section, vault, &path);
            opened(section, "url_file", given)?.into_iter().next()
        }
        (None, None, None) => {
            if !["url", "url_env", "url_file"].iter().any(|name| section.holds(name)) {
                section.missing("url", "\"https://example.com/hook\", or url_env, or url_file");
            }
            None
        }
        _ => {
            section.wrong("url", "must come from one place: url, url_env or url_file");
            None
        }
    }
}

/// Signing keys, newest first: those of the file, of the environment, of a file of their own.
fn secrets(section: &mut Section<'_, '_>, vault: Vault) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = section.texts("secrets").unwrap_or_default().into_iter().map(Secret::new).collect();
    for name in section.texts("secrets_env").unwrap_or_default() {
        secrets.extend(opened(section, "secrets_env", vault.env(&name)).flatten());
    }
    for path in section.texts("secrets_file").unwrap_or_default() {
        let given = file(section, vault, &path);
        secrets.extend(opened(section, "secrets_file", given).unwrap_or_default());
    }
    secrets
}

/// Names with values: a text, `{ env = "NAME" }` or `{ file = "PATH" }`.
fn pairs(section: &mut Section<'_, '_>, name: &'static str, vault: Vault) -> Vec<(String, Secret)> {
    let mut pairs = Vec::new();
    for (own, item, line) in section.pairs(name) {
        match secret(section, item, vault) {
            Ok(Some(secret)) => pairs.push((own, secret)),
            Ok(None) => {}
            Err(problem) => {
                let key = format!("{}.{name}.{}", section.key(), value::bare(&own));
                section.notebook.fault(line, &key, problem);
            }
        }
    }
    pairs
}

fn secret(section: &mut Section<'_, '_>, item: &Item, vault: Vault) -> Result<Option<Secret>, String> {
    if let Some(text) = item.as_str() {
        return Ok(Some(Secret::new(text)));
    }
    let said = |name: &str| item.as_table_like()?.get(name)?.as_str();
    let len = item.as_table_like().map_or(0, toml_edit::TableLike::len);
    match (said("env"), said("file")) {
        (Some(name), None) if len == 1 => vault.env(name),
        (None, Some(path)) if len == 1 => file(section, vault, path).map(|secrets| secrets.into_iter().next()),
        _ => Err("must be a text, { env = \"NAME\" } or { file = \"PATH\" }".to_owned()),
    }
}

/// The secrets of a file; a note when everybody can read it.
fn file(section: &mut Section<'_, '_>, vault: Vault, path: &str) -> Result<Vec<Secret>, String> {
    if vault.is_exposed(path) {
        section.notebook.notes.push(format!("{path} holds secrets and everybody can read it (chmod 600)"));
    }
    vault.file(path)
}

/// What the vault gave, or a fault at the key.
fn opened<T>(section: &mut Section<'_, '_>, name: &str, given: Result<T, String>) -> Option<T> {
    given.map_err(|problem| section.wrong(name, problem)).ok()
}
