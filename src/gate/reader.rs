//! The trading engine's side: one call an order. Never fails, never waits; what it cannot trust reads as Halt.

use std::path::PathBuf;

use super::cell::Cell;
use super::layout::Role;
use super::page::{Glance, Page};
use super::refusal::{Doubt, Refusal};
use super::system::now_mono;
use crate::breaker::{Contract, Denial, Exposure, Intent, Order, Permission, Side, Verdict};

/// Where the gate is, and who may have written it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderOptions {
    /// The gate file.
    pub gate: PathBuf,
    /// The guard file; read where the gate's header says that a guard must be live.
    pub guard: PathBuf,
    /// User id of the daemon; `None` takes this process's own user and root.
    pub owner: Option<u32>,
}

impl ReaderOptions {
    /// The gate file at `path`, the guard beside it.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        let gate = path.into();
        Self { guard: gate.with_file_name(Role::Guard.file_name()), gate, owner: None }
    }

    /// With the daemon running as user `uid`.
    #[must_use]
    pub fn owned_by(self, uid: u32) -> Self {
        Self { owner: Some(uid), ..self }
    }
}

/// A market's place in one table of markets. A place from another table reads as an unknown market, never as another
/// market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    market: u32,
    table_tag: u32,
}

impl Place {
    /// A market that no gate lists: exits that reduce and cancels pass.
    pub const UNKNOWN: Self = Self { market: u32::MAX, table_tag: 0 };

    /// Its number in the table; `None` for an unknown market.
    pub const fn number(self) -> Option<u32> {
        if self.market == u32::MAX { None } else { Some(self.market) }
    }
}

/// Reads gate and guard. Cheap to share: every judgement takes `&self`.
#[derive(Debug)]
pub struct Reader {
    options: ReaderOptions,
    view: Result<View, Refusal>,
}

/// The files as they were when last opened.
#[derive(Debug)]
struct View {
    gate: Page,
    guard: Option<Page>,
    /// The tag of the gate's table where no guard is required; else one that no place has.
    tag_alone: u64,
}

impl Reader {
    /// Attaches to the gate, whether it is there or not: what cannot be read yet reads as Halt, and
    /// [`Self::trouble`] says why.
    pub fn attach(options: ReaderOptions) -> Self {
        let view = View::open(&options);
        Self { options, view }
    }

    /// Attaches to a gate that must be there: for tools, which have nobody to protect.
    pub fn open(options: ReaderOptions) -> Result<Self, Refusal> {
        View::open(&options).map(|view| Self { options, view: Ok(view) })
    }

    /// Attaches again where a file was replaced, is gone, or was never readable. `true` when that changed anything:
    /// resolve places again. A few microseconds where nothing changed, a few milliseconds to open a large gate; call it
    /// once a second and after [`Denial::Expired`].
    pub fn refresh(&mut self) -> bool {
        if self.view.as_ref().is_ok_and(|view| view.is_current(&self.options)) {
            return false;
        }
        let before = std::mem::replace(&mut self.view, View::open(&self.options));
        match (before, &self.view) {
            (Err(before), Err(now)) => before != *now,
            _ => true,
        }
    }

    /// Why everything reads as Halt, where that is the files' fault; an expired lease is not.
    pub fn trouble(&self) -> Option<&Refusal> {
        self.view.as_ref().err()
    }

    /// The place of a market, `venue:NATIVE`. Resolve once; resolve again when [`Self::refresh`] says so.
    pub fn place(&self, name: &str) -> Place {
        let found = self.view.as_ref().ok().and_then(|view| Some((view.gate.number(name)?, view.gate.table_tag())));
        found.map_or(Place::UNKNOWN, |(market, table_tag)| Place { market, table_tag })
    }

    /// Judges an order now. `slot` is the strategy's; 0 where the engine has only one.
    #[inline]
    pub fn check(&self, place: Place, slot: u8, order: &Order, exposure: &Exposure) -> Verdict {
        self.check_at(now_mono(), place, slot, order, exposure)
    }

    /// Judges an order at `now`, a reading of `CLOCK_MONOTONIC` in ns no older than the engine's own turn.
    ///
    /// The answer of a quiet day, an opening order where nothing binds, is found at first sight; every other takes a
    /// closer look, some four times as long.
    #[inline]
    pub fn check_at(&self, now: u64, place: Place, slot: u8, order: &Order, exposure: &Exposure) -> Verdict {
        if slot == 0 && self.opens_at_first_sight(now, place, order) {
            Verdict::Allow
        } else {
            self.check_closely(now, place, slot, order, exposure)
        }
    }

    /// Whether this is a sound opening order and slot 0 of a gate without a guard passes any of them.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for seqlock::glimpse")]
    fn opens_at_first_sight(&self, now: u64, place: Place, order: &Order) -> bool {
        order.intent == Intent::Open
            && order.is_sound()
            && self.view.as_ref().is_ok_and(|view| view.opens_freely_alone(now, place, order.side))
    }

