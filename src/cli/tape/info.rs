//! `fusewire tape info`: what recordings hold.

use std::path::PathBuf;

use crate::cli::progress::Progress;
use crate::cli::table::lay_out;
use crate::cli::tapes::{self, TapeArgs};
use crate::cli::{Exit, Fault, replay, say};
use crate::event::Nanos;
use crate::feed::tape::{self, Info, MarketInfo, Spec};

/// Count what tapes hold: events by market and kind, traded quantity, first and last instant, refused lines.
///
/// Takes the same tapes as `fusewire replay`, so a decoder can be checked against an independent count.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire tape info trades.csv.gz
  fusewire tape info --venue binance-spot DOTUSDT-1m-2024-11.csv.gz --json
  fusewire tape info --venue binance-coinm=crash.frames.gz crash.frames.gz coinbase_trades.csv.gz

Exit codes: 0 ok, 1 failure, 2 usage or doubt about a format, 4 input damaged and the rest counted.")]
pub(super) struct Args {
    /// Config whose venues and instruments are known too.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    tapes: TapeArgs,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let catalog = replay::settings(args.config.as_deref())?.catalog;
    let specs = args.tapes.specs(&catalog)?;
    let progress = Progress::of(&args.tapes.tapes);
    let open = |spec: &Spec| progress.open(spec);
    let info = tape::info_with(&specs, open, |count| progress.events(count)).map_err(tapes::fault)?;
    drop(progress);
    if args.json {
        say::json(&info)?;
    } else {
        say::text(&tell(&info))?;
    }
    info.damaged.iter().for_each(|message| say::note(message));
    Ok(if info.bad.is_empty() && info.damaged.is_empty() { Exit::Ok } else { Exit::Damaged })
}

fn tell(info: &Info) -> String {
    let kinds = kinds(info);
    let head = ["market"].into_iter().chain(kinds.iter().copied()).chain(["quantity"]);
    let mut rows = vec![head.map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(info.markets.iter().map(|(name, market)| row(name, market, &kinds)));
    format!("{}\n{}\n{}\n", lay_out(&rows), span(info), refused(info))
}

/// The kinds that any market has, so that the table has no empty columns.
fn kinds(info: &Info) -> Vec<&'static str> {
    let mut kinds: Vec<&'static str> = Vec::new();
    for market in info.markets.values() {
        let found = market.counts.iter().filter(|(_, count)| **count > 0).map(|(kind, _)| *kind);
        let fresh: Vec<_> = found.filter(|kind| !kinds.contains(kind)).collect();
        kinds.extend(fresh);
    }
    kinds.sort_unstable();
    kinds
}

fn row(name: &str, market: &MarketInfo, kinds: &[&'static str]) -> Vec<String> {
    let counts = kinds.iter().map(|kind| market.counts.get(kind).copied().unwrap_or(0).to_string());
    [name.to_owned()].into_iter().chain(counts).chain([market.quantity.to_string()]).collect()
}

fn span(info: &Info) -> String {
    match (info.first_ns, info.last_ns) {
        (Some(first), Some(last)) => format!("from {} to {}", Nanos(first), Nanos(last)),
        _ => "nothing in it".to_owned(),
    }
}

fn refused(info: &Info) -> String {
    let reasons: Vec<_> = info.bad.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    let refused = if reasons.is_empty() {
        "no line refused".to_owned()
    } else {
        format!("lines refused: {}", reasons.join(", "))
    };
    if info.duplicates == 0 {
        refused
    } else {
        format!("{refused}; repeated by the publisher and dropped: {}", info.duplicates)
    }
}
