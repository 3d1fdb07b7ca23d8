//! The order of the rooms: a module uses only rows above its own. Reads the sources and fails with each arrow that
//! points down or sideways.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of a test fail as loudly as the test")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The rows, from the top. In a row that is `shared`, modules may use each other.
const ROWS: &[Row] = &[
    row(0, &["event", "settings", "stats"]),
    row(1, &["market"]),
    row(2, &["trip"]),
    row(3, &["detect", "breaker"]),
    row(4, &["policy", "record"]),
    row(5, &["incident"]),
    row(6, &["engine"]),
    row(7, &["feed", "gate", "store", "hook", "cause", "report", "deadman"]),
    row(8, &["calibrate", "score", "metrics"]),
    row(9, &["serve"]),
    Row { shared: true, ..row(10, &["live", "replay", "venue_sim", "guard"]) },
    row(11, &["config"]),
    row(12, &["cli"]),
];

struct Row {
    place: u32,
    modules: &'static [&'static str],
    shared: bool,
}

const fn row(place: u32, modules: &'static [&'static str]) -> Row {
    Row { place, modules, shared: false }
}

fn row_of(module: &str) -> &'static Row {
    let row = ROWS.iter().find(|row| row.modules.contains(&module));
    row.unwrap_or_else(|| panic!("module `{module}` stands in no row of tests/ladder.rs"))
}

#[test]
fn a_module_uses_only_rows_above_its_own() {
    let mut faults = String::new();
    let mut arrows = 0;
    for file in product_files() {
        let from = module_of(&file);
        for (line, to) in uses(&file) {
            if to == from {
                continue;
            }
            arrows += 1;
            let (mine, its) = (row_of(&from), row_of(&to));
            if its.place > mine.place || (its.place == mine.place && !mine.shared) {
                let way = if its.place > mine.place { "down" } else { "sideways" };
                let _ = writeln!(
                    faults,
                    "{}:{line}: {from} ({}) -> {to} ({}), {way}",
                    file.display(),
                    mine.place,
                    its.place
                );
            }
        }
    }
    assert!(arrows > 100, "only {arrows} arrows were seen: is this still reading the sources?");
    assert!(faults.is_empty(), "arrows that must not be:\n{faults}");
}

#[test]
fn every_module_stands_in_a_row() {
    let lib = fs::read_to_string(src().join("lib.rs")).expect("lib.rs");
    let modules: Vec<_> = lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert!(modules.len() > 15);
    for module in modules {
        row_of(module);
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file of the product: what only tests compile is left out.
fn product_files() -> Vec<PathBuf> {
    let all = files_in(&src());
    let tests: BTreeSet<_> = all.iter().flat_map(|file| test_files(file)).collect();
    let is_root =
        |file: &Path| file.parent() == Some(&src()) && (file.ends_with("lib.rs") || file.ends_with("main.rs"));
    all.into_iter().filter(|file| !tests.contains(file) && !is_root(file)).collect()
}

fn files_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries
        .flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect();
    files.sort();
    files
}

/// Files behind `#[cfg(test)] mod name;`.
fn test_files(file: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(file).expect("a source");
    let dir = home(file);
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair.first() == Some(&"#[cfg(test)]"));
    let names = pairs.filter_map(|pair| pair.get(1)?.strip_suffix(';')?.rsplit_once("mod "));
    names.flat_map(|(_, name)| [dir.join(format!("{name}.rs")), dir.join(name).join("mod.rs")]).collect()
}

/// Where the children of a module lie.
fn home(file: &Path) -> PathBuf {
    if file.ends_with("mod.rs") { file.parent().expect("a parent").to_owned() } else { file.with_extension("") }
}

/// Names of the modules on the way to a file.
fn way(file: &Path) -> Vec<String> {
    let home = home(file);
    let inside = home.strip_prefix(src()).expect("in src");
    inside.iter().map(|part| part.to_string_lossy().into_owned()).collect()
}

fn module_of(file: &Path) -> String {
    way(file).into_iter().next().expect("inside a module")
}

/// Modules of the top level that a file names, with lines; comments and inner test modules are left out.
fn uses(file: &Path) -> Vec<(usize, String)> {
    let text = fs::read_to_string(file).expect("a source");
    let up = "super::".repeat(way(file).len());
    let mut found = Vec::new();
    let mut test_indent = None;
    let mut after_cfg_test = false;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some(opened) = test_indent {
            if indent == opened && line.trim_end().ends_with('}') {
                test_indent = None;
            }
            continue;
        }
        if after_cfg_test && line.trim_end().ends_with('{') {
            test_indent = Some(indent);
        }
        after_cfg_test = line.trim() == "#[cfg(test)]" || (after_cfg_test && line.trim().starts_with("#["));
        if test_indent.is_none() {
            let code = line.split("//").next().unwrap_or_default();
            assert!(!code.trim_end().ends_with("crate::{"), "{}:{}: one `use` a module", file.display(), number + 1);
            let from_root = code.split("crate::").skip(1).chain(code.split(&up).skip(1));
            found.extend(from_root.flat_map(names_at).map(|name| (number + 1, name)));
        }
    }
    found
}

/// The first name of a path, or of each path in a group on one line: `a::b`, `{a::b, c::{d, e}}`.
fn names_at(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else { return name(rest).into_iter().collect() };
    let mut depth = 0;
    let parts = group.split(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    parts.filter_map(|part| name(part.trim())).collect()
}

/// Modules begin with a small letter; macros and items at the root are none.
fn name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let is_macro = text.get(name.len()..).is_some_and(|rest| rest.starts_with('!'));
    let is_module = name.starts_with(|c: char| c.is_ascii_lowercase());
    if is_macro { Some("settings".to_owned()) } else { Some(name) }.filter(|_| is_module)
}

#[test]
fn arrows_are_read_in_every_way_they_are_written() {
    assert_eq!(names_at("market::Markets;"), ["market"]);
    assert_eq!(names_at("{detect::{self, Leg}, trip::Scope, stats}; "), ["detect", "trip", "stats"]);
    assert_eq!(names_at("settings! {"), ["settings"]);
    assert_eq!(names_at("Price::new"), Vec::<String>::new());
}
