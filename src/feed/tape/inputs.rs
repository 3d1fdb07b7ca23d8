//! A tape of engine inputs: what a run took in, in its order, behind the state it began in. Replayed, it gives the same
//! outputs bit by bit, ticks and acknowledgements included.
//!
//! ```text
//! "FWINPUT1"                       magic and version
//! u32 length, snapshot             the engine's state before the first input
//! u32 length, input (postcard)     ... until the end; a torn last one is dropped
//! ```

use std::io::{self, ErrorKind, Read, Write};

use crate::engine::Input;

const MAGIC: &[u8; 8] = b"FWINPUT1";
/// The largest snapshot taken, bytes.
const SNAPSHOT_MAX: u32 = 1 << 30;
/// The largest input taken, bytes.
const INPUT_MAX: u32 = 1 << 20;

/// Writes such a tape.
pub struct InputWriter<W: Write> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> InputWriter<W> {
    /// Begins with the engine's snapshot.
    pub fn new(mut out: W, snapshot: &[u8]) -> io::Result<Self> {
        out.write_all(MAGIC)?;
        write_block(&mut out, snapshot)?;
        Ok(Self { out, buffer: Vec::with_capacity(256) })
    }

    /// Appends an input.
    pub fn write(&mut self, input: &Input) -> io::Result<()> {
        self.buffer.clear();
        self.buffer = postcard::to_extend(input, std::mem::take(&mut self.buffer)).map_err(io::Error::other)?;
        write_block(&mut self.out, &self.buffer)
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn write_block(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    out.write_all(&length.to_le_bytes())?;
    out.write_all(bytes)
}

/// Reads such a tape.
#[derive(Debug)]
pub struct InputReader<R: Read> {
    from: R,
    snapshot: Vec<u8>,
}

impl<R: Read> InputReader<R> {
    /// Reads the beginning.
    pub fn new(mut from: R) -> io::Result<Self> {
        let mut magic = [0; 8];
        from.read_exact(&mut magic)?;
        if &magic != MAGIC {
            return Err(io::Error::new(ErrorKind::InvalidData, "not a tape of engine inputs"));
        }
        let snapshot = read_block(&mut from, SNAPSHOT_MAX)?
            .ok_or_else(|| io::Error::new(ErrorKind::UnexpectedEof, "the tape ends before its snapshot"))?;
        Ok(Self { from, snapshot })
    }

    /// The engine's state before the first input.
    pub fn snapshot(&self) -> &[u8] {
        &self.snapshot
    }
}

impl<R: Read> Iterator for InputReader<R> {
    type Item = io::Result<Input>;

    fn next(&mut self) -> Option<Self::Item> {
        let block = match read_block(&mut self.from, INPUT_MAX) {
            Ok(block) => block?,
            Err(why) => return Some(Err(why)),
        };
        Some(postcard::from_bytes(&block).map_err(|why| io::Error::new(ErrorKind::InvalidData, why)))
    }
}

/// The next block; nothing at the end, and nothing where the last block is torn.
fn read_block(from: &mut impl Read, max: u32) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if let Err(why) = from.read_exact(&mut length) {
        return if why.kind() == ErrorKind::UnexpectedEof { Ok(None) } else { Err(why) };
    }
    let length = u32::from_le_bytes(length);
    if length > max {
        return Err(io::Error::new(
            ErrorKind::InvalidData,
            format!("a block of {length} bytes, at most {max} are taken"),
        ));
    }
    let mut block = Vec::new();
    let read = from.take(u64::from(length)).read_to_end(&mut block)?;
    Ok((read == length as usize).then_some(block))
}
