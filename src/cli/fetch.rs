//! `fusewire fetch`: Binance's public data files, for `replay`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::progress::Progress;
use super::{Exit, Fault, say};
use crate::feed::fetch::{
    Ask, BASE, Base, FetchError, Fetcher, INTERVALS, Item, Kind, Settings, Span, Watch, Web, plan,
};
use crate::feed::trust::Trust;

/// Download Binance's public data files for a span of days, each verified against its published SHA-256.
///
/// Whole months come as one file where there is one, the rest by day. What is here already is checked and not fetched again;
/// what was cut goes on where it stopped. A proxy is taken from `https_proxy`, `all_proxy` and `no_proxy`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire fetch binance-coinm DOTUSD_PERP --kind trades --from 2025-10-10 --out tapes
  fusewire fetch binance-usdm BTCUSDT ETHUSDT --kind aggTrades --kind metrics --from 2025-10-01 --to 2025-10-31 --out tapes
  fusewire fetch binance-spot BTCUSDT --kind klines --interval 1m --from 2024-01 --to 2024-12 --out tapes --dry-run

Files lie in DIR/VENUE, under the publisher's names; `fusewire replay` and `fusewire tape info` read them as they are:
  fusewire replay tapes/binance-coinm/DOTUSD_PERP-trades-2025-10-10.zip
  fusewire replay --venue binance-spot tapes/binance-spot/BTCUSDT-1m-*.zip

Kinds: klines, trades, aggTrades; of futures also bookTicker (until spring 2024), liquidationSnapshot (COIN-M, what is left) and
metrics (open interest).

Exit codes: 0 all of it is here, 1 failure, 2 usage, 4 some days are not published and the rest is here.")]
pub(super) struct Args {
    /// binance-spot, binance-usdm or binance-coinm.
    #[arg(value_name = "VENUE")]
    venue: String,
    /// Markets, by the venue's own names.
    #[arg(required = true, value_name = "SYMBOL")]
    symbols: Vec<String>,
    /// What of them; may be given several times.
    #[arg(long = "kind", required = true, value_name = "KIND")]
    kinds: Vec<Kind>,
    #[arg(long, default_value = "1m", value_name = "LENGTH", help = interval_help())]
    interval: String,
    /// The first day, or a month.
    #[arg(long, value_name = "YYYY-MM-DD|YYYY-MM", value_parser = span)]
    from: Span,
    /// The last day, or a month; the end of --from where it is left out.
    #[arg(long, value_name = "YYYY-MM-DD|YYYY-MM", value_parser = span)]
    to: Option<Span>,
    /// Where the files go; made where it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Another server with the same folders; http only to a loopback address.
    #[arg(long, value_name = "URL", default_value = BASE, value_parser = Base::parse)]
    base_url: Base,
    /// Authorities (PEM) trusted beside the public ones, as for a proxy that looks into TLS.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Refuse a file larger than this, in GiB.
    #[arg(long, value_name = "N", default_value = "32", value_parser = gib)]
    max_gib: f64,
    /// How often to try before giving up, with ever longer pauses from 0.5 to 30 s; 1 MiB of progress begins anew.
    #[arg(long, value_name = "N", default_value = "6", value_parser = clap::value_parser!(u32).range(1..=100))]
    tries: u32,
    /// Give a silent server up after so many seconds.
    #[arg(long, value_name = "SECS", default_value = "30", value_parser = clap::value_parser!(u32).range(1..=600))]
    stall_secs: u32,
    /// Say which files it would be, and fetch none.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    json: bool,
}

fn interval_help() -> String {
    format!("Length of klines: {}", INTERVALS.join(", "))
}

fn span(text: &str) -> Result<Span, String> {
    Span::parse(text)
        .ok_or_else(|| "must be a day or a month between 2009 and 2099, as in 2025-10-10 or 2025-10".to_owned())
}

fn gib(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (1e-9..=1024.0).contains(number));
    number.ok_or_else(|| "must be a number above 0, and 1024 at most".to_owned())
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Planned,
    Fetched,
    There,
    Missing,
    Failed,
    /// Not tried, for one before it failed for good.
    Left,
}

#[derive(Serialize)]
struct FileLine {
    url: String,
    path: PathBuf,
    from: String,
    to: String,
    state: State,
    bytes: u64,
    fetched_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Serialize)]
struct Summary {
    venue: String,
    files: Vec<FileLine>,
    fetched_bytes: u64,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let items = plan(&ask(args)?).map_err(Fault::usage)?;
    let folder = args.out.join(&args.venue);
    let files = if args.dry_run {
        items.iter().map(|item| line(args, &folder, item, State::Planned)).collect()
    } else {
        fetch_all(args, &folder, items)?
    };
    if !args.json {
        return finish(args, &files);
    }
    let exit = exit(&files);
    let fetched_bytes = files.iter().map(|file| file.fetched_bytes).sum();
    say::json(&Summary { venue: args.venue.clone(), files, fetched_bytes })?;
    Ok(exit)
}

fn ask(args: &Args) -> Result<Ask, Fault> {
    let span = args.from.until(args.to.unwrap_or(args.from));
    let span = span.ok_or_else(|| Fault::usage("--to lies before --from"))?;
    let mut kinds = args.kinds.clone();
    kinds.sort_unstable();
    kinds.dedup();
    let (venue, symbols, interval) = (args.venue.clone(), args.symbols.clone(), args.interval.clone());
    Ok(Ask { venue, symbols, kinds, interval, span })
}

