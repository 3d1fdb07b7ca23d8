//! The tables, version by version, and how a connection must behave.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::StoreError;

/// `FUSE` in the header of the file: what it is, for people with a hex dump and for us.
const APPLICATION_ID: i32 = 0x4655_5345;

/// Each migration leads from its index to the next version. Written once, never edited.
const MIGRATIONS: &[&str] = &[V1];

const V1: &str = "
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('instance', lower(hex(randomblob(6))));

CREATE TABLE records(
    seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, fact TEXT NOT NULL, incident TEXT NOT NULL,
    body TEXT NOT NULL, hash BLOB NOT NULL
) STRICT;
CREATE INDEX records_fact ON records(fact, seq);
CREATE INDEX records_incident ON records(incident, seq) WHERE incident <> '';
CREATE INDEX records_incident_steps ON records(incident, seq) WHERE fact = 'incident';
CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;
CREATE TRIGGER records_last BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are append-only'); END;

CREATE TABLE head(one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
INSERT INTO head VALUES (1, 0, zeroblob(32));

CREATE TABLE breakers(
    scope TEXT NOT NULL, rule TEXT NOT NULL, seq INTEGER NOT NULL REFERENCES records(seq), PRIMARY KEY (scope, rule)
) STRICT, WITHOUT ROWID;
CREATE TABLE permissions(market TEXT PRIMARY KEY, seq INTEGER NOT NULL REFERENCES records(seq)) STRICT, WITHOUT ROWID;
CREATE TABLE incidents(
    id TEXT PRIMARY KEY, first INTEGER NOT NULL REFERENCES records(seq), last INTEGER NOT NULL REFERENCES records(seq),
    open INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX incidents_open ON incidents(last) WHERE open = 1;

CREATE TABLE outbox(
    place INTEGER PRIMARY KEY AUTOINCREMENT, message TEXT NOT NULL UNIQUE, hook TEXT NOT NULL,
    seq INTEGER NOT NULL REFERENCES records(seq), at_ns INTEGER NOT NULL, body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'shadow')),
    attempts INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL DEFAULT 0,
    tried_ns INTEGER NOT NULL DEFAULT 0, detail TEXT NOT NULL DEFAULT '', recorded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_pending ON outbox(hook, place) WHERE state = 'pending';
CREATE INDEX outbox_unrecorded ON outbox(place) WHERE state IN ('delivered', 'dead') AND recorded = 0;

CREATE TABLE snapshots(seq INTEGER PRIMARY KEY, at_ns INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
";

/// Waits for a reader's lock this long at most.
const BUSY: Duration = Duration::from_secs(5);

/// Sets up the writer: WAL, synced at every commit.
pub(super) fn prepare_writer(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Io(format!("journal mode {mode} where WAL is needed")));
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON; PRAGMA journal_size_limit = 67108864;",
    )?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Sets up a reader, and refuses a file it would misread.
pub(super) fn prepare_reader(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")?;
    match version(connection, path)? {
        0 => Err(StoreError::NotAStore(path.to_owned())),
        _ => Ok(()),
    }
}

/// Brings the file to the newest version; each step is one transaction.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let from = version(connection, path)?;
    for (step, sql) in (1_i32..).zip(MIGRATIONS).skip(from as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", step)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The version of the file, 0 for an empty one; a foreign file and a newer one are refused.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let known = MIGRATIONS.len() as u32;
    let number = |sql| connection.query_row(sql, [], |row| row.get::<_, i32>(0));
    let id = number("PRAGMA application_id").map_err(|error| foreign(error, path))?;
    let found = number("PRAGMA user_version")? as u32;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    match (id, found, tables) {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, found, _) if found > known => Err(StoreError::NewerSchema { found, known }),
        (APPLICATION_ID, 1.., _) => Ok(found),
        _ => Err(StoreError::NotAStore(path.to_owned())),
    }
}

fn foreign(error: rusqlite::Error, path: &Path) -> StoreError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => StoreError::NotAStore(path.to_owned()),
        _ => error.into(),
    }
}
