//! Times as text: `2025-10-10T21:15:03.123456Z`, the profile of ISO 8601 that RFC 3339 names.

use super::{Reason, value};
use crate::event::Nanos;

/// A time between 2009 and 2100 with 0 to 9 digits of fraction, in UTC (`Z`) or at an offset (`+02:00`). Capital letters
/// only, as every venue writes them. A leap second is refused: no exchange has printed one.
pub fn rfc3339(text: &str) -> Result<Nanos, Reason> {
    let (date, rest) = text.split_once('T').ok_or(Reason::BadNumber)?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let (clock, offset) = rest.split_at_checked("00:00:00".len()).ok_or(Reason::BadNumber)?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let (fraction, zone) = fraction(offset)?;
    let ahead = ahead_secs(zone)?;
    let day = epoch_day(year, month, day).ok_or(Reason::OutOfRange)?;
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Reason::OutOfRange);
    }
    let secs = day * 86_400 + hour * 3600 + minute * 60 + second - ahead;
    value::millis(secs * 1000).map(|at| Nanos(at.0 + fraction))
}

/// Digits of these widths between separators.
fn numbers<const N: usize>(text: &str, between: char, widths: [usize; N]) -> Result<[i64; N], Reason> {
    let mut parts = text.split(between);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        *number = digits(parts.next().filter(|part| part.len() == width).unwrap_or_default())?;
    }
    if parts.next().is_some() { Err(Reason::BadNumber) } else { Ok(numbers) }
}

/// At least one digit and nothing else.
fn digits(text: &str) -> Result<i64, Reason> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain).ok_or(Reason::BadNumber)
}

/// The fraction of a second in nanoseconds, and what comes behind it.
fn fraction(text: &str) -> Result<(i64, &str), Reason> {
    let Some(text) = text.strip_prefix('.') else { return Ok((0, text)) };
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = text.split_at_checked(count).ok_or(Reason::BadNumber)?;
    let missing = 9u32.checked_sub(count as u32).ok_or(Reason::BadNumber)?;
    Ok((digits(fraction)? * 10i64.pow(missing), zone))
}

/// How many seconds the clock of a zone is ahead of UTC.
fn ahead_secs(zone: &str) -> Result<i64, Reason> {
    if zone == "Z" {
        return Ok(0);
    }
    let (sign, offset) = match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(offset), _) => (1, offset),
        (_, Some(offset)) => (-1, offset),
        _ => return Err(Reason::BadNumber),
    };
    let [hours, minutes] = numbers(offset, ':', [2, 2])?;
    if hours > 23 || minutes > 59 { Err(Reason::OutOfRange) } else { Ok(sign * (hours * 3600 + minutes * 60)) }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; `None` for one that is in no calendar.
fn epoch_day(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    // Years that begin in March: the leap day is their last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(before + (153 * month + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (text, want) in [
            ("2025-10-10T21:15:03.123456Z", 1_760_130_903_123_456_000),
            ("2025-10-10T21:15:03Z", 1_760_130_903_000_000_000),
            ("2025-10-10T21:15:03.1Z", 1_760_130_903_100_000_000),
            ("2025-10-10T21:15:03.123456789Z", 1_760_130_903_123_456_789),
            ("2025-10-10T23:15:03.5+02:00", 1_760_130_903_500_000_000),
            ("2025-10-11T02:45:03+05:30", 1_760_130_903_000_000_000),
            ("2025-10-10T13:15:03-08:00", 1_760_130_903_000_000_000),
            ("2025-10-10T21:15:03-00:00", 1_760_130_903_000_000_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
            ("2009-01-01T00:00:00Z", 1_230_768_000_000_000_000),
            ("2099-12-31T23:59:59.999999999Z", 4_102_444_799_999_999_999),
        ] {
            assert_eq!(rfc3339(text), Ok(Nanos(want)), "{text}");
        }
    }

    #[test]
    fn every_day_of_the_century_comes_back_as_it_is_printed() {
        let first = rfc3339("2009-01-01T12:34:56.654321Z").expect("a time");
        for day in 0..33_236 {
            let at = Nanos(first.0 + day * 86_400 * Nanos::SECOND);
            assert_eq!(rfc3339(&at.to_string()), Ok(at), "{at}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "T",
            "2025-10-10",
            "2025-10-10 21:15:03Z",
            "2025-10-10t21:15:03z",
            "2025-10-10T21:15:03",
            "2025-10-10T21:15Z",
            "2025-10-10T21:15:03.Z",
            "2025-10-10T21:15:03.1234567890Z",
            "2025-10-10T21:15:03,5Z",
            "2025-10-10T21:15:03+0200",
            "2025-10-10T21:15:03+02",
            "2025-10-10T21:15:03ZZ",
            "2025-10-10T21:15:03Z ",
            "2025-1-10T21:15:03Z",
            "+025-10-10T21:15:03Z",
            "2025-10-10-10T21:15:03Z",
            "2025-10-10T21:15:+3Z",
            "2025-10-10T2１:15:03Z",
            "1760130903123",
            "NaN",
        ] {
            assert_eq!(rfc3339(text), Err(Reason::BadNumber), "{text:?}");
        }
        for text in [
            "2025-02-29T00:00:00Z",
            "2100-02-28T00:00:00Z",
            "2025-00-10T00:00:00Z",
            "2025-13-10T00:00:00Z",
            "2025-10-00T00:00:00Z",
            "2025-04-31T00:00:00Z",
            "2025-10-10T24:00:00Z",
            "2025-10-10T21:60:00Z",
            "2016-12-31T23:59:60Z",
            "2025-10-10T21:15:03+24:00",
            "2025-10-10T21:15:03+00:60",
            "2009-01-01T00:00:00+00:01",
            "2008-12-31T23:59:59.999999999Z",
            "2100-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(rfc3339(text), Err(Reason::OutOfRange), "{text}");
        }
    }
}
