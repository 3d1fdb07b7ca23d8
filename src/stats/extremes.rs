//! Highest and lowest value of the last minutes: buckets of time, and two monotonic queues kept as bit masks.

use super::math::{larger, usable};
use serde::{Deserialize, Serialize};

/// The most buckets a span can have: one bit each.
pub const MAX_BUCKETS: usize = 64;

/// Maximum, minimum and oldest value within the last `span_secs`, on irregular times.
///
/// Time is cut into buckets of `span / buckets`, aligned to the epoch; the window is the current bucket and the
/// `buckets - 1` before it. So a value counts for at least `span (1 - 1/buckets)` and never longer than `span`. Memory is 30
/// bytes a bucket, however many values come.
///
/// A monotonic queue holds the buckets whose maximum no later bucket reaches. Here it is a mask: bit `i` stands for the bucket
/// `i` buckets ago. The oldest member is the highest bit, the newest the lowest, and expiry is a shift. Among equal
/// values the oldest is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Extremes {
    now: Now,
    /// First instant of the current bucket.
    start_ns: i64,
    highs: u64,
    lows: u64,
    occupied: u64,
    width_ns: i64,
    /// Bits of a time into the bucket that are not kept, so that it fits 16.
    dropped_bits: u32,
    slot: u32,
    buckets: Box<[Bucket]>,
    moments: Box<[Moments]>,
}

/// All that a value inside the current bucket's range needs: one cache line, so that many windows cost little each.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[repr(align(64))]
struct Now {
    /// End of the current bucket while it holds a value, else `i64::MIN`: every push beyond it opens a bucket.
    open_until_ns: i64,
    latest_ns: i64,
    /// Maximum and minimum of the current bucket.
    high: f64,
    low: f64,
    /// Maximum and minimum of the window, and one over each. An empty window has its top below its bottom.
    top: f64,
    bottom: f64,
    per_top: f64,
    per_bottom: f64,
}

impl Now {
    const EMPTY: Self = Self {
        open_until_ns: i64::MIN,
        latest_ns: i64::MIN,
        high: 0.0,
        low: 0.0,
        top: 0.0,
        bottom: 1.0,
        per_top: 0.0,
        per_bottom: 0.0,
    };

    fn set_top(&mut self, top: f64) {
        (self.top, self.per_top) = (top, over(top));
    }

    fn set_bottom(&mut self, bottom: f64) {
        (self.bottom, self.per_bottom) = (bottom, over(bottom));
    }
}

/// One over a price; what is no price gives 0.
fn over(price: f64) -> f64 {
    if price > 0.0 { (1.0 / price).min(f64::MAX) } else { 0.0 }
}

/// What one bucket saw.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Bucket {
    first: f64,
    high: f64,
    low: f64,
}

/// When it saw them: nanoseconds into the bucket, without the lowest bits.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Moments {
    first: u16,
    high: u16,
    low: u16,
}

impl Extremes {
    /// An empty window of `span_secs`, cut into `buckets` (2 to 64).
    ///
    /// # Panics
    /// If the span is not between a microsecond and ten years, or `buckets` not between 2 and 64.
    pub fn new(span_secs: f64, buckets: usize) -> Self {
        assert!((1e-6..=3.2e8).contains(&span_secs), "span_secs must be between 1e-6 and 3.2e8, got {span_secs}");
        assert!((2..=MAX_BUCKETS).contains(&buckets), "buckets must be between 2 and 64, got {buckets}");
        let width_ns = ((span_secs * 1e9 / buckets as f64) as i64).max(1);
        Self {
            now: Now::EMPTY,
            start_ns: 0,
            highs: 0,
            lows: 0,
            occupied: 0,
            width_ns,
            dropped_bits: (i64::BITS - width_ns.leading_zeros()).saturating_sub(u16::BITS),
            slot: 0,
            buckets: vec![Bucket::default(); buckets].into_boxed_slice(),
            moments: vec![Moments::default(); buckets].into_boxed_slice(),
        }
    }

