//! Books against an oracle that keeps every level in a map and knows no bound.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Book, Books, Head, Level, Link, Way};
use crate::event::{Body, MarketId, Nanos, Price, Qty};

const MARKET: MarketId = MarketId(3);

fn level(price: f64, qty: f64) -> Level {
    Level::new(Price::new(price).expect("a price"), Qty::new(qty).expect("a quantity"))
}

/// A message at a second of its own, so that every depth is told.
fn head(second: i64, link: Link) -> Head {
    let at = Nanos::from_secs(1_760_000_000 + second);
    Head { market: MARKET, venue_at: at, recv_at: at, link }
}

const WHOLE: Link = Link::Whole(None);
const CHANGE: Link = Link::Change { after: None, number: None };

fn take(books: &mut Books, head: Head, levels: &[(Way, f64, f64)]) -> Option<(f64, f64)> {
    let told = books.take(head, |book| {
        for (way, price, qty) in levels {
            book.set(*way, level(*price, *qty));
        }
        Ok::<_, ()>(())
    });
    told.expect("no fault").map(|body| match body {
        Body::Depth { bid_qty, ask_qty } => (bid_qty.get(), ask_qty.get()),
        body => panic!("{body:?}"),
    })
}

const SOUND: [(Way, f64, f64); 4] =
    [(Way::Bid, 999.5, 2.0), (Way::Ask, 1000.5, 1.0), (Way::Bid, 999.0, 8.0), (Way::Ask, 1001.01, 16.0)];

fn is_lost(books: &Books) -> bool {
    books.lost().eq([MARKET])
}

#[test]
fn the_depth_reaches_ten_basis_points_from_the_mid() {
    let mut books = Books::default();
    assert_eq!(take(&mut books, head(0, WHOLE), &SOUND), Some((10.0, 1.0)));
    assert_eq!(
        take(&mut books, head(1, CHANGE), &[(Way::Ask, 1001.0, 4.0), (Way::Bid, 998.99, 32.0)]),
        Some((10.0, 5.0))
    );
    assert_eq!(take(&mut books, head(2, CHANGE), &[(Way::Ask, 1001.0, 0.0), (Way::Bid, 999.0, 0.5)]), Some((2.5, 1.0)));
    assert_eq!(take(&mut books, head(3, WHOLE), &[(Way::Bid, 990.0, 2.0), (Way::Ask, 1010.0, 1.0)]), Some((0.0, 0.0)));
    assert_eq!(take(&mut books, head(4, CHANGE), &[(Way::Bid, 990.0, 0.0)]), None, "no bid is no mid");
    assert_eq!((books.lost().count(), books.losses()), (0, 0));
}

#[test]
fn the_depth_is_told_no_more_often_than_its_readers_want() {
    let mut books = Books::default();
    let at = |ms: i64| {
        let at = Nanos(head(0, WHOLE).venue_at.0 + ms * 1_000_000);
        Head { venue_at: at, recv_at: at, ..head(0, WHOLE) }
    };
    let told: Vec<i64> = (0..40).map(|n| n * 10).filter(|ms| take(&mut books, at(*ms), &SOUND).is_some()).collect();
    assert_eq!(told, [0, 90, 180, 270, 360]);
    assert!(take(&mut books, at(-5000), &SOUND).is_some(), "a step back of the venue's clock mutes nothing");
}

#[test]
fn a_book_with_a_hole_tells_nothing_until_a_whole_one_comes() {
    let mut books = Books::default();
    let change = |after: u64, number: u64| Link::Change { after: Some(after), number: Some(number) };
    assert_eq!(take(&mut books, head(0, change(6, 7)), &SOUND), None, "nothing came before");
    assert!(!is_lost(&books), "what was never known is not lost");
    assert!(take(&mut books, head(1, Link::Whole(Some(7))), &SOUND).is_some());
    assert!(take(&mut books, head(2, change(7, 9)), &[]).is_some());
    assert_eq!(take(&mut books, head(3, change(10, 11)), &[]), None);
    assert!(is_lost(&books));
    assert_eq!(books.get(MARKET).map(Book::len), Some(0));
    assert_eq!(take(&mut books, head(4, change(11, 12)), &SOUND), None);
    assert!(take(&mut books, head(5, Link::Whole(Some(2))), &SOUND).is_some());
    assert_eq!((is_lost(&books), books.losses()), (false, 1));
    books.lose_all();
    assert_eq!((is_lost(&books), books.losses()), (true, 2));
    books.reset();
    assert_eq!((is_lost(&books), books.losses()), (false, 2));
    assert_eq!(take(&mut books, head(6, change(2, 3)), &SOUND), None, "a new connection knows nothing");
}

