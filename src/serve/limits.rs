//! A listener with a limited number of seats, and a stream that runs out of patience.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// Most connections at a time; further ones wait at the door.
pub(super) const SEATS: usize = 64;

/// How long a request may take to arrive, and an answer to be read on; an idle connection is closed after as long.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Longest life of a connection, whatever it does.
const LIFE: Duration = Duration::from_secs(60);

/// A listener that has so many seats.
pub(super) struct Door {
    listener: TcpListener,
    seats: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, seats: Arc::new(Semaphore::new(SEATS)) }
    }
}

impl axum::serve::Listener for Door {
    type Io = Visit;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visit, SocketAddr) {
        loop {
            let seat = Arc::clone(&self.seats).acquire_owned().await;
            match (self.listener.accept().await, seat) {
                (Ok((stream, address)), Ok(seat)) => return (Visit::new(stream, seat), address),
                // Out of file descriptors, or a visitor that left in the doorway.
                _ => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that reads as timed out when nothing was written for [`PATIENCE`], however steadily bytes drip in.
pub(super) struct Visit {
    stream: TcpStream,
    patience: Pin<Box<Sleep>>,
    end: Instant,
    _seat: OwnedSemaphorePermit,
}

impl Visit {
    fn new(stream: TcpStream, seat: OwnedSemaphorePermit) -> Self {
        let now = Instant::now();
        Self { stream, patience: Box::pin(sleep_until(now + PATIENCE)), end: now + LIFE, _seat: seat }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.patience.as_mut().poll(cx).is_ready() { Err(ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Visit {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let visit = self.get_mut();
        visit.check(cx)?;
        Pin::new(&mut visit.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Visit {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let visit = self.get_mut();
        visit.check(cx)?;
        let written = Pin::new(&mut visit.stream).poll_write(cx, buf);
        if matches!(written, Poll::Ready(Ok(count)) if count > 0) {
            visit.patience.as_mut().reset(visit.end.min(Instant::now() + PATIENCE));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
