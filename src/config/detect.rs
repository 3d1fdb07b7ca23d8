//! Sections `[detect.*]`, straight from the table of detectors: a new detector needs no line here.

use super::fault::Wrong;
use super::section::Section;
use super::value::{self, Range};
use crate::detect::{DetectSettings, SectionVisitor};
use crate::settings::{Field, Settings, Value};

/// Reads all of them.
pub(super) fn read(mut detect: Section<'_, '_>) -> DetectSettings {
    let mut settings = DetectSettings::default();
    settings.each(&mut Reader { detect: &mut detect });
    detect.finish();
    settings
}

struct Reader<'r, 's, 'd> {
    detect: &'r mut Section<'s, 'd>,
}

impl SectionVisitor for Reader<'_, '_, '_> {
    fn section<S: Settings>(&mut self, name: &'static str, settings: &mut S) {
        let mut section = self.detect.child(name);
        read_into(&mut section, settings);
        section.finish();
    }
}

/// Reads every field of a settings table out of a section.
pub(super) fn read_into<S: Settings>(section: &mut Section<'_, '_>, settings: &mut S) {
    for field in S::fields() {
        let value = take(section, &field);
        if let Err(problem) = settings.set(field.name, &value) {
            section
                .wrong(field.name, Wrong::new(format!("{problem}, got {}", say(&value))).propose(say(&field.default)));
        }
    }
}

fn say(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Numbers(numbers) => value::list(numbers),
    }
}

/// The value of a field, in its range.
fn take(section: &mut Section<'_, '_>, field: &Field) -> Value {
    let range = Range { unit: field.unit, min: field.min, max: field.max };
    match &field.default {
        Value::Flag(default) => Value::Flag(section.flag(field.name, *default)),
        Value::Number(default) => Value::Number(section.number(field.name, range, *default)),
        Value::Numbers(default) => {
            Value::Numbers(section.numbers(field.name, range, Some(default.len()), default.clone()))
        }
    }
}
