//! How fast a tape is read: events a second of Tardis CSV from memory, plain and gzipped.
//!
//! `cargo bench --bench tape`. Beside it stands the plain way (`lines`, `split`, `parse`), which must come out slower: a bench
//! in which it does not measures something else.
#![allow(missing_docs, reason = "the macro of criterion makes a function without docs")]
#![allow(clippy::print_stdout, reason = "a bench tells what it measured")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::path::Path;
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
    assert_faster_than_the_plain_way("generated", &packed);
    match recorded() {
        Some(day) => assert_faster_than_the_plain_way("recorded", &day),
        None => println!("recorded: skipped: FUSEWIRE_DATA is not set"),
    }

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

/// Best of nine, interleaved, in processor time: a busy neighbour doubles the wall time and leaves this one nearly alone.
fn assert_faster_than_the_plain_way(name: &str, packed: &Arc<[u8]>) {
    let rows = read(packed).max(1);
    let rounds: Vec<_> = (0..9).map(|_| (cost(|| read(packed)), cost(|| plain_way(packed)))).collect();
    let ours = rounds.iter().map(|round| round.0).min().unwrap_or_default();
    let plain = rounds.iter().map(|round| round.1).min().unwrap_or_default();
    println!("{name}: {rows} events; {} ns an event, the plain way {} ns", ours / rows, plain / rows);
    assert!(ours <= plain, "the plain way came out faster: {plain} ns against {ours} ns");
}

/// Processor time of this thread for `work`, in nanoseconds; 0 where the system does not tell.
fn cost(work: impl Fn() -> u64) -> u64 {
    let spent = || {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        told.split(' ').next().and_then(|nanos| nanos.parse::<u64>().ok()).unwrap_or_default()
    };
    let before = spent();
    black_box(work());
    spent().saturating_sub(before)
}

/// A recorded day, where there is one.
fn recorded() -> Option<Arc<[u8]>> {
    let path = Path::new(&std::env::var_os("FUSEWIRE_DATA")?).join("ticks/binance_trades_2025-10-10_TRXUSDT.csv.gz");
    std::fs::read(path).ok().map(Into::into)
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
