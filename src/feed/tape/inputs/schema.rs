//! The columns: their order, names and types, as we write them and as a file must say them. A plain tape has [`COLUMNS`]; a
//! dense one has [`STEPS`] behind them.

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
    /// A whole number of 8 bits.
    Tiny,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// Text.
    Text,
}

macro_rules! columns {
    (
        plain { $($column:ident => $name:literal: $holds:ident,)+ }
        steps { $($step:ident => $step_name:literal: $step_holds:ident,)+ }
    ) => {
        /// A column, in the order of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub(in crate::feed::tape) enum Column {
            $($column,)+
            $($step,)+
        }

        /// The columns of every tape: name and what they hold.
        pub(in crate::feed::tape) const COLUMNS: &[(&str, Holds)] = &[$(($name, Holds::$holds)),+];
        /// What a dense tape has besides.
        pub(super) const STEPS: &[(&str, Holds)] = &[$(($step_name, Holds::$step_holds)),+];
    };
}

columns! {
    plain {
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
    steps {
        RecvUnit => "recv_unit": Int,
        VenueBy => "venue_by": Word,
        PriceDec => "price_dec": Tiny,
        QtyDec => "qty_dec": Tiny,
        RecvStep => "recv_step": Int,
        VenueStep => "venue_step": Tiny,
        VenueLeap => "venue_leap": Short,
        PriceStep => "price_step": Tiny,
        PriceLeap => "price_leap": Short,
        BidStep => "bid_step": Short,
        AskStep => "ask_step": Short,
        QtyStep => "qty_step": Short,
        QtyLeap => "qty_leap": Int,
        BidQtyStep => "bid_qty_step": Short,
        BidQtyLeap => "bid_qty_leap": Int,
        AskQtyStep => "ask_qty_step": Short,
        AskQtyLeap => "ask_qty_leap": Int,
        IdGap => "id_gap": Int,
    }
}

/// How many columns there are at most.
pub(super) const WIDTH: usize = COLUMNS.len() + STEPS.len();

/// The key under which the metadata of a schema says the form.
const FORM: &str = "fusewire.inputs";

/// The form of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::feed::tape) enum Form {
    /// Every value as it is.
    Plain,
    /// What changes little is given as its change, in few bits.
    Dense,
}

impl Form {
    const fn version(self) -> &'static str {
        match self {
            Self::Plain => "2",
            Self::Dense => "3",
        }
    }

    /// Its columns, in order.
    pub(super) fn columns(self) -> impl Iterator<Item = &'static (&'static str, Holds)> {
        let steps: &[_] = if self == Self::Dense { STEPS } else { &[] };
        COLUMNS.iter().chain(steps)
    }
}

impl Holds {
    fn data_type(self) -> DataType {
        let words = |key| DataType::Dictionary(Box::new(key), Box::new(DataType::Utf8));
        match self {
            Self::Time => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Word => words(DataType::Int8),
            Self::Market => words(DataType::Int32),
            Self::Number => DataType::Float64,
            Self::Whole => DataType::UInt64,
            Self::Tiny => DataType::Int8,
            Self::Short => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::Text => DataType::Utf8,
        }
    }

    /// Bytes of one value; text has 4 of its offset.
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Word | Self::Tiny => 1,
            Self::Short => 2,
            Self::Market | Self::Int | Self::Text => 4,
            Self::Time | Self::Number | Self::Whole => 8,
        }
    }

    fn is(self, field: &WireField<'_>) -> bool {
        let key = |bits| {
            let key = field.dictionary().and_then(|dictionary| dictionary.indexType());
            field.type_type() == Type::Utf8 && key.is_some_and(|key| key.bitWidth() == bits && key.is_signed())
        };
        let is_plain = field.dictionary().is_none();
        let int = |bits, is_signed| {
            is_plain && field.type_as_int().is_some_and(|int| int.bitWidth() == bits && int.is_signed() == is_signed)
        };
        match self {
            Self::Time => is_plain && field.type_as_timestamp().is_some_and(|time| time.unit() == WireUnit::NANOSECOND),
            Self::Word => key(8),
            Self::Market => key(32),
            Self::Number => is_plain && field.type_type() == Type::FloatingPoint && is_double(field),
            Self::Whole => int(64, false),
            Self::Tiny => int(8, true),
            Self::Short => int(16, true),
            Self::Int => int(32, true),
            Self::Text => is_plain && field.type_type() == Type::Utf8,
        }
    }
}

fn is_double(field: &WireField<'_>) -> bool {
    field.type_as_floating_point().is_some_and(|float| float.precision() == arrow_ipc::Precision::DOUBLE)
}

/// The schema that we write. Of a dense tape it says how the columns of steps are read.
pub(in crate::feed::tape) fn schema(form: Form) -> Arc<Schema> {
    let is_always_there = |place: usize, name: &str| name == "kind" || place >= Column::RecvStep as usize;
    let field = |(place, &(name, holds)): (usize, &(&str, Holds))| {
        Field::new(name, holds.data_type(), !is_always_there(place, name))
    };
    let fields: Vec<Field> = form.columns().enumerate().map(field).collect();
    let mut said = std::collections::BTreeMap::from([(FORM.to_owned(), form.version().to_owned())]);
    if form == Form::Dense {
        said.insert(format!("{FORM}.steps"), MEANING.to_owned());
    }
    Arc::new(Schema::new(fields).with_metadata(said))
}

/// How a dense tape is read, for whoever opens it with another program.
const MEANING: &str = "A value stands in its plain column, or that is null and its step and leap (they are added up) say how it \
differs from the row before of the same market and kind (trade, quote, depth): price, bid, ask in units of 10^-price_dec; bid_qty, \
ask_qty in units of 10^-qty_dec. qty is its step and leap in these units, counted from 0; id is the one before + 1 + id_gap; \
recv_ns is that of the row before + recv_step * recv_unit. price_dec, qty_dec, recv_unit, venue_by hold until they are given \
anew. venue_by recv: venue_ns is recv_ns; ms: the one before + step and leap in ms; lag: the whole microseconds of recv_ns less \
the lag in us, which is the one before + step and leap. Numbers are the doubles nearest to their decimals. side holds for \
trades, elsewhere it repeats.";

/// The form of a file whose schema is ours, and the number of the dictionary of each column; nothing of any other.
pub(super) fn form(schema: &WireSchema<'_>) -> Option<(Form, [Option<i64>; WIDTH])> {
    let metadata = schema.custom_metadata()?;
    let said = metadata.iter().find(|pair| pair.key() == Some(FORM))?.value()?;
    let form = [Form::Plain, Form::Dense].into_iter().find(|form| form.version() == said)?;
    let fields = schema.fields()?;
    if fields.len() != form.columns().count() {
        return None;
    }
    let mut found = [None; WIDTH];
    for ((field, (name, holds)), place) in fields.iter().zip(form.columns()).zip(&mut found) {
        if field.name() != Some(name) || !holds.is(&field) {
            return None;
        }
        *place = field.dictionary().map(|dictionary| dictionary.id());
    }
    Some((form, found))
}
