//! Rows of one batch: columns in, inputs out. Whatever the bytes say, an input has sound numbers or there is none.

use std::ops::Range;

use arrow_ipc::RecordBatch;

use super::ROWS_MAX;
use super::buffers::Buffers;
use super::schema::{COLUMNS, Column, Holds, WIDTH};
use super::text::{from_base64, from_text};
use super::words::{What, liquidation_terms, status};
use crate::engine::Input;
use crate::event::{Aggressor, Bar, Body, Event, Liquidated, MarketId, Nanos, Price, Qty};
use crate::feed::tape::bad::Reason;

/// The most frames that one input may call bad: sums of more would overflow in whoever counts them.
const BAD_MAX: u64 = u32::MAX as u64;

/// What one row says.
#[derive(Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "inputs are what nearly every row is")]
pub(super) enum Row {
    /// An input.
    Input(Input),
    /// A part of the snapshot.
    Snapshot(Vec<u8>),
    /// So many inputs are missing from here on.
    Lost(u64),
    /// The end, with the digest where one was kept.
    End(Option<String>),
}

/// What the numbers in the columns of words mean in this file, by their place.
#[derive(Default)]
pub(super) struct Meanings {
    pub(super) kinds: Vec<Option<What>>,
    pub(super) sides: Vec<Option<Aggressor>>,
    pub(super) liquidated: Vec<Option<Liquidated>>,
    /// The place of each word among ours.
    pub(super) terms: Vec<Option<u8>>,
    /// `venue:NATIVE`.
    pub(super) markets: Vec<String>,
}

/// One batch.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    places: [Place; WIDTH],
    rows: usize,
}

#[derive(Clone, Debug, Default)]
struct Place {
    /// A bit a row, lowest first; empty where every row has a value.
    valid: Range<usize>,
    values: Range<usize>,
    /// What offsets point into, of text.
    text: Range<usize>,
}

impl Batch {
    /// Takes a batch whose bytes are in `body`, and gives old ones in exchange. Nothing where they do not fit.
    pub(super) fn take(&mut self, head: &RecordBatch<'_>, body: &mut Vec<u8>) -> Option<()> {
        self.rows = 0;
        let found = Buffers::of(head, body, WIDTH)?;
        if found.rows > ROWS_MAX {
            return None;
        }
        let mut buffers = found.places.into_iter();
        for ((_, holds), place) in COLUMNS.iter().zip(&mut self.places) {
            *place = Place { valid: buffers.next()?, values: buffers.next()?, text: 0..0 };
            if *holds == Holds::Text {
                place.text = buffers.next()?;
            }
            let values = holds.bytes() * (found.rows + usize::from(*holds == Holds::Text));
            let is_short = place.values.len() < values && found.rows > 0;
            if is_short || (!place.valid.is_empty() && place.valid.len() < found.rows.div_ceil(8)) {
                return None;
            }
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

    /// What a row says.
    #[inline]
    pub(super) fn row(&self, row: usize, meanings: &Meanings) -> Result<Row, Reason> {
        Cells { batch: self, row, meanings }.read()
    }
}

/// One row.
struct Cells<'b> {
    batch: &'b Batch,
    row: usize,
    meanings: &'b Meanings,
}

impl Cells<'_> {
    #[inline]
    fn read(&self) -> Result<Row, Reason> {
        let what = self.word(Column::Kind, &self.meanings.kinds)?.ok_or(Reason::UnknownKind)?;
        let body = match what {
            What::Trade => self.trade()?,
            What::Quote => self.quote()?,
            What::Liquidation => self.liquidation()?,
            What::Depth => Body::Depth { bid_qty: self.qty(Column::BidQty)?, ask_qty: self.qty(Column::AskQty)? },
            What::Mark => Body::Mark { price: self.price(Column::Price)? },
            What::Index => Body::Index { price: self.price(Column::Price)? },
            What::Funding => Body::Funding { rate: self.finite(Column::Level)? },
            What::OpenInterest => Body::OpenInterest { qty: self.qty(Column::Qty)? },
            What::MarkIv => Body::MarkIv { iv: self.price(Column::Level)? },
            What::VolatilityIndex => Body::VolatilityIndex { level: self.price(Column::Level)? },
            What::Status => Body::Status { status: self.terms()?.and_then(status).ok_or(Reason::UnknownKind)? },
            _ => return self.rare(what),
        };
        let (venue_at, recv_at) = (self.time(Column::VenueAt)?, self.time(Column::RecvAt)?);
        let market = match (self.market(), self.detail()) {
            (Err(Reason::MissingField), Some(text)) => return self.whole_input(text, what).map(Row::Input),
            (market, _) => market?,
        };
        Ok(Row::Input(Input::Event(Event { venue_at, recv_at, market, body })))
    }

