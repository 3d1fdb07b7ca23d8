//! Rows that wait to be written, column by column.

use std::sync::Arc;

use arrow_array::builder::{
    Float64Builder, Int8Builder, Int32Builder, StringBuilder, TimestampNanosecondBuilder, UInt64Builder,
};
use arrow_array::types::{Int8Type, Int32Type};
use arrow_array::{ArrayRef, DictionaryArray, RecordBatch, StringArray};
use arrow_schema::ArrowError;

use super::cells::{Cells, cells_of};
use super::past::Past;
use super::schema::{Column, Form, schema};
use super::steps::StepColumns;
use super::words::{LIQUIDATED, SIDES, TERMS, What};
use crate::engine::Input;
use crate::market::Markets;

/// The words that columns of words are written with.
pub(in crate::feed::tape) struct Names {
    kinds: ArrayRef,
    sides: ArrayRef,
    liquidated: ArrayRef,
    terms: ArrayRef,
    markets: ArrayRef,
}

impl Names {
    pub(in crate::feed::tape) fn new() -> Self {
        let words = |words: &[&str]| Arc::new(StringArray::from(words.to_vec())) as ArrayRef;
        Self {
            kinds: words(What::WORDS),
            sides: words(SIDES),
            liquidated: words(LIQUIDATED),
            terms: words(TERMS),
            markets: words(&[]),
        }
    }

    /// How many markets have one.
    pub(in crate::feed::tape) fn len(&self) -> usize {
        self.markets.len()
    }

    /// Takes the names of all markets of a table.
    pub(in crate::feed::tape) fn meet(&mut self, markets: &Markets) {
        self.markets = Arc::new(markets.iter().map(|(_, market)| Some(market.to_string())).collect::<StringArray>());
    }
}

/// Rows that wait.
#[derive(Default)]
pub(in crate::feed::tape) struct Columns {
    count: usize,
    recv_at: TimestampNanosecondBuilder,
    venue_at: TimestampNanosecondBuilder,
    kind: Int8Builder,
    market: Int32Builder,
    side: Int8Builder,
    /// What stood in it last, of a dense tape.
    side_before: i8,
    liquidated: Int8Builder,
    terms: Int8Builder,
    /// [`NUMBERS`], in order.
    numbers: [Float64Builder; NUMBERS.len()],
    id: UInt64Builder,
    detail: StringBuilder,
    /// Of a dense tape.
    steps: Option<(Past, StepColumns)>,
}

/// The columns of doubles.
const NUMBERS: [Column; 11] = [
    Column::Price,
    Column::Qty,
    Column::Bid,
    Column::BidQty,
    Column::Ask,
    Column::AskQty,
    Column::Level,
    Column::Open,
    Column::High,
    Column::Low,
    Column::TakerBuy,
];

impl Columns {
    pub(in crate::feed::tape) fn new(form: Form) -> Self {
        let steps = (form == Form::Dense).then(Default::default);
        Self { steps, ..Self::default() }
    }

    /// How many rows there are.
    pub(in crate::feed::tape) const fn count(&self) -> usize {
        self.count
    }

    /// Bytes of text in them.
    pub(super) fn text(&self) -> usize {
        self.detail.values_slice().len()
    }

    /// Appends a mark.
    pub(super) fn mark(&mut self, what: What, id: Option<u64>, detail: Option<&str>) {
        self.push(what, Cells { id, ..Cells::default() }, detail);
    }

    /// Appends an input. `known` is the number of markets that have a name.
    pub(in crate::feed::tape) fn input(&mut self, input: &Input, known: usize) {
        let (what, cells, detail) = cells_of(input, known);
        self.push(what, cells, detail.as_deref());
    }

    fn push(&mut self, what: What, mut cells: Cells, detail: Option<&str>) {
        self.count += 1;
        if let Some((past, columns)) = &mut self.steps {
            columns.push(&past.narrow(what, &mut cells));
            // A bit a row that says whether there is a side, or a word for none, costs more.
            self.side_before = cells.side.unwrap_or(self.side_before);
            cells.side = Some(self.side_before);
        }
        self.recv_at.append_option(cells.recv_at);
        self.venue_at.append_option(cells.venue_at);
        self.kind.append_value(what as i8);
        self.market.append_option(cells.market);
        self.side.append_option(cells.side);
        self.liquidated.append_option(cells.liquidated);
        self.terms.append_option(cells.terms);
        let [bid, bid_qty] = cells.bid;
        let [ask, ask_qty] = cells.ask;
        let [open, high, low, taker_buy] = cells.bar;
        let numbers = [cells.price, cells.qty, bid, bid_qty, ask, ask_qty, cells.level, open, high, low, taker_buy];
        for (column, value) in self.numbers.iter_mut().zip(numbers) {
            column.append_option(value);
        }
        self.id.append_option(cells.id);
        self.detail.append_option(detail);
    }

    /// All rows so far as one batch, and none is left.
    pub(in crate::feed::tape) fn batch(&mut self, names: &Names) -> Result<RecordBatch, ArrowError> {
        self.count = 0;
        let word = |keys: &mut Int8Builder, words: &ArrayRef| -> Result<ArrayRef, ArrowError> {
            Ok(Arc::new(DictionaryArray::<Int8Type>::try_new(keys.finish(), Arc::clone(words))?))
        };
        let markets = DictionaryArray::<Int32Type>::try_new(self.market.finish(), Arc::clone(&names.markets))?;
        let mut numbers = self.numbers.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef);
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.recv_at.finish()),
            Arc::new(self.venue_at.finish()),
            word(&mut self.kind, &names.kinds)?,
            Arc::new(markets),
            word(&mut self.side, &names.sides)?,
            word(&mut self.liquidated, &names.liquidated)?,
            word(&mut self.terms, &names.terms)?,
        ];
        columns.extend(numbers.by_ref().take(Column::Id as usize - columns.len()));
        columns.push(Arc::new(self.id.finish()));
        columns.extend(numbers);
        columns.push(Arc::new(self.detail.finish()));
        let form = match &mut self.steps {
            Some((_, steps)) => {
                columns.extend(steps.finish()?);
                Form::Dense
            }
            None => Form::Plain,
        };
        RecordBatch::try_new(schema(form), columns)
    }
}
