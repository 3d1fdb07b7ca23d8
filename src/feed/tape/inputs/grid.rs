//! Numbers as whole steps of a decimal grid, and back, bit for bit: a venue's 61741.5 is 617415 tenths, and the double nearest
//! to those is the very one that was read of the venue. What lies on no such grid has no ticks and is told in full.

use crate::feed::tape::bad::Reason;

/// Powers of ten that doubles hold exactly, as far as grids go.
const TENS: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// Below this every whole number is a double.
const EXACT: i64 = 1 << 53;

/// The decimals that two numbers of one kind and market have in common, and where these were last.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    /// How many decimals; none before the first number.
    tens: Option<f64>,
    decimals: u8,
    last: [Option<i64>; 2],
}

impl Grid {
    /// Ticks of a number that lies on the grid.
    fn ticks(&self, value: f64) -> Option<i64> {
        on(self.tens?, value)
    }

    /// The number of so many ticks.
    #[inline]
    fn value(&self, ticks: i64) -> Result<f64, Reason> {
        let tens = self.tens.ok_or(Reason::MissingField)?;
        if ticks.abs() > EXACT { Err(Reason::OutOfRange) } else { Ok(ticks as f64 / tens) }
    }

    /// Makes the grid as fine as these numbers are, where that keeps them small. Returns the decimals if they are new.
    pub(super) fn refine(&mut self, values: [Option<f64>; 2]) -> Option<i8> {
        let before = self.tens.map(|_| self.decimals);
        for value in values.into_iter().flatten() {
            if self.ticks(value).is_some() {
                continue;
            }
            let fits = |&(_, &tens): &(usize, &f64)| on(tens, value).is_some_and(|ticks| ticks <= i64::from(i32::MAX));
            let mut finer = TENS.iter().enumerate().skip(usize::from(self.decimals));
            if let Some((decimals, _)) = finer.find(fits) {
                self.set(decimals as i8).ok()?;
            }
        }
        let now = self.tens.map(|_| self.decimals);
        now.filter(|_| now != before).map(|decimals| decimals as i8)
    }

    /// Takes other decimals. They only grow: what stood on the grid stays on it.
    pub(super) fn set(&mut self, decimals: i8) -> Result<(), Reason> {
        let new = u8::try_from(decimals).map_err(|_| Reason::OutOfRange)?;
        let tens = *TENS.get(usize::from(new)).ok_or(Reason::OutOfRange)?;
        let more = new.checked_sub(self.decimals).ok_or(Reason::OutOfRange)?;
        let times = 10_i64.pow(u32::from(more));
        for last in &mut self.last {
            *last = last.and_then(|ticks| ticks.checked_mul(times)).filter(|ticks| ticks.abs() <= EXACT);
        }
        (self.tens, self.decimals) = (Some(tens), new);
        Ok(())
    }

    /// A number as its step from the one before, where it has one.
    pub(super) fn step(&mut self, place: usize, value: f64) -> Option<i64> {
        let ticks = self.ticks(value);
        let last = self.last.get_mut(place)?;
        let before = std::mem::replace(last, ticks);
        ticks?.checked_sub(before?)
    }

    /// A number as ticks, where it has some.
    pub(super) fn units(&self, value: f64) -> Option<i64> {
        self.ticks(value)
    }

    /// The number that a row tells in full, or by its step.
    #[inline]
    pub(super) fn take(&mut self, place: usize, full: Option<f64>, step: i64) -> Result<f64, Reason> {
        if let Some(value) = full {
            let ticks = self.ticks(value);
            if let Some(last) = self.last.get_mut(place) {
                *last = ticks;
            }
            return Ok(value);
        }
        let before = self.last.get(place).copied().flatten().ok_or(Reason::MissingField)?;
        let ticks = before.checked_add(step).ok_or(Reason::OutOfRange)?;
        let value = self.value(ticks)?;
        if let Some(last) = self.last.get_mut(place) {
            *last = Some(ticks);
        }
        Ok(value)
    }

    /// The number that a row tells in full, or by its ticks.
    #[inline]
    pub(super) fn take_units(&self, full: Option<f64>, units: i64) -> Result<f64, Reason> {
        full.map_or_else(|| self.value(units), Ok)
    }
}

/// Ticks of a number of zero or more, if dividing them gives that very number again.
#[inline]
fn on(tens: f64, value: f64) -> Option<i64> {
    let ticks = (value * tens + 0.5) as i64;
    ((0..=EXACT).contains(&ticks) && (ticks as f64 / tens).to_bits() == value.to_bits()).then_some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_venue_writes_in_decimals_comes_back_bit_for_bit() {
        let mut grid = Grid::default();
        for (value, told) in [(61_741.5, Some(1)), (61_741.0, None), (61_741.25, Some(2)), (0.1, None)] {
            assert_eq!(grid.refine([Some(value), None]), told, "{value}");
            let ticks = grid.units(value).unwrap();
            assert_eq!(grid.take_units(None, ticks).map(f64::to_bits), Ok(value.to_bits()));
        }
        assert_eq!(grid.refine([Some(0.1 + 0.2), Some(1e300)]), None, "no grid is as fine, none as wide");
        assert_eq!(grid.units(0.1 + 0.2), None);
        assert_eq!(grid.units(-0.0), None, "its sign would be lost");
        let mut grid = Grid::default();
        assert_eq!(grid.refine([Some(1e-12), Some(9_007.199)]), Some(12), "never coarser again");
    }

    #[test]
    fn a_finer_grid_keeps_where_the_numbers_were() {
        let mut grid = Grid::default();
        assert_eq!(grid.refine([Some(100.5), None]), Some(1));
        assert_eq!(grid.step(0, 100.5), None, "the first stands in full");
        assert_eq!(grid.refine([Some(100.75), None]), Some(2));
        assert_eq!(grid.step(0, 100.75), Some(25));
        assert_eq!(grid.set(1), Err(Reason::OutOfRange));
        assert_eq!(grid.set(-1), Err(Reason::OutOfRange));
        assert_eq!(grid.set(13), Err(Reason::OutOfRange));
    }

    #[test]
    fn steps_of_a_hostile_file_never_leave_the_numbers_that_doubles_hold() {
        let mut grid = Grid::default();
        assert_eq!(grid.take(0, None, 1), Err(Reason::MissingField));
        grid.set(0).unwrap();
        assert_eq!(grid.take(0, None, 1), Err(Reason::MissingField));
        assert_eq!(grid.take(0, Some(9e15), 0), Ok(9e15));
        assert_eq!(grid.take(0, None, i64::MAX), Err(Reason::OutOfRange));
        assert_eq!(grid.take(0, None, 1 << 52), Err(Reason::OutOfRange));
        assert_eq!(grid.take_units(None, i64::MIN + 1), Err(Reason::OutOfRange));
    }
}
