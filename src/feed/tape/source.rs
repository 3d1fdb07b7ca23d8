//! A source of inputs: lines in, decoded inputs out, refused lines counted.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::bad::{BadCounts, Reason};
use super::error::TapeError;
use super::format::Format;
use super::lines::{Line, Lines};
use crate::engine::Input;
use crate::market::Markets;

/// Inputs of one tape, in the order of the file.
pub trait Source: Send {
    /// The next input, or nothing at the end. New markets are added to `markets`; every call must bring the same table, and
    /// sources that will be merged share one. An error is a failing disk; bad lines and damage are in [`Self::report`].
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError>;

    /// What was read so far.
    fn report(&self) -> &Report;
}

/// What was read of one tape so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The tape.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
    /// Lines read, empty ones and headers included.
    pub lines: u64,
    /// Inputs given.
    pub inputs: u64,
    /// Lines refused.
    pub bad: BadCounts,
    /// Rows dropped because their publisher repeats them: no fault of the file.
    pub duplicates: u64,
    /// Why the tape ended before its end, where it did (cut, checksum, expansion); everything before was kept.
    pub damage: Option<String>,
}

impl Report {
    pub(crate) fn new(path: &Path, format: Format) -> Self {
        Self {
            path: path.to_owned(),
            format,
            lines: 0,
            inputs: 0,
            bad: BadCounts::default(),
            duplicates: 0,
            damage: None,
        }
    }

    /// Whether anything was refused or lost: exit code 4 at the command line.
    pub fn is_damaged(&self) -> bool {
        self.damage.is_some() || self.bad.total() > 0
    }

    /// One line for people, where there is something to say.
    pub fn message(&self) -> Option<String> {
        let path = self.path.display();
        let bad = (self.bad.total() > 0).then(|| format!("{path}: {}; the rest is kept", self.bad));
        let lost = self
            .damage
            .as_ref()
            .map(|why| format!("{path}: damaged after line {}: {why}; what came before is kept", self.lines));
        match (bad, lost) {
            (Some(bad), Some(lost)) => Some(format!("{lost}\n{bad}")),
            (bad, lost) => bad.or(lost),
        }
    }
}

/// A format of one row a line.
pub(super) trait Decode: Send {
    /// Whether a line that could not be decoded is a header: at the top, and inside where files were joined.
    fn is_header(&self, line: &[u8]) -> bool;

    /// The input of a line, or why there is none.
    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason>;
}

/// A tape of one row a line.
pub(super) struct Rows<D> {
    lines: Lines,
    decode: D,
    report: Report,
}

impl<D: Decode> Rows<D> {
    pub(super) fn new(lines: Lines, decode: D, report: Report) -> Self {
        Self { lines, decode, report }
    }
}

impl<D: Decode> Source for Rows<D> {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            let line = self.lines.next().map_err(|error| TapeError::read(&self.report.path, error))?;
            let decoded = match line {
                None => break,
                Some(Line::Whole(line)) => match self.decode.decode(line, markets) {
                    Err(_) if self.decode.is_header(line) => continue,
                    decoded => decoded,
                },
                Some(Line::TooLong) => Err(Reason::LineTooLong),
                Some(Line::Cut) => Err(Reason::Cut),
            };
            self.report.lines = self.lines.number();
            match decoded {
                Ok(input) => {
                    self.report.inputs += 1;
                    return Ok(Some(input));
                }
                Err(reason) => self.report.bad.count(self.report.lines, reason),
            }
        }
        self.report.lines = self.lines.number();
        self.report.damage = self.lines.damage().map(str::to_owned);
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}

/// Where the inputs of a row go.
pub(super) type Out = VecDeque<Input>;

/// A format whose rows hold none, one or several inputs.
pub(super) trait DecodeSeveral: Send {
    /// As [`Decode::is_header`].
    fn is_header(&self, line: &[u8]) -> bool;

    /// Appends the inputs of a line; a refused one appends none.
    fn decode(&mut self, line: &[u8], markets: &mut Markets, out: &mut Out) -> Result<(), Reason>;

    /// Rows dropped so far because they were there before.
    fn duplicates(&self) -> u64 {
        0
    }
}

/// A tape of such rows.
pub(super) struct Several<D> {
    lines: Lines,
    decode: D,
    waiting: Out,
    report: Report,
}

impl<D: DecodeSeveral> Several<D> {
    pub(super) fn new(lines: Lines, decode: D, report: Report) -> Self {
        Self { lines, decode, waiting: Out::new(), report }
    }
}

impl<D: DecodeSeveral> Source for Several<D> {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            if let Some(input) = self.waiting.pop_front() {
                self.report.inputs += 1;
                return Ok(Some(input));
            }
            let line = self.lines.next().map_err(|error| TapeError::read(&self.report.path, error))?;
            let refused = match line {
                None => break,
                Some(Line::Whole(line)) => {
                    let decoded = self.decode.decode(line, markets, &mut self.waiting);
                    decoded.err().filter(|_| !self.decode.is_header(line))
                }
                Some(Line::TooLong) => Some(Reason::LineTooLong),
                Some(Line::Cut) => Some(Reason::Cut),
            };
            self.report.lines = self.lines.number();
            if let Some(reason) = refused {
                self.report.bad.count(self.report.lines, reason);
            }
        }
        self.report.lines = self.lines.number();
        self.report.duplicates = self.decode.duplicates();
        self.report.damage = self.lines.damage().map(str::to_owned);
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}
