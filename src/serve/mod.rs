//! What the daemon serves: metrics and health over HTTP, and a control socket for operators.

use std::sync::Arc;
use std::time::Duration;

use crate::engine::Action;
use crate::metrics::Vitals;
use crate::record::Who;

/// What stands behind the served pages: the running daemon, or a test.
pub trait Backend: Send + Sync {
    /// The latest copy of what the engine shows.
    fn vitals(&self) -> Arc<Vitals>;

    /// Whether every feed delivers, every market is past its start, and the store writes; the fault otherwise.
    fn ready(&self) -> Result<(), String>;

    /// Puts a request before the engine and waits for its answer, which comes once it is on disk.
    fn ask(&self, who: Who, reason: String, action: Action, patience: Duration) -> Result<String, String>;
}
