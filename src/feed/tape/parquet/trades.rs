//! Trades of somebody's table.

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder as Builder};
use ::parquet::file::reader::ChunkReader;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Schema};

use super::BATCH;
use super::cell::{flag, id, is_id, is_number, is_time, number, text, time};
use super::guard::guarded;
use super::roles::Roles;
use crate::engine::Input;
use crate::event::{Aggressor, Body, Event, MarketId, Nanos, Price, Qty};
use crate::feed::instrument::{is_symbol, is_venue};
use crate::feed::spelling::our_venue;
use crate::feed::tape::bad::Reason;
use crate::feed::tape::error::TapeError;
use crate::feed::tape::names::Names;
use crate::feed::tape::source::{Report, Source};
use crate::feed::tape::spec::Spec;
use crate::market::Markets;

/// A table of trades.
pub(super) struct Trades {
    rows: ParquetRecordBatchReader,
    batch: Option<RecordBatch>,
    row: usize,
    roles: Roles,
    /// Where no column names them.
    venue: String,
    symbol: String,
    names: Names,
    /// The unit of times, which the first row fixes.
    unit: Option<i64>,
    report: Report,
}

impl Trades {
    pub(super) fn new<F: ChunkReader + 'static>(
        builder: Builder<F>,
        spec: &Spec,
        report: Report,
    ) -> Result<Self, TapeError> {
        let schema = builder.schema().clone();
        let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let roles = Roles::of(&columns, &spec.path)?;
        types(&roles, &schema, spec)?;
        let (venue, symbol) = market(&roles, spec)?;
        let wanted = wanted(&roles);
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.iter().copied());
        let doubt = |why: String| TapeError::doubt(&spec.path, why);
        let rows = guarded(&spec.path, || builder.with_projection(mask).with_batch_size(BATCH).build())
            .map_err(doubt)?
            .map_err(|why| doubt(super::told(&why)))?;
        let roles = projected(&roles, &wanted);
        let names = Names::new(our_venue);
        Ok(Self { rows, batch: None, row: 0, roles, venue, symbol, names, unit: None, report })
    }

    /// The next rows, or why there are no more. Once the reader gave up it is not asked again.
    fn read(&mut self) -> Result<Option<RecordBatch>, String> {
        if self.report.damage.is_some() {
            return Ok(None);
        }
        let rows = &mut self.rows;
        let next = guarded(&self.report.path, || rows.next())?;
        next.transpose().map_err(|why| crate::feed::session::printable(&why.to_string()))
    }

    fn decode(&mut self, batch: &RecordBatch, row: usize, markets: &mut Markets) -> Result<Input, Reason> {
        let column = |place: usize| batch.columns().get(place).ok_or(Reason::Columns);
        let Roles { time: at, recv_time, price, qty, id: id_at, .. } = self.roles;
        let venue_at = self.time(column(at)?, row)?;
        let recv_at = recv_time.map_or(Ok(venue_at), |place| self.time(column(place)?, row))?;
        let body = Body::Trade {
            price: Price::new(number(column(price)?, row)?)?,
            qty: Qty::positive(number(column(qty)?, row)?)?,
            id: id_at.map_or(Ok(0), |place| id(column(place)?, row))?,
            aggressor: self.aggressor(batch, row)?,
        };
        let market = self.market(batch, row, markets)?;
        Ok(Input::Event(Event { venue_at, recv_at, market, body }))
    }

    /// A time in the unit of the table: half of one with two is not what it seems.
    fn time(&mut self, column: &ArrayRef, row: usize) -> Result<Nanos, Reason> {
        let (at, unit) = time(column, row)?;
        // A column whose type names its unit needs no such check.
        if matches!(column.data_type(), DataType::Timestamp(..)) || *self.unit.get_or_insert(unit) == unit {
            Ok(at)
        } else {
            Err(Reason::MixedUnits)
        }
    }

    fn aggressor(&self, batch: &RecordBatch, row: usize) -> Result<Aggressor, Reason> {
        let column = |place: usize| batch.columns().get(place).ok_or(Reason::Columns);
        match (self.roles.side, self.roles.buyer_maker) {
            (Some(place), _) => match text(column(place)?, row)?.to_ascii_lowercase().as_str() {
                "buy" | "b" => Ok(Aggressor::Buy),
                "sell" | "s" => Ok(Aggressor::Sell),
                "unknown" => Ok(Aggressor::Unknown),
                _ => Err(Reason::Side),
            },
            (None, Some(place)) => Ok(if flag(column(place)?, row)? { Aggressor::Sell } else { Aggressor::Buy }),
            (None, None) => Ok(Aggressor::Unknown),
        }
    }

    fn market(&mut self, batch: &RecordBatch, row: usize, markets: &mut Markets) -> Result<MarketId, Reason> {
        let said = |place: Option<usize>, plain: &str| match place.and_then(|place| batch.columns().get(place)) {
            Some(column) => text(column, row).map(str::to_owned),
            None => Ok(plain.to_owned()),
        };
        let (mut venue, mut symbol) = (said(self.roles.venue, &self.venue)?, said(self.roles.symbol, &self.symbol)?);
        // Our own spelling of a market names both.
        if self.roles.venue.is_none()
            && let Some((of, native)) = symbol.split_once(':').filter(|(of, _)| is_venue(of))
        {
            (venue, symbol) = (of.to_owned(), native.to_owned());
        }
        if venue.is_empty() {
            return Err(Reason::Venue);
        }
        let head = format!("{venue},{symbol}");
        self.names.id(head.as_bytes(), venue.as_bytes(), symbol.as_bytes(), markets)
    }
}

