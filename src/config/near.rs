//! The known word nearest to one that is not known.

/// The nearest of `known`, if it is near enough to be meant: a third of its letters may differ, or it only goes on.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(64).flat_map(char::to_lowercase).collect();
    let ranked = known.into_iter().map(|other| (distance(&word, &other.chars().collect::<Vec<_>>()), other));
    let near = ranked.min_by_key(|(distance, _)| *distance)?;
    let allowed = (near.1.chars().count().max(word.len()) / 3).max(1);
    let goes_on = |other: &str| word.len() >= 3 && other.chars().take(word.len()).eq(word.iter().copied());
    (near.0 <= allowed || goes_on(near.1)).then_some(near.1)
}

/// Letters to insert, delete, replace, or swap with their neighbour (Damerau, optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&last, j) + usize::from(x != y)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_the_hand_are_found_and_other_words_are_not() {
        let known = ["hold_secs", "hold_max_secs", "limit_z", "mode", "need"];
        for (word, want) in [
            ("hold_ms", Some("hold_secs")),
            ("holdsecs", Some("hold_secs")),
            ("limt_z", Some("limit_z")),
            ("Mode", Some("mode")),
            ("nede", Some("need")),
            ("lim", Some("limit_z")),
            ("entirely_else", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), want, "{word}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
