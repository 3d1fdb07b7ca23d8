//! Why a file is not here.

use std::fmt;

/// Why a file is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// The publisher does not have it.
    Missing,
    /// What came is not to be believed, or is refused; another file may fare better.
    Refused(String),
    /// The network or the server failed until patience ran out: the next file would fare no better.
    Network(String),
    /// This machine cannot keep it: the next file would fare no better.
    Disk(String),
}

impl FetchError {
    /// Whether to go on with the next file is vain.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Network(_) | Self::Disk(_))
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not published"),
            Self::Refused(why) | Self::Network(why) | Self::Disk(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for FetchError {}
