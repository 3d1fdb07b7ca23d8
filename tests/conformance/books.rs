//! Books as others recorded them, level by level against a naive book that knows none of our types.

use std::collections::BTreeMap;

use fusewire::event::{Body, Nanos};
use fusewire::feed::book::{Book, Books, Way};
use fusewire::feed::instrument::instrument;
use fusewire::feed::venue::{MarketLookup, find, read};
use fusewire::market::Markets;
use serde_json::{Value, json};

use crate::recordings::{frames, packed, recordings};

/// Both sides of a market: quantity by price. Prices are positive, so that their bits stand in their order.
#[derive(Default)]
struct Naive {
    bids: BTreeMap<u64, f64>,
    asks: BTreeMap<u64, f64>,
    told_at: Option<i64>,
}

/// A change of a naive book: whether it is a bid, price, quantity.
type Change = (bool, f64, f64);

/// What a frame is to a naive book: its market, the venue's time in nanoseconds, whether it is whole, its levels.
type Read = Option<(String, i64, bool, Vec<Change>)>;

impl Naive {
    fn take(&mut self, is_whole: bool, changes: &[Change]) {
        if is_whole {
            self.bids.clear();
            self.asks.clear();
        }
        for (is_bid, price, qty) in changes {
            let side = if *is_bid { &mut self.bids } else { &mut self.asks };
            side.insert(price.to_bits(), *qty);
            side.retain(|_, qty| *qty > 0.0);
        }
    }

    fn depth(&self) -> Option<(f64, f64)> {
        let (bid, ask) = (f64::from_bits(*self.bids.keys().max()?), f64::from_bits(*self.asks.keys().min()?));
        let (mid, near) = (f64::midpoint(bid, ask), |price: &u64| f64::from_bits(*price));
        let bids = self.bids.iter().rev().filter(|(price, _)| mid - near(price) <= mid * 0.001);
        let asks = self.asks.iter().filter(|(price, _)| near(price) - mid <= mid * 0.001);
        (bid < ask).then(|| (bids.map(|(_, qty)| qty).sum(), asks.map(|(_, qty)| qty).sum()))
    }

    /// What is told at a time of the venue: no more often than every 90 ms.
    fn told(&mut self, at: i64) -> Option<(f64, f64)> {
        let is_soon = self.told_at.is_some_and(|told| (0..90_000_000).contains(&(at - told)));
        let depth = self.depth().filter(|_| !is_soon)?;
        self.told_at = Some(at);
        Some(depth)
    }
}

