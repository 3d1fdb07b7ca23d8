//! Strict readers of the values venues write: decimal text, and times as whole numbers.
//!
//! Rust's own `f64::from_str` takes `NaN`, `inf` and `+1`; a venue that sends these is broken and its frame is refused.

use super::Reason;
use crate::event::{Nanos, Price, Qty};

/// 2009-01-01, in milliseconds: no exchange of today printed before.
const FIRST_MS: i64 = 1_230_768_000_000;
/// 2100-01-01, in milliseconds.
const LAST_MS: i64 = 4_102_444_800_000;

/// A price above zero.
pub fn price(text: &str) -> Result<Price, Reason> {
    Ok(Price::new(number(text)?)?)
}

/// A quantity above zero: of a trade or a liquidation.
pub fn qty(text: &str) -> Result<Qty, Reason> {
    Ok(Qty::positive(number(text)?)?)
}

/// A quantity of zero or more: of a side of a book.
pub fn book_qty(text: &str) -> Result<Qty, Reason> {
    Ok(Qty::new(number(text)?)?)
}

/// A funding rate as a fraction: of either sign, at most 10 (1000 %) a period.
pub fn rate(text: &str) -> Result<f64, Reason> {
    bounded_rate(number(text)?)
}

/// The same of a number that was read already.
pub fn bounded_rate(rate: f64) -> Result<f64, Reason> {
    if rate.abs() <= 10.0 { Ok(rate) } else { Err(Reason::OutOfRange) }
}

/// A finite number in the grammar of JSON: no sign of plus, no blanks, no words, no leading zeros. One so near to zero that it
/// would be read as zero is refused.
pub fn number(text: &str) -> Result<f64, Reason> {
    if !is_decimal(text.as_bytes()) {
        return Err(if is_word_for_infinite(text) { Reason::NotFinite } else { Reason::BadNumber });
    }
    let value: f64 = text.parse().map_err(|_| Reason::BadNumber)?;
    if !value.is_finite() {
        Err(Reason::NotFinite)
    } else if value == 0.0 && !is_zero(text) {
        Err(Reason::OutOfRange)
    } else {
        Ok(value)
    }
}

/// A whole number of zero or more in digits alone.
pub fn whole(text: &str) -> Result<u64, Reason> {
    let (count, rest) = digits(text.as_bytes());
    if count == 0 || !rest.is_empty() || (count > 1 && text.starts_with('0')) {
        return Err(Reason::BadNumber);
    }
    text.parse().map_err(|_| Reason::OutOfRange)
}

/// A time in milliseconds between 2009 and 2100.
pub fn millis(ms: i64) -> Result<Nanos, Reason> {
    if (FIRST_MS..LAST_MS).contains(&ms) { Ok(Nanos::from_millis(ms)) } else { Err(Reason::OutOfRange) }
}

/// A time in milliseconds or microseconds; the years from 2009 to 2100 make the two ranges disjoint.
pub fn millis_or_micros(time: i64) -> Result<Nanos, Reason> {
    if (FIRST_MS * 1000..LAST_MS * 1000).contains(&time) { Ok(Nanos::from_micros(time)) } else { millis(time) }
}

/// A time between 2009 and 2100 as a decimal of a unit of `10^digits` nanoseconds since 1970, read digit by digit: a double
/// would lose the last ones. At most `digits` digits of fraction; no exponent.
pub fn epoch(text: &str, digits: u32) -> Result<Nanos, Reason> {
    let (count, fraction) = match text.split_once('.') {
        Some((_, "")) => return Err(Reason::BadNumber),
        Some((count, fraction)) => (count, fraction),
        None => (text, ""),
    };
    let missing = digits.checked_sub(fraction.len() as u32).ok_or(Reason::BadNumber)?;
    let is_sound = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u64 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| Reason::BadNumber)? };
    if !is_sound {
        return Err(Reason::BadNumber);
    }
    let unit = 10_u64.pow(digits);
    let count = whole(count)?.checked_mul(unit).ok_or(Reason::OutOfRange)?;
    let nanos = count.checked_add(fraction * 10_u64.pow(missing)).and_then(|nanos| i64::try_from(nanos).ok());
    let nanos = nanos.ok_or(Reason::OutOfRange)?;
    millis(nanos / 1_000_000).map(|_| Nanos(nanos))
}

