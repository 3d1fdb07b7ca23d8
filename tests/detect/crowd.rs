//! D10 in a seeded world of markets that share more than half of what moves them: one goes its own way, all fall together,
//! nothing happens for a day, and a run that is cut and resumed goes on bit by bit.

use fusewire::detect::legs;
use fusewire::engine::{Engine, EngineSettings, Input};
use fusewire::record::Fact;
use fusewire::replay::Runner;
use fusewire::stats::math::exp;

use crate::chance::Chance;
use crate::stage::{Stage, at, quick, table, trade};

const MARKETS: [&str; 8] = ["v:A", "v:B", "v:C", "v:D", "v:E", "v:F", "v:G", "v:H"];

/// Shocks of Student's t, 1 to 2 bp a second by market, under a volatility that wanders for all together.
struct World {
    chance: Chance,
    secs: f64,
    step_secs: f64,
    logs: [f64; 8],
    mood: f64,
}

/// How widely a market moves, next to the first.
fn size(market: usize) -> f64 {
    1.0 + market as f64 / 7.0
}

impl World {
    fn new(seed: u64, step_secs: f64) -> Self {
        Self { chance: Chance::new(seed), secs: 0.0, step_secs, logs: [0.0; 8], mood: 0.0 }
    }

    /// Prices of the next instant.
    fn step(&mut self) -> [f64; 8] {
        self.secs += self.step_secs;
        // A half-life of an hour, a standard deviation of 0.4.
        let keep = exp(-self.step_secs * 0.693 / 3600.0);
        self.mood = keep * self.mood + 0.4 * f64::sqrt(1.0 - keep * keep) * self.chance.normal();
        let bps = 1e-4 * f64::sqrt(self.step_secs) * exp(self.mood - 0.08);
        let common = self.chance.heavy();
        for (place, log) in self.logs.iter_mut().enumerate() {
            *log += bps * size(place) * (0.8 * common + 0.6 * self.chance.heavy());
        }
        self.logs.map(|log| 100.0 * exp(log))
    }

    /// So many seconds of trades at these markets, one a step, each pushed by so much a second.
    fn play(&mut self, stage: &mut Stage, secs: f64, markets: std::ops::Range<usize>, push: impl Fn(usize) -> f64) {
        let end = self.secs + secs;
        while self.secs < end {
            let prices = self.step();
            for market in markets.clone() {
                self.logs[market] += push(market) * self.step_secs;
                stage.trade(market as u32, self.secs + 0.01 * market as f64, prices[market]);
            }
        }
    }
}

/// Two calm hours at the first of the markets, under shipped settings.
fn calm(markets: usize) -> (World, Stage) {
    let (mut world, mut stage) = (World::new(1, 1.0), Stage::new(EngineSettings::default(), &MARKETS[..markets]));
    world.play(&mut stage, 7200.0, 0..markets, |_| 0.0);
    assert_eq!(crowd_trips(&stage), Vec::<String>::new());
    (world, stage)
}

fn crowd_trips(stage: &Stage) -> Vec<String> {
    stage.trips().into_iter().filter(|trip| trip.contains(" crowd.")).collect()
}

/// A score of every market now.
fn scores(engine: &Engine, leg: &str) -> Vec<f64> {
    let place = legs().iter().position(|(detector, its)| *detector == "crowd" && its.name == leg).unwrap();
    engine.view().map(|market| market.scores[place]).collect()
}

#[test]
fn a_market_that_goes_its_own_way_is_the_one_that_is_named() {
    let (mut world, mut stage) = calm(8);
    world.play(&mut stage, 10.0, 0..8, |market| if market == 4 { 0.002 } else { 0.0 });
    assert_eq!(crowd_trips(&stage), ["v:E crowd.turbulence"]);
    let evidence = stage.records.iter().find_map(|record| match &record.fact {
        Fact::Trip { detector, evidence, .. } if detector == "crowd" => Some(evidence.to_string()),
        _ => None,
    });
    let evidence = evidence.unwrap();
    assert_eq!(evidence, "turbulence 144.1 x, its part 90.17 %, markets 8");
}

#[test]
fn where_most_fall_together_those_that_fall_are_told() {
    let (mut world, mut stage) = calm(8);
    world.play(&mut stage, 300.0, 0..8, |market| if market == 2 { 0.0 } else { -0.0002 });
    let mut trips = crowd_trips(&stage);
    trips.retain(|trip| trip.contains("breadth"));
    trips.sort();
    assert_eq!(trips, ["A", "B", "D", "E", "F", "G", "H"].map(|name| format!("v:{name} crowd.breadth-fall")));
    assert_eq!(scores(&stage.engine, "breadth-fall"), [0.875, 0.875, 0.0, 0.875, 0.875, 0.875, 0.875, 0.875]);
}

