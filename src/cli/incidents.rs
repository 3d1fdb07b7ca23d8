//! `fusewire incidents`: what happened, told from the store; and what people answer, through the running daemon.

use serde_json::json;

use super::paths::{ControlAt, StoreAt};
use super::table::lay_out;
use super::{Exit, Fault, chapter, say};
use crate::incident::Phase;
use crate::report::words::{clock, lasting, moment};
use crate::report::{self, Brief, Briefs, text::plain};
use crate::serve::control::{self, Request, Response};
use crate::store::Filter;

/// List and show incidents; acknowledge, comment and resolve them.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(ListArgs),
    Show(ShowArgs),
    /// Say that you have seen an incident: escalation stops.
    #[command(after_help = ANSWER_HELP)]
    Ack(AnswerArgs),
    /// Declare an incident over; breakers stay as they are.
    #[command(after_help = ANSWER_HELP)]
    Resolve(AnswerArgs),
    /// Add a remark to an incident.
    #[command(after_help = ANSWER_HELP)]
    Comment(CommentArgs),
}

/// List incidents, the latest first.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire incidents list --store fusewire-state/store
  fusewire incidents list -c config.toml --open --json

Exit codes: 0 ok (also when there is none), 1 failure, 2 usage.")]
struct ListArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Only those that nobody has resolved.
    #[arg(long)]
    open: bool,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Print the page of an incident as Markdown: what was allowed when, every trip, who answered, how to replay it.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire incidents show INC-20251010T211503Z-DOT --store fusewire-state/store
  fusewire incidents show INC-20251010T211503Z-DOT -c config.toml > review.md
  fusewire incidents show INC-20251010T211503Z-DOT --json | jq .records

Exit codes: 0 ok, 1 no such incident or no store, 2 usage.")]
struct ShowArgs {
    /// Id of the incident.
    #[arg(value_name = "INCIDENT")]
    incident: String,
    #[command(flatten)]
    at: StoreAt,
    /// Print one JSON object: the incident in short, and the records the page is made of.
    #[arg(long)]
    json: bool,
}

const ANSWER_HELP: &str = "\
Examples:
  fusewire incidents ack INC-20251010T211503Z-DOT --reason 'on it'
  fusewire incidents comment INC-20251010T211503Z-DOT 'venue confirms an outage' -c config.toml
  fusewire incidents resolve INC-20251010T211503Z-DOT --reason 'books are back' --socket fusewire-state/control.sock

Who you are is told by your login at the daemon's socket, never by a flag.

Exit codes: 0 done and on disk, 1 refused or no daemon, 2 usage.";

#[derive(clap::Args)]
struct AnswerArgs {
    /// Id of the incident.
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// Why, in your words.
    #[arg(long, value_name = "WORDS", default_value = "")]
    reason: String,
    #[command(flatten)]
    at: ControlAt,
    /// Print the daemon's answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Args)]
struct CommentArgs {
    /// Id of the incident.
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// The remark.
    #[arg(value_name = "WORDS")]
    words: String,
    #[command(flatten)]
    at: ControlAt,
    /// Print the daemon's answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Show(args) => show(args),
        Command::Ack(args) => {
            let (incident, reason) = (args.incident.clone(), args.reason.clone());
            answer(&Request::Ack { incident, reason }, &args.at, args.json)
        }
        Command::Resolve(args) => {
            let (incident, reason) = (args.incident.clone(), args.reason.clone());
            answer(&Request::Resolve { incident, reason }, &args.at, args.json)
        }
        Command::Comment(args) => {
            let (incident, reason) = (args.incident.clone(), args.words.clone());
            answer(&Request::Comment { incident, reason }, &args.at, args.json)
        }
    }
}

fn list(args: &ListArgs) -> Result<Exit, Fault> {
    let reader = args.at.open()?;
    let mut briefs = Briefs::new();
    for fact in ["incident", "trip"] {
        for record in reader.records(0, Filter { fact: Some(fact.to_owned()), ..Filter::default() }) {
            briefs.take(&record?);
        }
    }
    let mut found = briefs.newest_first();
    found.retain(|brief| !(args.open && brief.phase == Phase::Resolved));
    found.truncate(args.limit);
    if args.json {
        say::json(&found)?;
    } else if found.is_empty() {
        say::text("no incidents\n")?;
    } else {
        say::text(&tell(&found))?;
    }
    Ok(Exit::Ok)
}

fn tell(briefs: &[Brief]) -> String {
    let head = ["incident", "severity", "state", "opened", "last trip", "trips", "markets", "title"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(briefs.iter().map(|brief| {
        let last = if brief.trips == 0 { "none".to_owned() } else { clock(brief.last_trip_ns, brief.opened_ns) };
        vec![
            plain(&brief.id),
            brief.severity.to_string(),
            state(brief),
            moment(brief.opened_ns),
            last,
            brief.trips.to_string(),
            brief.markets.len().to_string(),
            plain(&brief.title),
        ]
    }));
    lay_out(&rows)
}

fn state(brief: &Brief) -> String {
    let (word, at) = match brief.phase {
        Phase::Open => ("open", None),
        Phase::Acknowledged => ("acknowledged", brief.acknowledged_ns),
        Phase::Resolved => ("resolved", brief.resolved_ns),
    };
    at.map_or_else(|| word.to_owned(), |at| format!("{word} after {}", lasting(at.secs_since(brief.opened_ns))))
}

fn show(args: &ShowArgs) -> Result<Exit, Fault> {
    let records = chapter::of(&args.at.open()?, &args.incident)?;
    if args.json {
        let mut briefs = Briefs::new();
        for record in &records {
            briefs.take(record);
        }
        say::json(&json!({"incident": briefs.remove(&args.incident), "records": records}))?;
    } else {
        say::text(&report::page(&args.incident, &records).unwrap_or_default())?;
    }
    Ok(Exit::Ok)
}

/// Puts a person's answer before the running daemon.
fn answer(request: &Request, at: &ControlAt, json: bool) -> Result<Exit, Fault> {
    let response = control::ask(&at.socket()?, request)?;
    if json {
        say::json_line(&response)?;
    }
    match response {
        Response::Done { .. } if json => Ok(Exit::Ok),
        Response::Done { answer, by } => {
            say::text(&format!("{} (by {})\n", plain(&answer), plain(&by)))?;
            Ok(Exit::Ok)
        }
        Response::Refused { .. } if json => Ok(Exit::Failure),
        Response::Refused { why } => Err(anyhow::anyhow!("{}", plain(&why)).into()),
        other => Err(anyhow::anyhow!("the daemon answered something else: {other:?}").into()),
    }
}
