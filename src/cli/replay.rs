//! `fusewire replay`: recorded feeds through the same engine.

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::table::lay_out;
use super::{Exit, Fault};
use crate::config;
use crate::engine::{Engine, EngineSettings};
use crate::feed::tape::{self, Merge, Spec};
use crate::market::Markets;
use crate::replay::{Account, Fall, Listener, Reached, Runner, Speed, Stances, Trips, play};
use crate::trip::short;

/// Play recorded feeds through the same engine that runs live.
///
/// Tapes are Tardis CSV of trades or liquidations, Binance klines (as bars), and raw frames as `NANOS JSON`; plain or
/// gzipped. Several merge by receive time. Equal tapes and settings give an equal digest on any machine.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire replay trades.csv.gz
  fusewire replay --venue binance-coinm crash.frames.gz --trips trips.jsonl --stances stances.jsonl
  fusewire replay -c config.toml trades.csv.gz
  fusewire replay --venue binance-spot DOTUSDT-1m-2024-11.csv.gz --json
  fusewire replay --venue binance-coinm=crash.frames.gz crash.frames.gz coinbase_trades.csv.gz --fail-on-trip

Exit codes: 0 ok, 1 failure, 2 usage or doubt about a format, 3 something tripped (--fail-on-trip), 4 input damaged and the
rest kept, 78 invalid config.")]
pub(super) struct Args {
    /// Tapes; a tie in time goes to the first named.
    #[arg(required = true, value_name = "TAPE")]
    tapes: Vec<PathBuf>,
    /// Detectors and rules of a config instead of the shipped ones. Its feeds, places and hooks are not used.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Format of every tape: auto, tardis-trades, tardis-liquidations, binance-klines, frames.
    #[arg(long, default_value = "auto", value_name = "FORMAT")]
    format: String,
    /// Venue of tapes that name none: V or V:SYMBOL for all, V=PATH for one. May be given several times.
    #[arg(long, value_name = "V|V=PATH")]
    venue: Vec<String>,
    /// How fast: `max`, or so many times as fast as life.
    #[arg(long, default_value = "max", value_name = "max|N")]
    speed: Speed,
    /// Write every trip to FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    trips: Option<PathBuf>,
    /// Write what each market allowed from when to when to FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    stances: Option<PathBuf>,
    /// End with exit code 3 when a rule tripped.
    #[arg(long)]
    fail_on_trip: bool,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Summary {
    events: u64,
    bad_events: u64,
    trips: u64,
    incidents: u64,
    wall_seconds: f64,
    events_per_second: f64,
    digest: String,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
    markets: Vec<MarketSummary>,
}

#[derive(Serialize)]
struct MarketSummary {
    market: String,
    events: u64,
    trips: u64,
    worst_hour: Option<Fall>,
    reached: Vec<Reached>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let settings = args.config.as_deref().map_or_else(|| Ok(EngineSettings::default()), engine_of)?;
    let specs = Spec::all(&args.tapes, &args.format, &args.venue).map_err(tape_fault)?;
    let mut trips = args.trips.as_ref().map(create).transpose()?.map(Trips::new);
    let mut stances = args.stances.as_ref().map(create).transpose()?.map(Stances::new);
    let mut account = Account::new();
    let mut tapes = open(&specs)?;
    let mut runner = Runner::new(Engine::new(settings, Markets::new()));

    let began = now();
    let mut listeners: Vec<&mut dyn Listener> = vec![&mut account];
    listeners.extend(trips.as_mut().map(|trips| trips as &mut dyn Listener));
    listeners.extend(stances.as_mut().map(|stances| stances as &mut dyn Listener));
    let show = std::io::stderr().is_terminal();
    let played = play(&mut runner, &mut tapes, args.speed, &mut listeners, |count| progress(show, began, count));
    played.map_err(tape_fault)?;
    let wall = began.elapsed().as_secs_f64();

