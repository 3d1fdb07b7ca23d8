//! P11, P12: bad values are refused and leave no trace; scores are finite whatever comes.

use fusewire::detect::legs;
use fusewire::engine::{Engine, Input};
use fusewire::event::{BadNumber, Price};
use proptest::prelude::*;

use crate::chance::Chance;
use crate::stage::{at, bar, quick, table, trade};

/// Numbers that pass the edge and are nonsense all the same: far from any price around 100.
const WILD: [f64; 6] = [1e12, 1e-9, 1e15, 1e-12, 2e4, 1e-3];

fn engine() -> Engine {
    Engine::new(quick(), table(&["a:DOT"]))
}

fn scores(engine: &Engine) -> Vec<f64> {
    engine.view().next().unwrap().scores.to_vec()
}

#[test]
fn nonsense_does_not_pass_the_edge() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, -1.0, 1e300, 1e-300] {
        assert!(Price::new(value).is_err(), "{value}");
    }
    assert_eq!(Price::new(f64::NAN), Err(BadNumber::NotFinite));
}

/// A walk on irregular times; at some places stands a wild number.
struct Walk {
    chance: Chance,
    secs: f64,
    log: f64,
}

impl Walk {
    fn step(&mut self) -> (f64, f64) {
        self.secs += self.chance.gap(1.0).min(30.0) + 0.001;
        self.log += 0.0003 * self.chance.heavy();
        (self.secs, 100.0 * libm::exp(self.log))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Beside it runs an engine in which only time passes at the place of each wild trade. A wild trade is an arrival all the
    /// same, so the law of gaps, which prices do not concern, is left out.
    #[test]
    fn wild_ticks_leave_no_trace(seed in any::<u64>(), share in 0.001..0.1_f64) {
        let (mut wild, mut clean) = (engine(), engine());
        let mut walk = Walk { chance: Chance::new(seed), secs: 0.0, log: 0.0 };
        let (mut chance, mut out, mut refused) = (Chance::new(!seed), Vec::new(), 0);
        let mut last_bad = false;
        for id in 1..3000 {
            let (secs, price) = walk.step();
            // Two wild numbers in a row may agree, and then they wait longer for company than this.
            if id > 10 && !last_bad && chance.happens(share) {
                let nonsense = WILD[chance.below(WILD.len() as u64) as usize];
                wild.handle(Input::Event(trade(0, id, at(secs), nonsense)), &mut out);
                clean.handle(Input::Tick(at(secs)), &mut out);
                (refused, last_bad) = (refused + 1, true);
            } else {
                wild.handle(Input::Event(trade(0, id, at(secs), price)), &mut out);
                clean.handle(Input::Event(trade(0, id, at(secs), price)), &mut out);
                last_bad = false;
            }
            for ((score, want), (detector, leg)) in scores(&wild).iter().zip(scores(&clean)).zip(legs()) {
                prop_assert!(detector == "stale" || score.to_bits() == want.to_bits(), "{detector}.{}: {score} for {want}", leg.name);
            }
        }
        // The first two prices wait for company in both.
        prop_assert_eq!(wild.view().next().unwrap().counts.refused, refused + 2);
    }

    /// Anything the edge lets through, in any order and on any times.
    #[test]
    fn scores_are_finite_whatever_comes(
        events in prop::collection::vec((0..4_u8, -12.0..15.0_f64, prop_oneof![9 => 0.0..3.0_f64, 1 => 0.0..1e7]), 1..400)
    ) {
        let mut engine = engine();
        let (mut out, mut secs) = (Vec::new(), 0.0);
        for (id, (kind, decade, gap)) in events.into_iter().enumerate() {
            secs += gap;
            let value = libm::exp10(decade).clamp(Price::MIN, Price::MAX);
            let input = match kind {
                0 => Input::Bar(bar(0, at(secs), [value, Price::MAX, Price::MIN, value])),
                1 => Input::Event(crate::stage::interest(0, at(secs), value)),
                2 => Input::Event(crate::stage::liquidation(0, at(secs), value, value, fusewire::event::Liquidated::Long, true)),
                _ => Input::Event(trade(0, id as u64 + 1, at(secs), value)),
            };
            engine.handle(input, &mut out);
            prop_assert!(scores(&engine).iter().all(|score| score.is_finite()), "{:?}", scores(&engine));
        }
    }
}

#[test]
fn a_wild_wick_of_a_bar_leaves_no_trace() {
    let play = |low: f64, high: f64| {
        let (mut engine, mut out) = (engine(), Vec::new());
        for minute in 1..200 {
            let price = 100.0 + 0.05 * f64::from(minute % 5);
            let (low, high) = if minute == 100 { (low, high) } else { (price, price) };
            engine.handle(Input::Bar(bar(0, at(60.0 * f64::from(minute)), [price, high, low, price])), &mut out);
        }
        scores(&engine)
    };
    let clean = play(100.0, 100.0);
    assert_eq!(play(1e-9, 100.0), clean);
    assert_eq!(play(100.0, 1e12), clean);
}