    /// Takes `value`, seen at `at_ns` since the epoch; false if it is unusable. A time before the latest counts as the latest.
    #[inline]
    pub fn push(&mut self, at_ns: i64, value: f64) -> bool {
        if !usable(value) {
            return false;
        }
        if at_ns >= self.now.open_until_ns {
            self.open_bucket(at_ns, value);
            return true;
        }
        self.now.latest_ns = self.now.latest_ns.max(at_ns);
        if value > self.now.high {
            self.raise(value);
        } else if value < self.now.low {
            self.lower(value);
        }
        true
    }

    /// Lets time pass without a value, so that old extremes expire.
    pub fn advance(&mut self, at_ns: i64) {
        if at_ns > self.now.latest_ns {
            self.turn_to(at_ns);
            self.tell();
        }
        if self.occupied & 1 == 0 {
            self.now.open_until_ns = i64::MIN;
        }
    }

    /// Highest value in the window.
    #[inline]
    pub fn max(&self) -> Option<f64> {
        (self.now.top >= self.now.bottom).then_some(self.now.top)
    }

    /// Lowest value in the window.
    #[inline]
    pub fn min(&self) -> Option<f64> {
        (self.now.top >= self.now.bottom).then_some(self.now.bottom)
    }

    /// How far `price` stands below the highest value, as a fraction of that; 0 at or above it, and in an empty window.
    /// Without a division, so the last bit may differ from `1 - price / max`.
    #[inline]
    pub fn fall(&self, price: f64) -> f64 {
        if price < self.now.top { larger(1.0 - price * self.now.per_top, 0.0) } else { 0.0 }
    }

    /// How far `price` stands above the lowest value, as a fraction of that; 0 at or below it, and in an empty window.
    #[inline]
    pub fn rise(&self, price: f64) -> f64 {
        if price > self.now.bottom { larger(price * self.now.per_bottom - 1.0, 0.0) } else { 0.0 }
    }

    /// Oldest value in the window: where the price came from.
    #[inline]
    pub fn first(&self) -> Option<f64> {
        let age = oldest(self.occupied)?;
        self.bucket(age).map(|bucket| bucket.first)
    }

    /// When the highest value came (ns since the epoch), early by less than 1/32768 of a bucket.
    pub fn max_at(&self) -> Option<i64> {
        let age = oldest(self.highs)?;
        self.moment(age, |moments| moments.high)
    }

    /// When the lowest value came, as exactly.
    pub fn min_at(&self) -> Option<i64> {
        let age = oldest(self.lows)?;
        self.moment(age, |moments| moments.low)
    }

    /// When the oldest value came, as exactly.
    pub fn first_at(&self) -> Option<i64> {
        let age = oldest(self.occupied)?;
        self.moment(age, |moments| moments.first)
    }

    /// Time between the oldest value in the window and the latest time seen: how much of the span can be spoken for.
    pub fn covered_secs(&self) -> f64 {
        self.first_at().map_or(0.0, |first| self.now.latest_ns.saturating_sub(first) as f64 / 1e9)
    }

    /// Buckets that hold a value.
    #[inline]
    pub fn len(&self) -> usize {
        self.occupied.count_ones() as usize
    }

    /// Whether no value is inside.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Forgets everything, time included.
    pub fn clear(&mut self) {
        (self.highs, self.lows, self.occupied) = (0, 0, 0);
        self.now = Now::EMPTY;
    }

    /// A value in a bucket of its own.
    fn open_bucket(&mut self, at_ns: i64, value: f64) {
        self.turn_to(at_ns);
        let part = self.part();
        if let Some(bucket) = self.buckets.get_mut(self.slot as usize) {
            *bucket = Bucket { first: value, high: value, low: value };
        }
        if let Some(moments) = self.moments.get_mut(self.slot as usize) {
            *moments = Moments { first: part, high: part, low: part };
        }
        (self.now.high, self.now.low) = (value, value);
        self.now.open_until_ns = self.start_ns + self.width_ns;
        self.occupied |= 1;
        self.highs = self.queue_high(value);
        self.lows = self.queue_low(value);
        self.tell();
    }

