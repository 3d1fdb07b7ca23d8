//! P16 on wire recordings: how soon a connection that stalls is called late, and that it never is while it lives.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fusewire::engine::{FeedState, Input};
use fusewire::event::{Kind, MarketId, Nanos};
use fusewire::feed::frames::FrameReader;
use fusewire::feed::session::{Action, Identity, Session, SessionInput, SessionSettings};
use fusewire::feed::venue::{MarketLookup, find};
use fusewire::market::{Markets, VenueId};

type Frames = Vec<(Nanos, String)>;

/// Bitcoin and Ether of one venue on one connection, five minutes or more each: what was recorded of it at one time.
const CONNECTIONS: [(&str, [&str; 2], [&str; 2]); 5] = [
    ("binance-usdm", ["BTCUSDT", "ETHUSDT"], ["usdm_btcusdt_20240808", "usdm_ethusdt_20240808"]),
    ("binance-spot", ["BTCUSDT", "ETHUSDT"], ["spot_btcusdt_20240808", "spot_ethusdt_20240808"]),
    ("binance-spot", ["BTCUSDT", "ETHUSDT"], ["spot_btcusdt_20240809", "spot_ethusdt_20240809"]),
    ("binance-coinm", ["BTCUSD_PERP", "ETHUSD_PERP"], ["cm_btcusd_perp_20240808", "cm_ethusd_perp_20240808"]),
    ("binance-coinm", ["BTCUSD_PERP", "ETHUSD_PERP"], ["cm_btcusd_perp_20240809", "cm_ethusd_perp_20240809"]),
];

fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("FUSEWIRE_DATA").map(|root| Path::new(&root).join("frames/hftbacktest"));
    let root = root.filter(|path| path.is_dir());
    if root.is_none() {
        println!("skipped: FUSEWIRE_DATA does not lead to recordings (frames/hftbacktest)");
    }
    root
}

fn frames(folder: &Path, files: [&str; 2]) -> Frames {
    let read = |file: &str| {
        FrameReader::new(File::open(folder.join(format!("{file}.gz"))).expect("a recording")).expect("frames")
    };
    let mut all: Frames = files.into_iter().flat_map(read).map(|frame| frame.expect("a frame")).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

/// A session that is told everything, by the deadlines it asks for.
struct Played {
    session: Session,
    now: Nanos,
    lates: Vec<Nanos>,
}

impl Played {
    fn new(venue: &str, natives: [&str; 2], now: Nanos) -> Self {
        let venue = find(venue).expect("a venue");
        let mut markets = Markets::new();
        let ids = natives.map(|native| (markets.add(venue.instrument(native).expect("a market")), native));
        let wanted = venue.subscribe(&ids as &[(MarketId, &str)], &[Kind::Trade, Kind::Quote]).remove(0);
        let lookup = Arc::new(MarketLookup::new(venue, &markets));
        let base = venue.base().to_owned();
        let who = Identity { venue: venue.into(), venue_id: VenueId(0), connection: 0, base, markets: lookup };
        // A recording may hold pauses at its seams; what is asked here is lateness alone.
        let settings = SessionSettings { quiet_silence_secs: 3600.0, ..SessionSettings::default() };
        let mut played = Self { session: Session::new(who, wanted, settings, 7, now), now, lates: Vec::new() };
        played.poke(SessionInput::Tick);
        played.poke(SessionInput::Opened);
        played.poke(SessionInput::Frame(br#"{"result":null,"id":1}"#));
        played
    }

    fn poke(&mut self, input: SessionInput) {
        self.session.handle(self.now, input);
        while let Some(action) = self.session.poll() {
            if let Action::Emit(Input::Feed(report)) = action
                && report.state == FeedState::Late
            {
                self.lates.push(self.now);
            }
        }
    }

    fn wait_until(&mut self, at: Nanos) {
        while self.now < at {
            self.now = self.session.deadline().min(at).max(Nanos(self.now.0 + 1));
            self.poke(SessionInput::Tick);
        }
    }

    fn play(&mut self, frames: &[(Nanos, String)]) {
        for (at, frame) in frames {
            self.wait_until(*at);
            self.poke(SessionInput::Frame(frame.as_bytes()));
        }
    }
}

#[test]
fn a_stalled_connection_is_late_soon_and_a_living_one_never() {
    let Some(folder) = folder() else { return };
    for (venue, natives, files) in CONNECTIONS {
        let frames = frames(&folder, files);
        let (first, last) = (frames[0].0, frames[frames.len() - 1].0);
        let mut delays = Vec::new();
        for part in 5..10_i64 {
            let end = frames.partition_point(|(at, _)| at.0 < first.0 + (last.0 - first.0) / 10 * part);
            let mut played = Played::new(venue, natives, first);
            played.play(&frames[..end]);
            assert_eq!(played.lates, [], "{venue} was alive");
            let stalled = played.now;
            played.wait_until(stalled.plus_secs(10.0));
            let noticed = played.lates.first().unwrap_or_else(|| panic!("no stall: {:?}", played.session.counters()));
            delays.push(noticed.secs_since(stalled));
        }
        delays.sort_by(f64::total_cmp);
        let rate = frames.len() as f64 / last.secs_since(first);
        println!(
            "{venue} {}: {rate:.0} frames a second, a stall is late after {:.2} s at the median, {:.2} s at most",
            files[0], delays[2], delays[4]
        );
        assert!(delays[2] <= 3.0, "{venue}: {delays:?}");
    }
}
