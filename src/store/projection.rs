//! What a restart needs, kept beside the records: the last fact of every breaker, market and incident.
//!
//! Each projection exists twice on purpose: [`note`] keeps it up to date record by record, and a fold in SQL makes it
//! from all records. `verify` compares the two; `rebuild` takes the fold.

use rusqlite::{Connection, params};

use super::{Reader, Store, StoreError};
use crate::record::{Fact, IncidentChange, Record};

/// Table, and the fold over all records that must equal it.
const FOLDS: [(&str, &str); 3] = [
    (
        "breakers",
        "SELECT body ->> '$.scope', body ->> '$.rule', max(seq) FROM records WHERE fact = 'breaker' GROUP BY 1, 2",
    ),
    ("permissions", "SELECT body ->> '$.market', max(seq) FROM records WHERE fact = 'permission' GROUP BY 1"),
    (
        "incidents",
        "SELECT incident, min(seq), max(seq),
                max(CASE body ->> '$.change' WHEN 'opened' THEN seq ELSE 0 END)
                    > max(CASE body ->> '$.change' WHEN 'resolved' THEN seq ELSE 0 END)
         FROM records WHERE fact = 'incident' GROUP BY 1",
    ),
];

/// Takes one record into the projections, inside the transaction that appends it.
pub(super) fn note(connection: &Connection, seq: u64, fact: &Fact) -> rusqlite::Result<()> {
    match fact {
        Fact::Breaker { scope, rule, .. } => connection
            .prepare_cached(
                "INSERT INTO breakers VALUES (?, ?, ?) ON CONFLICT (scope, rule) DO UPDATE SET seq = excluded.seq",
            )?
            .execute(params![scope, rule, seq])?,
        Fact::Permission { market, .. } => connection
            .prepare_cached("INSERT INTO permissions VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq")?
            .execute(params![market, seq])?,
        Fact::Incident { id, change, .. } => connection
            .prepare_cached(
                "INSERT INTO incidents VALUES (?1, ?2, ?2, coalesce(?3, 0))
                 ON CONFLICT DO UPDATE SET last = excluded.last, open = coalesce(?3, open)",
            )?
            .execute(params![id, seq, opens(*change)])?,
        _ => 0,
    };
    Ok(())
}

const fn opens(change: IncidentChange) -> Option<bool> {
    match change {
        IncidentChange::Opened => Some(true),
        IncidentChange::Resolved => Some(false),
        IncidentChange::Raised | IncidentChange::Acknowledged | IncidentChange::Commented => None,
    }
}

/// The first projection that differs from the fold over the records.
pub(super) fn differing(connection: &Connection) -> rusqlite::Result<Option<&'static str>> {
    for (table, fold) in FOLDS {
        let sql = format!(
            "WITH fold AS MATERIALIZED ({fold})
             SELECT EXISTS (SELECT * FROM fold EXCEPT SELECT * FROM {table})
                 OR EXISTS (SELECT * FROM {table} EXCEPT SELECT * FROM fold)"
        );
        if connection.query_row(&sql, [], |row| row.get(0))? {
            return Ok(Some(table));
        }
    }
    Ok(None)
}

impl Store {
    /// Makes the projections anew from the records.
    pub fn rebuild(&mut self) -> Result<(), StoreError> {
        self.guarded(|connection, _| {
            let transaction = connection.transaction()?;
            for (table, fold) in FOLDS {
                transaction.execute_batch(&format!("DELETE FROM {table}; INSERT INTO {table} {fold};"))?;
            }
            Ok(transaction.commit()?)
        })
    }
}

impl Reader {
    /// The last fact of every breaker, armed ones included: their versions must go on counting.
    pub fn breakers(&self) -> Result<Vec<Record>, StoreError> {
        self.records_of("SELECT r.seq, at_ns, body FROM breakers JOIN records r USING (seq) ORDER BY r.seq", [])
    }

    /// The last fact of every breaker that is not armed.
    pub fn open_breakers(&self) -> Result<Vec<Record>, StoreError> {
        let mut breakers = self.breakers()?;
        breakers.retain(|record| matches!(&record.fact, Fact::Breaker { to, .. } if !to.eq_ignore_ascii_case("armed")));
        Ok(breakers)
    }

    /// The last permission of every market.
    pub fn permissions(&self) -> Result<Vec<Record>, StoreError> {
        self.records_of("SELECT r.seq, at_ns, body FROM permissions JOIN records r USING (seq) ORDER BY r.seq", [])
    }

    /// Every step of the incidents that are open, and the last trip of each, in order.
    pub fn open_incidents(&self) -> Result<Vec<Record>, StoreError> {
        let sql = "SELECT r.seq, at_ns, body FROM incidents i JOIN records r ON r.incident = i.id
                   WHERE i.open = 1 AND (r.fact = 'incident' OR r.seq = (
                       SELECT max(t.seq) FROM records t WHERE t.incident = i.id AND t.incident <> '' AND t.fact = 'trip'))
                   ORDER BY r.seq";
        self.records_of(sql, [])
    }
}
