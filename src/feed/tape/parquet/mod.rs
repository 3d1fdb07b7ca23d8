//! Parquet: trades whose columns have the usual names, and what `tape convert` wrote. Which column is which is told by its
//! name alone; two that could be the same are doubt, never a guess.
//!
//! A Parquet file ends with its table of contents, so it is read from the disk as it lies there; one that is packed again is
//! read into memory, up to [`PACKED_MAX`].

mod bytes;
mod cell;
mod guard;
mod roles;
mod trades;

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use ::parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder as Builder};
use ::parquet::errors::ParquetError;
use ::parquet::file::reader::ChunkReader;

use super::error::TapeError;
use super::format::{Importer, Opened};
use super::inputs::{Form, Rows, of_rows, schema};
use super::lines::Lines;
use super::source::{Report, Source};
use super::spec::Spec;
use bytes::AsStream;
use guard::guarded;
use trades::Trades;

pub(super) const PARQUET: Importer =
    Importer { name: "parquet-trades", words: &[], knows: |first| first.starts_with(MAGIC), open };

const MAGIC: &[u8] = b"PAR1";
/// The largest Parquet file that is read through another packing, bytes.
const PACKED_MAX: u64 = 1 << 28;
/// Rows read at once.
const BATCH: usize = 1 << 13;

fn open(lines: Lines, spec: &Spec, report: Report) -> Opened {
    match plain(&spec.path) {
        Some(file) => source(file, spec, report),
        None => source(in_memory(lines, &spec.path)?, spec, report),
    }
}

/// The file itself, if it is Parquet as it lies there.
fn plain(path: &Path) -> Option<File> {
    let mut file = File::open(path).ok()?;
    let mut start = [0; 4];
    file.read_exact(&mut start).ok()?;
    (start == MAGIC).then_some(file)
}

fn in_memory(lines: Lines, path: &Path) -> Result<::bytes::Bytes, TapeError> {
    let mut all = Vec::new();
    match lines.into_bytes().take(PACKED_MAX + 1).read_to_end(&mut all) {
        Ok(_) if all.len() as u64 > PACKED_MAX => {
            Err(TapeError::doubt(path, "unpack it first: Parquet inside another packing is read up to 256 MiB"))
        }
        // Of a cut one its table of contents is gone, which the reader says.
        Err(why)
            if !matches!(why.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput) =>
        {
            Err(TapeError::read(path, why))
        }
        _ => {
            // A member of an archive has a line end behind it.
            if !all.ends_with(MAGIC) && all.last() == Some(&b'\n') {
                all.pop();
            }
            Ok(all.into())
        }
    }
}

fn source<F: ChunkReader + 'static>(file: F, spec: &Spec, mut report: Report) -> Opened {
    let file = std::sync::Arc::new(file);
    let shared = || bytes::Shared(std::sync::Arc::clone(&file));
    // Plain types, whatever the writer's own tables had; those of ours are read as they are.
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let opened = guarded(&spec.path, || -> Result<_, ParquetError> {
        let ours = Builder::try_new(shared())?;
        if ours.schema().fields() == schema(Form::Plain).fields() {
            return Ok((Some(ours.with_batch_size(BATCH).build()?), None));
        }
        Ok((None, Some(Builder::try_new_with_options(shared(), options)?)))
    });
    match opened {
        Ok(Ok((Some(rows), _))) => {
            let stream = Box::new(AsStream::new(rows, &spec.path));
            let rows = Rows::new(stream).map_err(|why| TapeError::read(&spec.path, why))?;
            Ok(of_rows(rows, report))
        }
        Ok(Ok((_, Some(builder)))) => Ok(Box::new(Trades::new(builder, spec, report)?)),
        // Its contents stand at its end: nothing of a torn one can be kept.
        refused => {
            report.damage = Some(match refused {
                Ok(Err(why)) => told(&why),
                Err(why) => why,
                Ok(Ok(_)) => "it holds nothing".to_owned(),
            });
            Ok(Box::new(Nothing { report }))
        }
    }
}

/// What the reader says, cut to what a terminal may be shown.
fn told(why: &ParquetError) -> String {
    crate::feed::session::printable(&why.to_string())
}

/// A file of which nothing can be read.
struct Nothing {
    report: Report,
}

impl Source for Nothing {
    fn next(&mut self, _: &mut crate::market::Markets) -> Result<Option<crate::engine::Input>, TapeError> {
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}
