//! The operator's end of the control socket.

use std::fmt;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wire::{Request, Response};

/// How long the daemon may take: longer than it lets the engine and the disk take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Longest answer, bytes.
const ANSWER_MAX: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug)]
pub enum AskError {
    /// Nobody listens there.
    Nobody(PathBuf),
    /// The file's mode keeps us out.
    Forbidden(PathBuf),
    /// It took too long; a change may have been made all the same.
    Slow(PathBuf),
    /// What came back is not an answer: another version listens, or it died in the middle.
    Strange(PathBuf, String),
    /// Something else.
    Io(PathBuf, io::Error),
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody(path) => write!(f, "nobody listens at {}; is `fusewire run` up?", path.display()),
            Self::Forbidden(path) => {
                write!(f, "{}: permission denied; its owner and group may ask, see `ls -l`", path.display())
            }
            Self::Slow(path) => write!(
                f,
                "{}: no answer within {} s; a change may have been made all the same, so look with `fusewire breakers list`",
                path.display(),
                PATIENCE.as_secs()
            ),
            Self::Strange(path, what) => write!(f, "{}: the answer makes no sense: {what}", path.display()),
            Self::Io(path, why) => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for AskError {}

/// Asks the daemon at `socket`, and waits for its answer.
pub fn ask(socket: &Path, request: &Request) -> Result<Response, AskError> {
    let line = exchange(socket, request).map_err(|why| match why.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => AskError::Nobody(socket.to_owned()),
        ErrorKind::PermissionDenied => AskError::Forbidden(socket.to_owned()),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => AskError::Slow(socket.to_owned()),
        _ => AskError::Io(socket.to_owned(), why),
    })?;
    serde_json::from_str(&line).map_err(|why| AskError::Strange(socket.to_owned(), why.to_string()))
}

fn exchange(socket: &Path, request: &Request) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text)?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER_MAX)).read_line(&mut line)?;
    Ok(line)
}
