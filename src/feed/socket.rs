//! The shell around a session: a real WebSocket, a clock, and log lines. All decisions are the session's.

use std::future::{Future, pending};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::clock::Clock;
use super::session::{Action, Counters, Session, SessionInput, printable};
use super::trust::{Trust, explain};
use super::venue::FRAME_MAX;
use crate::engine::{FeedReport, FeedState, Input};
use crate::event::Nanos;

/// Where a session's inputs go. The driver owns the channel and what happens when it is full.
pub trait Sink: Send {
    /// Takes an input; `Break` ends the session.
    fn input(&mut self, input: Input) -> ControlFlow<()>;

    /// Takes a frame as it came, before it is decoded: for recordings.
    fn frame(&mut self, recv_at: Nanos, text: &str) {
        let _ = (recv_at, text);
    }

    /// Takes the counts, after every wake.
    fn counters(&mut self, counters: &Counters) {
        let _ = counters;
    }
}

impl<F: FnMut(Input) -> ControlFlow<()> + Send> Sink for F {
    fn input(&mut self, input: Input) -> ControlFlow<()> {
        self(input)
    }
}

/// A URL that is never connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadUrl {
    /// Not a WebSocket URL.
    Shape(String),
    /// Plain text over a network.
    Plain(String),
}

impl std::fmt::Display for BadUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Shape(url) => write!(f, "{url}: must be wss://host/path"),
            Self::Plain(url) => write!(f, "{url}: plain ws:// goes to loopback only (use wss://)"),
        }
    }
}

impl std::error::Error for BadUrl {}

/// Whether `url` may be connected to: `wss://` anywhere, `ws://` to this machine.
pub fn check_url(url: &str) -> Result<(), BadUrl> {
    let shape = || BadUrl::Shape(printable(url));
    let uri: Uri = url.parse().map_err(|_| shape())?;
    let host = uri.host().ok_or_else(shape)?;
    match uri.scheme_str() {
        Some("wss") => Ok(()),
        Some("ws") if is_loopback(host) => Ok(()),
        Some("ws") => Err(BadUrl::Plain(printable(url))),
        _ => Err(shape()),
    }
}

/// Addresses only: a name, even `localhost`, means what somebody's resolver says.
fn is_loopback(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Frames handled in one wake before timers and shutdown are looked at again.
const WAKE_MAX: usize = 1024;
/// A peer that does not read our few bytes for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(5);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Connecting = Pin<Box<dyn Future<Output = Result<Stream, String>> + Send>>;

enum Line {
    Down,
    Connecting(Connecting),
    Up(Box<Stream>),
}

/// Drives `session` until `shutdown` or until the sink breaks. A server that `trust` does not cover, and an address that may
/// not be connected to, are losses like any other: told as `Down` with the reason, and tried again after the pause.
pub async fn run(
    session: Session,
    trust: Trust,
    clock: Arc<dyn Clock>,
    sink: &mut impl Sink,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let mut shell = Shell { name: session.name(), session, trust, clock, sink, line: Line::Down, outbox: Vec::new() };
    let mut flow = shell.happen(SessionInput::Tick);
    while flow.is_continue() {
        shell.flush().await;
        shell.sink.counters(&shell.session.counters());
        let nap = shell.clock.wait(shell.session.deadline());
        flow = tokio::select! {
            biased;
            () = &mut shutdown => break,
            news = shell.line.next() => shell.take_all(news),
            () = tokio::time::sleep(nap) => shell.happen(SessionInput::Tick),
        };
    }
}

/// News of a line.
enum News {
    Opened(Box<Stream>),
    Came(Message),
    Lost(String),
}

impl Line {
    async fn next(&mut self) -> News {
        match self {
            Self::Down => pending().await,
            Self::Connecting(connecting) => match connecting.await {
                Ok(stream) => News::Opened(Box::new(stream)),
                Err(why) => News::Lost(why),
            },
            Self::Up(stream) => match stream.next().await {
                Some(Ok(message)) => News::Came(message),
                Some(Err(fault)) => News::Lost(fault.to_string()),
                None => News::Lost("the connection ended".to_owned()),
            },
        }
    }
}

struct Shell<'s, S: Sink> {
    name: String,
    session: Session,
    trust: Trust,
    clock: Arc<dyn Clock>,
    sink: &'s mut S,
    line: Line,
    outbox: Vec<Message>,
}

