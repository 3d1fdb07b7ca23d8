//! Reads a tape of engine inputs, row by row.

use std::fmt;
use std::io::{self, ErrorKind, Read};

use arrow_ipc::MessageHeader;

use super::SNAPSHOT_MAX;
use super::batch::{Batch, Meanings};
use super::buffers::Buffers;
use super::message::{Messages, Next};
use super::past::Past;
use super::row::Row;
use super::schema::{COLUMNS, Column, Form, WIDTH, form};
use super::words::{By, TERMS, What, liquidated, side};
use crate::engine::Input;
use crate::event::Nanos;
use crate::feed::tape::bad::Reason;
use crate::feed::tape::names::MARKETS_MAX;
use crate::feed::tape::unpack::{Unpacked, unpack};

/// The most words of a dictionary that is not of markets.
const WORDS_MAX: usize = 128;

/// How a tape ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// In order, with the digest of the run where one was kept.
    Whole(Option<String>),
    /// The recorder lost inputs here: they found no room on their way to the disk.
    Lost(u64),
    /// The rest is torn off, or is no tape.
    Torn {
        /// Bytes that came of it, unpacked.
        bytes: u64,
        /// What is wrong.
        why: String,
    },
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(_) => f.write_str("whole"),
            Self::Lost(count) => write!(f, "{count} inputs found no room on their way to the disk"),
            Self::Torn { bytes, why } => write!(f, "its end is torn off: {why}; {bytes} bytes dropped"),
        }
    }
}

/// Rows of a tape, whatever they say.
pub(in crate::feed::tape) struct Rows {
    messages: Messages,
    form: Form,
    /// What the rows so far told, of a dense tape.
    past: Option<Past>,
    dictionaries: [Option<i64>; WIDTH],
    pub(super) meanings: Meanings,
    /// Grows whenever the names of markets change.
    pub(super) names: u64,
    batch: Batch,
    row: usize,
    pub(super) ending: Option<Ending>,
}

impl Rows {
    /// Reads the schema. Fails where it is not ours.
    pub(in crate::feed::tape) fn new(plain: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut messages = Messages::new(plain);
        let first = messages.next()?;
        let found = messages.head().filter(|_| first == Next::Message).and_then(|head| {
            let schema = head.header_as_schema()?;
            form(&schema)
        });
        let strange = || io::Error::new(ErrorKind::InvalidData, "not a tape of engine inputs, or of another version");
        let (form, dictionaries) = found.ok_or_else(strange)?;
        Ok(Self {
            messages,
            form,
            past: (form == Form::Dense).then(Past::default),
            dictionaries,
            meanings: Meanings::default(),
            names: 0,
            batch: Batch::default(),
            row: 0,
            ending: None,
        })
    }

    /// The next row; nothing at the end, whatever it is like. Fails only where the machine does.
    #[inline]
    pub(super) fn next(&mut self) -> io::Result<Option<Result<Row, Reason>>> {
        while self.row >= self.batch.rows() {
            if self.ending.is_some() || !self.fill()? {
                return Ok(None);
            }
        }
        let row = self.batch.row(self.row, &self.meanings, self.past.as_mut());
        self.row += 1;
        match row {
            Err(reason) => {
                // What came after it would stand on ground that is not there.
                self.past.iter_mut().for_each(Past::forget);
                return Ok(Some(Err(reason)));
            }
            Ok(Row::End(digest)) => self.end(Ending::Whole(digest)),
            Ok(Row::Lost(count)) => self.end(Ending::Lost(count)),
            row => return Ok(Some(row)),
        }
        Ok(None)
    }

    fn end(&mut self, ending: Ending) {
        self.ending = Some(ending);
        self.row = self.batch.rows();
    }

    /// Ends the reading here: what follows is not to be believed.
    pub(super) fn give_up(&mut self, why: String) {
        self.end(Ending::Torn { bytes: 0, why });
    }

    /// Takes messages up to the next batch. False at the end.
    fn fill(&mut self) -> io::Result<bool> {
        loop {
            match self.messages.next()? {
                Next::Message => {}
                Next::End => {
                    self.end(Ending::Whole(None));
                    return Ok(false);
                }
                Next::Torn { bytes, why } => {
                    self.end(Ending::Torn { bytes, why });
                    return Ok(false);
                }
            }
            let bytes = self.messages.body.len() as u64;
            match self.message() {
                Some(false) => {}
                Some(true) => return Ok(true),
                None => {
                    self.end(Ending::Torn { bytes, why: "a part of it makes no sense".to_owned() });
                    return Ok(false);
                }
            }
        }
    }

    /// Takes the message that was read. True for a batch of rows, nothing for what makes no sense.
    fn message(&mut self) -> Option<bool> {
        let mut body = std::mem::take(&mut self.messages.body);
        let head = self.messages.head()?;
        let is_batch = match head.header_type() {
            MessageHeader::RecordBatch => {
                self.batch.take(self.form, &head.header_as_record_batch()?, &mut body)?;
                self.row = 0;
                true
            }
            MessageHeader::DictionaryBatch => {
                let told = head.header_as_dictionary_batch()?;
                let words = strings(&told.data()?, &mut body)?;
                self.meanings.learn(&self.dictionaries, told.id(), told.isDelta(), words)?;
                self.names += 1;
                false
            }
            _ => return None,
        };
        self.messages.body = body;
        Some(is_batch)
    }
}

