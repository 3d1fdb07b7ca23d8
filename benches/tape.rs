//! How fast a tape is read: events a second of Tardis CSV from memory, plain and gzipped, and of our own tape, alone and through
//! all detectors and breakers (F8); and how many bytes an event takes there, against zstd JSON lines of the same events (F10).
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
use fusewire::engine::{Engine, EngineSettings, Input};
use fusewire::feed::tape::{self, InputReader, InputWriter, Spec};
use fusewire::market::Markets;
use fusewire::replay::{Runner, Speed, play};

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
    own(c, "generated", &plain);
    if let Some(day) = recorded() {
        own(c, "recorded", &day);
    }
}

/// Our own tape of the events of a CSV: its size beside JSON lines, and how fast its rows become inputs.
fn own(c: &mut Criterion, name: &str, csv: &Arc<[u8]>) {
    let (inputs, markets) = events(csv);
    let count = inputs.len() as u64;
    let json: Vec<u8> =
        inputs.iter().flat_map(|input| serde_json::to_vec(input).into_iter().flatten().chain([b'\n'])).collect();
    let json = zstd::encode_all(&json[..], 3).unwrap_or_default();
    let each = |bytes: usize| bytes as f64 / count as f64;
    let forms = [
        ("packed", packed(3, &inputs, &markets)),
        ("converted", packed(tape::LEVEL, &inputs, &markets)),
        ("plain", unpacked(&inputs, &markets)),
    ];
    for (form, tape) in &forms {
        println!(
            "{name} {form}: {:.2} bytes an event, zstd JSON lines {:.2}: {:.2} of it",
            each(tape.len()),
            each(json.len()),
            each(tape.len()) / each(json.len())
        );
        assert_eq!(decoded(tape), count);
        assert!(through_engine(tape) >= count);
    }
    let mut group = c.benchmark_group("tape");
    group.throughput(Throughput::Elements(count)).sample_size(20);
    for (form, tape) in &forms {
        group
            .bench_function(BenchmarkId::new(format!("inputs_{form}"), name), |b| b.iter(|| decoded(black_box(tape))))
            .bench_function(BenchmarkId::new(format!("replay_{form}"), name), |b| {
                b.iter(|| through_engine(black_box(tape)));
            });
    }
    group.finish();
}

fn events(csv: &Arc<[u8]>) -> (Vec<Input>, Markets) {
    let mut markets = Markets::new();
    let stream = Box::new(Cursor::new(Arc::clone(csv)));
    let Ok(mut source) = tape::read(stream, &Spec::new("trades.csv")) else { return (Vec::new(), markets) };
    let mut inputs = Vec::new();
    while let Ok(Some(input)) = source.next(&mut markets) {
        inputs.push(input);
    }
    (inputs, markets)
}

fn packed(level: i32, inputs: &[Input], markets: &Markets) -> Vec<u8> {
    InputWriter::packed_at(level, Vec::new(), b"-", markets)
        .and_then(|writer| written(writer, inputs))
        .unwrap_or_default()
}

fn unpacked(inputs: &[Input], markets: &Markets) -> Vec<u8> {
    InputWriter::plain(Vec::new(), b"-", markets).and_then(|writer| written(writer, inputs)).unwrap_or_default()
}

fn written(mut writer: InputWriter<Vec<u8>>, inputs: &[Input]) -> std::io::Result<Vec<u8>> {
    inputs.iter().try_for_each(|input| writer.write(input))?;
    writer.finish(None)
}

/// `fusewire replay` of such a tape, with the breakers and detectors that stand without a config.
fn through_engine(bytes: &[u8]) -> u64 {
    let Ok(source) = tape::read(Box::new(Cursor::new(bytes.to_vec())), &Spec::new("inputs.arrows")) else { return 0 };
    let mut runner = Runner::new(Engine::new(EngineSettings::default(), Markets::new()));
    let played = play(&mut runner, &mut tape::merge(vec![source]), Speed::Max, &mut [], |_| {});
    played.map_or(0, |()| runner.engine.inputs())
}

fn decoded(tape: &[u8]) -> u64 {
    let Ok(reader) = InputReader::new(Cursor::new(tape.to_vec())) else { return 0 };
    reader.filter_map(Result::ok).filter(|input| black_box(input).at().0 > 0).count() as u64
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
