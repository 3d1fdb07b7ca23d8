//! Messages of an Arrow IPC stream: a mark, the length of a head, the head, its body. Lengths are what the file claims: no
//! memory is taken for them before the bytes have come.

use std::io::{self, ErrorKind, Read};

use arrow_ipc::{Message, root_as_message};

/// What stands before every message.
pub(super) const MARK: [u8; 4] = [0xFF; 4];
/// The longest head, bytes. Ours are of 4 KiB.
const HEAD_MAX: u64 = 1 << 20;
/// The longest body, bytes. Ours are of 24 MiB and less.
pub(super) const BODY_MAX: u64 = 1 << 26;

/// What stands next in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole message.
    Message,
    /// The mark of the end.
    End,
    /// The stream broke off here, or goes on with what is no message; so many bytes of it came.
    Torn {
        /// Bytes behind the last whole message.
        bytes: u64,
        /// What is wrong.
        why: String,
    },
}

/// Reads a stream message by message.
pub(super) struct Messages {
    from: Box<dyn Read + Send>,
    head: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl Messages {
    pub(super) const fn new(from: Box<dyn Read + Send>) -> Self {
        Self { from, head: Vec::new(), body: Vec::new() }
    }

    /// Reads the next message. Fails only where the machine does.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        let mut before = 0;
        match self.message(&mut before) {
            Ok(next) => Ok(next),
            Err(why) if is_of_bytes(&why) => Ok(Next::Torn { bytes: before, why: why.to_string() }),
            Err(why) => Err(why),
        }
    }

    fn message(&mut self, before: &mut u64) -> io::Result<Next> {
        let mut mark = [0; 4];
        *before += read_some(&mut self.from, &mut mark)?;
        if *before < 4 {
            return Err(short(if *before == 0 {
                "it breaks off without its end"
            } else {
                "it breaks off in a message"
            }));
        }
        if mark != MARK {
            return Err(wrong("no message begins where one should"));
        }
        let mut length = [0; 4];
        let read = read_some(&mut self.from, &mut length)?;
        *before += read;
        if read < 4 {
            return Err(short("it breaks off in a message"));
        }
        let length = u64::try_from(i32::from_le_bytes(length)).map_err(|_| wrong("a head of a negative length"))?;
        if length == 0 {
            return Ok(Next::End);
        }
        read_whole(&mut self.from, &mut self.head, length, HEAD_MAX, before)?;
        let told = root_as_message(&self.head).map_err(|why| wrong(&format!("a head that cannot be read: {why}")))?;
        let length = u64::try_from(told.bodyLength()).map_err(|_| wrong("a body of a negative length"))?;
        read_whole(&mut self.from, &mut self.body, length, BODY_MAX, before)?;
        Ok(Next::Message)
    }

    /// The head of the message read last.
    pub(super) fn head(&self) -> Option<Message<'_>> {
        root_as_message(&self.head).ok()
    }
}

/// Whether the bytes are at fault, and not the machine they lie on.
pub(super) fn is_of_bytes(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData)
}

fn short(why: &str) -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, why.to_owned())
}

fn wrong(why: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, why.to_owned())
}

/// Reads as much as there is, up to the length of `into`.
fn read_some(from: &mut dyn Read, into: &mut [u8]) -> io::Result<u64> {
    let mut have = 0;
    while let Some(rest) = into.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => have += count,
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            // Whoever packed it broke off between two messages: that is where a killed daemon leaves its tape.
            Err(why) if why.kind() == ErrorKind::UnexpectedEof => break,
            Err(why) => return Err(why),
        }
    }
    Ok(have as u64)
}

/// Reads exactly `length` bytes in place of what `into` held.
fn read_whole(from: &mut dyn Read, into: &mut Vec<u8>, length: u64, max: u64, before: &mut u64) -> io::Result<()> {
    if length > max {
        return Err(wrong(&format!("a part of {length} bytes, at most {max} are taken")));
    }
    into.clear();
    let read = from.take(length).read_to_end(into);
    *before += into.len() as u64;
    match read {
        Ok(_) if into.len() as u64 == length => Ok(()),
        Ok(_) => Err(short("it breaks off in a message")),
        Err(why) if why.kind() == ErrorKind::UnexpectedEof => Err(short("it breaks off in a message")),
        Err(why) => Err(why),
    }
}
