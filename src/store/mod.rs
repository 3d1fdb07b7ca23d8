//! The store of record: `SQLite` in WAL mode, every commit on disk before it is acknowledged, records chained by hash.
//!
//! One [`Store`] writes, guarded by a lock file; any number of [`Reader`]s look. A commit is one transaction: records, the
//! messages that follow from them, how deliveries went, and the projections a restart reads. A fault is never retried
//! here: the [`Store`] refuses everything after it, and its owner closes the gate.
//!
//! ```text
//! fusewire.db       records   seq, at_ns, fact, incident, body, hash   append-only (triggers), hash over previous ‖ seq ‖ at ‖ body
//!                   head      the last seq and its hash                a cut tail shows
//!                   breakers  scope, rule  -> seq of the last fact     projections: foldable from records, compared by verify
//!                   permissions market     -> seq of the last fact
//!                   incidents id           -> first and last seq, open
//!                   outbox    message, hook, seq, body, state, due     what hooks still owe
//!                   snapshots seq, at_ns, body, hash                   the engine's state, the last two
//!                   meta      instance                                 random, so that message ids never repeat
//! fusewire.db.lock  flock of the one writer, with its pid
//! ```

mod error;
mod export;
mod lane;
mod lock;
mod outbox;
mod place;
mod projection;
mod reader;
mod rows;
mod schema;
mod snapshot;
pub mod thread;
mod verify;
mod writer;

pub use error::StoreError;
pub use outbox::{Attempt, Ending, Letter, OutboxRow, Pending};
pub use reader::Reader;
pub use rows::{Filter, Row, Rows};
pub use snapshot::Snapshot;
pub use verify::{Broken, Verified};
pub use writer::{Batch, Store};

/// Name of the database inside the store's directory.
pub const FILE: &str = "fusewire.db";
