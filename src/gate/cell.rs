//! One cell: a permission with its reason and incident, as the six words of a line.

use super::seqlock::{self, Body, Words};
use crate::breaker::{Permission, Sides, Stance};

/// What a cell says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// What is allowed.
    pub permission: Permission,
    /// Why, as a number of the policy.
    pub reason: u32,
    /// Number of the incident, 0 for none.
    pub incident: u64,
    /// Even; grows by 2 with every publication.
    pub epoch: u64,
}

/// Reads a cell; `None` when it is torn, damaged, or says what no permission says.
#[inline]
pub(super) fn read(words: &Words, line: usize) -> Option<Cell> {
    let (epoch, body) = seqlock::load(words, line)?;
    decode(epoch, &body)
}

/// Writes a cell; only ever called by its one writer.
#[inline]
pub(super) fn write(words: &Words, line: usize, permission: &Permission, reason: u32, incident: u64) {
    seqlock::store(words, line, &encode(permission, reason, incident));
}

#[inline]
fn encode(permission: &Permission, reason: u32, incident: u64) -> Body {
    let Sides { buy, sell } = permission.sides();
    let sides = u64::from(buy) | u64::from(sell) << 1;
    [
        permission.stance() as u64 | sides << 8 | u64::from(reason) << 32,
        permission.size_factor().to_bits(),
        permission.max_notional().to_bits(),
        permission.collar_low().to_bits(),
        permission.collar_high().to_bits(),
        incident,
    ]
}

#[inline]
fn decode(epoch: u64, &[head, factor, max, low, high, incident]: &Body) -> Option<Cell> {
    let stance = Stance::from_u8(head as u8)?;
    let sides = Sides { buy: head & 0x100 != 0, sell: head & 0x200 != 0 };
    let is_known_head = head & 0xffff_fc00 == 0;
    let [factor, max, low, high] = [factor, max, low, high].map(f64::from_bits);
    // NaN fails every comparison.
    let is_in_range = (0.0..=1.0).contains(&factor) && max >= 0.0 && (0.0..=f64::MAX).contains(&low) && high >= 0.0;
    if !(is_known_head && is_in_range) {
        return None;
    }
    let permission =
        Permission::of(stance).with_sides(sides).with_size_factor(factor).with_max_notional(max).with_collar(low, high);
    Some(Cell { permission, reason: (head >> 32) as u32, incident, epoch })
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
    fn values_that_no_permission_has_are_refused_even_under_a_good_check() {
        let nan = f64::NAN.to_bits();
        for (word, value) in [
            (0, 4),
            (0, 0x400),
            (0, 0x1_0000),
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
