//! The scene: frames of the reconstruction, and the path of prices in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use crate::event::{Body, Event, Kind, Nanos};
use crate::feed::frames::FrameReader;
use crate::feed::venue::{self, MarketLookup};
use crate::market::Markets;

/// The day before the scene, which the detectors are warmed with: minutes from midnight to 14:00, then frames. By file
/// name, for minutes name their market there.
pub(super) const BEFORE: [(&str, &[u8]); 3] = [
    (
        "DOTUSD_PERP-1m-2025-10-10.csv.gz",
        include_bytes!("../../../fixtures/2025-10-10/DOTUSD_PERP-1m-2025-10-10.csv.gz"),
    ),
    (
        "TRXUSD_PERP-1m-2025-10-10.csv.gz",
        include_bytes!("../../../fixtures/2025-10-10/TRXUSD_PERP-1m-2025-10-10.csv.gz"),
    ),
    ("before.frames.gz", include_bytes!("../../../fixtures/2025-10-10/before.frames.gz")),
];
const CRASH: &[u8] = include_bytes!("../../../fixtures/2025-10-10/crash.frames.gz");

/// The venue of the scene.
pub(super) const VENUE: &str = "binance-coinm";
/// Its markets.
pub(super) const MARKETS: [&str; 2] = ["DOTUSD_PERP", "TRXUSD_PERP"];

const MIDNIGHT: Nanos = Nanos::from_secs(1_760_054_400);

/// An instant of 10 October 2025 from `HH:MM:SS`.
pub(super) fn instant(text: &str) -> Result<Nanos, String> {
    let parts: Vec<i64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| "want HH:MM:SS")?;
    match parts.as_slice() {
        [h @ 0..24, m @ 0..60, s @ 0..60] => Ok(Nanos(MIDNIGHT.0 + (h * 3600 + m * 60 + s) * Nanos::SECOND)),
        _ => Err("want HH:MM:SS".to_owned()),
    }
}

/// Frames with their times, and what each market traded at when.
pub(super) struct Crash {
    frames: Arc<Vec<(Nanos, String)>>,
    prices: BTreeMap<&'static str, Vec<(Nanos, f64)>>,
}

impl Crash {
    /// The frames of `[from, to]`.
    pub(super) fn load(from: Nanos, to: Nanos) -> Result<Self> {
        let mut frames = Vec::new();
        for frame in FrameReader::new(CRASH).context("fixture")? {
            let (at, frame) = frame.map_err(|why| anyhow!("fixture: {why:?}"))?;
            if at >= from && at <= to {
                frames.push((at, frame));
            }
        }
        let prices = prices(&frames)?;
        Ok(Self { frames: Arc::new(frames), prices })
    }

    /// The frames in order, for a venue to play.
    pub(super) fn frames(&self) -> impl Iterator<Item = (Nanos, String)> + Send + 'static {
        let frames = Arc::clone(&self.frames);
        (0..frames.len()).filter_map(move |place| frames.get(place).cloned())
    }

    /// What a market traded at last.
    pub(super) fn price(&self, market: &str, at: Nanos) -> Option<f64> {
        let path = self.prices.get(market)?;
        let next = path.partition_point(|(when, _)| *when <= at);
        path.get(next.checked_sub(1)?).map(|(_, price)| *price)
    }

    /// The path of a market between two instants.
    pub(super) fn path(&self, market: &str, from: Nanos, to: Nanos) -> &[(Nanos, f64)] {
        let Some(path) = self.prices.get(market) else { return &[] };
        let (first, last) = (path.partition_point(|(at, _)| *at < from), path.partition_point(|(at, _)| *at <= to));
        path.get(first..last).unwrap_or_default()
    }
}

/// Reads the trades out of the frames with the venue's own decoder.
fn prices(frames: &[(Nanos, String)]) -> Result<BTreeMap<&'static str, Vec<(Nanos, f64)>>> {
    let venue = venue::find(VENUE).context("venue")?;
    let mut table = Markets::new();
    for market in MARKETS.iter().filter_map(|native| venue.instrument(native)) {
        table.add(market);
    }
    let lookup = MarketLookup::new(venue, &table);
    let mut paths: BTreeMap<&'static str, Vec<(Nanos, f64)>> = BTreeMap::new();
    let mut events: Vec<Event> = Vec::new();
    for (at, frame) in frames {
        events.clear();
        venue
            .decode(frame.as_bytes(), *at, &lookup, &mut events)
            .map_err(|why| anyhow!("fixture: {}", why.reason.label()))?;
        for event in events.iter().filter(|event| event.body.kind() == Kind::Trade) {
            if let (Body::Trade { price, .. }, Some(name)) = (event.body, MARKETS.get(event.market.0 as usize)) {
                paths.entry(name).or_default().push((*at, price.get()));
            }
        }
    }
    Ok(paths)
}
