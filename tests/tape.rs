//! Tapes: every recorded file against an independent count, and hostile files of every kind.
#![cfg(feature = "daemon")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::print_stdout, clippy::format_push_string, reason = "a test tells what it skipped and counted")]

use std::fmt::Debug;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use fusewire::engine::Input;
use fusewire::event::{Aggressor, Bar, Body, Event};
use fusewire::feed::tape::{self, Format, LINE_MAX, MARKETS_MAX, Report, Spec, TapeError};
use fusewire::market::Markets;
use proptest::prelude::*;

const HEADER: &str = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
const ROW: &str = "coinbase,DOT-USD,1760054402827294,1760054402866691,50600667,buy,4.077,0.23876999\n";

// Recorded files.

#[test]
fn recorded_trades_equal_an_independent_reading() {
    for path in recorded("ticks") {
        let text = unpacked(&path);
        let mut markets = Markets::new();
        let mut source = tape::open(&Spec::new(&path)).unwrap();
        let (mut rows, mut total) = (0_u64, 0.0);
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split(',').collect();
            let event = event_of(source.next(&mut markets).unwrap());
            let Body::Trade { price, qty, id, aggressor } = event.body else { panic!("{line}: {event:?}") };
            assert_eq!(markets.name(event.market), format!("{}:{}", ours(columns[0]), columns[1]), "{line}");
            assert_eq!(event.venue_at.0, columns[2].parse::<i64>().unwrap() * 1_000, "{line}");
            assert_eq!(event.recv_at.0, columns[3].parse::<i64>().unwrap() * 1_000, "{line}");
            assert_eq!(id, columns[4].parse::<u64>().unwrap(), "{line}");
            assert_eq!(aggressor, if columns[5] == "buy" { Aggressor::Buy } else { Aggressor::Sell }, "{line}");
            assert_eq!(price.get().to_bits(), columns[6].parse::<f64>().unwrap().to_bits(), "{line}");
            assert_eq!(qty.get().to_bits(), columns[7].parse::<f64>().unwrap().to_bits(), "{line}");
            rows += 1;
            total += qty.get();
        }
        assert_eq!(source.next(&mut markets).unwrap(), None);
        assert!(!source.report().is_damaged(), "{:?}", source.report().message());
        told(&Spec::new(&path), "trades", rows, total);
    }
}

#[test]
fn recorded_bars_equal_an_independent_reading() {
    for path in recorded("bars") {
        let text = unpacked(&path);
        let venue = if path.to_string_lossy().contains("XBTUSD") { "bitmex" } else { "binance-spot" };
        let spec = Spec::new(&path).venue(venue);
        let mut markets = Markets::new();
        let mut source = tape::open(&spec).unwrap();
        let (mut rows, mut total) = (0_u64, 0.0);
        for line in text.lines().skip(1) {
            let columns: Vec<&str> = line.split(',').collect();
            let bar = bar_of(source.next(&mut markets).unwrap());
            assert_eq!(bar.open_at.0, columns[0].parse::<i64>().unwrap() * 1_000_000, "{line}");
            assert_eq!(bar.close_at.0, (columns[6].parse::<i64>().unwrap() + 1) * 1_000_000, "{line}");
            let numbers =
                [bar.open.get(), bar.high.get(), bar.low.get(), bar.close.get(), bar.volume.get(), bar.taker_buy.get()];
            for (number, column) in numbers.into_iter().zip([1, 2, 3, 4, 5, 9]) {
                assert_eq!(number.to_bits(), columns[column].parse::<f64>().unwrap().to_bits(), "{line}");
            }
            assert_eq!(bar.trades, columns[8].parse::<u64>().unwrap(), "{line}");
            rows += 1;
            total += bar.volume.get();
        }
        assert_eq!(source.next(&mut markets).unwrap(), None);
        assert!(!source.report().is_damaged(), "{:?}", source.report().message());
        told(&spec, "bars", rows, total);
    }
}

