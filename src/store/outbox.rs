//! Messages that hooks still owe the world. A row lives from the record that caused it until the record that says how it
//! ended, so a crash between any two steps leaves it to be handed out, or reported, again.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Reader, Store, StoreError};
use crate::engine::DeliveryReport;
use crate::event::Nanos;
use crate::record::Fact;

/// A message to a hook, made from a record and committed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Id, equal on every attempt.
    pub message: String,
    /// Hook.
    pub hook: String,
    /// The record it tells of.
    pub seq: u64,
    /// Engine time of that record.
    pub at: Nanos,
    /// What is sent.
    pub body: String,
    /// Only noted, never sent: the hook is in shadow mode.
    pub shadow: bool,
}

/// A message that waits for its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Place in the outbox: the order of handing out.
    pub place: i64,
    /// The message.
    pub row: OutboxRow,
    /// Attempts made so far.
    pub attempts: u32,
    /// Not before this time.
    pub due: Nanos,
    /// A person asked for it again.
    pub resent: bool,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Message id.
    pub message: String,
    /// Hook.
    pub hook: String,
    /// When it ended.
    pub at: Nanos,
    /// From 1.
    pub attempt: u32,
    /// What follows.
    pub ending: Ending,
    /// Status or error in words.
    pub detail: String,
}

/// What follows an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It arrived.
    Delivered,
    /// It is tried again.
    Retry {
        /// Not before this time.
        due: Nanos,
    },
    /// Nobody tries again unless a person says so.
    Dead,
}

impl Attempt {
    /// What the engine hears once it ended; `None` while it is tried again.
    pub fn report(&self) -> Option<DeliveryReport> {
        (!matches!(self.ending, Ending::Retry { .. })).then(|| DeliveryReport {
            at: self.at,
            message: self.message.clone(),
            hook: self.hook.clone(),
            attempt: self.attempt,
            ok: self.ending == Ending::Delivered,
            detail: self.detail.clone(),
        })
    }
}

/// A row of the outbox for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The message.
    pub row: OutboxRow,
    /// `pending`, `delivered`, `dead` or `shadow`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// When it was last tried; 0 for never.
    pub tried: Nanos,
    /// What came of it.
    pub detail: String,
}

const COLUMNS: &str = "message, hook, seq, at_ns, body, state, attempts, due_ns, tried_ns, detail, place";

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<OutboxRow> {
    Ok(OutboxRow {
        message: row.get(0)?,
        hook: row.get(1)?,
        seq: row.get(2)?,
        at: Nanos(row.get(3)?),
        body: row.get(4)?,
        shadow: row.get::<_, String>(5)? == "shadow",
    })
}

fn pending(from: &rusqlite::Row<'_>) -> rusqlite::Result<Pending> {
    Ok(Pending {
        place: from.get(10)?,
        row: row(from)?,
        attempts: from.get(6)?,
        due: Nanos(from.get(7)?),
        resent: false,
    })
}

fn letter(from: &rusqlite::Row<'_>) -> rusqlite::Result<Letter> {
    Ok(Letter {
        row: row(from)?,
        state: from.get(5)?,
        attempts: from.get(6)?,
        tried: Nanos(from.get(8)?),
        detail: from.get(9)?,
    })
}

/// Adds messages, inside the transaction of their records.
pub(super) fn add(connection: &Connection, messages: &[OutboxRow]) -> rusqlite::Result<()> {
    let mut insert = connection
        .prepare_cached("INSERT INTO outbox (message, hook, seq, at_ns, body, state) VALUES (?, ?, ?, ?, ?, ?)")?;
    for m in messages {
        let state = if m.shadow { "shadow" } else { "pending" };
        insert.execute(params![m.message, m.hook, m.seq, m.at.0, m.body, state])?;
    }
    Ok(())
}

/// Notes how attempts ended.
pub(super) fn note(connection: &Connection, attempts: &[Attempt]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE outbox SET state = ?, attempts = ?, due_ns = ?, tried_ns = ?, detail = ?
         WHERE message = ? AND state = 'pending'",
    )?;
    for a in attempts {
        let (state, due) = match a.ending {
            Ending::Delivered => ("delivered", Nanos(0)),
            Ending::Retry { due } => ("pending", due),
            Ending::Dead => ("dead", Nanos(0)),
        };
        update.execute(params![state, a.attempt, due.0, a.at.0, a.detail, a.message])?;
    }
    Ok(())
}

