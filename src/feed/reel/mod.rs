//! Reels: recordings as they are written, file after file into one directory.
//!
//! ```text
//! 20251010T210000.000000Z-inputs.arrows.zst            what the engine took in, merged (see `feed::tape`)
//! 20251010T210000.000000Z-binance-coinm-0.frames.zst   raw frames of one connection, `NANOS JSON` lines behind its URL
//! ```
//!
//! Names sort by the time a file was begun. No file is ever written over; what a killed process leaves behind is read up to
//! its last flush. When all of them together are larger than allowed, the oldest finished ones go.

mod count;
mod frames;
mod name;
mod shelf;

pub use count::{Counted, Counts};
pub use frames::FrameReel;
pub use name::{INPUTS, frames_of};
pub use shelf::{Opened, Shelf, ShelfFull};

/// When a file is full, and how much all of them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// A file ends when it is larger, bytes on disk.
    pub file: u64,
    /// All files together, bytes on disk.
    pub all: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { file: 256 << 20, all: 50 << 30 }
    }
}