/// Fetches them in order; the days of a month take its place where the month is not published.
fn fetch_all(args: &Args, folder: &Path, items: Vec<Item>) -> Result<Vec<FileLine>, Fault> {
    let trust = match &args.ca_file {
        Some(path) => {
            Trust::with_file(path).map_err(|why| Fault::usage(format!("--ca-file {}: {why}", path.display())))?
        }
        None => Trust::public(),
    };
    let stall = Duration::from_secs(u64::from(args.stall_secs));
    let web = Web::new(&args.base_url, trust, stall, |name| std::env::var(name).ok()).map_err(Fault::usage)?;
    let settings = Settings { tries: args.tries, bytes_max: (args.max_gib * f64::from(1 << 30)) as u64 };
    let progress = Progress::new();
    let mut onlooker = Onlooker { progress: &progress };
    let mut fetcher = Fetcher::new(&web, &args.base_url, settings, &mut onlooker);
    let mut files: Vec<FileLine> = Vec::new();
    let mut waiting: std::collections::VecDeque<Item> = items.into();
    let mut is_over = false;
    while let Some(item) = waiting.pop_front() {
        if is_over {
            files.push(line(args, folder, &item, State::Left));
            continue;
        }
        let result = fetcher.fetch(&item, folder);
        if result == Err(FetchError::Missing) && !item.instead.is_empty() {
            progress.aside(|| say::note(&format!("{}: not published; its days instead", item.name)));
            item.instead.into_iter().rev().for_each(|day| waiting.push_front(day));
            continue;
        }
        is_over = result.as_ref().is_err_and(FetchError::is_final);
        let file = match result {
            Ok(got) => FileLine {
                bytes: got.bytes,
                fetched_bytes: got.fetched,
                ..line(args, folder, &item, if got.is_new { State::Fetched } else { State::There })
            },
            Err(FetchError::Missing) => line(args, folder, &item, State::Missing),
            Err(why) => FileLine { why: Some(why.to_string()), ..line(args, folder, &item, State::Failed) },
        };
        if !args.json {
            progress.aside(|| tell(&file))?;
        }
        files.push(file);
    }
    Ok(files)
}

fn line(args: &Args, folder: &Path, item: &Item, state: State) -> FileLine {
    FileLine {
        url: args.base_url.url(&item.path),
        path: folder.join(&item.name),
        from: item.span.from.to_string(),
        to: item.span.to.to_string(),
        state,
        bytes: 0,
        fetched_bytes: 0,
        why: None,
    }
}

fn tell(file: &FileLine) -> Result<(), Fault> {
    let path = file.path.display();
    match file.state {
        State::Fetched => say::text(&format!("fetched   {path}  {}\n", size(file.bytes))),
        State::There => say::text(&format!("there     {path}  {}, checked\n", size(file.bytes))),
        State::Planned => say::text(&format!("{}\n", file.url)),
        State::Missing => {
            let days = if file.from == file.to { file.from.clone() } else { format!("{} to {}", file.from, file.to) };
            say::text(&format!("missing   {path}  {days} is not published\n"))
        }
        State::Failed | State::Left => {
            let why = file.why.as_deref().unwrap_or("not tried");
            say::text(&format!("failed    {path}  {why}\n"))
        }
    }
}

/// The end of what is told to people.
fn finish(args: &Args, files: &[FileLine]) -> Result<Exit, Fault> {
    if args.dry_run {
        files.iter().try_for_each(tell)?;
        return Ok(Exit::Ok);
    }
    let count = |state| files.iter().filter(|file| file.state == state).count();
    let fetched = files.iter().map(|file| file.fetched_bytes).sum();
    let mut text =
        format!("{} fetched ({}), {} there already", count(State::Fetched), size(fetched), count(State::There));
    for (state, word) in [(State::Missing, "not published"), (State::Failed, "failed"), (State::Left, "not tried")] {
        if count(state) > 0 {
            let _ = write!(text, ", {} {word}", count(state));
        }
    }
    say::note(&text);
    Ok(exit(files))
}

fn exit(files: &[FileLine]) -> Exit {
    let any = |states: &[State]| files.iter().any(|file| states.contains(&file.state));
    match () {
        () if any(&[State::Failed, State::Left]) => Exit::Failure,
        () if !any(&[State::Missing]) => Exit::Ok,
        () if any(&[State::Fetched, State::There]) => Exit::Damaged,
        () => Exit::Failure,
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes < 1e3 => format!("{bytes} B"),
        _ if bytes < 1e6 => format!("{:.1} kB", bytes / 1e3),
        _ if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.2} GB", bytes / 1e9),
    }
}

/// Waits and tells.
struct Onlooker<'a> {
    progress: &'a Progress,
}

impl Watch for Onlooker<'_> {
    fn begin(&mut self, have: u64, total: Option<u64>) {
        self.progress.begin(have, total.unwrap_or(0));
    }

    fn more(&mut self, bytes: u64) {
        self.progress.more(bytes);
    }

    fn note(&mut self, text: &str) {
        self.progress.aside(|| say::note(text));
    }

    #[allow(clippy::disallowed_methods, reason = "a driver: it waits before the next try")]
    fn pause(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
