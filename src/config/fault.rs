//! What is wrong with a config: which file, which line, which key, what was wanted and found, and what to do about it.

use std::fmt;

use serde::Serialize;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file, as it was named to us.
    pub file: String,
    /// The line, from 1; none for what the file leaves out altogether.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The full key, as in `detect.jump.limit_z`; empty where the text is no TOML.
    pub key: String,
    /// What was wanted and what was found.
    pub problem: String,
    /// What may help: a value, the nearest known key, the choices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// What is wrong at some place: the part of a [`Fault`] that a check knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What was wanted and what was found.
    pub(super) problem: String,
    /// What may help.
    pub(super) hint: Option<String>,
}

impl Wrong {
    /// Without a hint.
    pub(super) fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), hint: None }
    }

    /// With a hint, if there is one.
    pub(super) fn hint(self, hint: impl Into<Option<String>>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// With a value to try.
    pub(super) fn propose(self, value: impl fmt::Display) -> Self {
        self.hint(format!("try {value}"))
    }
}

impl From<String> for Wrong {
    fn from(problem: String) -> Self {
        Self::new(problem)
    }
}

impl From<&str> for Wrong {
    fn from(problem: &str) -> Self {
        Self::new(problem)
    }
}

/// All faults of a config, by line. Prints one a line; serializes as a list of objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Sorts faults by line; those without one come first.
    pub(super) fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by_key(|fault| fault.line);
        Self(faults)
    }

    /// All of them, by line.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// How many.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.0.iter().enumerate() {
            let end = if place == 0 { "" } else { "\n" };
            write!(f, "{end}{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
