//! The records of one incident out of a store, for its page.

use super::Fault;
use crate::live::records_of;
use crate::record::Record;
use crate::report;
use crate::store::Reader;

/// The records for the page of an incident, or that there is none.
pub(super) fn of(reader: &Reader, id: &str) -> Result<Vec<Record>, Fault> {
    let records = records_of(reader, id)?;
    if records.is_empty() {
        let hint = "see `fusewire incidents list`";
        return Err(anyhow::anyhow!("incident {}: not in this store ({hint})", report::text::plain(id)).into());
    }
    Ok(records)
}
