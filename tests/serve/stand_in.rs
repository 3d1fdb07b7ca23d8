//! A daemon without feeds, store or gate: a real engine behind the served pages.

#![allow(dead_code, reason = "two tests use it, each another part")]
#![allow(clippy::expect_used, clippy::panic, reason = "helpers of a test fail as loudly as the test")]

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fusewire::engine::{Action, Command, Engine, EngineSettings, FeedState, Input, Output};
use fusewire::event::{Aggressor, Body, Event, MarketId, Nanos, Price, Qty};
use fusewire::feed::session::Counters;
use fusewire::market::{ContractSize, Market, MarketKind, Markets, VenueId};
use fusewire::metrics::{
    AckCounters, ChannelCounters, FeedCounters, Latencies, LeaseCounters, Readings, Shared, StoreCounters, Vitals,
};
use fusewire::record::{Fact, Who};
use fusewire::serve::{Backend, Control, Http, Serving, start};

pub(super) const DOT: MarketId = MarketId(0);

/// The stand-in.
pub(super) struct Daemon {
    inner: Mutex<Inner>,
    vitals: Shared<Vitals>,
    pub(super) fault: Mutex<Option<String>>,
    pub(super) frozen: AtomicBool,
}

struct Inner {
    engine: Engine,
    facts: Vec<Fact>,
    seq: u64,
}

pub(super) fn market(venue: &str, native: &str) -> Market {
    let asset = native.split(['U', '-']).next().unwrap_or(native);
    Market {
        venue: venue.into(),
        native: native.into(),
        asset: asset.into(),
        quote: "USD".into(),
        kind: MarketKind::Perp,
        contract: ContractSize::Quote(10.0),
    }
}

impl Daemon {
    pub(super) fn new(markets: impl IntoIterator<Item = Market>) -> Arc<Self> {
        let mut table = Markets::new();
        table.add(market("binance-coinm", "DOTUSD_PERP"));
        for market in markets {
            table.add(market);
        }
        let engine = Engine::new(EngineSettings::default(), table);
        let inner = Mutex::new(Inner { engine, facts: Vec::new(), seq: 0 });
        Arc::new(Self { inner, vitals: Shared::default(), fault: Mutex::default(), frozen: AtomicBool::new(false) })
    }

    /// A trade every `step` seconds, at each of these prices.
    pub(super) fn trades(&self, market: MarketId, step: f64, prices: impl IntoIterator<Item = f64>) {
        let mut inner = self.inner.lock().expect("lives");
        for price in prices {
            inner.seq += 1;
            let at = inner.now().plus_secs(step);
            let body = Body::Trade {
                price: Price::new(price).expect("price"),
                qty: Qty::positive(1.0).expect("quantity"),
                id: inner.seq,
                aggressor: Aggressor::Sell,
            };
            inner.take(Input::Event(Event { venue_at: at, recv_at: at, market, body }));
        }
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        self.inner.lock().expect("lives").facts.clone()
    }
}

impl Inner {
    fn now(&self) -> Nanos {
        self.engine.now().max(Nanos::from_secs(1_760_130_000))
    }

    /// Handles an input, and stores what follows from it at once.
    fn take(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.engine.handle(input, &mut out);
        let stored = out.iter().filter_map(|output| match output {
            Output::Record(record) => Some(record.clone()),
            _ => None,
        });
        let records: Vec<_> = stored.collect();
        if let Some(last) = records.last() {
            let at = self.now();
            self.engine.handle(Input::Stored { at, seq: last.seq }, &mut out);
        }
        self.facts.extend(records.into_iter().map(|record| record.fact));
        out
    }
}

impl Backend for Daemon {
    fn vitals(&self) -> Arc<Vitals> {
        if !self.frozen.load(Relaxed) {
            let mut inner = self.inner.lock().expect("lives");
            let at = inner.now().plus_secs(0.025);
            inner.take(Input::Probe { seq: 0, at });
            self.vitals.refresh(|vitals| vitals.read(&inner.engine));
        }
        Arc::new(self.vitals.copy())
    }

    fn readings(&self) -> Readings {
        let vitals = self.vitals();
        let mut latencies = Latencies::default();
        let mut store = StoreCounters { records: 3, ..StoreCounters::default() };
        for nanos in [3_000, 80_000, 2_000_000] {
            latencies.received(VenueId(0), Nanos(0), Nanos(nanos * 10));
            latencies.decided(Nanos(0), Nanos(nanos));
            store.append.record(Nanos(0), Nanos(nanos));
        }
        let session = Counters { frames: 9, events: 7, losses: 1, ..Counters::default() };
        Readings {
            lease: Some(LeaseCounters { beats: 40, last_at: Some(vitals.at) }),
            acks: Some(AckCounters { fresh: true, age_secs: Some(0.02), lag: Some(1), orders: Some((41, 2)) }),
            channel: Some(ChannelCounters { offered: 9, conflated: 0, dropped: 1, depth: 0 }),
            feeds: vec![FeedCounters::named("binance-coinm/0", Some(FeedState::Delivering), session)],
            store: Some(store),
            record: Some(fusewire::metrics::RecordCounters { bytes: 512, files: 2, ..Default::default() }),
            latencies,
            vitals,
            ..Readings::default()
        }
    }

    fn ready(&self) -> Result<(), String> {
        self.fault.lock().expect("lives").clone().map_or(Ok(()), Err)
    }

    fn ask(&self, who: Who, reason: String, action: Action, _: Duration) -> Result<String, String> {
        let mut inner = self.inner.lock().expect("lives");
        let at = inner.now();
        let out = inner.take(Input::Command(Command { at, id: 7, who, reason, action }));
        let answer = out.into_iter().find_map(|output| match output {
            Output::Answer { id: 7, result, .. } => Some(result),
            _ => None,
        });
        answer.expect("every request is answered")
    }
}

/// A daemon that serves, in a directory of its own.
pub(super) struct Served {
    pub(super) daemon: Arc<Daemon>,
    pub(super) serving: Serving,
    pub(super) dir: tempfile::TempDir,
}

impl Served {
    pub(super) fn new(daemon: Arc<Daemon>) -> Self {
        let dir = tempfile::tempdir().expect("directory");
        let http = Http::bind(([127, 0, 0, 1], 0).into(), &["fusewire.desk".to_owned()]).expect("port");
        let control = Control::bind(&dir.path().join("state/control.sock")).expect("socket");
        let serving = start(Some(http), Some(control), Arc::clone(&daemon) as Arc<dyn Backend>).expect("thread");
        Self { daemon, serving, dir }
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.dir.path().join("state/control.sock")
    }

    pub(super) fn address(&self) -> std::net::SocketAddr {
        self.serving.address().expect("http is served")
    }
}
