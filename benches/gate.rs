//! Target F6: publish, `check_at` hot and at random among 10,000 markets, `check` with its clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use fusewire::breaker::{Contract, Exposure, Intent, Order, Permission, Side, Stance, Verdict};
use fusewire::gate::{AckWriter, Listing, Page, Place, Reader, ReaderOptions, Role, Spec, Writer, now_mono};

const MARKETS: u32 = 10_000;
/// Coprime to the number of markets: visits each once in an order that no prefetcher follows.
const STRIDE: u32 = 7_919;
const HELD: Exposure = Exposure { position: 10.0, ..Exposure::FLAT };

fn spec(guard_required: bool) -> Spec {
    let markets = (0..MARKETS).map(|n| Listing::new(format!("bench:M{n}"), Contract::COIN)).collect();
    // An hour, so that no lease runs out while the bench runs.
    Spec { lease_ns: 3_600_000_000_000, guard_required, ..Spec::gate(markets) }
}

fn publish_all(writer: &mut Writer, permission: &Permission) {
    for market in 0..MARKETS {
        for slot in 0..8 {
            writer.publish(market, slot, permission, 0, 0).unwrap();
        }
    }
    writer.renew(1, now_mono());
}

/// A cache line that nothing guards.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; 8]);

/// Markets in an order that no prefetcher follows.
fn shuffled(reader: &Reader) -> Vec<Place> {
    (0..MARKETS).map(|n| reader.place(&format!("bench:M{}", n * STRIDE % MARKETS))).collect()
}

/// Whether an order passes; an engine branches on the verdict, copying it whole would be the bench's own cost.
fn passes<const SLOT: u8>(reader: &Reader, now: u64, place: Place, order: &Order, held: &Exposure) -> bool {
    reader.check_at(now, place, SLOT, black_box(order), held) == Verdict::Allow
}

fn single(c: &mut Criterion) {
    let dir = dir();
    let path = dir.path().join("gate");
    let mut writer = Writer::create(&path, &spec(false)).unwrap();
    publish_all(&mut writer, &Permission::FREE);
    let reader = Reader::open(ReaderOptions::at(&path)).unwrap();
    let place = reader.place("bench:M7");
    let (order, held) = (order(), HELD);
    let mut group = c.benchmark_group("gate");

    let permission = Permission::of(Stance::ReduceOnly).with_max_notional(1e6);
    group.bench_function("publish_hot", |b| {
        b.iter(|| writer.publish(black_box(7), 0, black_box(&permission), 16, 99));
    });
    let mut market = 0;
    group.bench_function("publish_random", |b| {
        b.iter(|| {
            market = (market + STRIDE) % MARKETS;
            writer.publish(black_box(market), 0, black_box(&permission), 16, 99)
        });
    });
    let now = now_mono();
    group.bench_function("renew", |b| b.iter(|| writer.renew(black_box(1), black_box(now))));
    publish_all(&mut writer, &Permission::FREE);

    let now = now_mono();
    group.bench_function("check_at_hot", |b| {
        b.iter(|| passes::<0>(&reader, black_box(now), black_box(place), &order, &held));
    });
    group.bench_function("check_with_clock", |b| {
        b.iter(|| passes::<0>(&reader, now_mono(), black_box(place), &order, &held));
    });
    group.bench_function("clock_alone", |b| b.iter(now_mono));

    let mut engine = AckWriter::create(&dir.path().join("ack")).unwrap();
    let seen = reader.glance().unwrap();
    group.bench_function("acknowledge", |b| b.iter(|| engine.write(black_box(&seen), black_box(now))));
    group.bench_function("attach", |b| {
        b.iter_batched(|| ReaderOptions::at(&path), Reader::attach, BatchSize::PerIteration);
    });
    group.finish();
}

/// Each row visits all 10,000 markets once: its time over 10,000 is that of one look.
fn rounds(c: &mut Criterion) {
    let dir = dir();
    let path = dir.path().join("gate");
    let mut writer = Writer::create(&path, &spec(false)).unwrap();
    let reader = Reader::open(ReaderOptions::at(&path)).unwrap();
    let places = shuffled(&reader);
    let mut group = c.benchmark_group("gate_round_of_10000");
    group.throughput(Throughput::Elements(u64::from(MARKETS)));

    // What any reader of whole lines pays in the same order.
    let lines: Vec<Line> = (0..MARKETS).map(|_| Line::default()).collect();
    let line_of: Vec<usize> = places.iter().map(|place| place.number().unwrap() as usize).collect();
    let sum_of = |Line(words): &Line| words.iter().fold(0, |sum, word| sum ^ word.load(Ordering::Acquire));
    group.bench_function("bare_line", |b| {
        b.iter(|| line_of.iter().fold(0, |sum, line| sum ^ sum_of(&lines[*line])));
    });

    publish_all(&mut writer, &Permission::FREE);
    round::<0>(&mut group, "check_at", &reader);
    round::<3>(&mut group, "check_at_slot_3", &reader);
    publish_all(&mut writer, &Permission::of(Stance::Caution).with_collar(50.0, 150.0));
    round::<0>(&mut group, "check_at_collar", &reader);
    publish_all(&mut writer, &Permission::HALT);
    round::<0>(&mut group, "check_at_halted", &reader);

    writer.close();
    let mut writer = Writer::create(&path, &spec(true)).unwrap();
    let page = Page::open(&path, Role::Gate, None).unwrap();
    let mut guard = Writer::create(dir.path().join("guard"), &Spec::guard(&page)).unwrap();
    publish_all(&mut writer, &Permission::FREE);
    publish_all(&mut guard, &Permission::FREE);
    round::<0>(&mut group, "check_at_guarded", &Reader::open(ReaderOptions::at(&path)).unwrap());
    group.finish();
}

fn round<const SLOT: u8>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, reader: &Reader) {
    let (places, now) = (shuffled(reader), black_box(now_mono()));
    let (order, held) = (order(), black_box(HELD));
    let is_passed = |place: &&Place| passes::<SLOT>(reader, now, **place, &order, &held);
    group.bench_function(name, |b| b.iter(|| places.iter().filter(is_passed).count()));
}

fn order() -> Order {
    Order::limit(Intent::Open, Side::Buy, 1.0, 100.0)
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

criterion_group!(benches, single, rounds);
criterion_main!(benches);