impl<S: Sink> Shell<'_, S> {
    /// Takes these news and every complete frame that is there already.
    fn take_all(&mut self, first: News) -> ControlFlow<()> {
        self.take(first)?;
        for _ in 0..WAKE_MAX {
            match self.line.next().now_or_never() {
                Some(news) => self.take(news)?,
                None => break,
            }
        }
        ControlFlow::Continue(())
    }

    fn take(&mut self, news: News) -> ControlFlow<()> {
        match news {
            News::Opened(stream) => {
                self.line = Line::Up(stream);
                self.happen(SessionInput::Opened)
            }
            News::Came(Message::Text(text)) => {
                self.sink.frame(self.clock.now(), text.as_str());
                self.happen(SessionInput::Frame(text.as_bytes()))
            }
            News::Came(Message::Binary(bytes)) => self.happen(SessionInput::Frame(&bytes)),
            News::Came(Message::Ping(_)) => self.happen(SessionInput::Ping),
            News::Came(Message::Close(frame)) => {
                let why = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                self.lose(&format!("the venue closed the connection{why}"))
            }
            News::Came(Message::Pong(_) | Message::Frame(_)) => ControlFlow::Continue(()),
            News::Lost(why) => self.lose(&why),
        }
    }

    fn lose(&mut self, why: &str) -> ControlFlow<()> {
        if let Line::Up(stream) = std::mem::replace(&mut self.line, Line::Down) {
            tokio::spawn(part(stream, std::mem::take(&mut self.outbox)));
        }
        self.happen(SessionInput::Lost(why))
    }

    /// Tells the session and obeys it.
    fn happen(&mut self, input: SessionInput) -> ControlFlow<()> {
        self.session.handle(self.clock.now(), input);
        while let Some(action) = self.session.poll() {
            match action {
                Action::Connect { url } => self.line = Line::Connecting(Box::pin(connect(url, self.trust.clone()))),
                Action::Send(text) => self.outbox.push(Message::text(text)),
                Action::Ping => self.outbox.push(Message::Ping(Vec::new().into())),
                Action::Close => {
                    self.line = Line::Down;
                    self.outbox.clear();
                }
                Action::Emit(input) => {
                    if let Input::Feed(report) = &input {
                        log(&self.name, report);
                    }
                    self.sink.input(input)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Sends what waits. A failure shows at the next read, which is where losses are handled.
    async fn flush(&mut self) {
        for message in self.outbox.drain(..) {
            if let Line::Up(stream) = &mut self.line {
                let sent = tokio::time::timeout(SEND_WITHIN, stream.send(message)).await;
                if !matches!(sent, Ok(Ok(()))) {
                    self.line = Line::Connecting(Box::pin(async { Err(Error::ConnectionClosed.to_string()) }));
                    break;
                }
            }
        }
    }
}

/// Leaves a line as the protocol wants it: what was still to be said, the answer to the other side's closing, and then its end. A
/// line that is dead keeps nobody waiting for it.
async fn part(mut stream: Box<Stream>, unsent: Vec<Message>) {
    let parting = async {
        for message in unsent {
            let _ = stream.feed(message).await;
        }
        let _ = stream.close(None).await;
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = tokio::time::timeout(SEND_WITHIN, parting).await;
}

async fn connect(url: String, trust: Trust) -> Result<Stream, String> {
    check_url(&url).map_err(|bad| bad.to_string())?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
        .write_buffer_size(4 << 10)
        .max_write_buffer_size(256 << 10);
    // A connector is only asked where the URL says `wss`.
    let connector = url.starts_with("wss:").then(|| Connector::Rustls(trust.client()));
    let connected = connect_async_tls_with_config(url, Some(limits), true, connector).await;
    connected.map(|(stream, _)| stream).map_err(|fault| explain(&fault))
}

/// One line a change of state; the session made the words safe.
fn log(feed: &str, report: &FeedReport) {
    match report.state {
        FeedState::Down | FeedState::Gap | FeedState::Overflow | FeedState::Late => {
            tracing::warn!(feed, state = report.state.name(), "{}", report.why);
        }
        FeedState::Connecting | FeedState::Subscribed | FeedState::Delivering => {
            tracing::info!(feed, state = report.state.name(), "{}", report.why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_goes_to_this_machine_only() {
        for url in ["wss://fstream.binance.com/market/stream", "ws://127.0.0.1:8080/ws", "ws://[::1]:9/stream"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in ["ws://fstream.binance.com/ws", "ws://localhost:80/ws", "ws://127.0.0.1.evil.com/", "ws://10.0.0.1/"]
        {
            assert_eq!(check_url(url), Err(BadUrl::Plain(url.to_owned())), "{url}");
        }
        for url in ["", "http://127.0.0.1/", "fstream.binance.com", "wss://"] {
            assert_eq!(check_url(url), Err(BadUrl::Shape(url.to_owned())), "{url}");
        }
    }
}
