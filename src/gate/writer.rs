//! The daemon's side: publish a permission, renew the lease, retire. No system call after creation.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::cell;
use super::claim::Claim;
use super::create::{CreateError, Spec};
use super::layout::{self, Header, Role};
use super::map::WriteMap;
use super::seqlock::Words;
use crate::breaker::Permission;

/// The one writer of a gate or guard file. Dropping it ends the lease.
#[derive(Debug)]
pub struct Writer {
    map: WriteMap,
    header: Header,
    first_line: usize,
    _lock: File,
}

/// A market or slot that this gate does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSuchCell {
    /// The market asked for.
    pub market: u32,
    /// The slot asked for.
    pub slot: u8,
}

impl fmt::Display for NoSuchCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the gate has no cell for market {} slot {}", self.market, self.slot)
    }
}

impl std::error::Error for NoSuchCell {}

impl Writer {
    /// Takes the right to write the file at `path`, in a directory that only this user can write, and reads what stands
    /// there. Refused while another process holds it; nothing is touched then.
    pub fn claim(path: impl Into<PathBuf>, role: Role) -> Result<Claim, CreateError> {
        Claim::take(path.into(), role)
    }

    /// Claims the file at `path` and makes it anew, for whom the file before says nothing: see [`Claim::create`].
    pub fn create(path: impl Into<PathBuf>, spec: &Spec) -> Result<Self, CreateError> {
        spec.check()?;
        Self::claim(path, spec.role)?.create(spec)
    }

    /// Of a file just made, with the lock that it was made under.
    pub(super) fn of(header: Header, file: &File, lock: File) -> io::Result<Self> {
        let first_line = header.cells_at() / layout::LINE;
        Ok(Self { map: WriteMap::new(file)?, header, first_line, _lock: lock })
    }

    /// The part of the header that never changes.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Says what is allowed from now on. `slot` 0 binds all strategies.
    #[inline]
    pub fn publish(
        &mut self,
        market: u32,
        slot: u8,
        permission: &Permission,
        reason: u32,
        incident: u64,
    ) -> Result<(), NoSuchCell> {
        let (line, words) = self.words_of(market, slot).ok_or(NoSuchCell { market, slot })?;
        cell::write(words, line, permission, reason, incident);
        let changes = self.word(layout::CHANGES_WORD).wrapping_add(1);
        self.set(layout::CHANGES_WORD, changes);
        Ok(())
    }

    /// Renews the lease from `now` (`CLOCK_MONOTONIC`, ns) for its configured length. Call it when probe `probe_seq` has
    /// come through the whole path, never on a timer.
    #[inline]
    pub fn renew(&mut self, probe_seq: u64, now: u64) {
        self.set(layout::PROBE_WORD, probe_seq);
        self.set(layout::LEASE_WORD, now.saturating_add(self.header.lease_ns));
    }

    /// Ends the lease at once: readers see Halt. [`Self::renew`] begins it again.
    pub fn suspend(&mut self) {
        self.set(layout::LEASE_WORD, 0);
    }

    /// Ends the lease for good, frees the lock, and leaves the file for the next start to read.
    pub fn close(self) {
        drop(self);
    }

    #[inline]
    fn words_of(&self, market: u32, slot: u8) -> Option<(usize, &Words)> {
        let line = self.header.line_of(market, slot)?;
        let (lines, _) = self.map.as_chunks();
        Some((line, lines.get(self.first_line + line)?))
    }

    #[inline]
    fn word(&self, at: usize) -> u64 {
        self.map.get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    #[inline]
    fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.map.get(at) {
            word.store(value, Ordering::Release);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.set(layout::RETIRED_WORD, 1);
        self.set(layout::LEASE_WORD, 0);
    }
}
