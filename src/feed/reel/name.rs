//! Names of recordings: the time first, so that they sort by it.

use crate::event::Nanos;

/// The file of engine inputs, behind its time.
pub const INPUTS: &str = "inputs.arrows.zst";
/// How files of frames end.
const FRAMES: &str = ".frames.zst";

/// The file of raw frames of a connection, behind its time; `line` as in `binance-coinm/0`.
pub fn frames_of(line: &str) -> String {
    let plain: String = line.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    plain + FRAMES
}

/// `20251010T210000.000000Z`: the time in whole microseconds, as it stands at the head of a name.
pub(super) fn stamp(at: Nanos) -> String {
    at.to_string().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// Whether a file is one of ours: nothing else in the directory is ever deleted.
pub(super) fn is_ours(name: &str) -> bool {
    let Some((stamp, rest)) = name.split_once('-') else { return false };
    let shape = |(place, c): (usize, char)| match place {
        8 => c == 'T',
        15 => c == '.',
        22 => c == 'Z',
        _ => c.is_ascii_digit(),
    };
    let is_stamp = stamp.len() == 23 && stamp.chars().enumerate().all(shape);
    is_stamp && (rest == INPUTS || rest.ends_with(FRAMES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_known_again() {
        let (first, later) = (Nanos::from_secs(1_760_130_903), Nanos(1_760_130_903_000_001_000));
        assert_eq!(stamp(first), "20251010T211503.000000Z");
        assert!(stamp(first) < stamp(later));
        assert!(is_ours(&format!("{}-{INPUTS}", stamp(first))));
        assert!(is_ours(&format!("{}-{}", stamp(later), frames_of("binance-coinm/0"))));
        assert_eq!(frames_of("binance-coinm/0"), "binance-coinm-0.frames.zst");
        for other in ["notes.txt", "20251010T211503.000000Z-notes.txt", "x-inputs.arrows.zst", "inputs.arrows.zst"] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
