//! How dense our own tape is on recorded markets, beside zstd JSON lines of the same inputs; and that all of it comes back.
//!
//! The recordings are none of ours to give away: they lie in `../shared/data`, or where `FUSEWIRE_DATA` says. Where they are
//! not, this says so. `cargo test --test dense -- --nocapture` prints the table.

#![cfg(feature = "daemon")]
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly, and tell what they measured"
)]

use std::io::Cursor;
use std::path::{Path, PathBuf};

use fusewire::engine::Input;
use fusewire::feed::tape::{self, InputReader, InputWriter, Spec};
use fusewire::market::Markets;

/// JSON lines are packed as `zstd` does by itself; so is a tape while it is recorded.
const USUAL: i32 = 3;
type Recording = (&'static str, &'static [(&'static str, &'static str)], f64);

/// What was recorded: its name, its files with their venue, and how large a part of JSON lines the tape may take: a third but
/// for Coinbase, whose microseconds and eight decimals are noise that no form of a tape makes smaller than JSON lines do.
const RECORDED: &[Recording] = &[
    ("spot trades, a crash day", &[("ticks/binance_trades_2025-10-10_TRXUSDT.csv.gz", "")], 1.0 / 3.0),
    ("spot trades, a calm day", &[("ticks/binance_trades_2025-10-04_BTCUSDC.csv.gz", "")], 1.0 / 3.0),
    ("futures trades, a crash day", &[("ticks/binance-delivery_trades_2025-10-10_DOTUSD_PERP.csv.gz", "")], 1.0 / 3.0),
    ("trades with eight decimals", &[("ticks/coinbase_trades_2025-10-10_DOT-USD.csv.gz", "")], 0.43),
    (
        "trades of three venues",
        &[
            ("ticks/binance_trades_2025-10-10_TRXUSDT.csv.gz", ""),
            ("ticks/binance-delivery_trades_2025-10-10_DOTUSD_PERP.csv.gz", ""),
            ("ticks/coinbase_trades_2025-10-10_DOT-USD.csv.gz", ""),
            ("ticks/gemini_trades_2025-10-10_BTCUSD.csv.gz", ""),
        ],
        0.36,
    ),
    (
        "futures trades and quotes",
        &[
            ("frames/hftbacktest/usdm_btcusdt_20240808.gz", "binance-usdm"),
            ("frames/hftbacktest/usdm_ethusdt_20240808.gz", "binance-usdm"),
        ],
        1.0 / 3.0,
    ),
    (
        "trades and quotes of three venues",
        &[
            ("frames/hftbacktest/usdm_btcusdt_20240808.gz", "binance-usdm"),
            ("frames/hftbacktest/cm_ethusd_perp_20240808.gz", "binance-coinm"),
            ("frames/hftbacktest/spot_btcusdt_20240808.gz", "binance-spot"),
        ],
        1.0 / 3.0,
    ),
];

#[test]
fn an_event_on_a_tape_takes_about_a_third_of_what_it_takes_in_json_lines() {
    let Some(data) = data() else {
        println!("skipped: no recordings in ../shared/data (FUSEWIRE_DATA says where)");
        return;
    };
    for (name, files, most) in RECORDED {
        let (inputs, markets) = events(&data, files);
        let count = inputs.len() as f64;
        let json = json_lines(&inputs);
        let tape = written(&inputs, &markets);
        let (json, dense) = (json as f64, tape.len() as f64);
        let part = dense / json;
        let recorded = recorded(&inputs, &markets) as f64;
        println!(
            "{name}: {count} inputs; zstd JSON lines {:.2} bytes each, converted {:.2}: {part:.3} of it; recorded {:.2}",
            json / count,
            dense / count,
            recorded / count
        );
        let reader = InputReader::new(Cursor::new(tape.clone())).expect("a tape");
        let mut found = 0;
        for (read, input) in reader.zip(&inputs) {
            assert_eq!(&read.expect("readable"), input);
            found += 1;
        }
        assert_eq!(found, inputs.len());
        assert!(part <= *most, "{name}: {part:.3} of JSON lines, at most {most:.3}");
    }
}

fn data() -> Option<PathBuf> {
    let told = std::env::var_os("FUSEWIRE_DATA").map(PathBuf::from);
    let data = told.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    data.join("ticks").is_dir().then_some(data)
}

/// All events of several files, by receive time.
fn events(data: &Path, files: &[(&str, &str)]) -> (Vec<Input>, Markets) {
    let (mut markets, mut inputs) = (Markets::new(), Vec::new());
    for (file, venue) in files {
        let spec = Spec::new(data.join(file));
        let spec = if venue.is_empty() { spec } else { spec.venue(*venue) };
        let mut source = tape::open(&spec).expect("a recording");
        while let Some(input) = source.next(&mut markets).expect("readable") {
            inputs.push(input);
        }
    }
    inputs.sort_by_key(Input::at);
    (inputs, markets)
}

/// Bytes of `Input` as `serde_json` writes it, a line each, packed by zstd.
fn json_lines(inputs: &[Input]) -> usize {
    let mut lines = Vec::new();
    for input in inputs {
        serde_json::to_writer(&mut lines, input).expect("memory takes all");
        lines.push(b'\n');
    }
    zstd::encode_all(&lines[..], USUAL).expect("memory takes all").len()
}

/// As `tape convert` does: large batches.
fn written(inputs: &[Input], markets: &Markets) -> Vec<u8> {
    let mut writer = InputWriter::packed_at(tape::LEVEL, Vec::new(), b"-", markets).expect("memory takes all");
    inputs.iter().try_for_each(|input| writer.write(input)).expect("memory takes all");
    writer.finish(None).expect("memory takes all")
}

/// As a recorder does: two batches a second.
fn recorded(inputs: &[Input], markets: &Markets) -> usize {
    let mut writer = InputWriter::packed(Vec::new(), b"-", markets).expect("memory takes all");
    let mut half = 0;
    for input in inputs {
        let now = input.at().0 / 500_000_000;
        if now != half {
            writer.flush().expect("memory takes all");
            half = now;
        }
        writer.write(input).expect("memory takes all");
    }
    writer.finish(None).expect("memory takes all").len()
}
