//! Whether the parts of a config fit each other: rules and the markets that could satisfy them, feeds, hooks, places.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Depth;
use super::fault::Wrong;
use super::notebook::Notebook;
use crate::engine::CROWD_MAX;
use crate::event::{Completeness, Kind, MarketId};
use crate::live::Settings;
use crate::market::Markets;
use crate::policy::{Across, Mode, Reach, Rule, legs_of, shipped};
use crate::trip::Scope;

/// Checks all of it.
pub(super) fn check(settings: &Settings, notebook: &mut Notebook) {
    places(settings, notebook);
    feeds(settings, notebook);
    rules(settings, notebook);
    crowd(settings, notebook);
    hooks(settings, notebook);
    if !notebook.blames("gate") {
        let gate = &settings.gate;
        let beats = gate.lease_ms / gate.beat_ms.max(1);
        notebook.tick(
            Depth::Topology,
            format!("lease of {} ms outlasts {beats} beats of {} ms", gate.lease_ms, gate.beat_ms),
        );
    }
}

/// The markets of all feeds.
pub(super) fn markets(settings: &Settings) -> Markets {
    let mut markets = Markets::new();
    for feed in &settings.feeds {
        feed.markets.iter().filter_map(|name| settings.catalog.market(&feed.venue, name)).for_each(|market| {
            markets.add(market);
        });
    }
    markets
}

fn feeds(settings: &Settings, notebook: &mut Notebook) {
    for feed in &settings.feeds {
        let Some(venue) = settings.catalog.venue(&feed.venue) else { continue };
        let wants = feed.kinds.contains(&Kind::Liquidation);
        let says = match venue.completeness() {
            Completeness::None if wants => "publishes no liquidations: `cascade` sees nothing there",
            Completeness::Sampled if wants => {
                "publishes at most one liquidation a second and symbol: sums are no totals"
            }
            _ => continue,
        };
        notebook.notes.push(format!("{} {says}", feed.venue));
    }
    let (markets, venues) = (markets(settings), settings.feeds.len());
    if !notebook.blames("feed") {
        let assets = markets.assets().len();
        notebook.tick(
            Depth::Topology,
            format!("{} on {}, {}", count(markets.len(), "market"), count(venues, "feed"), count(assets, "asset")),
        );
    }
}

/// Every rule must be able to fire. A shipped rule that there are too few markets for sleeps, and a note says so.
fn rules(settings: &Settings, notebook: &mut Notebook) {
    let rules: Vec<(String, &Rule)> = notebook.rules.clone().into_iter().zip(&settings.engine.rules).collect();
    if let Some((first, _)) = rules.first()
        && rules.iter().all(|(_, rule)| rule.mode == Mode::Off)
    {
        let wrong =
            Wrong::new("is off, as every other rule is: nothing would ever trip").hint("try \"shadow\"".to_owned());
        notebook.fault_at(&format!("{first}.mode"), wrong);
    }
    if notebook.blames("feed") || notebook.torn {
        return;
    }
    let (markets, shipped) = (markets(settings), shipped());
    let mut awake = 0;
    for (key, rule) in rules.iter().filter(|(_, rule)| rule.mode != Mode::Off) {
        match lacks(rule, &markets) {
            None => awake += 1,
            Some(why) if shipped.contains(rule) => notebook.notes.push(format!("rule {} sleeps: {why}", rule.name)),
            Some(why) => unreachable_rule(key, &why, notebook),
        }
    }
    let armed = rules.iter().filter(|(_, rule)| rule.mode == Mode::Armed).count();
    notebook.tick(Depth::Topology, format!("{}, {armed} armed; {awake} can fire", count(rules.len(), "rule")));
    if armed == 0 && rules.iter().any(|(_, rule)| rule.mode != Mode::Off) {
        notebook.notes.push("no rule is armed: the gate changes by hand only".to_owned());
    }
}

/// A crowd needs markets, and not too many.
fn crowd(settings: &Settings, notebook: &mut Notebook) {
    if notebook.blames("feed") || notebook.torn {
        return;
    }
    let (markets, least) = (markets(settings).len(), settings.engine.detect.crowd.least_markets as usize);
    let listens = |rule: &Rule| rule.any.iter().any(|word| legs_of(word) & legs_of("crowd") != 0);
    if markets > CROWD_MAX {
        notebook.notes.push(format!("`crowd` measures the first {CROWD_MAX} of {}", count(markets, "market")));
    } else if markets < least && settings.engine.rules.iter().any(|rule| rule.mode != Mode::Off && listens(rule)) {
        notebook.notes.push(format!("`crowd` sleeps: it needs {least} markets, and there are {markets}"));
    }
}

