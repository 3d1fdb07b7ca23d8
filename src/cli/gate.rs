//! `fusewire gate`: what a trading engine reads in the gate, once or change by change.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::clock::now_utc;
use super::echo::Echo;
use super::paths::GateAt;
use super::sight::{self, Lease, Line, Sight};
use super::table::lay_out;
use super::{Exit, Fault, say};
use crate::feed::spelling;
use crate::gate::{AckReader, Reader, ReaderOptions, SLOTS_MAX, now_mono};

/// Look into the gate: what trading engines may do right now.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Read(ReadArgs),
    Watch(WatchArgs),
}

#[derive(clap::Args)]
struct Which {
    #[command(flatten)]
    at: GateAt,
    /// Only this market, as in binance-usdm:BTCUSDT, or as other tools write it: BTC/USDT:USDT, BTCUSDT-PERP.BINANCE.
    #[arg(long, value_name = "MARKET")]
    market: Option<String>,
    /// As the strategy in this slot sees it; 0 is what binds all strategies.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u8).range(..i64::from(SLOTS_MAX)))]
    slot: u8,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Print what the gate allows in every market, and how long its lease still holds.
///
/// The table shows what stands in the cells (gate and guard together). Once the lease is over, engines read Halt whatever
/// stands there. Where the trading engine acknowledges, one line says what it has seen.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire gate read --gate /dev/shm/fusewire/gate --ack /dev/shm/desk-engine/ack
  fusewire gate read -c config.toml --market binance-usdm:BTCUSDT --slot 3 --json

Exit codes: 0 the lease holds, 1 it is over or the gate cannot be believed (both read as Halt), 2 no such market or slot.")]
struct ReadArgs {
    #[command(flatten)]
    which: Which,
    /// Acknowledgements of the trading engine; before what the config says.
    #[arg(long, value_name = "FILE")]
    ack: Option<PathBuf>,
}

/// Print a line for every change of the gate, until Ctrl-C: first how things stand, then what changes.
///
/// Looks at the gate every so often; where a cell changed more than once between two looks, the line says how often.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire gate watch --gate /dev/shm/fusewire/gate
  fusewire gate watch -c config.toml --market binance-usdm:BTCUSDT --every 10
  fusewire gate watch --json | jq .stance

Exit codes: 0 after --lines, 1 failure, 2 no such market or slot; Ctrl-C ends it like any other program.")]
struct WatchArgs {
    #[command(flatten)]
    which: Which,
    /// Look every so many milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    every: u64,
    /// End after so many lines.
    #[arg(long, value_name = "N")]
    lines: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::Read(args) => read(args),
        Command::Watch(args) => watch(args),
    }
}

fn read(args: &ReadArgs) -> Result<Exit, Fault> {
    let which = &args.which;
    let (path, settings) = which.at.find()?;
    let reader = Reader::open(ReaderOptions::at(&path))?;
    let sight = sight::look(&reader, which.slot, &sight::names(&reader, &settings.engine), now_mono());
    let lines = chosen(&sight, which)?;
    let ack = args.ack.as_ref().or(settings.gate.ack.as_ref());
    let echo = ack.map(|ack| Echo::of(&AckReader::new(ack, settings.gate.ack_owner), &reader));
    if which.json {
        let markets: Vec<_> = lines.iter().map(|line| line.json(which.slot)).collect();
        let mut whole = sight.lease.json();
        if let Some(whole) = whole.as_object_mut() {
            whole.insert("gate".to_owned(), json!(path));
            whole.insert("markets".to_owned(), json!(markets));
            whole.insert("ack".to_owned(), json!(echo.map(|echo| echo.json())));
        }
        say::json(&whole)?;
    } else {
        let mut rows = vec![Line::HEAD.map(str::to_owned).to_vec()];
        rows.extend(lines.iter().map(|line| line.cells().to_vec()));
        let echo = echo.map_or_else(String::new, |echo| format!("{echo}\n"));
        say::text(&format!("{}\n{}\n{echo}", lay_out(&rows), sight.lease))?;
    }
    Ok(if sight.lease.is_live() { Exit::Ok } else { Exit::Failure })
}

