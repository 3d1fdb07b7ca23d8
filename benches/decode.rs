//! From a frame in memory to an event: our decoder, beside the plain way that a newcomer would write.
//!
//! The two run on the same frames in one process, so that their ratio holds on a busy machine. The plain way must come out
//! slower: a bench that cannot see that sees nothing.

#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fusewire::event::{Event, Nanos};
use fusewire::feed::venue::{Context, MarketLookup, find};
use fusewire::market::Markets;

const RECV_AT: Nanos = Nanos::from_secs(1_760_128_900);

const AGG_TRADE: &str = r#"{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":1760128800123,"s":"BTCUSDT","a":2840000001,"p":"113250.10","q":"0.015","f":6500000001,"l":6500000003,"T":1760128800101,"m":true}}"#;
const BOOK_TICKER: &str = r#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5123107839020,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1760128800313,"E":1760128800313}}"#;
const MARK_PRICE: &str = r#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1760128801000,"s":"BTCUSDT","p":"113200.10000000","i":"113210.12345678","P":"113205.00000000","r":"-0.00038167","T":1760140800000}}"#;
const FORCE_ORDER: &str = r#"{"stream":"btcusdt@forceOrder","data":{"e":"forceOrder","E":1760128810014,"o":{"s":"BTCUSDT","S":"SELL","o":"LIMIT","f":"IOC","q":"0.014","p":"109910","ap":"110210.5","X":"FILLED","l":"0.010","z":"0.012","T":1760128810012}}}"#;

/// The plain way: any JSON into a tree, then its fields by name.
fn plain(frame: &str, markets: &Markets) -> Option<(u32, i64, f64, f64, bool)> {
    let value: serde_json::Value = serde_json::from_str(frame).ok()?;
    let data = value.get("data")?;
    let market = markets.find(&format!("binance-usdm:{}", data.get("s")?.as_str()?))?;
    let number = |key: &str| data.get(key)?.as_str()?.parse::<f64>().ok();
    Some((market.0, data.get("T")?.as_i64()?, number("p")?, number("q")?, data.get("m")?.as_bool()?))
}

fn decode(c: &mut Criterion) {
    let Some(venue) = find("binance-usdm") else { return };
    let mut markets = Markets::new();
    for native in (0..300).map(|number| format!("A{number}USDT")).chain(["BTCUSDT".to_owned()]) {
        venue.instrument(&native).map(|market| markets.add(market));
    }
    let lookup = MarketLookup::new(venue, &markets);
    let mut group = c.benchmark_group("decode");
    group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    for (name, frame) in [
        ("aggTrade", AGG_TRADE),
        ("bookTicker", BOOK_TICKER),
        ("markPriceUpdate", MARK_PRICE),
        ("forceOrder", FORCE_ORDER),
    ] {
        let mut events: Vec<Event> = Vec::with_capacity(8);
        let cx = Context { recv_at: RECV_AT, markets: &lookup };
        group.throughput(Throughput::Bytes(frame.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                events.clear();
                black_box(venue.decode(black_box(frame.as_bytes()), &cx, &mut events)).is_ok()
            });
        });
        assert!(!events.is_empty(), "{name}: the bench decodes nothing");
    }
    assert!(plain(AGG_TRADE, &markets).is_some(), "the plain way reads the same frame");
    group.bench_function("aggTrade by serde_json::Value", |b| b.iter(|| plain(black_box(AGG_TRADE), &markets)));
    group.finish();
}

criterion_group!(benches, decode);
criterion_main!(benches);
