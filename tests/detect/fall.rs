//! A real fall passes the plausibility filter whole: DOT on one venue, 4.29 to 0.70 on 10 October 2025.

use std::path::Path;

use fusewire::engine::{Engine, EngineSettings};
use fusewire::feed::tape::{self, Source, Spec};
use fusewire::market::Markets;
use fusewire::replay::{Runner, Speed, play};

/// Plays a tape and returns, for each market, how many trades came and how many were refused.
fn refused(spec: &Spec) -> Vec<(String, u64, u64)> {
    let source: Box<dyn Source> = tape::open(spec).expect("a tape");
    let mut runner = Runner::new(Engine::new(EngineSettings::default(), Markets::new()));
    play(&mut runner, &mut tape::merge(vec![source]), Speed::Max, &mut [], |_| {}).expect("readable");
    let table = runner.engine.markets().clone();
    runner.engine.view().map(|view| (table.name(view.id), view.counts.events[0], view.counts.refused)).collect()
}

fn passes_whole(spec: &Spec) {
    for (market, trades, refused) in refused(spec) {
        println!("{market}: {refused} of {trades} trades refused");
        // The first two prices of a market wait for company, whatever they are.
        assert!((refused - 2) * 1000 < trades, "{market}: {refused} of {trades}");
    }
}

#[test]
fn the_composed_crash_passes_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10/crash.frames.gz");
    passes_whole(&Spec::new(path).venue("binance-coinm"));
}

#[test]
fn the_recorded_crash_passes_whole() {
    let Some(data) = std::env::var_os("FUSEWIRE_DATA") else {
        println!("skipped: FUSEWIRE_DATA is not set");
        return;
    };
    let ticks = Path::new(&data).join("ticks");
    let mut seen = 0;
    for entry in std::fs::read_dir(&ticks).expect("ticks").map_while(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.contains("DOT") && name.ends_with(".csv.gz") {
            passes_whole(&Spec::new(entry.path()));
            seen += 1;
        }
    }
    assert!(seen > 0, "no tape of DOT in {}", ticks.display());
}