fn is_decimal(text: &[u8]) -> bool {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = digits(rest);
    if whole == 0 || (whole > 1 && text.strip_prefix(b"-").unwrap_or(text).starts_with(b"0")) {
        return false;
    }
    let rest = match rest.strip_prefix(b".").map(digits) {
        Some((0, _)) => return false,
        Some((_, rest)) => rest,
        None => rest,
    };
    let Some(rest) = rest.strip_prefix(b"e").or_else(|| rest.strip_prefix(b"E")) else {
        return rest.is_empty();
    };
    let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"+")).unwrap_or(rest);
    matches!(digits(rest), (1.., []))
}

/// Whether a decimal says zero: no other digit before its exponent.
fn is_zero(text: &str) -> bool {
    let digits = text.split_once(['e', 'E']).map_or(text, |(digits, _)| digits);
    !digits.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0')
}

fn digits(text: &[u8]) -> (usize, &[u8]) {
    let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (count, text.get(count..).unwrap_or_default())
}

fn is_word_for_infinite(text: &str) -> bool {
    let word = text.trim_start_matches(['-', '+']);
    ["nan", "inf", "infinity"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_decimals_pass() {
        for (text, want) in [("0", 0.0), ("-0.5", -0.5), ("61837.63000000", 61837.63), ("1e-7", 1e-7), ("1E+2", 100.0)]
        {
            assert!((number(text).expect(text) - want).abs() < 1e-12, "{text}");
        }
        for text in ["", " 1", "1 ", "+1", "0x10", "1.", ".5", "01", "-", "1e", "1e+", "1_000", "1,5", "١"] {
            assert_eq!(number(text), Err(Reason::BadNumber), "{text:?}");
        }
        let long = "9".repeat(400);
        for text in ["NaN", "nan", "inf", "-inf", "Infinity", "1e999", "-1e999", long.as_str()] {
            assert_eq!(number(text), Err(Reason::NotFinite), "{text}");
        }
        let tiny = format!("0.{}1", "0".repeat(400));
        for text in [tiny.as_str(), "-1e-999"] {
            assert_eq!(number(text), Err(Reason::OutOfRange), "{text}");
            assert_eq!(book_qty(text), Err(Reason::OutOfRange), "{text} is no empty book");
        }
        assert_eq!(number("0.000e9"), Ok(0.0));
    }

    #[test]
    fn times_of_any_unit_keep_their_last_digit() {
        let want = Ok(Nanos(1_723_161_256_322_123_456));
        for (text, digits) in [
            ("1723161256.322123456", 9),
            ("1723161256322.123456", 6),
            ("1723161256322123.456", 3),
            ("1723161256322123456", 0),
        ] {
            assert_eq!(epoch(text, digits), want, "{text}");
        }
        assert_eq!(epoch("1723161256.5", 9), Ok(Nanos(1_723_161_256_500_000_000)));
        for (text, digits) in [("1723161256.", 9), ("1723161256.1234567890", 9), ("1.7e9", 9), ("-1723161256", 9)] {
            assert_eq!(epoch(text, digits), Err(Reason::BadNumber), "{text}");
        }
        for text in ["1723161256.+5", "1723161256.1.2", "", ".5", "NaN", "01723161256", "1723161256322123456.0"] {
            assert_eq!(epoch(text, if text.len() > 20 { 0 } else { 9 }), Err(Reason::BadNumber), "{text}");
        }
        for (text, digits) in [("1723161256", 6), ("1723161256322", 9), ("18446744073709551615", 0), ("0", 9)] {
            assert_eq!(epoch(text, digits), Err(Reason::OutOfRange), "{text}");
        }
    }

    #[test]
    fn times_outside_the_century_are_refused() {
        assert_eq!(millis(1_723_161_256_322), Ok(Nanos(1_723_161_256_322_000_000)));
        assert_eq!(millis_or_micros(1_723_161_256_322_123), Ok(Nanos(1_723_161_256_322_123_000)));
        for time in [0, -1, 1_723_161_256, 1_723_161_256_322_123, i64::MIN, i64::MAX] {
            assert_eq!(millis(time), Err(Reason::OutOfRange), "{time}");
        }
        assert_eq!(millis_or_micros(1_723_161_256_322_123_000), Err(Reason::OutOfRange));
    }
}
