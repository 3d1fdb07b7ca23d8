//! The whole state in one blob: restored, the engine continues bit by bit.
//!
//! Form: `FWSNAP`, format version (u16, little endian), SHA-256 of the settings, SHA-256 of the rest, then the table of
//! markets and the state in postcard. A snapshot fits the settings it was made under and no others; one that was cut or
//! changed by a single bit is refused before anything is read out of it.

use sha2::{Digest as _, Sha256};

use super::{Engine, EngineSettings, State};
use crate::market::Markets;

const MAGIC: &[u8; 6] = b"FWSNAP";
const FORMAT: u16 = 5;

/// Why a snapshot was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// Not a snapshot at all.
    NotOne,
    /// Made by another version of the form.
    Format(u16),
    /// Made under other settings.
    Settings,
    /// Cut or changed.
    Damaged(String),
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotOne => write!(f, "not a snapshot"),
            Self::Format(found) => write!(f, "snapshot form {found}, this version reads {FORMAT}"),
            Self::Settings => write!(f, "the snapshot was made under other settings"),
            Self::Damaged(why) => write!(f, "the snapshot is damaged: {why}"),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl Engine {
    /// The whole state.
    pub fn snapshot(&self) -> Vec<u8> {
        // Serialising to a growing vector fails for no state of ours; should it, the body is short and is refused.
        let body = Vec::with_capacity(16_384 * self.state.markets.len());
        let body = postcard::to_extend(&(&self.table, &self.state), body).unwrap_or_default();
        let mut blob = Vec::with_capacity(72 + body.len());
        blob.extend_from_slice(MAGIC);
        blob.extend_from_slice(&FORMAT.to_le_bytes());
        blob.extend_from_slice(&self.settings.hash());
        blob.extend_from_slice(&Sha256::digest(&body));
        blob.extend_from_slice(&body);
        blob
    }

    /// An engine that continues where `snapshot` was taken.
    pub fn restore(settings: EngineSettings, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let body = checked_body(&settings, snapshot)?;
        let (table, state): (Markets, State) =
            postcard::from_bytes(body).map_err(|why| SnapshotError::Damaged(why.to_string()))?;
        if state.markets.len() != table.len() {
            return Err(SnapshotError::Damaged("states and markets differ in number".to_owned()));
        }
        let mut engine = Self::new(settings, table);
        engine.state = state;
        Ok(engine)
    }
}

fn checked_body<'a>(settings: &EngineSettings, snapshot: &'a [u8]) -> Result<&'a [u8], SnapshotError> {
    let rest = snapshot.strip_prefix(MAGIC.as_slice()).ok_or(SnapshotError::NotOne)?;
    let (format, rest) = rest.split_first_chunk::<2>().ok_or(SnapshotError::NotOne)?;
    let format = u16::from_le_bytes(*format);
    if format != FORMAT {
        return Err(SnapshotError::Format(format));
    }
    let (hash, rest) = rest.split_first_chunk::<32>().ok_or(SnapshotError::NotOne)?;
    if *hash != settings.hash() {
        return Err(SnapshotError::Settings);
    }
    let (sum, body) = rest.split_first_chunk::<32>().ok_or(SnapshotError::NotOne)?;
    if sum.as_slice() == Sha256::digest(body).as_slice() {
        Ok(body)
    } else {
        Err(SnapshotError::Damaged("its checksum does not fit".to_owned()))
    }
}
