//! The laws of the breaker, checked over every state and every cause, before and after.

use super::{Breaker, Cause, Permission, Plan, Sides, Stance, State};
use crate::event::Nanos;

const NOW: Nanos = Nanos::from_secs(1_000_000);

fn permissions() -> Vec<Permission> {
    let mut all = Vec::new();
    for stance in Stance::ALL {
        for sides in [Sides::BOTH, Sides::BUY, Sides::SELL, Sides::NONE] {
            for (factor, max, low, high) in
                [(1.0, f64::INFINITY, 0.0, f64::INFINITY), (0.5, 1e6, 0.9, 1.1), (0.1, 1e5, 1.0, 1.0)]
            {
                all.push(
                    Permission::of(stance)
                        .with_sides(sides)
                        .with_size_factor(factor)
                        .with_max_notional(max)
                        .with_collar(low, high),
                );
            }
        }
    }
    all
}

fn few() -> Vec<Permission> {
    permissions().into_iter().step_by(5).collect()
}

fn plans() -> Vec<Plan> {
    let mut all = Vec::new();
    for latch in [false, true] {
        for strikes_max in [0, 2] {
            for stance in [Stance::Caution, Stance::ReduceOnly, Stance::Halt] {
                for ramp in [vec![], vec![0.1], vec![0.1, 0.5, 1.0]] {
                    all.push(Plan { permission: Permission::of(stance), latch, strikes_max, ramp, ..Plan::default() });
                }
            }
        }
    }
    all
}

fn states() -> Vec<State> {
    let mut all = vec![State::Armed];
    for permission in few() {
        for until in [NOW.plus_secs(-1.0), NOW, NOW.plus_secs(30.0)] {
            all.push(State::Tripped { permission, until });
            for step in 0..4 {
                all.push(State::Probing { tripped: permission, step, until });
            }
        }
        all.push(State::Latched { permission });
    }
    all
}

fn causes() -> Vec<Cause> {
    let mut all = vec![Cause::Rearm];
    for chance in [0.0, 0.999] {
        all.extend([true, false].map(|clear| Cause::Look { clear, chance }));
        all.extend(few().into_iter().map(|permission| Cause::Trip { permission, chance }));
    }
    all
}

/// Calls `law` with every plan, every state before, every cause, and the breaker before and after.
fn for_every_move(law: impl Fn(&Plan, &Breaker, Cause, &Breaker)) {
    for plan in plans() {
        for state in states() {
            for strikes in [0, 1, 2, 40] {
                for cause in causes() {
                    let before = Breaker::resumed(state, strikes, NOW.plus_secs(-10.0), 7);
                    let mut after = before.clone();
                    after.step(&plan, NOW, cause);
                    law(&plan, &before, cause, &after);
                }
            }
        }
    }
}

#[test]
fn a_trip_never_loosens_and_always_gives_what_was_asked() {
    for_every_move(|plan, before, cause, after| {
        if let Cause::Trip { permission, .. } = cause {
            assert!(after.permission(plan).at_least_as_strict_as(&before.permission(plan)), "{before:?} {cause:?}");
            assert!(after.permission(plan).at_least_as_strict_as(&permission), "{before:?} {cause:?}");
        }
    });
}

#[test]
fn a_look_loosens_only_when_clear_and_never_before_its_time() {
    for_every_move(|plan, before, cause, after| {
        if let Cause::Look { clear, .. } = cause {
            let stricter = after.permission(plan).at_least_as_strict_as(&before.permission(plan));
            let due = before.until().is_some_and(|until| NOW >= until);
            assert!(stricter || (clear && due), "{before:?} {cause:?} -> {after:?}");
        }
    });
}

#[test]
fn only_a_person_unlatches() {
    for_every_move(|_, before, cause, after| {
        let latched = |b: &Breaker| matches!(b.state(), State::Latched { .. });
        assert!(!latched(before) || latched(after) || cause == Cause::Rearm, "{before:?} {cause:?}");
    });
}

#[test]
fn a_cause_in_the_probe_brings_the_full_stance_back() {
    for_every_move(|plan, before, cause, after| {
        if let (State::Probing { tripped, .. }, Cause::Look { clear: false, .. }) = (before.state(), cause) {
            assert!(after.permission(plan).at_least_as_strict_as(&tripped));
            assert!(after.strikes() > before.strikes() || before.strikes() == u32::MAX);
        }
    });
}

#[test]
fn the_version_goes_up_with_every_move_but_a_longer_hold() {
    for_every_move(|plan, before, _, after| {
        let same_hold = after.state().name() == "Tripped"
            && before.state().name() == "Tripped"
            && after.permission(plan) == before.permission(plan);
        let moved = after.state() != before.state() && !same_hold;
        assert_eq!(after.version() - before.version(), u64::from(moved));
    });
}

#[test]
fn a_latching_plan_latches_and_too_many_strikes_latch() {
    for_every_move(|plan, before, cause, after| {
        let fresh = matches!(before.state(), State::Armed | State::Probing { .. });
        if let (Cause::Trip { .. }, true) = (cause, fresh) {
            let flaps = plan.strikes_max > 0 && after.strikes() > plan.strikes_max;
            assert_eq!(matches!(after.state(), State::Latched { .. }), plan.latch || flaps);
        }
    });
}

#[test]
fn the_meet_is_a_lattice() {
    let all = permissions();
    for a in &all {
        assert_eq!(a.meet(*a), *a);
        assert_eq!(a.meet(Permission::FREE), *a);
        for b in &all {
            let both = a.meet(*b);
            assert_eq!(both, b.meet(*a));
            assert!(both.at_least_as_strict_as(a) && both.at_least_as_strict_as(b));
            for c in few() {
                assert_eq!(both.meet(c), a.meet(b.meet(c)));
            }
        }
    }
}

#[test]
fn a_hold_doubles_with_strikes_and_the_way_back_is_ramped() {
    let plan = Plan { permission: Permission::of(Stance::Halt), jitter: 0.0, strikes_max: 0, ..Plan::default() };
    let trip = Cause::Trip { permission: plan.permission, chance: 0.0 };
    let calm = Cause::Look { clear: true, chance: 0.0 };
    let mut breaker = Breaker::default();
    let mut story = Vec::new();
    let mut at = NOW;
    breaker.step(&plan, at, trip);
    for _ in 0..2 {
        story.push((breaker.state().name(), breaker.until().map_or(0.0, |until| until.secs_since(at))));
        at = breaker.until().unwrap_or(at);
        breaker.step(&plan, at, calm);
        story.push((breaker.state().name(), breaker.permission(&plan).size_factor()));
        breaker.step(&plan, at, Cause::Look { clear: false, chance: 0.0 });
    }
    for _ in 0..3 {
        at = breaker.until().unwrap_or(at);
        breaker.step(&plan, at, calm);
        story.push((breaker.state().name(), breaker.permission(&plan).size_factor()));
    }
    assert_eq!(
        story,
        [
            ("Tripped", 60.0),
            ("Probing", 0.1),
            ("Tripped", 120.0),
            ("Probing", 0.1),
            ("Probing", 0.1),
            ("Probing", 0.5),
            ("Armed", 1.0)
        ]
    );
    assert!(!breaker.is_spent(&plan, at));
    assert!(breaker.is_spent(&plan, at.plus_secs(7200.0)));
}
