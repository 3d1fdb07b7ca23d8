//! A venue that plays one trade of its fixtures again and again, two hundred times a second, and a session that wants it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fusewire::event::{Kind, Nanos};
use fusewire::feed::clock::{Clock, RealClock, ScaledClock};
use fusewire::feed::session::{Identity, Session, SessionSettings};
use fusewire::feed::venue::{MarketLookup, Subscription, VenueRef};
use fusewire::market::{Markets, VenueId};
use fusewire::venue_sim::{VenueOptions, VenueServer, endless};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::own;
use crate::running::Running;

/// When the frames of fixtures came.
const FIXTURES: Nanos = Nanos::from_secs(1_760_128_900);

#[derive(Deserialize)]
struct Case<'c> {
    #[serde(borrow)]
    frame: &'c RawValue,
    #[serde(default)]
    before: Vec<IgnoredAny>,
    events: Option<Value>,
}

/// The first frame of a venue that is one event of this word and nothing else, whatever came before, with its market.
fn first_of(venue: &str, word: &str) -> Option<(String, String)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire").join(venue);
    let mut files: Vec<_> = std::fs::read_dir(dir).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "jsonl")) {
        for line in std::fs::read_to_string(file).expect("a fixture").lines() {
            let case: Case = serde_json::from_str(line).expect("a case");
            let events = case.events.unwrap_or_default();
            let is_one = case.before.is_empty() && events.as_array().is_some_and(|list| list.len() == 1);
            if is_one && !events[0]["body"][word].is_null() {
                return Some((case.frame.get().to_owned(), events[0]["market"].as_str().expect("a market").to_owned()));
            }
        }
    }
    None
}

/// What a test needs of a venue.
pub(crate) struct Scene {
    pub(crate) venue: VenueRef,
    frame: String,
    native: String,
    kind: Kind,
}

impl Scene {
    pub(crate) fn of(venue: impl Into<VenueRef>) -> Self {
        let venue = venue.into();
        let (frame, native) = first_of(venue.name(), "Trade").expect("a fixture that is a trade");
        Self { venue, frame, native, kind: Kind::Trade }
    }

    /// A venue that plays one whole book, where it has any.
    pub(crate) fn of_book(venue: impl Into<VenueRef>) -> Option<Self> {
        let venue = venue.into();
        first_of(venue.name(), "Depth").map(|(frame, native)| Self { venue, frame, native, kind: Kind::Depth })
    }

    /// Our subscription to what it plays.
    fn subscription(&self) -> (Markets, Subscription) {
        let mut markets = Markets::new();
        let id = markets.add(self.venue.instrument(&self.native).expect("a market"));
        let wanted = self.venue.subscribe(&[(id, &self.native)], &[self.kind]).remove(0);
        (markets, wanted)
    }

    /// The name of the stream.
    pub(crate) fn stream(&self) -> String {
        self.subscription().1.streams[0].name.clone()
    }

    /// Opens the venue; it has said something when this returns.
    pub(crate) fn open(&self, options: VenueOptions) -> VenueServer {
        let frame = self.frame.clone();
        let tape = endless(self.venue.clone(), 0.005, move || std::iter::once((FIXTURES, frame.clone())));
        let clock = ScaledClock::new(FIXTURES, 1.0);
        clock.start();
        let ping_every = Duration::from_millis(20);
        let options = VenueOptions { venue: self.venue.clone(), live: true, ping_every, ..options };
        let server = VenueServer::start(tape, Arc::new(clock), options).expect("a port");
        while server.progress().played == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        server
    }

    pub(crate) fn connect(&self, server: &VenueServer, settings: SessionSettings) -> Running {
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        let (markets, wanted) = self.subscription();
        let markets = Arc::new(MarketLookup::new(&*self.venue, &markets));
        let (venue, base) = (self.venue.clone(), server.base());
        let who = Identity { venue, venue_id: VenueId(0), connection: 0, base, markets };
        Running::start(Session::new(who, wanted, settings, 7, clock.now()), clock)
    }
}

/// Impatient, but no more than the slowest venue takes to be asked.
pub(crate) fn quick() -> SessionSettings {
    SessionSettings {
        silence_secs: 1.0,
        quiet_silence_secs: 1.0,
        open_within_secs: 1.0,
        answer_within_secs: 1.0,
        backoff_first_secs: 0.05,
        backoff_max_secs: 0.2,
        ..SessionSettings::default()
    }
}

/// Runs a story of every venue, all at once; says of which ones it did not come true.
pub(crate) fn of_every_venue(story: impl Fn(&Scene) + Sync) {
    let failed: Vec<VenueRef> = std::thread::scope(|scope| {
        let story = &story;
        let run = |venue: VenueRef| (venue.clone(), scope.spawn(move || story(&Scene::of(venue))));
        let running: Vec<_> = own::all().into_iter().map(run).collect();
        running.into_iter().filter_map(|(venue, thread)| thread.join().is_err().then_some(venue)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}; why stands above");
}
