//! Writes a tape of engine inputs: rows into columns, columns into batches.

use std::io::{self, Write};

use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow_ipc::{CompressionType, MetadataVersion};
use arrow_schema::ArrowError;
use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder;

use super::columns::{Columns, Names};
use super::schema::{Form, schema};
use super::text::to_base64;
use super::words::What;
use super::{ROWS_MAX, SNAPSHOT_MAX};
use crate::engine::Input;
use crate::market::Markets;

/// How hard zstd tries while a run is recorded: its own default. Harder costs several times as much and saves a tenth.
const LEVEL: i32 = 3;
/// From this level on zstd weighs every repeat.
const HARD: i32 = 16;
/// So much text ends a batch: with its rows it stays well below the longest body.
const TEXT_MAX: usize = 1 << 22;
/// Bytes of a snapshot in one row.
const PART: usize = 1 << 18;
/// Rows of a snapshot in one batch: its text stays well below the longest body.
const PARTS: usize = 16;

/// Where the stream goes.
enum Pack<W: Write> {
    /// Each buffer is packed by itself.
    Plain(W),
    /// The whole stream is packed.
    Whole(Encoder<'static, W>),
}

impl<W: Write> Write for Pack<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Whole(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Whole(out) => out.flush(),
        }
    }
}

/// Writes such a tape.
pub struct InputWriter<W: Write> {
    stream: StreamWriter<Pack<W>>,
    rows: Columns,
    names: Names,
}

impl<W: Write> InputWriter<W> {
    /// For recording: the dense form in one zstd frame, small batches welcome. `snapshot` is the engine's state before the
    /// first input (empty where there is none), `markets` its table.
    pub fn packed(out: W, snapshot: &[u8], markets: &Markets) -> io::Result<Self> {
        Self::packed_at(LEVEL, out, snapshot, markets)
    }

    /// The same at a level of zstd, 1 (fast) to 22 (small).
    pub fn packed_at(level: i32, out: W, snapshot: &[u8], markets: &Markets) -> io::Result<Self> {
        let mut encoder = Encoder::new(out, level)?;
        encoder.include_checksum(true)?;
        if level >= HARD {
            // Columns of small numbers have short repeats by chance: they cost more than they save.
            encoder.set_parameter(CParameter::MinMatch(4))?;
            encoder.set_parameter(CParameter::TargetLength(999))?;
        }
        Self::new(Form::Dense, Pack::Whole(encoder), None, snapshot, markets)
    }

    /// For other programs: Arrow's own packing of each buffer, which they read without help. Batches should be large.
    pub fn plain(out: W, snapshot: &[u8], markets: &Markets) -> io::Result<Self> {
        Self::new(Form::Plain, Pack::Plain(out), Some(CompressionType::ZSTD), snapshot, markets)
    }

    fn new(
        form: Form,
        out: Pack<W>,
        packing: Option<CompressionType>,
        snapshot: &[u8],
        markets: &Markets,
    ) -> io::Result<Self> {
        let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5)
            .and_then(|options| options.try_with_compression(packing))
            .map_err(io_error)?;
        let stream = StreamWriter::try_new_with_options(out, &schema(form), options).map_err(io_error)?;
        let mut writer = Self { stream, rows: Columns::new(form), names: Names::new() };
        writer.meet(markets)?;
        writer.snapshot(snapshot)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Tells of the table of markets, which only grows.
    pub fn meet(&mut self, markets: &Markets) -> io::Result<()> {
        if self.names.len() < markets.len() {
            // Rows that wait know the old names.
            self.batch()?;
            self.names.meet(markets);
        }
        Ok(())
    }

    /// Where it goes.
    pub fn get_ref(&self) -> &W {
        match self.stream.get_ref() {
            Pack::Plain(out) => out,
            Pack::Whole(encoder) => encoder.get_ref(),
        }
    }

    /// Appends an input; writes a batch when enough wait.
    pub fn write(&mut self, input: &Input) -> io::Result<()> {
        self.rows.input(input, self.names.len());
        if self.rows.count() >= ROWS_MAX || self.rows.text() >= TEXT_MAX { self.batch() } else { Ok(()) }
    }

    /// Says that so many inputs are missing from here on.
    pub fn lost(&mut self, count: u64) -> io::Result<()> {
        self.rows.mark(What::Lost, Some(count), None);
        self.flush()
    }

    /// Writes out what waits, down to where `out` flushes it: a reader finds it from here on, even if nothing more comes.
    pub fn flush(&mut self) -> io::Result<()> {
        self.batch()?;
        self.stream.flush().map_err(io_error)
    }

    /// Ends the tape, with the digest of the run where there is one, and gives `out` back.
    pub fn finish(mut self, digest: Option<&str>) -> io::Result<W> {
        self.rows.mark(What::End, None, digest);
        self.batch()?;
        let mut out = match self.stream.into_inner().map_err(io_error)? {
            Pack::Plain(out) => out,
            Pack::Whole(encoder) => encoder.finish()?,
        };
        out.flush()?;
        Ok(out)
    }

    fn snapshot(&mut self, snapshot: &[u8]) -> io::Result<()> {
        if snapshot.len() > SNAPSHOT_MAX {
            return Err(io::Error::other("the engine's state is larger than a tape may hold"));
        }
        for part in snapshot.chunks(PART) {
            self.rows.mark(What::Snapshot, None, Some(&to_base64(part)));
            if self.rows.count() >= PARTS {
                self.batch()?;
            }
        }
        Ok(())
    }

    fn batch(&mut self) -> io::Result<()> {
        if self.rows.count() == 0 {
            return Ok(());
        }
        let batch = self.rows.batch(&self.names).map_err(io_error)?;
        self.stream.write(&batch).map_err(io_error)
    }
}

/// What the disk says stays what it is.
fn io_error(why: ArrowError) -> io::Error {
    match why {
        ArrowError::IoError(_, source) => source,
        why => io::Error::other(why),
    }
}
