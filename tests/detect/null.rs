//! False alarms on a synthetic null: 1 Hz, 1.07 bp a second, log-volatility that wanders, shocks of Student's t, bounce. A sanity
//! check and not the goal; real calm days decide.

use std::collections::BTreeMap;

use fusewire::engine::EngineSettings;
use fusewire::stats::math::exp;

use crate::chance::Chance;
use crate::stage::Stage;

const DAYS: u32 = 3;
const SECS_A_DAY: u32 = 86_400;

/// Log-volatility: AR(1) with a half-life of an hour and a standard deviation of 0.4.
const KEEP: f64 = 0.999_807_477;
const SHOCK: f64 = 0.4 * 0.019_621_7;

/// The null of `detectors.md`: a day as cosine of half the size, t4 shocks, bounce of 0.3 bp.
struct Null {
    chance: Chance,
    second: u32,
    log: f64,
    mood: f64,
}

impl Null {
    fn next(&mut self) -> f64 {
        self.mood = KEEP * self.mood + SHOCK * self.chance.normal();
        let day = 1.0 + 0.5 * libm::cos(std::f64::consts::TAU * f64::from(self.second) / f64::from(SECS_A_DAY));
        self.log += 1.07e-4 * exp(self.mood - 0.08) * day * self.chance.heavy();
        self.second += 1;
        let bounce = if self.chance.happens(0.5) { 0.3e-4 } else { -0.3e-4 };
        100.0 * exp(self.log + bounce)
    }
}

/// Trips by detector after the warm-up of the shipped settings.
fn alarms(seed: u64) -> BTreeMap<String, u32> {
    let mut stage = Stage::new(EngineSettings::default(), &["a:NULL"]);
    let mut null = Null { chance: Chance::new(seed), second: 0, log: 0.0, mood: 0.0 };
    for second in 0..DAYS * SECS_A_DAY {
        stage.trade(0, f64::from(second), null.next());
    }
    let mut by_leg = BTreeMap::new();
    for trip in stage.trips() {
        *by_leg.entry(trip.trim_start_matches("a:NULL ").to_owned()).or_default() += 1;
    }
    by_leg
}

#[test]
fn calm_days_stay_calm() {
    let mut total: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 1..=3 {
        for (leg, count) in alarms(seed) {
            *total.entry(leg).or_default() += count;
        }
    }
    let days = f64::from(3 * DAYS);
    let mut by_detector: BTreeMap<&str, f64> = BTreeMap::new();
    for (leg, count) in &total {
        println!("{leg}: {:.2} a day", f64::from(*count) / days);
        *by_detector.entry(leg.split('.').next().unwrap_or_default()).or_default() += f64::from(*count) / days;
    }
    for (detector, a_day) in by_detector {
        assert!(a_day <= 1.0, "{detector}: {a_day:.2} alarms a day over {days} days");
    }
}
