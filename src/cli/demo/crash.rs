//! The scene: who plays, the frames of the reconstruction, and the path of prices in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};

use crate::event::{Body, Event, Kind, Nanos};
use crate::feed::frames::FrameReader;
use crate::feed::venue::{self, MarketLookup};
use crate::market::Markets;

/// A file of the reconstruction by its name: minutes name their market there.
type File = (&'static str, &'static [u8]);

macro_rules! file {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../../fixtures/2025-10-10/", $name)))
    };
}

/// A venue of the scene.
pub(super) struct Part {
    pub(super) venue: &'static str,
    pub(super) markets: &'static [&'static str],
    /// Kinds to subscribe to, as in the config.
    pub(super) kinds: &'static [&'static str],
    /// The day before the scene, which the detectors are warmed with: minutes from midnight on, then frames.
    pub(super) before: &'static [File],
    frames: File,
}

/// Both venues.
pub(super) static CAST: [Part; 2] = [
    Part {
        venue: "binance-coinm",
        markets: &["DOTUSD_PERP", "TRXUSD_PERP"],
        kinds: &["trades", "quotes", "liquidations", "marks", "indexes", "fundings"],
        before: &[
            file!("DOTUSD_PERP-1m-2025-10-10.csv.gz"),
            file!("TRXUSD_PERP-1m-2025-10-10.csv.gz"),
            file!("before.frames.gz"),
        ],
        frames: file!("crash.frames.gz"),
    },
    Part {
        venue: "coinbase",
        markets: &["DOT-USD"],
        kinds: &["trades"],
        before: &[file!("DOT-USD-1m-2025-10-10.csv.gz")],
        frames: file!("coinbase.frames.gz"),
    },
];

/// Every market with its venue.
pub(super) fn markets() -> impl Iterator<Item = (&'static str, &'static str)> {
    CAST.iter().flat_map(|part| part.markets.iter().map(|market| (part.venue, *market)))
}

const MIDNIGHT: Nanos = Nanos::from_secs(1_760_054_400);

/// An instant of 10 October 2025 from `HH:MM:SS`.
pub(super) fn instant(text: &str) -> Result<Nanos, String> {
    let parts: Vec<i64> = text.split(':').map(str::parse).collect::<Result<_, _>>().map_err(|_| "want HH:MM:SS")?;
    match parts.as_slice() {
        [h @ 0..24, m @ 0..60, s @ 0..60] => Ok(Nanos(MIDNIGHT.0 + (h * 3600 + m * 60 + s) * Nanos::SECOND)),
        _ => Err("want HH:MM:SS".to_owned()),
    }
}

/// Frames of each venue with their times, and what each market traded at when.
pub(super) struct Crash {
    frames: [Arc<Vec<(Nanos, String)>>; CAST.len()],
    prices: BTreeMap<&'static str, Vec<(Nanos, f64)>>,
}

impl Crash {
    /// The frames of `[from, to]`.
    pub(super) fn load(from: Nanos, to: Nanos) -> Result<Self> {
        let (mut frames, mut prices) = (<[_; CAST.len()]>::default(), BTreeMap::new());
        for (part, own) in CAST.iter().zip(&mut frames) {
            let found = part.load(from, to)?;
            part.read_prices(&found, &mut prices)?;
            *own = Arc::new(found);
        }
        Ok(Self { frames, prices })
    }

    /// Each venue with its frames in order, for it to play.
    pub(super) fn parts(
        &self,
    ) -> impl Iterator<Item = (&'static Part, impl Iterator<Item = (Nanos, String)> + Send + use<>)> {
        CAST.iter().zip(&self.frames).map(|(part, frames)| {
            let frames = Arc::clone(frames);
            (part, (0..frames.len()).filter_map(move |place| frames.get(place).cloned()))
        })
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

type Paths = BTreeMap<&'static str, Vec<(Nanos, f64)>>;

impl Part {
    fn load(&self, from: Nanos, to: Nanos) -> Result<Vec<(Nanos, String)>> {
        let mut frames = Vec::new();
        for frame in FrameReader::new(self.frames.1).context(self.frames.0)? {
            let (at, frame) = frame.map_err(|why| anyhow!("{}: {why}", self.frames.0))?;
            if at >= from && at <= to {
                frames.push((at, frame));
            }
        }
        Ok(frames)
    }

    /// Reads the trades out of the frames with the venue's own decoder.
    fn read_prices(&self, frames: &[(Nanos, String)], paths: &mut Paths) -> Result<()> {
        let venue = venue::find(self.venue).context("venue")?;
        let mut table = Markets::new();
        for market in self.markets.iter().filter_map(|native| venue.instrument(native)) {
            table.add(market);
        }
        let lookup = MarketLookup::new(venue, &table);
        let mut events: Vec<Event> = Vec::new();
        for (at, frame) in frames {
            events.clear();
            venue
                .decode(frame.as_bytes(), &venue::Context { recv_at: *at, markets: &lookup }, &mut events)
                .map_err(|why| anyhow!("{}: {}", self.frames.0, why.reason.label()))?;
            for event in events.iter().filter(|event| event.body.kind() == Kind::Trade) {
                if let (Body::Trade { price, .. }, Some(name)) = (event.body, self.markets.get(event.market.0 as usize))
                {
                    paths.entry(name).or_default().push((*at, price.get()));
                }
            }
        }
        Ok(())
    }
}
