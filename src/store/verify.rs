//! Whether the history is whole: every link of the chain, every column, the end of it, and the projections.

use std::fmt;

use serde::Deserialize;

use super::{Filter, Reader, Row, StoreError, projection};
use crate::record::{GENESIS, Hash, link};

/// A store that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many records it holds.
    pub records: u64,
    /// Hash of the last one: put it where the store's owner cannot reach, and a rewritten chain shows too.
    pub last_hash: Hash,
}

/// A store that is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The first record that does not hold; for damage outside the records, the last one.
    pub seq: u64,
    /// What is wrong with it.
    pub why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.seq, self.why)
    }
}

impl std::error::Error for Broken {}

/// What the columns beside the body must repeat. Read loosely, so that facts of a newer program verify as well.
#[derive(Deserialize)]
struct Tags {
    fact: String,
    #[serde(default)]
    incident: String,
    #[serde(default)]
    id: String,
}

impl Tags {
    fn incident(&self) -> &str {
        if self.fact == "incident" { &self.id } else { &self.incident }
    }
}

impl Reader {
    /// Reads everything once, in bounded memory, as of the moment it began.
    pub fn verify(&self) -> Result<Verified, Broken> {
        let unreadable = |seq| move |error: StoreError| Broken { seq, why: error.to_string() };
        // Holds one view of the database to the end, whatever a daemon appends meanwhile.
        let _view = self.connection.unchecked_transaction().map_err(|error| unreadable(0)(error.into()))?;
        let mut end = (0, GENESIS);
        for row in self.rows(0, Filter::default()) {
            let row = row.map_err(unreadable(end.0 + 1))?;
            check(&row, end).map_err(|why| Broken { seq: end.0 + 1, why })?;
            end = (row.seq, row.hash);
        }
        self.check_rest(end).map_err(|why| Broken { seq: end.0, why })?;
        Ok(Verified { records: end.0, last_hash: end.1 })
    }

    fn check_rest(&self, end: (u64, Hash)) -> Result<(), String> {
        let head = self.last().map_err(|error| error.to_string())?;
        if head != end {
            return Err(format!("the chain ends here, but the head says record {}", head.0));
        }
        match projection::differing(&self.connection).map_err(|error| error.to_string())? {
            Some(table) => Err(format!("table {table} differs from what the records say")),
            None => Ok(()),
        }
    }
}

fn check(row: &Row, (seq, hash): (u64, Hash)) -> Result<(), String> {
    if row.seq != seq + 1 {
        return Err(format!("missing, record {} follows instead", row.seq));
    }
    if row.hash != link(&hash, row.seq, row.at, &row.body) {
        return Err("the hash does not match its time, body and predecessor".to_owned());
    }
    let tags: Tags = serde_json::from_str(&row.body).map_err(|error| format!("the body is no fact: {error}"))?;
    if row.fact != tags.fact {
        return Err(format!("column fact says {:?}, the body {:?}", row.fact, tags.fact));
    }
    if row.incident != tags.incident() {
        return Err(format!("column incident says {:?}, the body {:?}", row.incident, tags.incident()));
    }
    Ok(())
}
