//! What a receiver answered, in the few words that decide what happens next.

/// How one attempt went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    /// The receiver has it.
    Delivered,
    /// It does not, or nobody knows.
    Failed {
        /// The receiver asked for this much patience, in seconds.
        retry_after_secs: Option<f64>,
    },
    /// The receiver wants no more of these, ever.
    Gone,
}

/// The outcome with the words that stand in logs and records.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// How it went.
    pub outcome: Outcome,
    /// Status or error; printable ASCII, free of secrets.
    pub detail: String,
}

impl Answer {
    /// A failure with nothing but its words.
    pub const fn failed(detail: String) -> Self {
        Self { outcome: Outcome::Failed { retry_after_secs: None }, detail }
    }
}

/// Longest piece of a stranger's text that is kept.
const WORDS: usize = 160;

/// A stranger's text as one short line of printable ASCII.
pub(super) fn printable(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(WORDS * 4).collect();
    let line = plain.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(WORDS).collect()
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn a_strangers_text_cannot_forge_a_log_line() {
        assert_eq!(printable("no\r\n\r\nINFO all \x1b[31mfine\u{202e}"), "no INFO all [31mfine");
        assert_eq!(printable(&"x".repeat(9_999)).len(), 160);
    }
}
