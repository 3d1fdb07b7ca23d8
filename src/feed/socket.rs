//! The shell around a feed: real sockets, a clock, and log lines. All decisions are the relay's and its sessions'.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::clock::Clock;
use super::session::{Action, Counters, Relay, RelayAction, SessionInput, Standing, printable};
use super::trust::{Trust, explain};
use super::turnstile::Turnstile;
use super::venue::FRAME_MAX;
use crate::engine::{FeedReport, FeedState, Input};
use crate::event::Nanos;

/// Where a session's inputs go. The driver owns the channel and what happens when it is full.
pub trait Sink: Send {
    /// Takes an input; `Break` ends the session.
    fn input(&mut self, input: Input) -> ControlFlow<()>;

    /// Takes a frame as it came, before it is decoded: for recordings. Where several connections bring the same, those of one.
    fn frame(&mut self, recv_at: Nanos, text: &str) {
        let _ = (recv_at, text);
    }

    /// Takes the counts and where the feed stands, after every wake.
    fn counters(&mut self, counters: &Counters, standing: Standing) {
        let _ = (counters, standing);
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

#[derive(Default)]
enum Line {
    #[default]
    Down,
    Connecting(Connecting),
    Up(Box<Stream>),
}

/// What several feeds of a venue share.
#[derive(Clone)]
pub struct Door {
    /// Whom to believe.
    pub trust: Trust,
    /// How many new connections the venue takes; as many as one likes where there is none.
    pub turnstile: Option<Arc<Mutex<Turnstile>>>,
}

impl From<Trust> for Door {
    fn from(trust: Trust) -> Self {
        Self { trust, turnstile: None }
    }
}

impl Door {
    /// Books a turn at `now`: how long to wait for it.
    fn wait(&self, now: Nanos) -> i64 {
        let Some(turnstile) = &self.turnstile else { return 0 };
        let turn = turnstile.lock().unwrap_or_else(PoisonError::into_inner).book(now);
        turn.0.saturating_sub(now.0)
    }
}

/// Drives `relay` until `shutdown` or until the sink breaks. A server that `trust` does not cover, and an address that may
/// not be connected to, are losses like any other: told as `Down` with the reason, and tried again after the pause.
pub async fn run(
    relay: Relay,
    door: Door,
    clock: Arc<dyn Clock>,
    sink: &mut impl Sink,
    shutdown: impl Future<Output = ()>,
) {
    let mut shutdown = pin!(shutdown);
    let (lines, outbox) = (std::array::from_fn(|_| Line::Down), Vec::new());
    let mut shell = Shell { name: relay.name(), relay, door, clock, sink, lines, first: 0, outbox };
    let mut flow = shell.happen(0, SessionInput::Tick);
    while flow.is_continue() {
        shell.flush().await;
        shell.sink.counters(&shell.relay.counters(), shell.relay.standing());
        let nap = shell.clock.wait(shell.relay.deadline());
        flow = tokio::select! {
            biased;
            () = &mut shutdown => break,
            (place, news) = shell.next() => shell.take_all(place, news),
            () = tokio::time::sleep(nap) => shell.happen(0, SessionInput::Tick),
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
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<News> {
        match self {
            Self::Down => Poll::Pending,
            Self::Connecting(connecting) => connecting.as_mut().poll(context).map(|done| match done {
                Ok(stream) => News::Opened(Box::new(stream)),
                Err(why) => News::Lost(why),
            }),
            Self::Up(stream) => stream.poll_next_unpin(context).map(|next| match next {
                Some(Ok(message)) => News::Came(message),
                Some(Err(fault)) => News::Lost(fault.to_string()),
                None => News::Lost("the connection ended".to_owned()),
            }),
        }
    }
}

struct Shell<'s, S: Sink> {
    name: String,
    relay: Relay,
    door: Door,
    clock: Arc<dyn Clock>,
    sink: &'s mut S,
    lines: [Line; Relay::PLACES],
    /// The line that is looked at first: each in its turn, so that a busy one starves none.
    first: usize,
    outbox: Vec<(usize, Message)>,
}

impl<S: Sink> Shell<'_, S> {
    /// The next news of any line.
    async fn next(&mut self) -> (usize, News) {
        self.first = (self.first + 1) % Relay::PLACES;
        let (lines, first) = (&mut self.lines, self.first);
        poll_fn(|context| {
            let (before, from) = lines.split_at_mut(first);
            let places = (first..).zip(from).chain((0..).zip(before));
            for (place, line) in places {
                if let Poll::Ready(news) = line.poll(context) {
                    return Poll::Ready((place, news));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Takes these news and every complete frame that is there already.
    fn take_all(&mut self, place: usize, first: News) -> ControlFlow<()> {
        self.take(place, first)?;
        for _ in 0..WAKE_MAX {
            match self.next().now_or_never() {
                Some((place, news)) => self.take(place, news)?,
                None => break,
            }
        }
        // A line that never pauses must not stop the time of the others.
        if self.clock.now() < self.relay.deadline() {
            return ControlFlow::Continue(());
        }
        self.happen(0, SessionInput::Tick)
    }

    fn take(&mut self, place: usize, news: News) -> ControlFlow<()> {
        match news {
            News::Opened(stream) => {
                self.set(place, Line::Up(stream));
                self.happen(place, SessionInput::Opened)
            }
            News::Came(Message::Text(text)) => {
                if self.relay.leads(place) {
                    self.sink.frame(self.clock.now(), text.as_str());
                }
                self.happen(place, SessionInput::Frame(text.as_bytes()))
            }
            News::Came(Message::Binary(bytes)) => self.happen(place, SessionInput::Frame(&bytes)),
            News::Came(Message::Ping(_)) => self.happen(place, SessionInput::Ping),
            News::Came(Message::Close(frame)) => {
                let why = frame.map_or_else(String::new, |frame| format!(": {frame}"));
                self.lose(place, &format!("the venue closed the connection{why}"))
            }
            News::Came(Message::Pong(_) | Message::Frame(_)) => ControlFlow::Continue(()),
            News::Lost(why) => self.lose(place, &why),
        }
    }

    fn lose(&mut self, place: usize, why: &str) -> ControlFlow<()> {
        if let Some(line) = self.lines.get_mut(place)
            && let Line::Up(stream) = std::mem::replace(line, Line::Down)
        {
            let (own, others) = std::mem::take(&mut self.outbox).into_iter().partition(|(of, _)| *of == place);
            self.outbox = others;
            tokio::spawn(part(stream, own.into_iter().map(|(_, message)| message).collect()));
        }
        self.set(place, Line::Down);
        self.happen(place, SessionInput::Lost(why))
    }

    /// Whatever was to be sent on the old line is not for the new one.
    fn set(&mut self, place: usize, line: Line) {
        self.outbox.retain(|(of, _)| *of != place);
        if let Some(slot) = self.lines.get_mut(place) {
            *slot = line;
        }
    }

    /// Tells the relay and obeys it.
    fn happen(&mut self, place: usize, input: SessionInput) -> ControlFlow<()> {
        self.relay.handle(self.clock.now(), place, input);
        while let Some(action) = self.relay.poll() {
            match action {
                RelayAction::Do { place, action } => self.obey(place, action),
                RelayAction::Emit(input) => {
                    if let Input::Feed(report) = &input {
                        log(&self.name, report);
                    }
                    self.sink.input(input)?;
                }
                RelayAction::Note { place, report } => log(&format!("{} line {place}", self.name), &report),
            }
        }
        ControlFlow::Continue(())
    }

    fn obey(&mut self, place: usize, action: Action) {
        match action {
            Action::Connect { url } => {
                let now = self.clock.now();
                let wait = self.door.wait(now);
                if wait > 0 {
                    self.relay.handle(now, place, SessionInput::Postponed(wait));
                }
                let nap = self.clock.wait(Nanos(now.0.saturating_add(wait)));
                let connecting = connect(url, self.door.trust.clone(), nap);
                self.set(place, Line::Connecting(Box::pin(connecting)));
            }
            Action::Send(text) => self.outbox.push((place, Message::text(text))),
            Action::Ping => self.outbox.push((place, Message::Ping(Vec::new().into()))),
            Action::Close => self.set(place, Line::Down),
            // A relay wraps none of these.
            Action::Emit(_) => {}
        }
    }

    /// Sends what waits. A failure shows at the next read, which is where losses are handled.
    async fn flush(&mut self) {
        for (place, message) in std::mem::take(&mut self.outbox) {
            let Some(Line::Up(stream)) = self.lines.get_mut(place) else { continue };
            let sent = tokio::time::timeout(SEND_WITHIN, stream.send(message)).await;
            if !matches!(sent, Ok(Ok(()))) {
                let gone = Line::Connecting(Box::pin(async { Err(Error::ConnectionClosed.to_string()) }));
                self.set(place, gone);
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

/// After `nap`, the time until the venue takes another connection.
async fn connect(url: String, trust: Trust, nap: Duration) -> Result<Stream, String> {
    tokio::time::sleep(nap).await;
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
        FeedState::Down | FeedState::Gap | FeedState::Overflow | FeedState::Late | FeedState::Thin => {
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
