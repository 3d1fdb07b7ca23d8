//! How early a fall is seen depends on how much quiet was known before it: 10 October 2025 with and without its morning.

use std::path::Path;

use fusewire::engine::{Engine, EngineSettings, Output};
use fusewire::event::Nanos;
use fusewire::feed::tape::{self, Source, Spec};
use fusewire::market::Markets;
use fusewire::record::Fact;
use fusewire::replay::{Listener, Runner, Speed, play};

const MORNING: [&str; 2] = ["DOTUSD_PERP-1m-2025-10-10.csv.gz", "TRXUSD_PERP-1m-2025-10-10.csv.gz"];
const FRAMES: [&str; 2] = ["before.frames.gz", "crash.frames.gz"];
const DOT: &str = "binance-coinm:DOTUSD_PERP";

/// Trips that made a rule act: when, where, by which rule.
#[derive(Default)]
struct Trips(Vec<(Nanos, String, String)>);

impl Trips {
    /// The first of DOT that compares with what was usual. The distance to the index does not: no morning could teach it.
    fn first_by_scale(&self) -> &(Nanos, String, String) {
        let by_scale = |(_, market, rule): &&(Nanos, String, String)| market == DOT && rule != "dislocation";
        self.0.iter().find(by_scale).expect("a trip by scale")
    }
}

impl Listener for Trips {
    fn output(&mut self, _: &Engine, output: &Output) {
        if let Output::Record(record) = output
            && let Fact::Trip { market, rule, .. } = &record.fact
            && !rule.is_empty()
        {
            self.0.push((record.at, market.clone(), rule.clone()));
        }
    }
}

/// Seconds of that day.
fn clock(hours: i64, minutes: i64, secs: i64) -> Nanos {
    Nanos::from_secs(1_760_054_400 + hours * 3600 + minutes * 60 + secs)
}

/// Plays files of the fixture as one tape; gives the trips and the closed bars of each market.
fn played(files: &[&str]) -> (Trips, Vec<u64>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10");
    let open = |name: &&str| -> Box<dyn Source> {
        tape::open(&Spec::new(folder.join(name)).venue("binance-coinm")).expect("a tape")
    };
    let (mut runner, mut trips) =
        (Runner::new(Engine::new(EngineSettings::default(), Markets::new())), Trips::default());
    let mut tapes = tape::merge(files.iter().map(open).collect());
    play(&mut runner, &mut tapes, Speed::Max, &mut [&mut trips], |_| {}).expect("readable");
    let bars = runner.engine.view().map(|market| market.counts.bars).collect();
    (trips, bars)
}

#[test]
fn the_first_leg_of_the_crash_is_seen_by_who_knows_the_whole_day() {
    let (trips, bars) = played(&[MORNING, FRAMES].concat());
    assert_eq!(bars, [840, 840], "from midnight to 14:00");
    let (at, market, rule) = trips.0.first().expect("a trip");
    println!("first trip of the day: {at} {market} {rule}");
    // Twenty hours of that day brought no trip in either market.
    assert_eq!(market.as_str(), DOT, "{rule}");
    assert!(*at >= clock(20, 56, 20), "{at}");
    let (at, _, rule) = trips.first_by_scale();
    assert_eq!(rule, "early-warning", "{at}");
    assert!(*at >= clock(20, 56, 20) && *at < clock(20, 56, 40), "{at}");
}

#[test]
fn without_the_morning_the_scale_is_still_widened_and_only_the_main_leg_trips() {
    let (trips, bars) = played(&FRAMES);
    assert_eq!(bars, [0, 0]);
    let (at, _, rule) = trips.first_by_scale();
    assert!(*at > clock(21, 11, 0), "{at} {rule}");
}
