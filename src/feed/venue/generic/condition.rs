//! What must stand at a pointer: `{ "/type" = "trade" }`.

use serde_json::value::RawValue;

use super::pointer::string;

/// One value that may stand there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything but `null`.
    Anything,
    /// This text.
    Text(String),
    /// A text that begins so.
    Prefix(String),
    /// This whole number.
    Whole(i64),
    /// This truth.
    Flag(bool),
}

impl Expected {
    /// A text of a config: `*` is anything, `prints/*` what begins so.
    pub fn text(text: &str) -> Self {
        match text.strip_suffix('*') {
            Some("") => Self::Anything,
            Some(start) => Self::Prefix(start.to_owned()),
            None => Self::Text(text.to_owned()),
        }
    }

    /// Whether this stands there.
    pub(super) fn is(&self, raw: &RawValue) -> bool {
        match self {
            Self::Anything => raw.get() != "null",
            Self::Text(text) => string(raw).is_some_and(|found| found == *text),
            Self::Prefix(start) => string(raw).is_some_and(|found| found.starts_with(start)),
            Self::Whole(whole) => raw.get() == whole.to_string(),
            Self::Flag(flag) => raw.get() == flag.to_string(),
        }
    }

    /// Whether no value can be both this and the other.
    pub fn excludes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anything, _) | (_, Self::Anything) => false,
            (Self::Text(text), Self::Prefix(start)) | (Self::Prefix(start), Self::Text(text)) => {
                !text.starts_with(start)
            }
            (Self::Prefix(one), Self::Prefix(other)) => !one.starts_with(other) && !other.starts_with(one),
            _ => self != other,
        }
    }
}

/// Values that may stand at a place; one of them must.
pub type AnyOf = Vec<Expected>;

/// What must stand at several places, each of them. Without any it always holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conditions<P>(pub Vec<(P, AnyOf)>);

impl<P> Default for Conditions<P> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<P> Conditions<P> {
    /// The same at other places.
    pub(super) fn map<Q>(&self, mut place: impl FnMut(&P) -> Q) -> Conditions<Q> {
        Conditions(self.0.iter().map(|(at, wanted)| (place(at), wanted.clone())).collect())
    }

    /// Whether it holds, given what stands at a place.
    pub(super) fn hold<'a>(&self, at: impl Fn(&P) -> Option<&'a RawValue>) -> bool {
        let holds = |(place, wanted): &(P, AnyOf)| at(place).is_some_and(|raw| is_one_of(raw, wanted));
        self.0.iter().all(holds)
    }
}

/// Whether one of the values stands there.
pub(super) fn is_one_of(raw: &RawValue, wanted: &[Expected]) -> bool {
    wanted.iter().any(|one| one.is(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(expected: &Expected, json: &str) -> bool {
        expected.is(serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn values_are_what_they_are_and_nothing_like_it() {
        let trade = Expected::text("trade");
        assert!(is(&trade, "\"trade\"") && is(&trade, r#""tr\u0061de""#));
        assert!(!is(&trade, "\"trades\"") && !is(&trade, "null") && !is(&trade, "[\"trade\"]"));
        let prints = Expected::text("prints/*");
        assert!(is(&prints, "\"prints/BTC\"") && is(&prints, "\"prints/\"") && !is(&prints, "\"print\""));
        let anything = Expected::text("*");
        assert!(is(&anything, "0") && is(&anything, "{}") && !is(&anything, "null"));
        assert!(is(&Expected::Whole(1), "1") && !is(&Expected::Whole(1), "\"1\"") && !is(&Expected::Whole(1), "1.0"));
        assert!(is(&Expected::Flag(true), "true") && !is(&Expected::Flag(true), "1"));
    }

    #[test]
    fn two_values_exclude_each_other_where_none_can_be_both() {
        let (buy, start, all) = (Expected::text("buy"), Expected::text("b*"), Expected::text("*"));
        assert!(buy.excludes(&Expected::text("sell")) && start.excludes(&Expected::text("sell")));
        assert!(Expected::Whole(1).excludes(&Expected::Whole(2)) && Expected::text("a*").excludes(&start));
        assert!(!buy.excludes(&start) && !start.excludes(&buy) && !all.excludes(&buy) && !buy.excludes(&buy));
        assert!(!Expected::text("bu*").excludes(&start));
    }
}
