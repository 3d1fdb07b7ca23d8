//! Bytes to lines: one buffer, a cap on the length of a line, and damage that keeps what came before.

use std::io::{self, ErrorKind, Read};

use memchr::memchr;

/// The longest line taken, in bytes.
pub const LINE_MAX: usize = 1 << 20;

/// How much is asked of the reader at once, in bytes.
const CHUNK: usize = 1 << 18;

/// A line that runs on this far without an end, in bytes, means that the file is no recording at all.
const RUNAWAY_MAX: usize = 1 << 26;

/// Lines of a stream, one at a time, in memory bounded by [`LINE_MAX`].
pub(crate) struct Lines {
    read: Box<dyn Read + Send>,
    buf: Vec<u8>,
    start: usize,
    end: usize,
    number: u64,
    finished: bool,
    damage: Option<String>,
}

/// What stands where a line should be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// A line, without its end (`\n` or `\r\n`).
    Whole(&'a [u8]),
    /// A line beyond [`LINE_MAX`], skipped.
    TooLong,
    /// The beginning of a line in which a damaged stream ended.
    Cut,
}

/// Places of a line in the buffer.
enum Found {
    At(usize, usize),
    TooLong,
    Cut,
}

impl Lines {
    /// Lines of `read`; a byte order mark at its beginning is left out.
    pub(crate) fn new(read: Box<dyn Read + Send>) -> io::Result<Self> {
        let buf = vec![0; CHUNK];
        let mut lines = Self { read, buf, start: 0, end: 0, number: 0, finished: false, damage: None };
        while lines.end < 3 && lines.fill()? {}
        if lines.pending().starts_with(b"\xEF\xBB\xBF") {
            lines.start = 3;
        }
        Ok(lines)
    }

    /// The first line, without taking it. At most [`LINE_MAX`] bytes.
    pub(crate) fn first(&mut self) -> io::Result<&[u8]> {
        loop {
            if memchr(b'\n', self.pending()).is_some() || self.pending().len() >= LINE_MAX || !self.fill()? {
                break;
            }
        }
        let pending = self.pending();
        let end = memchr(b'\n', pending).unwrap_or(pending.len().min(LINE_MAX));
        Ok(pending.get(..end).map(without_cr).unwrap_or_default())
    }

    /// The next line that is not empty, or nothing at the end. A damaged stream ends here too: see [`Self::damage`].
    #[inline]
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            match self.find()? {
                None => return Ok(None),
                Some(Found::TooLong) => return Ok(Some(Line::TooLong)),
                Some(Found::Cut) => return Ok(Some(Line::Cut)),
                Some(Found::At(from, to)) => {
                    if self.buf.get(from..to).is_some_and(|line| !without_cr(line).is_empty()) {
                        return Ok(self.buf.get(from..to).map(|line| Line::Whole(without_cr(line))));
                    }
                }
            }
        }
    }

    /// The number of the line given last, from 1.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Why the stream ended before its end, where it did.
    pub(crate) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// The bytes that no line has taken, for formats that have no lines. Damage that was met stands where it stood.
    pub(crate) fn into_bytes(mut self) -> Box<dyn Read + Send> {
        self.buf.truncate(self.end);
        let pending = io::Cursor::new(self.buf.split_off(self.start));
        match self.damage {
            Some(why) => Box::new(pending.chain(Broken(why))),
            None if self.finished => Box::new(pending),
            None => Box::new(pending.chain(self.read)),
        }
    }

    fn pending(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or_default()
    }

    #[inline]
    fn find(&mut self) -> io::Result<Option<Found>> {
        let mut seen = 0;
        loop {
            let pending = self.pending();
            if let Some(at) = memchr(b'\n', pending.get(seen..).unwrap_or_default()) {
                return Ok(Some(self.take(seen + at)));
            }
            seen = pending.len();
            if seen > LINE_MAX {
                return self.skip().map(Some);
            }
            if !self.fill()? {
                return Ok(self.rest());
            }
        }
    }

    /// Takes a line of `len` bytes and the end behind it.
    fn take(&mut self, len: usize) -> Found {
        let from = self.start;
        self.start += len + 1;
        self.number += 1;
        if len > LINE_MAX { Found::TooLong } else { Found::At(from, from + len) }
    }

    /// What follows the last line end. A damaged stream may have cut a number short: that line is never taken.
    fn rest(&mut self) -> Option<Found> {
        if self.start == self.end {
            return None;
        }
        let (from, to) = (self.start, self.end);
        self.start = self.end;
        self.number += 1;
        Some(if self.damage.is_some() { Found::Cut } else { Found::At(from, to) })
    }

    /// Drops a line that is too long, without holding it.
    fn skip(&mut self) -> io::Result<Found> {
        self.number += 1;
        let mut dropped = 0;
        loop {
            if let Some(at) = memchr(b'\n', self.pending()) {
                self.start += at + 1;
                return Ok(Found::TooLong);
            }
            dropped += self.end - self.start;
            self.start = self.end;
            if dropped > RUNAWAY_MAX {
                self.stop(format!("line {} has no end within {RUNAWAY_MAX} bytes", self.number));
            }
            if !self.fill()? {
                return Ok(Found::TooLong);
            }
        }
    }

    /// Reads more behind what is pending. False at the end, and where the stream is damaged.
    fn fill(&mut self) -> io::Result<bool> {
        if self.finished {
            return Ok(false);
        }
        self.make_room();
        let space = self.buf.get_mut(self.end..).unwrap_or_default();
        match self.read.read(space) {
            Ok(0) => self.finished = true,
            Ok(count) => self.end += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_damage(&error) => self.stop(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(!self.finished)
    }

    fn stop(&mut self, why: String) {
        self.finished = true;
        self.damage = Some(why);
    }

    /// Moves what is pending to the front; grows only for a line that does not fit.
    fn make_room(&mut self) {
        self.buf.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.buf.len() - self.end < CHUNK / 2 {
            self.buf.resize(self.buf.len() + CHUNK, 0);
        }
    }
}

/// A stream that ends in damage.
struct Broken(String);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(ErrorKind::UnexpectedEof, self.0.clone()))
    }
}

