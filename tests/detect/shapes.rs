//! Markets of every shape: coarse ticks, whole numbers, eight decades of price, bars of a minute; and what is mute before it is warm.

use fusewire::engine::{Engine, EngineSettings, Input};
use fusewire::record::Fact;

use crate::chance::Chance;
use crate::stage::{Stage, at, bar, quick, table};

/// Detectors that tripped, without the absolute ones where those are left out.
fn tripped(stage: &Stage) -> Vec<String> {
    stage.trips()
}

fn relative(trips: &[String]) -> Vec<&String> {
    let absolute = ["percent", "velocity", "stale"];
    trips.iter().filter(|trip| !absolute.iter().any(|word| trip.contains(word))).collect()
}

#[test]
fn nothing_relative_trips_before_it_is_warm() {
    let mut stage = Stage::new(EngineSettings::default(), &["a:DOT"]);
    let mut chance = Chance::new(1);
    // Half an hour of a market that jumps by a percent now and then: history is short of the three hours it takes.
    for second in 0..1800 {
        let jump = if second % 100 == 99 { 1.01 } else { 1.0 };
        stage.trade(0, f64::from(second), 100.0 * jump * (1.0 + 0.0001 * chance.normal()));
    }
    assert_eq!(relative(&tripped(&stage)), Vec::<&String>::new());
}

#[test]
fn velocity_works_from_the_first_valid_reference() {
    let mut stage = Stage::new(EngineSettings::default(), &["a:DOT"]);
    stage.slide(0..3, 0, 100.0, 100.0);
    stage.slide(3..8, 0, 100.0, 89.0);
    assert!(tripped(&stage).contains(&"a:DOT velocity.fall".to_owned()), "{:?}", tripped(&stage));
}

/// A price that stands between two ticks, far apart for its volatility.
#[test]
fn a_market_of_one_tick_stays_calm() {
    for tick in [0.001, 0.0025] {
        let mut stage = Stage::new(quick(), &["a:DOT"]);
        let mut chance = Chance::new(2);
        for second in 0..7200 {
            let up = f64::from(u8::from(chance.happens(0.5)));
            stage.trade(0, f64::from(second), 1.0 + tick * up);
        }
        assert_eq!(tripped(&stage), Vec::<String>::new(), "tick {tick}");
    }
}

#[test]
fn a_market_of_whole_numbers_stays_calm() {
    let mut stage = Stage::new(quick(), &["a:DOT"]);
    let (mut chance, mut price) = (Chance::new(3), 20_000.0_f64);
    for second in 0..7200 {
        price += f64::from(chance.below(3) as u32) - 1.0;
        stage.trade(0, f64::from(second), price);
    }
    assert_eq!(tripped(&stage), Vec::<String>::new());
}

/// LUNA, May 2022: from 77 to 0.00004 in three days, on ticks that shrink with it.
#[test]
fn eight_decades_down_in_three_days_are_followed_to_the_end() {
    let mut stage = Stage::new(quick(), &["a:LUNA"]);
    stage.calm(-600..0, &[(0, 77.0)]);
    let mut chance = Chance::new(4);
    let secs = 3 * 86_400;
    let per_step = libm::log(0.000_04 / 77.0) / f64::from(secs / 10);
    for step in 0..secs / 10 {
        let raw = 77.0 * libm::exp(per_step * f64::from(step) + 0.002 * chance.normal());
        let tick = libm::exp10(libm::floor(libm::log10(raw)) - 3.0);
        stage.trade(0, f64::from(10 * step), (raw / tick).round() * tick);
    }
    let view = stage.engine.view().next().unwrap();
    assert!(view.price < 0.000_041, "the last price is believed: {}", view.price);
    assert_eq!(view.counts.refused, 2, "only the first two prices waited for company");
    assert!(view.scores.iter().all(|score| score.is_finite()));
    assert!(tripped(&stage).iter().any(|trip| trip.contains("moves.fall-percent")));
}

#[test]
fn bars_of_a_minute_fall_and_trip_at_their_close() {
    let (mut engine, mut out) = (Engine::new(EngineSettings::default(), table(&["a:DOT"])), Vec::new());
    let (mut chance, mut price) = (Chance::new(5), 4.0);
    for minute in 1..=600 {
        let drift = if minute > 595 { -0.03 } else { 0.0 };
        let open = price;
        price *= 1.0 + drift + 0.0005 * chance.normal();
        engine.handle(
            Input::Bar(bar(0, at(60.0 * f64::from(minute)), [open, open.max(price), open.min(price), price])),
            &mut out,
        );
    }
    let trips: Vec<_> = out
        .iter()
        .filter_map(|output| match output {
            fusewire::engine::Output::Record(record) => Some(record),
            _ => None,
        })
        .filter(|record| matches!(record.fact, Fact::Trip { .. }))
        .collect();
    assert!(!trips.is_empty());
    assert!(trips.iter().all(|record| record.at > at(60.0 * 595.0) && record.at.0 % 60_000_000_000 == 0), "{trips:#?}");
}
