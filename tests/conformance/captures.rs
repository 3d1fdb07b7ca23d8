//! Frames that others recorded of these venues, against counts that know none of our types.

use std::fs;

use fusewire::event::Nanos;
use fusewire::feed::book::Books;
use fusewire::feed::venue::{Decoded, read};
use serde_json::Value;

use crate::cases::rooms;
use crate::recordings::{Totals, compare, frames, packed, recordings};

#[test]
fn okx_as_recorded_decodes_without_surprise_and_adds_up() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    let file = folder.join("OKX.ws.1.0.zst");
    let frames = packed(&file);
    compare("okx", &file, &frames, |frames| {
        let mut totals = Totals::new();
        for (_, frame) in frames {
            let value: Value = serde_json::from_str(frame).expect("JSON");
            let channel = value["arg"]["channel"].as_str().expect("a channel");
            for element in value["data"].as_array().into_iter().flatten() {
                let name = || element["instId"].as_str().expect("a name").to_owned();
                if channel == "trades" {
                    let total = totals.entry(name()).or_default();
                    total.trades += 1;
                    total.quantity += element["sz"].as_str().expect("text").parse::<f64>().expect("a number");
                } else if channel == "tickers" {
                    totals.entry(name()).or_default().quotes += 1;
                }
            }
        }
        totals
    });
}

/// A frame that spans more than five seconds is the history sent at subscribing: only its newest trade counts.
#[test]
fn hyperliquid_as_recorded_decodes_without_surprise_and_adds_up() {
    let Some(folder) = recordings("frames/hftbacktest") else { return };
    let file = folder.join("hyperliquid_btcusd_20250126.gz");
    compare("hyperliquid", &file, &frames(&file), |frames| {
        let mut totals = Totals::new();
        for (_, frame) in frames {
            let value: Value = serde_json::from_str(frame).expect("JSON");
            let Some(trades) = value["data"].as_array() else { continue };
            let time = |trade: &Value| trade["time"].as_i64().expect("a time");
            let newest = trades.iter().map(time).max().expect("a trade");
            let is_history = trades.iter().any(|trade| newest - time(trade) > 5000);
            for trade in if is_history { &trades[trades.len() - 1..] } else { &trades[..] } {
                let total = totals.entry(trade["coin"].as_str().expect("a name").to_owned()).or_default();
                total.trades += 1;
                total.quantity += trade["sz"].as_str().expect("text").parse::<f64>().expect("a number");
            }
        }
        totals
    });
}

/// Retired protocols, of services some of which still answer: nothing of them may pass as data of any venue.
#[test]
fn frames_of_retired_protocols_are_data_of_no_venue() {
    let Some(folder) = recordings("frames/cryptofeed") else { return };
    let retired = ["BITFINEX.ws.11", "BYBIT.ws.25", "BYBIT.ws.26", "COINBASE.ws.28", "KRAKEN.ws.48", "KRAKEN.ws.50"];
    let rooms = rooms();
    for name in retired {
        let file = folder.join(format!("{name}.0.zst"));
        assert!(fs::exists(&file).expect("a folder"), "{}", file.display());
        let frames = packed(&file);
        assert!(frames.len() > 10, "{name}");
        for room in &rooms {
            let (mut events, mut books) = (Vec::new(), Books::default());
            for (_, frame) in &frames {
                let found = read(&*room.venue, frame.as_bytes(), Nanos(0), &room.lookup, &mut books, &mut events);
                let is_data = matches!(found, Ok(Decoded::Data | Decoded::Partly(_) | Decoded::Elsewhere));
                assert!(!is_data && events.is_empty(), "{}: {name}: {found:?}: {frame}", room.venue.name());
            }
        }
    }
}