    /// Writes down what the window's extremes are: the oldest members of the queues.
    fn tell(&mut self) {
        let high = oldest(self.highs).and_then(|age| self.bucket(age)).map(|bucket| bucket.high);
        let low = oldest(self.lows).and_then(|age| self.bucket(age)).map(|bucket| bucket.low);
        if let (Some(high), Some(low)) = (high, low) {
            self.now.set_top(high);
            self.now.set_bottom(low);
        } else {
            let Now { open_until_ns, latest_ns, .. } = self.now;
            self.now = Now { open_until_ns, latest_ns, ..Now::EMPTY };
        }
    }

    /// Makes the bucket of `at_ns` the current one; what falls out of the window leaves the masks.
    fn turn_to(&mut self, at_ns: i64) {
        self.now.latest_ns = at_ns.clamp(i64::MIN / 4, i64::MAX / 4).max(self.now.latest_ns);
        if self.is_empty() {
            self.start_ns = self.now.latest_ns - self.now.latest_ns.rem_euclid(self.width_ns);
            return;
        }
        let turned = self.buckets_passed();
        self.start_ns += turned * self.width_ns;
        let turned = turned.min(MAX_BUCKETS as i64) as u32;
        self.highs = self.aged(self.highs, turned);
        self.lows = self.aged(self.lows, turned);
        self.occupied = self.aged(self.occupied, turned);
        let (count, slot) = (self.buckets.len() as u32, self.slot + turned);
        self.slot = if slot < count { slot } else { (slot - count).min(count - 1) };
    }

    /// Buckets between the current one and that of the latest time. Mostly none or one: no division then.
    #[inline]
    fn buckets_passed(&self) -> i64 {
        let passed_ns = self.now.latest_ns - self.start_ns;
        if passed_ns < self.width_ns {
            0
        } else if passed_ns - self.width_ns < self.width_ns {
            1
        } else {
            passed_ns / self.width_ns
        }
    }

    /// `mask`, `turned` buckets later.
    #[inline]
    fn aged(&self, mask: u64, turned: u32) -> u64 {
        let window = u64::MAX >> (MAX_BUCKETS - self.buckets.len());
        mask.checked_shl(turned).unwrap_or(0) & window
    }

    /// A new high of the current bucket.
    fn raise(&mut self, value: f64) {
        let part = self.part();
        self.now.high = value;
        if value > self.now.top {
            self.now.set_top(value);
        }
        if let Some(bucket) = self.buckets.get_mut(self.slot as usize) {
            bucket.high = value;
        }
        if let Some(moments) = self.moments.get_mut(self.slot as usize) {
            moments.high = part;
        }
        self.highs = self.queue_high(value);
    }

    /// A new low of the current bucket.
    fn lower(&mut self, value: f64) {
        let part = self.part();
        self.now.low = value;
        if value < self.now.bottom {
            self.now.set_bottom(value);
        }
        if let Some(bucket) = self.buckets.get_mut(self.slot as usize) {
            bucket.low = value;
        }
        if let Some(moments) = self.moments.get_mut(self.slot as usize) {
            moments.low = part;
        }
        self.lows = self.queue_low(value);
    }

    /// The queue of highs with the current bucket in it, and without those that `value` tops.
    fn queue_high(&self, value: f64) -> u64 {
        queue(self.highs, |age| self.bucket(age).is_some_and(|bucket| bucket.high < value))
    }

    /// The queue of lows with the current bucket in it, and without those that `value` undercuts.
    fn queue_low(&self, value: f64) -> u64 {
        queue(self.lows, |age| self.bucket(age).is_some_and(|bucket| bucket.low > value))
    }

