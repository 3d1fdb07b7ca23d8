//! `fusewire breakers`: what operators see of breakers, and do to them. Changes go through the daemon's control socket.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Subcommand};
use serde::Serialize;

use super::table::lay_out;
use super::{Exit, Fault, say};
use crate::breaker::State;
use crate::config::{self, Depth};
use crate::live::ServeSettings;
use crate::policy::Mode;
use crate::serve::BreakerRow;
use crate::serve::control::{Request, Response, ask};

/// See breakers, trip one by hand, let one go.
#[derive(ClapArgs)]
#[command(
    arg_required_else_help = true,
    after_help = "\
Examples:
  fusewire breakers list
  fusewire breakers trip market:binance-coinm:DOTUSD_PERP --stance Halt --reason \"venue announces a delisting\"
  fusewire breakers trip everything --stance ReduceOnly
  fusewire breakers rearm market:binance-coinm:DOTUSD_PERP --rule manual --version-seen 1 --reason \"withdrawn\"

The daemon learns who asks from the socket, and writes it down with the reason. Exit codes: 0 done, 1 refused or nobody
there, 2 usage, 78 invalid config."
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
    /// Control socket of the daemon [default: that of ./config.toml, else fusewire-state/control.sock].
    #[arg(long, global = true, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// Take the socket from this config.
    #[arg(short, long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// Breakers that are not armed, with the version that a re-arm must name.
    #[command(after_help = "\
Examples:
  fusewire breakers list
  fusewire breakers list -c config.toml --json

Exit codes: 0 told, 1 nobody there, 2 usage, 78 invalid config.")]
    List,
    /// Tighten by hand; only a person lets such a breaker go.
    #[command(after_help = "\
Examples:
  fusewire breakers trip market:binance-coinm:DOTUSD_PERP --stance Halt --reason \"venue announces a delisting\"
  fusewire breakers trip everything --stance ReduceOnly

Exit codes: 0 done, 1 refused or nobody there, 2 usage, 78 invalid config.")]
    Trip {
        /// Where: market:VENUE:NATIVE, venue:NAME, asset:NAME or everything.
        scope: String,
        #[arg(long, default_value = "Halt", help = "Caution, ReduceOnly or Halt")]
        stance: String,
        /// Why; welcome, and never in the way.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let a breaker go: refused while its condition holds, or once it has moved since you looked.
    #[command(after_help = "\
Examples:
  fusewire breakers rearm market:binance-coinm:DOTUSD_PERP --rule manual
  fusewire breakers rearm market:binance-coinm:DOTUSD_PERP --rule manual --version-seen 1 --reason \"withdrawn\"

Exit codes: 0 done, 1 refused or nobody there, 2 usage, 78 invalid config.")]
    Rearm {
        /// Where, as `list` shows it.
        scope: String,
        /// Whose breaker: the rule as `list` shows it; manual for one tripped by hand.
        #[arg(long)]
        rule: String,
        /// The version that `list` showed; without it, nothing is done and the breaker is shown.
        #[arg(long, value_name = "N")]
        version_seen: Option<u64>,
        /// Why.
        #[arg(long)]
        reason: Option<String>,
    },
}

#[derive(Serialize)]
struct Listing {
    breakers: Vec<BreakerRow>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let socket = socket_of(args)?;
    match &args.what {
        What::List => list(args, &socket),
        What::Trip { scope, stance, reason } => {
            let request = Request::Trip { scope: scope.clone(), stance: stance.clone(), reason: reason.clone() };
            change(args, &socket, &request)
        }
        What::Rearm { scope, rule, version_seen, reason } => {
            let (Some(version), Some(reason)) = (*version_seen, reason.clone()) else {
                return look_first(&socket, scope, rule);
            };
            let (scope, rule) = (scope.clone(), rule.clone());
            change(args, &socket, &Request::Rearm { scope, rule, version, reason })
        }
    }
}

