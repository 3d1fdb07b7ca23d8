//! One client: the handshake, its requests, the frames it asked for, and pings.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config};

use super::hall::Hall;
use super::protocol::{Ask, Door, Outcome, Protocol};
use crate::event::Nanos;
use crate::feed::clock::Clock;
use crate::feed::venue::FRAME_MAX;

/// Time for a handshake, and for a client to take what is written.
const PATIENCE: Duration = Duration::from_secs(5);
/// Frames written before the socket is flushed.
const BURST: usize = 256;

/// Serves a client until it goes, is too slow, asks too often, or is put out.
pub(super) async fn serve(stream: TcpStream, hall: Arc<Hall>, clock: Arc<dyn Clock>) {
    // Small frames leave at once; a failure only costs time.
    let _ = stream.set_nodelay(true);
    let Some((socket, door)) = shake_hands(stream, hall.protocol).await else { return };
    let streams = door.streams.clone();
    let (id, queue) = hall.enter(door);
    hall.subscribe(id, streams);
    // However the client goes, it is gone.
    let _ = talk(socket, queue, &Desk { hall: &hall, clock: &*clock, id }).await;
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

/// What a client's requests are answered with.
struct Desk<'d> {
    hall: &'d Hall,
    clock: &'d dyn Clock,
    id: u64,
}

async fn talk(
    mut socket: WebSocketStream<TcpStream>,
    mut queue: mpsc::Receiver<Message>,
    desk: &Desk<'_>,
) -> Result<(), Error> {
    let mut pings = tokio::time::interval(desk.hall.options.ping_every.max(Duration::from_millis(1)));
    let mut asked = VecDeque::new();
    let mut burst = Vec::new();
    loop {
        tokio::select! {
            biased;
            request = socket.next() => match request {
                Some(Ok(Message::Text(text))) => {
                    if desk.asks_too_often(&mut asked) {
                        return socket.close(None).await;
                    }
                    write(&mut socket, desk.answer(&text).into_iter().map(Message::text)).await?;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => write(&mut socket, [Message::Ping(Bytes::new())]).await?,
            count = queue.recv_many(&mut burst, BURST) => {
                if count == 0 {
                    return Ok(());
                }
                write(&mut socket, burst.drain(..)).await?;
            }
        }
    }
}

async fn write(
    socket: &mut WebSocketStream<TcpStream>,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), Error> {
    let written = async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    };
    timeout(PATIENCE, written).await.unwrap_or(Err(Error::ConnectionClosed))
}

impl Desk<'_> {
    fn answer(&self, text: &str) -> Vec<String> {
        let protocol = self.hall.protocol;
        let request = match protocol.read(text) {
            Ok(request) => request,
            Err(answer) => return vec![answer],
        };
        match &request.ask {
            Ask::Subscribe(streams) => {
                if let Some(stream) = streams.iter().find(|stream| self.hall.options.refused.contains(stream)) {
                    return protocol.answer(&request, Outcome::NoSuch(stream));
                }
                self.hall.subscribe(self.id, streams.clone());
                protocol.answer(&request, Outcome::Done)
            }
            Ask::Unsubscribe(streams) => {
                self.hall.unsubscribe(self.id, streams);
                protocol.answer(&request, Outcome::Done)
            }
            Ask::List => protocol.answer(&request, Outcome::Listed(&self.hall.subscriptions(self.id))),
        }
    }

    /// Notes a message; whether the last second of the venue's clock has seen too many.
    fn asks_too_often(&self, asked: &mut VecDeque<Nanos>) -> bool {
        let now = self.clock.now();
        asked.push_back(now);
        if asked.len() <= self.hall.options.messages_per_sec {
            return false;
        }
        asked.pop_front().is_some_and(|first| now.0 - first.0 < Nanos::SECOND)
    }
}
