//! Changes numbers inside a frame and leaves every other byte as it is: times, ids of trades, the number of a message.

use std::fmt::Write as _;

use crate::event::Nanos;
use crate::feed::venue::rfc3339::rfc3339;
use crate::feed::venue::value;

/// How far from the frame's own time a number may be that is taken for a time.
const NEAR: i64 = 2 * 86_400 * Nanos::SECOND;

/// Moves every time in the frame that is within two days of `near`: whole numbers of milli-, micro- or nanoseconds and seconds
/// with a fraction, bare or quoted, and RFC 3339 in UTC.
pub(super) fn shift_times(frame: &str, near: Nanos, by: i64) -> String {
    let mut out = String::with_capacity(frame.len() + 8);
    let mut rest = frame;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let inside_a_word = out.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
        let length = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let moved = if inside_a_word {
            None
        } else {
            stamp(from, near, by).or_else(|| number(from, length, near, by)).or_else(|| seconds(from, near, by))
        };
        let (used, text) = moved.unwrap_or_else(|| (length, from.get(..length).unwrap_or_default().to_owned()));
        out.push_str(&text);
        rest = from.get(used..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// A number at the beginning of `text`, moved: how long it was, and what it is now.
fn number(text: &str, length: usize, near: Nanos, by: i64) -> Option<(usize, String)> {
    let unit = match length {
        13 => 1_000_000,
        16 => 1000,
        19 => 1,
        _ => return None,
    };
    let (digits, rest) = text.split_at_checked(length)?;
    let nanos = digits.parse::<i64>().ok()?.checked_mul(unit)?;
    let is_time = !rest.starts_with('.') && (nanos.checked_sub(near.0)?.abs() < NEAR);
    is_time.then(|| (length, (nanos.saturating_add(by) / unit).to_string()))
}

/// The same for `1760128800.101`; the fraction keeps its digits.
fn seconds(text: &str, near: Nanos, by: i64) -> Option<(usize, String)> {
    let (secs, rest) = text.split_at_checked(10).filter(|(_, rest)| rest.starts_with('.'))?;
    let digits = rest.get(1..)?.bytes().take_while(u8::is_ascii_digit).count();
    let length = secs.len() + 1 + digits;
    let at = value::epoch(text.get(..length)?, 9).ok().filter(|at| (at.0 - near.0).abs() < NEAR)?;
    let moved = at.0.saturating_add(by);
    let fraction = format!("{:09}", moved.rem_euclid(Nanos::SECOND));
    Some((length, format!("{}.{}", moved.div_euclid(Nanos::SECOND), fraction.get(..digits)?)))
}

/// The same for `2025-10-10T21:15:03.5Z`; the fraction keeps its digits.
fn stamp(text: &str, near: Nanos, by: i64) -> Option<(usize, String)> {
    let seconds = "2025-10-10T21:15:03".len();
    let length = text.get(..40.min(text.len()))?.find('Z')? + 1;
    let at = rfc3339(text.get(..length)?).ok()?;
    let digits = length.saturating_sub(seconds + 2);
    if (at.0 - near.0).abs() >= NEAR {
        return None;
    }
    let moved = Nanos(at.0.saturating_add(by));
    let mut written = moved.to_string();
    written.truncate(seconds);
    if digits > 0 {
        let nanos = format!("{:09}", moved.0.rem_euclid(Nanos::SECOND));
        let _ = write!(written, ".{}", nanos.get(..digits)?);
    }
    written.push('Z');
    Some((length, written))
}

/// The whole number behind each place of `mark`, with where it stands.
fn behind<'f>(frame: &'f str, mark: &'f str) -> impl Iterator<Item = (usize, &'f str)> {
    frame.match_indices(mark).filter_map(move |(at, _)| {
        let from = at + mark.len();
        let rest = frame.get(from..)?;
        let length = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..length).filter(|digits| !digits.is_empty()).map(|digits| (from, digits))
    })
}

/// The smallest and the largest id in a frame.
pub(super) fn ids(frame: &str, marks: &[impl AsRef<str>]) -> Option<(u64, u64)> {
    let all =
        || marks.iter().flat_map(|mark| behind(frame, mark.as_ref())).filter_map(|(_, digits)| digits.parse().ok());
    all().min().zip(all().max())
}

/// Adds to every id in a frame.
pub(super) fn shift_ids(frame: &str, marks: &[impl AsRef<str>], by: u64) -> String {
    marks
        .iter()
        .fold(frame.to_owned(), |frame, mark| replace(&frame, mark.as_ref(), |id| id.wrapping_add(by).to_string()))
}

/// Writes `number` behind the first `mark`.
pub(super) fn set_number(frame: &str, mark: &str, number: u64) -> String {
    let mut first = true;
    replace(frame, mark, |old| if std::mem::take(&mut first) { number } else { old }.to_string())
}

fn replace(frame: &str, mark: &str, mut with: impl FnMut(u64) -> String) -> String {
    let (mut out, mut done) = (String::with_capacity(frame.len() + 8), 0);
    for (from, digits) in behind(frame, mark) {
        out.push_str(frame.get(done..from).unwrap_or_default());
        out.push_str(&digits.parse().map_or_else(|_| digits.to_owned(), &mut with));
        done = from + digits.len();
    }
    out.push_str(frame.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_move_and_nothing_else_does() {
        let near = Nanos::from_secs(1_760_128_900);
        for (frame, want) in [
            (
                r#"{"T":1760128800101,"a":1234567890123,"p":"3.9"}"#,
                r#"{"T":1760128805601,"a":1234567890123,"p":"3.9"}"#,
            ),
            (r#"[1760128800.101,"1760128800.9",12.5]"#, r#"[1760128805.601,"1760128806.4",12.5]"#),
            (r#"{"ts":"1760128800101","us":1760128800101000}"#, r#"{"ts":"1760128805601","us":1760128805601000}"#),
            (
                r#"["2025-10-10T20:40:00.101Z","2025-10-10T20:40:59Z"]"#,
                r#"["2025-10-10T20:40:05.601Z","2025-10-10T20:41:04Z"]"#,
            ),
            (r#"{"t":"2025-10-10T23:59:59.999999999Z"}"#, r#"{"t":"2025-10-11T00:00:05.499999999Z"}"#),
            (
                r#"{"id":"x1760128800101","v":0.1760128800101,"w":1760128800101.5}"#,
                r#"{"id":"x1760128800101","v":0.1760128800101,"w":1760128800101.5}"#,
            ),
            (
                r#"{"old":1660128800101,"day":"2015-10-10T20:40:00Z"}"#,
                r#"{"old":1660128800101,"day":"2015-10-10T20:40:00Z"}"#,
            ),
            ("", ""),
        ] {
            assert_eq!(shift_times(frame, near, 5_500_000_000), want);
            assert_eq!(shift_times(frame, near, 0), frame);
        }
    }

    #[test]
    fn ids_move_where_they_are_ids() {
        let quote = r#"{"a":"7","b":3}"#;
        assert_eq!((shift_ids(quote, &["\"a\":"], 5).as_str(), ids(quote, &["\"a\":"])), (quote, None));
        let trades = r#"[{"id":"9"},{"id":"12"},{"other":"3"}]"#;
        assert_eq!(ids(trades, &["\"id\":\""]), Some((9, 12)));
        assert_eq!(shift_ids(trades, &["\"id\":\""], 90), r#"[{"id":"99"},{"id":"102"},{"other":"3"}]"#);
        assert_eq!(set_number(r#"{"n":5,"in":{"n":6}}"#, "\"n\":", 100), r#"{"n":100,"in":{"n":6}}"#);
    }
}
