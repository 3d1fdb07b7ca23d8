//! Recorded frames through the decoders, against a count that knows none of our types.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use fusewire::event::{Body, Nanos};
use fusewire::feed::book::Books;
use fusewire::feed::frames::FrameReader;
use fusewire::feed::tape::{self, MarketInfo, Spec};
use fusewire::feed::venue::{Decoded, MarketLookup, Reason, Venue, find, read};
use fusewire::market::Markets;
use serde_json::Value;

/// What a market did: trades, their quantity, quotes, marks, indexes, liquidations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) trades: u64,
    pub(crate) quantity: f64,
    pub(crate) quotes: u64,
    pub(crate) marks: u64,
    pub(crate) indexes: u64,
    pub(crate) liquidations: u64,
}

pub(crate) type Totals = BTreeMap<String, Total>;

#[test]
fn recorded_frames_decode_without_surprise_and_add_up() {
    let Some(folder) = recordings("frames/hftbacktest") else { return };
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("folder").map(|file| file.expect("file").path()).collect();
    files.sort();
    for (start, venue) in [("cm_", "binance-coinm"), ("usdm_", "binance-usdm"), ("spot_", "binance-spot")] {
        let mine = |file: &&PathBuf| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start));
        for file in files.iter().filter(mine) {
            check(venue, file, &frames(file));
        }
    }
}

#[test]
fn the_crash_of_2025_10_10_decodes_without_surprise_and_adds_up() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10");
    for name in ["before.frames.gz", "crash.frames.gz"] {
        let file = folder.join(name);
        check("binance-coinm", &file, &frames(&file));
    }
}

/// The only recordings with real aggregate trades.
#[test]
fn aggregate_trades_as_recorded_elsewhere_decode_and_add_up() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    for (name, venue) in
        [("BINANCE", "binance-spot"), ("BINANCE_FUTURES", "binance-usdm"), ("BINANCE_DELIVERY", "binance-coinm")]
    {
        let file = folder.join(format!("{name}.ws.1.0.zst"));
        check(venue, &file, &packed(&file));
    }
}

