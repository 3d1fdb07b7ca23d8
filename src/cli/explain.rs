//! `fusewire explain`: why an incident tripped, in plain words.

use serde_json::json;

use super::paths::StoreAt;
use super::{Exit, Fault, chapter, say};
use crate::record::{Fact, Record};
use crate::report;

/// Tell in plain words why an incident tripped.
///
/// The first trip of each detector with its score, limit and evidence, the rule that acted and what it asked for.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire explain INC-20251010T211503Z-DOT --store fusewire-state/store
  fusewire explain INC-20251010T211503Z-DOT -c config.toml --json

Exit codes: 0 ok, 1 no such incident or no store, 2 usage.")]
pub(super) struct Args {
    /// Id of the incident.
    #[arg(value_name = "INCIDENT")]
    incident: String,
    #[command(flatten)]
    at: StoreAt,
    /// Print one JSON object with every trip.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let records = chapter::of(&args.at.open()?, &args.incident)?;
    if args.json {
        let is_trip = |record: &&Record| matches!(record.fact, Fact::Trip { .. });
        let trips: Vec<_> = records.iter().filter(is_trip).collect();
        say::json(&json!({"incident": args.incident, "trips": trips}))?;
    } else {
        say::text(&report::explain(&args.incident, &records).unwrap_or_default())?;
    }
    Ok(Exit::Ok)
}
