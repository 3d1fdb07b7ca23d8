//! Making a gate file: whole before anyone sees it, every cell at Halt. The one who makes it holds a [`Claim`](super::Claim).

use std::fmt;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::cell;
use super::layout::{self, Header, Role, STARTING};
use super::page::Page;
use super::seqlock::Words;
use super::system::boot_id;
use super::table::{self, Listing, SpecError};
use crate::breaker::Permission;

/// What a gate is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// Daemon or guard.
    pub role: Role,
    /// The markets; a market's place in the list is its number.
    pub markets: Vec<Listing>,
    /// Slots a market, slot 0 included.
    pub slots: u8,
    /// Length of the lease in nanoseconds.
    pub lease_ns: u64,
    /// SHA-256 of the config.
    pub config_hash: [u8; 32],
    /// Whether readers must see a live guard as well: a dead guard then reads as Halt.
    pub guard_required: bool,
}

impl Spec {
    /// A gate of these markets with the default slots, a lease of 250 ms and no guard.
    pub fn gate(markets: Vec<Listing>) -> Self {
        Self {
            role: Role::Gate,
            markets,
            slots: layout::DEFAULT_SLOTS,
            lease_ns: 250_000_000,
            config_hash: [0; 32],
            guard_required: false,
        }
    }

    /// A guard beside `gate`: the same markets and slots, or its readers would not believe it.
    pub fn guard(gate: &Page) -> Self {
        Self {
            role: Role::Guard,
            markets: gate.listings(),
            slots: gate.header().slots,
            lease_ns: gate.header().lease_ns,
            config_hash: gate.header().config_hash,
            guard_required: false,
        }
    }

    /// The bytes of its table, or what is out of range.
    pub(super) fn check(&self) -> Result<Vec<u8>, SpecError> {
        if !(1..=layout::SLOTS_MAX).contains(&self.slots) {
            return Err(SpecError::Slots(self.slots));
        }
        if !(1..=3_600_000_000_000).contains(&self.lease_ns) {
            return Err(SpecError::Lease(self.lease_ns));
        }
        table::to_bytes(&self.markets)
    }
}

/// Why a gate could not be made.
#[derive(Debug)]
pub enum CreateError {
    /// Another process writes this gate.
    Busy(PathBuf),
    /// Group or others can write the directory, so anyone could replace the file.
    OpenDirectory(PathBuf, u32),
    /// The list of markets or a number is out of range.
    Spec(SpecError),
    /// The system said no.
    Io(PathBuf, io::Error),
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(path) => {
                write!(
                    f,
                    "{}: another daemon writes this gate (stop it first, or give this one its own)",
                    path.display()
                )
            }
            Self::OpenDirectory(path, mode) => {
                write!(f, "{}: group or others can write here, mode {mode:04o} (chmod 0750)", path.display())
            }
            Self::Spec(error) => error.fmt(f),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for CreateError {}

impl From<SpecError> for CreateError {
    fn from(error: SpecError) -> Self {
        Self::Spec(error)
    }
}

/// A new file in its place.
pub(super) struct Created {
    pub(super) header: Header,
    pub(super) file: File,
}

/// Retires what is there, and renames a whole new file over it. To be called under the lock.
pub(super) fn create(path: &Path, spec: &Spec, last_generation: u64) -> Result<Created, CreateError> {
    let table = spec.check()?;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| CreateError::Io(path, error)
    };
    let header = header(spec, last_generation).map_err(at(path))?;
    let fresh = beside(path, "new");
    let file = write_fresh(&fresh, &image(&header, &table)).map_err(at(&fresh))?;
    retire(path).map_err(at(path))?;
    std::fs::rename(&fresh, path).map_err(at(path))?;
    Ok(Created { header, file })
}

/// A file beside the gate: `gate.lock`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(ending);
    path.with_file_name(name)
}

/// For reading and writing, never through a symbolic link.
pub(super) fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
    options
}

fn header(spec: &Spec, last_generation: u64) -> io::Result<Header> {
    Ok(Header {
        role: spec.role,
        guard_required: spec.guard_required,
        generation: unix_ns().max(last_generation.saturating_add(1)),
        config_hash: spec.config_hash,
        markets: spec.markets.len() as u32,
        slots: spec.slots,
        lease_ns: spec.lease_ns,
        boot_id: boot_id()?,
        pid: std::process::id(),
    })
}

#[allow(clippy::disallowed_methods, reason = "the name of a generation; no decision rests on it")]
fn unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The whole file: header without a lease, table, every cell at Halt because nobody has spoken yet.
fn image(header: &Header, table: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_bytes(table);
    bytes.extend(table);
    bytes.resize(header.cells_at(), 0);
    for line in 0..header.cells() {
        let words = Words::default();
        cell::write(&words, line, &Permission::HALT, STARTING, 0);
        bytes.extend(words.into_iter().flat_map(|word| word.into_inner().to_le_bytes()));
    }
    bytes
}

/// Written, not only sized: a memory file system that is full says so here and not by SIGBUS later.
fn write_fresh(path: &Path, image: &[u8]) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options().create_new(true).mode(0o640).open(path)?;
    file.set_permissions(Permissions::from_mode(0o640))?;
    file.write_all(image)?;
    Ok(file)
}

/// Tells readers of the old file that it will never speak again. Its writer is dead: we hold its lock.
fn retire(path: &Path) -> io::Result<()> {
    let file = match options().open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut magic = [0; 8];
    let is_ours = file.metadata()?.len() >= layout::HEADER_BYTES as u64
        && file.read_exact_at(&mut magic, 0).is_ok()
        && magic.starts_with(b"FUSEGA");
    if is_ours {
        file.write_all_at(&1_u64.to_le_bytes(), 8 * layout::RETIRED_WORD as u64)?;
        file.write_all_at(&0_u64.to_le_bytes(), 8 * layout::LEASE_WORD as u64)?;
    }
    Ok(())
}
