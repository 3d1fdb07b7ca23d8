//! Why a file is not believed, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::layout::SCHEMA;

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It could not be opened, read or mapped.
    Io(io::ErrorKind),
    /// Not a regular file.
    NotAFile,
    /// It belongs to somebody else.
    Owner {
        /// The user id it belongs to.
        found: u32,
        /// The user id expected.
        expected: u32,
    },
    /// Group or others can write it.
    Mode(u32),
    /// Its size is not what its header says.
    Size {
        /// Bytes found.
        found: u64,
        /// Bytes expected.
        expected: u64,
    },
    /// Not a file of this kind.
    Magic,
    /// A schema this build does not read.
    Schema(u32),
    /// Counts, offsets or flags that no writer writes.
    Shape,
    /// Header or name table is damaged; an acknowledgement is damaged or torn.
    Digest,
    /// An entry of the name table is damaged.
    Table,
    /// Made before the last boot: its lease counts on another clock.
    OtherBoot,
    /// The guard lists other markets or slots than the gate.
    GuardDiffers,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(kind) => write!(f, "{kind} (is the daemon running, and may this user read it?)"),
            Self::NotAFile => write!(f, "not a regular file"),
            Self::Owner { found, expected } => {
                write!(f, "belongs to user {found}, expected {expected} (name its writer's user as owner)")
            }
            Self::Mode(mode) => write!(f, "group or others can write it, mode {mode:04o} (want 0640)"),
            Self::Size { found, expected } => write!(f, "{found} bytes, expected {expected}"),
            Self::Magic => write!(f, "not a gate file of this kind"),
            Self::Schema(found) => write!(f, "schema {found}, this build reads {SCHEMA} (update the older side)"),
            Self::Shape => write!(f, "counts or offsets that no writer writes"),
            Self::Digest => write!(f, "damaged: its check does not fit"),
            Self::Table => write!(f, "an entry of the name table is damaged"),
            Self::OtherBoot => write!(f, "made before the last boot (start the daemon)"),
            Self::GuardDiffers => write!(f, "lists other markets or slots than the gate (restart the guard)"),
        }
    }
}

/// A file that is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub doubt: Doubt,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.doubt)
    }
}

impl std::error::Error for Refusal {}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
pub(super) fn io_doubt(error: io::Error) -> Doubt {
    Doubt::Io(error.kind())
}
