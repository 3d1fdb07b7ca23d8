//! A book that was lost: nothing is told of it, it is asked for again, rarely, and comes back with the whole one.

use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::{Action, SessionInput};

use crate::poked::Poked;

const ANSWER: &str = r#"{"event":"subscribed","feed":"book","product_ids":["PI_XBTUSD"]}"#;

/// A session of Kraken Futures, which numbers the messages of a book, with trades and books acknowledged.
fn opened() -> Poked {
    let mut poked = Poked::of("kraken-futures", &[Kind::Trade, Kind::Depth]);
    poked.wait(0.1);
    open(&mut poked);
    poked
}

fn open(poked: &mut Poked) {
    poked.poke(SessionInput::Opened);
    sent(poked, 1.0);
    poked.frame(ANSWER);
    poked.frame(ANSWER);
}

/// What it sends within `secs`.
fn sent(poked: &mut Poked, secs: f64) -> Vec<String> {
    let (until, mut texts) = (poked.now.plus_secs(secs), Vec::new());
    while poked.now < until {
        poked.now = poked.session.deadline().min(until).max(Nanos(poked.now.0 + 1));
        poked.session.handle(poked.now, SessionInput::Tick);
        texts.extend(std::iter::from_fn(|| poked.session.poll()).filter_map(|action| match action {
            Action::Send(text) => Some(text),
            _ => None,
        }));
    }
    texts
}

fn whole(poked: &mut Poked, seq: u64) -> Vec<String> {
    let ms = poked.now.0 / 1_000_000;
    poked.frame(&format!(
        r#"{{"feed":"book_snapshot","product_id":"PI_XBTUSD","timestamp":{ms},"seq":{seq},"tickSize":null,"bids":[{{"price":999.5,"qty":2}}],"asks":[{{"price":1000.5,"qty":1}}]}}"#
    ))
}

fn change(poked: &mut Poked, seq: u64) -> Vec<String> {
    let ms = poked.now.0 / 1_000_000;
    poked.frame(&format!(
        r#"{{"feed":"book","product_id":"PI_XBTUSD","side":"sell","seq":{seq},"price":1000.75,"qty":1,"timestamp":{ms}}}"#
    ))
}

fn tells(words: &[String]) -> bool {
    words.iter().any(|word| word == "event depths")
}

#[test]
fn a_lost_book_is_asked_for_again_and_tells_nothing_until_it_is_whole() {
    let mut poked = opened();
    assert!(!tells(&change(&mut poked, 7)), "no whole book came yet");
    assert!(tells(&whole(&mut poked, 7)));
    assert_eq!(sent(&mut poked, 1.0), [""; 0]);
    assert!(tells(&change(&mut poked, 8)));
    sent(&mut poked, 1.0);
    let words = change(&mut poked, 10);
    assert_eq!(words, [r#"send {"event":"unsubscrib"#], "at once, and no depth");
    assert_eq!(poked.session.counters().lost_books, 1);
    let want = ["unsubscribe", "subscribe"]
        .map(|word| format!(r#"{{"event":"{word}","feed":"book","product_ids":["PI_XBTUSD"]}}"#));
    assert_eq!(sent(&mut poked, 1.0), want[1..]);
    assert!(!tells(&change(&mut poked, 11)));
    poked.frame(r#"{"event":"unsubscribed","feed":"book","product_ids":["PI_XBTUSD"]}"#);
    poked.frame(r#"{"event":"error","message":"Already subscribed to feed, re-requesting"}"#);
    assert_eq!(sent(&mut poked, 27.0), [""; 0], "not before half a minute");
    assert_eq!(sent(&mut poked, 3.0), want);
    assert!(tells(&whole(&mut poked, 40)));
    sent(&mut poked, 1.0);
    assert!(tells(&change(&mut poked, 41)));
    assert_eq!((poked.session.counters().lost_books, poked.session.counters().losses), (1, 0));
}

#[test]
fn a_new_connection_knows_no_book_and_asks_for_none_that_was_lost_before() {
    let mut poked = opened();
    assert!(tells(&whole(&mut poked, 7)));
    poked.poke(SessionInput::Lost("cut"));
    poked.wait(5.0);
    open(&mut poked);
    assert!(!tells(&change(&mut poked, 8)), "it might follow by chance");
    assert_eq!(sent(&mut poked, 5.0), [""; 0]);
    assert!(tells(&whole(&mut poked, 9)));
    assert_eq!(poked.session.counters().lost_books, 0);
}

/// A message that cannot be read is counted, and its book is lost: it may have changed anything.
#[test]
fn nonsense_in_a_book_loses_it() {
    let mut poked = opened();
    assert!(tells(&whole(&mut poked, 7)));
    sent(&mut poked, 1.0);
    poked.frame(r#"{"feed":"book","product_id":"PI_XBTUSD","side":"sell","seq":8,"price":-1,"qty":1,"timestamp":1760128801000}"#);
    assert!(!tells(&change(&mut poked, 9)));
    let counters = poked.session.counters();
    assert_eq!((counters.lost_books, counters.refused.iter().sum::<u64>()), (1, 1));
}
