//! The way through a listing of several pages: where the next one is, and that there is an end.

use std::collections::BTreeSet;

use crate::feed::session::printable;

/// The most pages of one listing.
const PAGES_MAX: usize = 200;
/// The longest word for a page.
const CURSOR_MAX: usize = 512;

/// A venue's word for the next page of its listing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor(String);

impl Cursor {
    /// Takes the word as it came, which is as it goes into an address: Bybit's is `first%3DA%26last%3DB`.
    pub(super) fn new(word: String) -> Result<Self, String> {
        let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%+/=:,".contains(&byte);
        if (1..=CURSOR_MAX).contains(&word.len()) && word.bytes().all(is_bare) {
            Ok(Self(word))
        } else {
            let shown: String = printable(&word).chars().take(80).collect();
            Err(format!("names a next page as no address does: {shown}"))
        }
    }
}

/// The pages of one listing, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    seen: BTreeSet<Cursor>,
}

impl Pages {
    /// The address of the next page; the error says why there can be none.
    pub fn next(&mut self, first: &str, cursor: Cursor) -> Result<String, String> {
        if self.seen.len() + 1 >= PAGES_MAX {
            return Err(format!("names a next page after {PAGES_MAX}"));
        }
        let joint = if first.contains('?') { '&' } else { '?' };
        let url = format!("{first}{joint}cursor={}", cursor.0);
        if self.seen.insert(cursor) { Ok(url) } else { Err("names a next page that was read already".to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(word: &str) -> Result<Cursor, String> {
        Cursor::new(word.to_owned())
    }

    #[test]
    fn a_word_goes_into_the_address_as_it_came_or_not_at_all() {
        let mut pages = Pages::default();
        let next = |pages: &mut Pages, first: &str, word: &str| pages.next(first, cursor(word).expect("a cursor"));
        let word = "first%3DA%26last%3DB";
        assert_eq!(
            next(&mut pages, "https://a/x?limit=1", word).as_deref(),
            Ok(&*format!("https://a/x?limit=1&cursor={word}"))
        );
        assert_eq!(next(&mut pages, "https://a/x", "2").as_deref(), Ok("https://a/x?cursor=2"));
        for hostile in ["", "a&symbol=B", "a#b", "a b", "a\r\nhost: b", "\u{202e}", &"x".repeat(513)] {
            assert!(cursor(hostile).is_err(), "{hostile:?}");
        }
    }

    #[test]
    fn there_is_an_end() {
        let mut pages = Pages::default();
        let next = |pages: &mut Pages, word: usize| pages.next("https://a", cursor(&word.to_string()).expect("one"));
        assert!(next(&mut pages, 1).is_ok() && next(&mut pages, 2).is_ok());
        assert_eq!(next(&mut pages, 1), Err("names a next page that was read already".to_owned()));
        let last = (3..1000).find(|page| next(&mut pages, *page).is_err());
        assert_eq!(last, Some(PAGES_MAX), "with the first one, all that are read");
    }
}
