//! What sessions of single venues must bear: keep-alives of their own, numbered messages, streams that carry strangers.

use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::SessionInput;

use crate::START;
use crate::poked::Poked;

/// Connected and asked for everything; all answers in.
fn open(venue: &str, kinds: &[Kind], answers: &[&str]) -> Poked {
    let mut poked = Poked::of(venue, kinds);
    poked.wait(0.1);
    poked.poke(SessionInput::Opened);
    poked.wait(1.0);
    let told: Vec<String> = answers.iter().flat_map(|answer| poked.frame(answer)).collect();
    assert_eq!(told, [format!("subscribed: {} streams acknowledged", poked.session.streams().count())]);
    poked
}

#[test]
fn a_quiet_line_is_kept_by_the_venues_own_ping_and_its_answer_is_no_life() {
    for (venue, ack, ping, pong, secs) in [
        (
            "okx",
            r#"{"event":"subscribe","arg":{"channel":"trades","instId":"BTC-USDT-SWAP"},"id":"1"}"#,
            "ping",
            "pong",
            20.0,
        ),
        (
            "bybit-linear",
            r#"{"success":true,"ret_msg":"","conn_id":"c","req_id":"1","op":"subscribe"}"#,
            r#"{"op":"ping"}"#,
            r#"{"success":true,"ret_msg":"pong","conn_id":"c","req_id":"","op":"ping"}"#,
            20.0,
        ),
        (
            "hyperliquid",
            r#"{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{"type":"trades","coin":"BTC"}}}"#,
            r#"{"method":"ping"}"#,
            r#"{"channel":"pong"}"#,
            30.0,
        ),
    ] {
        let mut poked = open(venue, &[Kind::Trade], &[ack]);
        assert!(poked.wait(secs - 2.0).is_empty(), "{venue}");
        assert_eq!(poked.wait(2.0), [format!("send {ping}")], "{venue}");
        assert!(poked.frame(pong).is_empty(), "{venue}");
        let words = poked.wait(60.0);
        let pings = words.iter().filter(|words| words.starts_with("send ")).count();
        assert_eq!(pings + 1, (59.0 / secs) as usize, "{venue}: {words:?}");
        assert!(words.iter().any(|words| words.starts_with("down: no data for 60.")), "{venue}: {words:?}");
        assert_eq!(poked.session.counters().refused.iter().sum::<u64>(), 0, "{venue}");
    }
}