#[test]
fn a_fall_of_few_is_no_crowd() {
    let (mut world, mut stage) = calm(8);
    world.play(&mut stage, 300.0, 0..8, |market| if market < 4 { 0.0002 } else { 0.0 });
    assert_eq!(scores(&stage.engine, "breadth-rise"), [0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]);
    assert!(crowd_trips(&stage).iter().all(|trip| !trip.contains("breadth")));
}

#[test]
fn three_markets_are_no_crowd_and_neither_are_eight_of_which_five_are_silent() {
    let (mut world, mut stage) = calm(3);
    world.play(&mut stage, 60.0, 0..3, |market| if market == 1 { 0.002 } else { 0.0 });
    assert_eq!(crowd_trips(&stage), Vec::<String>::new());
    let (mut world, mut stage) = calm(8);
    assert!(scores(&stage.engine, "turbulence").iter().any(|score| *score > 0.0));
    world.play(&mut stage, 10.0, 0..3, |_| 0.0);
    world.play(&mut stage, 60.0, 0..3, |market| if market == 1 { 0.002 } else { 0.0 });
    assert_eq!(scores(&stage.engine, "turbulence"), [0.0; 8]);
    assert_eq!(crowd_trips(&stage), Vec::<String>::new());
}

/// Its first return spans as many steps, and is as wide as they are many: no storm.
#[test]
fn markets_that_come_back_after_hours_of_silence_bring_no_storm() {
    let (mut world, mut stage) = calm(8);
    world.play(&mut stage, 7200.0, 0..5, |_| 0.0);
    for _ in 0..60 {
        world.play(&mut stage, 1.0, 0..8, |_| 0.0);
        let turbulence = scores(&stage.engine, "turbulence");
        assert!(turbulence.iter().all(|score| *score < 10.0), "{turbulence:?}");
    }
    assert_eq!(crowd_trips(&stage), Vec::<String>::new());
}

#[test]
fn a_calm_day_stays_calm() {
    let (mut world, mut stage) = (World::new(2, 2.5), Stage::new(EngineSettings::default(), &MARKETS));
    let (mut highest, mut sum, mut minutes) = (0.0_f64, 0.0, 0.0);
    for minute in 0..1440 {
        world.play(&mut stage, 60.0, 0..8, |_| 0.0);
        let turbulence = scores(&stage.engine, "turbulence").into_iter().fold(0.0, f64::max);
        assert_eq!(turbulence > 0.0, minute >= 60, "minute {minute}: {turbulence}");
        if minute >= 60 {
            (highest, sum, minutes) = (highest.max(turbulence), sum + turbulence, minutes + 1.0);
        }
    }
    println!("turbulence at the full minutes: {:.2} on average, {highest:.1} at most", sum / minutes);
    assert!((0.7..1.5).contains(&(sum / minutes)), "{}", sum / minutes);
    assert_eq!(crowd_trips(&stage), Vec::<String>::new());
}

/// Ten minutes in which the crowd is warm after one; at the end one market goes its own way.
fn tape() -> (EngineSettings, Vec<Input>) {
    let mut settings = quick();
    settings.detect.crowd.warm_secs = 60.0;
    let (mut world, mut inputs) = (World::new(3, 1.0), Vec::new());
    for second in 1..600 {
        let prices = world.step();
        world.logs[6] += if second > 580 { 0.003 } else { 0.0 };
        for (market, price) in prices.into_iter().enumerate() {
            let now = at(world.secs + 0.01 * market as f64);
            inputs.push(Input::Event(trade(market as u32, second, now, price)));
        }
    }
    (settings, inputs)
}

#[test]
fn a_run_that_is_cut_and_resumed_sees_the_same_crowd() {
    let (settings, inputs) = tape();
    let play = |mut runner: Runner, inputs: &[Input]| {
        for input in inputs {
            runner.feed(input.clone(), &mut []);
        }
        runner
    };
    let start = || Runner::new(Engine::new(settings.clone(), table(&MARKETS)));
    let whole = play(start(), &inputs);
    assert!(scores(&whole.engine, "turbulence")[6] > settings.detect.crowd.limit_turbulence);
    let mut chance = Chance::new(4);
    for _ in 0..8 {
        let (before, after) = inputs.split_at(chance.below(inputs.len() as u64) as usize);
        let first = play(start(), before);
        let restored = Engine::restore(settings.clone(), &first.engine.snapshot()).expect("its own snapshot");
        let resumed = play(Runner::resumed(restored, first.digest().clone()), after);
        assert_eq!(resumed.finish(), whole.finish(), "cut at input {} of {}", before.len(), inputs.len());
    }
}
