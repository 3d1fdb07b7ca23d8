//! Parquet, zstd: the columns of an Arrow tape, packed as its numbers are: times by their differences, words as words.

use std::fs::File;
use std::io;

use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use crate::engine::Input;
use crate::feed::tape::inputs::{Columns, Form, Names, schema};
use crate::market::Markets;

/// Rows that are handed over at once.
const BATCH: usize = 1 << 14;
/// Rows of a group: what a reader skips or reads at once.
const GROUP: usize = 1 << 18;

/// A Parquet file that is being written.
pub(super) struct Parquet {
    writer: ArrowWriter<File>,
    rows: Columns,
    names: Names,
}

impl Parquet {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let writer = ArrowWriter::try_new(file, schema(Form::Plain), Some(properties())).map_err(io_error)?;
        Ok(Self { writer, rows: Columns::new(Form::Plain), names: Names::new() })
    }

    pub(super) fn write(&mut self, input: &Input, markets: &Markets) -> io::Result<()> {
        if self.names.len() < markets.len() {
            self.batch()?;
            self.names.meet(markets);
        }
        self.rows.input(input, self.names.len());
        if self.rows.count() >= BATCH { self.batch() } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.batch()?;
        self.writer.close().map(drop).map_err(io_error)
    }

    fn batch(&mut self) -> io::Result<()> {
        if self.rows.count() == 0 {
            return Ok(());
        }
        let batch = self.rows.batch(&self.names).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(io_error)
    }
}

fn properties() -> WriterProperties {
    let by_difference = ["recv_ns", "venue_ns", "id"];
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP));
    let properties = by_difference.into_iter().fold(properties, |properties, name| {
        properties
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED)
    });
    properties.build()
}

fn io_error(why: ParquetError) -> io::Error {
    match why {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        why => io::Error::other(why),
    }
}
