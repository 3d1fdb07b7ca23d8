//! What ends a reading before it begins: no file, a failing disk, doubt about a format.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a tape cannot be read. Bad lines and damaged files are no errors: see [`super::Report`].
#[derive(Debug)]
pub enum TapeError {
    /// The file cannot be opened or read.
    Io {
        /// The tape.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The format, venue or symbol is in doubt; guessing could turn a liquidation into a trade.
    Doubt {
        /// The tape.
        path: PathBuf,
        /// What is in doubt, and what to say to settle it.
        help: String,
    },
    /// The command line says what cannot be; with a hint.
    Usage(String),
}

impl TapeError {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn doubt(path: &Path, help: impl Into<String>) -> Self {
        Self::Doubt { path: path.to_owned(), help: help.into() }
    }

    /// The exit code of the command line: 2 for what the user settles by other words, 1 for the rest.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Io { .. } => 1,
            Self::Doubt { .. } | Self::Usage(_) => 2,
        }
    }
}

impl fmt::Display for TapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Doubt { path, help } => write!(f, "{}: {help}", path.display()),
            Self::Usage(help) => f.write_str(help),
        }
    }
}

impl std::error::Error for TapeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Doubt { .. } | Self::Usage(_) => None,
        }
    }
}
