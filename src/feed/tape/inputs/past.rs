//! What the rows so far have told, by market and kind: the ground on which a dense row stands. Writer and reader keep the same.

use super::cells::Cells;
use super::grid::Grid;
use super::words::{By, What};
use crate::event::MarketId;
use crate::feed::tape::bad::Reason;

/// Nanoseconds of a microsecond and of a millisecond.
const MICRO: i64 = 1_000;
const MILLI: i64 = 1_000_000;
/// The kinds whose rows are told by steps.
const KINDS: usize = 3;

/// What the columns of steps say of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) recv_unit: Option<i32>,
    pub(super) venue_by: Option<i8>,
    pub(super) price_dec: Option<i8>,
    pub(super) qty_dec: Option<i8>,
    pub(super) recv: i32,
    /// In a few bits, or in many: as all that are pairs.
    pub(super) venue: (i8, i16),
    pub(super) price: (i8, i16),
    pub(super) bid: i16,
    pub(super) ask: i16,
    pub(super) qty: (i16, i32),
    pub(super) bid_qty: (i16, i32),
    pub(super) ask_qty: (i16, i32),
    pub(super) id_gap: i32,
}

/// Everything told so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    recv: Option<i64>,
    /// Nanoseconds of one step of it.
    unit: i64,
    rows: Vec<Last>,
    /// A row could not be read: of those behind it nothing is.
    is_lost: bool,
}

/// The last row of one market and kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Last {
    by: Option<By>,
    /// The venue's time in nanoseconds, or how far behind it the row came in microseconds.
    venue: i64,
    id: Option<u64>,
    pub(super) prices: Grid,
    pub(super) qtys: Grid,
}

impl Past {
    /// The last row of a market and kind; nothing of kinds that are told in full.
    #[inline]
    pub(super) fn of(&mut self, what: What, market: MarketId) -> Option<&mut Last> {
        let kind = match what {
            What::Trade => 0,
            What::Quote => 1,
            What::Depth => 2,
            _ => return None,
        };
        let place = market.0 as usize * KINDS + kind;
        if place >= self.rows.len() {
            self.rows.resize(place + KINDS - kind, Last::default());
        }
        self.rows.get_mut(place)
    }

    /// Nothing that came before is to be built upon, and nothing that comes: ground that were laid anew at each bad row would
    /// cost a hostile tape nothing and its reader a table of markets a row.
    #[cold]
    pub(super) fn forget(&mut self) {
        *self = Self { is_lost: true, ..Self::default() };
    }

    /// Takes out of the cells what steps can say.
    pub(super) fn narrow(&mut self, what: What, cells: &mut Cells) -> Steps {
        let mut steps = Steps::default();
        let recv = cells.recv_at;
        self.narrow_recv(cells, &mut steps);
        let market = cells.market.and_then(|place| u32::try_from(place).ok()).map(MarketId);
        if let (Some(recv), Some(market)) = (recv, market)
            && let Some(last) = self.of(what, market)
        {
            last.narrow_venue(recv, cells, &mut steps);
            last.narrow_prices(cells, &mut steps);
            last.narrow_qtys(cells, &mut steps);
            last.narrow_id(cells, &mut steps);
        }
        steps
    }

    fn narrow_recv(&mut self, cells: &mut Cells, steps: &mut Steps) {
        let Some(at) = cells.recv_at else { return };
        let step = self.recv.and_then(|before| at.checked_sub(before)).filter(|step| step % self.unit == 0);
        if let Some(step) = step.and_then(|step| i32::try_from(step / self.unit).ok()) {
            (steps.recv, cells.recv_at) = (step, None);
        } else {
            // A clock of nanoseconds strikes a whole microsecond now and then.
            self.unit = if self.unit != 1 && at % MICRO == 0 { MICRO } else { 1 };
            steps.recv_unit = Some(self.unit as i32);
        }
        self.recv = Some(at);
    }

    /// When a row reached the engine.
    #[inline]
    pub(super) fn recv(&mut self, full: Option<i64>, unit: Option<i32>, step: i32) -> Result<i64, Reason> {
        if self.is_lost {
            return Err(Reason::MissingField);
        }
        if let Some(unit) = unit {
            self.unit = i64::from(unit);
        }
        let at = if let Some(at) = full {
            at
        } else {
            let before = self.recv.ok_or(Reason::MissingField)?;
            let step = i64::from(step).checked_mul(self.unit).ok_or(Reason::OutOfRange)?;
            before.checked_add(step).ok_or(Reason::OutOfRange)?
        };
        self.recv = Some(at);
        Ok(at)
    }
}