/// The words of a dictionary; none may be null.
fn strings(head: &arrow_ipc::RecordBatch<'_>, body: &mut Vec<u8>) -> Option<Vec<String>> {
    let found = Buffers::of(head, body, 1)?;
    let [_, offsets, text] = <[_; 3]>::try_from(found.places).ok()?;
    let (offsets, text) = (body.get(offsets)?, body.get(text)?);
    if found.rows > MARKETS_MAX || head.nodes()?.get(0).null_count() != 0 {
        return None;
    }
    let offset = |place: usize| {
        let four = offsets.get(place * 4..)?.first_chunk()?;
        usize::try_from(i32::from_le_bytes(*four)).ok()
    };
    let word = |place| std::str::from_utf8(text.get(offset(place)?..offset(place + 1)?)?).ok().map(str::to_owned);
    (0..found.rows).map(word).collect()
}

impl Meanings {
    /// Takes the words of a dictionary, for each column that uses it.
    fn learn(&mut self, dictionaries: &[Option<i64>; WIDTH], id: i64, is_more: bool, words: Vec<String>) -> Option<()> {
        let place = dictionaries.iter().position(|of| *of == Some(id))?;
        if place == Column::Market as usize {
            return replace(&mut self.markets, words.into_iter(), is_more, MARKETS_MAX);
        }
        let words = words.iter().map(String::as_str);
        if place == Column::Kind as usize {
            replace(&mut self.kinds, words.map(What::of), is_more, WORDS_MAX)
        } else if place == Column::Side as usize {
            replace(&mut self.sides, words.map(side), is_more, WORDS_MAX)
        } else if place == Column::Liquidated as usize {
            replace(&mut self.liquidated, words.map(liquidated), is_more, WORDS_MAX)
        } else if place == Column::VenueBy as usize {
            replace(&mut self.by, words.map(By::of), is_more, WORDS_MAX)
        } else {
            let ours = |word| TERMS.iter().position(|known| *known == word).map(|place| place as u8);
            replace(&mut self.terms, words.map(ours), is_more, WORDS_MAX)
        }
    }
}

fn replace<T>(all: &mut Vec<T>, with: impl ExactSizeIterator<Item = T>, is_more: bool, max: usize) -> Option<()> {
    if !is_more {
        all.clear();
    }
    (all.len() + with.len() <= max).then(|| all.extend(with))
}

/// Reads such a tape as it was recorded: every input, numbers of markets and venues as the engine had them.
pub struct InputReader {
    rows: Rows,
    snapshot: Vec<u8>,
    /// What was read while looking for the end of the snapshot.
    waiting: Option<Input>,
    last: Option<Nanos>,
}

impl InputReader {
    /// Reads the beginning, plain or packed. Fails where it is no such tape, or one without the state of an engine.
    pub fn new(from: impl Read + Send + 'static) -> io::Result<Self> {
        match unpack(Box::new(from))? {
            Unpacked::Plain(plain) => Self::of_plain(plain),
            Unpacked::Foreign(what) => Err(io::Error::new(ErrorKind::InvalidData, what)),
        }
    }

    fn of_plain(plain: Box<dyn Read + Send>) -> io::Result<Self> {
        let rows = Rows::new(plain)?;
        let mut reader = Self { rows, snapshot: Vec::new(), waiting: None, last: None };
        loop {
            match reader.rows.next()? {
                Some(Ok(Row::Snapshot(part))) if reader.snapshot.len() + part.len() <= SNAPSHOT_MAX => {
                    reader.snapshot.extend(part);
                }
                Some(Ok(Row::Input(input))) => {
                    reader.waiting = Some(input);
                    break;
                }
                Some(Ok(_)) => reader.rows.give_up("its snapshot is too large".to_owned()),
                Some(Err(reason)) => reader.refuse(reason),
                None => break,
            }
        }
        if reader.snapshot.is_empty() {
            return Err(io::Error::new(ErrorKind::InvalidData, "the tape has no snapshot to begin from"));
        }
        Ok(reader)
    }

    /// The engine's state before the first input.
    pub fn snapshot(&self) -> &[u8] {
        &self.snapshot
    }

    /// How the tape ended; nothing before it did.
    pub const fn ending(&self) -> Option<&Ending> {
        self.rows.ending.as_ref()
    }

    /// When the last input that was given reached the engine.
    pub const fn last_at(&self) -> Option<Nanos> {
        self.last
    }

    /// One line for people where the tape did not end in order.
    pub fn damage(&self) -> Option<String> {
        match self.ending()? {
            Ending::Whole(_) => None,
            ending => Some(match self.last {
                Some(last) => format!("{ending}; everything up to {last} is kept"),
                None => format!("{ending}; it holds no input"),
            }),
        }
    }

    /// A run cannot go on behind an input that nobody can read.
    fn refuse(&mut self, reason: Reason) {
        self.rows.give_up(format!("a row cannot be read ({})", reason.name()));
    }

    fn read(&mut self) -> io::Result<Option<Input>> {
        if let Some(first) = self.waiting.take() {
            return Ok(Some(first));
        }
        match self.rows.next()? {
            Some(Ok(Row::Input(input))) => return Ok(Some(input)),
            Some(Ok(_)) => self.rows.give_up("a snapshot in the middle".to_owned()),
            Some(Err(reason)) => self.refuse(reason),
            None => {}
        }
        Ok(None)
    }
}

impl Iterator for InputReader {
    type Item = io::Result<Input>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if let Ok(Some(input)) = &read {
            self.last = Some(input.at());
        }
        read.transpose()
    }
}

impl fmt::Debug for InputReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { snapshot, last, .. } = self;
        f.debug_struct("InputReader").field("snapshot", &snapshot.len()).field("last", last).finish_non_exhaustive()
    }
}

/// Guards that a table of columns fits the way their words are learned.
const _: () = assert!(COLUMNS.len() == Column::Detail as usize + 1 && WIDTH == Column::IdGap as usize + 1);
