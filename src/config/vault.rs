//! Where secrets come from: the file itself, the environment by name, or a file of their own. They are never printed;
//! nor is what stands in place of a name or a path, for a secret may have been pasted there.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;

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
            Ok(text) if text.trim().is_empty() => Err(format!("{} is empty", variable(name))),
            Ok(text) => Ok(Some(Secret::new(text.trim()))),
            Err(std::env::VarError::NotPresent) => Err(format!("{} is not set", variable(name))),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("{} is no text", variable(name))),
        }
    }

    /// Whether everybody can read a file of secrets. Some container systems mount them so, hence no fault.
    pub(super) fn is_exposed(self, path: &str) -> bool {
        self == Self::Open && fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o007 != 0)
    }

    /// The secrets of a file, one a line; empty where the vault is shut.
    pub(super) fn file(self, path: &str) -> Result<Vec<Secret>, String> {
        if self == Self::Shut {
            return Ok(Vec::new());
        }
        let mut text = String::new();
        let read = fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
        read.map_err(|why| format!("the file cannot be read: {why}"))?;
        if text.len() as u64 > BYTES_MAX {
            return Err(format!("the file is larger than {BYTES_MAX} bytes"));
        }
        let secrets: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Secret::new).collect();
        if secrets.is_empty() { Err("the file is empty".to_owned()) } else { Ok(secrets) }
    }
}

/// A variable by its name where that looks like one, else without.
fn variable(name: &str) -> String {
    let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let is_plain = name.len() <= 64 && name.contains('_') && name.chars().all(fits);
    if is_plain {
        format!("the environment variable {name}")
    } else {
        "the environment variable of this name".to_owned()
    }
}
