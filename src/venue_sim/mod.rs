//! A venue on loopback: speaks the venue's own WebSocket protocol and plays a recording by a clock, with faults on demand.
//!
//! The demonstration and the session tests run against it, so that the whole way from socket to event is the real one.

mod connection;
mod desk;
mod fault;
mod garbage;
mod hall;
mod laps;
mod player;
mod protocol;
mod rewrite;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

pub use self::fault::{Drawn, Fault, FaultKind, Faults};
use self::hall::Hall;
pub use self::hall::Progress;
pub use self::laps::endless;
use crate::event::Nanos;
use crate::feed::clock::Clock;
use crate::feed::venue::{BINANCE_COINM, VenueRef};

/// How the venue behaves.
#[derive(Clone, Debug)]
pub struct VenueOptions {
    /// Where to listen. Port 0 takes any free one.
    pub listen: SocketAddr,
    /// Whether it may listen elsewhere than on loopback.
    pub allow_remote: bool,
    /// The venue it pretends to be.
    pub venue: VenueRef,
    /// Whether clients live in the machine's time: frames are dated now, and what is demanded of clients is measured by it.
    pub live: bool,
    /// Pause between pings of the WebSocket protocol, by the machine's time; the venue's own beats come at least as often.
    pub ping_every: Duration,
    /// Frames that may wait for one client; a slower one is disconnected.
    pub queue_max: usize,
    /// Messages a client may send in a second; one that sends more is disconnected. The venue's own limit by default.
    pub messages_per_sec: Option<usize>,
    /// Streams that are refused when asked for.
    pub refused: Vec<String>,
    /// Streams that are acknowledged and never delivered.
    pub silent: Vec<String>,
    /// What goes wrong.
    pub faults: Faults,
}

impl Default for VenueOptions {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            allow_remote: false,
            venue: BINANCE_COINM,
            live: false,
            ping_every: Duration::from_secs(20),
            queue_max: 8192,
            messages_per_sec: None,
            refused: Vec::new(),
            silent: Vec::new(),
            faults: Faults::default(),
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
        if !options.allow_remote && !options.listen.ip().is_loopback() {
            return Err(io::Error::other(format!("{}: a pretended venue listens on loopback only", options.listen)));
        }
        let protocol = protocol::of(options.venue.clone())
            .ok_or_else(|| io::Error::other(format!("{:?}: no protocol of this venue is known", options.venue)))?;
        let limit = options.venue.limits().messages_per_sec.ceil() as usize;
        let options = VenueOptions { messages_per_sec: options.messages_per_sec.or(Some(limit)), ..options };
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
                    () = weather(&inside, &*clock) => {}
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

/// Lets faults that are instants happen.
async fn weather(hall: &Hall, clock: &dyn Clock) {
    let mut before = f64::NEG_INFINITY;
    loop {
        if let Some(secs) = hall.since_start(clock) {
            hall.pass(before, secs, hall.now(clock));
            before = secs;
        }
        tokio::time::sleep(connection::LOOK).await;
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that nobody is left to stop us, which is a reason to stop.
    let _ = stopped.wait_for(|stop| *stop).await;
}
