//! The fuzzer's examples, kept: every file of `fuzz/corpus` holds what its target holds.
//!
//! `cargo test --test corpus -- --ignored` writes the examples that are made from fixtures anew; those that the fuzzer
//! found stand beside them. See `fuzz/README.md`.

#![cfg(feature = "daemon")]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may fail loudly"
)]

#[path = "../fuzz/src/lib.rs"]
mod properties;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::write::{DeflateEncoder, GzEncoder};
use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, Command, DeliveryReport, Engine, EngineSettings, FeedReport, FeedState, Input};
use fusewire::event::{Aggressor, Bar, Body, Event, Liquidated, MarketId, Nanos, Price, PriceMeaning, Qty};
use fusewire::event::{Completeness, VenueStatus};
use fusewire::feed::tape::{Format, InputWriter};
use fusewire::feed::venue::VENUES;
use fusewire::market::VenueId;
use fusewire::record::Who;
use fusewire::trip::Scope;
use serde_json::Value;

/// The whole corpus is small, so that a checkout stays so.
const BYTES_MAX: u64 = 400_000;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let list = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<PathBuf> = list.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn every_example_of_the_fuzzer_holds() {
    let mut bytes = 0;
    for (name, check) in properties::TARGETS {
        let files = files(&corpus().join(name));
        assert!(files.len() > 5, "{name}: {} examples", files.len());
        for file in &files {
            let data = fs::read(file).expect("an example");
            bytes += data.len() as u64;
            let held = std::panic::catch_unwind(|| check(&data));
            assert!(held.is_ok(), "{} does not hold", file.display());
        }
        println!("{name}: {} examples", files.len());
    }
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}

#[test]
fn every_folder_has_a_target_and_every_target_a_program() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let folders = files(&corpus()).len();
    assert_eq!(folders, properties::TARGETS.len());
    assert_eq!(files(&top.join("fuzz_targets")).len(), properties::TARGETS.len());
    for (name, _) in properties::TARGETS {
        assert!(top.join("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name}");
    }
}

/// An example that its reader refuses as a whole looks as if it held: this one counts.
#[test]
fn the_examples_of_every_format_of_tapes_are_read_and_not_refused() {
    let bytes = |name: &str| fs::read(corpus().join("tapes").join(name)).unwrap_or_else(|why| panic!("{name}: {why}"));
    let mut formats: Vec<Format> = Vec::new();
    for (name, format, ..) in tapes_by_hand() {
        let example = bytes(&name);
        assert_eq!(example[0], properties::tapes::pick(Some(format)), "{name}");
        assert!(properties::tapes::inputs(&example) > 0, "{name} gives no input");
        formats.push(format);
    }
    formats.dedup();
    formats.sort();
    assert_eq!(formats, Format::ALL, "each has a tape in fixtures/tapes");
    for name in [
        "trades",
        "liquidations",
        "liquidations-by-name",
        "bars",
        "bars-found-out",
        "frames",
        "frames-found-out",
        "trades-packed",
        "frames-packed",
        "frames-packed-and-cut",
        "binance-klines-zstd",
        "binance-klines-zip",
        "tardis-derivative-ticker-zstd",
        "tardis-derivative-ticker-zip",
    ] {
        assert!(properties::tapes::inputs(&bytes(name)) > 0, "{name} gives no input");
    }
}

#[test]
#[ignore = "writes into the checkout"]
fn examples_are_made_from_fixtures() {
    venues();
    sessions();
    tapes();
    inputs_and_snapshots();
    configs();
    gates();
    controls();
}

fn put(target: &str, name: &str, data: &[u8]) {
    let folder = corpus().join(target);
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name), data).expect("written");
}

/// One frame a kind of a venue: its first. The fuzzer finds the rest.
fn frames(venue: &str) -> Vec<(String, String)> {
    let folder = properties::rooms::top().join("fixtures/wire").join(venue);
    let is_case = |file: &PathBuf| file.extension().is_some_and(|end| end == "jsonl");
    files(&folder).into_iter().filter(is_case).filter_map(|file| first(&file)).collect()
}

