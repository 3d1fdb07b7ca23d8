//! `fusewire replay`: recorded feeds through the same engine.

mod inputs;
mod summary;

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::progress::Progress;
use super::tapes::{self, TapeArgs};
use super::{Exit, Fault, say};
use crate::config;
use crate::engine::Engine;
use crate::feed::catalog::Catalog;
use crate::feed::tape::Merge;
use crate::live::Settings;
use crate::replay::{Account, Keeper, Listener, Runner, Speed, Stances, Trips, play};
use inputs::{Inputs, is_of_inputs};
use summary::{Summary, print, summarize};

/// Play recorded feeds through the same engine that runs live.
///
/// Tapes are Tardis CSV, Binance public data (klines as bars), and raw frames as `NANOS JSON` or cryptofeed's
/// `SECONDS.FRACTION: JSON`; plain, gzip, zstd or ZIP; Arrow and Parquet as `tape convert` writes them; Parquet of trades with named columns; or the engine inputs that `run` recorded, in one file or several that follow each other, which give that run's digest. Several merge by receive time. Equal tapes and settings give an equal digest on any machine.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire replay trades.csv.gz
  fusewire replay --venue binance-coinm crash.frames.gz --trips trips.jsonl --stances stances.jsonl
  fusewire replay --venue binance-spot DOTUSDT-1m-2024-11.csv.gz --json
  fusewire replay --venue binance-coinm=crash.frames.gz crash.frames.gz coinbase_trades.csv.gz --fail-on-trip

Exit codes: 0 ok, 1 failure, or engine inputs whose run came to another digest, 2 usage or doubt about a format, 3 something
tripped (--fail-on-trip), 4 input damaged and the rest kept.")]
pub(super) struct Args {
    /// Settings of the engine, with venues and instruments of the desk's own; the shipped ones by default.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    tapes: TapeArgs,
    /// How fast: `max`, or so many times as fast as life.
    #[arg(long, default_value = "max", value_name = "max|N")]
    speed: Speed,
    /// Write every trip to FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    trips: Option<PathBuf>,
    /// Write what each market allowed from when to when to FILE, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    stances: Option<PathBuf>,
    /// Write a page for every incident into DIR.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Keep every record in a store, FILE: a fresh one, as the daemon would.
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// End with exit code 3 when anything tripped.
    #[arg(long)]
    fail_on_trip: bool,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    // Output files are made before the long run, so that a bad path fails at once.
    let mut trips = args.trips.as_ref().map(create).transpose()?.map(Trips::new);
    let mut stances = args.stances.as_ref().map(create).transpose()?.map(Stances::new);
    let mut keeper = Keeper::new(args.store.as_deref(), args.report.as_deref())?;
    let mut account = Account::new();
    let settings = settings(args.config.as_deref())?;
    let progress = Progress::of(&args.tapes.tapes);
    let mut tape = Tape::open(args, &settings.catalog, &progress)?;
    let mut runner = tape.runner(settings)?;

    let began = now();
    let mut listeners: Vec<&mut dyn Listener> = vec![&mut account, &mut keeper];
    listeners.extend(trips.as_mut().map(|trips| trips as &mut dyn Listener));
    listeners.extend(stances.as_mut().map(|stances| stances as &mut dyn Listener));
    let (events, bad) = tape.play(&mut runner, args.speed, &mut listeners, |count| progress.events(count))?;
    let wall = began.elapsed().as_secs_f64();
    drop(progress);

    trips.map(Trips::finish).transpose()?;
    stances.map(|stances| stances.finish(&runner.engine)).transpose()?;
    keeper.finish()?;
    let summary: Summary = summarize(&runner, &account, (events, bad), wall);
    print(args.json, &summary)?;
    let damaged = tape.warn()?;
    if let Some(why) = tape.differs() {
        return Err(anyhow::anyhow!("{why}").into());
    }
    Ok(match () {
        () if args.fail_on_trip && summary.trips > 0 => Exit::Tripped,
        () if damaged => Exit::Damaged,
        () => Exit::Ok,
    })
}

/// The settings of a config, or the shipped ones.
pub(super) fn settings(config: Option<&Path>) -> Result<Settings, Fault> {
    match config {
        Some(path) => config::load_offline(path).map_err(|faults| Fault::config(&faults)),
        None => Ok(Settings::default()),
    }
}

/// What is played.
enum Tape {
    /// Recordings of feeds.
    Feeds(Merge),
    /// What an engine took in: one run, in as many files as it was recorded in.
    Inputs(Inputs),
}

impl Tape {
    fn open(args: &Args, catalog: &Arc<Catalog>, progress: &Progress) -> Result<Self, Fault> {
        let inputs = args.tapes.tapes.iter().filter(|path| is_of_inputs(path)).count();
        if inputs == args.tapes.tapes.len() {
            return Inputs::open(&args.tapes.tapes, progress).map(Self::Inputs);
        }
        if inputs > 0 {
            return Err(Fault::usage(
                "tapes of engine inputs are played alone; `fusewire tape merge` makes one tape of them and others",
            ));
        }
        tapes::open(&args.tapes.specs(catalog)?, progress).map(Self::Feeds)
    }

    fn runner(&self, settings: Settings) -> Result<Runner, Fault> {
        match self {
            Self::Feeds(_) => Ok(Runner::new(Engine::new(settings.engine, settings.catalog.markets()))),
            Self::Inputs(tape) => Ok(Runner::verbatim(Engine::restore(settings.engine, tape.snapshot())?)),
        }
    }

    /// Plays it whole; returns how many inputs came and how many lines were refused.
    fn play(
        &mut self,
        runner: &mut Runner,
        speed: Speed,
        listeners: &mut [&mut dyn Listener],
        progress: impl FnMut(u64),
    ) -> Result<(u64, u64), Fault> {
        match self {
            Self::Feeds(feeds) => {
                play(runner, feeds, speed, listeners, progress).map_err(tapes::fault)?;
                let bad = feeds.reports().map(|report| report.bad.total()).sum();
                Ok((feeds.reports().map(|report| report.inputs).sum(), bad))
            }
            Self::Inputs(tape) => tape.play(runner, listeners, progress).map(|count| (count, 0)),
        }
    }

    /// Tells what was refused; returns whether anything was.
    fn warn(&self) -> Result<bool, Fault> {
        match self {
            Self::Feeds(feeds) => tapes::warn(feeds),
            Self::Inputs(tape) => {
                tape.damage.iter().for_each(|message| say::note(message));
                Ok(!tape.damage.is_empty())
            }
        }
    }

    /// What is wrong where the run that was recorded came to another digest.
    fn differs(&self) -> Option<&str> {
        match self {
            Self::Feeds(_) => None,
            Self::Inputs(tape) => tape.differs.as_deref(),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a driver: it tells people how long it took")]
fn now() -> Instant {
    Instant::now()
}

fn create(path: &PathBuf) -> Result<BufWriter<File>, Fault> {
    let file = File::create(path).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    Ok(BufWriter::new(file))
}