    #[inline(never)]
    fn check_closely(&self, now: u64, place: Place, slot: u8, order: &Order, exposure: &Exposure) -> Verdict {
        let may_be_plain = order.intent == Intent::Open && order.is_sound();
        let was_not_tried = slot != 0 || self.guard().is_some();
        if may_be_plain
            && was_not_tried
            && self.view.as_ref().is_ok_and(|view| view.opens_freely(now, place, slot, order.side))
        {
            return Verdict::Allow;
        }
        match self.standing_at(now, place, slot) {
            Ok(permission) => permission.check(order, exposure, self.contract_for(&permission, place)),
            Err(why) => match Permission::HALT.check(order, exposure, &Contract::COIN) {
                Verdict::Deny(Denial::Stance) => Verdict::Deny(why),
                verdict => verdict,
            },
        }
    }

    /// What is allowed at `now`; Halt where there is any doubt.
    pub fn permission_at(&self, now: u64, place: Place, slot: u8) -> Permission {
        self.standing_at(now, place, slot).unwrap_or(Permission::HALT)
    }

    /// What is allowed at `now`, or why nothing is: [`Denial::Expired`], [`Denial::UnknownMarket`] or
    /// [`Denial::Doubt`].
    pub fn standing_at(&self, now: u64, place: Place, slot: u8) -> Result<Permission, Denial> {
        let view = self.view.as_ref().map_err(|_| Denial::Expired)?;
        let gate = standing_of(&view.gate, now, place, slot)?;
        match &view.guard {
            None => Ok(gate),
            Some(guard) => Ok(gate.meet(standing_of(guard, now, place, slot)?)),
        }
    }

    /// One cell of the gate with reason and incident, whatever the lease says: for people, not for orders.
    pub fn read_cell(&self, place: Place, slot: u8) -> Option<Cell> {
        let gate = self.gate().filter(|gate| gate.table_tag() == place.table_tag)?;
        gate.cell(place.market, slot)
    }

    /// The gate page, where there is one.
    pub fn gate(&self) -> Option<&Page> {
        self.view.as_ref().ok().map(|view| &view.gate)
    }

    /// The guard page, where one is required.
    pub fn guard(&self) -> Option<&Page> {
        self.view.as_ref().ok().and_then(|view| view.guard.as_ref())
    }

    /// What an acknowledgement repeats to the daemon.
    pub fn glance(&self) -> Option<Glance> {
        self.gate().map(Page::glance)
    }

    /// Only a maximum notional needs the contract, and only then is its cache line touched.
    fn contract_for(&self, permission: &Permission, place: Place) -> &Contract {
        let binding = if permission.max_notional() < f64::INFINITY { self.gate() } else { None };
        binding.and_then(|gate| gate.contract(place.market)).unwrap_or(&Contract::COIN)
    }
}

impl View {
    fn open(options: &ReaderOptions) -> Result<Self, Refusal> {
        let gate = Page::open(&options.gate, Role::Gate, options.owner)?;
        if !gate.header().guard_required {
            return Ok(Self { tag_alone: u64::from(gate.table_tag()), gate, guard: None });
        }
        let guard = Page::open(&options.guard, Role::Guard, options.owner)?;
        if guard.table_tag() == gate.table_tag() {
            Ok(Self { gate, guard: Some(guard), tag_alone: u64::MAX })
        } else {
            Err(Refusal { path: options.guard.clone(), doubt: Doubt::GuardDiffers })
        }
    }

    /// Whether slot 0 of a gate without a guard passes any sound opening order of `side`.
    #[inline(always)]
    #[allow(clippy::inline_always, reason = "as for seqlock::glimpse")]
    fn opens_freely_alone(&self, now: u64, place: Place, side: Side) -> bool {
        u64::from(place.table_tag) == self.tag_alone
            && self.gate.is_live(now)
            && self.gate.opens_freely(place.market, 0, side)
    }

    /// The same for any slot, with or without a guard.
    fn opens_freely(&self, now: u64, place: Place, slot: u8, side: Side) -> bool {
        let page_opens = |page: &Page| {
            opens_freely_in(page, now, place, 0, side) && (slot == 0 || page.opens_freely(place.market, slot, side))
        };
        page_opens(&self.gate) && self.guard.as_ref().is_none_or(page_opens)
    }

    fn is_current(&self, options: &ReaderOptions) -> bool {
        self.gate.is_still_at(&options.gate)
            && self.guard.as_ref().is_none_or(|guard| guard.is_still_at(&options.guard))
    }
}

/// What one page allows: all strategies and this one.
fn standing_of(page: &Page, now: u64, place: Place, slot: u8) -> Result<Permission, Denial> {
    if !page.is_live(now) {
        return Err(Denial::Expired);
    }
    if page.table_tag() != place.table_tag || page.header().line_of(place.market, slot).is_none() {
        return Err(Denial::UnknownMarket);
    }
    let read = |slot| page.cell(place.market, slot).map(|cell| cell.permission).ok_or(Denial::Doubt);
    let all = read(0)?;
    if slot == 0 { Ok(all) } else { Ok(all.meet(read(slot)?)) }
}

/// Whether one slot of one page passes any sound opening order of `side`, at first sight.
#[inline(always)]
#[allow(clippy::inline_always, reason = "as for seqlock::glimpse")]
fn opens_freely_in(page: &Page, now: u64, place: Place, slot: u8, side: Side) -> bool {
    page.table_tag() == place.table_tag && page.is_live(now) && page.opens_freely(place.market, slot, side)
}
