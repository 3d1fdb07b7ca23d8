//! The tapes of a command line: `replay` and every `tape` command take the same.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::progress::Progress;
use super::{Exit, Fault};
use crate::feed::catalog::Catalog;
use crate::feed::tape::{self, Format, Merge, Spec, TapeError};

/// Which tapes, and how to read those that do not say.
#[derive(clap::Args)]
pub(super) struct TapeArgs {
    /// Tapes; several merge by receive time, a tie goes to the first named.
    #[arg(required = true, value_name = "TAPE")]
    pub(super) tapes: Vec<PathBuf>,
    #[arg(long, default_value = "auto", value_name = "FORMAT", help = Format::help())]
    format: String,
    /// Venue of tapes that name none: V or V:SYMBOL for all, V=PATH for one. May be given several times.
    #[arg(long, value_name = "V|V=PATH")]
    venue: Vec<String>,
}

impl TapeArgs {
    /// The tapes, read with what a config adds.
    pub(super) fn specs(&self, catalog: &Arc<Catalog>) -> Result<Vec<Spec>, Fault> {
        let specs = Spec::all(&self.tapes, &self.format, &self.venue).map_err(fault)?;
        Ok(specs.into_iter().map(|spec| spec.knowing(catalog)).collect())
    }
}

/// Opens tapes as one, merged by receive time.
pub(super) fn open(specs: &[Spec], progress: &Progress) -> Result<Merge, Fault> {
    let sources = specs.iter().map(|spec| progress.open(spec)).collect::<Result<_, _>>().map_err(fault)?;
    Ok(tape::merge(sources))
}

/// A tape that cannot be read, as this program ends with it.
#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn fault(why: TapeError) -> Fault {
    let exit = if why.exit_code() == 2 { Exit::Usage } else { Exit::Failure };
    Fault { exit, message: why.to_string() }
}

/// Tells what was refused; returns whether anything was.
pub(super) fn warn(tapes: &Merge) -> Result<bool, Fault> {
    let mut damaged = false;
    for report in tapes.reports() {
        damaged |= report.is_damaged();
        if let Some(message) = report.message() {
            writeln!(std::io::stderr(), "{message}")?;
        }
    }
    Ok(damaged)
}
