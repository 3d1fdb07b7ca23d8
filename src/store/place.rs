//! Where a store lies: a directory of its own that only its owner enters, a file that is never a link.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Makes the directory where it is missing; one that others may enter is refused, never changed.
pub(super) fn directory(dir: &Path) -> Result<PathBuf, StoreError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| StoreError::at(dir, &error))?;
    closed(dir)?;
    dir.canonicalize().map_err(|error| StoreError::at(dir, &error))
}

/// Makes the database file where it is missing and returns its path without links.
pub(super) fn file(path: &Path) -> Result<PathBuf, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)
        .map_err(|error| StoreError::at(path, &error))?;
    closed(path)?;
    path.canonicalize().map_err(|error| StoreError::at(path, &error))
}

/// Puts the names in the directory of `path` on disk: a file whose name is lost in a power cut is a lost file.
pub(super) fn sync_names(path: &Path) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StoreError::at(dir, &error))
}

fn closed(path: &Path) -> Result<(), StoreError> {
    // The lowest six bits are those of the group and of everybody else.
    let mode = fs::metadata(path).map_err(|error| StoreError::at(path, &error))?.mode() & 0o777;
    if mode.trailing_zeros() >= 6 { Ok(()) } else { Err(StoreError::Exposed { path: path.to_owned(), mode }) }
}
