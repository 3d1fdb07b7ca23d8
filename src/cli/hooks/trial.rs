//! A test message through one hook, past the outbox.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use crate::cli::clock::now_utc;
use crate::cli::paths::settings;
use crate::cli::{Exit, Fault, say};
use crate::event::Nanos;
use crate::hook::{Answer, HookSettings, Message, Outcome, Parcel};
use crate::report::text::plain;
use crate::report::words::lasting;

/// Send a test message of type `test` through one hook, at once and past the outbox, and print what it answers.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire hooks test pager -c config.toml

Exit codes: 0 delivered, 1 not delivered, 2 no such hook, 78 invalid config.")]
pub(super) struct TestArgs {
    /// Name of the hook.
    #[arg(value_name = "HOOK")]
    hook: String,
    /// Config that names the hook.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn test(args: &TestArgs) -> Result<Exit, Fault> {
    let hooks = settings(args.config.as_deref())?.hooks;
    let Some(hook) = hooks.iter().find(|hook| hook.name == args.hook) else {
        let names: Vec<_> = hooks.iter().map(|hook| hook.name.as_str()).collect();
        let known = if names.is_empty() { "none (give -c FILE)".to_owned() } else { names.join(", ") };
        return Err(Fault::usage(format!("hook {}: not in the config, which has {known}", plain(&args.hook))));
    };
    let (answer, secs) = send_test(hook, now_utc()).map_err(|why| anyhow::anyhow!("hook {}: {why}", hook.name))?;
    let delivered = answer.outcome == Outcome::Delivered;
    if args.json {
        say::json(&json!({"hook": hook.name, "delivered": delivered, "seconds": secs, "answer": answer.detail}))?;
    } else {
        let word = if delivered { "delivered" } else { "not delivered" };
        say::text(&format!("{}: {word} in {}: {}\n", hook.name, lasting(secs), plain(&answer.detail)))?;
    }
    Ok(if delivered { Exit::Ok } else { Exit::Failure })
}

/// One attempt at a message that no record stands behind; returns the answer and the seconds it took.
#[allow(clippy::disallowed_methods, reason = "a driver: it tells people how long it took")]
fn send_test(hook: &HookSettings, now: Nanos) -> Result<(Answer, f64), String> {
    let mut carrier = hook.kind.carrier()?;
    let words = "a test message, sent by `fusewire hooks test`";
    let body = json!({
        "type": "test", "timestamp": now.to_string(), "seq": 0, "at_ns": now, "incident": "", "data": {"text": words},
    });
    let id = format!("msg_test_{}_{}", now.0, hook.name);
    let message = Message { id, hook: hook.name.clone(), seq: 0, at: now, body: body.to_string() };
    let began = Instant::now();
    let answer = carrier.carry(Parcel { message: &message, attempt: 1, at: now });
    Ok((answer, began.elapsed().as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{Kind, exec};

    #[test]
    fn a_test_message_goes_through_the_hook_itself() {
        let program = |script: &str| {
            let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
            HookSettings::new("desk", Kind::Exec(exec::Settings::new(argv)))
        };
        let reads = program(r#"read line; case $line in *'"type":"test"'*) exit 0;; *) exit 9;; esac"#);
        assert_eq!(send_test(&reads, Nanos(1)).map(|(answer, _)| answer.outcome), Ok(Outcome::Delivered));
        let refuses = send_test(&program("echo no; exit 3"), Nanos(1)).map(|(answer, _)| answer.detail);
        assert_eq!(refuses, Ok("exit 3: no".to_owned()));
    }
}