#[test]
fn recorded_days_of_several_venues_merge_by_receive_time() {
    let paths = recorded("ticks");
    let mut markets = Markets::new();
    let sources = paths.iter().map(|path| tape::open(&Spec::new(path)).unwrap()).collect();
    let mut merged = tape::merge(sources);
    let mut last = i64::MIN;
    let mut backwards = 0_u64;
    let mut count = 0;
    while let Some(input) = merged.next(&mut markets).unwrap() {
        backwards += u64::from(input.at().0 < last);
        last = last.max(input.at().0);
        count += 1;
    }
    assert_eq!(merged.reports().map(|report| report.inputs).sum::<u64>(), count);
    assert_eq!(backwards, 0, "each recorded day is sorted by receive time");
}

#[test]
fn recorded_frames_are_known_for_what_they_are() {
    for path in
        recorded("frames/hftbacktest").into_iter().filter(|path| path.extension().is_some_and(|end| end == "gz"))
    {
        match tape::open(&Spec::new(&path)) {
            Ok(source) => assert_eq!(source.report().format, Format::Frames),
            Err(error) => assert!(error.to_string().contains("frames"), "{error}"),
        }
    }
}

/// Retired protocols: their frames are refused one by one where the URL is of a venue we have, and a URL of none is doubt.
#[test]
fn recorded_frames_of_retired_protocols_are_counted_as_bad() {
    let paths = recorded("frames/cryptofeed");
    let retired = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        ["BYBIT", "COINBASE", "KRAKEN.ws"].iter().any(|start| name.starts_with(start))
    };
    for path in paths.iter().filter(retired) {
        let info = tape::info(&[Spec::new(path)]).unwrap();
        println!("{}: {:?}", path.display(), info.bad);
        assert!(info.markets.is_empty() && info.damaged.is_empty() && info.bad.values().sum::<u64>() > 10, "{info:?}");
        assert!(!info.bad.contains_key("time") && !info.bad.contains_key("columns"), "{info:?}");
    }
    for path in paths.iter().filter(|path| path.to_string_lossy().contains("BITFINEX")) {
        let doubt = tape::info(&[Spec::new(path)]).unwrap_err();
        assert!(doubt.exit_code() == 2 && doubt.to_string().contains("binance-usdm"), "{doubt}");
    }
}

