//! The way of the data: a hop over the channel, a frame from memory to the gate, and a whole tape replayed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a bench"
)]

#[path = "../tests/sim/chance.rs"]
mod chance;

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use chance::Chance;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded};
use fusewire::breaker::{Contract, Permission};
use fusewire::engine::{Engine, EngineSettings, Input, Output};
use fusewire::event::{Event, Nanos};
use fusewire::feed::tape::{self, Spec as TapeSpec};
use fusewire::feed::venue::{Context, MarketLookup, find};
use fusewire::gate::{Listing, Spec, Writer, now_mono};
use fusewire::market::Markets;
use fusewire::replay::{Runner, Speed, play};

const ROWS: u64 = 100_000;
const START: Nanos = Nanos::from_secs(1_760_128_800);

/// Hands back whatever comes, until the other side is gone.
fn echo(inbox: &Receiver<Input>, outbox: &Sender<Input>, spins: bool) {
    loop {
        let input = if spins { inbox.try_recv() } else { inbox.recv().map_err(|_| TryRecvError::Disconnected) };
        match input {
            Ok(input) => drop(outbox.try_send(input)),
            Err(TryRecvError::Empty) => std::hint::spin_loop(),
            Err(TryRecvError::Disconnected) => return,
        }
    }
}

/// There and back between two threads; a hop is half of it.
fn hop(c: &mut Criterion) {
    let mut group = c.benchmark_group("hop, there and back");
    group.measurement_time(Duration::from_secs(2)).sample_size(20);
    for (name, spins) in [("spinning", true), ("blocking", false)] {
        let (there, inbox) = bounded(1024);
        let (outbox, back) = bounded(1024);
        std::thread::scope(|scope| {
            scope.spawn(move || echo(&inbox, &outbox, spins));
            group.bench_function(name, |b| {
                b.iter(|| {
                    there.send(Input::Tick(START)).unwrap();
                    loop {
                        match if spins { back.try_recv() } else { back.recv().map_err(|_| TryRecvError::Disconnected) }
                        {
                            Ok(input) => break input,
                            Err(_) => std::hint::spin_loop(),
                        }
                    }
                });
            });
            drop(there);
        });
    }
    let (sender, receiver) = bounded(1024);
    group.bench_function("one thread", |b| {
        b.iter(|| {
            sender.try_send(Input::Tick(START)).unwrap();
            receiver.try_recv().unwrap()
        });
    });
    group.finish();
}

/// A frame as the venue sends it.
fn frame(id: u64, ms: i64, price: f64) -> String {
    format!(
        r#"{{"stream":"dotusd_perp@aggTrade","data":{{"e":"aggTrade","E":{ms},"a":{id},"s":"DOTUSD_PERP","p":"{price:.3}","q":"3","f":{id},"l":{id},"T":{ms},"m":false}}}}"#
    )
}

/// Everything between the frame in memory and the gate.
struct Path {
    frames: Vec<String>,
    venue: &'static dyn fusewire::feed::venue::Venue,
    lookup: MarketLookup,
    engine: Engine,
    writer: Writer,
    events: Vec<Event>,
    out: Vec<Output>,
    place: usize,
    probe: u64,
}

impl Path {
    fn new(dir: &std::path::Path) -> Self {
        let venue = find("binance-coinm").unwrap();
        let mut markets = Markets::new();
        markets.add(venue.instrument("DOTUSD_PERP").unwrap());
        let lookup = MarketLookup::new(venue, &markets);
        let listing = vec![Listing::new("binance-coinm:DOTUSD_PERP", Contract::COIN)];
        let writer = Writer::create(dir.join("gate"), &Spec::gate(listing)).unwrap();
        let engine = Engine::new(EngineSettings::default(), markets);
        let mut chance = Chance::new(1);
        let mut ms = START.0 / 1_000_000;
        let mut frames = Vec::new();
        for id in 1..200_000 {
            ms += chance.below(200) as i64;
            frames.push(frame(id, ms, 4.0 + 0.001 * chance.unit()));
        }
        let (events, out) = (Vec::with_capacity(8), Vec::with_capacity(64));
        Self { frames, venue, lookup, engine, writer, events, out, place: 0, probe: 0 }
    }

