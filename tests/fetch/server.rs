//! A web server on loopback that answers by a script, well or ill, and keeps what it was asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// All of it, or the part that was asked for.
    Whole(Vec<u8>),
    /// All of it, whatever part was asked for.
    NoRanges(Vec<u8>),
    /// As `Whole`, but the connection closes after so many bytes of it.
    CutAfter(usize, Vec<u8>),
    /// As `Whole`, but after so many bytes of it nothing more comes.
    StallAfter(usize, Vec<u8>),
    /// As `Whole`, in pieces of so many bytes with pauses of so many milliseconds.
    Slow(usize, u64, Vec<u8>),
    /// All of it, without saying how long it is.
    Chunked(Vec<u8>),
    /// A status with a header line.
    Status(u16, &'static str),
    /// Another place.
    Elsewhere(String),
}

/// A request as it came: its path, and its `range` where it had one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) range: Option<String>,
}

type Script = BTreeMap<String, Vec<Reply>>;

/// What is shared with the threads of the connections.
struct Shared {
    script: Mutex<Script>,
    requests: Mutex<Vec<Request>>,
}

pub(crate) struct Server {
    port: u16,
    shared: Arc<Shared>,
}

impl Server {
    /// Answers each path by its replies in turn, the last one again and again; every other path by 404.
    pub(crate) fn new<'a>(script: impl IntoIterator<Item = (&'a str, Vec<Reply>)>) -> Self {
        let script = script.into_iter().map(|(path, replies)| (format!("/{path}"), replies)).collect();
        let shared = Arc::new(Shared { script: Mutex::new(script), requests: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&seen);
                std::thread::spawn(move || shared.serve(stream.try_clone().expect("a socket"), stream));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic").clone()
    }

    /// The parts that were asked for of a path, `-` where it was the whole.
    pub(crate) fn ranges(&self, path: &str) -> Vec<String> {
        let of_path = self.requests().into_iter().filter(|request| request.path == format!("/{path}"));
        of_path.map(|request| request.range.unwrap_or_else(|| "-".to_owned())).collect()
    }

    /// Serves one connection that somebody else took, as one inside TLS.
    pub(crate) fn serve(&self, stream: impl Read + Write) {
        let mut stream = BufReader::new(stream);
        if let Some(request) = read_request(&mut stream) {
            let _ = self.shared.answer(&request, stream.get_mut());
        }
    }
}

impl Shared {
    fn serve(&self, read: TcpStream, mut write: TcpStream) {
        if let Some(request) = read_request(&mut BufReader::new(read)) {
            // A client may leave whenever it likes.
            let _ = self.answer(&request, &mut write);
        }
    }

    fn answer(&self, request: &Request, out: &mut impl Write) -> std::io::Result<()> {
        self.requests.lock().expect("no panic").push(request.clone());
        let reply = {
            let mut script = self.script.lock().expect("no panic");
            match script.get_mut(&request.path) {
                Some(replies) if replies.len() > 1 => replies.remove(0),
                Some(replies) => replies[0].clone(),
                None => Reply::Status(404, "x-nothing: here"),
            }
        };
        let from = request.range.as_deref().and_then(first_byte).unwrap_or(0);
        match reply {
            Reply::Whole(body) => part(out, &body, from, Write::write_all),
            Reply::NoRanges(body) => part(out, &body, 0, Write::write_all),
            Reply::CutAfter(count, body) => part(out, &body, from, |out, rest| out.write_all(&rest[..count])),
            Reply::StallAfter(count, body) => part(out, &body, from, |out, rest| {
                out.write_all(&rest[..count])?;
                out.flush()?;
                std::thread::sleep(Duration::from_secs(30));
                Ok(())
            }),
            Reply::Slow(piece, millis, body) => part(out, &body, from, |out, rest| {
                for piece in rest.chunks(piece) {
                    out.write_all(piece)?;
                    out.flush()?;
                    std::thread::sleep(Duration::from_millis(millis));
                }
                Ok(())
            }),
            Reply::Chunked(body) => {
                write!(out, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")?;
                for piece in body.chunks(1000) {
                    write!(out, "{:x}\r\n", piece.len())?;
                    out.write_all(piece)?;
                    write!(out, "\r\n")?;
                }
                write!(out, "0\r\n\r\n")
            }
            Reply::Status(code, header) => {
                write!(out, "HTTP/1.1 {code} Said\r\n{header}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            }
            Reply::Elsewhere(place) => {
                write!(out, "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            }
        }?;
        out.flush()
    }
}

/// The head of an answer with the bytes from `from` on, and the body as `send` likes.
fn part<W: Write>(
    out: &mut W,
    body: &[u8],
    from: usize,
    send: impl FnOnce(&mut W, &[u8]) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let total = body.len();
    if from >= total && from > 0 {
        return write!(
            out,
            "HTTP/1.1 416 Behind\r\ncontent-range: bytes */{total}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
    let rest = &body[from..];
    if from > 0 {
        let last = total - 1;
        write!(out, "HTTP/1.1 206 Part\r\ncontent-range: bytes {from}-{last}/{total}\r\n")?;
    } else {
        write!(out, "HTTP/1.1 200 OK\r\n")?;
    }
    write!(out, "content-length: {}\r\nconnection: close\r\n\r\n", rest.len())?;
    send(out, rest)
}

fn first_byte(range: &str) -> Option<usize> {
    range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
}

pub(crate) fn read_request(stream: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut range = None;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let line = line.trim_end();
        if line.is_empty() {
            return Some(Request { path, range });
        }
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("range") {
            range = Some(value.trim().to_owned());
        }
    }
}