#[test]
fn a_message_that_is_refused_loses_the_book() {
    let mut books = Books::default();
    assert!(take(&mut books, head(0, WHOLE), &SOUND).is_some());
    let fault = books.take(head(1, CHANGE), |book| {
        book.set(Way::Bid, level(1000.0, 1.0));
        Err("half of it")
    });
    assert_eq!(fault, Err("half of it"));
    assert!(is_lost(&books));
    assert_eq!(take(&mut books, head(2, CHANGE), &[]), None);
}

#[test]
fn a_message_that_nobody_can_read_loses_what_it_may_have_changed() {
    let mut books = Books::default();
    assert!(take(&mut books, head(0, WHOLE), &SOUND).is_some());
    books.doubt(Some(MarketId(2)));
    assert!(!is_lost(&books));
    books.doubt(Some(MARKET));
    assert!(is_lost(&books));
    assert!(take(&mut books, head(1, Link::Whole(Some(7))), &SOUND).is_some());
    books.doubt(None);
    assert!(!is_lost(&books), "its next number will tell");
    assert!(take(&mut books, head(2, WHOLE), &SOUND).is_some());
    books.doubt(None);
    assert!(is_lost(&books));
}

#[test]
fn a_book_may_stand_crossed_for_a_moment_only() {
    let mut books = Books::default();
    assert!(take(&mut books, head(0, WHOLE), &SOUND).is_some());
    assert_eq!(take(&mut books, head(1, CHANGE), &[(Way::Bid, 1000.5, 1.0)]), None);
    assert!(!is_lost(&books));
    assert!(take(&mut books, head(1, CHANGE), &[(Way::Bid, 1000.5, 0.0)]).is_some(), "the rest of the change came");
    assert_eq!(take(&mut books, head(2, CHANGE), &[(Way::Bid, 1000.6, 1.0)]), None);
    assert_eq!(take(&mut books, head(3, CHANGE), &[]), None);
    assert!(is_lost(&books));
}

#[test]
fn levels_that_find_no_room_are_forgotten_and_missed_only_when_the_price_comes_near() {
    let mut books = Books::default();
    let most = Book::LEVELS_MAX as i32;
    let bid = |n: i32| (Way::Bid, 100_000.0 - f64::from(n), 1.0);
    let levels: Vec<_> = (0..most + 500).map(bid).chain([(Way::Ask, 100_001.0, 1.0)]).collect();
    assert_eq!(take(&mut books, head(0, WHOLE), &levels), Some((100.0, 1.0)));
    assert_eq!(books.get(MARKET).map(Book::len), Some(Book::LEVELS_MAX + 1));
    let down = |to: i32| (0..to).map(bid).map(|(way, price, _)| (way, price, 0.0)).collect::<Vec<_>>();
    let mut fallen = down(most - 200);
    fallen.push((Way::Ask, 100_001.0, 0.0));
    fallen.push((Way::Ask, bid(most - 201).1, 1.0));
    assert_eq!(take(&mut books, head(1, CHANGE), &fallen), Some((96.0, 1.0)), "still far from the edge");
    fallen = down(most - 50);
    fallen.push((Way::Ask, bid(most - 51).1, 1.0));
    assert_eq!(take(&mut books, head(2, CHANGE), &fallen), None);
    assert!(is_lost(&books), "the depth would reach beyond what is known");
    assert!(take(&mut books, head(3, WHOLE), &levels).is_some());
    fallen = down(most);
    fallen.extend([(Way::Bid, 50_000.0, 1.0), (Way::Ask, 50_001.0, 1.0)]);
    assert_eq!(take(&mut books, head(4, CHANGE), &fallen), None);
    assert!(is_lost(&books), "no level of what is known is left");
}

