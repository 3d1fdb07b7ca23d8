//! Raw frames of one connection on their way to a file: a URL, then a line each, `NANOS JSON`, in one zstd frame.

use std::io::{self, Write};

use zstd::stream::write::Encoder;

use super::count::Counted;
use crate::event::Nanos;

/// How hard zstd tries: its own default.
const LEVEL: i32 = 3;

/// A file of frames that is being written.
pub struct FrameReel {
    out: Encoder<'static, Counted>,
}

impl FrameReel {
    /// Begins with the line that tells the venue.
    pub fn new(file: Counted, url: &str, now: Nanos) -> io::Result<Self> {
        let mut out = Encoder::new(file, LEVEL)?;
        out.include_checksum(true)?;
        writeln!(out, "{url} <-> {}.{:09}", now.0.div_euclid(Nanos::SECOND), now.0.rem_euclid(Nanos::SECOND))?;
        Ok(Self { out })
    }

    /// Appends a frame. Line ends inside it become blanks, which JSON allows wherever it allows them.
    pub fn write(&mut self, recv_at: Nanos, frame: &str) -> io::Result<()> {
        if frame.contains(['\n', '\r']) {
            return writeln!(self.out, "{} {}", recv_at.0, frame.replace(['\n', '\r'], " "));
        }
        writeln!(self.out, "{} {frame}", recv_at.0)
    }

    /// Writes out what waits: a reader finds it from here on, even if nothing more comes.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Bytes on disk.
    pub fn size(&self) -> u64 {
        self.out.get_ref().size()
    }

    /// Ends the file in order.
    pub fn finish(self) -> io::Result<()> {
        self.out.finish()?.flush()
    }
}
