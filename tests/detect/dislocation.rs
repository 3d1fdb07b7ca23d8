//! D4 and P19: a venue that leaves the others is told within a second, and never speaks for the market. What is no
//! dislocation: a basis, one that moves slowly, a second of arbitrage, one odd print of a sleepy market.

use fusewire::detect::legs;
use fusewire::engine::{EngineSettings, Input};
use fusewire::event::{Body, Event, MarketId, Price};
use fusewire::record::Fact;
use fusewire::stats::math::exp;

use crate::chance::Chance;
use crate::stage::{Stage, at, bar, trade};

const VENUES: [&str; 3] = ["a:DOT", "b:DOT", "c:DOT"];
/// Time between the trades of a market.
const STEP_SECS: f64 = 0.2;

/// One asset at several venues: one walk, and a few basis points of each venue's own.
struct World {
    stage: Stage,
    chance: Chance,
    secs: f64,
    log: f64,
    trades: u64,
}

impl World {
    fn new(venues: usize) -> Self {
        let stage = Stage::new(EngineSettings::default(), &VENUES[..venues]);
        Self { stage, chance: Chance::new(7), secs: 0.0, log: 0.0, trades: 0 }
    }

    /// Twenty minutes of peace, after which the usual distance is known.
    fn calm(venues: usize) -> Self {
        let mut world = Self::new(venues);
        world.play(1200.0, venues, |_, _| 0.0);
        assert_eq!(world.told(), Vec::<String>::new());
        world
    }

    /// So many seconds of trades at the first markets; `away` is what a market is away from the walk, as a log ratio, so
    /// many seconds into it.
    fn play(&mut self, secs: f64, markets: usize, away: impl Fn(usize, f64) -> f64) {
        let began = self.secs;
        while self.secs < began + secs {
            self.secs += STEP_SECS;
            self.log += 1e-4 * f64::sqrt(STEP_SECS) * self.chance.heavy();
            for market in 0..markets {
                let own = self.log + 2e-4 * self.chance.normal() + away(market, self.secs - began);
                self.trade(market as u32, self.secs + 0.01 * market as f64, 4.0 * exp(own));
            }
        }
    }

    fn trade(&mut self, market: u32, secs: f64, price: f64) {
        self.trades += 1;
        self.stage.feed(Input::Event(trade(market, self.trades, at(secs), price)));
    }

    fn told(&self) -> Vec<String> {
        self.stage.trips().into_iter().filter(|trip| trip.contains(" dislocation.")).collect()
    }

    /// Seconds into the story at which a market's first dislocation was told, and its evidence.
    fn first(&self) -> Option<(f64, String)> {
        self.stage.records.iter().find_map(|record| match &record.fact {
            Fact::Trip { detector, evidence, .. } if detector == "dislocation" => {
                Some((record.at.secs_since(at(0.0)), evidence.to_string()))
            }
            _ => None,
        })
    }

    fn score(&self, market: usize, leg: &str) -> f64 {
        let place = legs().iter().position(|(detector, its)| *detector == "dislocation" && its.name == leg).unwrap();
        self.stage.engine.view().nth(market).unwrap().scores[place]
    }
}

/// Scopes of the breakers that are not at rest.
fn scopes(world: &World) -> Vec<String> {
    world.stage.engine.breakers().into_iter().map(|breaker| breaker.scope).collect()
}

#[test]
fn an_odd_first_price_is_not_the_usual_one() {
    let mut world = World::new(2);
    world.play(1.0, 2, |market, _| if market == 0 { 0.02 } else { 0.0 });
    world.play(1800.0, 2, |_, _| 0.0);
    assert_eq!(world.told(), Vec::<String>::new());
}

#[test]
fn of_three_venues_the_one_that_falls_is_told_within_a_second_and_the_market_is_not() {
    let mut world = World::calm(3);
    let began = world.secs;
    world.play(5.0, 3, |market, _| if market == 0 { -0.43 } else { 0.003 * f64::from(market == 1) });
    assert_eq!(world.told(), ["a:DOT dislocation.venue-below"]);
    let (secs, evidence) = world.first().unwrap();
    println!("told {:.2} s after the first price of the fall: {evidence}", secs - began);
    assert!(secs - began <= 1.0, "{secs}");
    assert!(evidence.starts_with("distance -3") && evidence.ends_with("venues 3"), "{evidence}");
    assert!(!scopes(&world).is_empty() && scopes(&world).iter().all(|scope| scope == "market:a:DOT"));
}

#[test]
fn of_two_venues_nobody_knows_which_and_both_are_told() {
    let mut world = World::calm(2);
    world.play(10.0, 2, |market, _| if market == 0 { -0.01 } else { 0.0 });
    let mut told = world.told();
    told.sort();
    assert_eq!(told, ["a:DOT dislocation.venue-below", "b:DOT dislocation.venue-above"]);
    assert!(scopes(&world).iter().all(|scope| scope.starts_with("market:")), "{:?}", scopes(&world));
}

