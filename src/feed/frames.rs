//! Recordings of raw frames: a line each, `NANOS JSON`, plain, gzip or zstd; lines that begin with a URL tell what was opened
//! or sent, and are passed over.
//!
//! The reader streams: a line has a limit and so has the whole, so that a small compressed file cannot fill memory or
//! run for ever. A bad line is a fault with its number, and the next line is read.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::venue::FRAME_MAX;
use crate::event::Nanos;

/// The longest line: a frame and its time.
pub const LINE_MAX: usize = FRAME_MAX + 32;
/// The most bytes one recording may unfold to.
pub const TOTAL_MAX: u64 = 64 << 30;

/// The largest window of zstd, as a power of two: what its own program allows without being asked. Bounds the memory.
const WINDOW_LOG_MAX: u32 = 27;

/// A line that is no frame, or a recording that cannot be read on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameFault {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub why: String,
    /// Whether nothing more can be read.
    pub fatal: bool,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

impl std::error::Error for FrameFault {}

/// Reads a recording frame by frame.
pub struct FrameReader<'r> {
    lines: Box<dyn BufRead + Send + 'r>,
    buffer: Vec<u8>,
    line: u64,
    ended: bool,
}

impl<'r> FrameReader<'r> {
    /// A recording, plain, gzip or zstd by its first bytes.
    pub fn new(source: impl Read + Send + 'r) -> io::Result<Self> {
        Self::with_limit(source, TOTAL_MAX)
    }

    /// The same with a limit of its own on what it unfolds to.
    pub fn with_limit(source: impl Read + Send + 'r, total_max: u64) -> io::Result<Self> {
        let mut source = BufReader::new(source);
        let start = source.fill_buf()?;
        let (is_gzip, is_zstd) = (start.starts_with(&[0x1f, 0x8b]), start.starts_with(b"\x28\xB5\x2F\xFD"));
        let plain: Box<dyn Read + Send + 'r> = if is_gzip {
            Box::new(MultiGzDecoder::new(source))
        } else if is_zstd {
            let mut unpack = zstd::stream::read::Decoder::with_buffer(source)?;
            unpack.window_log_max(WINDOW_LOG_MAX)?;
            Box::new(unpack)
        } else {
            Box::new(source)
        };
        let lines = BufReader::with_capacity(64 << 10, plain);
        Ok(Self {
            lines: Box::new(Budget { inner: lines, left: total_max }),
            buffer: Vec::new(),
            line: 0,
            ended: false,
        })
    }

    fn read_line(&mut self) -> Result<Option<(Nanos, String)>, FrameFault> {
        loop {
            if !self.next_line()? {
                return Ok(None);
            }
            if !self.buffer.starts_with(b"wss://") && !self.buffer.starts_with(b"ws://") {
                let frame = parse(&self.buffer);
                return frame.map(Some).ok_or_else(|| self.fault("not `NANOS JSON`".to_owned(), false));
            }
        }
    }

    /// Reads a line. False at the end.
    fn next_line(&mut self) -> Result<bool, FrameFault> {
        self.line += 1;
        self.buffer.clear();
        let limit = LINE_MAX as u64 + 1;
        let read = (&mut self.lines).take(limit).read_until(b'\n', &mut self.buffer);
        let length = read.map_err(|fault| self.fault(fault.to_string(), true))?;
        if length == 0 {
            return Ok(false);
        }
        if length > LINE_MAX && !self.buffer.ends_with(b"\n") {
            self.skip_line().map_err(|fault| self.fault(fault.to_string(), true))?;
            return Err(self.fault(format!("longer than {LINE_MAX} bytes"), false));
        }
        Ok(true)
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let chunk = self.lines.fill_buf()?;
            let end = memchr::memchr(b'\n', chunk);
            let used = end.map_or(chunk.len(), |at| at + 1);
            self.lines.consume(used);
            if end.is_some() || used == 0 {
                return Ok(());
            }
        }
    }

    fn fault(&self, why: String, fatal: bool) -> FrameFault {
        FrameFault { line: self.line, why, fatal }
    }
}

impl Iterator for FrameReader<'_> {
    type Item = Result<(Nanos, String), FrameFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.read_line();
        self.ended = matches!(&item, Ok(None) | Err(FrameFault { fatal: true, .. }));
        item.transpose()
    }
}

