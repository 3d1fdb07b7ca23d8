//! What can go wrong with a store, and whose turn it is then.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// A fault of the store. After one on writing, the gate closes: nobody retries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// No room is left, on the disk or below the store's own cap.
    Full,
    /// The disk or the file cannot be written.
    ReadOnly,
    /// The operating system failed a read, a write or a sync.
    Io(String),
    /// The file is damaged, or a record in it cannot be read.
    Corrupt(String),
    /// Another writer holds the store.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, where the file says so.
        pid: Option<u32>,
    },
    /// Another program holds a lock inside the database for too long.
    Busy,
    /// A newer Fusewire wrote this store.
    NewerSchema {
        /// Version in the file.
        found: u32,
        /// Newest version this program knows.
        known: u32,
    },
    /// The file is no store of Fusewire.
    NotAStore(PathBuf),
    /// Others may read the directory or file.
    Exposed {
        /// Which.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A record does not continue the sequence: a fault of the caller.
    Gap {
        /// The seq that must come next.
        expected: u64,
        /// The seq that came.
        got: u64,
    },
}

impl StoreError {
    /// An error of the operating system at `path`.
    pub(super) fn at(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(format!("{}: {error}", path.display())),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let words = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation) => {
                Self::Corrupt(words)
            }
            Some(_) => Self::Io(words),
            None => Self::Corrupt(words),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("store: no room left (free disk space, then restart)"),
            Self::ReadOnly => f.write_str("store: not writable (remount or fix the permissions, then restart)"),
            Self::Io(why) => write!(f, "store: {why}"),
            Self::Corrupt(why) => {
                write!(f, "store: damaged: {why} (keep the file, see what `fusewire store verify` says)")
            }
            Self::Locked { path, pid: Some(pid) } => {
                write!(f, "{}: held by process {pid} (one daemon a store)", path.display())
            }
            Self::Locked { path, pid: None } => {
                write!(f, "{}: held by another process (one daemon a store)", path.display())
            }
            Self::Busy => f.write_str("store: another program holds the database (close its transaction)"),
            Self::NewerSchema { found, known } => {
                write!(f, "store: schema {found} is newer than this program knows ({known}); use the newer fusewire")
            }
            Self::NotAStore(path) => write!(f, "{}: not a fusewire store", path.display()),
            Self::Exposed { path, mode } => {
                let wanted = if path.is_dir() { "700" } else { "600" };
                let path = path.display();
                write!(f, "{path}: mode {mode:03o} lets others in (chmod {wanted} {path})")
            }
            Self::Gap { expected, got } => write!(f, "store: record {got} offered where {expected} must follow"),
        }
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn sqlite_faults_keep_their_meaning() {
        for (code, want) in [
            (ffi::SQLITE_FULL, StoreError::Full),
            (ffi::SQLITE_READONLY, StoreError::ReadOnly),
            (ffi::SQLITE_READONLY_DBMOVED, StoreError::ReadOnly),
            (ffi::SQLITE_BUSY, StoreError::Busy),
        ] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert_eq!(StoreError::from(error), want, "{code}");
        }
        for code in [ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_CANTOPEN] {
            let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            assert!(matches!(StoreError::from(error), StoreError::Io(_)), "{code}");
        }
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), None);
        assert!(matches!(StoreError::from(error), StoreError::Corrupt(_)));
    }

    #[test]
    fn a_full_or_read_only_disk_is_told_from_other_faults() {
        let at = |kind: std::io::ErrorKind| StoreError::at(Path::new("/x"), &kind.into());
        assert_eq!(at(std::io::ErrorKind::StorageFull), StoreError::Full);
        assert_eq!(at(std::io::ErrorKind::ReadOnlyFilesystem), StoreError::ReadOnly);
        assert!(at(std::io::ErrorKind::PermissionDenied).to_string().starts_with("store: /x: "));
    }
}
