//! Steps that wait to be written, column by column.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int8Builder, Int16Builder, Int32Builder};
use arrow_array::types::Int8Type;
use arrow_array::{DictionaryArray, StringArray};
use arrow_schema::ArrowError;

use super::past::Steps;
use super::words::By;

/// Rows that wait.
#[derive(Default)]
pub(super) struct StepColumns {
    recv_unit: Int32Builder,
    venue_by: Int8Builder,
    price_dec: Int8Builder,
    qty_dec: Int8Builder,
    recv: Int32Builder,
    venue: (Int8Builder, Int16Builder),
    price: (Int8Builder, Int16Builder),
    bid: Int16Builder,
    ask: Int16Builder,
    qty: (Int16Builder, Int32Builder),
    bid_qty: (Int16Builder, Int32Builder),
    ask_qty: (Int16Builder, Int32Builder),
    id_gap: Int32Builder,
}

impl StepColumns {
    pub(super) fn push(&mut self, steps: &Steps) {
        self.recv_unit.append_option(steps.recv_unit);
        self.venue_by.append_option(steps.venue_by);
        self.price_dec.append_option(steps.price_dec);
        self.qty_dec.append_option(steps.qty_dec);
        self.recv.append_value(steps.recv);
        self.venue.0.append_value(steps.venue.0);
        self.venue.1.append_value(steps.venue.1);
        self.price.0.append_value(steps.price.0);
        self.price.1.append_value(steps.price.1);
        self.bid.append_value(steps.bid);
        self.ask.append_value(steps.ask);
        self.qty.0.append_value(steps.qty.0);
        self.qty.1.append_value(steps.qty.1);
        self.bid_qty.0.append_value(steps.bid_qty.0);
        self.bid_qty.1.append_value(steps.bid_qty.1);
        self.ask_qty.0.append_value(steps.ask_qty.0);
        self.ask_qty.1.append_value(steps.ask_qty.1);
        self.id_gap.append_value(steps.id_gap);
    }

    /// The columns in the order of the schema, and no row is left.
    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let words: ArrayRef = Arc::new(StringArray::from(By::WORDS.to_vec()));
        let venue_by = DictionaryArray::<Int8Type>::try_new(self.venue_by.finish(), words)?;
        Ok(vec![
            Arc::new(self.recv_unit.finish()),
            Arc::new(venue_by),
            Arc::new(self.price_dec.finish()),
            Arc::new(self.qty_dec.finish()),
            Arc::new(self.recv.finish()),
            Arc::new(self.venue.0.finish()),
            Arc::new(self.venue.1.finish()),
            Arc::new(self.price.0.finish()),
            Arc::new(self.price.1.finish()),
            Arc::new(self.bid.finish()),
            Arc::new(self.ask.finish()),
            Arc::new(self.qty.0.finish()),
            Arc::new(self.qty.1.finish()),
            Arc::new(self.bid_qty.0.finish()),
            Arc::new(self.bid_qty.1.finish()),
            Arc::new(self.ask_qty.0.finish()),
            Arc::new(self.ask_qty.1.finish()),
            Arc::new(self.id_gap.finish()),
        ])
    }
}
