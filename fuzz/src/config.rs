//! Configs. The bytes are the text.
//!
//! Never a panic; no fault is told over more than one line or with a control character, for venues and people paste into
//! logs; a config without fault makes an engine. Secrets are not opened, so that no file is read that a text names.

use fusewire::config::{Depth, inspect_text};
use fusewire::engine::Engine;

use super::rooms;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let reading = inspect_text(text, "c.toml", Depth::Topology);
    for line in reading.faults.to_string().lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    if reading.faults.is_empty() {
        let mut engine = Engine::new(reading.settings.engine.clone(), rooms::pair());
        let snapshot = engine.snapshot();
        engine = Engine::restore(reading.settings.engine, &snapshot).expect("its own snapshot");
        assert_eq!(engine.snapshot(), snapshot);
    }
}