fn parse(line: &[u8]) -> Option<(Nanos, String)> {
    let text = std::str::from_utf8(line).ok()?.trim_end_matches(['\n', '\r']);
    let (time, frame) = text.split_once(' ')?;
    let digits = time.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.parse().ok().filter(|_| digits)?;
    frame.starts_with(['{', '[']).then(|| (Nanos(time), frame.to_owned()))
}

/// Fails instead of ending when more than the limit would be read.
struct Budget<R> {
    inner: R,
    left: u64,
}

impl<R: BufRead> Read for Budget<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = self.fill_buf()?;
        let count = chunk.len().min(buffer.len());
        if let (Some(from), Some(to)) = (chunk.get(..count), buffer.get_mut(..count)) {
            to.copy_from_slice(from);
        }
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Budget<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let chunk = self.inner.fill_buf()?;
        if !chunk.is_empty() && self.left == 0 {
            return Err(io::Error::other("the recording unfolds to more than it may"));
        }
        let allowed = usize::try_from(self.left).unwrap_or(usize::MAX).min(chunk.len());
        Ok(chunk.get(..allowed).unwrap_or_default())
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count as u64);
        self.inner.consume(count);
    }
}

/// Writes a recording, gzip.
pub struct FrameWriter<W: Write> {
    file: GzEncoder<W>,
}

impl<W: Write> FrameWriter<W> {
    /// A recording into `file`.
    pub fn new(file: W) -> Self {
        Self { file: GzEncoder::new(file, Compression::fast()) }
    }

    /// Adds a frame. Line ends inside it become blanks, which JSON allows wherever it allows them; one that is too
    /// long to be read again is refused.
    pub fn write(&mut self, recv_at: Nanos, frame: &str) -> io::Result<()> {
        if frame.len() > FRAME_MAX {
            return Err(io::Error::other("the frame is longer than a recording may hold"));
        }
        if frame.contains(['\n', '\r']) {
            return writeln!(self.file, "{} {}", recv_at.0, frame.replace(['\n', '\r'], " "));
        }
        writeln!(self.file, "{} {frame}", recv_at.0)
    }

    /// Ends the recording and gives the file back.
    pub fn finish(self) -> io::Result<W> {
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<String> {
        let reader = FrameReader::with_limit(bytes, 4 << 20).expect("in memory");
        reader
            .map(|item| item.map_or_else(|fault| fault.to_string(), |(at, frame)| format!("{} {frame}", at.0)))
            .collect()
    }

    #[test]
    fn what_was_written_is_read() {
        let mut writer = FrameWriter::new(Vec::new());
        writer.write(Nanos(1), "{\"a\":1}").expect("written");
        writer.write(Nanos(2), "{\"a\":\n2}").expect("written");
        assert!(writer.write(Nanos(3), &" ".repeat(FRAME_MAX + 1)).is_err());
        let file = writer.finish().expect("finished");
        assert_eq!(read(&file), ["1 {\"a\":1}", "2 {\"a\": 2}"]);
        let cut = &file[..file.len() - 9];
        assert!(read(cut).last().expect("a fault").starts_with("line "), "a cut file is a fault, not an end");
    }

    #[test]
    fn bad_lines_are_named_and_the_rest_is_read() {
        let long = format!("1 {{{}\n2 {{}}\n", " ".repeat(LINE_MAX));
        assert_eq!(read(long.as_bytes()), [format!("line 1: longer than {LINE_MAX} bytes"), "2 {}".to_owned()]);
        let bad = "line 1: not `NANOS JSON`";
        for line in ["\n", "x {}", "-1 {}", "+1 {}", "1.5 {}", "1", "1 x", "99999999999999999999 {}", "\u{fe}"] {
            assert_eq!(read(line.as_bytes()), [bad], "{line:?}");
        }
        assert_eq!(read(b"\xff\xfe {}\n3 {}"), [bad, "3 {}"]);
        assert!(read(b"").is_empty());
    }

    #[test]
    fn a_small_file_that_unfolds_without_end_is_given_up() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        let zeros = vec![b' '; 1 << 20];
        for _ in 0..6 {
            bomb.write_all(&zeros).expect("in memory");
        }
        let faults = read(&bomb.finish().expect("finished"));
        assert_eq!(faults, ["line 1: the recording unfolds to more than it may"]);
    }
}
