//! One batch: where the values of its columns lie among the bytes, and the bytes of a value.

use std::ops::Range;

use arrow_ipc::RecordBatch;

use super::ROWS_MAX;
use super::buffers::Buffers;
use super::past::Past;
use super::row::{Cells, Row};
use super::schema::{Column, Form, Holds, WIDTH};
use super::words::{By, What};
use crate::event::{Aggressor, Liquidated};
use crate::feed::tape::bad::Reason;

/// What the numbers in the columns of words mean in this file, by their place.
#[derive(Default)]
pub(super) struct Meanings {
    pub(super) kinds: Vec<Option<What>>,
    pub(super) sides: Vec<Option<Aggressor>>,
    pub(super) liquidated: Vec<Option<Liquidated>>,
    /// The place of each word among ours.
    pub(super) terms: Vec<Option<u8>>,
    pub(super) by: Vec<Option<By>>,
    /// `venue:NATIVE`.
    pub(super) markets: Vec<String>,
}

/// One batch.
pub(super) struct Batch {
    bytes: Vec<u8>,
    places: [Place; WIDTH],
    rows: usize,
}

#[derive(Clone, Debug, Default)]
struct Place {
    /// No row has a value.
    is_void: bool,
    /// A bit a row, lowest first; empty where every row has a value.
    valid: Range<usize>,
    values: Range<usize>,
    /// What offsets point into, of text.
    text: Range<usize>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: Vec::new(), places: places(), rows: 0 }
    }
}

/// Columns that are not there.
fn places() -> [Place; WIDTH] {
    std::array::from_fn(|_| Place { is_void: true, ..Place::default() })
}

impl Batch {
    /// Takes a batch whose bytes are in `body`, and gives old ones in exchange. Nothing where they do not fit.
    pub(super) fn take(&mut self, form: Form, head: &RecordBatch<'_>, body: &mut Vec<u8>) -> Option<()> {
        self.rows = 0;
        let found = Buffers::of(head, body, form.columns().count())?;
        if found.rows > ROWS_MAX {
            return None;
        }
        let mut buffers = found.places.into_iter();
        self.places = places();
        for ((_, holds), place) in form.columns().zip(&mut self.places) {
            *place = Place { is_void: false, valid: buffers.next()?, values: buffers.next()?, text: 0..0 };
            if *holds == Holds::Text {
                place.text = buffers.next()?;
            }
            let values = holds.bytes() * (found.rows + usize::from(*holds == Holds::Text));
            let is_short = place.values.len() < values && found.rows > 0;
            if is_short || (!place.valid.is_empty() && place.valid.len() < found.rows.div_ceil(8)) {
                return None;
            }
            let bits = body.get(place.valid.clone())?;
            place.is_void = !bits.is_empty() && bits.iter().all(|bits| *bits == 0);
        }
        if buffers.next().is_some() {
            return None;
        }
        std::mem::swap(&mut self.bytes, body);
        self.rows = found.rows;
        Some(())
    }

    /// How many rows there are.
    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// What a row says. `past` is what the rows before it told, of a dense tape.
    #[inline]
    pub(super) fn row(&self, row: usize, meanings: &Meanings, past: Option<&mut Past>) -> Result<Row, Reason> {
        Cells { batch: self, row, meanings }.read(past)
    }

    #[inline]
    fn place(&self, column: Column) -> &Place {
        #[allow(clippy::indexing_slicing, reason = "a column's number is below their number")]
        &self.places[column as usize]
    }

    /// Whether a row has a value there.
    #[inline]
    pub(super) fn is_there(&self, row: usize, column: Column) -> bool {
        let Place { is_void, valid, .. } = self.place(column);
        if *is_void || valid.is_empty() {
            return !is_void;
        }
        let byte = self.bytes.get(valid.start + row / 8).copied().unwrap_or_default();
        byte >> (row % 8) & 1 == 1
    }

    /// The bytes of a value.
    #[inline]
    pub(super) fn bytes<const N: usize>(&self, row: usize, column: Column) -> Result<[u8; N], Reason> {
        if !self.is_there(row, column) {
            return Err(Reason::MissingField);
        }
        let from = self.place(column).values.start + row * N;
        let bytes = self.bytes.get(from..).and_then(<[u8]>::first_chunk);
        bytes.copied().ok_or(Reason::Cut)
    }

    /// A text, where there is one.
    #[inline]
    pub(super) fn text(&self, row: usize, column: Column) -> Option<&str> {
        if !self.is_there(row, column) {
            return None;
        }
        let place = self.place(column);
        let offsets = self.bytes.get(place.values.start + row * 4..)?.first_chunk::<8>()?;
        let [from, to] = [offsets.first_chunk::<4>()?, offsets.last_chunk::<4>()?]
            .map(|four| usize::try_from(i32::from_le_bytes(*four)).ok());
        let text = self.bytes.get(place.text.clone())?.get(from?..to?)?;
        std::str::from_utf8(text).ok()
    }
}
