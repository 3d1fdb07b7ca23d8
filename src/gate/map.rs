//! A mapped file as a slice of atomic words: the only view of the memory that other processes share.

#![allow(unsafe_code, reason = "mapping a file, and reading it as atomics")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;

use memmap2::{Mmap, MmapMut};

use super::layout::{HEADER_BYTES, Header, LINE};
use super::seqlock::Words;

/// The words of a header.
pub(super) type HeaderWords = [AtomicU64; HEADER_BYTES / size_of::<AtomicU64>()];

/// A file mapped for reading: its header and its cells.
#[derive(Debug)]
pub(super) struct ReadMap {
    map: Mmap,
    cells_at: usize,
    cells: usize,
}

/// A file mapped for writing, by its one writer.
#[derive(Debug)]
pub(super) struct WriteMap(MmapMut);

impl ReadMap {
    /// Maps a file that is drawn as `header` says; the error of a file that is shorter.
    pub(super) fn new(file: &File, header: &Header) -> io::Result<Self> {
        // SAFETY: other processes change this memory, so it is never seen as `&[u8]`: `header` and `cells` are the only
        // views and give atomics. No writer shrinks the file (see the module page for an owner who does).
        let map = unsafe { Mmap::map(file) }?;
        let (cells_at, cells) = (header.cells_at(), header.cells());
        let is_inside = cells_at >= HEADER_BYTES && cells_at.is_multiple_of(LINE) && header.file_bytes() <= map.len();
        if is_inside { Ok(Self { map, cells_at, cells }) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// The header as it stands.
    #[inline]
    pub(super) fn header(&self) -> &HeaderWords {
        // SAFETY: a mapping starts at a page, so the words are aligned; `new` saw that it is at least as long as a
        // header, and it lives as long as the borrow. `AtomicU64` has the layout of `u64` and every bit pattern is one.
        // Through this view of a read-only mapping there are only loads of 8 bytes, which std allows on read-only memory.
        unsafe { &*self.map.as_ptr().cast() }
    }

    /// The cells, slot by slot.
    #[inline]
    pub(super) fn cells(&self) -> &[Words] {
        // SAFETY: as in `header`; `new` saw that so many cells lie inside from there on, and that they are aligned.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(self.cells_at).cast(), self.cells) }
    }
}

impl WriteMap {
    pub(super) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: as in `ReadMap::new`; `Deref` is the only view.
        unsafe { MmapMut::map_mut(file) }.map(Self)
    }
}

impl Deref for WriteMap {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: as in `ReadMap::header`, over the whole length of the mapping less a ragged end; stores are allowed
        // too, for the mapping is writable.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() / size_of::<AtomicU64>()) }
    }
}
