//! Days and months of the calendar, UTC, between 2009 and 2099.

use std::fmt;

use crate::event::Nanos;
use crate::feed::venue::rfc3339::rfc3339;

const SECS: i64 = 86_400;

/// A day, counted from 1970-01-01; written `2025-10-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

impl Day {
    /// Reads `2025-10-10`.
    pub fn parse(text: &str) -> Option<Self> {
        let at = rfc3339(&format!("{text}T00:00:00Z")).ok()?;
        Some(Self(at.0.div_euclid(Nanos::SECOND).div_euclid(SECS)))
    }

    /// The day after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The month it lies in.
    pub fn month(self) -> Month {
        let text = self.to_string();
        let first = text.get(..7).and_then(|month| Self::parse(&format!("{month}-01")));
        Month { first: first.unwrap_or(self) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = Nanos::from_secs(self.0 * SECS).to_string();
        f.write_str(text.get(..10).unwrap_or(&text))
    }
}

/// A month; written `2025-10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    first: Day,
}

impl Month {
    /// Its first day.
    pub const fn first(self) -> Day {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> Day {
        Day(self.next().first.0 - 1)
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        Day(self.first.0 + 31).month()
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.first.to_string();
        f.write_str(text.get(..7).unwrap_or(&text))
    }
}

/// Days from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub from: Day,
    /// The last; not before the first.
    pub to: Day,
}

impl Span {
    /// Reads a day, or a month for all of its days.
    pub fn parse(text: &str) -> Option<Self> {
        match Day::parse(text) {
            Some(day) => Some(Self { from: day, to: day }),
            None => Day::parse(&format!("{text}-01")).map(|first| Self { from: first, to: first.month().last() }),
        }
    }

    /// From the beginning of this to the end of that; `None` where that would end before it begins.
    pub fn until(self, end: Self) -> Option<Self> {
        (self.from <= end.to).then_some(Self { from: self.from, to: end.to })
    }

    /// Every day of it.
    pub fn days(self) -> impl Iterator<Item = Day> {
        (self.from.0..=self.to.0).map(Day)
    }

    /// Whether all of a month lies in it.
    pub fn covers(self, month: Month) -> bool {
        self.from <= month.first() && month.last() <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> String {
        Span::parse(text).map_or_else(|| "none".to_owned(), |span| format!("{} {}", span.from, span.to))
    }

    #[test]
    fn days_and_months_are_read_and_nothing_else() {
        assert_eq!(span("2025-10-10"), "2025-10-10 2025-10-10");
        assert_eq!(span("2024-02"), "2024-02-01 2024-02-29");
        assert_eq!(span("2025-12"), "2025-12-01 2025-12-31");
        for bad in ["", "2025", "2025-13", "2025-02-29", "2025-1-1", "2025-10-10T", "x", "2025-10-1é", "1999-01-01"] {
            assert_eq!(span(bad), "none", "{bad}");
        }
    }

    #[test]
    fn months_follow_each_other_through_years() {
        let mut month = Day::parse("2023-11-30").unwrap().month();
        let mut told = Vec::new();
        for _ in 0..5 {
            told.push(format!("{month}:{}", month.last()));
            month = month.next();
        }
        assert_eq!(
            told.join(" "),
            "2023-11:2023-11-30 2023-12:2023-12-31 2024-01:2024-01-31 2024-02:2024-02-29 2024-03:2024-03-31"
        );
    }

    #[test]
    fn a_span_that_ends_before_it_begins_is_none() {
        let (early, late) = (Span::parse("2025-10-10").unwrap(), Span::parse("2025-10-11").unwrap());
        assert_eq!(early.until(late).unwrap().days().count(), 2);
        assert_eq!(late.until(early), None);
    }
}