/// Closes a row once a record says how it ended: a delivered one goes, a dead letter stays for a person.
pub(super) fn record(connection: &Connection, fact: &Fact) -> rusqlite::Result<()> {
    let Fact::Delivered { message, .. } = fact else { return Ok(()) };
    connection
        .prepare_cached("DELETE FROM outbox WHERE message = ? AND state = 'delivered'")?
        .execute(params![message])?;
    connection
        .prepare_cached("UPDATE outbox SET recorded = 1 WHERE message = ? AND state = 'dead'")?
        .execute(params![message])?;
    Ok(())
}

impl Reader {
    /// Messages a hook owes, in order, behind `place`.
    pub fn pending(&self, hook: &str, place: i64, limit: usize) -> Result<Vec<Pending>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE hook = ? AND state = 'pending' AND place > ? ORDER BY place LIMIT ?"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![hook, place, limit as u64], pending)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Deliveries that ended without a record of it: the daemon died in between.
    pub fn unrecorded(&self) -> Result<Vec<DeliveryReport>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE state IN ('delivered', 'dead') AND recorded = 0 ORDER BY place"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map([], letter)?;
        Ok(rows.map(|found| found.map(Letter::report)).collect::<rusqlite::Result<_>>()?)
    }

    /// Rows in one state (`pending`, `delivered`, `dead`, `shadow`), newest first.
    pub fn letters(&self, state: &str, limit: usize) -> Result<Vec<Letter>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM outbox WHERE state = ? ORDER BY place DESC LIMIT ?");
        let mut statement = self.connection.prepare(&sql)?;
        let rows = statement.query_map(params![state, limit as u64], letter)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

impl Letter {
    fn report(self) -> DeliveryReport {
        DeliveryReport {
            at: self.tried,
            message: self.row.message,
            hook: self.row.hook,
            attempt: self.attempts,
            ok: self.state == "delivered",
            detail: self.detail,
        }
    }
}

impl Store {
    /// Makes a dead letter pending again, under its old id; `None` when there is no such dead letter.
    pub fn resend(&mut self, message: &str) -> Result<Option<Pending>, StoreError> {
        self.guarded(|connection, _| {
            let sql = format!(
                "UPDATE outbox SET state = 'pending', attempts = 0, due_ns = 0, recorded = 0
                 WHERE message = ? AND state = 'dead' RETURNING {COLUMNS}"
            );
            let transaction = connection.transaction()?;
            let found = transaction.query_row(&sql, [message], pending).optional()?;
            transaction.commit()?;
            Ok(found.map(|pending| Pending { resent: true, ..pending }))
        })
    }

    /// Turns what is owed to hooks outside `armed` into dead letters: nobody would ever send it.
    pub fn bury_others(&mut self, armed: &[String], at: Nanos) -> Result<(), StoreError> {
        self.guarded(|connection, _| {
            let transaction = connection.transaction()?;
            let owing: Vec<String> = transaction
                .prepare("SELECT DISTINCT hook FROM outbox WHERE state = 'pending'")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for hook in owing.iter().filter(|hook| !armed.contains(hook)) {
                transaction.execute(
                    "UPDATE outbox SET state = 'dead', tried_ns = ?, detail = 'hook is not armed'
                     WHERE hook = ? AND state = 'pending'",
                    params![at.0, hook],
                )?;
            }
            Ok(transaction.commit()?)
        })
    }

    /// Forgets shadow rows and recorded dead letters from before `before`.
    pub fn prune_outbox(&mut self, before: Nanos) -> Result<usize, StoreError> {
        self.guarded(|connection, _| {
            let sql = "DELETE FROM outbox WHERE at_ns < ? AND (state = 'shadow' OR (state = 'dead' AND recorded = 1))";
            Ok(connection.execute(sql, [before.0])?)
        })
    }
}
