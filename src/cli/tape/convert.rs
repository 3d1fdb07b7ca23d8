//! `fusewire tape convert`, `cut`, `merge`: tapes in, one tape out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::moment::Moment;
use crate::cli::progress::Progress;
use crate::cli::tapes::{self, TapeArgs};
use crate::cli::{Exit, Fault, replay, say};
use crate::engine::Input;
use crate::event::MarketId;
use crate::feed::tape::{self, Export};
use crate::market::Markets;

/// What all three are told of the tapes they read.
#[derive(clap::Args)]
struct Tapes {
    /// Config whose venues and instruments are known too.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    which: TapeArgs,
    /// How hard zstd tries for an .arrows.zst, from 1 (fast) to 22 (small).
    #[arg(long, value_name = "N", default_value_t = tape::LEVEL, value_parser = level)]
    level: i32,
    /// Print one JSON object about what was written.
    #[arg(long)]
    json: bool,
}

/// Write tapes in another form: Parquet or CSV for notebooks, or an Arrow tape of our own.
///
/// The end of FILE says which: .parquet (zstd), .csv, .csv.gz, .arrows (an Arrow IPC stream that pyarrow, polars and others
/// read), .arrows.zst (one of steps from row to row, a third of zstd JSON lines: for keeping and for replays). All have the
/// same columns, the last its steps besides; times are UTC. A
/// tape that `run` recorded gives what markets and feeds said; what belonged to that run alone (its state, time, people,
/// deliveries) is left out. Nothing is written over.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire tape convert trades.csv.gz --to trades.parquet
  fusewire tape convert fusewire-state/recordings/20251010T2*-inputs.arrows.zst --to evening.parquet
  fusewire tape convert --venue binance-coinm crash.frames.gz --to crash.arrows

Exit codes: 0 ok, 1 failure, 2 usage or doubt about a format, 4 input damaged and the rest written.")]
pub(super) struct ConvertArgs {
    #[command(flatten)]
    tapes: Tapes,
    /// What to write.
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// Cut a piece out of tapes: a span of time, some of the markets, or both.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire tape cut day.arrows --from 2025-10-10T20:50:00Z --to 2025-10-10T21:30:00Z --out crash.arrows
  fusewire tape cut day.parquet --market binance-coinm:DOTUSD_PERP --out dot.parquet

Times are receive times: a day, an instant, or nanoseconds since 1970. Exit codes as of `tape convert`.")]
pub(super) struct CutArgs {
    #[command(flatten)]
    tapes: Tapes,
    /// The first instant taken.
    #[arg(long, value_name = "TIME")]
    from: Option<Moment>,
    /// The first instant not taken any more.
    #[arg(long, value_name = "TIME")]
    to: Option<Moment>,
    /// A market to take, as VENUE:NATIVE; may be given several times. All by default.
    #[arg(long, value_name = "MARKET")]
    market: Vec<String>,
    /// What to write; the end of its name says in which form, as in `tape convert`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Merge tapes into one, by receive time.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire tape merge binance.arrows coinbase_trades.csv.gz --out both.arrows

Exit codes as of `tape convert`.")]
pub(super) struct MergeArgs {
    #[command(flatten)]
    tapes: Tapes,
    /// What to write; the end of its name says in which form, as in `tape convert`.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

fn level(text: &str) -> Result<i32, String> {
    let level = text.parse().ok().filter(|level| tape::LEVELS.contains(level));
    level.ok_or_else(|| format!("a whole number from {} to {}", tape::LEVELS.start(), tape::LEVELS.end()))
}

pub(super) fn convert(args: &ConvertArgs) -> Result<Exit, Fault> {
    write(&args.tapes, &args.to, &Piece::default())
}

pub(super) fn merge(args: &MergeArgs) -> Result<Exit, Fault> {
    write(&args.tapes, &args.out, &Piece::default())
}

pub(super) fn cut(args: &CutArgs) -> Result<Exit, Fault> {
    let CutArgs { tapes, from, to, market, out } = args;
    if from.is_none() && to.is_none() && market.is_empty() {
        return Err(Fault::usage("say what to take: --from, --to, --market"));
    }
    let piece = Piece {
        from: from.map_or(i64::MIN, |Moment(at)| at.0),
        to: to.map_or(i64::MAX, |Moment(at)| at.0),
        markets: market.iter().cloned().collect(),
    };
    if piece.from >= piece.to {
        return Err(Fault::usage("--from must be before --to"));
    }
    write(tapes, out, &piece)
}

/// What is taken.
struct Piece {
    from: i64,
    to: i64,
    /// Empty for all.
    markets: BTreeSet<String>,
}

impl Default for Piece {
    fn default() -> Self {
        Self { from: i64::MIN, to: i64::MAX, markets: BTreeSet::new() }
    }
}

/// Which markets are taken, looked up once each.
struct Wanted<'p> {
    piece: &'p Piece,
    known: Vec<bool>,
    seen: BTreeSet<String>,
}

impl Wanted<'_> {
    fn takes(&mut self, input: &Input, markets: &Markets) -> bool {
        let at = input.at().0;
        if at < self.piece.from || at >= self.piece.to {
            return false;
        }
        match input {
            _ if self.piece.markets.is_empty() => true,
            Input::Event(event) => self.is_wanted(event.market, markets),
            Input::Bar(bar) => self.is_wanted(bar.market, markets),
            Input::Bad { market: Some(market), .. } => self.is_wanted(*market, markets),
            // What a feed says is of all its markets.
            _ => true,
        }
    }