fn first(file: &Path) -> Option<(String, String)> {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(borrow)]
        frame: &'a serde_json::value::RawValue,
    }
    let text = fs::read_to_string(file).expect("a fixture");
    let raw: Raw = serde_json::from_str(text.lines().next()?).expect("JSON");
    let plain: Value = serde_json::from_str(raw.frame.get()).expect("JSON");
    let frame = plain.as_str().map_or_else(|| raw.frame.get().to_owned(), str::to_owned);
    (frame.len() < 3000).then(|| (file.file_stem().expect("a name").to_string_lossy().into_owned(), frame))
}

fn venues() {
    for (place, venue) in VENUES.iter().enumerate() {
        for (kind, frame) in frames(venue.name()) {
            put("venues", &format!("{}-{kind}", venue.name()), &[&[place as u8], frame.as_bytes()].concat());
        }
    }
}

/// Connected, answered, fed, silent for long, and fed again.
fn sessions() {
    for (place, venue) in VENUES.iter().enumerate() {
        let mut data = vec![place as u8, 0, 0x70, 1, 0];
        let frames = frames(venue.name());
        for (_, frame) in frames.iter().filter(|(_, frame)| frame.len() < 700) {
            data.extend([4, 0x01]);
            data.extend((frame.len() as u16).to_le_bytes());
            data.extend(frame.as_bytes());
        }
        data.extend([2, 0, 0, 0xff, 3, 0, 0, 0x80, 1, 0]);
        put("session", venue.name(), &data);
    }
}

fn unpacked(name: &str, most: usize) -> Vec<u8> {
    let file = fs::File::open(properties::rooms::top().join("fixtures/2025-10-10").join(name)).expect("a fixture");
    let mut data = Vec::new();
    GzDecoder::new(file).take(most as u64).read_to_end(&mut data).expect("gzip");
    let end = data.iter().rposition(|byte| *byte == b'\n').expect("lines");
    data.truncate(end + 1);
    data
}

fn packed(data: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(data).expect("memory takes all");
    packer.finish().expect("memory takes all")
}

fn tapes() {
    let (trades, bars) =
        (unpacked("liquidations-full.csv.gz", 1000), unpacked("DOTUSD_PERP-1m-2025-10-10.csv.gz", 700));
    let frames = unpacked("crash.frames.gz", 2000);
    let pick = |format| properties::tapes::pick(Some(format));
    let (spot, coinm, liquidations) = (said("binance-spot"), said("binance-coinm"), properties::tapes::AS_LIQUIDATIONS);
    for (name, head, data) in [
        ("trades", [pick(Format::TardisTrades), 0], &trades),
        ("liquidations", [pick(Format::TardisLiquidations), liquidations], &trades),
        ("liquidations-by-name", [0, liquidations], &trades),
        ("bars", [pick(Format::BinanceKlines), spot], &bars),
        ("bars-found-out", [0, coinm], &bars),
        ("frames", [pick(Format::Frames), coinm], &frames),
        ("frames-found-out", [0, coinm], &frames),
        ("trades-packed", [pick(Format::TardisTrades), 0], &packed(&trades)),
        ("frames-packed", [pick(Format::Frames), coinm], &packed(&frames)),
        ("frames-packed-and-cut", [pick(Format::Frames), coinm], &packed(&frames)[..300].to_vec()),
        ("nothing", [0, 0], &Vec::new()),
    ] {
        put("tapes", name, &[&head[..], data].concat());
    }
    for (name, format, path, said) in tapes_by_hand() {
        let data = fs::read(path).expect("a tape");
        put("tapes", &name, &[&[pick(format), said], &data[..]].concat());
        if matches!(format, Format::BinanceKlines | Format::TardisTicker) {
            let zstd = zstd::encode_all(&data[..], 19).expect("memory takes all");
            put("tapes", &format!("{name}-zstd"), &[&[0, said], &zstd[..]].concat());
            put("tapes", &format!("{name}-zip"), &[&[0, said], &zipped(&name, &data)[..]].concat());
        }
    }
}

