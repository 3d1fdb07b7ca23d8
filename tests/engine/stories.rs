//! Stories, each named after its misfortune. Seconds count from the beginning of the story.

use expect_test::{Expect, expect};
use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, FeedState, Input, Output};
use fusewire::event::MarketId;
use fusewire::trip::Scope;

use crate::stage::{Disk, Stage, at, quick, trade};

const DOT: Scope = Scope::Market(MarketId(0));

fn rearm(rule: &str, version: u64) -> Action {
    Action::Rearm { scope: DOT, rule: rule.to_owned(), version }
}

/// One warm market at 100; stories begin at second 120.
fn warm() -> Stage {
    Stage::new(quick(), &["a:DOT"]).warm_up(&[(0, 100.0)])
}

fn four_markets() -> Stage {
    let markets = ["a:DOT", "b:DOT", "c:DOT", "a:TRX"];
    Stage::new(quick(), &markets).warm_up(&[(0, 4.0), (1, 4.0), (2, 4.0), (3, 0.3)])
}

fn told(stage: &mut Stage, kinds: &[&str], want: &Expect) {
    want.assert_eq(&stage.transcript(kinds));
}

#[test]
fn a_market_starts_at_halt_and_is_free_when_its_detectors_are_warm() {
    let mut stage = Stage::new(quick(), &["a:DOT"]);
    stage.calm(-600..120, &[(0, 100.0)]);
    told(
        &mut stage,
        &["gate", "permission"],
        &expect![[r#"
         -598.00 permission a:DOT Caution (warming)
         -598.00 gate a:DOT Caution (warming)
         -240.00 permission a:DOT Normal ()
         -240.00 gate a:DOT Normal ()
    "#]],
    );
}

#[test]
fn a_hold_ends_only_after_the_store_has_the_record() {
    let mut stage = warm();
    stage.slide(120..130, 0, 100.0, 87.0);
    assert_eq!(stage.stance(0), Stance::Halt);
    stage.disk = Disk::Waits;
    stage.transcript(&[]);
    stage.calm(130..540, &[(0, 87.0)]);
    told(
        &mut stage,
        &["gate", "permission"],
        &expect![[r#"
          434.50 gate a:DOT Halt x0.1 (fast-move)
          434.50 permission a:DOT ReduceOnly x0.1 (fast-move)
          464.50 permission a:DOT ReduceOnly x0.5 (fast-move)
    "#]],
    );
    assert_eq!(stage.stance(0), Stance::Halt, "the disk has not answered");
    stage.stored();
    told(
        &mut stage,
        &["gate"],
        &expect![[r#"
          539.00 gate a:DOT ReduceOnly x0.5 (fast-move)
    "#]],
    );
}

#[test]
fn a_tightening_never_waits_for_the_store() {
    let mut stage = warm();
    stage.disk = Disk::Waits;
    stage.slide(120..130, 0, 100.0, 87.0);
    told(
        &mut stage,
        &["gate"],
        &expect![[r#"
          120.00 gate a:DOT Caution x0.5 (early-warning)
          120.00 gate a:DOT ReduceOnly x0.5 (confirmed-stress)
          127.00 gate a:DOT Halt x0.5 (velocity)
    "#]],
    );
}

#[test]
fn a_new_trip_cancels_a_loosening_that_waits_for_the_store() {
    let mut stage = warm();
    stage.slide(120..130, 0, 100.0, 87.0);
    stage.disk = Disk::Waits;
    stage.calm(130..540, &[(0, 87.0)]);
    stage.slide(540..550, 0, 87.0, 75.0);
    stage.stored();
    assert_eq!(stage.stance(0), Stance::Halt);
}

#[test]
fn gate_before_record_in_every_batch() {
    let mut stage = warm();
    stage.slide(120..150, 0, 100.0, 70.0);
    stage.ask(150.0, "I do not like it", Action::Trip { scope: DOT, permission: Permission::HALT }).unwrap();
    stage.calm(151..900, &[(0, 70.0)]);
    let rank = |output: &Output| match output {
        Output::Gate(_) => 0,
        Output::Beat { .. } => 1,
        Output::Record(_) => 2,
        Output::Answer { .. } => 3,
    };
    for (input, batch) in &stage.batches {
        assert!(batch.is_sorted_by_key(rank), "{input:?} -> {batch:#?}");
    }
    let both = |batch: &[Output]| batch.iter().any(|o| rank(o) == 0) && batch.iter().any(|o| rank(o) == 2);
    assert!(stage.batches.iter().any(|(_, batch)| both(batch)), "some batch has both");
}

#[test]
fn the_lease_is_renewed_behind_the_gate() {
    let mut stage = warm();
    stage.handle(Input::Probe { seq: 1, at: at(121.0) });
    stage.handle(Input::Probe { seq: 2, at: at(180.0) });
    told(
        &mut stage,
        &["gate", "beat"],
        &expect![[r#"
          121.00 beat 1
          180.00 gate a:DOT Caution (feed-late)
          180.00 gate a:DOT Halt (feed-dead)
          180.00 beat 2
    "#]],
    );
}

#[test]
fn a_re_arm_needs_reason_version_and_a_clear_condition() {
    let mut stage = warm();
    stage.slide(120..130, 0, 100.0, 87.0);
    let version = stage.engine.breakers().into_iter().find(|b| b.rule == "velocity").unwrap().version;
    stage.transcript(&[]);
    let _ = stage.ask(131.0, " ", rearm("velocity", version));
    let _ = stage.ask(131.0, "looks fine", rearm("velocity", version + 1));
    let _ = stage.ask(131.0, "looks fine", rearm("no-such-rule", version));
    let _ = stage.ask(131.0, "looks fine", rearm("velocity", version));
    stage.calm(132..200, &[(0, 87.0)]);
    let _ = stage.ask(200.0, "looks fine", rearm("velocity", version));
    let _ = stage.ask(200.0, "again", rearm("velocity", version));
    told(
        &mut stage,
        &["answer", "refused", "gate"],
        &expect![[r#"
          131.00 refused rearm velocity at market:a:DOT seen at version 1: a re-arm needs a reason
          131.00 answer Err("a re-arm needs a reason")
          131.00 refused rearm velocity at market:a:DOT seen at version 2: velocity at market:a:DOT has moved on: you saw version 2, it is at 1; look again
          131.00 answer Err("velocity at market:a:DOT has moved on: you saw version 2, it is at 1; look again")
          131.00 refused rearm no-such-rule at market:a:DOT seen at version 1: there is no rule no-such-rule
          131.00 answer Err("there is no rule no-such-rule")
          131.00 refused rearm velocity at market:a:DOT seen at version 1: velocity at market:a:DOT: the condition still holds
          131.00 answer Err("velocity at market:a:DOT: the condition still holds")
          200.00 answer Ok("market:a:DOT: velocity re-armed")
          200.00 gate a:DOT ReduceOnly x0.5 (fast-move)
          200.00 refused rearm velocity at market:a:DOT seen at version 1: velocity at market:a:DOT is armed already
          200.00 answer Err("velocity at market:a:DOT is armed already")
    "#]],
    );
}

#[test]
fn a_manual_trip_latches_until_a_person_lets_go() {
    let mut stage = warm();
    stage.ask(120.0, "", Action::Trip { scope: DOT, permission: Permission::HALT }).unwrap();
    stage.calm(121..7200, &[(0, 100.0)]);
    assert_eq!(stage.stance(0), Stance::Halt, "two calm hours change nothing");
    let version = stage.engine.breakers()[0].version;
    stage.ask(7200.0, "the venue explained itself", rearm("manual", version)).unwrap();
    told(
        &mut stage,
        &["gate", "breaker", "answer"],
        &expect![[r#"
            120.00 gate a:DOT Halt (manual)
            120.00 breaker manual at market:a:DOT: Armed -> Latched, Halt (tripped by hand), version 1
            120.00 answer Ok("market:a:DOT: Halt (INC-20251010T204200Z-market:a:DOT)")
            7200.00 breaker manual at market:a:DOT: Latched -> Armed, Normal (re-armed by hand), version 2
            7200.00 answer Ok("market:a:DOT: manual re-armed")
            7200.00 gate a:DOT Normal ()
        "#]],
    );
}

#[test]
fn one_venue_alone_falls_35_percent_and_the_market_goes_on() {
    let mut stage = four_markets();
    for second in 120..300 {
        let fallen = 4.0 * (1.0 - 0.35 * f64::from((second - 119).min(60)) / 60.0);
        stage.trade(0, f64::from(second), fallen);
        stage.calm(second..second + 1, &[(1, 3.99), (2, 3.99), (3, 0.3)]);
    }
    told(
        &mut stage,
        &["gate"],
        &expect![[r#"
          120.00 gate a:DOT Caution x0.5 (early-warning)
          120.00 gate a:DOT ReduceOnly x0.5 (confirmed-stress)
          137.00 gate a:DOT Halt x0.5 (velocity)
    "#]],
    );
    assert!(stage.engine.breakers().iter().all(|breaker| breaker.scope == "market:a:DOT"));
    for market in 1..4 {
        assert_eq!(stage.stance(market), Stance::Normal, "market {market}");
    }
    assert_eq!(stage.incidents().len(), 1);
}

#[test]
fn two_venues_that_fall_are_the_asset() {
    let mut stage = four_markets();
    for second in 120..180 {
        let fallen = 4.0 * (1.0 - 0.12 * f64::from((second - 119).min(60)) / 60.0);
        stage.trade(0, f64::from(second), fallen);
        stage.trade(1, f64::from(second), fallen);
        stage.calm(second..second + 1, &[(2, 3.99), (3, 0.3)]);
    }
    assert_eq!(stage.stance(2), Stance::ReduceOnly, "the venue that has not moved yet");
    assert_eq!(stage.stance(3), Stance::Normal, "another asset");
    assert_eq!(stage.incidents().len(), 1, "{:?}", stage.incidents());
}

#[test]
fn feed_dies_during_a_crash_and_comes_back_late() {
    let mut stage = warm();
    stage.slide(120..124, 0, 100.0, 95.5);
    stage.wait_until(240.0);
    stage.slide(240..245, 0, 80.0, 78.0);
    stage.calm(245..300, &[(0, 78.0)]);
    told(
        &mut stage,
        &["gate"],
        &expect![[r#"
            120.00 gate a:DOT Caution x0.5 (early-warning)
            120.00 gate a:DOT ReduceOnly x0.5 (confirmed-stress)
            133.00 gate a:DOT Halt x0.5 (feed-dead)
            240.25 gate a:DOT Halt x0.1 (fast-move)
            240.25 gate a:DOT ReduceOnly x0.1 (fast-move)
            255.25 gate a:DOT ReduceOnly x0.5 (fast-move)
        "#]],
    );
    assert!(stage.stance(0) >= Stance::ReduceOnly);
}

#[test]
fn silence_trips_and_data_alone_heals_it() {
    let mut stage = warm();
    stage.wait_until(200.0);
    assert_eq!(stage.stance(0), Stance::Halt);
    stage.calm(200..300, &[(0, 100.0)]);
    told(
        &mut stage,
        &["gate", "breaker"],
        &expect![[r#"
            124.75 gate a:DOT Caution (feed-late)
            124.75 breaker feed-late at market:a:DOT: Armed -> Tripped, Caution (stale.late), version 1
            129.00 gate a:DOT Halt (feed-dead)
            129.00 breaker feed-dead at market:a:DOT: Armed -> Tripped, Halt (stale.dead), version 1
            200.25 gate a:DOT Halt x0.1 (feed-late)
            200.25 breaker feed-late at market:a:DOT: Tripped -> Probing, Caution (clear), version 2
            200.25 breaker feed-dead at market:a:DOT: Tripped -> Probing, Caution x0.1 (clear), version 2
            200.25 gate a:DOT Caution x0.1 (feed-late)
            205.25 breaker feed-late at market:a:DOT: Probing -> Armed, Normal (clear), version 4
            215.25 breaker feed-dead at market:a:DOT: Probing -> Probing, Caution x0.5 (clear), version 3
            215.25 gate a:DOT Caution x0.5 (feed-dead)
            230.25 breaker feed-dead at market:a:DOT: Probing -> Armed, Normal (clear), version 4
            230.25 gate a:DOT Normal ()
        "#]],
    );
    assert_eq!(stage.stance(0), Stance::Normal);
}

#[test]
fn connection_down_is_blind_at_once() {
    let mut stage = warm();
    stage.feed_is(120.0, 0, FeedState::Down);
    stage.wait_until(150.0);
    told(
        &mut stage,
        &["feed", "trip", "gate"],
        &expect![[r#"
            120.00 gate a:DOT Caution (feed-late)
            120.00 feed a down
            120.00 trip a:DOT stale.late -> feed-late
            129.00 gate a:DOT Halt (feed-dead)
            129.00 trip a:DOT stale.dead -> feed-dead
        "#]],
    );
    stage.feed_is(150.0, 0, FeedState::Delivering);
    stage.wait_until(170.0);
    assert_eq!(stage.stance(0), Stance::Halt, "a connection that is back proves nothing until data comes");
}

/// P17. The engine's own clock cannot step (drivers anchor it to the monotonic one); a venue's can.
#[test]
fn a_clock_that_steps_an_hour_neither_trips_nor_mutes() {
    let story = |step_secs: f64| {
        let mut stage = Stage::new(quick(), &["a:DOT"]);
        for second in -600..300_i32 {
            let price = if second < 200 { 100.0 } else { 100.0 - 0.6 * f64::from((second - 199).min(25)) };
            let mut event =
                trade(0, (second + 601) as u64, at(f64::from(second)), price + 0.01 * f64::from(second % 3));
            if second >= 150 {
                event.venue_at = event.venue_at.plus_secs(step_secs);
            }
            stage.feed(Input::Event(event));
        }
        stage.transcript(&["gate", "trip", "breaker", "incident"])
    };
    let straight = story(0.0);
    assert!(straight.contains("velocity"), "the fall behind the step trips:\n{straight}");
    assert_eq!(story(3600.0), straight);
    assert_eq!(story(-3600.0), straight);
}

/// A recording whose receive times run back by an hour: engine time stands still, and a crash in that hour still trips.
#[test]
fn a_recording_that_steps_back_an_hour_neither_trips_nor_mutes() {
    let mut stage = warm();
    for second in 120..300 {
        stage.trade(0, f64::from(second) - 3600.0, 100.0 + 0.01 * f64::from(second % 3));
    }
    assert_eq!(stage.trips(), Vec::<String>::new());
    stage.slide(-3300..-3290, 0, 100.0, 87.0);
    assert_eq!(stage.stance(0), Stance::Halt);
}

#[test]
fn duplicates_and_reordered_trades_change_nothing() {
    let price = |second: i32| if second < 400 { 100.0 } else { 100.0 - 0.5 * f64::from((second - 399).min(30)) };
    let path: Vec<_> = (-600..600_i32)
        .map(|second| {
            trade(0, (second + 601) as u64, at(f64::from(second)), price(second) + 0.01 * f64::from(second % 7))
        })
        .collect();
    let story = |twist: &dyn Fn(usize, &mut Stage)| {
        let mut stage = Stage::new(quick(), &["a:DOT"]);
        for (place, event) in path.iter().enumerate() {
            stage.feed(Input::Event(*event));
            twist(place, &mut stage);
        }
        (stage.trips(), stage.incidents(), stage.transcript(&["gate"]))
    };
    let again = |stage: &mut Stage, from: usize, until: usize| {
        for event in &path[from..until] {
            stage.feed(Input::Event(fusewire::event::Event { recv_at: path[until - 1].recv_at, ..*event }));
        }
    };
    let straight = story(&|_, _| {});
    assert!(!straight.0.is_empty());
    assert_eq!(story(&|place, stage| again(stage, place, place + 1)), straight, "every trade twice");
    assert_eq!(story(&|place, stage| again(stage, place.saturating_sub(3), place)), straight, "late echoes");
    let burst = |place: usize, stage: &mut Stage| {
        if place % 300 == 299 {
            again(stage, 0, place);
        }
    };
    assert_eq!(story(&burst), straight, "the whole past repeated in one burst");
}

#[test]
fn a_venue_that_counts_anew_is_heard_again() {
    let mut stage = warm();
    for second in 0..200_i32 {
        let fallen = 100.0 - 0.2 * f64::from((second - 100).clamp(0, 75));
        stage.feed(Input::Event(trade(0, second as u64 + 1, at(f64::from(120 + second)), fallen)));
    }
    assert_eq!(stage.stance(0), Stance::Halt);
}

/// P20. Noise around 100 that grows by 1 % a minute for a day, up to nearly 1 %; then a fall of 10 %.
#[test]
fn slow_poisoning_cannot_mute_the_absolute_band() {
    let mut stage = Stage::new(quick(), &["a:DOT"]);
    let mut chance = crate::chance::Chance::new(20);
    let mut noise = 0.008 / fusewire::stats::math::exp(1440.0 * 0.00995);
    for second in 0..86_400 {
        noise *= 1.000_165_8;
        stage.trade(0, f64::from(second), 100.0 * (1.0 + noise * chance.normal().clamp(-2.5, 2.5)));
    }
    assert_eq!(stage.permission(0).stance().min(Stance::ReduceOnly), stage.stance(0), "no Halt by noise alone");
    let before = stage.trips().len();
    stage.slide(86_400..86_410, 0, 100.0, 90.0);
    assert!(stage.trips()[before..].contains(&"a:DOT velocity.fall".to_owned()), "{:?}", &stage.trips()[before..]);
    assert_eq!(stage.stance(0), Stance::Halt);
}
