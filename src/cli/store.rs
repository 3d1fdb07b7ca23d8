//! `fusewire store`: whether the history is whole, and all of it as JSON Lines.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::paths::StoreAt;
use super::{Exit, Fault, say};
use crate::record::hex;
use crate::store::Filter;

/// Check and export the store of record.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Verify(VerifyArgs),
    Export(ExportArgs),
}

/// Check every record against the chain of hashes, and what a restart reads against the records.
///
/// Prints the number of records and the last hash: put that where the owner of the store cannot reach, and a history that
/// was rewritten as a whole shows too. Works beside a running daemon.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire store verify --store fusewire-state/store
  fusewire store verify -c config.toml --json

Exit codes: 0 whole, 1 broken (prints the first record that does not hold) or not readable.")]
struct VerifyArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Write records as JSON Lines: `{\"seq\":1,\"at_ns\":0,\"hash\":\"...\",\"body\":{...}}`, the body to the byte as hashed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire store export --store fusewire-state/store --out records.jsonl
  fusewire store export -c config.toml --incident INC-20251010T211503Z-DOT
  fusewire store export --fact trip | jq .body.score

hash = SHA-256(hash before, seq and at_ns as 8 bytes little-endian each, body); the hash before the first is 32 zero bytes.")]
struct ExportArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Write to FILE (mode 0600) instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Begin at this record.
    #[arg(long, value_name = "SEQ", default_value_t = 1)]
    from: u64,
    /// Only facts of this kind: started, trip, breaker, permission, incident, feed, refused, delivered, stopped.
    #[arg(long, value_name = "FACT", hide_possible_values = true, value_parser = FACTS)]
    fact: Option<String>,
    /// Only records of this incident.
    #[arg(long, value_name = "ID")]
    incident: Option<String>,
}

/// The tags of [`Fact`](crate::record::Fact).
const FACTS: [&str; 9] =
    ["started", "trip", "breaker", "permission", "incident", "feed", "refused", "delivered", "stopped"];

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::Verify(args) => verify(args),
        Command::Export(args) => export(args),
    }
}

fn verify(args: &VerifyArgs) -> Result<Exit, Fault> {
    let reader = args.at.open()?;
    let file = args.at.file()?;
    let result = reader.verify();
    match &result {
        Ok(whole) if args.json => {
            say::json(&json!({"whole": true, "records": whole.records, "last_hash": hex(&whole.last_hash)}))?;
        }
        Ok(whole) => {
            let (file, last) = (file.display(), hex(&whole.last_hash));
            say::text(&format!("{file}: whole, {} records\nlast hash {last}\n", whole.records))?;
        }
        Err(broken) if args.json => say::json(&json!({"whole": false, "seq": broken.seq, "why": broken.why}))?,
        Err(broken) => say::note(&format!("fusewire: {}: broken at {broken}", file.display())),
    }
    Ok(if result.is_ok() { Exit::Ok } else { Exit::Failure })
}

fn export(args: &ExportArgs) -> Result<Exit, Fault> {
    let reader = args.at.open()?;
    let filter = Filter { fact: args.fact.clone(), incident: args.incident.clone(), ..Filter::default() };
    match &args.out {
        None => say::to_reader(|out| reader.export(args.from, filter, &mut BufWriter::new(out)).map(drop))?,
        Some(path) => {
            let mut out = BufWriter::new(create(path)?);
            let count = reader.export(args.from, filter, &mut out)?;
            out.flush()?;
            say::note(&format!("{}: {count} records", path.display()));
        }
    }
    Ok(Exit::Ok)
}

/// Made before anything is read, so that a bad path fails at once; records are nobody else's business.
fn create(path: &Path) -> Result<File, Fault> {
    let made = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    made.map_err(|why| anyhow::anyhow!("{}: {why}", path.display()).into())
}
