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
use fusewire::event::{Liquidated, MarketId, Price, Qty, VenueStatus};
use fusewire::feed::book::{Books, Head, Level, Link, Way};
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

/// Whole books, changes, levels that go and depths told: once a book has its size, none of it asks for memory.
#[test]
fn books_allocate_nothing_once_they_have_their_size() {
    let (mut books, mut chance, mut told) = (Books::default(), Chance::new(7), 0_u64);
    let mut message = |count: i64| {
        let link = if count % 1000 == 0 { Link::Whole(None) } else { Link::Change { after: None, number: None } };
        let head = Head { market: MarketId(3), venue_at: at(count as f64), recv_at: at(0.0), link };
        let levels = if count % 1000 == 0 { 2000 } else { 20 };
        let depth = books.take(head, |book| {
            for _ in 0..levels {
                let (away, qty) = ((chance.unit() * 1000.0).floor() / 10.0, (chance.unit() * 8.0).floor());
                let (way, price) =
                    if chance.unit() < 0.5 { (Way::Bid, 10_000.0 - away) } else { (Way::Ask, 10_000.5 + away) };
                book.set(way, Level::new(Price::new(price).unwrap(), Qty::new(qty).unwrap()));
            }
            Ok::<_, ()>(())
        });
        told += u64::from(depth.unwrap().is_some());
    };
    (0..20_000).for_each(&mut message);
    let before = ASKED.get();
    (20_000..40_000).for_each(&mut message);
    assert_eq!(ASKED.get() - before, 0, "allocations");
    assert_eq!((told, books.losses()), (40_000, 0));
}
