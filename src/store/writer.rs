//! The one writer. A commit is on disk when it returns, or the store refuses everything from then on.

use std::ops::Deref;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, params};

use super::lock::Lock;
use super::{Attempt, FILE, OutboxRow, Reader, StoreError, outbox, place, projection, schema};
use crate::record::{Hash, Record, link};

/// What goes to disk together.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Records, continuing the sequence.
    pub records: &'a [Record],
    /// Messages that follow from them.
    pub messages: &'a [OutboxRow],
    /// How deliveries went meanwhile.
    pub attempts: &'a [Attempt],
}

/// The open store. Reads like a [`Reader`].
#[derive(Debug)]
pub struct Store {
    pub(super) reader: Reader,
    head: Head,
    failed: Option<StoreError>,
    _lock: Lock,
}

/// Where the chain ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    seq: u64,
    hash: Hash,
}

impl Deref for Store {
    type Target = Reader;

    fn deref(&self) -> &Reader {
        &self.reader
    }
}

impl Store {
    /// Opens the store in a directory of its own, making both where they are missing.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_file(&place::directory(dir)?.join(FILE))
    }

    /// Opens a store file wherever it lies, as `replay --store FILE` does.
    pub fn open_file(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        let path = place::file(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW
            | OpenFlags::SQLITE_OPEN_EXRESCODE;
        let mut connection = Connection::open_with_flags(&path, flags)?;
        schema::version(&connection, &path)?;
        schema::prepare_writer(&connection)?;
        schema::migrate(&mut connection, &path)?;
        place::sync_names(&path)?;
        let reader = Reader { connection };
        let (seq, hash) = reader.last()?;
        Ok(Self { reader, head: Head { seq, hash }, failed: None, _lock: lock })
    }

    /// Opens for looking only; see [`Reader::open`].
    pub fn open_read_only(path: &Path) -> Result<Reader, StoreError> {
        Reader::open(path)
    }

    /// Appends records and their messages in one transaction; returns the last seq that is now on disk.
    pub fn append(&mut self, records: &[Record], messages: &[OutboxRow]) -> Result<u64, StoreError> {
        self.commit(&Batch { records, messages, attempts: &[] })
    }

    /// Writes a batch in one transaction; returns the last seq that is now on disk.
    ///
    /// [`StoreError::Gap`] leaves the store as it was. Any other fault is final: every later write returns the same one.
    pub fn commit(&mut self, batch: &Batch<'_>) -> Result<u64, StoreError> {
        follows(self.head.seq, batch.records)?;
        let head = self.guarded(|connection, head| write(connection, head, batch))?;
        self.head = head;
        Ok(head.seq)
    }

    /// Caps the size of the database file; beyond it a write is [`StoreError::Full`]. Never below its present size.
    pub fn cap_bytes(&mut self, bytes: u64) -> Result<(), StoreError> {
        let size: u64 = self.connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = (bytes / size.max(1)).max(1);
        self.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
        Ok(())
    }

    /// Runs one write; after a fault the disk may or may not hold it, so no further write is tried.
    pub(super) fn guarded<T>(
        &mut self,
        write: impl FnOnce(&mut Connection, Head) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        let result = write(&mut self.reader.connection, self.head);
        self.failed = result.as_ref().err().cloned();
        result
    }
}

fn follows(last: u64, records: &[Record]) -> Result<(), StoreError> {
    for (expected, record) in (last + 1..).zip(records) {
        if record.seq != expected {
            return Err(StoreError::Gap { expected, got: record.seq });
        }
    }
    Ok(())
}

fn write(connection: &mut Connection, head: Head, batch: &Batch<'_>) -> Result<Head, StoreError> {
    let transaction = connection.transaction()?;
    let head = write_records(&transaction, head, batch.records)?;
    outbox::add(&transaction, batch.messages)?;
    outbox::note(&transaction, batch.attempts)?;
    transaction.commit()?;
    Ok(head)
}

fn write_records(connection: &Connection, mut head: Head, records: &[Record]) -> Result<Head, StoreError> {
    let mut insert = connection.prepare_cached("INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)")?;
    for record in records {
        let body = record.body();
        assert!(!body.is_empty(), "every fact has a wire form");
        head = Head { seq: record.seq, hash: link(&head.hash, record.seq, record.at, &body) };
        let fact = &record.fact;
        insert.execute(params![head.seq, record.at.0, fact.name(), fact.incident(), body, head.hash])?;
        projection::note(connection, head.seq, fact)?;
        outbox::record(connection, fact)?;
    }
    if !records.is_empty() {
        connection.prepare_cached("UPDATE head SET seq = ?, hash = ?")?.execute(params![head.seq, head.hash])?;
    }
    Ok(head)
}
