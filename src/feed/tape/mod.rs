//! Tapes: recordings as engine inputs, in the order of the file or merged by receive time.
//!
//! [`open`] reads one, [`merge()`] several. A bad line is data: counted by reason in the [`Report`], the rest kept. Memory is
//! bounded whatever the file holds: by [`LINE_MAX`], [`MARKETS_MAX`] and one buffer a tape.

mod bad;
mod binance;
mod decimal;
mod error;
mod export;
mod fields;
mod format;
mod frames;
mod info;
mod inputs;
mod klines;
mod lines;
mod merge;
mod names;
mod parquet;
mod source;
mod spec;
mod tardis;
mod unpack;
mod zip;

use std::fs::File;
use std::io::Read;

pub use bad::{BadCounts, Reason};
pub use error::TapeError;
pub use export::{ENDINGS, Export, LEVEL, LEVELS};
pub use format::Format;
pub use info::{Info, MarketInfo, info, info_with};
pub use inputs::{Ending, InputReader, InputWriter};
pub use lines::LINE_MAX;
pub use merge::{Merge, merge};
pub use names::MARKETS_MAX;
pub use source::{Report, Source};
pub use spec::Spec;

use lines::Lines;
use unpack::{Unpacked, unpack};

/// Opens a tape, plain or packed, and finds out its format where `spec` does not say.
pub fn open(spec: &Spec) -> Result<Box<dyn Source>, TapeError> {
    let file = File::open(&spec.path).map_err(|error| TapeError::read(&spec.path, error))?;
    read(Box::new(file), spec)
}

/// Reads a tape from any stream; the path in `spec` only names it.
pub fn read(stream: Box<dyn Read + Send>, spec: &Spec) -> Result<Box<dyn Source>, TapeError> {
    let path = spec.path.as_path();
    let failed = |error| TapeError::read(path, error);
    let plain = match unpack(stream).map_err(failed)? {
        Unpacked::Plain(plain) => plain,
        Unpacked::Foreign(what) => return Err(TapeError::doubt(path, what)),
    };
    let mut lines = Lines::new(plain).map_err(failed)?;
    let format = match spec.format {
        Some(format) => format,
        None => match Format::detect(lines.first().map_err(failed)?, path) {
            Ok(format) => format,
            Err(help) => return Err(TapeError::doubt(path, with_damage(help, lines.damage()))),
        },
    };
    (format.importer().open)(lines, spec, Report::new(path, format))
}

/// Doubt about a tape that ended before its first line names the damage too.
fn with_damage(help: String, damage: Option<&str>) -> String {
    match damage {
        Some(why) => format!("{help} (damaged: {why})"),
        None => help,
    }
}
