//! What commands print. A reader that goes away (`| head`) ends a command in peace.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use super::Fault;

/// Prints text to standard output.
pub(super) fn text(text: &str) -> Result<(), Fault> {
    to_reader(|out| out.write_all(text.as_bytes()))
}

/// Prints one JSON object.
pub(super) fn json(value: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string_pretty(value)?;
    to_reader(|out| writeln!(out, "{text}"))
}

/// Prints one JSON object on one line.
pub(super) fn json_line(value: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string(value)?;
    to_reader(|out| writeln!(out, "{text}"))
}

/// Tells people something beside the output.
pub(super) fn note(text: &str) {
    // Nobody is left to be told when it fails.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Runs one write to standard output; a reader that went away is no fault.
pub(super) fn to_reader(write: impl FnOnce(&mut io::StdoutLock<'static>) -> io::Result<()>) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result?),
    }
}
