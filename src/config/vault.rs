//! Where secrets come from: the file itself, the environment by name, or a file of their own. They are never printed.

use std::fs;
use std::io::Read as _;

use crate::hook::Secret;

/// The largest file of secrets, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// Who opens secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vault {
    /// Reads them: a daemon is about to start.
    Open,
    /// Leaves them alone: a config is checked where its secrets are not.
    Shut,
}

impl Vault {
    /// A secret of the environment; nothing where the vault is shut.
    pub(super) fn env(self, name: &str) -> Result<Option<Secret>, String> {
        if self == Self::Shut {
            return Ok(None);
        }
        match std::env::var(name) {
            Ok(text) if text.trim().is_empty() => Err(format!("the environment variable {name} is empty")),
            Ok(text) => Ok(Some(Secret::new(text.trim()))),
            Err(std::env::VarError::NotPresent) => Err(format!("the environment has no {name}")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("the environment variable {name} is no text")),
        }
    }

    /// The secrets of a file, one a line; empty where the vault is shut.
    pub(super) fn file(self, path: &str) -> Result<Vec<Secret>, String> {
        if self == Self::Shut {
            return Ok(Vec::new());
        }
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
        read.map_err(|why| format!("{path}: {why}"))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(format!("{path} is larger than {BYTES_MAX} bytes"));
        }
        let secrets: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect();
        if secrets.is_empty() { Err(format!("{path} is empty")) } else { Ok(secrets) }
    }
}