/// Every tape of `fixtures/tapes`: the name of its example, its format, where it lies, and what must be said of it.
fn tapes_by_hand() -> Vec<(String, Format, PathBuf, u8)> {
    let mut tapes = Vec::new();
    for folder in files(&properties::rooms::top().join("fixtures/tapes")).into_iter().filter(|path| path.is_dir()) {
        let format: Format = folder.file_name().expect("a name").to_string_lossy().parse().expect("a format");
        let is_info = |path: &PathBuf| path.to_string_lossy().ends_with(".info.json");
        for (place, path) in files(&folder).into_iter().filter(|path| !is_info(path)).enumerate() {
            let info = fs::read_to_string(format!("{}.info.json", path.display())).expect("what is told of it");
            let info: Value = serde_json::from_str(&info).expect("JSON");
            // Of the words of the command line there is only `--venue`; else the name of the file may tell, which is lost.
            let of_file = || info["markets"].as_object().expect("markets").keys().next().filter(|_| is_sheet(format));
            let venue = info["args"][1].as_str().or_else(|| of_file().map(String::as_str));
            let name = if place == 0 { format.name().to_owned() } else { format!("{}-{}", format.name(), place + 1) };
            tapes.push((name, format, path, venue.map_or(0, said)));
        }
    }
    tapes
}

/// Whether the rows of a format name no market.
fn is_sheet(format: Format) -> bool {
    format.name().starts_with("binance-")
}

fn said(venue: &str) -> u8 {
    properties::tapes::said(venue)
}

/// A ZIP archive of one file, deflated, its sizes and its checksum where they belong.
fn zipped(name: &str, data: &[u8]) -> Vec<u8> {
    let mut packer = DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(data).expect("memory takes all");
    let body = packer.finish().expect("memory takes all");
    let mut sum = flate2::Crc::new();
    sum.update(data);
    let mut about = [20_u16, 0, 8, 0, 0].map(u16::to_le_bytes).concat();
    about.extend([sum.sum(), body.len() as u32, data.len() as u32].map(u32::to_le_bytes).concat());
    about.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
    let mut file = [b"PK\x03\x04", &about[..], name.as_bytes(), &body].concat();
    let place = file.len() as u32;
    let central = [b"PK\x01\x02\x14\x00", &about[..], &[0; 14], name.as_bytes()].concat();
    file.extend(&central);
    file.extend([b"PK\x05\x06".as_slice(), &[0; 4], &[1, 0, 1, 0]].concat());
    file.extend([central.len() as u32, place].map(u32::to_le_bytes).concat());
    file.extend([0, 0]);
    file
}

const AT: Nanos = Nanos::from_secs(1_760_128_900);

fn price(value: f64) -> Price {
    Price::new(value).expect("a price")
}

fn qty(value: f64) -> Qty {
    Qty::new(value).expect("a quantity")
}