    /// Where the bucket `age` buckets ago lies.
    #[inline]
    fn slot_of(&self, age: usize) -> usize {
        let slot = self.slot as usize;
        if age <= slot { slot - age } else { slot + self.buckets.len() - age }
    }

    #[inline]
    fn bucket(&self, age: usize) -> Option<&Bucket> {
        self.buckets.get(self.slot_of(age))
    }

    /// First instant of the bucket `age` buckets ago.
    fn start_of(&self, age: usize) -> i64 {
        self.start_ns - self.width_ns * age as i64
    }

    /// The latest time as it is kept in the current bucket.
    #[inline]
    fn part(&self) -> u16 {
        ((self.now.latest_ns - self.start_ns) >> self.dropped_bits) as u16
    }

    fn moment(&self, age: usize, part: impl Fn(&Moments) -> u16) -> Option<i64> {
        let part = part(self.moments.get(self.slot_of(age))?);
        Some(self.start_of(age) + (i64::from(part) << self.dropped_bits))
    }
}

/// The age of the oldest member.
#[inline]
fn oldest(mask: u64) -> Option<usize> {
    mask.checked_ilog2().map(|age| age as usize)
}

/// `mask` without the newest members that are `beaten`, and with the current bucket.
fn queue(mask: u64, beaten: impl Fn(usize) -> bool) -> u64 {
    let mut rest = mask & !1;
    while rest != 0 && beaten(rest.trailing_zeros() as usize) {
        rest &= rest - 1;
    }
    rest | 1
}

#[cfg(test)]
mod tests {
    use super::super::testing::{assert_near, bits, no_number, survives, value};
    use super::*;
    use proptest::prelude::*;

    const SECOND: i64 = 1_000_000_000;

    /// Every value with its time, cut to the window at each question.
    struct Naive {
        values: Vec<(i64, f64)>,
        latest: i64,
        width: i64,
        buckets: i64,
    }

    impl Naive {
        fn inside(&self) -> impl DoubleEndedIterator<Item = &(i64, f64)> {
            let oldest = self.latest.div_euclid(self.width) - self.buckets;
            self.values.iter().filter(move |(at, _)| at.div_euclid(self.width) > oldest)
        }

        /// The time as far as it is kept.
        fn told(&self, at: i64) -> i64 {
            let into = at.rem_euclid(self.width);
            let mut step = 1;
            while self.width / step >= 1 << 16 {
                step *= 2;
            }
            at - into % step
        }

        /// The first of the largest by `sign`.
        fn best(&self, sign: f64) -> Option<(i64, f64)> {
            self.inside().copied().reduce(|best, next| if sign * next.1 > sign * best.1 { next } else { best })
        }

        fn compare(&self, extremes: &Extremes) {
            let (high, low, first) = (self.best(1.0), self.best(-1.0), self.inside().next());
            assert_eq!(extremes.max(), high.map(|(_, value)| value));
            assert_eq!(extremes.min(), low.map(|(_, value)| value));
            assert_eq!(extremes.first(), first.map(|(_, value)| *value));
            assert_eq!(extremes.max_at(), high.map(|(at, _)| self.told(at)));
            assert_eq!(extremes.min_at(), low.map(|(at, _)| self.told(at)));
            assert_eq!(extremes.first_at(), first.map(|(at, _)| self.told(*at)));
            assert_eq!(extremes.is_empty(), first.is_none());
            let covered = first.map_or(0, |(at, _)| self.latest - self.told(*at));
            assert_near(extremes.covered_secs(), covered as f64 / 1e9, 0.0, 0.0);
        }
    }

