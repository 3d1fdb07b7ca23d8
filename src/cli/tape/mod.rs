//! `fusewire tape`: recordings as they lie there.

mod convert;
mod info;
mod moment;

use super::{Exit, Fault};

/// Look into recordings, and make others of them.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Info(info::Args),
    Convert(convert::ConvertArgs),
    Cut(convert::CutArgs),
    Merge(convert::MergeArgs),
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    match &args.command {
        Command::Info(args) => info::run(args),
        Command::Convert(args) => convert::convert(args),
        Command::Cut(args) => convert::cut(args),
        Command::Merge(args) => convert::merge(args),
    }
}