/// A stream of a class of markets names them as they come; those that have no name we know are passed over.
#[test]
fn frames_of_a_whole_class_introduce_their_markets() {
    let liquidation = |native: &str, at: u64| {
        let detail = r#"{"bkPx":"4.5","posSide":"long","side":"sell","sz":"2","ts":"1760130903000"}"#;
        let data = format!(r#"[{{"details":[{detail}],"instId":"{native}"}}]"#);
        format!("{at} {{\"arg\":{{\"channel\":\"liquidation-orders\",\"instType\":\"SWAP\"}},\"data\":{data}}}\n")
    };
    let tape = [
        liquidation("SOL-USDT-SWAP", 1_760_130_903_100_000_000),
        "1760130903200000000 pong\n".to_owned(),
        liquidation("NOBODYKNOWS-USDT-SWAP", 1_760_130_903_300_000_000),
        liquidation("SOL-USDT-SWAP", 1_760_130_903_400_000_000),
        liquidation("DOT-USD-SWAP", 1_760_130_903_500_000_000),
    ]
    .concat();
    let spec = Spec::new("liquidations.frames").venue("okx").format(Format::Frames);
    let mut markets = Markets::new();
    let mut source = tape::read(Box::new(Cursor::new(tape.into_bytes())), &spec).unwrap();
    let mut names = Vec::new();
    while let Some(input) = source.next(&mut markets).unwrap() {
        names.push(markets.name(event_of(Some(input)).market));
    }
    assert_eq!(names, ["okx:SOL-USDT-SWAP", "okx:SOL-USDT-SWAP", "okx:DOT-USD-SWAP"]);
    assert_eq!(source.report().bad, empty().bad);
}

/// What `tape info` tells of a file must be the count made here.
fn told(spec: &Spec, kind: &str, rows: u64, total: f64) {
    let info = tape::info(std::slice::from_ref(spec)).unwrap();
    let (name, market) = info.markets.first_key_value().unwrap();
    println!("{name}: {rows} {kind}, quantity {}, {:?} to {:?}", market.quantity, info.first_ns, info.last_ns);
    assert_eq!(info.markets.len(), 1);
    assert_eq!(market.counts.values().sum::<u64>(), rows);
    assert_eq!(market.counts[kind], rows);
    assert!((market.quantity - total).abs() <= 1e-9 * total, "{} {total}", market.quantity);
    assert!(info.bad.is_empty() && info.damaged.is_empty());
}

/// Files of a folder of recorded data, in order; none, said aloud, where there is no such data.
fn recorded(folder: &str) -> Vec<PathBuf> {
    let Some(data) = std::env::var_os("FUSEWIRE_DATA") else {
        println!("skipped: FUSEWIRE_DATA is not set");
        return Vec::new();
    };
    let folder = Path::new(&data).join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} holds nothing", folder.display());
    paths
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn ours(tardis: &str) -> &str {
    match tardis {
        "binance" => "binance-spot",
        "binance-delivery" => "binance-coinm",
        other => other,
    }
}

// Hostile files.

#[test]
fn line_ends_mix_and_the_header_may_be_missing_or_repeated() {
    let crlf = ROW.replace('\n', "\r\n");
    for (text, lines) in [
        (format!("{HEADER}{ROW}{ROW}"), 3),
        (format!("{ROW}{ROW}"), 2),
        (format!("\u{feff}{HEADER}{crlf}\n\r\n{ROW}"), 5),
        (format!("{HEADER}{ROW}{HEADER}{}", ROW.trim_end()), 4),
    ] {
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let (inputs, report) = read(bytes, "trades.csv").unwrap();
            assert_eq!((inputs.len(), report.lines, report.is_damaged()), (2, lines, false), "{text:?}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_keeps_its_whole_lines_and_says_so() {
    for pack in [gzip, zst] {
        let whole = pack(csv(400).as_bytes());
        let (all, _) = read(whole.clone(), "trades.csv").unwrap();
        assert_eq!(all.len(), 400);
        for len in (0..whole.len()).step_by(97) {
            let (inputs, report) = read_as(whole[..len].to_vec(), Format::TardisTrades).unwrap();
            assert_eq!(inputs, all[..inputs.len()], "cut at {len}");
            assert!(len < 2 || report.damage.is_some(), "cut at {len}");
            assert!(report.bad.total() <= 1, "cut at {len}: {}", report.bad);
        }
        let (inputs, report) = read(whole[..whole.len() - 1].to_vec(), "trades.csv").unwrap();
        assert_eq!(inputs.len(), 400);
        assert!(report.damage.is_some(), "the checksum is missing");
    }
}

#[test]
fn joined_archives_are_read_to_the_last_and_what_is_no_archive_is_told() {
    for pack in [gzip, zst] {
        let mut joined = pack(format!("{HEADER}{ROW}").as_bytes());
        joined.extend(pack(format!("{HEADER}{ROW}{ROW}").as_bytes()));
        let (inputs, report) = read(joined.clone(), "trades.csv").unwrap();
        assert_eq!((inputs.len(), report.is_damaged()), (3, false));
        joined.extend(b"and then something else");
        let (inputs, report) = read(joined, "trades.csv").unwrap();
        assert_eq!(inputs.len(), 3);
        assert!(report.damage.is_some());
    }
}

#[test]
fn bad_numbers_are_counted_by_reason_and_the_rest_is_kept() {
    let mut text = format!("{HEADER}{ROW}");
    for bad in ["NaN", "inf", "-inf", "1e999", "-4.077", "0", "-0.0", "1e300", "1e-300", "", "4,077", "\"4.077\"", "٤"]
    {
        text += &ROW.replace("4.077", bad);
    }
    text += ROW;
    let (inputs, report) = read(text.into_bytes(), "trades.csv").unwrap();
    assert_eq!(inputs.len(), 2);
    let told: Vec<_> = report.bad.by_reason().into_iter().collect();
    let want = [("columns", 1), ("not_a_number", 3), ("not_finite", 4), ("not_positive", 3), ("out_of_range", 2)];
    assert_eq!(told, want);
    assert!(report.message().unwrap().contains("13 bad lines"), "{:?}", report.message());
    assert!(report.message().unwrap().contains("first at line 3 (not_finite), 4 (not_finite)"));
}

#[test]
fn a_huge_line_costs_itself_and_nothing_else() {
    let mut text = format!("{HEADER}{ROW}").into_bytes();
    text.extend(std::iter::repeat_n(b'9', 5 * LINE_MAX));
    text.extend(format!("\n{ROW}").bytes());
    let (inputs, report) = read(gzip(&text), "trades.csv").unwrap();
    assert_eq!(inputs.len(), 2);
    assert_eq!(report.bad.by_reason().into_iter().collect::<Vec<_>>(), [("line_too_long", 1)]);
    assert_eq!(report.lines, 4);
}

#[test]
fn bombs_are_streamed_and_given_up() {
    let mut newlines = format!("{HEADER}{ROW}").into_bytes();
    newlines.resize(100 << 20, b'\n');
    let mut zeros = format!("{HEADER}{ROW}").into_bytes();
    zeros.resize(100 << 20, 0);
    for bomb in [gzip(&newlines), gzip(&zeros), zst(&newlines), zst(&zeros)] {
        let (inputs, report) = read(bomb, "trades.csv").unwrap();
        assert_eq!(inputs.len(), 1);
        assert!(report.damage.is_some());
    }
}

/// Of ten assets: the table of markets looks assets up one after the other.
#[test]
fn a_flood_of_symbols_ends_at_the_cap() {
    let mut text = HEADER.to_owned();
    for number in 0..MARKETS_MAX + 1_000 {
        text += &ROW.replace("DOT-USD", &format!("{}-USD{number}", number % 10));
    }
    let (inputs, report) = read(text.into_bytes(), "trades.csv").unwrap();
    assert_eq!(inputs.len(), MARKETS_MAX);
    assert_eq!(report.bad.by_reason()["too_many_markets"], 1_000);
}

#[test]
fn doubt_is_an_error_that_names_the_choices() {
    let bars = "1675209600000,0.2,0.3,0.2,0.3,28.0,1675209659999,68.2,270,17.9,43.3,0\n";
    for (bytes, name, want) in [
        (csv(3).into_bytes(), "DOT.csv.gz", "--format tardis-liquidations"),
        (b"hello\n".to_vec(), "trades.csv", "--format binance-klines"),
        (Vec::new(), "trades.csv", "no first line"),
        (gzip(b""), "trades.csv", "no first line"),
        (b"PK\x03\x04rest".to_vec(), "trades.zip", "damaged"),
        (b"\x28\xB5\x2F\xFDrest".to_vec(), "trades.zst", "damaged"),
        (bars.into(), "BTCUSDT-1m-2024-01.csv", "--venue binance-spot"),
    ] {
        let error = read(bytes, name).map(|(inputs, _)| inputs).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().contains(want) && error.to_string().starts_with(name), "{error}");
    }
    let error = tape::open(&Spec::new("/nowhere/trades.csv")).map(|_| ()).unwrap_err();
    assert_eq!(error.exit_code(), 1);
}

#[test]
fn tapes_merge_by_receive_time_then_command_line_then_line() {
    let row = |id: u64, at: u64| format!("gemini,DOTUSD,1760054400000000,{at},{id},buy,4.0,1\n");
    let at = 1_760_054_400_000_000;
    let left = row(1, at) + &row(2, at + 5) + &row(3, at + 5) + &row(4, at + 1);
    let right = row(11, at) + &row(12, at + 2) + &row(13, at + 5);
    let mut markets = Markets::new();
    let sources = [left, right, String::new()].map(|text| {
        let spec = Spec::new("t.csv").format(Format::TardisTrades);
        tape::read(Box::new(Cursor::new(text.into_bytes())), &spec).unwrap()
    });
    let mut merged = tape::merge(sources.into());
    let mut order = Vec::new();
    while let Some(input) = merged.next(&mut markets).unwrap() {
        let Body::Trade { id, .. } = event_of(Some(input)).body else { unreachable!() };
        order.push(id);
    }
    assert_eq!(
        order,
        [1, 11, 12, 2, 3, 4, 13],
        "4 came late in its file and comes late here, before a tie on the right"
    );
    assert_eq!(merged.next(&mut markets).unwrap(), None);
    assert_eq!(markets.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_to_the_end(bytes: Vec<u8>, packed in 0_usize..3) {
        let bytes = [|bytes: &[u8]| bytes.to_vec(), gzip, zst][packed](&bytes);
        for &format in Format::ALL {
            let (inputs, _) = read_as(bytes.clone(), format).unwrap_or_else(|error| {
                assert_eq!(error.exit_code(), 2);
                (Vec::new(), Report::clone(&empty()))
            });
            prop_assert!(inputs.is_empty());
        }
        let _ = read(bytes, "trades.csv");
    }

    #[test]
    fn any_change_of_a_row_gives_sound_numbers_or_a_count(place in 0..ROW.len() - 1, byte: u8) {
        let mut row = ROW.as_bytes().to_vec();
        row[place] = byte;
        let (inputs, report) = read_as(row, Format::TardisTrades).unwrap();
        prop_assert!(report.inputs + report.bad.total() >= 1);
        for input in inputs {
            let Body::Trade { price, qty, .. } = event_of(Some(input)).body else { unreachable!() };
            prop_assert!(price.get() > 0.0 && price.get().is_finite() && qty.get() > 0.0 && qty.get().is_finite());
        }
    }

    #[test]
    fn any_change_of_an_archive_is_read_to_an_end_and_told_where_rows_differ(place in 18_usize..3_000, byte: u8) {
        let text = csv(400);
        let (whole, _) = read_as(text.clone().into_bytes(), Format::TardisTrades).unwrap();
        for pack in [gzip, zst] {
            let mut bytes = pack(text.as_bytes());
            let place = place % bytes.len();
            bytes[place] = byte;
            if let Ok((inputs, report)) = read_as(bytes, Format::TardisTrades) {
                prop_assert!(inputs == whole || report.is_damaged(), "{} of {} rows", inputs.len(), whole.len());
            }
        }
    }
}

// Helpers.

fn read(bytes: Vec<u8>, name: &str) -> Result<(Vec<Input>, Report), TapeError> {
    drain(bytes, &Spec::new(name))
}

fn read_as(bytes: Vec<u8>, format: Format) -> Result<(Vec<Input>, Report), TapeError> {
    drain(bytes, &Spec::new("XBTUSD-1m-2015.csv").venue("bitmex").format(format))
}

fn drain(bytes: Vec<u8>, spec: &Spec) -> Result<(Vec<Input>, Report), TapeError> {
    let mut markets = Markets::new();
    let mut source = tape::read(Box::new(Cursor::new(bytes)), spec)?;
    let mut inputs = Vec::new();
    while let Some(input) = source.next(&mut markets)? {
        inputs.push(input);
    }
    Ok((inputs, source.report().clone()))
}

fn empty() -> Report {
    read_as(Vec::new(), Format::TardisTrades).unwrap().1
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// With a checksum at the end, as the program of that name writes it.
fn zst(bytes: &[u8]) -> Vec<u8> {
    let mut packed = zstd::Encoder::new(Vec::new(), 3).unwrap();
    packed.include_checksum(true).unwrap();
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

/// So many rows, no two alike.
fn csv(rows: u64) -> String {
    let row = |id: u64| {
        let at = 1_760_054_400_000_000 + id * 1_371;
        let price = 4.0 + (id * id % 977) as f64 / 1_000.0;
        format!("gemini,DOTUSD,{at},{},{id},sell,{price},{}\n", at + id % 61, 1 + id * 31 % 17)
    };
    (0..rows).fold(HEADER.to_owned(), |text, id| text + &row(id))
}

fn event_of(input: Option<Input>) -> Event {
    match input {
        Some(Input::Event(event)) => event,
        other => wrong(&other),
    }
}

fn bar_of(input: Option<Input>) -> Bar {
    match input {
        Some(Input::Bar(bar)) => bar,
        other => wrong(&other),
    }
}

fn wrong(other: &impl Debug) -> ! {
    panic!("not what the row says: {other:?}")
}
