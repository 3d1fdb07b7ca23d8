//! Tapes made of tapes: what goes in comes out in every form, for us and for other programs; and hostile Parquet.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]
#![allow(clippy::print_stdout, reason = "a test tells what it skipped")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use assert_cmd::Command;
use fusewire::engine::Input;
use fusewire::feed::tape::{self, Spec};
use fusewire::market::Markets;
use serde_json::Value;

const FORMS: [&str; 3] = ["arrows", "arrows.zst", "parquet"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tapes")
}

fn fusewire(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("fusewire").expect("built").args(args).output().expect("it runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
}

fn info(paths: &[&str], more: &[&str]) -> Value {
    let (_, told, fault) = fusewire(&[&["tape", "info", "--json"], more, paths].concat());
    let mut told: Value = serde_json::from_str(&told).unwrap_or_else(|why| panic!("{why}: {told}{fault}"));
    // What was refused or repeated is not written again.
    for key in ["bad", "duplicates", "damaged"] {
        told[key] = Value::Null;
    }
    told
}

/// Every tape written by hand, with the words of the command line that it needs.
fn tapes() -> Vec<(String, Vec<String>)> {
    let mut tapes = Vec::new();
    for folder in fs::read_dir(fixtures()).expect("fixtures").map(|entry| entry.expect("an entry").path()) {
        for file in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()) {
            let Some(path) = file.to_str().and_then(|name| name.strip_suffix(".info.json")) else { continue };
            let want: Value = serde_json::from_str(&fs::read_to_string(&file).expect("readable")).expect("JSON");
            let args = want["args"].as_array().into_iter().flatten().map(|arg| arg.as_str().expect("text").to_owned());
            tapes.push((path.to_owned(), args.collect()));
        }
    }
    assert!(tapes.len() > 14, "{tapes:?}");
    tapes
}

#[test]
fn every_tape_comes_out_of_every_form_as_it_went_in() {
    let folder = tempfile::tempdir().expect("a folder");
    for (place, (path, args)) in tapes().iter().enumerate() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let want = info(&[path], &args);
        for form in FORMS {
            let to = folder.path().join(format!("{place}.{form}"));
            let to = to.to_str().expect("a name");
            let (code, told, fault) = fusewire(&[&["tape", "convert", path, "--to", to], &args[..]].concat());
            assert!(code == 0 || code == 4, "{path}: {told}{fault}");
            assert_eq!(info(&[to], &[]), want, "{path} as {form}");
            assert!(!Path::new(&format!("{to}.part")).exists());
        }
    }
}

/// Every event bit by bit, from CSV through every form and back.
#[test]
fn events_are_the_same_bit_by_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gemini_trades.csv");
    fs::write(&path, trades(3_000)).expect("written");
    let want = read(&path);
    assert_eq!(want.len(), 3_000);
    for form in FORMS {
        let to = folder.path().join(format!("t.{form}"));
        let (code, told, fault) =
            fusewire(&["tape", "convert", path.to_str().expect("a name"), "--to", to.to_str().expect("a name")]);
        assert_eq!(code, 0, "{told}{fault}");
        assert_eq!(read(&to), want, "{form}");
    }
}

fn read(path: &Path) -> Vec<Input> {
    let mut source = tape::open(&Spec::new(path)).expect("a tape");
    let (mut markets, mut inputs) = (Markets::new(), Vec::new());
    while let Some(input) = source.next(&mut markets).expect("readable") {
        inputs.push(input);
    }
    assert!(!source.report().is_damaged(), "{:?}", source.report());
    inputs
}

/// Tardis trades of two markets.
fn trades(count: u64) -> String {
    let mut text = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n".to_owned();
    for id in 0..count {
        let at = 1_760_130_903_000_000 + id * 1_003;
        let symbol = if id % 3 == 0 { "DOTUSD" } else { "BTCUSD" };
        let side = ["buy", "sell", "unknown"][id as usize % 3];
        let price = 3.0 + (id * 7 % 1_000) as f64 / 997.0;
        let (recv_at, amount) = (at + id % 50, 1 + id % 900);
        let _ = writeln!(text, "gemini,{symbol},{at},{recv_at},{id},{side},{price},0.{amount:03}");
    }
    text
}