    #[inline]
    fn trade(&self) -> Result<Body, Reason> {
        Ok(Body::Trade {
            price: self.price(Column::Price)?,
            qty: self.positive(Column::Qty)?,
            id: self.whole(Column::Id)?,
            aggressor: self.word(Column::Side, &self.meanings.sides)?.ok_or(Reason::Side)?,
        })
    }

    #[inline]
    fn quote(&self) -> Result<Body, Reason> {
        Ok(Body::Quote {
            bid: self.price(Column::Bid)?,
            bid_qty: self.qty(Column::BidQty)?,
            ask: self.price(Column::Ask)?,
            ask_qty: self.qty(Column::AskQty)?,
        })
    }

    fn liquidation(&self) -> Result<Body, Reason> {
        let (meaning, completeness) = self.terms()?.and_then(liquidation_terms).ok_or(Reason::UnknownKind)?;
        Ok(Body::Liquidation {
            price: self.price(Column::Price)?,
            qty: self.positive(Column::Qty)?,
            liquidated: self.word(Column::Liquidated, &self.meanings.liquidated)?.ok_or(Reason::Side)?,
            meaning,
            completeness,
        })
    }

    fn rare(&self, what: What) -> Result<Row, Reason> {
        let at = || self.time(Column::RecvAt);
        Ok(match what {
            What::Snapshot => {
                Row::Snapshot(self.detail().and_then(from_base64).filter(|part| !part.is_empty()).ok_or(Reason::Cut)?)
            }
            What::Lost => Row::Lost(self.whole(Column::Id)?),
            What::End => Row::End(self.detail().map(str::to_owned)),
            What::Tick => Row::Input(Input::Tick(at()?)),
            What::Probe => Row::Input(Input::Probe { seq: self.whole(Column::Id)?, at: at()? }),
            What::Stored => Row::Input(Input::Stored { at: at()?, seq: self.whole(Column::Id)? }),
            _ => match self.detail() {
                Some(text) => Row::Input(self.whole_input(text, what)?),
                None if what == What::Bar => Row::Input(Input::Bar(self.bar()?)),
                None if what == What::Bad => Row::Input(self.bad()?),
                None => return Err(Reason::MissingField),
            },
        })
    }

    /// An input that its columns do not hold. It must be what the row says it is, at the time that the row says.
    fn whole_input(&self, text: &str, what: What) -> Result<Input, Reason> {
        let input: Input = from_text(text).ok_or(Reason::BadJson)?;
        if matches!(input, Input::Bad { count, .. } if count > BAD_MAX) {
            return Err(Reason::OutOfRange);
        }
        if what == What::of_input(&input) && self.time(Column::RecvAt)? == input.at() {
            Ok(input)
        } else {
            Err(Reason::WrongType)
        }
    }

    fn bar(&self) -> Result<Bar, Reason> {
        Ok(Bar {
            market: self.market()?,
            open_at: self.time(Column::VenueAt)?,
            close_at: self.time(Column::RecvAt)?,
            open: self.price(Column::Open)?,
            high: self.price(Column::High)?,
            low: self.price(Column::Low)?,
            close: self.price(Column::Price)?,
            volume: self.qty(Column::Qty)?,
            taker_buy: self.qty(Column::TakerBuy)?,
            trades: self.whole(Column::Id)?,
        })
    }

