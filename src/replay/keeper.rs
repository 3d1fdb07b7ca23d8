//! Keeps the records of a replay: in a store, as incident pages, or both.

use std::io;
use std::path::{Path, PathBuf};

use super::Listener;
use crate::engine::{Engine, Output};
use crate::record::{Fact, IncidentChange, Record};
use crate::report::{self, Ask};
use crate::store::{Store, StoreError};

/// Records committed at once.
const BATCH: usize = 4096;

/// Where the records of a replay go.
#[derive(Debug)]
pub struct Keeper {
    store: Option<Store>,
    reports: Option<PathBuf>,
    batch: Vec<Record>,
    /// All of them, while pages are wanted.
    records: Vec<Record>,
    failed: Option<StoreError>,
}

impl Keeper {
    /// Makes the store, which must be empty, and remembers where pages go. Keeps nothing when neither is asked for.
    pub fn new(store: Option<&Path>, reports: Option<&Path>) -> Result<Self, StoreError> {
        let store = store.map(Store::open_file).transpose()?;
        if let Some((last, _)) = store.as_ref().map(|store| store.last()).transpose()?
            && last > 0
        {
            return Err(StoreError::Gap { expected: last + 1, got: 1 });
        }
        Ok(Self { store, reports: reports.map(Path::to_owned), batch: Vec::new(), records: Vec::new(), failed: None })
    }

    /// Writes what is left; every page, and what the store still owes.
    pub fn finish(mut self) -> io::Result<()> {
        self.commit();
        if let Some(why) = self.failed {
            return Err(io::Error::other(why));
        }
        let Some(reports) = &self.reports else { return Ok(()) };
        for id in opened(&self.records) {
            if let Some(page) = report::page(id, &of_incident(&self.records, id)) {
                report::write(reports, id, &page)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) {
        if let (Some(store), None) = (&mut self.store, &self.failed) {
            self.failed = store.append(&self.batch, &[]).err();
        }
        self.batch.clear();
    }
}

impl Listener for Keeper {
    fn output(&mut self, _: &Engine, output: &Output) {
        let Output::Record(record) = output else { return };
        if self.reports.is_some() {
            self.records.push(record.clone());
        }
        if self.store.is_some() {
            self.batch.push(record.clone());
            if self.batch.len() >= BATCH {
                self.commit();
            }
        }
    }
}

fn opened(records: &[Record]) -> impl Iterator<Item = &str> {
    records.iter().filter_map(|record| match &record.fact {
        Fact::Incident { id, change: IncidentChange::Opened, .. } => Some(id.as_str()),
        _ => None,
    })
}

fn of_incident(records: &[Record], id: &str) -> Vec<Record> {
    let found: Result<_, std::convert::Infallible> = report::gather(id, |ask, take| {
        let Ask { fact, incident, since, until } = ask;
        let fits = |record: &&Record| {
            fact.is_none_or(|fact| fact == record.fact.name())
                && incident.as_ref().is_none_or(|incident| incident == record.fact.incident())
                && since.is_none_or(|since| record.at >= since)
                && until.is_none_or(|until| record.at < until)
        };
        records.iter().filter(fits).cloned().for_each(take);
        Ok(())
    });
    found.unwrap_or_default()
}
