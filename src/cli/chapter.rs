//! The records of one incident out of a store, for its page.

use super::Fault;
use crate::record::Record;
use crate::report::{self, Ask};
use crate::store::{Filter, Reader, StoreError};

/// The records for the page of an incident, or that there is none.
pub(super) fn of(reader: &Reader, id: &str) -> Result<Vec<Record>, Fault> {
    let records = report::gather(id, |ask, keep| read(reader, ask, keep))?;
    if records.is_empty() {
        let hint = "see `fusewire incidents list`";
        return Err(anyhow::anyhow!("incident {}: not in this store ({hint})", report::text::plain(id)).into());
    }
    Ok(records)
}

fn read(reader: &Reader, ask: Ask, keep: &mut dyn FnMut(Record)) -> Result<(), StoreError> {
    let Ask { fact, incident, since, until } = ask;
    let filter = Filter { fact: fact.map(str::to_owned), incident, since, until };
    reader.records(0, filter).try_for_each(|record| {
        keep(record?);
        Ok(())
    })
}
