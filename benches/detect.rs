//! Targets F3 to F5: each statistic, one market's detectors by what they see, and the engine at 1 and 1,000 markets.
//!
//! `FUSEWIRE_COUNT=100000 valgrind --tool=callgrind <this bench>` counts the instructions of so many trades on warm markets instead
//! (one, or `FUSEWIRE_MARKETS`): take the difference of two counts, and what comes before the first event falls out. With
//! `--cache-sim=yes` it counts the misses, which is what a thousand markets cost.

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
#[path = "../tests/sim/stage.rs"]
mod stage;

use std::hint::black_box;
use std::time::Duration;

use chance::Chance;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, measurement::WallTime};
use fusewire::detect::{Bank, Limits, Seen, Stream, alone};
use fusewire::engine::{Engine, Input, Output, RunDigest};
use fusewire::event::{Completeness, Liquidated, Nanos};
use fusewire::stats::{cusum, ewma, extremes, gaps, hawkes, occupancy, rolling, scale, turbulence};
use stage::{at, bar, liquidation, quick, quote, table, trade};

/// One event of so many is a forced order: a market without any would leave half of the cascade detector asleep.
const LIQUIDATION_EVERY: u64 = 64;

/// What a detector is shown, by time and price.
type Source = Box<dyn FnMut(Nanos, f64) -> Seen<'static>>;

/// Returns and gaps that no compiler can foresee.
struct Noise {
    values: Vec<f64>,
    place: usize,
}

impl Noise {
    fn new() -> Self {
        let mut chance = Chance::new(1);
        Self { values: (0..4096).map(|_| chance.normal()).collect(), place: 0 }
    }

    fn next(&mut self) -> f64 {
        self.place = (self.place + 1) % self.values.len();
        self.values[self.place]
    }
}

/// One row: a step that is repeated, with a fresh number each time.
fn row<R>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, mut step: impl FnMut(f64) -> R) {
    let mut noise = Noise::new();
    group.bench_function(name, |b| b.iter(|| step(black_box(noise.next()))));
}

fn statistics(c: &mut Criterion) {
    let mut group = c.benchmark_group("stats");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(30);
    let mut ewma = ewma::Ewma::new(60.0);
    row(&mut group, "ewma", |x| ewma.push(x, 0.1));
    let mut window = rolling::Rolling::new(1024);
    row(&mut group, "rolling 1024", |x| window.push(x));
    let mut plain = Plain { list: vec![0.0; 1024], place: 0 };
    row(&mut group, "rolling 1024, recomputed", |x| plain.push(x));
    let mut sigma = scale::Scale::new(3600.0, 6.0);
    row(&mut group, "scale", |x| sigma.push(1e-4 * x, 0.1));
    let (mut window, mut now) = (extremes::Extremes::new(60.0, 60), 0);
    row(&mut group, "extremes 60 s", |x| {
        now += 10_000_000;
        window.push(now, 100.0 + x);
        (window.max(), window.min())
    });
    let mut law = gaps::GapLaw::new(20_000.0);
    row(&mut group, "gaps", |x| law.push(x.abs()));
    row(&mut group, "gaps, phi", |x| law.phi(x.abs()));
    let mut cascade = hawkes::CascadeCusum::new(hawkes::CascadeLaw::default());
    row(&mut group, "cascade CUSUM", |x| cascade.event(10.0 * x.abs(), 1.0));
    let (mut seconds, mut now) = (occupancy::Occupancy::new(), 0);
    row(&mut group, "occupancy", |_| {
        now += 300_000_000;
        seconds.push(now);
        seconds.fraction()
    });
    let mut sum = cusum::Cusum::new(0.25, 4.0);
    row(&mut group, "CUSUM", |x| sum.push(x));
    let law = turbulence::TurbulenceLaw { tau_secs: 21_600.0, shrink: 0.1, clip_sigmas: 6.0, warm_secs: 0.0 };
    let mut panel = turbulence::Turbulence::new(law, 64);
    row(&mut group, "turbulence of 64, a step", |x| {
        for series in 0..64 {
            panel.offer(series, 1e-4 * x * (series % 7) as f64, 5.0, 1e-6);
        }
        panel.step()
    });
    group.finish();
}