/// Blames the key that asks for too much, unless the rule's parts are at fault already.
fn unreachable_rule(rule: &str, why: &str, notebook: &mut Notebook) {
    let parts = ["need", "venues", "across", "scope", "any"].map(|part| format!("{rule}.{part}"));
    if parts.iter().any(|part| notebook.blames(part)) {
        return;
    }
    if let Some(key) = parts.iter().find(|part| notebook.holds(part)) {
        notebook.fault_at(key, format!("can never be reached: {why}"));
    }
}

/// What a rule lacks at the scope where most of it comes together; nothing when it can fire.
fn lacks(rule: &Rule, markets: &Markets) -> Option<String> {
    let fires_alone = rule.extreme > 0.0 && rule.venues <= 1;
    let (need, venues) = (rule.need as usize, rule.venues as usize);
    let scopes = scopes(rule, markets);
    let within = || scopes.iter().map(|scope| reach(rule, *scope, markets));
    if fires_alone || within().any(|(different, on)| different >= need && on >= venues) {
        return None;
    }
    let best = within().max()?;
    let what = word(&Across::WORDS, rule.across).trim_end_matches('s');
    let say = |(different, on): (usize, usize)| match venues {
        0 | 1 => count(different, what),
        _ => format!("{} on {}", count(different, what), count(on, "venue")),
    };
    let scope = match rule.reach {
        Reach::Everything => String::new(),
        reach => format!(" within one {}", word(&Reach::WORDS, reach)),
    };
    Some(format!("needs {}{scope}, and there are at most {}", say((need, venues)), say(best)))
}

fn scopes(rule: &Rule, markets: &Markets) -> BTreeSet<Scope> {
    markets.iter().map(|(id, _)| rule.reach.around(id, markets)).collect()
}

/// How many different ones, and how many venues, could agree inside a scope.
fn reach(rule: &Rule, scope: Scope, markets: &Markets) -> (usize, usize) {
    let inside: Vec<MarketId> = markets.iter().map(|(id, _)| id).filter(|id| scope.holds(*id, markets)).collect();
    let groups = || inside.iter().filter_map(|id| markets.groups(*id));
    let venues = groups().map(|(venue, _)| venue).collect::<BTreeSet<_>>().len();
    let different = match rule.across {
        Across::Detectors => detectors(rule),
        Across::Markets => inside.len(),
        Across::Venues => venues,
        Across::Assets => groups().map(|(_, asset)| asset).collect::<BTreeSet<_>>().len(),
    };
    (different, venues)
}

fn detectors(rule: &Rule) -> usize {
    let detectors = rule.any.iter().filter(|word| legs_of(word) != 0);
    detectors.map(|word| word.split('.').next().unwrap_or(word)).collect::<BTreeSet<_>>().len()
}

fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

fn hooks(settings: &Settings, notebook: &mut Notebook) {
    for hook in &settings.hooks {
        if hook.mode != Mode::Armed {
            notebook.notes.push(format!("hook {} is not armed: it tells nobody", hook.name));
        }
    }
    if settings.hooks.iter().all(|hook| hook.mode != Mode::Armed) {
        notebook.notes.push("no hook is armed: nobody is told of a trip unless they look".to_owned());
    }
    if !notebook.blames("hook") {
        notebook.tick(Depth::Topology, count(settings.hooks.len(), "hook"));
    }
}

/// Places must not lie in each other's way: a store that only its owner enters cannot hold a gate that others map.
fn places(settings: &Settings, notebook: &mut Notebook) {
    let mut places: Vec<(&str, &PathBuf)> = vec![
        ("gate.path", &settings.gate.path),
        ("store.dir", &settings.store.dir),
        ("serve.control", &settings.serve.control),
        ("serve.reports", &settings.serve.reports),
    ];
    places.extend(settings.gate.ack.as_ref().map(|path| ("gate.ack", path)));
    places.extend(settings.record.as_ref().map(|record| ("record.dir", &record.dir)));
    for (at, (key, path)) in places.iter().enumerate() {
        let same = places.iter().take(at).find(|(_, other)| other == path);
        if let Some((other, _)) = same {
            notebook.fault_at(key, format!("must differ from {other}"));
        }
    }
    let is_inside = |path: &Path| path != settings.store.dir && path.starts_with(&settings.store.dir);
    if is_inside(&settings.gate.path) {
        let problem =
            "must not lie inside store.dir: only its owner may enter that, and a trading engine must map the gate";
        notebook.fault_at("gate.path", problem);
    }
    if settings.gate.ack.as_deref().is_some_and(is_inside) {
        let problem =
            "must not lie inside store.dir: only its owner may enter that, and the trading engine writes here";
        notebook.fault_at("gate.ack", problem);
    }
}

/// `1 market`, `2 markets`.
pub(super) fn count(number: usize, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {what}{end}")
}