/// Whether the bytes are at fault, and not the machine they lie on.
fn is_damage(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidInput | ErrorKind::InvalidData)
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes a call, and an error in place of the end where one is set.
    struct Drip(Vec<u8>, usize, Option<ErrorKind>);

    impl Read for Drip {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(into.len());
            into[..count].copy_from_slice(&self.0[..count]);
            self.0.drain(..count);
            match self.2 {
                Some(kind) if count == 0 => Err(io::Error::new(kind, "broken")),
                _ => Ok(count),
            }
        }
    }

    fn transcript(mut lines: Lines) -> String {
        let mut out = String::new();
        while let Some(line) = lines.next().unwrap() {
            let text = match line {
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::TooLong => "<too long>".to_owned(),
                Line::Cut => "<cut>".to_owned(),
            };
            let number = lines.number();
            out = format!("{out}{number}:{text} ");
        }
        out + lines.damage().unwrap_or("-")
    }

    fn lines(text: &[u8], step: usize, fault: Option<ErrorKind>) -> Lines {
        Lines::new(Box::new(Drip(text.to_vec(), step, fault))).unwrap()
    }

    #[test]
    fn line_ends_mix_and_empty_lines_keep_their_numbers() {
        for step in [1, 2, 3, 1_000] {
            assert_eq!(transcript(lines(b"\xEF\xBB\xBFa\r\n\n\r\nb\nc", step, None)), "1:a 4:b 5:c -");
            assert_eq!(transcript(lines(b"", step, None)), "-");
            assert_eq!(transcript(lines(b"a\rb\n", step, None)), "1:a\rb -");
        }
    }

    #[test]
    fn a_cut_stream_keeps_whole_lines_and_never_half_a_number() {
        let cut = lines(b"a,1.25\nb,1.2", 4, Some(ErrorKind::UnexpectedEof));
        assert_eq!(transcript(cut), "1:a,1.25 2:<cut> broken");
    }

    #[test]
    fn a_failing_disk_is_an_error_and_no_damage() {
        let mut lines = lines(b"a\nb", 4, Some(ErrorKind::PermissionDenied));
        assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"a")));
        assert!(lines.next().is_err());
    }

    #[test]
    fn a_huge_line_is_skipped_and_the_next_one_kept() {
        for len in [LINE_MAX + 1, 3 * LINE_MAX, LINE_MAX + CHUNK] {
            let mut text = vec![b'x'; len];
            text.extend_from_slice(b"\nb\n");
            let mut lines = lines(&text, usize::MAX, None);
            assert_eq!(lines.first().unwrap().len(), LINE_MAX);
            assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
            assert_eq!(lines.next().unwrap(), Some(Line::Whole(b"b")));
            assert!(lines.buf.len() <= 2 * LINE_MAX, "{}", lines.buf.len());
        }
    }

    #[test]
    fn the_longest_line_is_still_taken() {
        let text = vec![b'x'; LINE_MAX];
        assert_eq!(lines(&text, usize::MAX, None).next().unwrap(), Some(Line::Whole(&text[..])));
    }

    #[test]
    fn a_line_that_never_ends_stops_the_tape() {
        let endless = io::repeat(b'x');
        let mut lines = Lines::new(Box::new(endless)).unwrap();
        assert_eq!(lines.next().unwrap(), Some(Line::TooLong));
        assert_eq!(lines.next().unwrap(), None);
        assert!(lines.damage().is_some());
    }
}