#[test]
fn a_checksum_binds_where_it_fitted_the_whole_book() {
    let mut books = Books::default();
    let mut check = |second, link, fits| {
        let told = books.take(head(second, link), |book| {
            for (way, price, qty) in SOUND {
                book.set(way, level(price, qty));
            }
            book.check(fits);
            Ok::<_, ()>(())
        });
        (told.expect("no fault").is_some(), books.losses())
    };
    assert_eq!(check(0, WHOLE, false), (true, 0));
    assert_eq!(check(1, CHANGE, false), (true, 0), "it never fitted: we do not know how it is made");
    assert_eq!(check(2, WHOLE, true), (true, 0));
    assert_eq!(check(3, CHANGE, true), (true, 0));
    assert_eq!(check(4, CHANGE, false), (false, 1));
    assert_eq!(check(5, CHANGE, true), (false, 1));
}

#[test]
fn sums_beyond_any_quantity_lose_the_book() {
    let mut books = Books::default();
    let levels = [(Way::Bid, 999.5, 1e18), (Way::Bid, 999.6, 1e18), (Way::Ask, 1000.0, 1.0)];
    assert_eq!(take(&mut books, head(0, WHOLE), &levels), None);
    assert!(is_lost(&books));
}

/// Both sides by price in ticks.
#[derive(Default)]
struct Oracle {
    bids: BTreeMap<i32, f64>,
    asks: BTreeMap<i32, f64>,
    shown: usize,
}

impl Oracle {
    fn set(&mut self, way: Way, price: i32, qty: f64) {
        let side = if way == Way::Bid { &mut self.bids } else { &mut self.asks };
        side.insert(price, qty);
        side.retain(|_, qty| *qty > 0.0);
    }

    fn truncate(&mut self) {
        while self.bids.len() > self.shown {
            self.bids.pop_first();
        }
        while self.asks.len() > self.shown {
            self.asks.pop_last();
        }
    }

    fn depth(&self) -> Option<(f64, f64)> {
        let (bid, ask) = (self.bids.keys().max()?, self.asks.keys().min()?);
        let mid = f64::midpoint(f64::from(*bid), f64::from(*ask));
        let near = |side: &BTreeMap<i32, f64>| -> f64 {
            side.iter().filter(|(price, _)| (f64::from(**price) - mid).abs() <= mid * 0.001).map(|(_, qty)| qty).sum()
        };
        (bid < ask).then(|| (near(&self.bids), near(&self.asks)))
    }
}

type Change = (Way, i32, f64);

/// Prices around 10,000 so that some are within reach and some are not, quantities whose sums are exact.
fn message() -> impl Strategy<Value = (bool, Vec<Change>)> {
    let way = prop_oneof![Just(Way::Bid), Just(Way::Ask)];
    let change = (way, 0..30_i32, 0..8_u8).prop_map(|(way, away, qty)| {
        let price = if way == Way::Bid { 10_001 - away } else { 9_999 + away };
        (way, price, f64::from(qty) / 4.0)
    });
    (prop::bool::weighted(0.1), prop::collection::vec(change, 0..20))
}

proptest! {
    #[test]
    fn the_depth_is_that_of_a_naive_book(
        messages in prop::collection::vec(message(), 1..60),
        shown in prop_oneof![Just(usize::MAX), 3..12_usize],
    ) {
        let (mut books, mut oracle) = (Books::default(), Oracle { shown, ..Oracle::default() });
        for (second, (is_whole, changes)) in (0..).zip(messages) {
            // At one instant of ours, so that no book is lost for standing crossed.
            let link = if is_whole || second == 0 { WHOLE } else { CHANGE };
            if link == WHOLE {
                (oracle.bids, oracle.asks) = (BTreeMap::new(), BTreeMap::new());
            }
            let head = Head { recv_at: Nanos(0), ..head(second, link) };
            let told = books.take(head, |book| {
                if shown < usize::MAX {
                    book.shows(shown);
                }
                for (way, price, qty) in &changes {
                    book.set(*way, level(f64::from(*price), *qty));
                }
                Ok::<_, ()>(())
            });
            for (way, price, qty) in &changes {
                oracle.set(*way, *price, *qty);
            }
            oracle.truncate();
            let told = told.expect("no fault").map(|body| match body {
                Body::Depth { bid_qty, ask_qty } => (bid_qty.get(), ask_qty.get()),
                body => panic!("{body:?}"),
            });
            prop_assert_eq!(told, oracle.depth());
            prop_assert_eq!(books.get(MARKET).map(Book::len), Some(oracle.bids.len() + oracle.asks.len()));
        }
    }
}
