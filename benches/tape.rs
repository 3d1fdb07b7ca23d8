//! How fast a tape is read: events a second of Tardis CSV from memory, plain and gzipped.
//!
//! `cargo bench --bench tape`. Beside it stands the plain way (`lines`, `split`, `parse`), which must come out slower: a bench
//! in which it does not measures something else.
#![allow(missing_docs, reason = "the macro of criterion makes a function without docs")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use fusewire::feed::tape::{self, Spec};
use fusewire::market::Markets;

const ROWS: u64 = 200_000;

fn tape_read(c: &mut Criterion) {
    let plain: Arc<[u8]> = csv().into();
    let packed: Arc<[u8]> = gzip(&plain).into();
    assert_eq!((read(&plain), read(&packed), plain_way(&packed)), (ROWS, ROWS, ROWS));
    assert_faster_than_the_plain_way(&packed);

    let mut group = c.benchmark_group("tape");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    for (name, bytes) in [("plain", &plain), ("gz", &packed)] {
        group.bench_function(BenchmarkId::new("read", name), |b| b.iter(|| read(black_box(bytes))));
    }
    group.bench_function(BenchmarkId::new("plain_way", "gz"), |b| b.iter(|| plain_way(black_box(&packed))));
    group.finish();
}

fn read(bytes: &Arc<[u8]>) -> u64 {
    let mut markets = Markets::new();
    let stream = Box::new(Cursor::new(Arc::clone(bytes)));
    let Ok(mut source) = tape::read(stream, &Spec::new("trades.csv")) else { return 0 };
    let mut count = 0;
    while let Ok(Some(input)) = source.next(&mut markets) {
        black_box(&input);
        count += 1;
    }
    count
}

fn plain_way(packed: &[u8]) -> u64 {
    let mut count = 0;
    for line in BufReader::new(MultiGzDecoder::new(packed)).lines().skip(1).map_while(Result::ok) {
        let columns: Vec<&str> = line.split(',').collect();
        let [venue, symbol, at, local, id, side, price, amount] = columns[..] else { continue };
        let times = (at.parse::<i64>(), local.parse::<i64>(), id.parse::<u64>());
        let _ = black_box((venue.to_owned(), symbol.to_owned(), side == "buy", times));
        let _ = black_box((price.parse::<f64>(), amount.parse::<f64>()));
        count += 1;
    }
    count
}

/// Best of five, interleaved.
#[allow(clippy::disallowed_methods, reason = "a bench reads the clock")]
fn assert_faster_than_the_plain_way(packed: &Arc<[u8]>) {
    let time = |work: &dyn Fn() -> u64| {
        let start = std::time::Instant::now();
        black_box(work());
        start.elapsed()
    };
    let rounds: Vec<_> = (0..5).map(|_| (time(&|| read(packed)), time(&|| plain_way(packed)))).collect();
    let (ours, plain) = (rounds.iter().map(|r| r.0).min(), rounds.iter().map(|r| r.1).min());
    assert!(ours < plain, "the plain way came out faster: {plain:?} against {ours:?}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let _ = packed.write_all(bytes);
    packed.finish().unwrap_or_default()
}

/// A day of trades as they look: uneven gaps, a price that walks by ticks, amounts of one to eight decimals.
fn csv() -> Vec<u8> {
    let mut text = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n".to_vec();
    let (mut state, mut at, mut ticks) = (0x2545_f491_4f6c_dd1d_u64, 1_760_054_400_000_000_u64, 33_702_u64);
    for id in 0..ROWS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        at += state % 400_000;
        ticks = ticks + state % 3 - 1;
        let side = if state & 8 == 0 { "buy" } else { "sell" };
        let amount = (state >> 20) % 10_u64.pow(2 + (state >> 60) as u32 % 7);
        let local = at + 2_000 + (state >> 40) % 5_000;
        let price = ticks as f64 / 100_000.0;
        let _ = writeln!(
            text,
            "binance,TRXUSDT,{at},{local},{},{side},{price},{}",
            378_878_979 + id,
            amount as f64 / 100.0 + 0.01
        );
    }
    text
}

criterion_group!(benches, tape_read);
criterion_main!(benches);
