//! A mapped file as a slice of atomic words: the only view of the memory that other processes share.

#![allow(unsafe_code, reason = "mapping a file, and reading it as atomics")]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;

use memmap2::{Mmap, MmapMut};

/// A file mapped for reading.
#[derive(Debug)]
pub(super) struct ReadMap(Mmap);

/// A file mapped for writing, by its one writer.
#[derive(Debug)]
pub(super) struct WriteMap(MmapMut);

impl ReadMap {
    pub(super) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: other processes change this memory, so it is never seen as `&[u8]`: `words` is the only view and
        // gives atomics. No writer shrinks the file (see the module page for an owner who does).
        unsafe { Mmap::map(file) }.map(Self)
    }

    /// The file as words; a ragged end is left out.
    pub(super) fn words(&self) -> &[AtomicU64] {
        // SAFETY: a mapping starts at a page, so the words are aligned; the length is the mapping's own, and it lives
        // as long as the borrow. `AtomicU64` has the layout of `u64` and every bit pattern is one. Through this slice
        // of a read-only mapping there are only loads of 8 bytes, which std allows on read-only memory.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() / size_of::<AtomicU64>()) }
    }
}

impl WriteMap {
    pub(super) fn new(file: &File) -> io::Result<Self> {
        // SAFETY: as in `ReadMap::new`.
        unsafe { MmapMut::map_mut(file) }.map(Self)
    }
}

impl Deref for WriteMap {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: as in `ReadMap::words`; stores are allowed too, for the mapping is writable.
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() / size_of::<AtomicU64>()) }
    }
}