/// The plain way to a rolling variance.
struct Plain {
    list: Vec<f64>,
    place: usize,
}

impl Plain {
    fn push(&mut self, x: f64) -> f64 {
        self.list[self.place] = x;
        self.place = (self.place + 1) % self.list.len();
        let mean = self.list.iter().sum::<f64>() / self.list.len() as f64;
        self.list.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / self.list.len() as f64
    }
}

/// Each detector by itself on trades, one event of 64 a liquidation. Every row contains the scale, whose row is `base`.
fn detectors(c: &mut Criterion) {
    let mut group = c.benchmark_group("detector");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(30);
    for mut detector in alone(&quick().detect) {
        let (mut now, mut step) = (at(0.0), 0_u64);
        for second in 0..900 {
            now = at(f64::from(second));
            detector.see(&Seen::Price { at: now, price: 100.0 + 0.01 * f64::from(second % 7) });
        }
        row(&mut group, detector.name(), |x| {
            now = Nanos(now.0 + 10_000_000);
            step += 1;
            detector.see(&if step.is_multiple_of(LIQUIDATION_EVERY) {
                let (liquidated, completeness) = (Liquidated::Long, Completeness::Full);
                Seen::Liquidation { at: now, notional: x.abs(), liquidated, completeness }
            } else {
                Seen::Price { at: now, price: 100.0 + 0.01 * x }
            })
        });
    }
    group.finish();
}

/// Every detector of one market, by what it is shown.
fn bank(c: &mut Criterion) {
    let settings = quick().detect;
    let limits = Limits::new(&settings);
    let mut group = c.benchmark_group("bank");
    group.warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_secs(1)).sample_size(30);
    let closed = bar(0, at(60.0), [100.0, 100.0, 100.0, 100.0]);
    let (mut bars, mut close_at) = (vec![closed], at(0.0));
    let mut rows: Vec<(&str, Source)> = vec![
        ("price", Box::new(|at, x| Seen::Price { at, price: 100.0 + 0.01 * x })),
        ("arrival", Box::new(|at, _| Seen::Arrival { at, stream: Stream::Book })),
        ("clock", Box::new(|at, _| Seen::Clock { at })),
        ("open interest", Box::new(|at, x| Seen::OpenInterest { at, qty: 1000.0 + x })),
        (
            "liquidation",
            Box::new(|at, x| {
                let (liquidated, completeness) = (Liquidated::Long, Completeness::Full);
                Seen::Liquidation { at, notional: x.abs(), liquidated, completeness }
            }),
        ),
    ];
    for (name, seen) in &mut rows {
        let (mut bank, mut now) = (Bank::new(&settings), at(0.0));
        for second in 0..900 {
            now = at(f64::from(second));
            bank.see(&settings, &limits, &Seen::Price { at: now, price: 100.0 + 0.01 * f64::from(second % 7) });
        }
        row(&mut group, name, |x| {
            now = Nanos(now.0 + 10_000_000);
            bank.see(&settings, &limits, &seen(now, x))
        });
    }
    let mut bank = Bank::new(&settings);
    row(&mut group, "bar", |_| {
        close_at = close_at.plus_secs(60.0);
        bars[0].close_at = close_at;
        bank.see(&settings, &limits, &Seen::Bar(&bars[0]))
    });
    let mut bank = Bank::new(&settings);
    row(&mut group, "fingerprint", |_| black_box(&mut bank).fingerprint());
    group.finish();
}

/// A warm engine and trades without end, one market after the other in an order that no prefetcher follows.
struct Busy {
    engine: Engine,
    out: Vec<Output>,
    noise: Noise,
    markets: u32,
    now: Nanos,
    gap_ns: i64,
    id: u64,
}

