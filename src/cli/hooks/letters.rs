//! Dead letters: messages that nobody tries to deliver any more, and how a person makes them go out again.

use serde_json::{Value, json};

use super::COUNT_MAX;
use crate::cli::paths::StoreAt;
use crate::cli::table::lay_out;
use crate::cli::{Exit, Fault, say};
use crate::report::text::plain;
use crate::report::words::moment;
use crate::store::{Letter, Reader, Store, StoreError};

/// List dead letters: messages that nobody tries to deliver any more, the latest first.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire hooks deadletter -c config.toml
  fusewire hooks deadletter --store fusewire-state/store --hook pager --json

Exit codes: 0 ok (also when there is none), 1 failure.")]
pub(super) struct DeadArgs {
    #[command(flatten)]
    at: StoreAt,
    /// Only those of this hook.
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print one JSON array, bodies included.
    #[arg(long)]
    json: bool,
}

/// Mark dead letters for another delivery, under their old ids.
///
/// Writes to the store, so the daemon must be stopped for now; it delivers them when it starts.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire hooks resend msg_0a1b2c3d4e5f_7_pager -c config.toml
  fusewire hooks resend --hook pager --store fusewire-state/store

Exit codes: 0 all marked, 1 a message is no dead letter or the daemon runs, 2 usage.")]
pub(super) struct ResendArgs {
    /// Ids of messages, as `fusewire hooks deadletter` prints them.
    #[arg(value_name = "MESSAGE", required_unless_present = "hook")]
    messages: Vec<String>,
    /// Every dead letter of this hook.
    #[arg(long, value_name = "HOOK", conflicts_with = "messages")]
    hook: Option<String>,
    #[command(flatten)]
    at: StoreAt,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn deadletter(args: &DeadArgs) -> Result<Exit, Fault> {
    let letters = dead(&args.at.open()?, args.hook.as_deref(), args.limit)?;
    if args.json {
        let values: Vec<_> = letters.iter().map(letter_json).collect();
        say::json(&values)?;
    } else if letters.is_empty() {
        say::text("no dead letters\n")?;
    } else {
        let mut rows = vec![["message", "hook", "of", "attempts", "last tried", "answer"].map(str::to_owned).to_vec()];
        rows.extend(letters.iter().map(|letter| {
            let tried = if letter.tried.0 == 0 { "never".to_owned() } else { moment(letter.tried) };
            let (message, hook) = (plain(&letter.row.message), plain(&letter.row.hook));
            vec![message, hook, moment(letter.row.at), letter.attempts.to_string(), tried, plain(&letter.detail)]
        }));
        say::text(&lay_out(&rows))?;
    }
    Ok(Exit::Ok)
}

/// Dead letters, the latest first.
fn dead(reader: &Reader, hook: Option<&str>, limit: usize) -> Result<Vec<Letter>, StoreError> {
    let mut letters = reader.letters("dead", COUNT_MAX)?;
    letters.retain(|letter| hook.is_none_or(|hook| letter.row.hook == hook));
    letters.truncate(limit);
    Ok(letters)
}

fn letter_json(letter: &Letter) -> Value {
    let row = &letter.row;
    let body: Value = serde_json::from_str(&row.body).unwrap_or_else(|_| Value::from(row.body.as_str()));
    json!({
        "message": row.message, "hook": row.hook, "seq": row.seq, "at_ns": row.at, "attempts": letter.attempts,
        "tried_ns": letter.tried, "detail": letter.detail, "body": body,
    })
}

pub(super) fn resend(args: &ResendArgs) -> Result<Exit, Fault> {
    // A store that is not there must not be made by asking.
    let reader = args.at.open()?;
    let wanted = match &args.hook {
        Some(hook) => dead(&reader, Some(hook), COUNT_MAX)?.into_iter().map(|letter| letter.row.message).collect(),
        None => args.messages.clone(),
    };
    let mut store = Store::open_file(&args.at.file()?).map_err(|why| match why {
        StoreError::Locked { .. } => {
            anyhow::anyhow!("{why}: stop the daemon first, resending through a running one is not there yet")
        }
        why => why.into(),
    })?;
    let (mut marked, mut unknown) = (Vec::new(), Vec::new());
    for message in wanted {
        let found = store.resend(&message)?;
        (if found.is_some() { &mut marked } else { &mut unknown }).push(message);
    }
    if args.json {
        say::json(&json!({"marked": marked, "unknown": unknown}))?;
    } else {
        say::text(&format!("{} marked, sent when the daemon starts\n", marked.len()))?;
        for message in &unknown {
            say::note(&format!("fusewire: {}: no dead letter", plain(message)));
        }
    }
    Ok(if unknown.is_empty() { Exit::Ok } else { Exit::Failure })
}