/// A fault elsewhere in the config is no reason to keep a person from tripping a breaker.
fn socket_of(args: &Args) -> Result<PathBuf, Fault> {
    if let Some(socket) = &args.socket {
        return Ok(socket.clone());
    }
    let here = Path::new("config.toml");
    let Some(path) = args.config.as_deref().or_else(|| here.exists().then_some(here)) else {
        return Ok(ServeSettings::default().control);
    };
    let in_the_way = |key: &str| key.is_empty() || key.starts_with("serve");
    let invalid = |message: String| Fault { exit: Exit::Config, message };
    let reading = config::inspect(path, Depth::Fields);
    match reading.faults.iter().find(|fault| in_the_way(&fault.key)) {
        Some(fault) => Err(invalid(fault.to_string())),
        None => Ok(reading.settings.serve.control),
    }
}

fn list(args: &Args, socket: &Path) -> Result<Exit, Fault> {
    let mut breakers = breakers(socket)?;
    if args.json {
        say::json(&Listing { breakers })?;
        return Ok(Exit::Ok);
    }
    // Armed again: only its strikes are remembered.
    breakers.retain(|row| row.state != State::Armed.name());
    say::text(&if breakers.is_empty() { "all breakers are armed\n".to_owned() } else { table(&breakers) })?;
    Ok(Exit::Ok)
}

fn breakers(socket: &Path) -> Result<Vec<BreakerRow>, Fault> {
    match ask(socket, &Request::Breakers {})? {
        Response::Breakers { breakers } => Ok(breakers),
        other => Err(refusal(other)),
    }
}

fn change(args: &Args, socket: &Path, request: &Request) -> Result<Exit, Fault> {
    let response = ask(socket, request)?;
    if args.json {
        say::json(&response)?;
        return Ok(if matches!(response, Response::Done { .. }) { Exit::Ok } else { Exit::Failure });
    }
    match response {
        Response::Done { answer, by } => say::text(&format!("{}, by {}\n", plain(&answer), plain(&by)))?,
        other => return Err(refusal(other)),
    }
    Ok(Exit::Ok)
}

/// Nobody lets go of what they have not looked at: shows the breaker, and what to type if that is the one.
fn look_first(socket: &Path, scope: &str, rule: &str) -> Result<Exit, Fault> {
    let all = breakers(socket)?;
    let is_it = |row: &&BreakerRow| {
        row.state != State::Armed.name()
            && row.rule == rule
            && (row.scope == scope || row.scope == format!("market:{scope}"))
    };
    let Some(row) = all.iter().find(is_it) else {
        return Err(Fault::usage(format!(
            "{rule} at {scope} is armed; `fusewire breakers list` shows those that are not"
        )));
    };
    let clear = if row.clear { "its causes are clear" } else { "its condition still holds" };
    Err(Fault::usage(format!(
        "a re-arm names the version you saw, and says why. {} at {} is {} at version {}, asks for {}; {clear}. To let it go:\n  \
         fusewire breakers rearm {} --rule {} --version-seen {} --reason \"...\"",
        plain(&row.rule),
        plain(&row.scope),
        plain(&row.state),
        row.version,
        plain(&row.stance),
        plain(&row.scope),
        plain(&row.rule),
        row.version
    )))
}

fn refusal(response: Response) -> Fault {
    let message = match response {
        Response::Refused { why } => format!("refused: {}", plain(&why)),
        _ => "the daemon answered something else; is it of another version?".to_owned(),
    };
    Fault { exit: Exit::Failure, message }
}

fn table(breakers: &[BreakerRow]) -> String {
    let header = ["scope", "rule", "state", "stance", "clear", "until (UTC)", "strikes", "version", "incident"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
    rows.extend(breakers.iter().map(|row| {
        let stance = if row.mode == Mode::Shadow { format!("({})", row.stance) } else { row.stance.clone() };
        let until = row.until_ns.map_or("a person".to_owned(), |at| at.to_string().chars().take(19).collect());
        let clear = if row.clear { "yes" } else { "no" }.to_owned();
        let (strikes, version) = (row.strikes.to_string(), row.version.to_string());
        [&row.scope, &row.rule, &row.state, &stance, &clear, &until, &strikes, &version, &row.incident]
            .map(|cell| plain(cell))
            .to_vec()
    }));
    lay_out(&rows)
}

/// Text for a terminal: whatever could steer it is a question mark.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
