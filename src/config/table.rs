//! A settings table read out of a section: names, units, ranges and defaults come from the table itself.

use super::fault::Wrong;
use super::section::Section;
use super::value::{self, Range};
use crate::settings::{Field, Settings, Value};

/// Reads every field of the table.
pub(super) fn read<S: Settings>(section: &mut Section<'_, '_>, settings: &mut S) {
    for field in S::fields() {
        let value = take(section, &field);
        if let Err(problem) = settings.set(field.name, &value) {
            let wrong = Wrong::new(format!("{problem}, got {}", say(&value))).propose(say(&field.default));
            section.wrong(field.name, wrong);
        }
    }
}

/// What a field takes.
pub(super) const fn range(field: &Field) -> Range {
    Range { unit: field.unit, min: field.min, max: field.max }
}

/// A value as the file would write it.
pub(super) fn say(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Numbers(numbers) => value::list(numbers),
    }
}

/// The value of a field, in its range.
fn take(section: &mut Section<'_, '_>, field: &Field) -> Value {
    let range = range(field);
    match &field.default {
        Value::Flag(default) => Value::Flag(section.flag(field.name, *default)),
        Value::Number(default) => Value::Number(section.number(field.name, range, *default)),
        Value::Numbers(default) => {
            Value::Numbers(section.numbers(field.name, range, Some(default.len()), default.clone()))
        }
    }
}