fn some_inputs() -> Vec<(&'static str, Vec<Input>)> {
    let event = |secs: f64, body| {
        Input::Event(Event { venue_at: AT.plus_secs(secs), recv_at: AT.plus_secs(secs), market: MarketId(0), body })
    };
    let trade = |secs: f64, id: u64, at: f64| {
        event(secs, Body::Trade { price: price(at), qty: qty(2.0), id, aggressor: Aggressor::Sell })
    };
    let fall = (1..=60).map(|id: u64| trade(id as f64, id, 100.0 - id as f64 / 2.0)).collect();
    let liquidation = Body::Liquidation {
        price: price(90.0),
        qty: qty(5.0),
        liquidated: Liquidated::Long,
        meaning: PriceMeaning::Fill,
        completeness: Completeness::Sampled,
    };
    let quote = Body::Quote { bid: price(99.0), bid_qty: qty(1.0), ask: price(101.0), ask_qty: qty(0.0) };
    let kinds = vec![
        event(0.0, liquidation),
        event(0.1, quote),
        event(0.2, Body::Depth { bid_qty: qty(1.0), ask_qty: qty(2.0) }),
        event(0.3, Body::Mark { price: price(99.0) }),
        event(0.4, Body::Index { price: price(99.0) }),
        event(0.5, Body::Funding { rate: -0.0003 }),
        event(0.6, Body::OpenInterest { qty: qty(1e6) }),
        event(0.7, Body::Status { status: VenueStatus::Maintenance }),
    ];
    let bar = Bar {
        market: MarketId(1),
        open_at: AT,
        close_at: AT.plus_secs(60.0),
        open: price(10.0),
        high: price(11.0),
        low: price(9.0),
        close: price(9.5),
        volume: qty(100.0),
        taker_buy: qty(40.0),
        trades: 7,
    };
    let feed = |secs: f64, state| {
        Input::Feed(FeedReport { at: AT.plus_secs(secs), venue: VenueId(0), connection: 0, state, why: "x".to_owned() })
    };
    let ask = |secs: f64, id, action| {
        let who = Who { via: "socket".to_owned(), name: "root".to_owned() };
        Input::Command(Command { at: AT.plus_secs(secs), id, who, reason: "drill".to_owned(), action })
    };
    let permission = Permission::of(Stance::ReduceOnly);
    let people = vec![
        trade(0.0, 1, 100.0),
        ask(0.1, 1, Action::Trip { scope: Scope::Market(MarketId(0)), permission }),
        Input::Stored { at: AT.plus_secs(0.2), seq: 3 },
        ask(1.0, 2, Action::Rearm { scope: Scope::Market(MarketId(0)), rule: "manual".to_owned(), version: 1 }),
        ask(1.1, 3, Action::Acknowledge { incident: "INC-1".to_owned() }),
        Input::Delivery(DeliveryReport {
            at: AT.plus_secs(2.0),
            message: "m".to_owned(),
            hook: "h".to_owned(),
            attempt: 1,
            ok: true,
            detail: "200".to_owned(),
        }),
    ];
    let time = vec![
        Input::Bar(bar),
        feed(0.0, FeedState::Connecting),
        feed(0.1, FeedState::Delivering),
        Input::Bad { at: AT.plus_secs(0.5), market: Some(MarketId(0)), count: 9 },
        Input::Probe { seq: 1, at: AT.plus_secs(1.0) },
        feed(2.0, FeedState::Late),
        feed(3.0, FeedState::Down),
        Input::Tick(AT.plus_secs(60.0)),
    ];
    vec![("fall", fall), ("kinds", kinds), ("people", people), ("time", time)]
}

fn inputs_and_snapshots() {
    let settings = EngineSettings::default();
    let markets = &properties::rooms::of(0).markets;
    let mut engine = Engine::new(settings, markets.clone());
    for (name, inputs) in some_inputs() {
        let mut blocks = vec![1];
        let mut writer = InputWriter::plain(vec![0], b"-", markets).expect("memory takes all");
        let mut dense = InputWriter::packed(Vec::new(), b"-", markets).expect("memory takes all");
        for input in &inputs {
            writer.write(input).expect("memory takes all");
            dense.write(input).expect("memory takes all");
            engine.handle(input.clone(), &mut Vec::new());
            let block = postcard::to_stdvec(input).expect("memory takes all");
            blocks.push(block.len() as u8);
            blocks.extend(block);
        }
        let file = writer.finish(None).expect("memory takes all");
        put("inputs", name, &file);
        // Without its zstd frame: behind a checksum no changed byte would be read.
        let dense = zstd::decode_all(&dense.finish(None).expect("memory takes all")[..]).expect("our own");
        put("inputs", &format!("{name}-dense"), &[&[0], &dense[..]].concat());
        put("inputs", &format!("{name}-blocks"), &blocks);
    }
    // One market: the state of a detector's bank is large.
    let mut one = fusewire::market::Markets::new();
    one.add(markets.get(MarketId(0)).expect("a market").clone());
    let mut empty = Engine::new(EngineSettings::default(), fusewire::market::Markets::new());
    put("snapshot", "empty", &[&[0], &empty.snapshot()[..]].concat());
    put("snapshot", "empty-body", &[&[1], properties::snapshot::body(&empty.snapshot())].concat());
    empty.handle(Input::Tick(AT), &mut Vec::new());
    put("snapshot", "ticked-body", &[&[1], properties::snapshot::body(&empty.snapshot())].concat());
    let fresh = Engine::new(EngineSettings::default(), one.clone());
    put("snapshot", "fresh-body", &[&[1], properties::snapshot::body(&fresh.snapshot())].concat());
    for (name, inputs) in some_inputs().into_iter().take(3) {
        let mut engine = Engine::new(EngineSettings::default(), one.clone());
        for input in inputs {
            engine.handle(input, &mut Vec::new());
        }
        put("snapshot", &format!("{name}-body"), &[&[1], properties::snapshot::body(&engine.snapshot())].concat());
    }
}

