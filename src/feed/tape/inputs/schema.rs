//! The columns: their order, names and types, as we write them and as a file must say them.

use std::sync::Arc;

use arrow_ipc::{Field as WireField, Schema as WireSchema, TimeUnit as WireUnit, Type};
use arrow_schema::{DataType, Field, Schema, TimeUnit};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed::tape) enum Holds {
    /// Nanoseconds since the epoch.
    Time,
    /// One of a few words, as a number of 8 bits.
    Word,
    /// The name of a market, as a number of 32 bits.
    Market,
    /// A double.
    Number,
    /// A whole number of 64 bits without sign.
    Whole,
    /// Text.
    Text,
}

macro_rules! columns {
    ($($column:ident => $name:literal: $holds:ident,)+) => {
        /// A column, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(in crate::feed::tape) enum Column {
            $($column,)+
        }

        /// Every column: name and what it holds.
        pub(in crate::feed::tape) const COLUMNS: &[(&str, Holds)] = &[$(($name, Holds::$holds)),+];
    };
}

columns! {
    RecvAt => "recv_ns": Time,
    VenueAt => "venue_ns": Time,
    Kind => "kind": Word,
    Market => "market": Market,
    Side => "side": Word,
    Liquidated => "liquidated": Word,
    Terms => "terms": Word,
    Price => "price": Number,
    Qty => "qty": Number,
    Bid => "bid": Number,
    BidQty => "bid_qty": Number,
    Ask => "ask": Number,
    AskQty => "ask_qty": Number,
    Level => "level": Number,
    Id => "id": Whole,
    Open => "open": Number,
    High => "high": Number,
    Low => "low": Number,
    TakerBuy => "taker_buy": Number,
    Detail => "detail": Text,
}

/// How many columns there are.
pub(super) const WIDTH: usize = COLUMNS.len();

/// What the metadata of a schema says of the form: name and version.
const FORM: (&str, &str) = ("fusewire.inputs", "2");

impl Holds {
    fn data_type(self) -> DataType {
        let words = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
        match self {
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Word => words(DataType::Int8),
            Self::Market => words(DataType::Int32),
            Self::Number => DataType::Float64,
            Self::Whole => DataType::UInt64,
            Self::Text => DataType::Utf8,
        }
    }

    /// Bytes of one value; text has 4 of its offset.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Word => 1,
            Self::Market | Self::Text => 4,
            Self::Time | Self::Number | Self::Whole => 8,
        }
    }

    fn is(self, field: &WireField<'_>) -> bool {
        let key = |bits| {
            let key = field.dictionary().and_then(|dictionary| dictionary.indexType());
            field.type_type() == Type::Utf8 && key.is_some_and(|key| key.bitWidth() == bits && key.is_signed())
        };
        let is_plain = field.dictionary().is_none();
        match self {
            Self::Time => is_plain && field.type_as_timestamp().is_some_and(|time| time.unit() == WireUnit::NANOSECOND),
            Self::Word => key(8),
            Self::Market => key(32),
            Self::Number => is_plain && field.type_type() == Type::FloatingPoint && is_double(field),
            Self::Whole => is_plain && field.type_as_int().is_some_and(|int| int.bitWidth() == 64 && !int.is_signed()),
            Self::Text => is_plain && field.type_type() == Type::Utf8,
        }
    }
}

fn is_double(field: &WireField<'_>) -> bool {
    field.type_as_floating_point().is_some_and(|float| float.precision() == arrow_ipc::Precision::DOUBLE)
}

/// The schema that we write.
pub(in crate::feed::tape) fn schema() -> Arc<Schema> {
    let field = |&(name, holds): &(&str, Holds)| Field::new(name, holds.data_type(), name != "kind");
    let fields: Vec<Field> = COLUMNS.iter().map(field).collect();
    let form = std::iter::once((FORM.0.to_owned(), FORM.1.to_owned()));
    Arc::new(Schema::new(fields).with_metadata(form.collect::<std::collections::BTreeMap<_, _>>()))
}

/// The number of the dictionary of each column, of a file whose schema is ours; nothing of any other.
pub(super) fn dictionaries(schema: &WireSchema<'_>) -> Option<[Option<i64>; WIDTH]> {
    let said = schema.custom_metadata()?.iter().find(|pair| pair.key() == Some(FORM.0))?;
    let fields = schema.fields()?;
    if said.value() != Some(FORM.1) || fields.len() != WIDTH {
        return None;
    }
    let mut found = [None; WIDTH];
    for ((field, (name, holds)), place) in fields.iter().zip(COLUMNS).zip(&mut found) {
        if field.name() != Some(name) || !holds.is(&field) {
            return None;
        }
        *place = field.dictionary().map(|dictionary| dictionary.id());
    }
    Some(found)
}
