//! One value of a config: what it is, whether it lies in its range, and what to say when it does not. Pure.

use toml_edit::{Item, Value};

use super::fault::Wrong;

/// What a number may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// Its unit; empty where it has none.
    pub(super) unit: &'static str,
    /// Smallest.
    pub(super) min: f64,
    /// Largest.
    pub(super) max: f64,
}

impl Range {
    /// As in `60 to 86400 s`.
    pub(super) fn say(&self) -> String {
        unit_behind(&format!("{} to {}", self.min, self.max), self.unit)
    }
}

/// A number inside its range.
pub(super) fn number(item: &Item, range: Range, default: f64) -> Result<f64, Wrong> {
    number_or(item, range, default.is_finite().then(|| format!("try {default}")))
}

/// A whole number inside its range.
pub(super) fn whole(item: &Item, range: Range, default: i64) -> Result<i64, Wrong> {
    let number = number_or(item, range, Some(format!("try {default}")))?;
    match item.as_integer() {
        Some(whole) => Ok(whole),
        None if number.fract() == 0.0 => Ok(number as i64),
        None => Err(Wrong::new(format!("must be a whole number, got {number}")).propose(default)),
    }
}

/// A number, or why not; `plain` is the hint where nothing better is known.
fn number_or(item: &Item, range: Range, plain: Option<String>) -> Result<f64, Wrong> {
    let Some(number) = plain_number(item) else {
        let meant = item.as_str().and_then(|text| with_unit(text, range));
        let hint = meant.map(|value| format!("try {value} without quotes")).or(plain);
        let wanted = if range.unit.is_empty() { String::new() } else { format!(" in {}", range.unit) };
        return Err(Wrong::new(format!("must be a number{wanted}, got {}", found(item))).hint(hint));
    };
    inside(number, range).map_err(|problem| {
        let is_percent = range.max <= 1.0 && number > 1.0 && number <= 100.0;
        let hint = if is_percent { Some(format!("a share, not percent: try {}", number / 100.0)) } else { plain };
        Wrong::new(problem).hint(hint)
    })
}

/// A list of numbers, each inside its range; `len` of them where that is fixed.
pub(super) fn numbers(item: &Item, range: Range, len: Option<usize>, default: &[f64]) -> Result<Vec<f64>, Wrong> {
    let count = len.map_or_else(String::new, |len| format!("{len} "));
    let Some(array) = item.as_array() else {
        return Err(Wrong::new(format!("must be a list of {count}numbers, got {}", found(item))).propose(list(default)));
    };
    if len.is_some_and(|len| len != array.len()) {
        return Err(Wrong::new(format!("must be a list of {count}numbers, got {}", array.len())).propose(list(default)));
    }
    let each = |value: &Value| {
        let item = Item::Value(value.clone());
        let number =
            plain_number(&item).ok_or_else(|| format!("must be a list of {count}numbers, got {} in it", found(&item)));
        number.and_then(|number| inside(number, range)).map_err(|problem| Wrong::new(problem).propose(list(default)))
    };
    array.iter().map(each).collect()
}

/// A switch.
pub(super) fn flag(item: &Item, default: bool) -> Result<bool, Wrong> {
    item.as_bool().ok_or_else(|| Wrong::new(format!("must be true or false, got {}", found(item))).propose(default))
}

/// Text that is not empty.
pub(super) fn text(item: &Item) -> Result<String, Wrong> {
    match item.as_str() {
        Some(text) if text.trim().is_empty() => Err(Wrong::new("must not be empty")),
        Some(text) if text.contains('\0') => Err(Wrong::new("must not hold a NUL")),
        Some(text) => Ok(text.to_owned()),
        None => Err(Wrong::new(format!("must be a text in quotes, got {}", kind_of(item)))),
    }
}

/// What stands there, short and printable.
pub(super) fn found(item: &Item) -> String {
    match item {
        Item::Value(Value::String(text)) => quoted(text.value()),
        Item::Value(Value::Integer(number)) => number.value().to_string(),
        Item::Value(Value::Float(number)) => number.value().to_string(),
        Item::Value(Value::Boolean(flag)) => flag.value().to_string(),
        other => kind_of(other).to_owned(),
    }
}

