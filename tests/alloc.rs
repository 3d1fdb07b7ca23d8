//! F11: an ordinary event allocates nothing once the engine is warm. A counting allocator stands under the whole test.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests may fail loudly"
)]
#![allow(unsafe_code, reason = "a global allocator cannot be had without")]

#[path = "sim/chance.rs"]
mod chance;
#[path = "sim/stage.rs"]
mod stage;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use chance::Chance;
use fusewire::detect::legs;
use fusewire::engine::{Engine, Input, Output};
use fusewire::event::{Liquidated, VenueStatus};
use stage::{at, interest, liquidation, quick, quote, status, table, trade};

/// Counts what this thread asks for; other threads of the test harness do as they like.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

#[allow(clippy::missing_safety_doc, reason = "the system's own, counted")]
// SAFETY: every call is handed on unchanged to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is the system's.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller's promise is the system's.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const MARKETS: u32 = 4;

/// Ordinary events without end: trades that wander, quotes, forced orders now and then, open interest, time.
struct Ordinary {
    chance: Chance,
    secs: f64,
    away: f64,
    id: u64,
}

impl Ordinary {
    fn next(&mut self) -> Input {
        self.id += 1;
        self.secs += 0.02;
        self.away = 0.9999 * self.away + 0.00001 * self.chance.normal();
        let (market, now) = (self.chance.below(u64::from(MARKETS)) as u32, at(self.secs));
        let price = 100.0 * (1.0 + self.away);
        match self.chance.below(1000) {
            0 => Input::Event(liquidation(market, now, price, 1.0, Liquidated::Long, true)),
            1 => Input::Event(status(market, now, VenueStatus::Online)),
            2..10 => Input::Event(interest(market, now, 1000.0 + self.away)),
            10..400 => Input::Event(quote(market, now, price)),
            400..410 => Input::Tick(now),
            _ => Input::Event(trade(market, self.id, now, price)),
        }
    }
}

#[test]
fn a_million_ordinary_events_allocate_nothing() {
    let mut engine = Engine::new(quick(), table(&["a:DOT", "b:DOT", "a:TRX", "b:TRX"]));
    let mut ordinary = Ordinary { chance: Chance::new(1), secs: 0.0, away: 0.0, id: 0 };
    let mut out: Vec<Output> = Vec::with_capacity(64);
    for _ in 0..100_000 {
        engine.handle(ordinary.next(), &mut out);
        out.clear();
    }
    let before = ASKED.get();
    for count in 0..1_000_000 {
        engine.handle(ordinary.next(), &mut out);
        assert!(out.is_empty(), "event {count} is not ordinary: {out:?}");
    }
    assert_eq!(ASKED.get() - before, 0, "allocations");
    let crowd = legs().iter().position(|(detector, _)| *detector == "crowd").unwrap();
    assert!(engine.view().any(|market| market.scores[crowd] > 0.0), "all markets were looked at together, too");
}

#[test]
fn the_count_sees_an_allocation() {
    let before = ASKED.get();
    std::hint::black_box(Box::new(1_u64));
    assert_eq!(ASKED.get() - before, 1);
}
