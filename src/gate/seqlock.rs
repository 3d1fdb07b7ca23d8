//! One cache line that one process writes and others read: never torn, and never mistaken for whole when damaged.
//!
//! Words: an epoch (odd while being written), six of content, a check. Readers never make the writer wait.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A line.
pub(super) type Words = [AtomicU64; 8];
/// What a line carries.
pub(super) type Body = [u64; 6];

/// Tries before a line counts as torn. A writer holds it for about 3 ns; this outlasts it unless it was put to sleep
/// in between.
const TRIES: u32 = 128;

/// Epoch and content of a line; `None` when it was never written, is torn or damaged.
#[inline]
pub(super) fn load(words: &Words, line: usize) -> Option<(u64, Body)> {
    for _ in 0..TRIES {
        let epoch = words[0].load(Ordering::Acquire);
        let [_, content @ ..] = words;
        let [body @ .., check] = content.each_ref().map(|word| word.load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        if epoch & 1 == 0 && words[0].load(Ordering::Relaxed) == epoch {
            return (epoch != 0 && check == check_of(line, epoch, &body)).then_some((epoch, body));
        }
        std::hint::spin_loop();
    }
    None
}

/// Writes a line; only ever called by its one writer.
#[inline]
pub(super) fn store(words: &Words, line: usize, body: &Body) {
    // Odd from here on, also where a writer before us died in the middle and left it odd.
    let odd = words[0].load(Ordering::Relaxed) | 1;
    let even = odd.wrapping_add(1);
    let [epoch, content @ .., check] = words;
    epoch.store(odd, Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, value) in content.iter().zip(body) {
        word.store(*value, Ordering::Relaxed);
    }
    check.store(check_of(line, even, body), Ordering::Relaxed);
    epoch.store(even, Ordering::Release);
}

/// Damage within one word always shows; the line number keeps a good line from standing in a wrong place.
#[inline]
pub(super) fn check_of(line: usize, epoch: u64, body: &Body) -> u64 {
    let place = (line as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let turned = [9, 18, 27, 36, 45, 54].into_iter().zip(body).map(|(by, word)| word.rotate_left(by));
    turned.fold(place ^ epoch, |sum, word| sum ^ word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: Body = [1, u64::MAX, 3, 0x0123_4567_89ab_cdef, 0, 6];

    fn written() -> Words {
        let words = Words::default();
        store(&words, 5, &BODY);
        words
    }

    #[test]
    fn what_is_written_is_read() {
        let words = written();
        assert_eq!(load(&words, 5), Some((2, BODY)));
        store(&words, 5, &[0; 6]);
        assert_eq!(load(&words, 5), Some((4, [0; 6])));
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_so_is_a_wrong_place() {
        for word in 0..8 {
            for bit in 0..64 {
                let words = written();
                words[word].fetch_xor(1 << bit, Ordering::Relaxed);
                assert_eq!(load(&words, 5), None, "word {word} bit {bit}");
            }
        }
        assert_eq!(load(&written(), 6), None);
        assert_eq!(load(&Words::default(), 0), None);
    }

    #[test]
    fn a_writer_that_died_in_the_middle_leaves_doubt_and_its_heir_repairs_it() {
        let words = written();
        words[0].store(3, Ordering::Relaxed);
        assert_eq!(load(&words, 5), None);
        store(&words, 5, &BODY);
        assert_eq!(load(&words, 5), Some((4, BODY)));
    }
}
