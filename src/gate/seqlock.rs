//! One cache line that one process writes and others read: never torn, and never mistaken for whole when damaged.
//!
//! Words: an epoch (odd while being written) beside the seal of the first word, six of content, a check of all. Readers never
//! make the writer wait.

use std::sync::atomic::{AtomicU64, Ordering, fence};

/// A line.
pub(super) type Words = [AtomicU64; 8];
/// What a line carries.
pub(super) type Body = [u64; 6];

/// Tries before a line counts as torn. A writer holds it for about 3 ns; this outlasts it unless it was put to sleep
/// in between.
const TRIES: u32 = 128;

/// Keeps a line of zeros from looking whole, and spreads what is folded: 2^64 over the golden ratio, odd.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// Epoch and content of a line; `None` when it was never written, is torn or damaged.
pub(super) fn load(words: &Words, line: usize) -> Option<(u32, Body)> {
    (0..TRIES).find_map(|_| {
        let found = try_load(words, line);
        if found.is_none() {
            std::hint::spin_loop();
        }
        found
    })
}

fn try_load(words: &Words, line: usize) -> Option<(u32, Body)> {
    let [state, body @ .., check] = words;
    let before = state.load(Ordering::Acquire);
    let body = body.each_ref().map(now);
    let epoch = whole_epoch(line, before, &body, now(check))?;
    fence(Ordering::Acquire);
    (before == now(state)).then_some((epoch, body))
}

/// The epoch of words that were read at one moment; `None` where they are being written or damaged.
pub(super) fn whole_epoch(line: usize, state: u64, body: &Body, check: u64) -> Option<u32> {
    (state & 1 == 0 && check == check_of(line, state, body)).then_some(state as u32)
}

/// Whether the first word of the content is `wanted` and stands under its seal. One word cannot be torn, so that two loads
/// do; the rest of the line is not asked.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the hot path of a reader: nothing on it may be handed over in memory")]
pub(super) fn glimpse(words: &Words, line: usize, wanted: impl Fn(u64) -> bool) -> bool {
    let [state, first, ..] = words;
    let state = state.load(Ordering::Acquire);
    let first = now(first);
    let damage = (sealed(line, state as u32, first) ^ state) >> 32;
    wanted(first) && damage | state & 1 == 0
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as for glimpse")]
fn now(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
}

/// Writes a line; only ever called by its one writer.
#[inline]
pub(super) fn store(words: &Words, line: usize, body: &Body) {
    let [state, content @ .., check] = words;
    // Odd from here on, also where a writer before us died in the middle and left it odd.
    let odd = now(state) as u32 | 1;
    let whole = sealed(line, odd.wrapping_add(1), body[0]);
    state.store(u64::from(odd), Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, value) in content.iter().zip(body) {
        word.store(*value, Ordering::Relaxed);
    }
    check.store(check_of(line, whole, body), Ordering::Relaxed);
    state.store(whole, Ordering::Release);
}

/// An epoch under the seal of the first word. The seal shows every flipped bit, every other reason, and every change among
/// stance, sides, flags and line, for no two numbers below 2^23 come close to each other when they are spread by the golden
/// ratio; other damage passes one time in four billion.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for glimpse")]
const fn sealed(line: usize, epoch: u32, first: u64) -> u64 {
    let seal = (SALT ^ line as u64 ^ first).wrapping_add(epoch as u64).wrapping_mul(SALT) >> 32;
    seal << 32 | epoch as u64
}

/// Damage within one word always shows, for each step is one to one; the line number keeps a good line from standing
/// in a wrong place.
#[inline]
const fn check_of(line: usize, state: u64, &[a, b, c, d, e, f]: &Body) -> u64 {
    let sum = (SALT ^ line as u64).wrapping_add(state) ^ a;
    let sum = sum.wrapping_add(b) ^ c;
    let sum = sum.wrapping_add(d) ^ e;
    sum.wrapping_add(f)
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
        assert!(glimpse(&words, 5, |first| first == 1));
        assert!(!glimpse(&words, 5, |first| first == 2));
        store(&words, 5, &[0; 6]);
        assert_eq!(load(&words, 5), Some((4, [0; 6])));
        assert!(glimpse(&words, 5, |first| first == 0));
    }

    #[test]
    fn every_flipped_bit_is_noticed_and_so_is_a_wrong_place() {
        for word in 0..8 {
            for bit in 0..64 {
                let words = written();
                words[word].fetch_xor(1 << bit, Ordering::Relaxed);
                assert_eq!(load(&words, 5), None, "word {word} bit {bit}");
                assert_eq!(glimpse(&words, 5, |_| true), word > 1, "word {word} bit {bit}");
            }
        }
        for (words, line) in [(written(), 6), (written(), 4), (Words::default(), 0)] {
            assert_eq!(load(&words, line), None);
            assert!(!glimpse(&words, line, |_| true));
        }
    }

    #[test]
    fn no_line_passes_in_the_place_of_another() {
        // Every line of the largest gate, by the greatest difference that numbers below 2^23 can have.
        let words = written();
        let passing = (0..1 << 23).filter(|line| glimpse(&words, *line, |_| true)).count();
        assert_eq!(passing, 1);
    }

    #[test]
    fn a_writer_that_died_in_the_middle_leaves_doubt_and_its_heir_repairs_it() {
        let words = written();
        words[0].store(3, Ordering::Relaxed);
        assert_eq!(load(&words, 5), None);
        assert!(!glimpse(&words, 5, |_| true));
        store(&words, 5, &BODY);
        assert_eq!(load(&words, 5), Some((4, BODY)));
    }
}
