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

/// Keeps a line of zeros from looking whole.
const SALT: u64 = 0x9e37_79b9_7f4a_7c15;

/// Epoch and content of a line; `None` when it was never written, is torn or damaged.
pub(super) fn load(words: &Words, line: usize) -> Option<(u64, Body)> {
    (0..TRIES).find_map(|_| {
        let found = try_load(words, line);
        if found.is_none() {
            std::hint::spin_loop();
        }
        found
    })
}

fn try_load(words: &Words, line: usize) -> Option<(u64, Body)> {
    let [epoch, body @ .., check] = words;
    let before = epoch.load(Ordering::Acquire);
    let body = body.each_ref().map(now);
    let is_whole = now(check) == check_of(line, before, &body) && before & 1 == 0;
    fence(Ordering::Acquire);
    (is_whole && before == now(epoch)).then_some((before, body))
}

/// Whether the line is whole and the first word of its content is `wanted`, by one look. That word is asked first, so that
/// it need not be held while the others are read; the epoch says in the end that it still stands.
#[inline(always)]
#[allow(clippy::inline_always, reason = "the hot path of a reader: nothing on it may be handed over in memory")]
pub(super) fn glimpse(words: &Words, line: usize, wanted: impl Fn(u64) -> bool) -> bool {
    let [epoch, first, body @ .., check] = words;
    let before = epoch.load(Ordering::Acquire);
    let head = now(first);
    let sum = begun_check(line, before) ^ head;
    if !wanted(head) || before & 1 != 0 {
        return false;
    }
    let damage = now(check) ^ ended_check(sum, body.each_ref().map(now));
    fence(Ordering::Acquire);
    (before ^ now(epoch)) | damage == 0
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as for glimpse")]
fn now(word: &AtomicU64) -> u64 {
    word.load(Ordering::Relaxed)
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

/// Damage within one word always shows, for each step is one to one; the line number keeps a good line from standing
/// in a wrong place.
#[inline]
pub(super) fn check_of(line: usize, epoch: u64, &[first, ref rest @ ..]: &Body) -> u64 {
    ended_check(begun_check(line, epoch) ^ first, *rest)
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as for glimpse")]
const fn begun_check(line: usize, epoch: u64) -> u64 {
    (SALT ^ line as u64).wrapping_add(epoch)
}

#[inline(always)]
#[allow(clippy::inline_always, reason = "as for glimpse")]
const fn ended_check(sum: u64, [b, c, d, e, f]: [u64; 5]) -> u64 {
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
