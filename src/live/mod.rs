//! The daemon: threads, channels, and the order in which they start and stop.
//!
//! ```text
//! feeds (one thread, a session a connection) --\
//! ticker (a probe every beat) ------------------> mailbox -> pilot (the engine's thread) -> gate, always first
//! store (acknowledgements, deliveries) --------/                                        \-> store -> couriers
//! control socket (operators) -----------------/                                         \-> vitals -> HTTP, pages
//! scribe (recordings, where they are wanted)
//! acks (what the trading engine has seen, once a second) -> HTTP, log
//! ```

mod acks;
mod backend;
mod clock;
mod desk;
mod feeds;
mod mailbox;
mod pages;
mod pilot;
mod record;
mod recorder;
mod resume;
mod scribe;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, bounded};

pub use clock::SceneClock;
pub use pages::records_of;
pub use record::{Progress, record};
pub use settings::{FeedSettings, GateSettings, RecordSettings, ServeSettings, Settings, StoreSettings};

use crate::breaker::Permission;
use crate::engine::{Engine, Input, Reason};
use crate::feed::catalog::Catalog;
use crate::feed::clock::Clock;
use crate::feed::tape::{self, Spec};
use crate::gate::{Listing, Role, Spec as GateSpec, Writer};
use crate::market::Markets;
use crate::replay::{Runner, Speed, play};
use crate::serve::{self, Backend, Control, Http, Serving};
use crate::store::Store;
use backend::Shared;
use desk::Desk;
use feeds::Feeds;
use mailbox::Mailbox;
use pilot::Pilot;
use recorder::Recorder;
use scribe::{Scribe, Writing};

/// What a demonstration or a test adds to the settings.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Another time than the real one.
    pub scene: Option<SceneClock>,
    /// Recordings that warm the detectors before the first live event.
    pub warm: Vec<PathBuf>,
    /// Venue of those recordings, where they name none.
    pub warm_venue: Vec<String>,
    /// Hangs the engine's thread at this input: how a test shows that the lease then runs out.
    pub hang_at: Option<u64>,
}

/// Runs the daemon until something comes on `shutdown`.
pub fn run(settings: &Settings, extras: &Extras, shutdown: &Receiver<&'static str>) -> Result<()> {
    let clock = clock::clock_of(extras.scene);
    // Whoever may not write the gate reads no old one and keeps no store. The directory that both may lie in is for
    // engines of the group to enter, so the gate's comes first; the store's own stays closed.
    let claim = Writer::claim(&settings.gate.path, Role::Gate)?;
    let (mut engine, mut store) = wake(settings, extras)?;
    let (mailbox, inputs) = Mailbox::new(settings.channel);
    let shared = Arc::new(Shared::new(mailbox.clone(), Arc::clone(&clock)));

    let mut first = Vec::new();
    // The old gate file goes only once the store knows all that it says.
    let mut router = desk::router(&settings.hooks, &store)?;
    let resumed = resume::resume(&mut engine, &mut store, claim.previous(), &mut router, clock.now())?;
    let mut gate = claim.create(&gate_spec(settings, engine.markets()))?;
    let resumed = if resumed > 0 { "store" } else { "fresh" };
    engine.announce(env!("CARGO_PKG_VERSION"), resumed, clock.now(), &mut first);
    // The tape begins where the first input comes: what was resumed and announced is part of its snapshot.
    let recording = settings.record.as_ref().map(|record| Recording::start(record, &clock)).transpose()?;
    let scribe = recording.as_ref().map(|recording| &recording.scribe);
    let wants_inputs = settings.record.as_ref().is_some_and(|record| record.inputs);
    let recorder = scribe.filter(|_| wants_inputs).map(|scribe| Recorder::new(scribe.clone(), &engine));
    for cell in engine.gate_cells() {
        gate.publish(cell.market.0, cell.slot, &cell.permission, cell.reason, cell.incident)?;
        // Slot 0 binds every strategy; the others are free until somebody binds one of them.
        for slot in 1..settings.gate.slots {
            gate.publish(cell.market.0, slot, &Permission::FREE, Reason::None as u32, 0)?;
        }
    }
    let table = engine.markets().clone();

    let desk = Desk::start(store, &settings.hooks, &clock, &mailbox)?;
    let (pages, wanted_pages) = bounded(1024);
    let writer = pages::start(settings.store.dir.clone(), settings.serve.reports.clone(), wanted_pages)?;
    let mut pilot = Pilot::new(
        engine,
        gate,
        desk.commands.clone(),
        desk.lost.clone(),
        Arc::clone(&shared),
        recorder,
        pages,
        settings.busy_poll,
    );
    pilot.hang_at = extras.hang_at;
    pilot.obey_first(first);
    let flight = std::thread::Builder::new().name("engine".to_owned()).spawn(move || pilot.fly(&inputs))?;
    let frames = scribe.filter(|_| settings.record.as_ref().is_some_and(|record| record.frames));
    let feeds = Feeds::start(&settings.feeds, &settings.catalog, &table, &clock, &mailbox, frames)?;
    let acks = acks::start(&settings.gate)?;
    shared.watch(&desk, &feeds, acks.as_ref(), scribe);
    let served = serve(&settings.serve, &shared)?;
    tracing::info!(gate = %settings.gate.path.display(), listen = %settings.serve.listen, markets = table.len(), "running");

    let why = beat(settings.gate.beat_ms, &mailbox, &*clock, shutdown);

    // Feeds first, so that nothing new comes; then the engine says farewell; then the store has the last word.
    tracing::info!("stopping: {why}");
    drop(acks);
    served.stop();
    feeds.stop();
    shared.stop();
    mailbox.put(Input::Tick(clock.now()));
    let mut pilot = flight.join().map_err(|_| anyhow::anyhow!("the engine's thread died"))?;
    pilot.end_recording();
    if let Some(recording) = recording {
        recording.end();
    }
    pilot.farewell(why);
    desk.stop()?;
    // The lease ends and the last pages are written when the pilot goes.
    drop(pilot);
    writer.join().map_err(|_| anyhow::anyhow!("the page writer died"))?;
    Ok(())
}