#[test]
fn a_cut_has_its_span_and_its_markets_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    fs::write(at("gemini_trades.csv"), trades(3_000)).expect("written");
    let (from, to) = ("2025-10-10T21:15:04Z", "2025-10-10T21:15:05Z");
    let cut = ["tape", "cut", &at("gemini_trades.csv"), "--from", from, "--to", to, "--market", "gemini:DOTUSD"];
    let (code, told, fault) = fusewire(&[&cut[..], &["--out", &at("cut.arrows")]].concat());
    assert_eq!(code, 0, "{told}{fault}");
    let told = info(&[&at("cut.arrows")], &[]);
    assert_eq!(told["markets"].as_object().expect("markets").keys().collect::<Vec<_>>(), ["gemini:DOTUSD"]);
    let span = 1_760_130_904_000_000_000..1_760_130_905_000_000_000_i64;
    let [first, last] = ["first_ns", "last_ns"].map(|key| told[key].as_i64().expect("a time"));
    assert!(span.contains(&first) && span.contains(&last), "{first} {last}");
    let is_in = |id: &u64| {
        let recv = (1_760_130_903_000_000 + id * 1_003 + id % 50) * 1_000;
        id.is_multiple_of(3) && span.contains(&(recv as i64))
    };
    assert_eq!(told["markets"]["gemini:DOTUSD"]["trades"], (0..3_000).filter(is_in).count() as u64);

    let strange = ["--market", "gemini:NONE", "--out", &at("none.arrows")];
    let (code, _, fault) = fusewire(&[&["tape", "cut", &at("gemini_trades.csv")], &strange[..]].concat());
    assert_eq!((code, fault.as_str()), (0, "gemini:NONE: no tape has this market\n"));
    assert_eq!(fusewire(&["tape", "cut", &at("cut.arrows"), "--out", &at("all.arrows")]).0, 2, "nothing said");
    let backwards = ["--from", to, "--to", from, "--out", &at("all.arrows")];
    assert_eq!(fusewire(&[&["tape", "cut", &at("cut.arrows")], &backwards[..]].concat()).0, 2);
}

#[test]
fn merged_tapes_hold_all_in_the_order_of_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    let text = trades(2_000);
    let (head, rows) = text.split_once('\n').expect("a header");
    let share = |odd: usize| {
        let rows: Vec<&str> =
            rows.lines().enumerate().filter(|(place, _)| place % 2 == odd).map(|(_, row)| row).collect();
        format!("{head}\n{}\n", rows.join("\n"))
    };
    fs::write(at("gemini_trades_a.csv"), share(0)).expect("written");
    fs::write(at("gemini_trades_b.csv"), share(1)).expect("written");
    let merge =
        ["tape", "merge", &at("gemini_trades_a.csv"), &at("gemini_trades_b.csv"), "--out", &at("all.arrows.zst")];
    let (code, told, fault) = fusewire(&merge);
    assert_eq!(code, 0, "{told}{fault}");
    let merged = read(Path::new(&at("all.arrows.zst")));
    assert_eq!(merged.len(), 2_000);
    assert!(merged.is_sorted_by_key(Input::at));
    assert_eq!(
        info(&[&at("all.arrows.zst")], &[]),
        info(&[&at("gemini_trades_a.csv"), &at("gemini_trades_b.csv")], &[])
    );
}

#[test]
fn nothing_is_written_over_and_damage_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    fs::write(at("gemini_trades.csv"), trades(5) + "gemini,DOTUSD,x,x,1,buy,1,1\n").expect("written");
    let (code, told, fault) = fusewire(&["tape", "convert", &at("gemini_trades.csv"), "--to", &at("t.csv.gz")]);
    assert_eq!(code, 4, "{told}{fault}");
    assert!(fault.contains("1 bad lines (time 1)"), "{fault}");
    let before = fs::read(at("t.csv.gz")).expect("written");
    let (code, _, fault) = fusewire(&["tape", "convert", &at("gemini_trades.csv"), "--to", &at("t.csv.gz")]);
    assert!(code == 2 && fault.contains("nothing is written over"), "{fault}");
    assert_eq!(fs::read(at("t.csv.gz")).expect("there"), before);
    let (code, _, fault) = fusewire(&["tape", "convert", &at("gemini_trades.csv"), "--to", &at("t.xlsx")]);
    assert!(code == 2 && fault.contains(".parquet, .arrows"), "{fault}");
}

/// Parquet whose reader gives up is a damaged tape: exit code 4, or 1 where a panic ends the process, and a word about it.
#[test]
fn a_parquet_file_that_contradicts_itself_is_damage() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.parquet");
    let file = fs::read(fixtures().join("parquet-trades/tardis-like.parquet")).expect("a tape");
    let mut codes = BTreeMap::new();
    for place in (4..file.len()).step_by(97) {
        let mut changed = file.clone();
        changed[place] ^= 0xFF;
        fs::write(&path, changed).expect("written");
        let (code, _, fault) = fusewire(&["tape", "info", path.to_str().expect("a name")]);
        assert!(code == 0 || !fault.is_empty(), "{place}: {code}");
        assert!([0, 1, 2, 4].contains(&code), "{place}: {code}: {fault}");
        *codes.entry(code).or_insert(0) += 1;
    }
    assert!(codes.len() > 1, "{codes:?}");
}

/// What the schema of a dense tape says of its columns, done: a value that is null is told by the steps.
const DENSE: &str = "
def restored(t):
    at, rows = t['recv_ns'].cast('int64').to_pylist(), t.drop_columns(['recv_ns', 'venue_ns']).to_pylist()
    recv, unit, decimals = 0, 0, {}
    for place, row in enumerate(rows):
        unit = row['recv_unit'] or unit
        recv = at[place] if at[place] is not None else recv + row['recv_step'] * unit
        key, at[place] = (row['market'], row['kind']), recv
        if row['qty_dec'] is not None:
            decimals[key] = row['qty_dec']
        if row['kind'] == 'trade' and row['qty'] is None:
            row['qty'] = (row['qty_step'] + row['qty_leap']) / 10 ** decimals[key]
    names = ['kind', 'market', 'side', 'qty']
    columns = {name: [row[name] for row in rows] for name in names}
    return pa.table({**columns, 'recv_ns': pa.array(at, pa.timestamp('ns'))})