/// What kind of thing stands there; said where the thing itself may be secret.
pub(super) fn kind_of(item: &Item) -> &'static str {
    match item {
        Item::Value(Value::String(_)) => "a text",
        Item::Value(Value::Integer(_) | Value::Float(_)) => "a number",
        Item::Value(Value::Boolean(_)) => "true or false",
        Item::Value(Value::Datetime(_)) => "a date",
        Item::Value(Value::Array(_)) | Item::ArrayOfTables(_) => "a list",
        Item::Value(Value::InlineTable(_)) | Item::Table(_) => "a section",
        Item::None => "nothing",
    }
}

/// A text of the file in quotes, without control characters and not longer than a line.
pub(super) fn quoted(text: &str) -> String {
    let more = if text.chars().count() > 60 { "..." } else { "" };
    format!("\"{}{more}\"", text.chars().take(60).map(printable).collect::<String>())
}

/// A name of the file as part of a key: bare where TOML allows it.
pub(super) fn bare(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if (1..=64).contains(&name.len()) && name.chars().all(fits) { name.to_owned() } else { quoted(name) }
}

/// Controls and marks that turn the direction of writing become escapes.
fn printable(c: char) -> String {
    let plain = c.is_alphanumeric() || (c.is_ascii() && !c.is_ascii_control());
    if plain { c.to_string() } else { c.escape_unicode().to_string() }
}

/// Numbers as the file would list them.
pub(super) fn list(numbers: &[f64]) -> String {
    format!("[{}]", numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(", "))
}

fn plain_number(item: &Item) -> Option<f64> {
    item.as_float().or_else(|| item.as_integer().map(|whole| whole as f64))
}

/// NaN lies nowhere.
fn inside(number: f64, range: Range) -> Result<f64, String> {
    let Range { unit, min, max } = range;
    if (min..=max).contains(&number) {
        return Ok(number);
    }
    Err(format!("must be between {min} and {max}, got {}", unit_behind(&number.to_string(), unit)))
}

fn unit_behind(text: &str, unit: &str) -> String {
    if unit.is_empty() { text.to_owned() } else { format!("{text} {unit}") }
}

/// `5m` where seconds are wanted is 300; `7 %` where percent are wanted is 7.
fn with_unit(text: &str, range: Range) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let number: f64 = digits.replace('_', "").parse().ok()?;
    let seconds = match unit.trim() {
        "ms" => Some(0.001),
        "s" | "sec" | "secs" => Some(1.0),
        "m" | "min" | "mins" => Some(60.0),
        "h" => Some(3600.0),
        "d" => Some(86_400.0),
        _ => None,
    };
    let value = match (range.unit, unit.trim(), seconds) {
        (_, "", _) => number,
        (wanted, given, _) if wanted == given => number,
        ("s", _, Some(seconds)) => number * seconds,
        ("ms", _, Some(seconds)) => number * seconds * 1000.0,
        _ => return None,
    };
    (range.min..=range.max).contains(&value).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_in_quotes_become_a_proposal() {
        let secs = Range { unit: "s", min: 1.0, max: 3600.0 };
        for (text, want) in [
            ("5m", Some(300.0)),
            ("250 ms", None),
            ("2500ms", Some(2.5)),
            ("20", Some(20.0)),
            ("7 %", None),
            ("é", None),
        ] {
            assert_eq!(with_unit(text, secs), want, "{text}");
        }
        assert_eq!(with_unit("1s", Range { unit: "ms", min: 1.0, max: 5000.0 }), Some(1000.0));
    }

    #[test]
    fn what_was_found_prints_in_one_safe_line() {
        assert_eq!(quoted("a\u{1b}[31m\n\u{202e}b"), "\"a\\u{1b}[31m\\u{a}\\u{202e}b\"");
        assert_eq!(quoted(&"x".repeat(100)).len(), 65);
    }
}
