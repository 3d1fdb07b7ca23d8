//! Values of a column, whatever type it has.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use crate::event::Nanos;
use crate::feed::tape::bad::Reason;
use crate::feed::tape::decimal;
use crate::feed::tape::fields::{FIRST_SECS, LAST_SECS};

/// In seconds since the epoch: in no two units is a time of these years the same number.
const YEARS: std::ops::Range<i64> = FIRST_SECS as i64..LAST_SECS as i64;
/// Units of times, nanoseconds each.
const UNITS: [i64; 4] = [1_000_000_000, 1_000_000, 1_000, 1];

/// Whether a column can hold a time.
pub(super) const fn is_time(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond | TimeUnit::Nanosecond, _)
            | DataType::Int64
            | DataType::UInt64
    )
}

/// Whether a column can hold a number.
pub(super) const fn is_number(of: &DataType) -> bool {
    matches!(
        of,
        DataType::Float64
            | DataType::Float32
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt64
            | DataType::Decimal128(..)
            | DataType::Utf8
    )
}

/// Whether a column can hold an id.
pub(super) const fn is_id(of: &DataType) -> bool {
    matches!(of, DataType::Int64 | DataType::UInt64 | DataType::Int32)
}

/// A number; text as decimals are read everywhere else.
pub(super) fn number(column: &ArrayRef, row: usize) -> Result<f64, Reason> {
    if column.is_null(row) {
        return Err(Reason::MissingField);
    }
    Ok(match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row),
        DataType::Float32 => f64::from(column.as_primitive::<Float32Type>().value(row)),
        DataType::Int32 => f64::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row) as f64,
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row) as f64,
        DataType::Decimal128(_, scale) => {
            // By its digits: a division would round once more.
            let digits = column.as_primitive::<Decimal128Type>().value(row);
            format!("{digits}e{}", -i32::from(*scale)).parse().map_err(|_| Reason::NotANumber)?
        }
        DataType::Utf8 => decimal::number(column.as_string::<i32>().value(row).as_bytes()).ok_or(Reason::NotANumber)?,
        _ => return Err(Reason::WrongType),
    })
}

/// A time, and the unit it is in, nanoseconds: by the column's type, else by how large the number is.
pub(super) fn time(column: &ArrayRef, row: usize) -> Result<(Nanos, i64), Reason> {
    if column.is_null(row) {
        return Err(Reason::MissingField);
    }
    let known = |count: i64, unit: i64| {
        let at = count.checked_mul(unit).filter(|ns| YEARS.contains(&ns.div_euclid(Nanos::SECOND)));
        at.map(|ns| (Nanos(ns), unit)).ok_or(Reason::Time)
    };
    match column.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            known(column.as_primitive::<TimestampNanosecondType>().value(row), 1)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            known(column.as_primitive::<TimestampMicrosecondType>().value(row), 1_000)
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            known(column.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000)
        }
        DataType::Int64 => by_size(column.as_primitive::<Int64Type>().value(row)),
        DataType::UInt64 => {
            by_size(i64::try_from(column.as_primitive::<UInt64Type>().value(row)).map_err(|_| Reason::Time)?)
        }
        _ => Err(Reason::WrongType),
    }
}

fn by_size(count: i64) -> Result<(Nanos, i64), Reason> {
    let unit = UNITS.into_iter().find(|unit| YEARS.contains(&count.div_euclid(Nanos::SECOND / unit)));
    let unit = unit.ok_or(Reason::Time)?;
    Ok((Nanos(count.checked_mul(unit).ok_or(Reason::Time)?), unit))
}

/// An id; none is 0.
pub(super) fn id(column: &ArrayRef, row: usize) -> Result<u64, Reason> {
    if column.is_null(row) {
        return Ok(0);
    }
    match column.data_type() {
        DataType::Int64 => u64::try_from(column.as_primitive::<Int64Type>().value(row)).map_err(|_| Reason::NotANumber),
        DataType::Int32 => u64::try_from(column.as_primitive::<Int32Type>().value(row)).map_err(|_| Reason::NotANumber),
        DataType::UInt64 => Ok(column.as_primitive::<UInt64Type>().value(row)),
        _ => Err(Reason::WrongType),
    }
}

/// Text.
pub(super) fn text(column: &ArrayRef, row: usize) -> Result<&str, Reason> {
    match column.data_type() {
        _ if column.is_null(row) => Err(Reason::MissingField),
        DataType::Utf8 => Ok(column.as_string::<i32>().value(row)),
        _ => Err(Reason::WrongType),
    }
}

/// Yes or no.
pub(super) fn flag(column: &ArrayRef, row: usize) -> Result<bool, Reason> {
    match column.data_type() {
        _ if column.is_null(row) => Err(Reason::MissingField),
        DataType::Boolean => Ok(column.as_boolean().value(row)),
        _ => Err(Reason::WrongType),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Decimal128Array, Int64Array, StringArray};
    use std::sync::Arc;

    #[test]
    fn the_size_of_a_time_tells_its_unit() {
        let secs = 1_760_130_903_i64;
        for (count, unit) in [(secs, 0), (secs * 1_000, 1), (secs * 1_000_000, 2), (secs * 1_000_000_000, 3)] {
            assert_eq!(by_size(count), Ok((Nanos::from_secs(secs), UNITS[unit])));
        }
        for bad in [0, -1, 1, i64::MAX, i64::MIN, 5_000_000_000] {
            assert_eq!(by_size(bad), Err(Reason::Time), "{bad}");
        }
    }

    #[test]
    fn decimals_and_texts_are_the_numbers_they_show() {
        let decimals = Decimal128Array::from(vec![Some(41_234), None]).with_precision_and_scale(10, 4).unwrap();
        let column: ArrayRef = Arc::new(decimals);
        assert_eq!(number(&column, 0), Ok(4.1234));
        assert_eq!(number(&column, 1), Err(Reason::MissingField));
        let column: ArrayRef = Arc::new(StringArray::from(vec!["4.1234", "NaN", "1e5x"]));
        assert_eq!(number(&column, 0), Ok(4.1234));
        assert!(number(&column, 1).is_ok_and(f64::is_nan), "a price refuses it by its reason");
        assert_eq!(number(&column, 2), Err(Reason::NotANumber));
        let column: ArrayRef = Arc::new(Int64Array::from(vec![-5]));
        assert_eq!(id(&column, 0), Err(Reason::NotANumber));
    }
}