/// Every message of a book, ours against the naive ones: each depth, and in the end each level.
fn compare(venue: &str, frames: &[(Nanos, String)], naive: impl Fn(&Value, Nanos) -> Read) {
    let venue = find(venue).expect("a venue");
    let (mut markets, mut naives): (_, BTreeMap<String, Naive>) = (Markets::new(), BTreeMap::new());
    let mut lookup = MarketLookup::new(venue, &markets);
    let (mut books, mut told, mut messages) = (Books::default(), 0, 0);
    for (at, frame) in frames {
        let Some((native, venue_at, is_whole, changes)) = naive(&serde_json::from_str(frame).expect("JSON"), *at)
        else {
            continue;
        };
        messages += 1;
        if lookup.find(&native).is_none() {
            lookup.add(venue, &native, markets.add(instrument(venue.name(), &native)));
        }
        let book = naives.entry(native).or_default();
        book.take(is_whole, &changes);
        let mut events = Vec::new();
        read(venue, frame.as_bytes(), *at, &lookup, &mut books, &mut events)
            .unwrap_or_else(|fault| panic!("{fault:?}: {frame}"));
        let ours = events.iter().map(|event| match event.body {
            Body::Depth { bid_qty, ask_qty } => (bid_qty.get(), ask_qty.get()),
            body => panic!("{body:?}"),
        });
        assert_eq!(ours.collect::<Vec<_>>(), Vec::from_iter(book.told(venue_at)), "{frame}");
        told += events.len();
    }
    println!("{}: {messages} messages of {} books, {told} depths", venue.name(), naives.len());
    assert!(messages > 30 && told > 10, "{messages} {told}");
    assert_eq!(books.losses(), 0);
    for (native, naive) in naives {
        let book = books.get(lookup.find(&native).expect("met")).expect("a book");
        for (way, side) in [(Way::Bid, &naive.bids), (Way::Ask, &naive.asks)] {
            let mut ours: Vec<_> =
                book.levels(way).map(|level| (level.price.get().to_bits(), level.qty.get())).collect();
            ours.sort_by_key(|(price, _)| *price);
            let theirs = side.iter().map(|(price, qty)| (*price, *qty)).collect::<Vec<_>>();
            // Of a side that is too long the worst are forgotten, and do not come back when better ones go.
            let (kept, most) = (ours.len(), theirs.len().min(Book::LEVELS_MAX));
            assert!(
                kept <= most && kept + 50 >= most && (kept == most || theirs.len() > Book::LEVELS_MAX),
                "{kept} {most}"
            );
            let from = if way == Way::Bid { theirs.len() - kept } else { 0 };
            assert_eq!(ours, theirs[from..from + kept], "{native} {way:?}");
        }
    }
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| value.as_str().expect("text").parse().expect("a number"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// The levels of both sides, each read by `level`.
fn sides(bids: &Value, asks: &Value, level: impl Fn(&Value) -> (f64, f64)) -> Vec<Change> {
    let side = |is_bid: bool, list: &Value| {
        let list = list.as_array().expect("a list").clone();
        list.iter().map(&level).map(|(price, qty)| (is_bid, price, qty)).collect::<Vec<_>>()
    };
    [side(true, bids), side(false, asks)].concat()
}

#[test]
fn books_of_okx_as_recorded_are_those_of_a_naive_reader() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    compare("okx", &packed(&folder.join("OKX.ws.1.0.zst")), |frame, _| {
        let data = frame.get("data").filter(|_| frame["arg"]["channel"] == "books")?.get(0)?;
        let changes = sides(&data["bids"], &data["asks"], |level| (number(&level[0]), number(&level[1])));
        let ms: i64 = text(&data["ts"]).parse().expect("a time");
        Some((text(&frame["arg"]["instId"]), ms * 1_000_000, frame["action"] == "snapshot", changes))
    });
}

#[test]
fn books_of_deribit_as_recorded_are_those_of_a_naive_reader() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    compare("deribit", &packed(&folder.join("DERIBIT.ws.1.0.zst")), |frame, _| {
        let data = &frame["params"]["data"];
        frame["params"]["channel"].as_str().filter(|channel| channel.starts_with("book."))?;
        let level = |level: &Value| (number(&level[1]), if level[0] == "delete" { 0.0 } else { number(&level[2]) });
        let changes = sides(&data["bids"], &data["asks"], level);
        let at = data["timestamp"].as_i64().expect("a time") * 1_000_000;
        Some((text(&data["instrument_name"]), at, data["type"] == "snapshot", changes))
    });
}

#[test]
fn books_of_kraken_futures_as_recorded_are_those_of_a_naive_reader() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    compare("kraken-futures", &packed(&folder.join("KRAKEN_FUTURES.ws.1.0.zst")), |frame, _| {
        let level = |level: &Value| (number(&level["price"]), number(&level["qty"]));
        let at = || frame["timestamp"].as_i64().expect("a time") * 1_000_000;
        let changes = match frame["feed"].as_str().filter(|_| frame.get("event").is_none())? {
            "book_snapshot" => sides(&frame["bids"], &frame["asks"], level),
            "book" => vec![(frame["side"] == "buy", number(&frame["price"]), number(&frame["qty"]))],
            _ => return None,
        };
        Some((text(&frame["product_id"]), at(), frame["feed"] == "book_snapshot", changes))
    });
}

#[test]
fn books_of_hyperliquid_as_recorded_are_those_of_a_naive_reader() {
    let Some(folder) = recordings("frames/hftbacktest") else { return };
    compare("hyperliquid", &frames(&folder.join("hyperliquid_btcusd_20250126.gz")), |frame, _| {
        let data = frame.get("data").filter(|_| frame["channel"] == "l2Book")?;
        let level = |level: &Value| (number(&level["px"]), number(&level["sz"]));
        let changes = sides(&data["levels"][0], &data["levels"][1], level);
        Some((text(&data["coin"]), data["time"].as_i64().expect("a time") * 1_000_000, true, changes))
    });
}