fn configs() {
    let text = fs::read_to_string(properties::rooms::top().join("config.toml")).expect("the documented config");
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with("# ")).collect();
    let on = |line: &&str| line.strip_prefix('#').filter(|rest| !rest.starts_with('-')).unwrap_or(line).to_owned();
    put("config", "all", lines.iter().map(on).collect::<Vec<String>>().join("\n").as_bytes());
    let mut section = String::new();
    let mut place = 0;
    for line in lines.iter().map(on).chain(["[".to_owned()]) {
        if line.starts_with('[') && !section.is_empty() {
            put("config", &format!("section-{place:02}"), section.as_bytes());
            (section, place) = (String::new(), place + 1);
        }
        section.push_str(&line);
        section.push('\n');
    }
    for (name, text) in [
        ("torn", "[gate]\npath = \"x\nlease_ms = 5\n[[feed]\nvenue = 1\n"),
        ("escapes", "[gate]\npath = \"\\u001b[31m\\n\"\n\"\\n\" = 1\n[[rule]]\nname = \"\\u0000\"\n"),
        ("inline", "feed = [{ venue = \"okx\", markets = [\"BTC-USDT-SWAP\"] }]\ngate.lease_ms = nan\n"),
        ("kinds", "feed = 1\nrule = {}\n[hook]\n[serve]\nlisten = []\n[gate]\nlease_ms = 1e400\nslots = -0.0\n"),
    ] {
        put("config", name, text.as_bytes());
    }
}

fn gates() {
    let place = |at: u16, value: u8| [at.to_le_bytes()[0], at.to_le_bytes()[1], value];
    for (name, changes) in [
        ("good", vec![]),
        ("schema", vec![place(8, 2)]),
        ("markets", vec![place(0x40, 255), place(0x43, 255)]),
        ("slots", vec![place(0x44, 1)]),
        ("guard", vec![place(0x0c, 1)]),
        ("lease", vec![place(0x87, 0x7f)]),
        ("cell", vec![place(0x188, 7), place(0x189, 0)]),
        ("name", vec![place(0xc0, 0), place(0xc1, 0xff)]),
    ] {
        let changes = changes.concat();
        put("gate", &format!("{name}-changed"), &[&[1], &changes[..]].concat());
        put("gate", &format!("{name}-resealed"), &[&[2], &changes[..]].concat());
    }
    put("gate", "magic", &[&[4_u8], &b"FUSEGATE\x01\0\0\0"[..], &[0; 500]].concat());
    put("gate", "ack", &[&[3_u8], &b"FUSE_ACK\x01\0\0\0"[..], &[0; 116]].concat());
}

fn controls() {
    for (name, text) in [
        ("status", r#"{"do":"status"}"#),
        ("breakers", r#"{"do":"breakers"}"#),
        ("trip", r#"{"do":"trip","scope":"market:binance-usdm:BTCUSDT","stance":"Halt","reason":"x"}"#),
        ("trip-venue", r#"{"do":"trip","scope":"venue:binance-usdm","stance":"reduce_only"}"#),
        ("trip-asset", r#"{"do":"trip","scope":"asset:BTC","stance":"Caution","reason":""}"#),
        ("trip-everything", r#"{"do":"trip","scope":"everything","stance":"Normal"}"#),
        ("rearm", r#"{"do":"rearm","scope":"everything","rule":"manual","version":18446744073709551615,"reason":"y"}"#),
        ("ack", r#"{"do":"ack","incident":"INC-20251010T204912Z-DOT","reason":"on \u001b[31m it"}"#),
        ("comment", r#"{"do":"comment","incident":"","reason":"\ud83d\ude00"}"#),
        ("who", r#"{"do":"resolve","incident":"I","who":"root"}"#),
        ("list", r#"["rearm"]"#),
    ] {
        put("control", name, text.as_bytes());
    }
}
