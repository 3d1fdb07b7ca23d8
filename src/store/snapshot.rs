//! The engine's state, so that a restart need not read all history. The last two are kept; a damaged one is passed over.

use rusqlite::params;
use sha2::{Digest as _, Sha256};

use super::{Reader, Store, StoreError};
use crate::event::Nanos;
use crate::record::Hash;

/// The engine's state after a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last record it contains.
    pub seq: u64,
    /// Engine time.
    pub at: Nanos,
    /// What the engine gave.
    pub body: Vec<u8>,
}

impl Reader {
    /// The newest snapshot that reads whole.
    pub fn snapshot(&self) -> Result<Option<Snapshot>, StoreError> {
        let mut statement =
            self.connection.prepare("SELECT seq, at_ns, body, hash FROM snapshots ORDER BY seq DESC")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let snapshot = Snapshot { seq: row.get(0)?, at: Nanos(row.get(1)?), body: row.get(2)? };
            if row.get::<_, Hash>(3)? == digest(&snapshot) {
                return Ok(Some(snapshot));
            }
        }
        Ok(None)
    }
}

impl Store {
    /// Keeps a snapshot and the one before it.
    pub fn save_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.guarded(|connection, _| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?)",
                params![snapshot.seq, snapshot.at.0, snapshot.body, digest(snapshot)],
            )?;
            let old = "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT 2)";
            transaction.execute(old, [])?;
            Ok(transaction.commit()?)
        })
    }
}

fn digest(snapshot: &Snapshot) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(snapshot.seq.to_le_bytes());
    hasher.update(snapshot.at.0.to_le_bytes());
    hasher.update(&snapshot.body);
    hasher.finalize().into()
}
