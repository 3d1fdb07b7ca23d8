//! Reading records in order, a page at a time, so that a long history needs little memory.

use std::collections::VecDeque;

use rusqlite::types::Value;

use super::{Reader, StoreError};
use crate::event::Nanos;
use crate::record::{Fact, Hash, Record};

/// Rows fetched at once.
const PAGE: u32 = 512;

/// Which records to read; the default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only facts of this tag, as in `trip`.
    pub fact: Option<String>,
    /// Only those of this incident.
    pub incident: Option<String>,
    /// Only those decided at this time or later.
    pub since: Option<Nanos>,
    /// Only those decided before this time.
    pub until: Option<Nanos>,
}

/// A record as it lies on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Place, from 1.
    pub seq: u64,
    /// Engine time of the decision.
    pub at: Nanos,
    /// Tag of the fact.
    pub fact: String,
    /// Incident, empty for none.
    pub incident: String,
    /// JSON of the fact, as hashed.
    pub body: String,
    /// Link of the chain.
    pub hash: Hash,
}

impl Row {
    /// Columns in the order [`Row::read`] takes them.
    pub(super) const COLUMNS: &'static str = "seq, at_ns, fact, incident, body, hash";

    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            at: Nanos(row.get(1)?),
            fact: row.get(2)?,
            incident: row.get(3)?,
            body: row.get(4)?,
            hash: row.get(5)?,
        })
    }

    /// The record in it; a fact that a newer program wrote is [`StoreError::Corrupt`] to this one.
    pub fn record(&self) -> Result<Record, StoreError> {
        record(self.seq, self.at, &self.body)
    }
}

pub(super) fn record(seq: u64, at: Nanos, body: &str) -> Result<Record, StoreError> {
    let fact: Fact =
        serde_json::from_str(body).map_err(|error| StoreError::Corrupt(format!("record {seq}: {error}")))?;
    Ok(Record { seq, at, fact })
}

/// Rows in order of seq. After an error it ends.
#[derive(Debug)]
pub struct Rows<'a> {
    reader: &'a Reader,
    filter: Filter,
    next: u64,
    page: VecDeque<Row>,
    fault: Option<StoreError>,
    done: bool,
}

impl<'a> Rows<'a> {
    pub(super) fn new(reader: &'a Reader, from: u64, filter: Filter) -> Self {
        Self { reader, filter, next: from, page: VecDeque::new(), fault: None, done: false }
    }

    /// Reads the next page; rows before a damaged one are kept.
    fn turn(&mut self) -> rusqlite::Result<()> {
        let (sql, values) = query(&self.filter, self.next);
        let mut statement = self.reader.connection.prepare_cached(&sql)?;
        for row in statement.query_map(rusqlite::params_from_iter(values), Row::read)? {
            self.page.push_back(row?);
        }
        self.done = self.page.len() < PAGE as usize;
        self.next = self.page.back().map_or(self.next, |row| row.seq + 1);
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty()
            && !self.done
            && let Err(fault) = self.turn()
        {
            self.fault = Some(fault.into());
            self.done = true;
        }
        self.page.pop_front().map(Ok).or_else(|| self.fault.take().map(Err))
    }
}

fn query(filter: &Filter, from: u64) -> (String, Vec<Value>) {
    let conditions = [
        ("seq >= ?", Some(Value::from(i64::try_from(from).unwrap_or(i64::MAX)))),
        ("fact = ?", filter.fact.clone().map(Value::from)),
        ("incident <> '' AND incident = ?", filter.incident.clone().map(Value::from)),
        ("at_ns >= ?", filter.since.map(|at| Value::from(at.0))),
        ("at_ns < ?", filter.until.map(|at| Value::from(at.0))),
    ];
    let (words, values): (Vec<_>, Vec<_>) =
        conditions.into_iter().filter_map(|(word, value)| value.map(|value| (word, value))).unzip();
    let sql = format!("SELECT {} FROM records WHERE {} ORDER BY seq LIMIT {PAGE}", Row::COLUMNS, words.join(" AND "));
    (sql, values)
}
