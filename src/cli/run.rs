//! `fusewire run`: the daemon.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use crossbeam_channel::{Receiver, bounded};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{Exit, Fault, config_of};
use crate::live::{self, Extras, SceneClock};

/// Run the daemon: watch the configured markets and keep the gate.
///
/// Until feeds deliver, the gate says Halt; until detectors are warm it says what `engine.warming` allows. SIGTERM and SIGINT end
/// it in order: feeds, engine, store, gate.
#[allow(clippy::doc_markdown, reason = "these lines are the help text, and people read them")]
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire run                       # config.toml in this directory
  fusewire run -c /etc/fusewire/config.toml
  FUSEWIRE_LOG=debug fusewire run    # more log lines; FUSEWIRE_LOG_JSON=1 for one JSON object a line

Exit codes: 0 ended in order, 1 failure, 78 invalid config.")]
pub(super) struct Args {
    /// The config.
    #[arg(short, long, default_value = "config.toml", value_name = "FILE")]
    config: PathBuf,
    /// Warm the detectors with recordings before the first live event; may be given several times.
    #[arg(long, value_name = "TAPE")]
    warm: Vec<PathBuf>,
    /// Venue of those recordings, as in `replay --venue`.
    #[arg(long, value_name = "V|V=PATH")]
    warm_venue: Vec<String>,
    /// Another time than the real one, for demonstrations: FROM_NS,SPEED,MONOTONIC_NS.
    #[arg(long, hide = true)]
    scene: Option<SceneClock>,
    /// Hang at this input, for tests of the lease.
    #[arg(long, hide = true)]
    hang_at: Option<u64>,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let settings = config_of(&args.config)?;
    log();
    let shutdown = signals()?;
    let extras = Extras {
        scene: args.scene,
        warm: args.warm.clone(),
        warm_venue: args.warm_venue.clone(),
        hang_at: args.hang_at,
    };
    live::run(&settings, &extras, &shutdown)?;
    Ok(Exit::Ok)
}

/// Log lines to standard error.
pub(super) fn log() {
    let filter = EnvFilter::try_from_env("FUSEWIRE_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second subscriber in one process is a test's business; the first one stays.
    let _ = if std::env::var_os("FUSEWIRE_LOG_JSON").is_some() { log.json().try_init() } else { log.try_init() };
}

/// Says when the daemon shall end, and why.
pub(super) fn signals() -> Result<Receiver<&'static str>, Fault> {
    let (say, shutdown) = bounded(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        let why = runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            }
        });
        // Nobody listens once the daemon has ended by itself.
        let _ = say.send(why);
    })?;
    Ok(shutdown)
}
