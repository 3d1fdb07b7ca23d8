//! The way back: what the trading engine has seen of the gate, and what it made of it.
//!
//! ```text
//! 00 magic "FUSE_ACK"    08 schema u32 = 1   0c pid u32    10 boot id, 16 bytes    20 zero, 32 bytes
//! 40 epoch u32: odd while being written    44 seal u32    48 generation seen u64    50 probe sequence seen u64
//! 58 changes seen u64    60 orders allowed, whole or in part, u64    68 orders denied u64
//! 70 time of writing u64 (CLOCK_MONOTONIC, ns)    78 check u64; this and the seal as those of a cell in line 0
//! ```
//!
//! The file belongs to another user, so the daemon reads it with `pread` and never maps it: an engine that truncates
//! its own file must not take the daemon down.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::layout::{LINE, SCHEMA};
use super::map::WriteMap;
use super::page::Glance;
use super::refusal::{Doubt, Refusal, io_doubt};
use super::seqlock::{self, Body};
use super::system::boot_id;
use crate::breaker::Verdict;

const MAGIC: [u8; 8] = *b"FUSE_ACK";
const BYTES: usize = 2 * LINE;
const TRIES: u32 = 16;

/// What an engine acknowledges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Generation of the gate file it reads.
    pub generation: u64,
    /// Sequence of the last probe it saw.
    pub probe_seq: u64,
    /// Publications it saw.
    pub changes: u64,
    /// Orders allowed since it started, whole or in part.
    pub allowed: u64,
    /// Orders denied since it started.
    pub denied: u64,
    /// When it wrote this, `CLOCK_MONOTONIC` in ns.
    pub at: u64,
}

/// The engine's side.
#[derive(Debug)]
pub struct AckWriter {
    map: WriteMap,
    ack: Ack,
}

impl AckWriter {
    /// Makes the file, mode 0640, in a directory of the engine's own; one that is there is replaced.
    pub fn create(path: &Path) -> io::Result<Self> {
        let fresh = path.with_extension("new");
        match std::fs::remove_file(&fresh) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
        let mut file =
            OpenOptions::new().read(true).write(true).create_new(true).mode(0o640).custom_flags(flags).open(&fresh)?;
        file.set_permissions(Permissions::from_mode(0o640))?;
        file.write_all(&image()?)?;
        std::fs::rename(&fresh, path)?;
        Ok(Self { map: WriteMap::new(&file)?, ack: Ack::default() })
    }

    /// Counts one order; [`Self::write`] makes it seen.
    #[inline]
    pub fn count(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Allow | Verdict::Reduce { .. } => self.ack.allowed = self.ack.allowed.wrapping_add(1),
            Verdict::Deny(_) => self.ack.denied = self.ack.denied.wrapping_add(1),
        }
    }

    /// Acknowledges what was seen of the gate, at `now` (`CLOCK_MONOTONIC`, ns). Call it from the loop that sends
    /// orders, about once a beat: the exchange dead-man switch is fed only while this is fresh.
    #[inline]
    pub fn write(&mut self, seen: &Glance, now: u64) {
        let Glance { generation, probe_seq, changes, .. } = *seen;
        self.ack = Ack { generation, probe_seq, changes, at: now, ..self.ack };
        if let [_, line] = self.map.as_chunks().0 {
            seqlock::store(line, 0, &self.ack.to_body());
        }
    }
}

/// The daemon's side.
#[derive(Clone, Debug)]
pub struct AckReader {
    path: PathBuf,
    owner: Option<u32>,
}

impl AckReader {
    /// Reads the file at `path`; `owner` is the engine's user id, `None` takes any.
    pub fn new(path: impl Into<PathBuf>, owner: Option<u32>) -> Self {
        Self { path: path.into(), owner }
    }

    /// The last acknowledgement of this boot; `None` while the engine has written none. A few microseconds.
    pub fn read(&self) -> Result<Option<Ack>, Refusal> {
        self.try_read().map_err(|doubt| Refusal { path: self.path.clone(), doubt })
    }

    fn try_read(&self) -> Result<Option<Ack>, Doubt> {
        let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&self.path).map_err(io_doubt)?;
        let metadata = file.metadata().map_err(io_doubt)?;
        if !metadata.is_file() {
            return Err(Doubt::NotAFile);
        }
        if let Some(expected) = self.owner.filter(|owner| *owner != metadata.uid()) {
            return Err(Doubt::Owner { found: metadata.uid(), expected });
        }
        if metadata.len() != BYTES as u64 {
            return Err(Doubt::Size { found: metadata.len(), expected: BYTES as u64 });
        }
        let is_settled = |result: &Result<_, _>| *result != Err(Doubt::Digest);
        (0..TRIES).map(|_| read_once(&file)).find(is_settled).unwrap_or(Err(Doubt::Digest))
    }
}

impl Ack {
    const fn to_body(self) -> Body {
        [self.generation, self.probe_seq, self.changes, self.allowed, self.denied, self.at]
    }

    const fn from_body([generation, probe_seq, changes, allowed, denied, at]: Body) -> Self {
        Self { generation, probe_seq, changes, allowed, denied, at }
    }
}

/// Reads twice and takes what stood still in between; [`Doubt::Digest`] asks for another try.
fn read_once(file: &File) -> Result<Option<Ack>, Doubt> {
    let (first, second) = (read_words(file)?, read_words(file)?);
    let [magic, schema_and_pid, boot_high, boot_low, _, _, _, _, state, body @ .., check] = first;
    if magic.to_le_bytes() != MAGIC {
        return Err(Doubt::Magic);
    }
    if schema_and_pid as u32 != SCHEMA {
        return Err(Doubt::Schema(schema_and_pid as u32));
    }
    let boot = u128::from(boot_high) | u128::from(boot_low) << 64;
    if boot_id().map_err(io_doubt)? != boot.to_le_bytes() {
        return Err(Doubt::OtherBoot);
    }
    if state == 0 {
        return Ok(None);
    }
    let is_whole = first == second && seqlock::whole_epoch(0, state, &body, check).is_some();
    if is_whole { Ok(Some(Ack::from_body(body))) } else { Err(Doubt::Digest) }
}

fn read_words(file: &File) -> Result<[u64; BYTES / 8], Doubt> {
    let mut bytes = [0; BYTES];
    file.read_exact_at(&mut bytes, 0).map_err(io_doubt)?;
    let (words, _) = bytes.as_chunks();
    Ok(std::array::from_fn(|i| words.get(i).map_or(0, |word| u64::from_le_bytes(*word))))
}

fn image() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend(MAGIC);
    bytes.extend(SCHEMA.to_le_bytes());
    bytes.extend(std::process::id().to_le_bytes());
    bytes.extend(boot_id()?);
    bytes.resize(BYTES, 0);
    Ok(bytes)
}