    /// One frame, and a probe behind it whose beat renews the lease.
    fn step(&mut self) -> usize {
        let frame = &self.frames[self.place % self.frames.len()];
        let recv_at = Nanos(START.0 + self.place as i64 * 100_000_000);
        self.place += 1;
        self.events.clear();
        let cx = Context { recv_at, markets: &self.lookup };
        self.venue.decode(frame.as_bytes(), &cx, &mut self.events).expect("it decodes");
        for event in self.events.drain(..) {
            self.engine.handle(Input::Event(event), &mut self.out);
        }
        self.probe += 1;
        self.engine.handle(Input::Probe { seq: self.probe, at: recv_at }, &mut self.out);
        obey(&mut self.writer, &mut self.out)
    }
}

fn obey(writer: &mut Writer, out: &mut Vec<Output>) -> usize {
    let told = out.len();
    for output in out.drain(..) {
        match output {
            Output::Gate(write) => {
                writer.publish(write.market.0, write.slot, &write.permission, write.reason, write.incident).unwrap();
            }
            Output::Beat { seq, .. } => writer.renew(seq, now_mono()),
            Output::Record(record) => drop(black_box(record)),
            Output::Answer { .. } => {}
        }
    }
    told
}

fn frame_to_gate(c: &mut Criterion) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let mut path = Path::new(dir.path());
    let mut group = c.benchmark_group("frame to gate");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(2)).sample_size(30);
    for _ in 0..100_000 {
        black_box(path.step());
    }
    group.bench_function("frame, decode, engine, beat to the gate", |b| b.iter(|| path.step()));
    group.bench_function("beat to the gate alone", |b| {
        b.iter(|| {
            path.probe += 1;
            path.engine.handle(Input::Probe { seq: path.probe, at: START }, &mut path.out);
            obey(&mut path.writer, &mut path.out)
        });
    });
    group.bench_function("publish alone", |b| {
        b.iter(|| path.writer.publish(0, 0, black_box(&Permission::HALT), 16, 99));
    });
    group.finish();
}

/// A tape of Tardis trades.
fn csv() -> Arc<[u8]> {
    let mut text = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n".to_owned();
    let (mut chance, mut us, mut ticks) = (Chance::new(2), START.0 / 1000, 40_000_u64);
    for id in 1..=ROWS {
        us += chance.below(400_000) as i64;
        ticks = ticks + chance.below(3) - 1;
        let price = ticks as f64 / 10_000.0;
        let _ = writeln!(text, "binance,DOTUSDT,{us},{},{id},buy,{price},{}", us + 3000, 1 + chance.below(50));
    }
    text.into_bytes().into()
}

fn replayed(bytes: &Arc<[u8]>) -> Runner {
    let source = tape::read(Box::new(Cursor::new(Arc::clone(bytes))), &TapeSpec::new("trades.csv")).unwrap();
    let mut runner = Runner::new(Engine::new(EngineSettings::default(), Markets::new()));
    play(&mut runner, &mut tape::merge(vec![source]), Speed::Max, &mut [], |_| {}).unwrap();
    runner
}

fn replay(c: &mut Criterion) {
    let bytes = csv();
    assert!(replayed(&bytes).engine.inputs() >= ROWS, "the bench replays everything");
    let mut group = c.benchmark_group("replay");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("Tardis CSV in memory", |b| {
        b.iter_batched(|| (), |()| replayed(&bytes), BatchSize::PerIteration);
    });
    group.finish();
}

criterion_group!(benches, hop, frame_to_gate, replay);
criterion_main!(benches);
