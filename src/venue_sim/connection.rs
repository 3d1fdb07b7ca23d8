//! One client: the handshake, its requests, the frames it asked for, and signs of life.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::desk::Desk;
use super::fault::FaultKind;
use super::hall::{Hall, Word};
use super::protocol::{Door, Protocol};
use super::rewrite::set_number;
use crate::feed::clock::Clock;
use crate::feed::venue::FRAME_MAX;

/// Time for a handshake, and for a client to take what is written.
const PATIENCE: Duration = Duration::from_secs(5);
/// Frames written before the socket is flushed.
const BURST: usize = 256;
/// How often demands, beats and faults are looked at.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// Serves a client until it goes, is too slow, breaks the venue's rules, or is put out.
pub(super) async fn serve(stream: TcpStream, hall: Arc<Hall>, clock: Arc<dyn Clock>) {
    // Small frames leave at once; a failure only costs time.
    let _ = stream.set_nodelay(true);
    while hall.ails(FaultKind::SlowHandshake, &*clock) || hall.ails(FaultKind::HalfOpen, &*clock) {
        tokio::time::sleep(LOOK).await;
    }
    let Some((socket, door)) = shake_hands(stream, &*hall.protocol).await else { return };
    let streams = door.streams.clone();
    let (id, queue) = hall.enter(door);
    hall.subscribe(id, streams);
    let line = Line { socket, mark: hall.protocol.number_mark(), number: 0 };
    // However the client goes, it is gone.
    let _ = talk(line, queue, Desk::new(&hall, &*clock, id)).await;
    hall.leave(id);
}

async fn shake_hands(stream: TcpStream, protocol: &dyn Protocol) -> Option<(WebSocketStream<TcpStream>, Door)> {
    let mut door = None;
    #[allow(clippy::result_large_err, reason = "the shape of the library's callback")]
    let look = |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
        door = protocol.door(request.uri().path(), request.uri().query());
        if door.is_some() {
            return Ok(response);
        }
        let mut refusal = ErrorResponse::new(Some("no such path".to_owned()));
        *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::NOT_FOUND;
        Err(refusal)
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
        .max_write_buffer_size(4 << 20);
    let shaken = timeout(PATIENCE, accept_hdr_async_with_config(stream, look, Some(limits))).await;
    Some((shaken.ok()?.ok()?, door?))
}

async fn talk(mut line: Line, mut queue: mpsc::Receiver<Word>, mut desk: Desk<'_>) -> Result<(), Error> {
    let mut pings = interval(desk.hall.options.ping_every.max(Duration::from_millis(1)));
    let mut looks = interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut burst = Vec::new();
    line.say(desk.greeting()).await?;
    loop {
        if desk.is_dead() {
            return desk.play_dead(&queue).await;
        }
        tokio::select! {
            biased;
            request = line.socket.next() => match request {
                Some(Ok(Message::Text(text))) => match desk.hear(&text) {
                    Some(answers) => line.say(answers).await?,
                    None => return line.socket.close(None).await,
                },
                Some(Ok(Message::Ping(_))) => desk.pinged(),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => line.write([Message::Ping(Bytes::new())]).await?,
            _ = looks.tick() => {
                if desk.is_disappointed() {
                    return line.socket.close(None).await;
                }
                line.say(desk.beats()).await?;
            }
            count = queue.recv_many(&mut burst, BURST) => {
                if count == 0 || !line.obey(&mut burst).await? {
                    return Ok(());
                }
            }
        }
    }
}

/// The way to a client.
struct Line {
    socket: WebSocketStream<TcpStream>,
    /// What stands before the number of a message, where the venue numbers them.
    mark: Option<&'static str>,
    /// The number of the next message.
    number: u64,
}

impl Line {
    /// Does as it is told; whether the line is still there.
    async fn obey(&mut self, words: &mut Vec<Word>) -> Result<bool, Error> {
        let (mut messages, mut end) = (Vec::with_capacity(words.len()), None);
        for word in words.drain(..) {
            match word {
                Word::Say(text) => messages.push(self.numbered(text)),
                Word::Lose => self.number += 1,
                Word::Close | Word::Reset => {
                    end = Some(word);
                    break;
                }
            }
        }
        self.write(messages).await?;
        match end {
            None => return Ok(true),
            Some(Word::Reset) => self.socket.get_ref().set_zero_linger()?,
            Some(_) => self.socket.close(None).await?,
        }
        Ok(false)
    }

    async fn say(&mut self, texts: Vec<String>) -> Result<(), Error> {
        let messages: Vec<_> = texts.into_iter().map(|text| self.numbered(text.into())).collect();
        if messages.is_empty() { Ok(()) } else { self.write(messages).await }
    }

    fn numbered(&mut self, text: Utf8Bytes) -> Message {
        let Some(mark) = self.mark.filter(|mark| text.contains(mark)) else { return Message::Text(text) };
        let numbered = set_number(&text, mark, self.number);
        self.number += 1;
        Message::text(numbered)
    }

    async fn write(&mut self, messages: impl IntoIterator<Item = Message>) -> Result<(), Error> {
        let written = async {
            for message in messages {
                self.socket.feed(message).await?;
            }
            self.socket.flush().await
        };
        timeout(PATIENCE, written).await.unwrap_or(Err(Error::ConnectionClosed))
    }
}
