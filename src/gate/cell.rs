//! One cell: a permission with its reason and incident, as the six words of a line.

use super::seqlock::{self, Body, Words};
use crate::breaker::{Permission, Side, Sides, Stance};

const BUY: u32 = 0x100;
const SELL: u32 = 0x200;
const FREE_BUY: u32 = 0x1_0000;
const FREE_SELL: u32 = 0x2_0000;
const STANCE: u32 = 0xff;
const UNUSED: u32 = !(STANCE | BUY | SELL | FREE_BUY | FREE_SELL);

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// What is allowed.
    pub permission: Permission,
    /// Why, as a number of the policy.
    pub reason: u32,
    /// Number of the incident, 0 for none.
    pub incident: u64,
    /// Even; grows by 2 with every publication, and begins anew after 2^32.
    pub epoch: u32,
}

/// Reads a cell; `None` when it is torn, damaged, or says what no permission says.
pub(super) fn read(words: &Words, line: usize) -> Option<Cell> {
    let (epoch, body) = seqlock::load(words, line)?;
    decode(epoch, body)
}

/// Whether any sound opening order of `side` passes whole, at first sight: the writer says so, under the seal.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for seqlock::glimpse")]
pub(super) fn opens_freely(words: &Words, line: usize, side: Side) -> bool {
    let flag = FREE_BUY.trailing_zeros() + side as u32;
    seqlock::glimpse(words, line, |head| head >> flag & 1 != 0)
}

/// Writes a cell; only ever called by its one writer.
#[inline]
pub(super) fn write(words: &Words, line: usize, permission: &Permission, reason: u32, incident: u64) {
    seqlock::store(words, line, &encode(permission, reason, incident));
}

#[inline]
fn encode(permission: &Permission, reason: u32, incident: u64) -> Body {
    [
        u64::from(head_of(permission)) | u64::from(reason) << 32,
        permission.size_factor().to_bits(),
        permission.max_notional().to_bits(),
        permission.collar_low().to_bits(),
        permission.collar_high().to_bits(),
        incident,
    ]
}

#[inline]
fn head_of(permission: &Permission) -> u32 {
    let Sides { buy, sell } = permission.sides();
    let flag = |is_set, bit| if is_set { bit } else { 0 };
    permission.stance() as u32
        | flag(buy, BUY)
        | flag(sell, SELL)
        | flag(permission.opens_freely(Side::Buy), FREE_BUY)
        | flag(permission.opens_freely(Side::Sell), FREE_SELL)
}

fn decode(epoch: u32, [head, factor, max, low, high, incident]: Body) -> Option<Cell> {
    let (head, reason) = (head as u32, (head >> 32) as u32);
    let [factor, max, low, high] = [factor, max, low, high].map(f64::from_bits);
    // NaN fails every comparison.
    let is_in_range = (0.0..=1.0).contains(&factor) && max >= 0.0 && (0.0..=f64::MAX).contains(&low) && high >= 0.0;
    let permission = Permission::of(Stance::from_u8((head & STANCE) as u8)?)
        .with_sides(Sides { buy: head & BUY != 0, sell: head & SELL != 0 })
        .with_size_factor(factor)
        .with_max_notional(max)
        .with_collar(low, high);
    (is_in_range && head & UNUSED == 0).then_some(Cell { permission, reason, incident, epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let narrow = Permission::of(Stance::Caution)
            .with_sides(Sides::SELL)
            .with_size_factor(0.25)
            .with_max_notional(1e6)
            .with_collar(99.5, 100.5);
        for permission in [narrow, Permission::FREE, Permission::HALT, Permission::FREE.with_collar(f64::NAN, f64::NAN)]
        {
            let words = Words::default();
            write(&words, 5, &permission, u32::MAX, 99);
            assert_eq!(read(&words, 5), Some(Cell { permission, reason: u32::MAX, incident: 99, epoch: 2 }));
        }
    }

    #[test]
    fn first_sight_says_what_the_permission_says() {
        let stances = Stance::ALL.map(Permission::of);
        let sides = [Sides::BOTH, Sides::BUY, Sides::SELL, Sides::NONE];
        let every = stances.iter().flat_map(|permission| sides.map(|sides| permission.with_sides(sides)));
        for permission in
            every.flat_map(|it| [it, it.with_size_factor(0.5), it.with_max_notional(1e9), it.with_collar(1.0, 2.0)])
        {
            let words = Words::default();
            write(&words, 5, &permission, 16, 99);
            for side in [Side::Buy, Side::Sell] {
                assert_eq!(opens_freely(&words, 5, side), permission.opens_freely(side), "{permission:?} {side:?}");
            }
        }
    }

    #[test]
    fn values_that_no_permission_has_are_refused_even_under_a_good_check() {
        let nan = f64::NAN.to_bits();
        for (word, value) in [
            (0, 0x3_0304),
            (0, 0x3_0700),
            (0, 0x7_0300),
            (0, 0x8000_0300),
            (1, nan),
            (1, 1.5_f64.to_bits()),
            (1, (-0.5_f64).to_bits()),
            (2, nan),
            (2, (-1.0_f64).to_bits()),
            (3, nan),
            (3, f64::INFINITY.to_bits()),
            (4, nan),
            (4, (-1.0_f64).to_bits()),
        ] {
            let mut body = encode(&Permission::FREE, 0, 0);
            body[word] = value;
            let words = Words::default();
            seqlock::store(&words, 5, &body);
            assert_eq!(read(&words, 5), None, "word {word} value {value:#x}");
        }
    }
}
