//! The `.CHECKSUM` file beside each file: one line, as `sha256sum` writes it.

use std::fmt;

/// The largest one that is read, in bytes.
pub(super) const BYTES_MAX: u64 = 1024;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Checksum([u8; 32]);

impl Checksum {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the line of the file `name`.
    pub(super) fn parse(text: &str, name: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let (digest, of) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let of = of.trim_start_matches('*');
        match hex(digest) {
            Some(bytes) if of == name && words.next().is_none() => Ok(Self(bytes)),
            Some(_) => Err(format!("its checksum file is of `{}`", crate::feed::session::printable(of))),
            None => Err("its checksum file holds no SHA-256".to_owned()),
        }
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.as_bytes().as_chunks::<2>();
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.0) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "DOTUSD_PERP-trades-2025-10-10.zip";

    #[test]
    fn one_line_of_the_right_file_is_read_and_nothing_else() {
        let digest = "00ff".repeat(16);
        for good in
            [format!("{digest}  {NAME}\n"), format!("{digest} *{NAME}"), format!("{} {NAME}", digest.to_uppercase())]
        {
            let read = Checksum::parse(&good, NAME).unwrap();
            assert_eq!(format!("{read:?}"), digest);
        }
        let other = format!("{digest}  other.zip");
        for (bad, why) in [
            ("", "no SHA-256"),
            ("<html>", "no SHA-256"),
            (&digest[1..], "no SHA-256"),
            (&*format!("{}é  {NAME}", &digest[2..]), "no SHA-256"),
            (&*format!("{}g  {NAME}", &digest[1..]), "no SHA-256"),
            (&digest, "is of ``"),
            (&other, "is of `other.zip`"),
            (&*format!("{digest} {NAME} {NAME}"), "is of"),
        ] {
            assert!(Checksum::parse(bad, NAME).unwrap_err().contains(why), "{bad}");
        }
    }
}