    trips.map(Trips::finish).transpose()?;
    stances.map(|stances| stances.finish(&runner.engine)).transpose()?;
    let summary = summarize(&runner, &account, &tapes, wall);
    print(args, &summary)?;
    let damaged = warn(&tapes)?;
    Ok(match () {
        () if args.fail_on_trip && summary.trips > 0 => Exit::Tripped,
        () if damaged => Exit::Damaged,
        () => Exit::Ok,
    })
}

fn engine_of(path: &Path) -> Result<EngineSettings, Fault> {
    config::load_engine(path).map_err(|faults| Fault { exit: Exit::Config, message: faults.to_string() })
}

#[allow(clippy::disallowed_methods, reason = "a driver: it tells people how long it took")]
fn now() -> Instant {
    Instant::now()
}

fn create(path: &PathBuf) -> Result<BufWriter<File>, Fault> {
    let file = File::create(path).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    Ok(BufWriter::new(file))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn tape_fault(why: tape::TapeError) -> Fault {
    let exit = if why.exit_code() == 2 { Exit::Usage } else { Exit::Failure };
    Fault { exit, message: why.to_string() }
}

pub(super) fn open(specs: &[Spec]) -> Result<Merge, Fault> {
    let sources = specs.iter().map(tape::open).collect::<Result<Vec<_>, _>>().map_err(tape_fault)?;
    Ok(tape::merge(sources))
}

fn progress(show: bool, began: Instant, count: u64) {
    if show {
        let rate = count as f64 / began.elapsed().as_secs_f64().max(1e-9);
        let _ = write!(std::io::stderr(), "\r{count} events, {} a second ", short(rate));
    }
}

fn summarize(runner: &Runner, account: &Account, tapes: &Merge, wall: f64) -> Summary {
    let engine = &runner.engine;
    let markets = engine.markets().iter().map(|(id, market)| MarketSummary {
        market: market.to_string(),
        events: account.inputs_of(id),
        trips: account.trips_of(id),
        worst_hour: account.fall(id),
        reached: account.reached(engine, id),
    });
    let events: u64 = tapes.reports().map(|report| report.inputs).sum();
    Summary {
        events,
        bad_events: tapes.reports().map(|report| report.bad.total()).sum(),
        trips: account.trips(),
        incidents: account.incidents(),
        wall_seconds: wall,
        events_per_second: events as f64 / wall.max(1e-9),
        digest: runner.finish(),
        first_ns: account.span().map(|(first, _)| first.0),
        last_ns: account.span().map(|(_, last)| last.0),
        markets: markets.collect(),
    }
}

fn print(args: &Args, summary: &Summary) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, summary)?;
        writeln!(out)?;
    } else {
        out.write_all(tell(summary).as_bytes())?;
    }
    Ok(())
}

fn tell(summary: &Summary) -> String {
    let mut rows = vec![
        [
            "market",
            "events",
            "trips",
            "worst hour",
            "fall",
            "from",
            "to",
            "stance",
            "at (UTC)",
            "price",
            "still to come",
            "rule",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for market in &summary.markets {
        rows.extend(market_rows(market));
    }
    format!(
        "{}\n{} events in {:.2} s ({} a second), {} refused, {} trips, {} incidents\ndigest {}\n",
        lay_out(&rows),
        summary.events,
        summary.wall_seconds,
        short(summary.events_per_second),
        summary.bad_events,
        summary.trips,
        summary.incidents,
        summary.digest
    )
}

fn market_rows(market: &MarketSummary) -> Vec<Vec<String>> {
    let mut head = vec![market.market.clone(), market.events.to_string(), market.trips.to_string()];
    match &market.worst_hour {
        Some(fall) => head.extend([
            format!("{}-{}", clock(fall.from_ns), clock(fall.to_ns)),
            format!("{:.1} %", fall.depth() * 100.0),
            short(fall.from),
            short(fall.to),
        ]),
        None => head.extend(["", "", "", ""].map(str::to_owned)),
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for reached in &market.reached {
        let mut row = if rows.is_empty() { std::mem::take(&mut head) } else { vec![String::new(); 7] };
        row.extend([
            reached.stance.to_owned(),
            clock(reached.at_ns),
            short(reached.price),
            format!("{:.0} %", reached.still_to_come * 100.0),
            reached.rule.clone(),
        ]);
        rows.push(row);
    }
    if rows.is_empty() {
        head.push("Normal".to_owned());
        rows.push(head);
    }
    rows
}

/// Hours, minutes and seconds of a day.
fn clock(at: crate::event::Nanos) -> String {
    at.to_string().chars().skip(11).take(8).collect()
}

/// Tells what was refused; returns whether anything was.
fn warn(tapes: &Merge) -> Result<bool, Fault> {
    let mut damaged = false;
    for report in tapes.reports() {
        damaged |= report.is_damaged();
        if let Some(message) = report.message() {
            writeln!(std::io::stderr(), "{message}")?;
        }
    }
    Ok(damaged)
}