/// Changes name their level by its id alone.
#[test]
fn books_of_bitmex_as_recorded_are_those_of_a_naive_reader() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    let prices = std::cell::RefCell::new(BTreeMap::<(String, u64), f64>::new());
    compare("bitmex", &packed(&folder.join("BITMEX.ws.1.0.zst")), |frame, at| {
        let rows = frame["data"].as_array().filter(|_| frame["table"] == "orderBookL2")?;
        let mut prices = prices.borrow_mut();
        let change = |row: &Value| {
            let id = (text(&row["symbol"]), row["id"].as_u64().expect("an id"));
            if let Some(price) = row["price"].as_f64() {
                prices.insert(id.clone(), price);
            }
            let qty = if frame["action"] == "delete" { 0.0 } else { number(&row["size"]) };
            (row["side"] == "Buy", prices[&id], qty)
        };
        let changes = rows.iter().map(change).collect();
        Some((text(&rows[0]["symbol"]), at.0, frame["action"] == "partial", changes))
    });
}

/// Frames of the retired protocol, whose checksums are made in the same way, written in the words of today's: every real checksum
/// must fit what we hold of the book.
#[test]
fn real_checksums_of_kraken_fit_our_books() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    let (venue, mut markets) = (find("kraken-spot").expect("a venue"), Markets::new());
    let mut lookup = MarketLookup::new(venue, &markets);
    let (mut books, mut checked, mut sums) = (Books::default(), 0, BTreeMap::<String, Vec<u32>>::new());
    let recorded = packed(&folder.join("KRAKEN.ws.50.0.zst"));
    let old: Vec<Value> = recorded.iter().map(|(_, frame)| serde_json::from_str(frame).expect("JSON")).collect();
    let is_book = |frame: &&Value| {
        frame[frame.as_array().map_or(0, |all| all.len() - 2)].as_str().is_some_and(|name| name.starts_with("book-"))
    };
    for frame in old.iter().filter(is_book) {
        let parts = frame.as_array().expect("a list");
        let symbol = text(&parts[parts.len() - 1]).replace("XBT", "BTC").replace("XDG", "DOGE");
        if lookup.find(&symbol).is_none() {
            lookup.add(venue, &symbol, markets.add(instrument(venue.name(), &symbol)));
        }
        let part = |name: &str| parts[1..].iter().find_map(|part| part.get(name).cloned());
        let is_whole = part("as").is_some();
        let rows = |names: [&str; 2]| -> Vec<String> {
            let list = names.into_iter().find_map(part).unwrap_or(json!([]));
            let row = |row: &Value| {
                format!(r#"{{"price":{},"qty":{}}}"#, row[0].as_str().expect("text"), row[1].as_str().expect("text"))
            };
            list.as_array().expect("a list").iter().map(row).collect()
        };
        let (bids, asks) = (rows(["bs", "b"]), rows(["as", "a"]));
        // A whole book came without a checksum: ours is made here, naively.
        let sum = part("c").map_or_else(|| naive_sum(&asks, &bids), |sum| text(&sum).parse().expect("a number"));
        checked += u32::from(!is_whole);
        sums.entry(symbol.clone()).or_default().push(sum);
        let form = if is_whole { "snapshot" } else { "update" };
        let new = format!(
            r#"{{"channel":"book","type":"{form}","data":[{{"symbol":"{symbol}","bids":[{}],"asks":[{}],"checksum":{sum}}}]}}"#,
            bids.join(","),
            asks.join(",")
        );
        read(venue, new.as_bytes(), Nanos(0), &lookup, &mut books, &mut Vec::new()).expect("a book");
        assert_eq!(books.losses(), 0, "{new}");
    }
    println!("{checked} checksums of {} books", sums.len());
    assert!(checked > 1000, "{checked}");
    // A wrong one does not, in any of them: a sum that never fitted would say nothing.
    for symbol in sums.keys() {
        let wrong = format!(
            r#"{{"channel":"book","type":"update","data":[{{"symbol":"{symbol}","bids":[],"asks":[],"checksum":1}}]}}"#
        );
        read(venue, wrong.as_bytes(), Nanos(0), &lookup, &mut books, &mut Vec::new()).expect("a book");
    }
    assert_eq!(books.losses(), sums.len() as u64);
}

/// CRC-32 bit by bit over the digits of the ten best rows of each side, which come best first.
fn naive_sum(asks: &[String], bids: &[String]) -> u32 {
    let digits = |row: &String| {
        let numbers = row.trim_matches(['{', '}']).split(',').map(|field| field.split_once(':').expect("a field").1);
        numbers.map(|number| number.replace('.', "").trim_start_matches('0').to_owned()).collect::<String>()
    };
    let text: String = asks.iter().take(10).chain(bids.iter().take(10)).map(digits).collect();
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !text.bytes().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(byte), step))
}
