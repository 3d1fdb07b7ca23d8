//! The right to write a gate. Whoever holds it knows what the last writer said, and nobody else can say anything new.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::create::{self, CreateError, Created, Spec};
use super::layout::Role;
use super::previous::Previous;
use super::table::SpecError;
use super::writer::Writer;

/// A gate that only this process may write, as its last writer left it. Made by [`Writer::claim`].
///
/// What was said last can be asked of nothing else: without the lock its writer might still be speaking.
#[derive(Debug)]
pub struct Claim {
    path: PathBuf,
    role: Role,
    lock: File,
    previous: Previous,
}

impl Claim {
    /// Takes the lock, making the directory where it is missing, then reads.
    pub(super) fn take(path: PathBuf, role: Role) -> Result<Self, CreateError> {
        make_directory(path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
        let lock = lock(&create::beside(&path, "lock"))?;
        let previous = Previous::read(&path, role);
        Ok(Self { path, role, lock, previous })
    }

    /// What the last writer said.
    pub const fn previous(&self) -> &Previous {
        &self.previous
    }

    /// Retires the old file and replaces it by a new one, in which every cell is at Halt, reason [`super::STARTING`],
    /// without a lease. `spec` must be of the role that was claimed.
    pub fn create(self, spec: &Spec) -> Result<Writer, CreateError> {
        let Self { path, role, lock, previous } = self;
        if spec.role != role {
            return Err(SpecError::Role(spec.role).into());
        }
        let Created { header, file } = create::create(&path, spec, previous.generation())?;
        Writer::of(header, &file, lock).map_err(|error| CreateError::Io(path, error))
    }
}

fn make_directory(dir: &Path) -> Result<(), CreateError> {
    let io = |error| CreateError::Io(dir.to_owned(), error);
    DirBuilder::new().recursive(true).mode(0o750).create(dir).map_err(io)?;
    let mode = std::fs::metadata(dir).map_err(io)?.mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(CreateError::OpenDirectory(dir.to_owned(), mode)) }
}

/// Mode 0600: whoever may open the lock file may also hold it, and a reader must not keep the daemon out.
fn lock(path: &Path) -> Result<File, CreateError> {
    let io = |error| CreateError::Io(path.to_owned(), error);
    let file = create::options().create(true).truncate(false).mode(0o600).open(path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CreateError::Busy(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}