/// The frames of a recording packed with zstd, as `SECONDS.FRACTION: FRAME`; other lines tell what was sent.
pub(crate) fn packed(file: &Path) -> Vec<(Nanos, String)> {
    let plain = zstd::decode_all(File::open(file).expect("a recording")).expect("zstd");
    let text = String::from_utf8(plain).expect("UTF-8");
    let line = |line: &str| {
        let (time, frame) = line.split_once(": ")?;
        Some((Nanos((time.parse::<f64>().ok()? * 1e9) as i64), frame.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

pub(crate) fn recordings(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("FUSEWIRE_DATA").map(|root| Path::new(&root).join(folder)).filter(|path| path.is_dir());
    if root.is_none() {
        println!("skipped: FUSEWIRE_DATA does not lead to recordings ({folder})");
    }
    root
}

pub(crate) fn frames(file: &Path) -> Vec<(Nanos, String)> {
    let reader = FrameReader::new(File::open(file).expect("a recording")).expect("a recording");
    reader.map(|frame| frame.unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))).collect()
}

fn check(venue: &str, file: &Path, frames: &[(Nanos, String)]) {
    compare(venue, file, frames, naive);
}

/// Our totals against those of a count that knows none of our types.
pub(crate) fn compare(
    venue: &str,
    file: &Path,
    frames: &[(Nanos, String)],
    naive: impl Fn(&[(Nanos, String)]) -> Totals,
) {
    let (ours, events) = ours(find(venue).expect("a venue"), frames);
    let naive = naive(frames);
    let name = file.file_name().expect("a name").to_string_lossy().into_owned();
    println!("{name}: {} frames, {events} events, {ours:?}", frames.len());
    assert!(!frames.is_empty() && events > 0, "{name}");
    assert_eq!(ours, naive, "{name}");
    let spec = Spec::new(file);
    let says_its_url = file.extension().is_some_and(|end| end == "zst");
    as_a_tape(venue, &if says_its_url { spec } else { spec.venue(venue) }, naive);
}

/// `tape info` of the same file, which finds out the packing, the format and the venue by itself. A market that the venue
/// does not describe is refused there, and counted.
fn as_a_tape(venue: &str, spec: &Spec, mut naive: Totals) {
    let info = tape::info(std::slice::from_ref(spec)).expect("a tape");
    let strangers = naive.len();
    naive.retain(|native, _| find(venue).is_some_and(|venue| venue.instrument(native).is_some()));
    let is_whole = strangers == naive.len();
    let other: u64 = info.bad.iter().filter(|(reason, _)| **reason != "unknown_market").map(|(_, count)| count).sum();
    assert!(info.damaged.is_empty() && other == 0 && info.bad.is_empty() == is_whole, "{:?}", info.bad);
    let mut told: Totals =
        info.markets.iter().map(|(name, market)| (name.replacen(&format!("{venue}:"), "", 1), total(market))).collect();
    // Of some markets books alone were recorded; what they say is compared in `books`.
    told.retain(|_, total| *total != Total::default());
    assert_eq!(told.keys().collect::<Vec<_>>(), naive.keys().collect::<Vec<_>>(), "{}", spec.path.display());
    for (native, want) in naive {
        let got = told[&native];
        // Sums of many numbers differ in the last bits by how they are added.
        assert!((got.quantity - want.quantity).abs() <= 1e-9 * want.quantity, "{native}: {got:?}, not {want:?}");
        assert_eq!(Total { quantity: want.quantity, ..got }, want, "{native}");
    }
}

fn total(market: &MarketInfo) -> Total {
    let [trades, quotes, marks, indexes, liquidations] =
        ["trades", "quotes", "marks", "indexes", "liquidations"].map(|kind| market.counts[kind]);
    Total { trades, quantity: market.quantity, quotes, marks, indexes, liquidations }
}

/// By our decoder, learning the markets on the way.
fn ours(venue: &'static dyn Venue, frames: &[(Nanos, String)]) -> (Totals, usize) {
    let mut markets = Markets::new();
    let mut lookup = MarketLookup::new(venue, &markets);
    let (mut totals, mut count, mut events, mut books) = (Totals::new(), 0, Vec::new(), Books::default());
    for (at, frame) in frames {
        events.clear();
        let mut found = read(venue, frame.as_bytes(), *at, &lookup, &mut books, &mut events);
        if found == Err(Reason::UnknownMarket.into()) || found == Ok(Decoded::Elsewhere) {
            let native = venue.named_in(frame.as_bytes()).expect("a frame that names its market");
            // Some that the venue refuses for the size of their contracts are recorded too: their frames must be read all the same.
            let market = fusewire::feed::instrument::instrument(venue.name(), &native);
            lookup.add(venue, &native, markets.add(market));
            found = read(venue, frame.as_bytes(), *at, &lookup, &mut books, &mut events);
        }
        let is_well = matches!(
            found,
            Ok(Decoded::Data | Decoded::Ignored | Decoded::Heartbeat | Decoded::Answer { result: Ok(()), .. })
        );
        assert!(is_well, "{found:?}: {frame}");
        count += events.len();
        for event in &events {
            assert_eq!(event.recv_at, *at);
            if let Body::Depth { .. } = event.body {
                continue;
            }
            let total = totals.entry(markets.get(event.market).expect("known").native.clone()).or_default();
            match event.body {
                Body::Trade { qty, .. } => {
                    total.trades += 1;
                    total.quantity += qty.get();
                }
                Body::Quote { .. } => total.quotes += 1,
                Body::Mark { .. } => total.marks += 1,
                Body::Index { .. } => total.indexes += 1,
                Body::Liquidation { .. } => total.liquidations += 1,
                _ => {}
            }
        }
    }
    (totals, count)
}

/// By a plain walk over the JSON, in the order of the recording.
fn naive(frames: &[(Nanos, String)]) -> Totals {
    let mut totals = Totals::new();
    for (_, frame) in frames {
        let value: Value = serde_json::from_str(frame).expect("JSON");
        let (stream, data) = (value["stream"].as_str().unwrap_or_default(), &value["data"]);
        let kind = stream.split('@').nth(1).unwrap_or_default();
        let name = data["s"].as_str().or(data["o"]["s"].as_str()).unwrap_or_default().to_owned();
        match kind {
            "trade" | "aggTrade" => {
                let total = totals.entry(name).or_default();
                total.trades += 1;
                total.quantity += data["q"].as_str().expect("text").parse::<f64>().expect("a number");
            }
            "bookTicker" => totals.entry(name).or_default().quotes += 1,
            "forceOrder" => totals.entry(name).or_default().liquidations += 1,
            "markPrice" => {
                let total = totals.entry(name).or_default();
                total.marks += 1;
                total.indexes += 1;
            }
            "indexPrice" => {
                let pair = data["i"].as_str().expect("a pair");
                totals.entry(format!("{pair}_PERP")).or_default().indexes += 1;
            }
            _ => {}
        }
    }
    totals
}
