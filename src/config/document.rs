//! From text to TOML. A line that is no TOML is noted and blotted out, so that one missing quote does not hide nine
//! other faults.

use toml_edit::{Document, TomlError};

use super::notebook::Notebook;
use super::value;

/// After so many such lines the text is taken for something else.
const TORN_MAX: usize = 8;

/// The largest config read, in bytes.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// A section header that was no TOML becomes one of this name, so that its keys fall into no other section.
pub(super) const UNREAD: &str = "fusewire-unread-";

/// Reads the text, or what is left of it; nothing where too little is.
pub(super) fn read(text: &str, notebook: &mut Notebook) -> Option<Document<String>> {
    let mut left = text.to_owned();
    for torn in 0..TORN_MAX {
        match Document::parse(left.clone()) {
            Ok(document) => return Some(document),
            Err(error) => {
                let place = place(&left, &error);
                let line = notebook.line(place);
                let what = match error.message() {
                    "duplicate key" => format!("{} stands here twice", value::quoted(spanned(&left, &error))),
                    other => other.to_owned(),
                };
                notebook.torn = true;
                // Only the message: the error's own print repeats the line, and a secret may stand in it.
                notebook.fault(Some(line), "", format!("is no TOML: {what}"));
                left = blotted(&left, line, torn)?;
                notebook.renumber(&left);
            }
        }
    }
    None
}

/// Where the error is: an unclosed string begins before the end of its line, where the parser gave up.
fn place(text: &str, error: &TomlError) -> usize {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let is_end = text.as_bytes().get(at).is_none_or(|byte| *byte == b'\n');
    if is_end { at.saturating_sub(1) } else { at }
}

/// The key that an error is about. A key is never secret.
fn spanned<'a>(text: &'a str, error: &TomlError) -> &'a str {
    error.span().and_then(|span| text.get(span)).unwrap_or_default()
}

/// The text without a line; nothing when that line is empty already.
fn blotted(text: &str, line: usize, torn: usize) -> Option<String> {
    let bad = text.split('\n').nth(line - 1)?;
    if bad.trim().is_empty() {
        return None;
    }
    let instead = if bad.trim_start().starts_with('[') { format!("[{UNREAD}{torn}]") } else { String::new() };
    let lines = text.split('\n').enumerate().map(|(at, old)| if at + 1 == line { instead.as_str() } else { old });
    Some(lines.collect::<Vec<_>>().join("\n"))
}
