//! Which hooks hear of a record, and in which words. Pure; called once a record, in order.

use std::collections::BTreeMap;

use super::{HookSettings, Message, Topic};
use crate::breaker::Stance;
use crate::policy::Mode;
use crate::record::{Fact, Record};

/// The routes from facts to hooks.
#[derive(Debug)]
pub struct Router {
    routes: Vec<Route>,
    instance: String,
    stances: BTreeMap<String, Stance>,
}

#[derive(Debug)]
struct Route {
    hook: String,
    on: Vec<Topic>,
    min_stance: Stance,
    shadow: bool,
}

impl Router {
    /// Routes for these hooks; `instance` is the random name of the store.
    pub fn new(hooks: &[HookSettings], instance: &str) -> Self {
        let routes = hooks.iter().filter(|hook| hook.mode != Mode::Off).map(|hook| Route {
            hook: hook.name.clone(),
            on: hook.on.clone(),
            min_stance: hook.min_stance,
            shadow: hook.mode == Mode::Shadow,
        });
        Self { routes: routes.collect(), instance: instance.to_owned(), stances: BTreeMap::new() }
    }

    /// Learns the stances in force before the first record of this life.
    pub fn resume<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        for record in records {
            self.peak(&record.fact);
        }
    }

    /// The messages a record calls for, each with whether it is only a shadow.
    pub fn messages(&mut self, record: &Record) -> Vec<(Message, bool)> {
        let peak = self.peak(&record.fact);
        let Some(topic) = Topic::of(&record.fact) else { return Vec::new() };
        self.routes
            .iter()
            .filter(|route| route.on.contains(&topic) && peak.is_none_or(|peak| peak >= route.min_stance))
            .map(|route| (Message::new(record, &route.hook, &self.instance), route.shadow))
            .collect()
    }

    /// The stricter of the stances before and after this fact; `None` where it carries none.
    fn peak(&mut self, fact: &Fact) -> Option<Stance> {
        let (key, after) = stance(fact)?;
        let before = self.stances.insert(key, after).unwrap_or_default();
        Some(before.max(after))
    }
}

/// What a fact says a stance of, and which. A word nobody knows counts as the strictest: better told than lost.
fn stance(fact: &Fact) -> Option<(String, Stance)> {
    match fact {
        Fact::Breaker { scope, rule, stance, .. } => {
            Some((format!("breaker {scope} {rule}"), Stance::parse(stance).unwrap_or(Stance::Halt)))
        }
        Fact::Permission { market, permission, .. } => Some((format!("market {market}"), permission.stance())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Kind, Secret, http};
    use super::*;
    use crate::breaker::Permission;
    use crate::event::Nanos;

    fn hook(name: &str, mode: Mode, on: Vec<Topic>, min_stance: Stance) -> HookSettings {
        let kind = Kind::Http(http::Settings::new(Secret::new("https://example.com/")));
        HookSettings { mode, on, min_stance, ..HookSettings::new(name, kind) }
    }

    fn permission(seq: u64, stance: Stance) -> Record {
        let (market, rule, incident) = ("kraken:XBTUSD".to_owned(), String::new(), String::new());
        Record {
            seq,
            at: Nanos(0),
            fact: Fact::Permission { market, permission: Permission::of(stance), rule, incident },
        }
    }

    #[test]
    fn whoever_hears_of_a_halt_hears_of_its_end() {
        let on = || vec![Topic::Permission];
        let mut router = Router::new(
            &[
                hook("all", Mode::Armed, on(), Stance::Normal),
                hook("strict", Mode::Armed, on(), Stance::ReduceOnly),
                hook("shadow", Mode::Shadow, on(), Stance::Halt),
                hook("off", Mode::Off, on(), Stance::Normal),
                hook("deaf", Mode::Armed, vec![Topic::Trip], Stance::Normal),
            ],
            "0a",
        );
        router.resume(&[permission(1, Stance::ReduceOnly)]);
        let mut told = Vec::new();
        for (seq, stance) in [(2, Stance::Caution), (3, Stance::Normal), (4, Stance::Halt), (5, Stance::Normal)] {
            for (message, shadow) in router.messages(&permission(seq, stance)) {
                told.push(format!("{} {}{}", stance.name(), message.id, if shadow { " (shadow)" } else { "" }));
            }
        }
        assert_eq!(
            told,
            [
                "Caution msg_0a_2_all",
                "Caution msg_0a_2_strict",
                "Normal msg_0a_3_all",
                "Halt msg_0a_4_all",
                "Halt msg_0a_4_strict",
                "Halt msg_0a_4_shadow (shadow)",
                "Normal msg_0a_5_all",
                "Normal msg_0a_5_strict",
                "Normal msg_0a_5_shadow (shadow)",
            ]
        );
    }

    #[test]
    fn nobody_is_told_of_deliveries() {
        let mut router = Router::new(&[hook("all", Mode::Armed, Topic::ALL.to_vec(), Stance::Normal)], "0a");
        let (message, hook, detail) = ("m".to_owned(), "all".to_owned(), String::new());
        let fact = Fact::Delivered { message, hook, attempt: 1, ok: true, detail };
        assert_eq!(router.messages(&Record { seq: 1, at: Nanos(0), fact }), []);
    }
}