    fn is_wanted(&mut self, market: MarketId, markets: &Markets) -> bool {
        let place = market.0 as usize;
        for next in self.known.len()..=place {
            let name = markets.name(MarketId(next as u32));
            let is_wanted = self.piece.markets.contains(&name);
            self.known.push(is_wanted);
            if is_wanted {
                self.seen.insert(name);
            }
        }
        self.known.get(place).copied().unwrap_or(false)
    }
}

#[derive(serde::Serialize)]
struct Told {
    file: String,
    /// What was read.
    inputs: u64,
    /// What was written of it.
    written: u64,
    bytes: u64,
    bad: BTreeMap<&'static str, u64>,
}

fn write(from: &Tapes, to: &Path, piece: &Piece) -> Result<Exit, Fault> {
    let catalog = replay::settings(from.config.as_deref())?.catalog;
    let specs = from.which.specs(&catalog)?;
    let progress = Progress::of(&from.which.tapes);
    let mut sources = tapes::open(&specs, &progress)?;
    // The file is made before the long run, so that a bad path fails at once.
    let mut export = Export::create(to, from.level).map_err(tapes::fault)?;
    let mut markets = catalog.markets();
    let mut wanted = Wanted { piece, known: Vec::new(), seen: BTreeSet::new() };
    let (mut inputs, mut written) = (0, 0);
    while let Some(input) = sources.next(&mut markets).map_err(tapes::fault)? {
        inputs += 1;
        progress.events(inputs);
        if wanted.takes(&input, &markets) {
            written += u64::from(export.write(&input, &markets).map_err(tapes::fault)?);
        }
    }
    export.finish().map_err(tapes::fault)?;
    drop(progress);
    for name in piece.markets.difference(&wanted.seen) {
        say::note(&format!("{name}: no tape has this market"));
    }
    let mut bad = BTreeMap::new();
    for (reason, count) in sources.reports().flat_map(|report| report.bad.by_reason()) {
        *bad.entry(reason).or_default() += count;
    }
    let bytes = std::fs::metadata(to)?.len();
    let told = Told { file: to.display().to_string(), inputs, written, bytes, bad };
    if from.json {
        say::json(&told)?;
    } else {
        let each = bytes as f64 / written.max(1) as f64;
        say::text(&format!("{}: {written} of {inputs} inputs, {bytes} bytes ({each:.1} each)\n", told.file))?;
    }
    Ok(if tapes::warn(&sources)? { Exit::Damaged } else { Exit::Ok })
}
