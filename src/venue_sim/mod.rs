//! A venue on loopback: speaks the venue's own WebSocket protocol and plays a recording by a clock, with faults on demand.
//!
//! The demonstration and the session tests run against it, so that the whole way from socket to event is the real one.

mod connection;
mod hall;
mod player;
mod protocol;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use self::hall::Hall;
pub use self::hall::Progress;
use crate::event::Nanos;
use crate::feed::clock::Clock;

/// How the venue behaves.
#[derive(Clone, Debug)]
pub struct VenueOptions {
    /// Where to listen: loopback, or it does not start. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// The venue it pretends to be.
    pub venue: &'static str,
    /// Pause between pings, by the machine's time.
    pub ping_every: Duration,
    /// Frames that may wait for one client; a slower one is disconnected.
    pub queue_max: usize,
    /// Messages a client may send in a second of the venue's clock; one that sends more is disconnected.
    pub messages_per_sec: usize,
    /// Streams that are refused when asked for.
    pub refused: Vec<String>,
    /// Streams that are acknowledged and never delivered.
    pub silent: Vec<String>,
}

impl Default for VenueOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            venue: "binance-coinm",
            ping_every: Duration::from_secs(20),
            queue_max: 8192,
            messages_per_sec: 10,
            refused: Vec::new(),
            silent: Vec::new(),
        }
    }
}

/// A venue that is open. Dropping it closes it.
pub struct VenueServer {
    addr: SocketAddr,
    hall: Arc<Hall>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl VenueServer {
    /// Opens a venue that plays `frames` (as the venue sends them, with their times, in order) by `clock`.
    pub fn start(
        frames: impl Iterator<Item = (Nanos, String)> + Send + 'static,
        clock: Arc<dyn Clock>,
        options: VenueOptions,
    ) -> io::Result<Self> {
        if !options.listen.ip().is_loopback() {
            return Err(io::Error::other(format!("{}: a pretended venue listens on loopback only", options.listen)));
        }
        let protocol = protocol::find(options.venue)
            .ok_or_else(|| io::Error::other(format!("{}: no protocol of this venue is known", options.venue)))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(options.listen))?;
        let addr = listener.local_addr()?;
        let hall = Arc::new(Hall::new(options, protocol));
        let (stop, stopped) = watch::channel(false);
        let inside = Arc::clone(&hall);
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = welcome(listener, &inside, &clock) => {}
                    () = player::play(frames, &inside, &*clock) => {}
                    () = until(stopped) => {}
                }
            });
            inside.close();
        };
        let thread = std::thread::Builder::new().name("venue-sim".to_owned()).spawn(work)?;
        Ok(Self { addr, hall, stop, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What stands in for the venue's own scheme and host.
    pub fn base(&self) -> String {
        format!("ws://{}", self.addr)
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.hall.progress()
    }

    /// Holds back (and drops) all data while pings go on; or lets it flow again.
    pub fn stall(&self, on: bool) {
        self.hall.stall(on);
    }

    /// Cuts every connection that is open.
    pub fn drop_connections(&self) {
        self.hall.close();
    }

    /// Closes it and waits until it is closed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // Fails only when the thread has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for VenueServer {
    fn drop(&mut self) {
        self.end();
    }
}

async fn welcome(listener: TcpListener, hall: &Arc<Hall>, clock: &Arc<dyn Clock>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection::serve(stream, Arc::clone(hall), Arc::clone(clock)));
            }
            // Out of file descriptors, most likely: let some go.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left to stop us, which is a reason to stop.
    let _ = stopped.wait_for(|stop| *stop).await;
}
