//! Text that must not leave the process.

use std::fmt;

/// A secret. It prints as `***` and has no wire form; only [`Secret::reveal`] gives it away, and `grep` finds every use.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that must send or sign with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// A text of strangers with this secret blotted out, should they echo it.
    pub fn blot(&self, text: &str) -> String {
        // Below four characters it would blot out half of any text, and is no secret.
        if self.0.len() < 4 { text.to_owned() } else { text.replace(&self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("whsec_canary");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.blot("you sent whsec_canary!"), "you sent ***!");
    }
}