    /// Nanoseconds until the next call, some of them backwards.
    fn wait() -> impl Strategy<Value = i64> {
        prop_oneof![2 => Just(0), 2 => 0..1000_i64, 6 => 0..3 * SECOND, 1 => 0..100 * SECOND, 1 => -5 * SECOND..0]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        #[test]
        fn is_the_naive_window(
            buckets in 2_usize..=64,
            start in -1000 * SECOND..1000 * SECOND,
            calls in prop::collection::vec((wait(), prop_oneof![1 => Just(0.0), 4 => value()], 0..10), 1..300),
        ) {
            let mut extremes = Extremes::new(60.0, buckets);
            let width = extremes.width_ns;
            let mut naive = Naive { values: Vec::new(), latest: i64::MIN, width, buckets: buckets as i64 };
            let mut at = start;
            for (wait, value, dice) in calls {
                at += wait;
                naive.latest = naive.latest.max(at);
                if dice == 0 {
                    extremes.advance(at);
                } else {
                    prop_assert!(extremes.push(at, value));
                    naive.values.push((naive.latest, value));
                }
                naive.compare(&extremes);
                let (max, min) = (extremes.max(), extremes.min());
                let (fall, rise) = (max.map_or(0.0, |max| 1.0 - value / max), min.map_or(0.0, |min| value / min - 1.0));
                if value > 0.0 && min.is_none_or(|min| min > 0.0) {
                    assert_near(extremes.fall(value), fall.max(0.0), 1e-12, 1.0);
                    assert_near(extremes.rise(value), rise.max(0.0), 1e-12, 1.0);
                }
            }
        }

        #[test]
        fn no_number_changes_nothing(values in prop::collection::vec(value(), 0..30), bad in no_number()) {
            let mut extremes = Extremes::new(60.0, 64);
            values.iter().zip(1..).for_each(|(x, second)| assert!(extremes.push(second * SECOND, *x)));
            let before = bits(&extremes);
            prop_assert!(!extremes.push(40 * SECOND, bad));
            prop_assert_eq!(bits(&extremes), before);
        }
    }

    #[test]
    fn a_bad_tick_is_gone_after_the_span() {
        let mut extremes = Extremes::new(60.0, 60);
        (0..30).for_each(|second| assert!(extremes.push(second * SECOND, 100.0)));
        extremes.push(30 * SECOND, 1e12);
        (31..90).for_each(|second| assert!(extremes.push(second * SECOND, 100.0)));
        assert_eq!((extremes.max(), extremes.max_at()), (Some(1e12), Some(30 * SECOND)));
        extremes.push(90 * SECOND, 99.0);
        assert_eq!((extremes.max(), extremes.min()), (Some(100.0), Some(99.0)));
        assert_eq!((extremes.len(), extremes.covered_secs() as u32), (60, 59));
    }

    #[test]
    fn silence_empties_the_window_and_clearing_forgets_time() {
        let mut extremes = Extremes::new(60.0, 64);
        extremes.push(1000 * SECOND, 5.0);
        extremes.advance(2000 * SECOND);
        assert!(extremes.is_empty() && extremes.max().is_none() && extremes.covered_secs() < 1e-9);
        extremes.push(1500 * SECOND, 7.0);
        assert_eq!((extremes.first(), extremes.len()), (Some(7.0), 1));
        assert!(extremes.max_at().is_some_and(|at| (2000 * SECOND - at).abs() < 20_000));
        extremes.clear();
        extremes.push(SECOND, 1.0);
        assert_eq!(extremes.max(), Some(1.0));
        assert!(extremes.max_at().is_some_and(|at| (SECOND - at).abs() < 20_000));
    }

    #[test]
    fn is_small() {
        let own = size_of::<Extremes>() + MAX_BUCKETS * (size_of::<Bucket>() + size_of::<Moments>());
        assert!(own <= 3 * 64 + 30 * MAX_BUCKETS, "{own} bytes");
    }

    #[test]
    fn survives_anything() {
        survives(Extremes::new(60.0, 64), |extremes, chance| {
            let at = (chance.misfortune() * 1e9) as i64;
            if chance.uniform() < 0.001 {
                extremes.clear();
            }
            if chance.uniform() < 0.9 {
                extremes.push(at, chance.misfortune());
            } else {
                extremes.advance(at);
            }
            assert!(extremes.covered_secs().is_finite() && extremes.max().is_none_or(f64::is_finite));
        });
    }
}
