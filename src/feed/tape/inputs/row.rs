//! What one row says: columns in, an input out. Whatever the bytes say, an input has sound numbers or there is none.

use super::batch::{Batch, Meanings};
use super::past::{Last, Past};
use super::schema::Column;
use super::text::{from_base64, from_text};
use super::words::{What, liquidation_terms, status};
use crate::engine::Input;
use crate::event::{Bar, Body, Event, MarketId, Nanos, Price, Qty};
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

/// One row of a batch.
pub(super) struct Cells<'b> {
    pub(super) batch: &'b Batch,
    pub(super) row: usize,
    pub(super) meanings: &'b Meanings,
}

impl Cells<'_> {
    /// What it says. `past` is what the rows before it told, of a dense tape.
    #[inline]
    pub(super) fn read(&self, mut past: Option<&mut Past>) -> Result<Row, Reason> {
        let what = self.word(Column::Kind, &self.meanings.kinds)?.ok_or(Reason::UnknownKind)?;
        let recv_at = match &mut past {
            Some(past) => self.recv_at(past),
            None => self.time(Column::RecvAt),
        };
        if what as usize > What::Status as usize {
            return self.rare(what, recv_at);
        }
        let recv_at = recv_at?;
        let market = match (self.market(), self.detail()) {
            (Err(Reason::MissingField), Some(text)) => return Self::whole_input(text, what, recv_at).map(Row::Input),
            (market, _) => market?,
        };
        let mut last = past.and_then(|past| past.of(what, market));
        let venue_at = match &mut last {
            Some(last) => self.venue_at(last, recv_at)?,
            None => self.time(Column::VenueAt)?,
        };
        let body = self.body(what, last)?;
        Ok(Row::Input(Input::Event(Event { venue_at, recv_at, market, body })))
    }

    #[inline]
    fn body(&self, what: What, last: Option<&mut Last>) -> Result<Body, Reason> {
        Ok(match what {
            What::Trade => self.trade(last)?,
            What::Quote => self.quote(last)?,
            What::Depth => self.depth(last)?,
            What::Liquidation => self.liquidation()?,
            What::Mark => Body::Mark { price: self.price(Column::Price)? },
            What::Index => Body::Index { price: self.price(Column::Price)? },
            What::Funding => Body::Funding { rate: self.finite(Column::Level)? },
            What::OpenInterest => Body::OpenInterest { qty: self.qty(Column::Qty)? },
            What::MarkIv => Body::MarkIv { iv: self.price(Column::Level)? },
            What::VolatilityIndex => Body::VolatilityIndex { level: self.price(Column::Level)? },
            What::Status => Body::Status { status: self.terms()?.and_then(status).ok_or(Reason::UnknownKind)? },
            _ => return Err(Reason::UnknownKind),
        })
    }

    #[inline]
    fn recv_at(&self, past: &mut Past) -> Result<Nanos, Reason> {
        let full = self.bytes(Column::RecvAt).ok().map(i64::from_le_bytes);
        let unit = self.bytes(Column::RecvUnit).ok().map(i32::from_le_bytes);
        past.recv(full, unit, self.int(Column::RecvStep)).map(Nanos)
    }

    #[inline]
    fn venue_at(&self, last: &mut Last, recv_at: Nanos) -> Result<Nanos, Reason> {
        self.decimals(last)?;
        let full = self.bytes(Column::VenueAt).ok().map(i64::from_le_bytes);
        let by = self.word(Column::VenueBy, &self.meanings.by).ok().flatten();
        last.venue(recv_at.0, full, by, || {
            i64::from(self.tiny(Column::VenueStep)) + i64::from(self.short(Column::VenueLeap))
        })
        .map(Nanos)
    }

    /// Takes the decimals that hold from this row on.
    #[inline]
    fn decimals(&self, last: &mut Last) -> Result<(), Reason> {
        if let Ok(decimals) = self.bytes(Column::PriceDec) {
            last.prices.set(i8::from_le_bytes(decimals))?;
        }
        if let Ok(decimals) = self.bytes(Column::QtyDec) {
            last.qtys.set(i8::from_le_bytes(decimals))?;
        }
        Ok(())
    }

    #[inline]
    fn trade(&self, last: Option<&mut Last>) -> Result<Body, Reason> {
        let (price, qty, id) = match last {
            None => (self.number(Column::Price)?, self.number(Column::Qty)?, self.whole(Column::Id)?),
            Some(last) => {
                let step = i64::from(self.tiny(Column::PriceStep)) + i64::from(self.short(Column::PriceLeap));
                let units = self.short_or_int(Column::QtyStep, Column::QtyLeap);
                (
                    last.prices.take(0, self.number(Column::Price).ok(), step)?,
                    last.qtys.take_units(self.number(Column::Qty).ok(), units)?,
                    last.id(self.whole(Column::Id).ok(), || self.int(Column::IdGap))?,
                )
            }
        };
        Ok(Body::Trade {
            price: Price::new(price)?,
            qty: Qty::positive(qty)?,
            id,
            aggressor: self.word(Column::Side, &self.meanings.sides)?.ok_or(Reason::Side)?,
        })
    }

    #[inline]
    fn quote(&self, mut last: Option<&mut Last>) -> Result<Body, Reason> {
        let (bid, ask) = match &mut last {
            None => (self.number(Column::Bid)?, self.number(Column::Ask)?),
            Some(last) => (
                last.prices.take(0, self.number(Column::Bid).ok(), self.short(Column::BidStep).into())?,
                last.prices.take(1, self.number(Column::Ask).ok(), self.short(Column::AskStep).into())?,
            ),
        };
        let (bid_qty, ask_qty) = self.both(last)?;
        Ok(Body::Quote { bid: Price::new(bid)?, bid_qty, ask: Price::new(ask)?, ask_qty })
    }

    fn depth(&self, last: Option<&mut Last>) -> Result<Body, Reason> {
        let (bid_qty, ask_qty) = self.both(last)?;
        Ok(Body::Depth { bid_qty, ask_qty })
    }

    /// The quantities at both sides of a book.
    #[inline]
    fn both(&self, last: Option<&mut Last>) -> Result<(Qty, Qty), Reason> {
        let Some(last) = last else { return Ok((self.qty(Column::BidQty)?, self.qty(Column::AskQty)?)) };
        let bid_step = self.short_or_int(Column::BidQtyStep, Column::BidQtyLeap);
        let ask_step = self.short_or_int(Column::AskQtyStep, Column::AskQtyLeap);
        let bid = last.qtys.take(0, self.number(Column::BidQty).ok(), bid_step)?;
        let ask = last.qtys.take(1, self.number(Column::AskQty).ok(), ask_step)?;
        Ok((Qty::new(bid)?, Qty::new(ask)?))
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

    fn rare(&self, what: What, recv_at: Result<Nanos, Reason>) -> Result<Row, Reason> {
        Ok(match what {
            What::Snapshot => {
                Row::Snapshot(self.detail().and_then(from_base64).filter(|part| !part.is_empty()).ok_or(Reason::Cut)?)
            }
            What::Lost => Row::Lost(self.whole(Column::Id)?),
            What::End => Row::End(self.detail().map(str::to_owned)),
            What::Tick => Row::Input(Input::Tick(recv_at?)),
            What::Probe => Row::Input(Input::Probe { seq: self.whole(Column::Id)?, at: recv_at? }),
            What::Stored => Row::Input(Input::Stored { at: recv_at?, seq: self.whole(Column::Id)? }),
            _ => match self.detail() {
                Some(text) => Row::Input(Self::whole_input(text, what, recv_at?)?),
                None if what == What::Bar => Row::Input(Input::Bar(self.bar(recv_at?)?)),
                None if what == What::Bad => Row::Input(self.bad(recv_at?)?),
                None => return Err(Reason::MissingField),
            },
        })
    }

    /// An input that its columns do not hold. It must be what the row says it is, at the time that the row says.
    fn whole_input(text: &str, what: What, recv_at: Nanos) -> Result<Input, Reason> {
        let input: Input = from_text(text).ok_or(Reason::BadJson)?;
        if matches!(input, Input::Bad { count, .. } if count > BAD_MAX) {
            return Err(Reason::OutOfRange);
        }
        if what == What::of_input(&input) && recv_at == input.at() { Ok(input) } else { Err(Reason::WrongType) }
    }

    fn bar(&self, close_at: Nanos) -> Result<Bar, Reason> {
        Ok(Bar {
            market: self.market()?,
            open_at: self.time(Column::VenueAt)?,
            close_at,
            open: self.price(Column::Open)?,
            high: self.price(Column::High)?,
            low: self.price(Column::Low)?,
            close: self.price(Column::Price)?,
            volume: self.qty(Column::Qty)?,
            taker_buy: self.qty(Column::TakerBuy)?,
            trades: self.whole(Column::Id)?,
        })
    }

    fn bad(&self, at: Nanos) -> Result<Input, Reason> {
        let market = if self.is_there(Column::Market) { Some(self.market()?) } else { None };
        let count = self.whole(Column::Id)?;
        if count > BAD_MAX {
            return Err(Reason::OutOfRange);
        }
        Ok(Input::Bad { at, market, count })
    }

    #[inline]
    fn is_there(&self, column: Column) -> bool {
        self.batch.is_there(self.row, column)
    }

    #[inline]
    fn bytes<const N: usize>(&self, column: Column) -> Result<[u8; N], Reason> {
        self.batch.bytes(self.row, column)
    }

    #[inline]
    fn time(&self, column: Column) -> Result<Nanos, Reason> {
        Ok(Nanos(i64::from_le_bytes(self.bytes(column)?)))
    }

    #[inline]
    fn whole(&self, column: Column) -> Result<u64, Reason> {
        Ok(u64::from_le_bytes(self.bytes(column)?))
    }

    /// A step; none is the same as one of nothing.
    #[inline]
    fn tiny(&self, column: Column) -> i8 {
        self.bytes(column).map_or(0, i8::from_le_bytes)
    }

    #[inline]
    fn short_or_int(&self, step: Column, leap: Column) -> i64 {
        i64::from(self.short(step)) + i64::from(self.int(leap))
    }

    #[inline]
    fn short(&self, column: Column) -> i16 {
        self.bytes(column).map_or(0, i16::from_le_bytes)
    }

    #[inline]
    fn int(&self, column: Column) -> i32 {
        self.bytes(column).map_or(0, i32::from_le_bytes)
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
        self.batch.text(self.row, Column::Detail)
    }
}
