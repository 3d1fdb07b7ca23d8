//! Text of strangers, made harmless for the place it is shown in.

/// Longest piece of a stranger's text that is shown, in characters.
const PIECE_MAX: usize = 300;

/// A stranger's text as one line for a terminal: control characters become spaces, characters that hide or turn text
/// become U+FFFD, and what is too long is cut.
pub fn plain(text: &str) -> String {
    let mut line: String = text.chars().take(PIECE_MAX).map(visible).collect();
    if text.chars().nth(PIECE_MAX).is_some() {
        line.push('…');
    }
    line.trim().to_owned()
}

/// A stranger's text as one line of Markdown, for a paragraph or a cell of a table, in which nothing is markup, a link or
/// HTML.
pub fn markdown(text: &str) -> String {
    let line = plain(text);
    let mut escaped = String::with_capacity(line.len() + 8);
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let inside_word = before.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            // A bare address would become a link.
            ':' if rest.peek() == Some(&'/') => escaped.push_str("\\:"),
            '.' if before.eq_ignore_ascii_case(&'w') => escaped.push_str("\\."),
            '_' if inside_word => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' | '#' | '!' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

fn visible(c: char) -> char {
    match c {
        c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => ' ',
        c if hides_or_turns(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// Marks of direction, joiners, invisible operators, fillers and tags: what makes text read other than it is.
const fn hides_or_turns(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_one_line_that_reads_as_it_is() {
        assert_eq!(plain("a\u{1b}[31mb\r\nc\u{202e}d\u{200b}e\u{2028}f\0"), "a [31mb  c\u{fffd}d\u{fffd}e f");
        assert_eq!(plain(&"x".repeat(9_999)).chars().count(), PIECE_MAX + 1);
    }

    #[test]
    fn nothing_a_stranger_writes_is_markup() {
        for (hostile, want) in [
            ("binance-coinm:DOTUSD_PERP", "binance-coinm:DOTUSD_PERP"),
            ("_a_ __b__ c_d", "\\_a\\_ \\_\\_b\\_\\_ c_d"),
            ("| `x` | *y* ~z~", "\\| \\`x\\` \\| \\*y\\* \\~z\\~"),
            ("<script>a&b</script>", "&lt;script&gt;a&amp;b&lt;/script&gt;"),
            ("![x](javascript:a) [y](z)", "\\!\\[x\\](javascript:a) \\[y\\](z)"),
            ("https://evil www.evil", "https\\://evil www\\.evil"),
            ("a\\|b\n# c", "a\\\\\\|b \\# c"),
        ] {
            assert_eq!(markdown(hostile), want);
        }
    }
}