";

/// What pyarrow, pandas and `DuckDB` make of our files. They are no part of the project: where they are missing, this says so.
#[test]
fn other_programs_read_what_we_write() {
    let has = |module: &str| {
        let asked = Program::new("python3").args(["-c", &format!("import {module}")]).output();
        asked.is_ok_and(|output| output.status.success())
    };
    if !has("pyarrow") {
        println!("skipped: python3 has no pyarrow here (pip install pyarrow; PYTHONPATH says where)");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("a name").to_owned();
    fs::write(at("gemini_trades.csv"), trades(40_000)).expect("written");
    for form in FORMS {
        let (code, told, fault) =
            fusewire(&["tape", "convert", &at("gemini_trades.csv"), "--to", &at(&format!("t.{form}"))]);
        assert_eq!(code, 0, "{told}{fault}");
    }
    let readers = [
        ("pyarrow", "arrows", "pa.ipc.open_stream(pa.OSFile(path)).read_all()"),
        ("pyarrow", "arrows.zst", "restored(pa.ipc.open_stream(pa.input_stream(path, compression='zstd')).read_all())"),
        ("pyarrow", "parquet", "pq.read_table(path)"),
        ("pandas", "parquet", "pa.Table.from_pandas(__import__('pandas').read_parquet(path))"),
        ("duckdb", "parquet", "__import__('duckdb').sql(f\"select * from '{path}'\").to_arrow_table()"),
        ("polars", "arrows", "__import__('polars').read_ipc_stream(path).to_arrow()"),
        ("polars", "parquet", "__import__('polars').read_parquet(path).to_arrow()"),
    ];
    let want = info(&[&at("gemini_trades.csv")], &[]);
    for (module, form, open) in readers {
        if !has(module) {
            println!("skipped: python3 has no {module} here");
            continue;
        }
        let path = at(&format!("t.{form}"));
        let program = format!(
            "import json, pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq\n\
             {DENSE}\n\
             path = {path:?}\n\
             t = {open}\n\
             t = t.filter(pc.equal(t['kind'].cast('string'), 'trade'))\n\
             m = t['market'].cast('string')\n\
             q = lambda name: pc.sum(t.filter(pc.equal(m, name))['qty']).as_py()\n\
             ns = lambda f: int(f(t['recv_ns'].cast(pa.timestamp('ns'))).cast('int64').as_py())\n\
             print(json.dumps({{'first': ns(pc.min), 'last': ns(pc.max), 'rows': t.num_rows, 'sells': t.filter(pc.equal(t['side'].cast('string'), 'sell')).num_rows,\n\
             'dot': q('gemini:DOTUSD'), 'btc': q('gemini:BTCUSD')}}))\n"
        );
        let output = Program::new("python3").args(["-c", &program]).output().expect("it runs");
        let fault = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{module} {form}: {fault}");
        let told: BTreeMap<String, f64> = serde_json::from_slice(&output.stdout).expect("JSON");
        let number = |value: &Value| value.as_f64().expect("a number");
        for (key, want) in [
            ("first", number(&want["first_ns"])),
            ("last", number(&want["last_ns"])),
            ("rows", 40_000.0),
            ("sells", 13_333.0),
            ("dot", number(&want["markets"]["gemini:DOTUSD"]["quantity"])),
            ("btc", number(&want["markets"]["gemini:BTCUSD"]["quantity"])),
        ] {
            assert!((told[key] - want).abs() <= want * 1e-12, "{module} {form}: {key} {} not {want}", told[key]);
        }
        println!("{module} reads .{form}");
    }
}

#[test]
fn no_torn_parquet_brings_more_than_it_holds_and_no_changed_one_a_panic() {
    for name in ["tardis-like.parquet", "one-market.parquet"] {
        let file = fs::read(fixtures().join("parquet-trades").join(name)).expect("a tape");
        let spec = Spec::new("t.parquet").venue("binance-usdm:DOTUSDT");
        let count = |bytes: &[u8]| {
            let mut source = tape::read(Box::new(Cursor::new(bytes.to_vec())), &spec).ok()?;
            let (mut markets, mut count) = (Markets::new(), 0);
            while let Ok(Some(_)) = source.next(&mut markets) {
                count += 1;
            }
            Some((count, source.report().is_damaged()))
        };
        let whole = count(&file).expect("readable");
        for cut in 0..file.len() {
            let told = count(&file[..cut]);
            assert!(told.is_none_or(|(inputs, damaged)| inputs <= whole.0 && damaged), "cut at {cut}: {told:?}");
        }
        for place in 0..file.len() {
            for flip in [0x01, 0x80, 0xFF] {
                let mut changed = file.clone();
                changed[place] ^= flip;
                count(&changed);
            }
        }
    }
}
