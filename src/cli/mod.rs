//! The way in: one file a subcommand, exit codes, logging.

mod breakers;
mod chapter;
mod clock;
mod demo;
mod echo;
mod explain;
mod fetch;
mod gate;
mod hooks;
mod incidents;
mod instruments;
mod paths;
mod progress;
mod record;
mod replay;
mod run;
mod say;
mod serve_venue;
mod sight;
mod store;
mod table;
mod tape;
mod tapes;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Failed.
    Failure = 1,
    /// Wrong usage, or doubt about a format.
    Usage = 2,
    /// `--fail-on-trip`, and something tripped.
    Tripped = 3,
    /// Input was damaged; the rest was kept.
    Damaged = 4,
    /// The config is invalid.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed, with the exit code that says so.
#[derive(Debug)]
pub struct Fault {
    exit: Exit,
    message: String,
}

impl Fault {
    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into() }
    }
}

impl Fault {
    /// An invalid config: every fault of it, a line each.
    pub fn config(faults: &crate::config::Faults) -> Self {
        Self { exit: Exit::Config, message: faults.to_string() }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self { exit: Exit::Failure, message: format!("{:#}", error.into()) }
    }
}

/// The settings of a config file; every fault of it at once.
fn config_of(path: &std::path::Path) -> Result<crate::live::Settings, Fault> {
    crate::config::load(path).map_err(|faults| Fault::config(&faults))
}

#[derive(Parser)]
#[command(name = "fusewire", version, about, max_term_width = 110, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Args),
    Run(run::Args),
    Record(record::Args),
    Replay(replay::Args),
    Fetch(fetch::Args),
    Tape(tape::Args),
    Incidents(incidents::Args),
    Explain(explain::Args),
    Hooks(hooks::Args),
    Gate(gate::Args),
    Store(store::Args),
    Validate(validate::Args),
    Breakers(breakers::Args),
    ServeVenue(serve_venue::Args),
    Instruments(instruments::Args),
}

/// Runs the command line.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo(args) => demo::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Fetch(args) => fetch::run(&args),
        Command::Tape(args) => tape::run(&args),
        Command::Incidents(args) => incidents::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Hooks(args) => hooks::run(&args),
        Command::Gate(args) => gate::run(&args),
        Command::Store(args) => store::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::Breakers(args) => breakers::run(&args),
        Command::ServeVenue(args) => serve_venue::run(&args),
        Command::Instruments(args) => instruments::run(&args),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(fault) => {
            #[allow(clippy::print_stderr, reason = "the command line speaks to people here")]
            {
                eprintln!("fusewire: {}", fault.message);
            }
            fault.exit.into()
        }
    }
}
