//! Recorded frames of Deribit, `BitMEX` and Kraken Futures, against counts that know none of our types.

use fusewire::event::Nanos;
use serde_json::Value;

use crate::recordings::{Totals, compare, packed, recordings};

/// Compares a capture with `count`, which sees each of its frames.
fn check(venue: &str, file: &str, count: impl Fn(&Value, &mut Totals)) {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    let file = folder.join(file);
    let frames = packed(&file);
    compare(venue, &file, &frames, |frames: &[(Nanos, String)]| {
        let mut totals = Totals::new();
        for (_, frame) in frames {
            count(&serde_json::from_str(frame).expect("JSON"), &mut totals);
        }
        totals
    });
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Options only: some without a bid or an ask, which are no quotes.
#[test]
fn deribit_as_recorded_decodes_without_surprise_and_adds_up() {
    check("deribit", "DERIBIT.ws.1.0.zst", |frame, totals| {
        let channel = frame["params"]["channel"].as_str().unwrap_or_default();
        let data = &frame["params"]["data"];
        if channel.starts_with("ticker.") {
            let total = totals.entry(text(&data["instrument_name"])).or_default();
            let is_there = |field: &str| data[field].as_f64().expect("a number") > 0.0;
            total.marks += u64::from(is_there("mark_price"));
            total.indexes += u64::from(is_there("index_price"));
            total.quotes += u64::from(is_there("best_bid_price") && is_there("best_ask_price"));
        }
    });
}

/// The first image of a table of trades is the past; that of quotes is the present.
#[test]
fn bitmex_as_recorded_decodes_without_surprise_and_adds_up() {
    check("bitmex", "BITMEX.ws.1.0.zst", |frame, totals| {
        let (table, action) =
            (frame["table"].as_str().unwrap_or_default(), frame["action"].as_str().unwrap_or_default());
        for row in frame["data"].as_array().into_iter().flatten() {
            let name = || text(&row["symbol"]);
            match (table, action) {
                ("trade", "insert") => {
                    let total = totals.entry(name()).or_default();
                    total.trades += 1;
                    total.quantity += row["size"].as_f64().expect("a number");
                }
                ("quote", "insert" | "partial") => totals.entry(name()).or_default().quotes += 1,
                _ => {}
            }
        }
    });
}

/// Snapshots of trades are the past. That the ids of trades have no hole is shown by what the snapshots hold.
#[test]
fn kraken_futures_as_recorded_decodes_without_surprise_and_adds_up() {
    check("kraken-futures", "KRAKEN_FUTURES.ws.1.0.zst", |frame, totals| {
        if frame["feed"] == "trade_snapshot" {
            let ids: Vec<u64> =
                frame["trades"].as_array().expect("a list").iter().filter_map(|one| one["seq"].as_u64()).collect();
            assert!(ids.len() == 100 && ids.windows(2).all(|pair| pair[1] + 1 == pair[0]), "{ids:?}");
        }
        if frame["feed"] == "trade" && frame.get("event").is_none() {
            let total = totals.entry(text(&frame["product_id"])).or_default();
            total.trades += 1;
            total.quantity += frame["qty"].as_f64().expect("a number");
        }
    });
}
