//! One file of the gate, opened for reading: checked once as a whole, then read a cache line at a time.

use std::fs::{File, Metadata, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::cell::{self, Cell};
use super::layout::{self, Header, Role};
use super::map::ReadMap;
use super::refusal::{Doubt, Refusal, io_doubt};
use super::seqlock::Words;
use super::system::{boot_id, own_user};
use super::table::{Listing, Table};
use crate::breaker::{Contract, Side};

/// The living words of a header at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Generation of the file.
    pub generation: u64,
    /// `CLOCK_MONOTONIC` in ns until which the lease holds; 0 = over.
    pub lease_until: u64,
    /// Sequence of the last probe that came through.
    pub probe_seq: u64,
    /// Cells published since the file was made.
    pub changes: u64,
    /// Closed in order, or replaced by another file.
    pub retired: bool,
}

/// A gate or guard file, mapped read-only.
#[derive(Debug)]
pub struct Page {
    map: ReadMap,
    header: Header,
    table: Table,
    table_tag: u32,
    reach_ns: u64,
    identity: (u64, u64),
}

impl Page {
    /// Opens and checks a file. `owner` is the user id of its writer; `None` takes this process's own user and root.
    pub fn open(path: &Path, role: Role, owner: Option<u32>) -> Result<Self, Refusal> {
        Self::open_of_boot(path, role, owner, boot_id().ok()).map_err(|doubt| Refusal { path: path.to_owned(), doubt })
    }

    /// As [`Self::open`], for a file of boot `boot`; `None` for a file of any boot, whose lease says nothing.
    pub(super) fn open_of_boot(
        path: &Path,
        role: Role,
        owner: Option<u32>,
        boot: Option<[u8; 16]>,
    ) -> Result<Self, Doubt> {
        let file = open_file(path)?;
        let metadata = file.metadata().map_err(io_doubt)?;
        check_file(&metadata, owner)?;
        let mut head = [0; layout::HEADER_BYTES];
        if metadata.len() < head.len() as u64 {
            return Err(Doubt::Size { found: metadata.len(), expected: head.len() as u64 });
        }
        file.read_exact_at(&mut head, 0).map_err(io_doubt)?;
        let header = Header::parse(&head, role)?;
        if metadata.len() != header.file_bytes() as u64 {
            return Err(Doubt::Size { found: metadata.len(), expected: header.file_bytes() as u64 });
        }
        let mut table = vec![0; header.table_bytes()];
        file.read_exact_at(&mut table, layout::HEADER_BYTES as u64).map_err(io_doubt)?;
        Header::verify(&head, &table)?;
        if boot.is_some_and(|boot| boot != header.boot_id) {
            return Err(Doubt::OtherBoot);
        }
        let hash = layout::fnv(layout::fnv(layout::FNV_START, &[header.slots]), &table);
        Ok(Self {
            map: ReadMap::new(&file, &header).map_err(io_doubt)?,
            table: Table::parse(&table)?,
            table_tag: (hash ^ hash >> 32) as u32,
            identity: (metadata.dev(), metadata.ino()),
            reach_ns: header.lease_ns.saturating_mul(2),
            header,
        })
    }

    /// The part of the header that never changes.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Names with their numbers, in the order of the alphabet.
    pub fn names(&self) -> impl Iterator<Item = (&str, u32)> {
        self.table.names()
    }

    /// The number of a market.
    pub fn number(&self, name: &str) -> Option<u32> {
        self.table.number(name)
    }

    /// The markets, by number.
    pub fn listings(&self) -> Vec<Listing> {
        self.table.listings()
    }

    /// What one unit of a market is worth.
    pub fn contract(&self, market: u32) -> Option<&Contract> {
        self.table.contract(market)
    }

    /// One cell as it stands, whatever the lease says; `None` outside the file, torn or damaged.
    pub fn cell(&self, market: u32, slot: u8) -> Option<Cell> {
        let (line, words) = self.words_of(market, slot)?;
        cell::read(words, line)
    }

    /// Whether one slot of this page passes any sound opening order of `side`, at first sight. A market with this page's
    /// tag is one of its markets, so the end of the cells bounds market and slot.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for seqlock::glimpse")]
    pub(super) fn opens_freely(&self, market: u32, slot: u8, side: Side) -> bool {
        let line = if slot == 0 { 0 } else { usize::from(slot) * self.header.markets as usize } + market as usize;
        self.map.cells().get(line).is_some_and(|words| cell::opens_freely(words, line, side))
    }

    fn words_of(&self, market: u32, slot: u8) -> Option<(usize, &Words)> {
        let line = self.header.line_of(market, slot)?;
        Some((line, self.map.cells().get(line)?))
    }

    /// Whether the lease holds at `now` (`CLOCK_MONOTONIC`, ns). A lease that ends more than twice its own length ahead
    /// is no lease: the word is damaged, or `now` is no reading of that clock.
    #[inline]
    pub fn is_live(&self, now: u64) -> bool {
        let left = self.word(layout::LEASE_WORD).wrapping_sub(now);
        left.wrapping_sub(1) < self.reach_ns
    }

    /// The living words of the header.
    pub fn glance(&self) -> Glance {
        Glance {
            generation: self.header.generation,
            changes: self.word(layout::CHANGES_WORD),
            probe_seq: self.word(layout::PROBE_WORD),
            lease_until: self.word(layout::LEASE_WORD),
            retired: self.word(layout::RETIRED_WORD) != 0,
        }
    }

    /// A number that differs where markets or slots differ.
    #[inline]
    pub(super) const fn table_tag(&self) -> u32 {
        self.table_tag
    }

    /// Whether `path` still is this file, in its full size.
    pub(super) fn is_still_at(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|found| {
            (found.dev(), found.ino()) == self.identity && found.len() == self.header.file_bytes() as u64
        })
    }

    /// A word of the header; `at` is one of its places.
    #[inline]
    fn word(&self, at: usize) -> u64 {
        self.map.header().get(at).map_or(0, |word| word.load(Ordering::Acquire))
    }
}

/// Opens for reading without following a symbolic link, and without waiting on a pipe that stands in its place.
fn open_file(path: &Path) -> Result<File, Doubt> {
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK)
        .open(path)
        .map_err(io_doubt)
}

fn check_file(metadata: &Metadata, owner: Option<u32>) -> Result<(), Doubt> {
    if !metadata.is_file() {
        return Err(Doubt::NotAFile);
    }
    let found = metadata.uid();
    let expected = owner.unwrap_or_else(own_user);
    let is_root_by_default = owner.is_none() && found == 0;
    if found != expected && !is_root_by_default {
        return Err(Doubt::Owner { found, expected });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(Doubt::Mode(mode)) }
}
