//! What a breaker allows and how it comes back: keys shared by `[[rule]]`, `[manual]` and `[engine.warming]`.

use super::fault::Wrong;
use super::section::Section;
use super::value::Range;
use crate::breaker::{Permission, Plan, Sides, Stance};

/// Longest hold, probe or window: 30 days.
const LONG: f64 = 2_592_000.0;

const SHARE: Range = Range { unit: "", min: 0.0, max: 1.0 };
const SIDES: [(&str, Sides); 4] =
    [("both", Sides::BOTH), ("buy", Sides::BUY), ("sell", Sides::SELL), ("none", Sides::NONE)];

const fn secs(min: f64, max: f64) -> Range {
    Range { unit: "s", min, max }
}

/// The stance, by any spelling of its word.
pub(super) fn stance(section: &mut Section<'_, '_>, name: &'static str, choices: &[Stance], default: Stance) -> Stance {
    let words: Vec<&str> = choices.iter().map(|stance| stance.name()).collect();
    let parse = |word: &str| Stance::parse(word).filter(|stance| choices.contains(stance));
    section.word(name, &words, parse).unwrap_or(default)
}

/// What is allowed. Prices have no collar here: it is set where a price is known.
pub(super) fn permission(section: &mut Section<'_, '_>, stances: &[Stance], default: Permission) -> Permission {
    let stance = stance(section, "stance", stances, default.stance());
    let names = SIDES.map(|(name, _)| name);
    let sides = section.word("sides", &names, |word| SIDES.iter().find(|(name, _)| *name == word).map(|(_, s)| *s));
    let size_factor = section.number("size_factor", SHARE, default.size_factor());
    let money = Range { unit: "quote currency", min: 0.0, max: 1e15 };
    let max_notional = section.number("max_notional", money, default.max_notional());
    Permission::of(stance)
        .with_sides(sides.unwrap_or(default.sides()))
        .with_size_factor(size_factor)
        .with_max_notional(max_notional)
}

/// Stances a breaker may ask for: one that allows everything would be a breaker that does nothing.
pub(super) const STRICT: [Stance; 3] = [Stance::Caution, Stance::ReduceOnly, Stance::Halt];

/// A whole plan.
pub(super) fn read(section: &mut Section<'_, '_>, default: Plan) -> Plan {
    let plan = Plan {
        permission: permission(section, &STRICT, default.permission),
        hold_secs: section.number("hold_secs", secs(0.0, LONG), default.hold_secs),
        hold_max_secs: section.number("hold_max_secs", secs(0.0, LONG), default.hold_max_secs),
        probe_secs: section.number("probe_secs", secs(0.0, LONG), default.probe_secs),
        ramp: section.numbers("ramp", SHARE, None, default.ramp),
        latch: section.flag("latch", default.latch),
        strikes_max: section.whole("strikes_max", Range { unit: "", min: 0.0, max: 1000.0 }, default.strikes_max),
        strikes_window_secs: section.number("strikes_window_secs", secs(1.0, LONG), default.strikes_window_secs),
        jitter: section.number("jitter", SHARE, default.jitter),
    };
    check(section, &plan);
    plan
}

fn check(section: &mut Section<'_, '_>, plan: &Plan) {
    let (hold, longest) = (plan.hold_secs, plan.hold_max_secs);
    if longest < hold {
        if section.holds("hold_max_secs") {
            let problem = format!("must not be below hold_secs ({hold}), got {longest} s");
            section.wrong("hold_max_secs", Wrong::new(problem).propose(hold));
        } else {
            let problem = format!("must not be above hold_max_secs ({longest}), got {hold} s");
            section.wrong("hold_secs", Wrong::new(problem).hint(format!("try hold_max_secs = {hold}")));
        }
    }
    if !plan.ramp.is_sorted() {
        section.wrong("ramp", "must ascend: size grows on the way back");
    }
}
