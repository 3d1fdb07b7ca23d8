//! `fusewire hooks`: which there are, what they still owe, and whether one works.

mod letters;
mod trial;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::paths::StoreAt;
use super::table::lay_out;
use super::{Exit, Fault, say};
use crate::hook::HookSettings;
use crate::report::text::plain;
use crate::store::{Reader, StoreError};

/// Look after hooks and their deliveries.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(ListArgs),
    Deadletter(letters::DeadArgs),
    Resend(letters::ResendArgs),
    Test(trial::TestArgs),
}

/// List the hooks of the config, with what the store says each still owes.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire hooks list -c config.toml
  fusewire hooks list --store fusewire-state/store --json

Exit codes: 0 ok, 1 failure, 78 invalid config.")]
struct ListArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::List(args) => list(args),
        Command::Deadletter(args) => letters::deadletter(args),
        Command::Resend(args) => letters::resend(args),
        Command::Test(args) => trial::test(args),
    }
}

/// States of the outbox that are counted.
const STATES: [&str; 3] = ["pending", "dead", "shadow"];
/// Most messages that are counted in one state.
const COUNT_MAX: usize = 100_000;

fn list(args: &ListArgs) -> Result<Exit, Fault> {
    let hooks = args.at.settings()?.hooks;
    let owed = if args.at.file()?.exists() { owed(&args.at.open()?)? } else { BTreeMap::new() };
    let strangers = owed.keys().filter(|name| !hooks.iter().any(|hook| hook.name == **name)).map(|name| (name, None));
    let known = hooks.iter().map(|hook| (&hook.name, Some(hook)));
    let rows: Vec<_> = known.chain(strangers).map(|(name, hook)| (name, hook, count(&owed, name))).collect();
    if args.json {
        let values: Vec<_> = rows.iter().map(|(name, hook, counts)| describe(name, *hook, *counts)).collect();
        say::json(&values)?;
    } else if rows.is_empty() {
        say::text("no hooks\n")?;
    } else {
        say::text(&tell(&rows))?;
    }
    Ok(Exit::Ok)
}

/// How many messages each hook has in each of [`STATES`].
type Owed = BTreeMap<String, [u64; STATES.len()]>;

fn owed(reader: &Reader) -> Result<Owed, StoreError> {
    let mut owed = Owed::new();
    for (place, state) in STATES.iter().enumerate() {
        for letter in reader.letters(state, COUNT_MAX)? {
            if let Some(count) = owed.entry(letter.row.hook).or_default().get_mut(place) {
                *count += 1;
            }
        }
    }
    Ok(owed)
}

fn count(owed: &Owed, name: &str) -> [u64; STATES.len()] {
    owed.get(name).copied().unwrap_or_default()
}

fn describe(name: &str, hook: Option<&HookSettings>, [pending, dead, shadow]: [u64; STATES.len()]) -> Value {
    let on: Option<Vec<_>> = hook.map(|hook| hook.on.iter().map(|topic| topic.name()).collect());
    json!({
        "hook": name, "kind": hook.map(|hook| hook.kind.name()), "mode": hook.map_or("gone", |hook| hook.mode.name()), "on": on,
        "min_stance": hook.map(|hook| hook.min_stance.name()), "pending": pending, "dead": dead, "shadow": shadow,
    })
}

fn tell(rows: &[(&String, Option<&HookSettings>, [u64; STATES.len()])]) -> String {
    let head = ["hook", "kind", "mode", "told of", "from stance", "pending", "dead", "shadow"];
    let mut table = vec![head.map(str::to_owned).to_vec()];
    table.extend(rows.iter().map(|(name, hook, counts)| {
        let on = hook.map_or_else(Vec::new, |hook| hook.on.iter().map(|topic| topic.name()).collect());
        let words = [
            plain(name),
            hook.map_or("", |hook| hook.kind.name()).to_owned(),
            hook.map_or("not in the config", |hook| hook.mode.name()).to_owned(),
            on.join(","),
            hook.map_or("", |hook| hook.min_stance.name()).to_owned(),
        ];
        words.into_iter().chain(counts.map(|count| count.to_string())).collect()
    }));
    lay_out(&table)
}
