//! Target F6: publish, `check_at` hot and at random among 10,000 markets, `check` with its clock.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench")]

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use fusewire::breaker::{Contract, Exposure, Intent, Order, Permission, Side, Stance, Verdict};
use fusewire::gate::{AckWriter, Listing, Page, Place, Reader, ReaderOptions, Role, Spec, Writer, now_mono};

const MARKETS: u32 = 10_000;
/// Coprime to the number of markets: visits each once in an order that no prefetcher follows.
const STRIDE: u32 = 7_919;

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

fn gate(c: &mut Criterion) {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = dir.path().join("gate");
    let mut writer = Writer::create(&path, &spec(false)).unwrap();
    publish_all(&mut writer, &Permission::FREE);
    let reader = Reader::open(ReaderOptions::at(&path)).unwrap();
    let places: Vec<Place> = (0..MARKETS).map(|n| reader.place(&format!("bench:M{n}"))).collect();
    let shuffled: Vec<Place> = (0..MARKETS).map(|n| places[(n * STRIDE % MARKETS) as usize]).collect();
    let order = Order::limit(Intent::Open, Side::Buy, 1.0, 100.0);
    let exposure = Exposure { position: 10.0, ..Exposure::FLAT };
    let now = now_mono();
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
    group.bench_function("renew", |b| b.iter(|| writer.renew(black_box(1), black_box(now))));
    publish_all(&mut writer, &Permission::FREE);

    let now = now_mono();
    // An engine branches on the verdict; copying it whole would be the bench's own cost.
    let check_at = |now, place, slot| reader.check_at(now, place, slot, black_box(&order), &exposure) == Verdict::Allow;
    group.bench_function("check_at_hot", |b| b.iter(|| check_at(black_box(now), black_box(places[7]), 0)));
    // What any reader of a cell pays, in the same order: the least that the rows below could take.
    let lines: Vec<[AtomicU64; 8]> = (0..MARKETS).map(|_| Default::default()).collect();
    let order_of_lines: Vec<usize> = (0..MARKETS).map(|n| (n * STRIDE % MARKETS) as usize).collect();
    let mut at = 0;
    group.bench_function("bare_line_random", |b| {
        b.iter(|| {
            at = if at + 1 < order_of_lines.len() { at + 1 } else { 0 };
            lines[order_of_lines[at]].iter().fold(0, |sum, word| sum ^ word.load(Ordering::Acquire))
        });
    });
    let mut at_random = |name: &str, slot| {
        let mut at = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                at = if at + 1 < shuffled.len() { at + 1 } else { 0 };
                check_at(now, shuffled[at], slot)
            });
        });
    };
    at_random("check_at_random", 0);
    at_random("check_at_random_slot_3", 3);
    publish_all(&mut writer, &Permission::of(Stance::Caution).with_collar(50.0, 150.0));
    at_random("check_at_random_collar", 0);
    publish_all(&mut writer, &Permission::HALT);
    at_random("check_at_random_halted", 0);
    publish_all(&mut writer, &Permission::FREE);
    group.bench_function("check_with_clock", |b| {
        b.iter(|| reader.check(black_box(places[7]), 0, black_box(&order), black_box(&exposure)) == Verdict::Allow);
    });
    group.bench_function("clock_alone", |b| b.iter(now_mono));

    let mut engine = AckWriter::create(&dir.path().join("ack")).unwrap();
    let seen = reader.glance().unwrap();
    group.bench_function("acknowledge", |b| b.iter(|| engine.write(black_box(&seen), black_box(now))));
    group.bench_function("attach", |b| {
        b.iter_batched(|| ReaderOptions::at(&path), Reader::attach, BatchSize::PerIteration);
    });

    writer.close();
    let mut writer = Writer::create(&path, &spec(true)).unwrap();
    let page = Page::open(&path, Role::Gate, None).unwrap();
    let mut guard = Writer::create(dir.path().join("guard"), &Spec::guard(&page)).unwrap();
    publish_all(&mut writer, &Permission::FREE);
    publish_all(&mut guard, &Permission::FREE);
    let reader = Reader::open(ReaderOptions::at(&path)).unwrap();
    let (now, mut at) = (now_mono(), 0);
    group.bench_function("check_at_random_guarded", |b| {
        b.iter(|| {
            at = if at + 1 < shuffled.len() { at + 1 } else { 0 };
            reader.check_at(black_box(now), shuffled[at], 0, black_box(&order), black_box(&exposure)) == Verdict::Allow
        });
    });
    group.finish();
}

criterion_group!(benches, gate);
criterion_main!(benches);
