//! A number as venues send it: bare, or as text between quotes. Both are read from the text of the frame, so that nothing
//! is rounded, cut or turned into infinity on the way.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Reason, value};
use crate::event::{Nanos, Price, Qty};

/// A number that was not looked at yet: `0.5` or `"0.5"`. As an `Option`, `null` is `None`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(transparent)]
pub struct Number<'a>(#[serde(borrow)] &'a RawValue);

impl<'a> Number<'a> {
    /// A value that may be a number.
    pub(super) const fn new(raw: &'a RawValue) -> Self {
        Self(raw)
    }

    /// Its text without quotes; refuses `null`, lists, objects, truths and text with escapes.
    pub fn text(self) -> Result<&'a str, Reason> {
        let raw = self.0.get();
        let bare = raw.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        let quoted = || raw.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'));
        if bare { Ok(raw) } else { quoted().ok_or(Reason::WrongType) }
    }

    /// A finite number of either sign.
    pub fn get(self) -> Result<f64, Reason> {
        value::number(self.text()?)
    }

    /// A price above zero.
    pub fn price(self) -> Result<Price, Reason> {
        value::price(self.text()?)
    }

    /// A price above zero, or `None` for a plain zero, by which some venues mean that there is none.
    pub fn price_unless_zero(self) -> Result<Option<Price>, Reason> {
        let text = self.text()?;
        if value::book_qty(text).is_ok_and(|qty| qty == Qty::ZERO) {
            return Ok(None);
        }
        value::price(text).map(Some)
    }

    /// A quantity above zero: of a trade or a liquidation.
    pub fn qty(self) -> Result<Qty, Reason> {
        value::qty(self.text()?)
    }

    /// A quantity of zero or more: of a side of a book, or of open interest.
    pub fn book_qty(self) -> Result<Qty, Reason> {
        value::book_qty(self.text()?)
    }

    /// A funding rate as a fraction; see [`value::rate`].
    pub fn rate(self) -> Result<f64, Reason> {
        value::rate(self.text()?)
    }

    /// A whole number of zero or more, such as an id: digits only, no fraction and no exponent.
    pub fn whole(self) -> Result<u64, Reason> {
        value::whole(self.text()?)
    }

    /// A time in milliseconds between 2009 and 2100.
    pub fn millis(self) -> Result<Nanos, Reason> {
        value::millis(i64::try_from(self.whole()?).map_err(|_| Reason::OutOfRange)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a, T>(json: &'a str, how: impl Fn(Number<'a>) -> Result<T, Reason>) -> Result<T, Reason> {
        how(serde_json::from_str(json).map_err(|fault| Reason::of_json(&fault))?)
    }

    #[test]
    fn bare_and_quoted_numbers_are_the_same() {
        for json in ["0.125", "\"0.125\"", "1.25e-1", "\"1.25E-1\"", " 0.125 "] {
            assert_eq!(read(json, Number::price), Ok(Price::new(0.125).expect("a price")), "{json}");
        }
        assert_eq!(read("18446744073709551615", Number::whole), Ok(u64::MAX));
        assert_eq!(read("\"18446744073709551615\"", Number::whole), Ok(u64::MAX));
        assert_eq!(read("\"1723161256322\"", Number::millis), Ok(Nanos(1_723_161_256_322_000_000)));
        assert_eq!(read("-0.00038167", Number::rate), Ok(-0.000_381_67));
        assert_eq!(read("0", Number::book_qty), Ok(Qty::ZERO));
        assert_eq!(read("\"0.000\"", Number::price_unless_zero), Ok(None));
        assert_eq!(read("2", Number::price_unless_zero), Ok(Price::new(2.0).ok()));
    }

    #[test]
    fn nonsense_is_refused_bare_and_quoted() {
        let long = "9".repeat(400);
        let tiny = format!("0.{}1", "0".repeat(400));
        for (text, want) in [
            ("1e999", Reason::NotFinite),
            ("-1e999", Reason::NotFinite),
            (long.as_str(), Reason::NotFinite),
            (tiny.as_str(), Reason::OutOfRange),
            ("1e-999", Reason::OutOfRange),
            ("1e16", Reason::OutOfRange),
            ("-1", Reason::NotPositive),
            ("-0", Reason::NotPositive),
            ("-0.0e5", Reason::NotPositive),
        ] {
            for json in [text.to_owned(), format!("\"{text}\"")] {
                assert_eq!(read(&json, Number::price), Err(want), "{json}");
                assert_eq!(read(&json, Number::price_unless_zero), Err(want), "{json}");
            }
        }
        for json in ["0", "\"0\"", "0.0", "\"0e7\""] {
            assert_eq!(read(json, Number::price), Err(Reason::NotPositive), "{json}");
            assert_eq!(read(json, Number::qty), Err(Reason::NotPositive), "{json}");
        }
        for json in ["-0", "\"-0\"", "-1e-999"] {
            assert!(read(json, Number::book_qty).is_err(), "{json}");
        }
        for json in ["\"NaN\"", "\"-inf\"", "\"Infinity\""] {
            assert_eq!(read(json, Number::get), Err(Reason::NotFinite), "{json}");
        }
        for json in ["NaN", "inf", "+1", "01", ".5", "1.", "", "1 2", "\"1"] {
            assert_eq!(read(json, Number::get), Err(Reason::BadJson), "{json}");
        }
        for json in ["null", "true", "[]", "[1]", "{}", "\"\\u0031\""] {
            assert_eq!(read(json, Number::get), Err(Reason::WrongType), "{json}");
        }
        for json in ["\"\"", "\" 1\"", "\"+1\"", "\"0x10\"", "\"1_0\"", "\"١\""] {
            assert_eq!(read(json, Number::get), Err(Reason::BadNumber), "{json}");
        }
    }

    #[test]
    fn whole_numbers_have_no_sign_fraction_or_exponent() {
        for json in ["-0", "-1", "1.0", "1e3", "\"1e3\"", "\"01\"", "\"\"", "\"0x1\""] {
            assert_eq!(read(json, Number::whole), Err(Reason::BadNumber), "{json}");
        }
        assert_eq!(read("18446744073709551616", Number::whole), Err(Reason::OutOfRange));
        assert_eq!(read("0", Number::whole), Ok(0));
        for json in ["0", "1723161256", "\"1723161256322123\"", "18446744073709551615"] {
            assert_eq!(read(json, Number::millis), Err(Reason::OutOfRange), "{json}");
        }
    }

    #[test]
    fn an_optional_number_may_be_null_and_nothing_else() {
        let read = |json| serde_json::from_str::<Option<Number>>(json).map(|number| number.map(Number::get));
        assert_eq!(read("null").ok(), Some(None));
        assert_eq!(read("1").ok(), Some(Some(Ok(1.0))));
        assert_eq!(read("false").ok(), Some(Some(Err(Reason::WrongType))));
    }
}