impl Last {
    fn narrow_venue(&mut self, recv: i64, cells: &mut Cells, steps: &mut Steps) {
        let Some(at) = cells.venue_at else { return };
        // The lag of fine clocks is seldom small: in two columns it would take more room than in one.
        let few = self.by != Some(By::Lag);
        if let Some(step) = self.venue_step(recv, at).and_then(|step| pair(step, few)) {
            (steps.venue, cells.venue_at) = (step, None);
        } else {
            self.by = match at {
                _ if at == recv => Some(By::Recv),
                _ if at % MILLI == 0 => Some(By::Ms),
                _ if at % MICRO == 0 => Some(By::Lag),
                _ => None,
            };
            steps.venue_by = self.by.map(|by| by as i8);
        }
        self.venue_was(recv, at);
    }

    fn venue_step(&self, recv: i64, at: i64) -> Option<i64> {
        match self.by? {
            By::Recv => (at == recv).then_some(0),
            By::Ms => at.checked_sub(self.venue).filter(|step| step % MILLI == 0).map(|step| step / MILLI),
            By::Lag => (at % MICRO == 0).then(|| lag(recv, at)).and_then(|lag| lag.checked_sub(self.venue)),
        }
    }

    #[inline]
    fn venue_was(&mut self, recv: i64, at: i64) {
        self.venue = if self.by == Some(By::Lag) { lag(recv, at) } else { at };
    }

    /// When the venue says that a row happened.
    #[inline]
    pub(super) fn venue(
        &mut self,
        recv: i64,
        full: Option<i64>,
        by: Option<By>,
        step: impl FnOnce() -> i64,
    ) -> Result<i64, Reason> {
        let at = if let Some(at) = full {
            self.by = by;
            at
        } else {
            let step = step();
            let at = match self.by.ok_or(Reason::MissingField)? {
                By::Recv => Some(recv),
                By::Ms => self.venue.checked_add(step * MILLI),
                By::Lag => {
                    let lag = self.venue.checked_add(step);
                    lag.and_then(|lag| recv.div_euclid(MICRO).checked_sub(lag)).and_then(|at| at.checked_mul(MICRO))
                }
            };
            at.ok_or(Reason::OutOfRange)?
        };
        self.venue_was(recv, at);
        Ok(at)
    }

    fn narrow_prices(&mut self, cells: &mut Cells, steps: &mut Steps) {
        let [bid, _] = &mut cells.bid;
        let [ask, _] = &mut cells.ask;
        steps.price_dec = self.prices.refine([cells.price.or(*bid), *ask]);
        if let Some(both) = cells.price.and_then(|price| self.prices.step(0, price)).and_then(|step| pair(step, true)) {
            (steps.price, cells.price) = (both, None);
        }
        for (place, value, step) in [(0, bid, &mut steps.bid), (1, ask, &mut steps.ask)] {
            if let Some(small) = value.and_then(|value| self.prices.step(place, value)).and_then(|n| n.try_into().ok())
            {
                (*step, *value) = (small, None);
            }
        }
    }

    fn narrow_qtys(&mut self, cells: &mut Cells, steps: &mut Steps) {
        let [_, bid] = &mut cells.bid;
        let [_, ask] = &mut cells.ask;
        steps.qty_dec = self.qtys.refine([cells.qty.or(*bid), *ask]);
        if let Some(both) = cells.qty.and_then(|qty| self.qtys.units(qty)).and_then(|units| pair(units, true)) {
            (steps.qty, cells.qty) = (both, None);
        }
        for (place, value, step) in [(0, bid, &mut steps.bid_qty), (1, ask, &mut steps.ask_qty)] {
            let change = value.and_then(|value| self.qtys.step(place, value));
            if let Some(both) = change.and_then(|change| pair(change, true)) {
                (*step, *value) = (both, None);
            }
        }
    }

    fn narrow_id(&mut self, cells: &mut Cells, steps: &mut Steps) {
        let Some(id) = cells.id else { return };
        let gap = self.id.map(|before| id.wrapping_sub(before).wrapping_sub(1) as i64);
        if let Some(gap) = gap.and_then(|gap| i32::try_from(gap).ok()) {
            (steps.id_gap, cells.id) = (gap, None);
        }
        self.id = Some(id);
    }

    /// The venue's id of a trade.
    #[inline]
    pub(super) fn id(&mut self, full: Option<u64>, gap: impl FnOnce() -> i32) -> Result<u64, Reason> {
        let id = if let Some(id) = full {
            id
        } else {
            let before = self.id.ok_or(Reason::MissingField)?;
            before.wrapping_add(1).wrapping_add_signed(i64::from(gap()))
        };
        self.id = Some(id);
        Ok(id)
    }
}

/// A number in the first column if it has room there and may, else in the second.
fn pair<A: TryFrom<i64> + Default, B: TryFrom<i64> + Default>(number: i64, few: bool) -> Option<(A, B)> {
    match A::try_from(number) {
        Ok(small) if few => Some((small, B::default())),
        _ => B::try_from(number).ok().map(|large| (A::default(), large)),
    }
}

/// Whole microseconds from what the venue says until it came.
const fn lag(recv: i64, at: i64) -> i64 {
    recv.div_euclid(MICRO) - at.div_euclid(MICRO)
}
