//! `fusewire incidents`: what happened, told from the store; and what people answer, through the running daemon.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::paths::{ControlAt, StoreAt};
use super::table::lay_out;
use super::{Exit, Fault, chapter, say};
use crate::incident::Phase;
use crate::report::words::{clock, lasting, moment};
use crate::report::{self, Brief, Briefs, text::plain};
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
        Command::Ack(args) => answer("ack", &args.incident, &args.reason, &args.at, args.json),
        Command::Resolve(args) => answer("resolve", &args.incident, &args.reason, &args.at, args.json),
        Command::Comment(args) => answer("comment", &args.incident, &args.words, &args.at, args.json),
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
fn answer(what: &str, incident: &str, reason: &str, at: &ControlAt, json: bool) -> Result<Exit, Fault> {
    let socket = at.socket()?;
    let request = json!({"do": what, "incident": incident, "reason": reason});
    let answer = ask(&socket, &request).map_err(|why| {
        let hint = "is the daemon running, and may you use its socket?";
        anyhow::anyhow!("{}: {why} ({hint})", socket.display())
    })?;
    let refused = answer.get("error").and_then(Value::as_str);
    if json {
        say::json_line(&answer)?;
    } else if let Some(why) = refused {
        return Err(anyhow::anyhow!("{what}: {}", plain(why)).into());
    } else {
        let done = answer.get("ok").and_then(Value::as_str).unwrap_or("done");
        say::text(&format!("{}\n", plain(done)))?;
    }
    Ok(if refused.is_some() { Exit::Failure } else { Exit::Ok })
}

/// Longest a daemon may take: its answer comes once the disk has it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const ANSWER_BYTES: u64 = 1 << 20;

// WIRE: `crate::serve::control::ask` takes the place of this client.
/// Sends one line of JSON and reads one: `{"ok":".."}` or `{"error":".."}`.
fn ask(socket: &Path, request: &Value) -> std::io::Result<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_BYTES)).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