#[test]
fn twice_the_distance_takes_half_the_time() {
    let secs = |away: f64| {
        let mut world = World::calm(3);
        let began = world.secs;
        world.play(4.0, 3, |market, _| if market == 2 { away } else { 0.0 });
        world.first().map(|(secs, _)| secs - began)
    };
    let (once, twice) = (secs(0.0065).unwrap(), secs(0.013).unwrap());
    assert!((1.5..2.7).contains(&once) && (0.7..1.5).contains(&twice), "{once} {twice}");
    assert_eq!(secs(0.004), None, "below the floor");
}

#[test]
fn a_basis_a_slow_one_and_a_second_of_arbitrage_are_no_dislocation() {
    let mut world = World::new(3);
    world.play(1200.0, 3, |market, _| 0.02 * market as f64);
    world.play(3600.0, 3, |market, secs| 0.02 * market as f64 + 0.003 * f64::from(market == 1) * secs / 3600.0);
    for _ in 0..20 {
        world.play(60.0, 3, |market, secs| {
            let basis = 0.02 * market as f64 + 0.003 * f64::from(market == 1);
            basis + if market == 0 && secs < 0.9 { 0.008 } else { 0.0 }
        });
    }
    assert_eq!(world.told(), Vec::<String>::new());
}

#[test]
fn one_odd_print_of_a_sleepy_market_is_no_dislocation_and_a_second_one_is() {
    let mut world = World::new(3);
    for minute in 0..40 {
        world.play(60.0, 2, |_, _| 0.0);
        let odd = if minute >= 30 { 0.02 } else { 0.0 };
        let price = 4.0 * exp(world.log + odd);
        world.trade(2, world.secs, price);
    }
    assert_eq!(world.told(), Vec::<String>::new());
    for _ in 0..4 {
        world.play(1.0, 2, |_, _| 0.0);
        let price = 4.0 * exp(world.log + 0.02);
        world.trade(2, world.secs, price);
    }
    assert_eq!(world.told(), ["c:DOT dislocation.venue-above"]);
}

#[test]
fn a_distance_that_lasts_becomes_the_usual_one_and_one_that_nobody_can_confirm_is_forgotten() {
    let mut settings = EngineSettings::default();
    settings.detect.dislocation.memory_secs = 600.0;
    let mut world = World { stage: Stage::new(settings, &VENUES), ..World::new(3) };
    world.play(1200.0, 3, |_, _| 0.0);
    world.play(590.0, 3, |market, _| if market == 0 { 0.02 } else { 0.0 });
    assert_eq!(world.told(), ["a:DOT dislocation.venue-above"]);
    assert!(world.score(0, "venue-above") > 100.0);
    world.play(3600.0, 3, |market, _| if market == 0 { 0.02 } else { 0.0 });
    assert!(world.told().len() == 1 && world.score(0, "venue-above") <= 0.0);
    world.play(60.0, 3, |_, _| 0.0);
    assert_eq!(world.told().len(), 2, "back is as far as away was");
    assert!(world.score(0, "venue-below") > 2.0);
    // Only one venue goes on.
    world.play(120.0, 1, |_, _| 0.0);
    assert!(world.score(0, "venue-below") <= 0.0);
}

#[test]
fn one_venue_alone_is_compared_with_the_index_it_publishes() {
    let mut world = World::new(1);
    let mut play = |secs: usize, away: f64| {
        for _ in 0..secs {
            world.play(1.0, 1, |_, _| away);
            let price = Price::new(4.0 * exp(world.log)).unwrap();
            let now = at(world.secs + 0.05);
            let index = Event { venue_at: now, recv_at: now, market: MarketId(0), body: Body::Index { price } };
            world.stage.feed(Input::Event(index));
        }
        world.told()
    };
    assert_eq!(play(1200, 0.001), Vec::<String>::new());
    assert_eq!(play(1, -0.05), Vec::<String>::new());
    assert_eq!(play(1, -0.05), ["a:DOT dislocation.index-below"]);
}

#[test]
fn on_bars_it_is_told_with_the_second_bar() {
    let mut stage = Stage::new(EngineSettings::default(), &VENUES);
    let mut chance = Chance::new(3);
    for minute in 1..=60 {
        for market in 0..3_u32 {
            let away = if market == 1 && minute >= 58 { 0.94 } else { 1.0 };
            let close = 4.0 * away * exp(2e-4 * chance.normal());
            stage.feed(Input::Bar(bar(market, at(60.0 * f64::from(minute)), [close, close, close, close])));
        }
    }
    let told: Vec<_> = stage.trips().into_iter().filter(|trip| trip.contains(" dislocation.")).collect();
    assert_eq!(told, ["b:DOT dislocation.venue-below"]);
}