    fn bad(&self) -> Result<Input, Reason> {
        let market = if self.is_there(Column::Market) { Some(self.market()?) } else { None };
        let count = self.whole(Column::Id)?;
        if count > BAD_MAX {
            return Err(Reason::OutOfRange);
        }
        Ok(Input::Bad { at: self.time(Column::RecvAt)?, market, count })
    }

    #[inline]
    fn is_there(&self, column: Column) -> bool {
        let valid = &self.place(column).valid;
        if valid.is_empty() {
            return true;
        }
        let byte = self.batch.bytes.get(valid.start + self.row / 8).copied().unwrap_or_default();
        byte >> (self.row % 8) & 1 == 1
    }

    #[inline]
    fn place(&self, column: Column) -> &Place {
        #[allow(clippy::indexing_slicing, reason = "a column's number is below their number")]
        &self.batch.places[column as usize]
    }

    #[inline]
    fn bytes<const N: usize>(&self, column: Column) -> Result<[u8; N], Reason> {
        if !self.is_there(column) {
            return Err(Reason::MissingField);
        }
        let from = self.place(column).values.start + self.row * N;
        let bytes = self.batch.bytes.get(from..).and_then(<[u8]>::first_chunk);
        bytes.copied().ok_or(Reason::Cut)
    }

    #[inline]
    fn time(&self, column: Column) -> Result<Nanos, Reason> {
        Ok(Nanos(i64::from_le_bytes(self.bytes(column)?)))
    }

    #[inline]
    fn whole(&self, column: Column) -> Result<u64, Reason> {
        Ok(u64::from_le_bytes(self.bytes(column)?))
    }

    #[inline]
    fn number(&self, column: Column) -> Result<f64, Reason> {
        Ok(f64::from_le_bytes(self.bytes(column)?))
    }

    fn finite(&self, column: Column) -> Result<f64, Reason> {
        let value = self.number(column)?;
        if value.is_finite() { Ok(value) } else { Err(Reason::NotFinite) }
    }

    #[inline]
    fn price(&self, column: Column) -> Result<Price, Reason> {
        Ok(Price::new(self.number(column)?)?)
    }

    #[inline]
    fn qty(&self, column: Column) -> Result<Qty, Reason> {
        Ok(Qty::new(self.number(column)?)?)
    }

    #[inline]
    fn positive(&self, column: Column) -> Result<Qty, Reason> {
        Ok(Qty::positive(self.number(column)?)?)
    }

    #[inline]
    fn market(&self) -> Result<MarketId, Reason> {
        let key = i32::from_le_bytes(self.bytes(Column::Market)?);
        let place = u32::try_from(key).ok().filter(|&place| (place as usize) < self.meanings.markets.len());
        place.map(MarketId).ok_or(Reason::UnknownMarket)
    }

    #[inline]
    fn word<T: Copy>(&self, column: Column, words: &[Option<T>]) -> Result<Option<T>, Reason> {
        let [key] = self.bytes::<1>(column)?;
        Ok(words.get(usize::from(key)).copied().flatten())
    }

    fn terms(&self) -> Result<Option<u8>, Reason> {
        self.word(Column::Terms, &self.meanings.terms)
    }

    fn detail(&self) -> Option<&str> {
        if !self.is_there(Column::Detail) {
            return None;
        }
        let place = self.place(Column::Detail);
        let offsets = self.batch.bytes.get(place.values.start + self.row * 4..)?.first_chunk::<8>()?;
        let [from, to] = [offsets.first_chunk::<4>()?, offsets.last_chunk::<4>()?]
            .map(|four| usize::try_from(i32::from_le_bytes(*four)).ok());
        let text = self.batch.bytes.get(place.text.clone())?.get(from?..to?)?;
        std::str::from_utf8(text).ok()
    }
}
