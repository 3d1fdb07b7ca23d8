//! Tapes for other programs: Parquet, Arrow, CSV. The end of the file's name says which.

mod csv;
mod parquet;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind};
use std::path::{Path, PathBuf};

use csv::Csv;
use parquet::Parquet;

use super::error::TapeError;
use super::inputs::InputWriter;
use crate::engine::Input;
use crate::market::Markets;

/// The endings that are known, with what they mean.
pub const ENDINGS: &str = ".parquet, .arrows, .arrows.zst, .csv, .csv.gz";

/// How hard zstd tries for an `.arrows.zst` that nobody waits for.
pub const LEVEL: i32 = 19;
/// The levels that it has.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=22;

/// A tape that is being written. Until it is finished it has `.part` behind its name.
pub struct Export {
    to: To,
    path: PathBuf,
    part: PathBuf,
}

enum To {
    Arrow(Box<InputWriter<BufWriter<File>>>),
    Parquet(Box<Parquet>),
    Csv(Box<Csv>),
}

impl Export {
    /// Begins a file that is not there yet. The level of zstd is that of an `.arrows.zst`; other forms have their own.
    pub fn create(path: &Path, level: i32) -> Result<Self, TapeError> {
        let usage = |why: &str| TapeError::Usage(format!("{}: {why}", path.display()));
        let failed = |why| TapeError::read(path, why);
        let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if !["parquet", "arrows", "arrows.zst", "csv", "csv.gz"].iter().any(|end| is_named(&name, end)) {
            return Err(usage(&format!("what to write is told by the end of the name: {ENDINGS}")));
        }
        if path.exists() {
            return Err(usage("is there already, and nothing is written over"));
        }
        let part = part_of(path);
        let file = File::create(&part).map_err(failed)?;
        let none = Markets::new();
        let to = if is_named(&name, "parquet") {
            Parquet::new(file).map(|parquet| To::Parquet(Box::new(parquet)))
        } else if is_named(&name, "arrows") {
            InputWriter::plain(BufWriter::new(file), &[], &none).map(|arrow| To::Arrow(Box::new(arrow)))
        } else if is_named(&name, "arrows.zst") {
            InputWriter::packed_at(level, BufWriter::new(file), &[], &none).map(|arrow| To::Arrow(Box::new(arrow)))
        } else {
            Csv::new(file, is_named(&name, "csv.gz")).map(|csv| To::Csv(Box::new(csv)))
        };
        Ok(Self { to: to.map_err(failed)?, path: path.to_owned(), part })
    }

    /// Appends an input; `markets` is the table that its numbers are of. Parquet and CSV take events and bars alone: the
    /// rest is no data of a market. Returns whether it was taken.
    pub fn write(&mut self, input: &Input, markets: &Markets) -> Result<bool, TapeError> {
        let is_data = matches!(input, Input::Event(_) | Input::Bar(_));
        let done = match &mut self.to {
            To::Arrow(arrow) => arrow.meet(markets).and_then(|()| arrow.write(input)),
            _ if !is_data => return Ok(false),
            To::Parquet(parquet) => parquet.write(input, markets),
            To::Csv(csv) => csv.write(input, markets),
        };
        done.map_err(|why| TapeError::read(&self.path, why))?;
        Ok(true)
    }

    /// Ends the file and gives it its name.
    pub fn finish(self) -> Result<(), TapeError> {
        let Self { to, path, part } = self;
        let done = match to {
            To::Arrow(arrow) => arrow.finish(None).map(drop),
            To::Parquet(parquet) => parquet.finish(),
            To::Csv(csv) => csv.finish(),
        };
        done.and_then(|()| no_overwrite(&part, &path)).map_err(|why| TapeError::read(&path, why))
    }
}

/// A link fails where the name is taken by now, which a rename would not.
fn no_overwrite(part: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(part, path) {
        Ok(()) => fs::remove_file(part),
        Err(why) if why.kind() == ErrorKind::AlreadyExists => Err(why),
        // A file system without links.
        Err(_) => fs::rename(part, path),
    }
}

fn is_named(name: &str, end: &str) -> bool {
    name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
}

fn part_of(path: &Path) -> PathBuf {
    let mut part = OsString::from(path);
    part.push(".part");
    PathBuf::from(part)
}
