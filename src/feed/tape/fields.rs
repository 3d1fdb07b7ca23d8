//! What the columns of a line mean: splitting, prices, quantities, times.

use memchr::memchr_iter;

use super::bad::Reason;
use super::decimal::{number, whole};
use crate::event::{Nanos, Price, Qty};

/// 2009-01-01, the year before which no coin traded, in seconds since the epoch.
const FIRST_SECS: u64 = 1_230_768_000;

/// 2100-01-01, in seconds since the epoch.
const LAST_SECS: u64 = 4_102_444_800;

/// The `N` columns of a line, if it has as many.
#[inline]
pub(super) fn split<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut columns: [&[u8]; N] = [&[]; N];
    let mut ends = memchr_iter(b',', line).chain([line.len()]);
    let mut from = 0;
    for column in &mut columns {
        let to = ends.next()?;
        *column = line.get(from..to)?;
        from = to + 1;
    }
    ends.next().is_none().then_some(columns)
}

/// A price above zero.
#[inline]
pub(super) fn price(text: &[u8]) -> Result<Price, Reason> {
    Ok(Price::new(number(text).ok_or(Reason::NotANumber)?)?)
}

/// A quantity above zero.
#[inline]
pub(super) fn positive(text: &[u8]) -> Result<Qty, Reason> {
    Ok(Qty::positive(number(text).ok_or(Reason::NotANumber)?)?)
}

/// A quantity of zero or more.
#[inline]
pub(super) fn quantity(text: &[u8]) -> Result<Qty, Reason> {
    Ok(Qty::new(number(text).ok_or(Reason::NotANumber)?)?)
}

/// A time in microseconds since the epoch.
#[inline]
pub(super) fn micros(text: &[u8]) -> Result<Nanos, Reason> {
    let us =
        whole(text).filter(|us| (FIRST_SECS * 1_000_000..LAST_SECS * 1_000_000).contains(us)).ok_or(Reason::Time)?;
    Ok(Nanos::from_micros(us as i64))
}

/// A time in milliseconds or microseconds since the epoch, and the length of that unit in nanoseconds. The years 2009 to
/// 2100 are apart in the two units, so that the magnitude tells which one it is.
pub(super) fn millis_or_micros(text: &[u8]) -> Result<(Nanos, i64), Reason> {
    let count = whole(text).ok_or(Reason::Time)?;
    if (FIRST_SECS * 1_000..LAST_SECS * 1_000).contains(&count) {
        Ok((Nanos::from_millis(count as i64), 1_000_000))
    } else if (FIRST_SECS * 1_000_000..LAST_SECS * 1_000_000).contains(&count) {
        Ok((Nanos::from_micros(count as i64), 1_000))
    } else {
        Err(Reason::Time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_all_its_columns_or_none() {
        assert_eq!(split::<3>(b"a,,c"), Some([&b"a"[..], b"", b"c"]));
        assert_eq!(split::<3>(b"a,b"), None);
        assert_eq!(split::<3>(b"a,b,c,"), None);
        assert_eq!(split::<1>(b""), Some([&b""[..]]));
    }

    #[test]
    fn times_outside_of_the_age_of_coins_are_refused() {
        assert_eq!(micros(b"1760054402752000"), Ok(Nanos(1_760_054_402_752_000_000)));
        for bad in ["", "0", "1760054402752", "1760054402752000000", "4102444800000000", "-1760054402752000", "1.76e15"]
        {
            assert_eq!(micros(bad.as_bytes()), Err(Reason::Time), "{bad}");
        }
        assert_eq!(millis_or_micros(b"1675209600000"), Ok((Nanos(1_675_209_600_000_000_000), 1_000_000)));
        assert_eq!(millis_or_micros(b"1735689600000000"), Ok((Nanos(1_735_689_600_000_000_000), 1_000)));
        for bad in ["1675209600", "1675209600000000000", "99999999999999", "x"] {
            assert_eq!(millis_or_micros(bad.as_bytes()), Err(Reason::Time), "{bad}");
        }
    }
}
