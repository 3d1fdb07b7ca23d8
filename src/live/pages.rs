//! Incident pages: written beside the engine, from the store, after the fact.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::record::Record;
use crate::report::{self, Ask};
use crate::store::{Filter, Reader, StoreError};

/// A page is rewritten at most so often.
const EVERY: Duration = Duration::from_secs(2);

/// Starts the writer; it ends when the engine's thread has gone, after the last pages.
pub(super) fn start(store: PathBuf, reports: PathBuf, wanted: Receiver<String>) -> Result<JoinHandle<()>> {
    let work = move || {
        let mut dirty = BTreeSet::new();
        loop {
            match wanted.recv_timeout(EVERY) {
                Ok(id) => {
                    dirty.insert(id);
                }
                Err(RecvTimeoutError::Timeout) => write_all(&store, &reports, &mut dirty),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        write_all(&store, &reports, &mut dirty);
    };
    std::thread::Builder::new().name("pages".to_owned()).spawn(work).context("page writer")
}

fn write_all(store: &Path, reports: &Path, dirty: &mut BTreeSet<String>) {
    for id in std::mem::take(dirty) {
        if let Err(why) = write(store, reports, &id) {
            tracing::warn!("page of {id}: {why:#}");
        }
    }
}

fn write(store: &Path, reports: &Path, id: &str) -> Result<()> {
    let records = records_of(&Reader::open(store)?, id)?;
    if let Some(page) = report::page(id, &records) {
        report::write(reports, id, &page)?;
    }
    Ok(())
}

/// The records that the page of an incident is made of.
pub fn records_of(reader: &Reader, id: &str) -> Result<Vec<Record>, StoreError> {
    report::gather(id, |ask, take| {
        let Ask { fact, incident, since, until } = ask;
        let filter = Filter { fact: fact.map(str::to_owned), incident, since, until };
        reader.records(1, filter).try_for_each(|record| record.map(&mut *take))
    })
}