/// The market asked for, or all.
fn chosen<'a>(sight: &'a Sight, which: &Which) -> Result<Vec<&'a Line>, Fault> {
    if which.slot >= sight.slots {
        return Err(Fault::usage(format!("slot {}: this gate has slots 0 to {}", which.slot, sight.slots - 1)));
    }
    let Some(name) = &which.market else { return Ok(sight.lines.iter().collect()) };
    let found = meant(sight, name);
    if let [one, other, ..] = found.as_slice() {
        let (one, other) = (&one.market, &other.market);
        return Err(Fault::usage(format!(
            "market {name}: may be several of this gate, as {one} and {other}; say which"
        )));
    }
    if found.is_empty() {
        let listed: Vec<_> = sight.lines.iter().take(8).map(|line| line.market.as_str()).collect();
        let more = if sight.lines.len() > 8 { ", ..." } else { "" };
        return Err(Fault::usage(format!("market {name}: not in this gate, which lists {}{more}", listed.join(", "))));
    }
    Ok(found)
}

/// The lines of the markets that a name may mean: its own, or as other tools write it.
fn meant<'a>(sight: &'a Sight, name: &str) -> Vec<&'a Line> {
    let names = spelling::among(name, sight.lines.iter().map(|line| line.market.as_str()));
    sight.lines.iter().filter(|line| names.contains(&line.market.as_str())).collect()
}

fn watch(args: &WatchArgs) -> Result<Exit, Fault> {
    let which = &args.which;
    let (path, settings) = which.at.find()?;
    // Before the first line a gate must be there; later it may go and come back.
    let mut reader = Reader::open(ReaderOptions::at(&path))?;
    let mut before = None;
    let mut left = args.lines.unwrap_or(u64::MAX);
    loop {
        let sight = sight::look(&reader, which.slot, &sight::names(&reader, &settings.engine), now_mono());
        if before.is_none() {
            chosen(&sight, which)?;
        }
        for line in news(before.as_ref(), &sight, which) {
            say::text(&line)?;
            left -= 1;
            if left == 0 {
                return Ok(Exit::Ok);
            }
        }
        before = Some(sight);
        pause(args.every);
        reader.refresh();
    }
}

/// A line for everything that is other than before.
fn news(before: Option<&Sight>, sight: &Sight, which: &Which) -> Vec<String> {
    let was = before.map(|before| before.lease.to_state());
    let is = sight.lease.to_state();
    let lease = (was != Some(is)).then(|| lease_line(&sight.lease, which.json));
    // Cells of another file count anew.
    let before = before.filter(|_| was.is_some_and(|was| was.1 == is.1));
    let wanted = which.market.as_ref().map_or_else(|| sight.lines.iter().collect(), |name| meant(sight, name));
    let changed = wanted.into_iter().filter_map(|line| {
        let last = before.and_then(|before| before.lines.iter().find(|last| last.market == line.market));
        last.is_none_or(|last| last.epochs != line.epochs).then(|| market_line(line, last, which))
    });
    lease.into_iter().chain(changed).collect()
}

fn lease_line(lease: &Lease, json: bool) -> String {
    let now = now_utc();
    if !json {
        return format!("{now}  {lease}\n");
    }
    let mut value = lease.json();
    if let Some(value) = value.as_object_mut() {
        value.insert("at_ns".to_owned(), json!(now.0));
    }
    format!("{value}\n")
}

fn market_line(line: &Line, last: Option<&Line>, which: &Which) -> String {
    let now = now_utc();
    let changes = last.map_or(0, |last| line.changes_since(last));
    if which.json {
        let mut value = line.json(which.slot);
        if let Some(value) = value.as_object_mut() {
            value.insert("at_ns".to_owned(), json!(now.0));
            value.insert("changes".to_owned(), json!(changes));
        }
        return format!("{value}\n");
    }
    let missed = if changes > 1 { format!("  ({changes} changes)") } else { String::new() };
    format!("{now}  {line}{missed}\n")
}

#[allow(clippy::disallowed_methods, reason = "a driver: it looks every so often")]
fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
