//! `fusewire validate`: what is wrong with a config, all of it at once, before it is needed.

use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Exit, Fault};
use crate::config::{self, Depth, Reading};
use crate::live::Settings;
use crate::policy::Mode;

/// Check a config and say what it would run. Every fault at once, each with its line and what to try.
///
/// Three depths, each with those before it. `fields`: every key is known, of its type and in its range. `topology`: the
/// parts fit each other; rules can be reached with these markets, places do not collide. `environment`: this machine is
/// ready; directories can be made and are not open to others, the port is free, programs are executable, secrets are
/// there. Nothing is changed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire validate
  fusewire validate -c /etc/fusewire/config.toml --depth environment
  fusewire validate --json | jq -r '.faults[].text'

Exit codes: 0 the config is good, 78 it is not.")]
pub(super) struct Args {
    /// The config.
    #[arg(short, long, default_value = "config.toml", value_name = "FILE")]
    config: PathBuf,
    /// How deep to look: fields, topology, environment.
    #[arg(long, default_value = "topology", value_name = "DEPTH", value_parser = depth)]
    depth: Depth,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

fn depth(word: &str) -> Result<Depth, String> {
    Depth::parse(word).ok_or_else(|| format!("one of {}", Depth::ALL.map(Depth::name).join(", ")))
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let reading = config::inspect(&args.config, args.depth);
    let mut out = std::io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &object(args, &reading))?;
        writeln!(out)?;
    } else {
        out.write_all(tell(args, &reading).as_bytes())?;
    }
    Ok(if reading.faults.is_empty() { Exit::Ok } else { Exit::Config })
}

fn tell(args: &Args, reading: &Reading) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if !reading.faults.is_empty() {
        say(reading.faults.to_string());
    }
    for (depth, what) in &reading.checked {
        say(format!("checked {:<11}  {what}", depth.name()));
    }
    for note in &reading.notes {
        say(format!("note: {note}"));
    }
    let name = args.config.display();
    match reading.faults.len() {
        0 => {
            for (what, how) in runs(&reading.settings) {
                say(format!("runs    {what:<11}  {how}"));
            }
            say(format!("{name} is good (depth: {})", args.depth.name()));
        }
        1 => say(format!("{name} has 1 fault")),
        count => say(format!("{name} has {count} faults")),
    }
    text
}

/// What would run, in a few lines.
fn runs(settings: &Settings) -> Vec<(&'static str, String)> {
    let rules = |mode: Mode| settings.engine.rules.iter().filter(|rule| rule.mode == mode).count();
    let mut lines: Vec<(&'static str, String)> =
        settings.feeds.iter().map(|feed| ("feed", format!("{} {}", feed.venue, feed.markets.join(" ")))).collect();
    lines.push((
        "rules",
        format!("{} armed, {} in shadow, {} off", rules(Mode::Armed), rules(Mode::Shadow), rules(Mode::Off)),
    ));
    lines.push(("gate", format!("{}, lease {} ms", settings.gate.path.display(), settings.gate.lease_ms)));
    lines.extend(settings.gate.ack.as_ref().map(|path| ("ack", path.display().to_string())));
    lines.push(("store", settings.store.dir.display().to_string()));
    lines.push(("serve", format!("{}, control {}", settings.serve.listen, settings.serve.control.display())));
    lines.extend(settings.record.as_ref().map(|record| ("record", record.dir.display().to_string())));
    let hooks = settings.hooks.iter().map(|hook| format!("{} ({}, {})", hook.name, hook.kind.name(), hook.mode.name()));
    lines.extend(hooks.map(|hook| ("hook", hook)));
    lines
}

fn object(args: &Args, reading: &Reading) -> Value {
    let faults = reading.faults.iter().map(|fault| {
        json!({
            "line": fault.line,
            "key": fault.key,
            "problem": fault.problem,
            "hint": fault.hint,
            "text": fault.to_string(),
        })
    });
    let checked = reading.checked.iter().map(|(depth, what)| json!({ "depth": depth.name(), "what": what }));
    let runs = runs(&reading.settings).into_iter().map(|(what, how)| json!({ "what": what, "how": how }));
    let ok = reading.faults.is_empty();
    json!({
        "ok": ok,
        "config": args.config.display().to_string(),
        "depth": args.depth.name(),
        "faults": faults.collect::<Vec<_>>(),
        "checked": checked.collect::<Vec<_>>(),
        "notes": reading.notes,
        "runs": if ok { runs.collect() } else { Vec::new() },
    })
}
