//! Sections `[detect.*]`, straight from the table of detectors: a new detector needs no line here.

use super::section::Section;
use super::table;
use crate::detect::{DetectSettings, SectionVisitor};
use crate::settings::Settings;

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
        table::read(&mut section, settings);
        section.finish();
    }
}