impl Source for Trades {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            let Some(batch) = self.batch.take().filter(|batch| self.row < batch.num_rows()) else {
                self.row = 0;
                match self.read() {
                    Ok(Some(batch)) => self.batch = Some(batch),
                    Ok(None) => return Ok(None),
                    Err(why) => {
                        self.report.damage = Some(why);
                        return Ok(None);
                    }
                }
                continue;
            };
            self.report.lines += 1;
            let decoded = self.decode(&batch, self.row, markets);
            self.row += 1;
            self.batch = Some(batch);
            match decoded {
                Ok(input) => {
                    self.report.inputs += 1;
                    return Ok(Some(input));
                }
                Err(reason) => self.report.bad.count(self.report.lines, reason),
            }
        }
    }

    fn report(&self) -> &Report {
        &self.report
    }
}

fn types(roles: &Roles, schema: &Schema, spec: &Spec) -> Result<(), TapeError> {
    let texts = [roles.side, roles.symbol, roles.venue];
    let check = |place: usize, fits: &dyn Fn(&DataType) -> bool, what: &str| match schema.fields().get(place) {
        Some(field) if !fits(field.data_type()) => Err(TapeError::doubt(
            &spec.path,
            format!("column `{}` is {}, which is not read as {what}", field.name(), field.data_type()),
        )),
        _ => Ok(()),
    };
    for place in [Some(roles.time), roles.recv_time].into_iter().flatten() {
        check(place, &is_time, "a time: make it a timestamp, or a whole number of s, ms, us or ns since 1970")?;
    }
    for place in [roles.price, roles.qty] {
        check(place, &is_number, "a number")?;
    }
    for place in texts.into_iter().flatten() {
        check(place, &|of| *of == DataType::Utf8, "text")?;
    }
    if let Some(place) = roles.buyer_maker {
        check(place, &|of| *of == DataType::Boolean, "true or false")?;
    }
    roles.id.map_or(Ok(()), |place| check(place, &is_id, "an id: make it a whole number"))
}

/// Venue and symbol that the user says, for those that no column does.
fn market(roles: &Roles, spec: &Spec) -> Result<(String, String), TapeError> {
    let doubt = |help: &str| TapeError::doubt(&spec.path, help);
    let said = spec.venue.as_deref().unwrap_or_default();
    let (venue, symbol) = said.split_once(':').unwrap_or((said, ""));
    if roles.symbol.is_none() && !is_symbol(symbol) {
        return Err(doubt("no column is the market; say it, as in `--venue binance-usdm:BTCUSDT`"));
    }
    if roles.venue.is_none() && !venue.is_empty() && !is_venue(venue) {
        return Err(doubt("a venue is written in a-z, 0-9 and `-`, as in `--venue binance-usdm`"));
    }
    if roles.venue.is_none() && roles.symbol.is_none() && venue.is_empty() {
        return Err(doubt("no column is the venue; say it, as in `--venue binance-usdm`"));
    }
    Ok((venue.to_owned(), symbol.to_owned()))
}

/// The columns that are read, in the order of the file.
fn wanted(roles: &Roles) -> Vec<usize> {
    let Roles { time, recv_time, price, qty, side, buyer_maker, symbol, venue, id } = *roles;
    let some = [recv_time, side, buyer_maker, symbol, venue, id].into_iter().flatten();
    let mut all: Vec<usize> = [time, price, qty].into_iter().chain(some).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The same roles among the columns that are read.
fn projected(roles: &Roles, wanted: &[usize]) -> Roles {
    let place = |of: usize| wanted.binary_search(&of).unwrap_or(0);
    Roles {
        time: place(roles.time),
        recv_time: roles.recv_time.map(place),
        price: place(roles.price),
        qty: place(roles.qty),
        side: roles.side.map(place),
        buyer_maker: roles.buyer_maker.map(place),
        symbol: roles.symbol.map(place),
        venue: roles.venue.map(place),
        id: roles.id.map(place),
    }
}
