//! Looking into a store, beside a running daemon or after it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _};

use super::rows::record;
use super::{FILE, Filter, Rows, StoreError, schema};
use crate::event::Nanos;
use crate::record::{Fact, Hash, Record};

/// Everything that only reads. A [`Store`](super::Store) is one too.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
}

impl Reader {
    /// Opens a store file, or the one in a store directory, without ever writing to it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let path = path.canonicalize().map_err(|error| StoreError::at(&path, &error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags)?;
        schema::prepare_reader(&connection, &path)?;
        Ok(Self { connection })
    }

    /// The last record's seq and hash; 0 and [`GENESIS`](crate::record::GENESIS) in an empty store.
    pub fn last(&self) -> Result<(u64, Hash), StoreError> {
        let sql = "SELECT seq, hash FROM head";
        Ok(self.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?)
    }

    /// Random name of this store, 12 hex digits: two stores never make the same message id.
    pub fn instance(&self) -> Result<String, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'instance'";
        Ok(self.connection.query_row(sql, [], |row| row.get(0))?)
    }

    /// Hash of the settings of the last start; `None` before the first.
    pub fn config_hash(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT seq, at_ns, body FROM records WHERE fact = 'started' ORDER BY seq DESC LIMIT 1";
        Ok(self.records_of(sql, [])?.pop().and_then(|record| match record.fact {
            Fact::Started { config_hash, .. } => Some(config_hash),
            _ => None,
        }))
    }

    /// One record.
    pub fn record(&self, seq: u64) -> Result<Option<Record>, StoreError> {
        let sql = "SELECT at_ns, body FROM records WHERE seq = ?";
        let found: Option<(i64, String)> =
            self.connection.query_row(sql, [seq], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        found.map(|(at, body)| record(seq, Nanos(at), &body)).transpose()
    }

    /// Records from `from` on, as they lie on disk, in order and in bounded memory.
    pub fn rows(&self, from: u64, filter: Filter) -> Rows<'_> {
        Rows::new(self, from, filter)
    }

    /// Records from `from` on, in order and in bounded memory.
    pub fn records(&self, from: u64, filter: Filter) -> impl Iterator<Item = Result<Record, StoreError>> + '_ {
        self.rows(from, filter).map(|row| row?.record())
    }

    /// The records of a query that gives seq, `at_ns` and body.
    pub(super) fn records_of(&self, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Record>, StoreError> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query(params)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next()? {
            records.push(record(row.get(0)?, Nanos(row.get(1)?), &row.get::<_, String>(2)?)?);
        }
        Ok(records)
    }
}
