//! P16, the other half: silences that are none. No recorded day reads blind, nor do months drawn from it.

use std::path::{Path, PathBuf};

use fusewire::detect::{DetectSettings, legs};
use fusewire::engine::{Engine, Input, Output};
use fusewire::event::Nanos;
use fusewire::feed::tape;
use fusewire::market::Markets;
use fusewire::record::Fact;
use fusewire::replay::{Listener, Runner};
use fusewire::stats::gaps::GapLaw;

use crate::chance::Chance;

const TAPES: [&str; 5] = [
    "binance-delivery_trades_2025-10-10_DOTUSD_PERP.csv.gz",
    "binance-delivery_trades_2025-10-10_TRXUSD_PERP.csv.gz",
    "binance_trades_2025-10-04_BTCUSDC.csv.gz",
    "coinbase_trades_2025-10-10_DOT-USD.csv.gz",
    "gemini_trades_2025-10-10_BTCUSD.csv.gz",
];

fn recordings() -> Option<PathBuf> {
    let root =
        std::env::var_os("FUSEWIRE_DATA").map(|root| Path::new(&root).join("ticks")).filter(|path| path.is_dir());
    if root.is_none() {
        println!("skipped: FUSEWIRE_DATA does not lead to recordings (ticks)");
    }
    root
}

/// Every input of a tape, with the table of its markets.
fn inputs(path: &Path) -> (Markets, Vec<Input>) {
    let specs = tape::Spec::all(&[path.to_owned()], "auto", &[]).expect("a tape");
    let mut tapes = tape::merge(vec![tape::open(&specs[0]).expect("a tape")]);
    let (mut markets, mut inputs) = (Markets::new(), Vec::new());
    while let Some(input) = tapes.next(&mut markets).expect("readable") {
        inputs.push(input);
    }
    (markets, inputs)
}

/// Counts trips of staleness.
#[derive(Default)]
struct Blind(Vec<String>);

impl Listener for Blind {
    fn output(&mut self, _: &Engine, output: &Output) {
        if let Output::Record(record) = output
            && let Fact::Trip { detector, leg, market, .. } = &record.fact
            && detector == "stale"
        {
            self.0.push(format!("{market} {leg} at {}", record.at.0));
        }
    }
}

/// Most of these days hold the crash of 10 October 2025, with all its bursts and pauses.
#[test]
fn no_recorded_day_reads_blind() {
    let Some(folder) = recordings() else { return };
    assert!(legs().iter().any(|(name, leg)| (*name, leg.name) == ("stale", "late")));
    for name in TAPES {
        let (markets, inputs) = inputs(&folder.join(name));
        let (mut runner, mut blind) =
            (Runner::new(Engine::new(fusewire::engine::EngineSettings::default(), markets)), Blind::default());
        for input in inputs {
            runner.feed(input, &mut [&mut blind]);
        }
        assert_eq!(blind.0, Vec::<String>::new(), "{name}");
    }
}

/// Hours drawn at random from a recorded day, 30 months of them: quiet hours stand beside busy ones, which no real day does
/// as harshly. A false block is a gap that the law of the gaps before it calls late.
#[test]
fn months_drawn_from_a_day_stay_below_one_false_block_a_month() {
    let Some(folder) = recordings() else { return };
    let settings = DetectSettings::default().stale;
    for (name, months) in [(TAPES[4], 30.0), (TAPES[1], 30.0), (TAPES[3], 30.0)] {
        let times: Vec<Nanos> = inputs(&folder.join(name)).1.iter().map(Input::at).collect();
        let hours = hours(&times);
        let (mut law, mut chance, mut drawn_secs) = (GapLaw::new(20_000.0), Chance::new(16), 0.0);
        let (mut late, mut dead) = (0, 0);
        while drawn_secs < months * 30.0 * 86_400.0 {
            for &gap in &hours[chance.below(hours.len() as u64) as usize] {
                if gap >= settings.late_floor_secs && law.count() >= 2000 {
                    let phi = law.phi(gap);
                    late += u32::from(phi >= settings.limit_late);
                    dead += u32::from(phi >= settings.limit_dead && gap >= settings.dead_floor_secs);
                }
                law.push(gap);
                drawn_secs += gap;
            }
        }
        println!(
            "{name}: {late} late and {dead} dead in {months} months; with 95 % fewer than {:.2} and {:.2} a month",
            bound(late) / months,
            bound(dead) / months
        );
        assert!(bound(late) / months <= 1.0, "{name}: {late} false blocks in {months} months");
    }
}

/// The gaps of every hour.
fn hours(times: &[Nanos]) -> Vec<Vec<f64>> {
    let first = times[0];
    let mut hours = vec![Vec::new(); 24];
    for pair in times.windows(2) {
        let hour = (pair[1].secs_since(first) / 3600.0) as usize;
        hours[hour.min(23)].push(pair[1].secs_since(pair[0]).max(0.0));
    }
    hours.retain(|hour| !hour.is_empty());
    hours
}

/// The upper 95 % bound of a Poisson mean after `count` events, by the approximation of Wilson and Hilferty (PNAS 1931).
fn bound(count: u32) -> f64 {
    let events = f64::from(count) + 1.0;
    let root = 1.0 - 1.0 / (9.0 * events) + 1.645 / (3.0 * events.sqrt());
    events * root * root * root
}