impl Busy {
    fn new(markets: u32, a_second: i64) -> Self {
        let names: Vec<String> = (0..markets).map(|n| format!("v{}:A{n}", n % 7)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let engine = Engine::new(quick(), table(&names));
        let (out, noise) = (Vec::with_capacity(64), Noise::new());
        let mut busy =
            Self { engine, out, noise, markets, now: at(0.0), gap_ns: 1_000_000_000 / i64::from(markets), id: 0 };
        for _ in 0..u64::from(markets) * 600 {
            busy.step();
        }
        busy.gap_ns = 1_000_000_000 / (i64::from(markets) * a_second);
        busy
    }

    #[inline]
    fn step(&mut self) -> usize {
        self.id += 1;
        self.now = Nanos(self.now.0 + self.gap_ns);
        let market = (self.id.wrapping_mul(7919) % u64::from(self.markets)) as u32;
        let price = 100.0 + 0.002 * self.noise.next();
        let forced = (self.id / u64::from(self.markets)).is_multiple_of(LIQUIDATION_EVERY);
        let event = if forced {
            liquidation(market, self.now, price, 1.0, Liquidated::Long, true)
        } else {
            trade(market, self.id, self.now, price)
        };
        self.engine.handle(Input::Event(event), &mut self.out);
        let told = self.out.len();
        self.out.clear();
        told
    }
}

fn engine(c: &mut Criterion) {
    let mut group = c.benchmark_group("engine");
    group.throughput(Throughput::Elements(1)).measurement_time(Duration::from_secs(2)).sample_size(30);
    for (markets, a_second) in [(1, 100), (100, 100), (1000, 100), (1000, 10), (10_000, 100)] {
        let mut busy = Busy::new(markets, a_second);
        group.bench_function(format!("trade, {markets} markets of {a_second} a second"), |b| b.iter(|| busy.step()));
    }
    let mut busy = Busy::new(1, 100);
    group.bench_function("quote, 1 market", |b| {
        b.iter(|| {
            busy.now = Nanos(busy.now.0 + 10_000_000);
            busy.engine.handle(Input::Event(quote(0, busy.now, 100.0)), &mut busy.out);
        });
    });
    group.finish();
    assert_slower("a window recomputed", "ours", || {
        let (mut plain, mut ours, mut noise) =
            (Plain { list: vec![0.0; 1024], place: 0 }, rolling::Rolling::new(1024), Noise::new());
        (
            Box::new({
                let mut n = Noise::new();
                move || {
                    black_box(plain.push(n.next()));
                }
            }) as Box<dyn FnMut()>,
            Box::new(move || {
                black_box(ours.push(noise.next()));
            }) as Box<dyn FnMut()>,
        )
    });
}

/// What the engine's thread does when a tape of inputs begins anew: the whole state, and the digest of the file that ends.
fn rotation(c: &mut Criterion) {
    let mut group = c.benchmark_group("rotation");
    group.measurement_time(Duration::from_secs(2)).sample_size(10);
    let busy = Busy::new(1000, 10);
    group.bench_function("snapshot_1000_markets", |b| {
        b.iter(|| {
            let snapshot = busy.engine.snapshot();
            (RunDigest::EMPTY.finish_at(&snapshot), busy.engine.markets().clone(), snapshot.len())
        });
    });
    group.finish();
}

/// A bench that cannot tell a known slower way from ours measures nothing.
fn assert_slower(slow_name: &str, fast_name: &str, pair: impl FnOnce() -> (Box<dyn FnMut()>, Box<dyn FnMut()>)) {
    let (mut slow, mut fast) = pair();
    let time = |work: &mut Box<dyn FnMut()>| {
        #[allow(clippy::disallowed_methods, reason = "a bench measures time")]
        let began = std::time::Instant::now();
        (0..5000).for_each(|_| work());
        began.elapsed()
    };
    let best = |work: &mut Box<dyn FnMut()>| (0..5).map(|_| time(work)).min().unwrap_or_default();
    let (slow_took, fast_took) = (best(&mut slow), best(&mut fast));
    assert!(slow_took > fast_took, "{slow_name} took {slow_took:?}, {fast_name} {fast_took:?}");
}

criterion_group!(benches, statistics, detectors, bank, rotation, engine);

fn main() {
    let number = |name| std::env::var(name).ok().and_then(|word| word.parse::<u32>().ok());
    if let Some(count) = number("FUSEWIRE_COUNT") {
        let mut busy = Busy::new(number("FUSEWIRE_MARKETS").unwrap_or(1), 100);
        for _ in 0..count {
            black_box(busy.step());
        }
        return;
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
