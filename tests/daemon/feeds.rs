//! Feeds that are not there, and feeds that only seem to be.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use fusewire::breaker::{Permission, Stance};

use crate::rig::{Plan, Rig, feed};
use crate::scene::{CALM, CRASHING, Scene};

#[test]
fn without_a_network_it_is_blind_and_never_normal() {
    let closed = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a port");
    let mut plan = Plan::watching(&format!("ws://{closed}"));
    plan.feeds = plan.feeds.replace("backoff_first_secs = 0.05", "backoff_first_secs = 0.2").replace("= 0.5", "= 60.0");
    let mut rig = Rig::running(&plan);

    let (mut sight, began) = (rig.sight(), Instant::now());
    while pauses(&rig.log()).len() < 4 {
        for market in [CRASHING, CALM] {
            assert_eq!(sight.of(market).permission, Permission::HALT);
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{}", rig.log());
        std::thread::sleep(Duration::from_millis(1));
    }
    let (status, words) = rig.get("/readyz").expect("an answer");
    println!("pauses {:?} s; ready: {status} {}", pauses(&rig.log()), words.trim());
    assert_eq!(status, 503);
    // Each pause is between half and all of twice the one before; the log rounds to tenths.
    for (pause, whole) in pauses(&rig.log()).into_iter().zip([0.2, 0.4, 0.8, 1.6]) {
        assert!((whole / 2.0 - 0.051..=whole + 0.051).contains(&pause), "{pause} of {whole}");
    }
    assert_eq!(rig.end(), 0);
}

/// The pauses between tries, from the log.
fn pauses(log: &str) -> Vec<f64> {
    let lines = log.lines().filter(|line| line.contains("WARN"));
    lines.filter_map(|line| line.split("next try in ").nth(1)?.split(' ').next()?.parse().ok()).collect()
}

const SILENCE_RULES: &str = r#"
[rules]
use_shipped = false

[[rule]]
name = "feed-late"
any = ["stale.late"]
stance = "Caution"
hold_secs = 0.5
probe_secs = 0.2

[[rule]]
name = "feed-dead"
any = ["stale.dead"]
stance = "Halt"
hold_secs = 0.5
probe_secs = 0.2

[detect.stale]
late_floor_secs = 0.5
dead_floor_secs = 1.5
"#;

#[test]
fn a_feed_that_stalls_while_pings_live_is_noticed() {
    let (coinm, usdm) = (Scene::calm().play(), Scene { symbols: ["BTCUSDT", "ETHUSDT"], ..Scene::calm() }.play());
    let feeds = feed("binance-coinm", &["DOTUSD_PERP", "TRXUSD_PERP"], &coinm.base())
        + &feed("binance-usdm", &["BTCUSDT", "ETHUSDT"], &usdm.base());
    let plan = Plan { feeds, rules: SILENCE_RULES, lease_ms: 1000, more: String::new() };
    let rig = Rig::running(&plan);
    let (own, other) = ([CRASHING, CALM], ["binance-usdm:BTCUSDT", "binance-usdm:ETHUSDT"]);
    for market in own.into_iter().chain(other) {
        rig.wait_for_stance(market, |stance| stance == Stance::Normal);
    }
    // 200 gaps teach what a silence is.
    std::thread::sleep(Duration::from_secs(2));

    coinm.stall(true);
    let began = Instant::now();
    rig.wait_for_stance(CALM, |stance| stance >= Stance::Caution);
    let late = began.elapsed();
    rig.wait_for_stance(CALM, |stance| stance == Stance::Halt);
    let dead = began.elapsed();
    rig.wait_for_stance(CRASHING, |stance| stance == Stance::Halt);
    let mut sight = rig.sight();
    for market in other {
        assert_eq!(sight.of(market).permission.stance(), Stance::Normal, "{market} is of another venue");
    }
    assert!(!rig.log().contains("no data for"), "the connection lives on: {late:?}, {dead:?}\n{}", rig.log());
    coinm.stall(false);
    let back = rig.wait_for_stance(CALM, |stance| stance == Stance::Normal);
    println!(
        "stalled: Caution after {:.2} s, Halt after {:.2} s; Normal {:.2} s after it flowed again",
        late.as_secs_f64(),
        dead.as_secs_f64(),
        back.as_secs_f64()
    );
    assert!(late < dead, "late before dead");
    assert!(late < Duration::from_secs(2), "a silence of a busy stream is noticed soon, not after {late:?}");
}
