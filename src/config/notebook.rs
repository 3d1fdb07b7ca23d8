//! What reading a config leaves behind besides settings: faults, the keys that were asked for, and what was checked.

use super::Depth;
use super::fault::{Fault, Wrong};

/// A key that some reader asked for, whether or not it stands in the file.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Full key.
    pub(super) key: String,
    /// Its line, or that of its section.
    pub(super) line: Option<usize>,
    /// Whether the file holds it.
    pub(super) is_there: bool,
    /// What it takes, as the documented config says it.
    #[cfg_attr(not(test), allow(dead_code, reason = "the documented config is compared with it"))]
    pub(super) takes: String,
}

/// The notebook of one reading.
#[derive(Debug)]
pub(super) struct Notebook {
    file: String,
    ends: Vec<usize>,
    pub(super) faults: Vec<Fault>,
    pub(super) asked: Vec<Asked>,
    /// The full key of every rule, in the order of the policy.
    pub(super) rules: Vec<String>,
    pub(super) checked: Vec<(Depth, String)>,
    pub(super) notes: Vec<String>,
    /// The text was no TOML in places: what is missing may have stood there.
    pub(super) torn: bool,
}

impl Notebook {
    /// An empty one for a text.
    pub(super) fn new(file: &str, text: &str) -> Self {
        let (ends, rules) = (ends(text), Vec::new());
        let (faults, asked, checked, notes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { file: file.to_owned(), ends, faults, asked, rules, checked, notes, torn: false }
    }

    /// Goes on with a text of the same lines.
    pub(super) fn renumber(&mut self, text: &str) {
        self.ends = ends(text);
    }

    /// The line, from 1, of a place in the text.
    pub(super) fn line(&self, place: usize) -> usize {
        self.ends.partition_point(|end| *end < place) + 1
    }

    /// Notes a fault.
    pub(super) fn fault(&mut self, line: Option<usize>, key: &str, wrong: impl Into<Wrong>) {
        let (file, key, Wrong { problem, hint }) = (self.file.clone(), key.to_owned(), wrong.into());
        self.faults.push(Fault { file, line, key, problem, hint });
    }

    /// Notes a fault at a key that was asked for.
    pub(super) fn fault_at(&mut self, key: &str, wrong: impl Into<Wrong>) {
        let line = self.asked.iter().find(|asked| asked.key == key).and_then(|asked| asked.line);
        self.fault(line, key, wrong);
    }

    /// Whether a key, or anything below it, is at fault.
    pub(super) fn blames(&self, key: &str) -> bool {
        self.faults.iter().any(|fault| {
            fault
                .key
                .strip_prefix(key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
        })
    }

    /// Whether the file holds a key.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.asked.iter().any(|asked| asked.is_there && asked.key == key)
    }

    /// Notes what was checked and found good.
    pub(super) fn tick(&mut self, depth: Depth, what: impl Into<String>) {
        self.checked.push((depth, what.into()));
    }
}

/// Where the lines of a text end.
fn ends(text: &str) -> Vec<usize> {
    text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect()
}
