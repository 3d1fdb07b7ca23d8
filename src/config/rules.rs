//! Sections `[rules]` and `[[rule]]`: which trips ask for which permission where.
//!
//! A config without `[[rule]]` runs the shipped rules. One with `[[rule]]` must say `rules.use_shipped`: a rule meant as
//! an addition would otherwise silently switch all others off.

use std::collections::BTreeSet;

use super::fault::Wrong;
use super::near::nearest;
use super::plan;
use super::section::{Entry, Section};
use super::value::{Range, quoted};
use crate::detect;
use crate::policy::{Across, Mode, Reach, Rule, legs_of, shipped};

/// Most rules: a rule's number must fit its place in records.
const RULES_MAX: usize = 1000;
const COUNT: Range = Range { unit: "", min: 1.0, max: 1000.0 };

/// Reads them all. Their keys go into the notebook, in the same order.
pub(super) fn read(top: &mut Section<'_, '_>) -> Vec<Rule> {
    let entries = top.entries("rule");
    let use_shipped = use_shipped(top, entries.first());
    if entries.len() > RULES_MAX {
        top.wrong("rule", format!("must be at most {RULES_MAX}, got {}", entries.len()));
    }
    let mut names = BTreeSet::new();
    let written: Vec<Keyed> = (1..).zip(entries).map(|(place, entry)| rule(top, entry, place, &mut names)).collect();
    let all = if use_shipped { with_shipped(written) } else { written };
    let (keys, rules) = all.into_iter().unzip();
    top.notebook.rules = keys;
    rules
}

/// A rule and its full key.
type Keyed = (String, Rule);

/// Whether the shipped rules run too; must be said once there are others.
fn use_shipped(top: &mut Section<'_, '_>, first: Option<&Entry<'_>>) -> bool {
    let is_torn = top.notebook.torn;
    let mut section = top.child("rules");
    let is_said = section.holds("use_shipped");
    let use_shipped = section.flag("use_shipped", first.is_none());
    section.finish();
    match first {
        Some((_, line)) if !is_said && !is_torn => {
            let hint = "false = only the rules of this file, true = the shipped ones too".to_owned();
            let wrong = Wrong::new("must be said where there are [[rule]]s").hint(hint);
            top.notebook.fault(*line, "rules.use_shipped", wrong);
        }
        None if !use_shipped && !is_torn => {
            let wrong = Wrong::new("is false and there is no [[rule]]: nothing would ever trip").propose(true);
            top.notebook.fault_at("rules.use_shipped", wrong);
        }
        _ => {}
    }
    use_shipped
}

/// The shipped rules, then the written ones; a written one of the same name takes the place of a shipped one.
fn with_shipped(mut written: Vec<Keyed>) -> Vec<Keyed> {
    let mut rules: Vec<Keyed> = shipped().into_iter().map(|rule| (format!("rule.{}", rule.name), rule)).collect();
    for shipped in &mut rules {
        if let Some(place) = written.iter().position(|(_, own)| own.name == shipped.1.name) {
            *shipped = written.remove(place);
        }
    }
    rules.extend(written);
    rules
}

fn rule(top: &mut Section<'_, '_>, entry: Entry<'_>, place: usize, names: &mut BTreeSet<String>) -> Keyed {
    let mut section = top.entry_named("rule", "name", place, entry, names);
    let default = Rule::default();
    let rule = Rule {
        name: section.name(names, "fast-move"),
        any: any(&mut section),
        need: section.whole("need", COUNT, default.need),
        across: pick(&mut section, "across", &Across::WORDS, default.across),
        venues: section.whole("venues", COUNT, default.venues),
        within_secs: section.number("within_secs", Range { unit: "s", min: 0.001, max: 86_400.0 }, default.within_secs),
        extreme: section.number("extreme", Range { unit: "", min: 0.0, max: 1000.0 }, default.extreme),
        reach: pick(&mut section, "scope", &Reach::WORDS, default.reach),
        plan: plan::read(&mut section, default.plan),
        clear: section.number("clear", Range { unit: "", min: 0.05, max: 0.99 }, default.clear),
        mode: pick(&mut section, "mode", &Mode::WORDS, default.mode),
        severity: section.whole("severity", Range { unit: "", min: 1.0, max: 4.0 }, default.severity),
    };
    if rule.name == "manual" {
        section.wrong("name", "is kept for breakers tripped by hand (section [manual])");
    }
    if rule.extreme > 0.0 && rule.extreme <= 1.0 {
        let problem = format!("must be 0 or above 1, got {}: every trip reaches its limit once", rule.extreme);
        section.wrong("extreme", Wrong::new(problem).propose(3));
    }
    let key = section.key().to_owned();
    section.finish();
    (key, rule)
}

/// One word of a table of words.
fn pick<T: Copy>(section: &mut Section<'_, '_>, name: &'static str, words: &[(&str, T)], default: T) -> T {
    let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let parse = |text: &str| words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    section.word(name, &names, parse).unwrap_or(default)
}

/// The words of `any`, each of which must name a leg.
fn any(section: &mut Section<'_, '_>) -> Vec<String> {
    let is_there = section.holds("any");
    let Some(words) = section.texts("any") else {
        if !is_there {
            section.missing("any", "[\"moves.fall-percent\"]");
        }
        return Vec::new();
    };
    if words.is_empty() {
        section.wrong("any", Wrong::new("must name at least one detector or leg").propose("[\"moves\"]"));
    }
    for word in words.iter().filter(|word| legs_of(word) == 0) {
        let legs = detect::legs();
        let full: Vec<String> = legs.iter().map(|(detector, leg)| format!("{detector}.{}", leg.name)).collect();
        let mut detectors: Vec<&str> = legs.iter().map(|(detector, _)| *detector).collect();
        detectors.dedup();
        let near = nearest(word, detectors.iter().copied().chain(full.iter().map(String::as_str)));
        let hint = near.map(|near| format!("did you mean {}?", quoted(near)));
        let hint = hint.unwrap_or_else(|| format!("detectors: {}", detectors.join(", ")));
        section.wrong("any", Wrong::new(format!("{} names no leg of any detector", quoted(word))).hint(hint));
    }
    words
}
