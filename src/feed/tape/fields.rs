//! What the columns of a line mean: splitting, prices, quantities, times.

use super::bad::Reason;
use super::decimal::{number, whole};
use crate::event::{Nanos, Price, Qty};

/// 2009-01-01, the year before which no coin traded, in seconds since the epoch.
pub(super) const FIRST_SECS: u64 = 1_230_768_000;

/// 2100-01-01, in seconds since the epoch.
pub(super) const LAST_SECS: u64 = 4_102_444_800;

/// The `N` columns of a line, if it has as many.
#[inline]
pub(super) fn split<const N: usize>(line: &[u8]) -> Option<[&[u8]; N]> {
    let mut columns: [&[u8]; N] = [&[]; N];
    let (mut from, mut filled) = (0, 0);
    let mut take = |to: usize| {
        let (Some(column), Some(text)) = (columns.get_mut(filled), line.get(from..to)) else { return false };
        *column = text;
        (from, filled) = (to + 1, filled + 1);
        true
    };
    // Columns are short: looking at eight bytes at a time beats a vector search that starts anew at every comma.
    let (words, rest) = line.as_chunks();
    for (place, word) in words.iter().enumerate() {
        let mut found = commas(u64::from_le_bytes(*word));
        while found != 0 {
            if !take(place * 8 + found.trailing_zeros() as usize / 8) {
                return None;
            }
            found &= found - 1;
        }
    }
    for (place, byte) in (words.len() * 8..).zip(rest) {
        if *byte == b',' && !take(place) {
            return None;
        }
    }
    (take(line.len()) && filled == N).then_some(columns)
}

/// The top bit of every byte of `word` that is a comma. A byte without its top bit carries into it when 127 is added,
/// unless it is zero; no carry leaves its byte.
#[inline]
const fn commas(word: u64) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let zero_at_comma = word ^ 0x2c2c_2c2c_2c2c_2c2c;
    !(((zero_at_comma & LOW) + LOW) | zero_at_comma | LOW)
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

/// Whether a column says zero, without a sign: where that means that there is nothing.
pub(super) fn is_zero(text: &[u8]) -> bool {
    number(text).is_some_and(|value| value == 0.0 && value.is_sign_positive())
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

/// A time in seconds since the epoch with up to nine digits of fraction, read digit by digit: a double would lose the last.
pub(super) fn seconds(text: &[u8]) -> Result<Nanos, Reason> {
    let point = memchr::memchr(b'.', text).unwrap_or(text.len());
    let (secs, fraction) = text.split_at(point);
    let secs = whole(secs).filter(|secs| (FIRST_SECS..LAST_SECS).contains(secs)).ok_or(Reason::Time)?;
    let nanos = match fraction {
        [] => 0,
        [_, digits @ ..] => {
            let missing = 9_u32.checked_sub(digits.len() as u32).ok_or(Reason::Time)?;
            whole(digits).ok_or(Reason::Time)? * 10_u64.pow(missing)
        }
    };
    Ok(Nanos((secs * 1_000_000_000 + nanos) as i64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_has_all_its_columns_or_none() {
        assert_eq!(split::<3>(b"a,,c"), Some([&b"a"[..], b"", b"c"]));
        assert_eq!(split::<3>(b"a,b"), None);
        assert_eq!(split::<3>(b"a,b,c,"), None);
        assert_eq!(split::<1>(b""), Some([&b""[..]]));
    }

    #[test]
    fn fractions_of_seconds_are_read_to_the_last_digit() {
        for (text, want) in [
            ("1633998512.0633569", 1_633_998_512_063_356_900),
            ("1626992741.06217", 1_626_992_741_062_170_000),
            ("1626992741.000000001", 1_626_992_741_000_000_001),
            ("1626992741.0", 1_626_992_741_000_000_000),
            ("1626992741", 1_626_992_741_000_000_000),
        ] {
            assert_eq!(seconds(text.as_bytes()), Ok(Nanos(want)), "{text}");
        }
        for bad in ["", ".", ".5", "1626992741.", "1626992741.1.2", "1626992741.-1", "1626992741.0000000001", "0.5"] {
            assert_eq!(seconds(bad.as_bytes()), Err(Reason::Time), "{bad}");
        }
        for bad in ["-1626992741.5", "1.6e9", "NaN", "inf", "4102444800.0", &"9".repeat(400)] {
            assert_eq!(seconds(bad.as_bytes()), Err(Reason::Time), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_line_is_split_as_the_standard_library_splits_it(line in prop::collection::vec(prop_oneof![Just(b','), Just(0xac), any::<u8>()], 0..80)) {
            let wanted: Vec<&[u8]> = line.split(|byte| *byte == b',').collect();
            for found in [split::<1>(&line).map(|c| c.to_vec()), split::<8>(&line).map(|c| c.to_vec()), split::<12>(&line).map(|c| c.to_vec())].into_iter().flatten() {
                prop_assert_eq!(&found, &wanted);
            }
            prop_assert_eq!(split::<8>(&line).is_some(), wanted.len() == 8);
        }
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
