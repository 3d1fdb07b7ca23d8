//! A file that counts what was written to it.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What was recorded so far, for whoever looks.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bytes on disk.
    pub bytes: AtomicU64,
    /// Files begun.
    pub files: AtomicU64,
    /// Files deleted to make room.
    pub deleted: AtomicU64,
    /// Inputs that found no room on their way to the disk.
    pub lost_inputs: AtomicU64,
    /// Frames that found none.
    pub lost_frames: AtomicU64,
    /// 1 once nothing is written any more.
    pub stopped: AtomicU64,
}

/// A file and its size.
#[derive(Debug)]
pub struct Counted {
    file: File,
    size: u64,
    counts: Arc<Counts>,
}

impl Counted {
    pub(super) const fn new(file: File, counts: Arc<Counts>) -> Self {
        Self { file, size: 0, counts }
    }

    /// Bytes written to it.
    pub const fn size(&self) -> u64 {
        self.size
    }
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.size += count as u64;
        self.counts.bytes.fetch_add(count as u64, Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
