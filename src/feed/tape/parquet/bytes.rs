//! Bytes for the reader of Parquet, and its rows as the stream that our own reader takes.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::bytes::Bytes;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use ::parquet::errors::Result;
use ::parquet::file::reader::{ChunkReader, Length};
use arrow_array::RecordBatchReader as _;
use arrow_ipc::writer::StreamWriter;

use super::guard::guarded;

/// One file for several readers.
pub(super) struct Shared<F>(pub(super) Arc<F>);

impl<F: ChunkReader> Length for Shared<F> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<F: ChunkReader> ChunkReader for Shared<F> {
    type T = F::T;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        self.0.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// Rows of Parquet as an Arrow stream.
pub(super) struct AsStream {
    rows: ParquetRecordBatchReader,
    stream: Option<StreamWriter<Vec<u8>>>,
    ready: Vec<u8>,
    taken: usize,
    path: PathBuf,
}

impl AsStream {
    pub(super) fn new(rows: ParquetRecordBatchReader, path: &Path) -> Self {
        Self { rows, stream: None, ready: Vec::new(), taken: 0, path: path.to_owned() }
    }

    /// Makes the next bytes; none are left at the end.
    fn fill(&mut self) -> io::Result<()> {
        self.taken = 0;
        self.ready.clear();
        let wrong = |why: &dyn std::fmt::Display| io::Error::new(ErrorKind::InvalidData, why.to_string());
        let Some(stream) = &mut self.stream else {
            // Its own schema, so that what it says of its form is said on.
            let schema = super::schema(super::Form::Plain);
            debug_assert_eq!(schema.fields(), self.rows.schema().fields());
            let mut stream = StreamWriter::try_new(Vec::new(), &schema).map_err(|why| wrong(&why))?;
            self.ready = std::mem::take(stream.get_mut());
            self.stream = Some(stream);
            return Ok(());
        };
        let rows = &mut self.rows;
        match guarded(&self.path, || rows.next()).map_err(|why| wrong(&why))? {
            Some(batch) => stream.write(&batch.map_err(|why| wrong(&why))?).map_err(|why| wrong(&why))?,
            // Once it is finished it says so again and again.
            None => drop(stream.finish()),
        }
        self.ready = std::mem::take(stream.get_mut());
        Ok(())
    }
}

impl Read for AsStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.ready.len() {
            self.fill()?;
        }
        let mut rest = self.ready.get(self.taken..).unwrap_or_default();
        let count = rest.read(into)?;
        self.taken += count;
        Ok(count)
    }
}