/// A running recording.
struct Recording {
    scribe: Scribe,
    writing: Writing,
}

impl Recording {
    fn start(settings: &RecordSettings, clock: &Arc<dyn Clock>) -> Result<Self> {
        let (scribe, writing) = scribe::start(settings, Arc::clone(clock))
            .with_context(|| format!("record: {}", settings.dir.display()))?;
        Ok(Self { scribe, writing })
    }

    /// Ends all files in order.
    fn end(self) {
        self.scribe.end(None, 0);
        self.writing.join();
    }
}

/// Opens the store, and brings the detectors to what they had learned.
fn wake(settings: &Settings, extras: &Extras) -> Result<(Engine, Store)> {
    let mut table = Markets::new();
    feeds::add_markets(&settings.feeds, &settings.catalog, &mut table)?;
    let store = Store::open(&settings.store.dir)?;
    let engine = learned(&store, settings, &table)?.unwrap_or_else(|| Engine::new(settings.engine.clone(), table));
    Ok((warm(engine, &settings.catalog, extras)?, store))
}

fn gate_spec(settings: &Settings, table: &Markets) -> GateSpec {
    let listing = |market: &crate::market::Market| Listing::new(market.to_string(), market.contract.into());
    GateSpec {
        slots: settings.gate.slots,
        lease_ns: u64::from(settings.gate.lease_ms) * 1_000_000,
        config_hash: settings.engine.hash(),
        ..GateSpec::gate(table.iter().map(|(_, market)| listing(market)).collect())
    }
}

/// What detectors had learned when the last run kept its state, if that run had these settings and markets.
fn learned(store: &Store, settings: &Settings, table: &Markets) -> Result<Option<Engine>> {
    let Some(snapshot) = store.snapshot()? else { return Ok(None) };
    match Engine::restore(settings.engine.clone(), &snapshot.body) {
        Ok(mut engine) if engine.markets() == table => {
            tracing::info!(kept_at = %snapshot.at, "detectors go on from what they had learned");
            engine.reawaken();
            Ok(Some(engine))
        }
        Ok(_) => Ok(None),
        Err(why) => {
            tracing::info!("detectors start anew: {why}");
            Ok(None)
        }
    }
}

/// Detectors learn from recordings; everything else that the recordings brought about is forgotten.
fn warm(engine: Engine, catalog: &Arc<Catalog>, extras: &Extras) -> Result<Engine> {
    if extras.warm.is_empty() {
        return Ok(engine);
    }
    let specs = Spec::all(&extras.warm, "auto", &extras.warm_venue)?;
    let open = |spec: Spec| tape::open(&spec.knowing(catalog));
    let sources = specs.into_iter().map(open).collect::<Result<Vec<_>, _>>()?;
    let mut runner = Runner::new(engine);
    play(&mut runner, &mut tape::merge(sources), Speed::Max, &mut [], |_| {})?;
    let inputs = runner.engine.inputs();
    tracing::info!(inputs, "detectors warmed");
    let mut engine = runner.engine;
    engine.reawaken();
    Ok(engine)
}

/// Sends a probe every beat until something comes on `shutdown`; returns why.
fn beat(beat_ms: u32, mailbox: &Mailbox, clock: &dyn Clock, shutdown: &Receiver<&'static str>) -> &'static str {
    let ticks = crossbeam_channel::tick(Duration::from_millis(u64::from(beat_ms)));
    let mut seq = 0;
    loop {
        crossbeam_channel::select_biased! {
            recv(shutdown) -> why => return why.unwrap_or("asked to"),
            recv(ticks) -> _ => {
                seq += 1;
                mailbox.try_put(Input::Probe { seq, at: clock.now() });
            }
        }
    }
}

/// Binds what is served. A port or a socket that is taken stops the start: a daemon that nobody can see helps nobody.
fn serve(settings: &ServeSettings, shared: &Arc<Shared>) -> Result<Serving> {
    let http = Http::bind(settings.listen, &[]).with_context(|| format!("listening on {}", settings.listen))?;
    let control = Control::bind(&settings.control).with_context(|| settings.control.display().to_string())?;
    Ok(serve::start(Some(http), Some(control), Arc::clone(shared) as Arc<dyn Backend>)?)
}
