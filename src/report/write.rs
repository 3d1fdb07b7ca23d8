//! The edge of the report: a page becomes a file, whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::incident::Incident;

/// Longest part of an id that stands in a file name.
const NAME_MAX: usize = 100;

/// The file name of an incident's page: letters, digits, `-`, `_` and `.` of its id. An id with anything else in it, or too
/// long, gets its number behind it, so that no two ids share a file.
pub fn file_name(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut name: String = id.chars().take(NAME_MAX).map(|c| if fits(c) { c } else { '_' }).collect();
    if name != id || id.is_empty() || id.starts_with('.') {
        name = format!("{}-{:016x}", name.trim_start_matches('.'), Incident::number(id));
    }
    name + ".md"
}

/// Writes the page of incident `id` into `dir`, made with mode 0750 where it is missing; returns the file. A reader sees
/// the page before or the new one, never half of it.
pub fn write(dir: &Path, id: &str, page: &str) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o750).create(dir)?;
    let name = file_name(id);
    let path = dir.join(&name);
    let fresh = dir.join(format!(".{name}.{}", std::process::id()));
    let written = write_fresh(&fresh, page).and_then(|()| fs::rename(&fresh, &path));
    if written.is_err() {
        let _ = fs::remove_file(&fresh);
    }
    written?;
    File::open(dir)?.sync_all()?;
    Ok(path)
}

fn write_fresh(path: &Path, page: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o640).custom_flags(flags).open(path)?;
    file.write_all(page.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_the_directory_and_apart() {
        assert_eq!(file_name("INC-20251010T204912Z-DOT"), "INC-20251010T204912Z-DOT.md");
        let names: Vec<_> =
            ["../etc/passwd", "..", ".", "", ".hidden", "a/b", "a_b", "a:b", "a\0b"].map(file_name).into();
        for (place, name) in names.iter().enumerate() {
            assert!(!name.contains('/') && !name.starts_with('.'), "{name}");
            assert!(!names.iter().skip(place + 1).any(|other| other == name), "{name}");
        }
        assert!(file_name(&"x".repeat(999)).len() < 130);
    }
}
