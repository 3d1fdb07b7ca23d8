//! What the daemon serves: metrics, health and state over HTTP, and a control socket for operators.
//!
//! HTTP only reads; whatever changes something goes through the Unix socket, where the kernel says who asks. Both live on
//! one thread with a runtime of its own, so that no visitor can make the engine, the gate or a hook wait.

pub mod control;
pub mod http;
mod limits;
mod view;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Action;
use crate::metrics::{Readings, Vitals};
use crate::record::Who;

pub use control::Control;
pub use http::Http;
pub use view::{BreakerRow, MarketRow, Status};

/// What stands behind the served pages: the running daemon, or a test.
pub trait Backend: Send + Sync {
    /// The latest copy of what the engine shows.
    fn vitals(&self) -> Arc<Vitals>;

    /// Everything a scrape shows; without help, only what the engine shows.
    fn readings(&self) -> Readings {
        Readings { vitals: self.vitals(), ..Readings::default() }
    }

    /// Whether every feed delivers, every market is past its start, and the store writes; the fault otherwise.
    fn ready(&self) -> Result<(), String>;

    /// Puts a request before the engine and waits for its answer, which comes once it is on disk.
    fn ask(&self, who: Who, reason: String, action: Action, patience: Duration) -> Result<String, String>;
}

/// How long visitors may take to leave when the daemon stops.
const GOODBYE: Duration = Duration::from_secs(2);

/// What is being served; stops when dropped.
#[derive(Debug)]
pub struct Serving {
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Serves what was bound, on a thread of its own.
pub fn start(http: Option<Http>, control: Option<Control>, backend: Arc<dyn Backend>) -> io::Result<Serving> {
    let address = http.as_ref().map(Http::address).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(control::VISITORS_MAX)
        .thread_name("fusewire-ask")
        .build()?;
    let (stop, stopped) = watch::channel(false);
    let work = move || {
        runtime.block_on(async {
            let pages = async {
                if let Some(http) = http {
                    http.run(Arc::clone(&backend), stopped.clone()).await;
                }
            };
            let desk = async {
                if let Some(control) = control {
                    control.run(Arc::clone(&backend), stopped.clone()).await;
                }
            };
            tokio::join!(pages, desk);
        });
        runtime.shutdown_timeout(GOODBYE);
    };
    let thread = std::thread::Builder::new().name("fusewire-serve".to_owned()).spawn(work)?;
    Ok(Serving { address, stop, thread: Some(thread) })
}

impl Serving {
    /// Where HTTP is served.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Lets visitors finish, for a moment, then ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whether the engine still takes inputs (a probe comes every few milliseconds); the fault otherwise.
async fn alive(backend: &dyn Backend) -> Result<(), String> {
    let patience = Duration::from_secs(1);
    if is_younger(backend, patience).await {
        return Ok(());
    }
    Err(format!("the engine has taken no input for {} s", patience.as_secs()))
}

/// Waits until everybody reads a younger copy than now; tells whether one came in time.
async fn is_younger(backend: &dyn Backend, patience: Duration) -> bool {
    let before = backend.vitals().inputs;
    let changed = async {
        while backend.vitals().inputs == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(patience, changed).await.is_ok()
}

/// Ends once the daemon stops.
async fn stopping(mut stopped: watch::Receiver<bool>) {
    // An error means that the other end is gone, and that is a stop too.
    let _ = stopped.wait_for(|stop| *stop).await;
}