fn coinbase(number: u64, price: &str) -> String {
    let trade = format!(
        r#"{{"trade_id":"{}","product_id":"BTC-USD","price":"{price}","size":"1","side":"BUY","time":"2025-10-10T20:40:00Z"}}"#,
        number + 100
    );
    let events = format!(r#"[{{"type":"update","trades":[{trade}]}}]"#);
    format!(r#"{{"channel":"market_trades","client_id":"","sequence_num":{number},"events":{events}}}"#)
}

fn heartbeat(number: u64) -> String {
    format!(r#"{{"channel":"heartbeats","sequence_num":{number},"events":[{{"heartbeat_counter":1}}]}}"#)
}

fn subscriptions(number: u64) -> String {
    format!(r#"{{"channel":"subscriptions","sequence_num":{number},"events":[{{"subscriptions":{{}}}}]}}"#)
}

#[test]
fn a_hole_in_the_numbers_of_messages_is_a_gap_whatever_was_lost() {
    let mut poked = open("coinbase", &[Kind::Trade], &[&subscriptions(0), &subscriptions(1)]);
    assert_eq!(poked.frame(&coinbase(2, "4.2")), ["delivering: data arrives", "event trades"]);
    assert!(poked.frame(&heartbeat(3)).is_empty());
    assert!(poked.frame(&coinbase(4, "NaN")).is_empty(), "a broken message came, and is counted as bad");
    assert_eq!(poked.frame(&coinbase(5, "4.2")), ["event trades"]);
    assert_eq!(
        poked.frame(&coinbase(8, "4.2")),
        ["gap: 2 messages missing", "delivering: data arrives", "event trades"]
    );
    assert!(poked.frame(&heartbeat(11)).is_empty(), "told at most once a second");
    let later = poked.wait(2.5);
    assert!(later.contains(&"gap: 2 messages missing".to_owned()), "{later:?}");
    assert_eq!(poked.frame(&heartbeat(3)), ["gap: the numbers of messages went back"]);
    let counters = poked.session.counters();
    assert_eq!((counters.missing_messages, counters.missing_trades), (4, 0));
    assert_eq!(counters.refused.iter().sum::<u64>(), 1);
}

#[test]
fn a_new_connection_counts_its_messages_anew() {
    let mut poked = open("coinbase", &[Kind::Trade], &[&subscriptions(0), &subscriptions(1)]);
    poked.frame(&coinbase(2, "4.2"));
    poked.poke(SessionInput::Lost("cut"));
    while !poked.wait(0.05).iter().any(|words| words.starts_with("connect ")) {}
    poked.poke(SessionInput::Opened);
    assert!(poked.frame(&heartbeat(0)).is_empty());
    assert_eq!(poked.frame(&coinbase(1, "4.2")), [""; 0], "a trade from before the last one");
    assert_eq!(poked.session.counters().duplicates, 1);
    assert_eq!(poked.session.counters().missing_messages, 0);
}

fn hyperliquid(at: Nanos, size: u32) -> String {
    let ms = at.0 / 1_000_000;
    format!(
        r#"{{"channel":"trades","data":[{{"coin":"BTC","side":"A","px":"4.2","sz":"{size}","time":{ms},"hash":"0x0","tid":7}}]}}"#
    )
}

#[test]
fn trades_without_ids_that_a_new_connection_repeats_are_dropped() {
    let ack = r#"{"channel":"subscriptionResponse","data":{"method":"subscribe","subscription":{}}}"#;
    let mut poked = open("hyperliquid", &[Kind::Trade], &[ack]);
    assert_eq!(poked.frame(&hyperliquid(START, 1)), ["delivering: data arrives", "event trades"]);
    assert_eq!(
        poked.frame(&hyperliquid(START, 1)),
        ["event trades"],
        "two of the same size at one time are two trades"
    );
    poked.poke(SessionInput::Lost("cut"));
    while !poked.wait(0.05).iter().any(|words| words.starts_with("connect ")) {}
    poked.poke(SessionInput::Opened);
    assert_eq!(poked.frame(&hyperliquid(START, 1)), [""; 0]);
    let words = poked.frame(&hyperliquid(START.plus_secs(1.0), 1));
    assert_eq!(words, ["delivering: data arrives", "event trades"]);
    assert_eq!(poked.session.counters().duplicates, 1);
}

fn okx_liquidation(native: &str) -> String {
    let ms = START.0 / 1_000_000;
    let detail = format!(r#"{{"bkPx":"4.2","posSide":"long","side":"sell","sz":"1","ts":"{ms}"}}"#);
    let contract = format!(r#"{{"instId":"{native}","details":[{detail}]}}"#);
    format!(r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{contract}]}}"#)
}

#[test]
fn markets_that_nobody_asked_for_are_neither_faults_nor_life() {
    let ack = r#"{"event":"subscribe","arg":{"channel":"liquidation-orders","instType":"SWAP"},"id":"1"}"#;
    let mut poked = open("okx", &[Kind::Liquidation], &[ack]);
    assert!(poked.frame(&okx_liquidation("IOST-USDT-SWAP")).is_empty());
    assert_eq!(poked.session.counters().refused.iter().sum::<u64>(), 0);
    assert_eq!(poked.frame(&okx_liquidation("BTC-USDT-SWAP")), ["delivering: data arrives", "event liquidations"]);
    for _ in 0..58 {
        poked.wait(1.0);
        poked.frame(&okx_liquidation("IOST-USDT-SWAP"));
    }
    assert!(poked.wait(3.0).iter().any(|words| words == "close"));
}
