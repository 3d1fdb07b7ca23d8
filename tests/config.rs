//! Broken configs and what is said about them: every fault at once, each with its line, its key and a way out.
#![cfg(feature = "daemon")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use assert_cmd::Command;
use expect_test::{Expect, expect};
use fusewire::config;
use proptest::prelude::*;

const DOCUMENTED: &str = include_str!("../config.toml");
const HOOK: &str = "[[hook]]\nname = \"pager\"\nkind = \"http\"\n";
const RULE: &str = "[rules]\nuse_shipped = false\n[[rule]]\nname = \"mine\"\nany = [\"moves\"]\n";

/// What is said about it; a list of every venue there is goes by that name, so that a new one changes no expectation.
fn faults(text: &str) -> String {
    let venues: Vec<&str> = fusewire::feed::venue::VENUES.iter().map(|venue| venue.name()).collect();
    let said = config::parse(text, "c.toml").err().map_or_else(|| "good".to_owned(), |faults| faults.to_string());
    said.replace(&venues.join(", "), "(every venue)")
}

/// Several broken configs, each with all that is said about it.
fn said(configs: &[&str]) -> String {
    let mut all = String::new();
    for text in configs {
        let _ = writeln!(all, "{}", faults(text));
    }
    all
}

fn check(configs: &[&str], want: &Expect) {
    want.assert_eq(&said(configs));
}

#[test]
fn ten_faults_are_ten_lines() {
    let text = "\
[engine]
look_ms = \"5m\"
[detect.jump]
limit_z = -5
windw = 1024
clear = nan
[detect.moves]
horizon_secs = [60, 50, 900, 3600]
[gate]
lease_ms = 50
[serve]
listen = \"0.0.0.0:9464\"
[[feed]]
venue = \"binance-usdm\"
markets = [\"btc-usdt\"]
[rules]
use_shipped = false
[[rule]]
name = \"mine\"
any = [\"movs\"]
size_factor = 50
";
    assert_eq!(faults(text).lines().count(), 10);
    check(
        &[text],
        &expect![[r#"
            c.toml:2: engine.look_ms: must be a number in ms, got "5m" (try 250)
            c.toml:4: detect.jump.limit_z: must be between 1 and 10000, got -5 sigma (try 20)
            c.toml:5: detect.jump.windw: is not known (did you mean window?)
            c.toml:6: detect.jump.clear: must be between 0.05 and 0.99, got NaN (try 0.5)
            c.toml:8: detect.moves.horizon_secs: must ascend, got [60, 50, 900, 3600]
            c.toml:10: gate.lease_ms: must be at least 4 times beat_ms (25), got 50 ms (try 250)
            c.toml:12: serve.listen: must be loopback, got 0.0.0.0:9464: anyone could read and speak to it in the clear (behind_tls = true says that TLS and a login stand in front)
            c.toml:15: feed.binance-usdm.markets: "btc-usdt" is no market of binance-usdm (try "BTCUSDT")
            c.toml:20: rule.mine.any: "movs" names no leg of any detector (did you mean "moves"?)
            c.toml:21: rule.mine.size_factor: must be between 0 and 1, got 50 (a share, not percent: try 0.5)
        "#]],
    );
}

#[test]
fn numbers_say_range_unit_and_default() {
    check(
        &[
            "[detect.jump]\nlimit_z = -5",
            "[detect.jump]\nlimit_z = inf",
            "[detect.jump]\nlimit_z = nan",
            "[detect.jump]\nlimit_z = \"20\"",
            "[detect.jump]\nlimit_z = [20]",
            "[detect.jump]\nwindow = 1024.5",
            "[detect.moves]\nlimit_percent = [5, 7, 10]",
            "[detect.moves]\nlimit_percent = [5, 7, 10, 1500]",
            "[detect.moves]\nlimit_percent = [5, 7, \"x\", 15]",
            "[detect.stale]\nlate_floor_secs = \"250ms\"",
            "[gate]\nslots = 65",
            "[gate]\nlease_ms = \"1s\"",
            "[engine]\nbusy_poll = 1",
            "[engine]\nseed = -1",
            "[incident]\nregroup_secs = 1979-05-27",
        ],
        &expect![[r#"
            c.toml:2: detect.jump.limit_z: must be between 1 and 10000, got -5 sigma (try 20)
            c.toml:2: detect.jump.limit_z: must be between 1 and 10000, got inf sigma (try 20)
            c.toml:2: detect.jump.limit_z: must be between 1 and 10000, got NaN sigma (try 20)
            c.toml:2: detect.jump.limit_z: must be a number in sigma, got "20" (try 20 without quotes)
            c.toml:2: detect.jump.limit_z: must be a number in sigma, got a list (try 20)
            c.toml:2: detect.jump.window: must be a whole number, got 1024.5 (try 1024)
            c.toml:2: detect.moves.limit_percent: must be a list of 4 numbers, got 3 (try [5, 7, 10, 15])
            c.toml:2: detect.moves.limit_percent: must be between 0.01 and 99, got 1500 % (try [5, 7, 10, 15])
            c.toml:2: detect.moves.limit_percent: must be a list of 4 numbers, got "x" in it (try [5, 7, 10, 15])
            c.toml:2: detect.stale.late_floor_secs: must be a number in s, got "250ms" (try 0.25 without quotes)
            c.toml:2: gate.slots: must be between 1 and 64, got 65 (try 8)
            c.toml:2: gate.lease_ms: must be a number in ms, got "1s" (try 1000 without quotes)
            c.toml:2: engine.busy_poll: must be true or false, got 1 (try false)
            c.toml:2: engine.seed: must be between 0 and 1000000000000000000, got -1 (try 67657561070895105)
            c.toml:2: incident.regroup_secs: must be a number in s, got a date (try 1800)
        "#]],
    );
}

#[test]
fn what_is_not_known_has_a_nearest_known_word() {
    check(
        &[
            "[detct.jump]\nlimit_z = 20",
            "[detect.jmup]\nlimit_z = 20",
            "limit_z = 20",
            "[gate]\nlease = 250",
            "gate = 5",
            "[[gate]]\npath = \"x\"",
            "[rule]\nname = \"x\"",
            &format!("{RULE}hold_ms = 300"),
            &format!("{RULE}mode = \"arm\""),
            &format!("{RULE}scope = \"world\""),
            &format!("{RULE}\"a\\u001b[31m\" = 1"),
        ],
        &expect![[r#"
            c.toml:1: detct: is not known (did you mean detect?)
            c.toml:1: detect.jmup: is not known (did you mean jump?)
            c.toml:1: limit_z: is not known (known: engine, detect, incident, rule, rules, manual, venue, instruments, instrument, feed, gate, store, serve, record, hook)
            c.toml:2: gate.lease: is not known (did you mean lease_ms?)
            c.toml:1: gate: must be a section, got a number
            c.toml:1: gate: must be a section, got a list
            c.toml:1: rule: must be a list of sections, as in [[rule]]
            c.toml:6: rule.mine.hold_ms: is not known (did you mean hold_secs?)
            c.toml:6: rule.mine.mode: must be one of off, shadow, armed, got "arm" (try "armed")
            c.toml:6: rule.mine.scope: must be one of market, venue, asset, everything, got "world"
            c.toml:6: rule.mine."a\u{1b}[31m": is not known (known: name, any, need, across, venues, within_secs, extreme, scope, stance, sides, size_factor, max_notional, hold_secs, hold_max_secs, probe_secs, ramp, latch, strikes_max, strikes_window_secs, jitter, clear, mode, severity)
        "#]],
    );
}

#[test]
fn what_only_makes_sense_together_is_held_together() {
    check(
        &[
            "[detect.moves]\nhorizon_secs = [60, 60, 900, 3600]",
            "[detect.stale]\nlimit_late = 13",
            "[detect.stale]\nlimit_dead = 7",
            "[detect.jump]\nwindow = 128",
            "[gate]\nlease_ms = 99",
            "[gate]\nbeat_ms = 100",
            &format!("{RULE}hold_secs = 7200"),
            &format!("{RULE}ramp = [0.5, 0.1]"),
            &format!("{RULE}extreme = 0.5"),
            &format!("{RULE}clear = 1"),
            "[gate]\npath = \"fusewire-state/store/gate\"",
            "[gate]\nack = \"fusewire-state/store/ack\"",
            "[gate]\nack = \"fusewire-state/gate/gate\"",
            "[gate]\nack_owner = 1000",
            "[gate]\nack = 5\nack_owner = -1",
            "[record]\ndir = \"fusewire-state/control.sock\"",
            "[[feed]]\nvenue = \"binance-spot\"\nmarkets = [\"BTCUSDT\"]\nbackoff_first_secs = 30\nbackoff_max_secs = 10",
        ],
        &expect![[r#"
            c.toml:2: detect.moves.horizon_secs: must ascend, got [60, 60, 900, 3600]
            c.toml:2: detect.stale.limit_late: must be below limit_dead (12), got 13
            c.toml:2: detect.stale.limit_dead: must be above limit_late (8), got 7
            c.toml:2: detect.jump.window: must be above warm (256), got 128
            c.toml:2: gate.lease_ms: must be at least 4 times beat_ms (25), got 99 ms (try 250)
            c.toml:2: gate.beat_ms: must be at most lease_ms (250) divided by 4, got 100 ms (try 25)
            c.toml:6: rule.mine.hold_secs: must not be above hold_max_secs (3600), got 7200 s (try hold_max_secs = 7200)
            c.toml:6: rule.mine.ramp: must ascend: size grows on the way back
            c.toml:6: rule.mine.extreme: must be 0 or above 1, got 0.5: every trip reaches its limit once (try 3)
            c.toml:6: rule.mine.clear: must be between 0.05 and 0.99, got 1 (try 0.6)
            c.toml:2: gate.path: must not lie inside store.dir: only its owner may enter that, and a trading engine must map the gate
            c.toml:2: gate.ack: must not lie inside store.dir: only its owner may enter that, and the trading engine writes here
            c.toml:2: gate.ack: must differ from gate.path
            c.toml:2: gate.ack_owner: says whose file to believe, and no file is named (say ack, too)
            c.toml:2: gate.ack: must be a text in quotes, got a number
            c.toml:3: gate.ack_owner: must be between 0 and 4294967295, got -1 (try 1000)
            c.toml:2: record.dir: must differ from serve.control
            c.toml:4: feed.binance-spot.backoff_first_secs: must not be above backoff_max_secs (10), got 30 s
        "#]],
    );
}

#[test]
fn rules_that_could_not_work_are_refused() {
    check(
        &[
            "[rules]\nuse_shipped = false",
            "[[rule]]\nname = \"mine\"\nany = [\"moves\"]",
            "[rules]\nuse_shipped = false\n[[rule]]\nneed = 0",
            &format!("{RULE}mode = \"off\""),
            &format!("{RULE}stance = \"Normal\""),
            &format!("{RULE}need = 2"),
            &format!("{RULE}need = 2\nacross = \"venues\""),
            &format!("{RULE}need = 3\nacross = \"assets\"\nscope = \"everything\""),
            &format!("{RULE}venues = 3\nscope = \"everything\""),
            &format!("{RULE}[[rule]]\nname = \"mine\"\nany = [\"stale.dead\"]"),
            &format!("{RULE}[[rule]]\nname = \"Mine too\"\nany = []"),
            &format!("{RULE}[[rule]]\nname = \"manual\"\nany = [\"stale.ded\", \"weather\"]"),
        ],
        &expect![[r#"
            c.toml:2: rules.use_shipped: is false and there is no [[rule]]: nothing would ever trip (try true)
            c.toml:1: rules.use_shipped: must be said where there are [[rule]]s (false = only the rules of this file, true = the shipped ones too)
            c.toml:3: rule[1].name: is missing (as in name = "fast-move")
            c.toml:3: rule[1].any: is missing (as in any = ["moves.fall-percent"])
            c.toml:4: rule[1].need: must be between 1 and 1000, got 0 (try 1)
            c.toml:6: rule.mine.mode: is off, as every other rule is: nothing would ever trip (try "shadow")
            c.toml:6: rule.mine.stance: must be one of Caution, ReduceOnly, Halt, got "Normal"
            c.toml:6: rule.mine.need: can never be reached: needs 2 detectors within one market, and there are at most 1 detector
            c.toml:6: rule.mine.need: can never be reached: needs 2 venues within one market, and there are at most 1 venue
            c.toml:6: rule.mine.need: can never be reached: needs 3 assets, and there are at most 2 assets
            c.toml:6: rule.mine.venues: can never be reached: needs 1 detector on 3 venues, and there are at most 1 detector on 2 venues
            c.toml:7: rule[2].name: must be another one: "mine" stands above already
            c.toml:7: rule[2].name: must be 1 to 64 of a-z, 0-9, - and _, got "Mine too"
            c.toml:8: rule[2].any: must name at least one detector or leg (try ["moves"])
            c.toml:7: rule.manual.name: is kept for breakers tripped by hand (section [manual])
            c.toml:8: rule.manual.any: "stale.ded" names no leg of any detector (did you mean "stale.dead"?)
            c.toml:8: rule.manual.any: "weather" names no leg of any detector (detectors: moves, velocity, jump, volatility, cascade, stale, apart, book, status, crowd, dislocation)
        "#]],
    );
}

#[test]
fn feeds_must_exist_and_be_safe() {
    let feed = |rest: &str| format!("[[feed]]\nvenue = \"binance-coinm\"\nmarkets = [\"BTCUSD_PERP\"]\n{rest}");
    check(
        &[
            "[[feed]]\nvenue = \"binance\"\nmarkets = [\"BTCUSDT\"]",
            "[[feed]]\nvenue = \"binance-coinm\"\nmarkets = [\"BTCUSDT\", \"dotusd\"]",
            "[[feed]]\nvenue = \"binance-usdm\"\nmarkets = []",
            "[[feed]]\n",
            "feed = []",
            &feed(&feed("")),
            &feed("kinds = [\"trades\", \"trade\", \"trades\"]"),
            &feed("kinds = [\"quotes\"]"),
            &feed("endpoint = \"ws://example.com\""),
            &feed("endpoint = \"ws://localhost:80\""),
            &feed("endpoint = \"http://127.0.0.1\""),
            &feed("silence_secs = 0"),
        ],
        &expect![[r#"
            c.toml:2: feed.binance.venue: must be one of (every venue), got "binance" (try "binance-usdm")
            c.toml:3: feed.binance-coinm.markets: "BTCUSDT" is no market of binance-coinm (binance-usdm has such names)
            c.toml:3: feed.binance-coinm.markets: "dotusd" is no market of binance-coinm (try "DOTUSD_PERP")
            c.toml:3: feed.binance-usdm.markets: must name at least one market
            c.toml:1: feed[1].venue: is missing (as in venue = "binance-usdm")
            c.toml:1: feed[1].markets: is missing (as in markets = ["BTCUSDT"])
            c.toml:1: feed: must be at least one: there is nothing to watch
            c.toml:6: feed.binance-coinm.markets: "BTCUSD_PERP" is listened to already
            c.toml:4: feed.binance-coinm.kinds: must be one of trades, liquidations, quotes, depths, marks, indexes, fundings, open_interests, mark_ivs, volatility_indexes, statuses, got "trade" (try "trades")
            c.toml:4: feed.binance-coinm.kinds: names "trades" twice
            c.toml:4: feed.binance-coinm.kinds: must hold "trades": without them no detector sees a price
            c.toml:4: feed.binance-coinm.endpoint: must be wss off loopback: anyone on the way could invent prices
            c.toml:4: feed.binance-coinm.endpoint: must be wss off loopback: anyone on the way could invent prices (try 127.0.0.1: a name means what somebody's resolver says)
            c.toml:4: feed.binance-coinm.endpoint: must begin with wss://, or with ws:// on loopback
            c.toml:4: feed.binance-coinm.silence_secs: must be between 0.1 and 3600, got 0 s (try 10)
        "#]],
    );
}

/// A venue that is good, with more keys of its own and more sections.
fn venue(keys: &str, message: &str, more: &str) -> String {
    format!(
        "[[venue]]\nname = \"mydesk\"\nurl = \"wss://a.example\"\n{keys}\n[[venue.message]]\nkind = \"trades\"\n\
         when = {{ \"/t\" = \"x\" }}\nsymbol = \"/s\"\nprice = \"/p\"\nquantity = \"/q\"\ntime = \"/at\"\ntime_unit = \"ms\"\n\
         {message}\n{more}\n[[feed]]\nvenue = \"mydesk\"\nmarkets = [\"BTC-USD\"]\n"
    )
}

#[test]
#[allow(clippy::too_many_lines, reason = "one list of faults")]
fn venues_of_ones_own_are_mapped_wholly_or_refused() {
    let list = "request = '{\"id\":{id},\"on\":[{streams}]}'";
    let stream = "stream = '\"{market}\"'";
    let forced = |keys: &str| {
        let all =
            "kind = \"liquidations\"\nwhen = { \"/t\" = \"f\" }\nsymbol = \"/s\"\nprice = \"/p\"\nquantity = \"/q\"";
        venue("", "", &format!("[[venue.message]]\n{all}\ntime = \"/at\"\ntime_unit = \"ms\"\n{keys}"))
    };
    let said = |keys: &str| {
        venue(list, stream, &format!("[[venue.message]]\nkind = \"statuses\"\nwhen = {{ \"/t\" = \"s\" }}\n{keys}"))
    };
    check(
        &[
            &venue(list, stream, ""),
            &venue(list, "", ""),
            &venue(list, "stream = \"{market}\"", ""),
            &venue(list, "stream = '\"{markt}\"'", ""),
            &venue("request = \"{stream\"", "stream = \"x\"", ""),
            &venue("", "side = \"/side\"", ""),
            &venue("", "side = \"/side\"\nside_of = \"taker\"\nbuy = [\"b\", 1]\nsell = \"*\"", ""),
            &venue("", "buy = \"b\"", ""),
            &venue("", "side = \"side\"\nside_of = \"take\"\nbuy = 1.5\nsell = []", ""),
            &venue("", "each = \"$.data.rows\"\nid = \"/~2\"", ""),
            &venue("", "only = { \"live\" = true, \"/x\" = 2.5 }", ""),
            &venue("", "prize = \"/p\"", ""),
            &venue("", "", "[[venue.message]]\nkind = \"depth\""),
            &venue("", "", "[[venue.message]]\nkind = \"depths\"\nwhen = { \"/t\" = \"d\" }"),
            &said(""),
            &said("status = \"/st\"\nonline = \"open\""),
            &said("status = \"/st\"\nonline = [\"o*\", 1]\npost_only = 1\nmaintenance = [\"off\", \"*\"]"),
            &said("status = \"/st\"\nonline = [\"on\", 1]\npost_only = 2\nmaintenance = \"*\""),
            &said("status = \"/st\"\nonline = \"*\"\nmaintenance = \"closed\""),
            &venue("", "", "[[venue.message]]\nkind = \"quotes\""),
            &forced(""),
            &forced("side = \"/d\"\nlong = \"S\"\nshort = \"S\"\nprice_is = \"last\"\ncompleteness = \"none\""),
            &venue(
                "",
                "",
                "[[venue.answer]]\nid = \"ref\"\n[[venue.heartbeat]]\ntext = \"pong\"\nwhen = { \"/a\" = 1 }",
            ),
            &venue("keep_alive_secs = 5\ncontract_size = 10\nping_secs = 0", "", ""),
            "[[venue]]\nname = \"okx\"\n[[venue]]\nname = \"My Desk\"\nurl = \"ws://a.example\"\n[[venue]]\n",
            &venue("", "", "").replace("kind = \"trades\"", "kind = \"marks\"").replace("quantity = \"/q\"\n", ""),
            &venue("", "", "").replace("[\"BTC-USD\"]", "[\"BTC-USD\", \"7\", \"<b>\"]"),
            &venue("", "", "").replace("venue = \"mydesk\"\n", "venue = \"mydsk\"\n"),
            "[[instrument]]\nmarket = \"BTCUSD\"\nasset = \"btc\"\ncontract_size = 0\n[[instrument]]\nmarket = \"okx:A\"\n\
             contract_in = \"coins\"\n[[instrument]]\nmarket = \"okx:A\"\n[[instrument]]\nkind = \"swap\"",
        ],
        &expect![[r#"
            good
            c.toml:5: venue.mydesk.message[1].stream: is missing: the request asks for streams (as in stream = '"trades/{market}"'; the quotes are part of it)
            c.toml:4: venue.mydesk.request: must be JSON once it is filled in, got "{"id":1,"on":[BTC-USD]}": expected value at line 1 column 15 (a stream stands bare in {streams}: write its quotes in `stream`)
            c.toml:13: venue.mydesk.message[1].stream: takes no {markt}, only {market}, {market_lower}
            c.toml:4: venue.mydesk.request: must be JSON once it is filled in, got "{stream": key must be a string at line 1 column 2 (a stream stands bare in {streams}: write its quotes in `stream`)
            c.toml:5: venue.mydesk.message[1].side_of: is missing (as in side_of = "taker", or "maker" where the venue tells the side of the resting order)
            c.toml:5: venue.mydesk.message[1].buy: is missing: both meanings must be said (as in buy = "B")
            c.toml:5: venue.mydesk.message[1].sell: is missing: both meanings must be said (as in sell = "B")
            c.toml:16: venue.mydesk.message[1].sell: must not share a value with buy
            c.toml:13: venue.mydesk.message[1].buy: says what a side means, and nothing says where it stands (as in side = "/side")
            c.toml:13: venue.mydesk.message[1].side: is no JSON pointer: it must begin with / as in "/data/price", got "side" (try "/side")
            c.toml:14: venue.mydesk.message[1].side_of: must be one of taker, maker, got "take" (try "taker")
            c.toml:15: venue.mydesk.message[1].buy: must be a text (with * at its end for what begins so, "*" for anything), a whole number, true or false, got 1.5
            c.toml:16: venue.mydesk.message[1].sell: must name at least one value
            c.toml:13: venue.mydesk.message[1].each: is no JSON pointer: it must begin with / as in "/data/price", got "$.data.rows" (try "/data/rows")
            c.toml:14: venue.mydesk.message[1].id: is no JSON pointer: it must write ~ as ~0, got "/~2"
            c.toml:13: venue.mydesk.message[1].only."live": is no JSON pointer: it must begin with / as in "/data/price", got "live" (try "/live")
            c.toml:13: venue.mydesk.message[1].only."/x": must be a text (with * at its end for what begins so, "*" for anything), a whole number, true or false, got 2.5
            c.toml:13: venue.mydesk.message[1].prize: is not known (did you mean price?)
            c.toml:15: venue.mydesk.message[2].kind: must be one of trades, liquidations, quotes, depths, marks, indexes, fundings, open_interests, mark_ivs, volatility_indexes, statuses, got "depth" (try "depths")
            c.toml:14: venue.mydesk.message[2].symbol: is missing (as in symbol = "/symbol")
            c.toml:14: venue.mydesk.message[2].bid_quantity: is missing (as in bid_quantity = "/bid_depth")
            c.toml:14: venue.mydesk.message[2].ask_quantity: is missing (as in ask_quantity = "/ask_depth")
            c.toml:14: venue.mydesk.message[2].status: is missing (as in status = "/status")
            c.toml:14: venue.mydesk.message[2].online: is missing: a status must say what is open, and what is not (as in online = "open")
            c.toml:14: venue.mydesk.message[2].maintenance: is missing: a status must say what is open, and what is not (as in maintenance = "*": whatever else)
            c.toml:14: venue.mydesk.message[2].maintenance: is missing: a status must say what is open, and what is not (as in maintenance = "*": whatever else)
            c.toml:19: venue.mydesk.message[2].post_only: must not share a value with online
            c.toml:20: venue.mydesk.message[2].maintenance: must not share a value with online
            good
            c.toml:19: venue.mydesk.message[2].maintenance: must not share a value with online
            c.toml:14: venue.mydesk.message[2].when: is missing (as in when = { "/type" = "trade" })
            c.toml:14: venue.mydesk.message[2].symbol: is missing (as in symbol = "/symbol")
            c.toml:14: venue.mydesk.message[2].bid: is missing (as in bid = "/bid")
            c.toml:14: venue.mydesk.message[2].bid_quantity: is missing (as in bid_quantity = "/bid_size")
            c.toml:14: venue.mydesk.message[2].ask: is missing (as in ask = "/ask")
            c.toml:14: venue.mydesk.message[2].ask_quantity: is missing (as in ask_quantity = "/ask_size")
            c.toml:14: venue.mydesk.message[2].side: is missing (as in side = "/side")
            c.toml:14: venue.mydesk.message[2].long: is missing: both meanings must be said (as in long = "B")
            c.toml:14: venue.mydesk.message[2].short: is missing: both meanings must be said (as in short = "B")
            c.toml:14: venue.mydesk.message[2].price_is: is missing (as in price_is = "fill")
            c.toml:14: venue.mydesk.message[2].completeness: is missing (as in completeness = "full")
            c.toml:24: venue.mydesk.message[2].short: must not share a value with long
            c.toml:25: venue.mydesk.message[2].price_is: must be one of order, fill, bankruptcy, got "last"
            c.toml:26: venue.mydesk.message[2].completeness: must be one of full, sampled, partial, got "none"
            c.toml:14: venue.mydesk.answer[1].when: is missing (as in when = { "/type" = "trade" })
            c.toml:15: venue.mydesk.answer[1].id: is no JSON pointer: it must begin with / as in "/data/price", got "ref" (try "/ref")
            c.toml:17: venue.mydesk.heartbeat[1].text: must stand alone: a frame is either this text or JSON with a `when`
            c.toml:1: venue.mydesk.contract_in: is missing (as in contract_in = "base" for coins, or "quote" for money, a contract)
            c.toml:4: venue.mydesk.keep_alive_secs: says how often, and nothing says what (as in keep_alive = '{"op":"ping"}', or ping_secs for pings of the WebSocket protocol)
            c.toml:6: venue.mydesk.ping_secs: must be between 0.1 and 3600, got 0 s (try 15)
            c.toml:1: venue.okx.url: is missing (as in url = "wss://md.example.com/stream")
            c.toml:1: venue.okx.message: is missing: it says nothing (each kind of event is one [[venue.message]]; "trades" must be among them)
            c.toml:2: venue.okx.name: must be another one: "okx" is shipped with Fusewire
            c.toml:3: venue[2].message: is missing: it says nothing (each kind of event is one [[venue.message]]; "trades" must be among them)
            c.toml:4: venue[2].name: must be 1 to 32 of a-z, 0-9 and -, got "My Desk"
            c.toml:5: venue[2].url: must be wss off loopback: anyone on the way could invent prices
            c.toml:6: venue[3].name: is missing (as in name = "mydesk")
            c.toml:6: venue[3].url: is missing (as in url = "wss://md.example.com/stream")
            c.toml:6: venue[3].message: is missing: it says nothing (each kind of event is one [[venue.message]]; "trades" must be among them)
            c.toml:5: venue.mydesk.message: must map "trades": without them no detector sees a price
            c.toml:17: feed.mydesk.markets: "7" is no market of mydesk (its name does not tell asset and quote: say both, and kind and contract, under [[instrument]])
            c.toml:17: feed.mydesk.markets: "<b>" is no market of mydesk
            c.toml:16: feed.mydsk.venue: must be one of (every venue), mydesk, got "mydsk" (try "mydesk")
            c.toml:1: instrument[1].contract_in: is missing (as in contract_in = "base" for coins, or "quote" for money, a contract)
            c.toml:2: instrument[1].market: must be VENUE:NAME by the venue's own name, got "BTCUSD" (as in market = "okx:BTC-USDT-SWAP")
            c.toml:3: instrument[1].asset: must be 1 to 24 of A-Z and 0-9, got "btc"
            c.toml:4: instrument[1].contract_size: must be between 0.000000000001 and 1000000000000, got 0 (try 1)
            c.toml:7: instrument[2].contract_in: must be one of base, quote, got "coins"
            c.toml:9: instrument[3].market: must be another one: "okx:A" stands above already
            c.toml:10: instrument[4].market: is missing (as in market = "okx:BTC-USDT-SWAP")
            c.toml:11: instrument[4].kind: must be one of spot, perp, future, option, index, got "swap"
        "#]],
    );
}

#[test]
fn authorities_of_ones_own_are_looked_into_before_a_line_is_dialled() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let good = params.self_signed(&key).unwrap().pem();
    let feed = |ca: &str| format!("[[feed]]\nvenue = \"okx\"\nmarkets = [\"BTC-USDT-SWAP\"]\nca_file = {ca}\n");
    assert_eq!(faults(&feed(&format!("{:?}", write("one.pem", &good)))), "good");
    assert_eq!(faults(&feed(&format!("{:?}", write("two.pem", &format!("{good}\n{good}"))))), "good");

    let key = write("key.pem", &key.serialize_pem());
    let torn = write("torn.pem", &format!("{good}{}", &good[..good.len() / 2]));
    let unsound = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let second = write("second.pem", &format!("{good}{unsound}"));
    let all = [&key, &torn, &second, "/nowhere/ca.pem", "/dev/zero"];
    let text: String = all.map(|path| feed(&format!("{path:?}"))).concat() + &feed("5") + &feed("\"\"");
    let text = text.replace("venue = \"okx\"\n", "venue = \"okx\"\nverify = false\n");
    let said = faults(&text).replace(&dir.path().display().to_string(), "DIR");
    let own = said.lines().filter(|line| line.contains("ca_file: ")).fold(String::new(), |all, line| all + line + "\n");
    expect![[r#"
        c.toml:5: feed.okx.ca_file: "DIR/key.pem": the file holds no certificate (as in -----BEGIN CERTIFICATE-----)
        c.toml:10: feed.okx.ca_file: "DIR/torn.pem": the file is no PEM: a block has no end
        c.toml:15: feed.okx.ca_file: "DIR/second.pem": certificate 2 of the file is unsound: invalid peer certificate: BadEncoding
        c.toml:20: feed.okx.ca_file: "/nowhere/ca.pem": the file cannot be read: No such file or directory (os error 2)
        c.toml:25: feed.okx.ca_file: "/dev/zero": the file is larger than 1048576 bytes
        c.toml:30: feed.okx.ca_file: must be a text in quotes, got a number
        c.toml:35: feed.okx.ca_file: must not be empty
    "#]]
    .assert_eq(&own);
    assert_eq!(said.lines().filter(|line| line.contains("verify: is not known")).count(), 7, "{said}");
}

#[test]
fn listening_to_the_world_takes_a_word() {
    check(
        &[
            "[serve]\nlisten = \"0.0.0.0:9464\"",
            "[serve]\nlisten = \"0.0.0.0:9464\"\nbehind_tls = true",
            "[serve]\nlisten = \"[::1]:9464\"",
            "[serve]\nlisten = \"localhost:9464\"",
            "[store]\ndir = \" \"",
            "[store]\ndir = 5",
        ],
        &expect![[r#"
            c.toml:2: serve.listen: must be loopback, got 0.0.0.0:9464: anyone could read and speak to it in the clear (behind_tls = true says that TLS and a login stand in front)
            good
            good
            c.toml:2: serve.listen: must be an address and a port, got "localhost:9464" (try "127.0.0.1:9464")
            c.toml:2: store.dir: must not be empty (try "fusewire-state/store")
            c.toml:2: store.dir: must be a text in quotes, got a number (try "fusewire-state/store")
        "#]],
    );
}

#[test]
fn hooks_name_what_they_need() {
    check(
        &[
            HOOK,
            "[[hook]]\nname = \"pager\"",
            "[[hook]]\nname = \"Pager\"\nkind = \"htpp\"",
            &format!("{HOOK}url = \"http://example.com/\""),
            &format!("{HOOK}url_env = \"FUSEWIRE_NO_SUCH\""),
            &format!("{HOOK}url_file = \"/nonexistent/url\""),
            &format!("{HOOK}url = \"https://example.com/\"\nurl_env = \"HOME\""),
            &format!("{HOOK}url = \"https://example.com/\"\non = [\"trip\", \"incidnt\"]\nmin_stance = \"Halt\""),
            &format!(
                "{HOOK}url = \"https://example.com/\"\nheaders = {{ a = 5, b = {{ env = \"FUSEWIRE_NO_SUCH\" }} }}"
            ),
            &format!("{HOOK}url = \"https://example.com/\"\nargv = [\"/bin/true\"]"),
            "[[hook]]\nname = \"siren\"\nkind = \"exec\"\nargv = [\"siren\"]",
            "[[hook]]\nname = \"siren\"\nkind = \"exec\"\nargv = [\"/bin/true\"]\ntimeout_ms = 1\nmax_attempts = 0",
            &format!("{HOOK}url = \"https://example.com/\"\n{HOOK}url = \"https://example.com/\""),
        ],
        &expect![[r#"
            c.toml:1: hook.pager.url: is missing (as in url = "https://example.com/hook", or url_env, or url_file)
            c.toml:1: hook.pager.kind: is missing (as in kind = "http")
            c.toml:2: hook[1].name: must be 1 to 64 of a-z, 0-9, - and _, got "Pager"
            c.toml:3: hook[1].kind: must be one of http, exec, got "htpp" (try "http")
            c.toml:4: hook.pager.url: must be https off loopback (or set allow_private = true)
            c.toml:4: hook.pager.url_env: the environment variable FUSEWIRE_NO_SUCH is not set
            c.toml:4: hook.pager.url_file: the file cannot be read: No such file or directory (os error 2)
            c.toml:4: hook.pager.url: must come from one place: url, url_env or url_file
            c.toml:5: hook.pager.on: must be one of trip, breaker, permission, incident, feed, refused, started, stopped, got "incidnt" (try "incident")
            c.toml:6: hook.pager.min_stance: binds nothing: only "breaker" and "permission" carry a stance, and `on` names neither
            c.toml:5: hook.pager.headers.a: must be a text, { env = "NAME" } or { file = "PATH" }
            c.toml:5: hook.pager.headers.b: the environment variable FUSEWIRE_NO_SUCH is not set
            c.toml:5: hook.pager.argv: is not known (known: name, kind, url, url_env, url_file, secrets, secrets_env, secrets_file, headers, timeout_ms, allow_private, mode, on, min_stance, max_attempts)
            c.toml:4: hook.siren.argv: must begin with an absolute path, got "siren"
            c.toml:5: hook.siren.timeout_ms: must be between 10 and 600000, got 1 ms (try 10000)
            c.toml:6: hook.siren.max_attempts: must be between 1 and 100, got 0 (try 12)
            c.toml:6: hook[2].name: must be another one: "pager" stands above already
        "#]],
    );
}

#[test]
fn lines_that_are_no_toml_do_not_hide_the_others() {
    check(
        &[
            "[detect.jump]\nlimit_z = \nwarm = -1\n[gate\nlease_ms = 5\n[store]\ndir = \"",
            "[gate]\nslots = 8\nslots = 99\n[gate]\nbeat_ms = 0",
            "\u{1}\u{1}\u{1}",
        ],
        &expect![[r#"
            c.toml:2: is no TOML: string values must be quoted, expected literal string
            c.toml:3: detect.jump.warm: must be between 16 and 65536, got -1 (try 256)
            c.toml:4: is no TOML: unclosed table, expected `]`
            c.toml:7: is no TOML: invalid basic string, expected `"`
            c.toml:3: is no TOML: "slots" stands here twice
            c.toml:4: is no TOML: "gate" stands here twice
            c.toml:1: is no TOML: key with no value, expected `=`
        "#]],
    );
}

#[test]
fn no_secret_is_ever_printed() {
    let canary = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5";
    for text in [
        format!("{HOOK}url = \"{canary}\""),
        format!("{HOOK}url_env = \"{canary}\""),
        format!("{HOOK}url_file = \"{canary}\""),
        format!("{HOOK}url = \"https://example.com/\"\nsecrets_env = [\"{canary}\"]\nsecrets_file = [\"{canary}\"]"),
        format!("{HOOK}url = \"https://example.com/\"\nheaders = {{ a = {{ env = \"{canary}\" }} }}"),
        format!("{HOOK}url = \"https://example.com/\"\nheaders = {{ a = {{ file = \"{canary}\" }} }}"),
        format!("{HOOK}url = [\"{canary}\", 5]"),
        format!("{HOOK}url = \"https://u:{canary}@example.com/\""),
        format!("{HOOK}url = \"https://example.com/\"\nsecrets = [\"x{canary}\"]"),
        format!("{HOOK}url = \"https://example.com/\"\nsecrets = {{ a = \"{canary}\" }}"),
        format!("{HOOK}url = \"https://example.com/\"\nsecret = \"{canary}\""),
        format!("{HOOK}url = \"https://example.com/\"\nheaders = \"{canary}\""),
        format!("{HOOK}url = \"https://example.com/\"\nheaders = {{ a = [\"{canary}\"] }}"),
        format!("{HOOK}url = \"https://example.com/\"\nheaders = {{ a = \"{canary}\\n\" }}"),
        format!("{HOOK}url = \"{canary}"),
        format!("{HOOK}url = {canary}"),
        format!("{HOOK}url = \"\"\"{canary}\""),
        format!("[[hook]]\nname = \"{canary}\"\nkind = \"exec\"\nenv = {{ a = 5 }}\nargv = []").replace("name", "env"),
    ] {
        let faults = config::parse(&text, "c.toml").expect_err(&text);
        let all = format!("{faults} {faults:?} {}", serde_json::to_string(&faults).unwrap());
        assert!(!all.contains("Y2FuYXJ5"), "{all}");
    }
}

#[test]
fn secrets_come_from_files_and_environment() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    fs::write(&keys, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n\nwhsec_AfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let url = dir.path().join("url");
    fs::write(&url, "https://example.com/secret\n").unwrap();
    let text = format!(
        "{HOOK}url_file = {url:?}\nsecrets_file = {keys:?}\nheaders = {{ x-path = {{ env = \"PATH\" }}, x-desk = \"a\" }}"
    );
    let settings = config::parse(&text, "c.toml").unwrap();
    let fusewire::hook::Kind::Http(http) = &settings.hooks[0].kind else { panic!("http") };
    assert_eq!(http.url.reveal(), "https://example.com/secret");
    assert_eq!((http.secrets.len(), http.headers.len()), (2, 2));
    assert_eq!(http.headers[0].1.reveal(), std::env::var("PATH").unwrap());
}

#[test]
fn written_rules_replace_or_join_the_shipped_ones_as_they_say() {
    let names = |text: &str| {
        let rules = config::parse(text, "c.toml").unwrap().engine.rules;
        rules.into_iter().map(|rule| rule.name).collect::<Vec<_>>().join(" ")
    };
    let shipped = names("");
    assert_eq!(names(RULE), "mine");
    assert_eq!(names(&RULE.replace("false", "true")), format!("{shipped} mine"));
    assert_eq!(names(&RULE.replace("false", "true").replace("mine", "velocity")), shipped);
    assert_eq!(names("[rules]\nuse_shipped = true"), shipped);
}

fn fusewire(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::cargo_bin("fusewire").unwrap().args(args).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

#[test]
fn validate_tells_what_would_run() {
    let (code, text) = fusewire(&["validate", "-c", "config.toml"]);
    assert_eq!(code, Some(0), "{text}");
    expect![[r#"
        checked fields       221 keys
        checked topology     4 markets on 2 feeds, 2 assets
        checked topology     12 rules, 12 armed; 11 can fire
        checked topology     0 hooks
        checked topology     lease of 250 ms outlasts 10 beats of 25 ms
        note: binance-usdm publishes at most one liquidation a second and symbol: sums are no totals
        note: binance-coinm publishes at most one liquidation a second and symbol: sums are no totals
        note: rule market-wide sleeps: needs 3 assets on 2 venues, and there are at most 2 assets on 2 venues
        note: no hook is armed: nobody is told of a trip unless they look
        runs    feed         binance-usdm BTCUSDT ETHUSDT
        runs    feed         binance-coinm BTCUSD_PERP ETHUSD_PERP
        runs    rules        12 armed, 0 in shadow, 0 off
        runs    gate         fusewire-state/gate/gate, lease 250 ms
        runs    store        fusewire-state/store
        runs    serve        127.0.0.1:9464, control fusewire-state/control.sock
        config.toml is good (depth: topology)
    "#]]
    .assert_eq(&text);
}

#[test]
fn validate_ends_with_78_and_all_faults() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    fs::write(&path, "[detect.jump]\nlimit_z = -5\n[gate]\nlease_ms = 50\n").unwrap();
    let path = path.to_str().unwrap();
    let (code, text) = fusewire(&["validate", "-c", path, "--depth", "fields"]);
    assert_eq!(code, Some(78));
    assert!(
        text.contains("c.toml:2: detect.jump.limit_z: must be between 1 and 10000, got -5 sigma (try 20)\n"),
        "{text}"
    );
    assert!(text.ends_with("c.toml has 2 faults\n"), "{text}");

    let (code, text) = fusewire(&["validate", "-c", path, "--json"]);
    assert_eq!(code, Some(78));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["faults"].as_array().unwrap().len(), 2);
    assert_eq!(json["faults"][0]["line"], 2);
    assert_eq!(json["faults"][0]["key"], "detect.jump.limit_z");
    assert_eq!(json["faults"][0]["hint"], "try 20");
    assert_eq!(
        json["faults"][0]["text"],
        format!("{path}:2: detect.jump.limit_z: must be between 1 and 10000, got -5 sigma (try 20)")
    );

    let (code, text) = fusewire(&["validate", "-c", "/nonexistent/c.toml"]);
    assert_eq!(code, Some(78));
    assert!(text.contains("/nonexistent/c.toml: cannot be read: "), "{text}");
    assert_eq!(fusewire(&["validate", "--depth", "deep"]).0, Some(2));
    let (code, text) = fusewire(&["validate", "--help"]);
    assert!(code == Some(0) && text.contains("Examples:"));
}

#[test]
fn replay_takes_a_config_and_refuses_a_broken_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    fs::write(&path, "[detect.jump]\nlimit_z = -5\n").unwrap();
    let tape = ["--venue", "binance-coinm", "fixtures/2025-10-10/crash.frames.gz"];
    let (code, text) = fusewire(&[&["replay", "-c", path.to_str().unwrap()][..], &tape].concat());
    assert_eq!(code, Some(78));
    assert!(text.contains("c.toml:2: detect.jump.limit_z"), "{text}");
}

/// Incidents and digest of the recorded crash, played with this config or with none.
fn played(config: Option<&str>) -> (u64, String) {
    let mut args = vec!["replay", "--venue", "binance-coinm", "fixtures/2025-10-10/crash.frames.gz", "--json"];
    args.extend(config.into_iter().flat_map(|path| ["-c", path]));
    let output = Command::cargo_bin("fusewire").unwrap().args(args).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    (json["incidents"].as_u64().unwrap(), json["digest"].as_str().unwrap().to_owned())
}

#[test]
fn replay_plays_by_the_config() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    // Detectors trip as before, but no rule listens to them. A hook whose secret is elsewhere is no reason not to replay.
    let off = RULE.replace("[\"moves\"]", "[\"stale.dead\"]") + HOOK + "url_env = \"FUSEWIRE_NO_SUCH\"\n";
    fs::write(&path, off).unwrap();
    let (shipped, deaf) = (played(None), played(path.to_str()));
    assert_eq!(played(Some("config.toml")), shipped, "the documented default is the default");
    assert!(shipped.0 > deaf.0 && shipped.1 != deaf.1, "{shipped:?} {deaf:?}");
}

#[test]
fn the_environment_is_looked_at_and_not_changed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    fs::create_dir(at("store")).unwrap();
    fs::set_permissions(at("store"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("plain"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(at("plain"), fs::Permissions::from_mode(0o644)).unwrap();
    let text = format!(
        "[store]\ndir = {:?}\n[gate]\npath = {:?}\n[serve]\nlisten = \"{}\"\ncontrol = {:?}\nreports = {:?}\n\
         [[hook]]\nname = \"siren\"\nkind = \"exec\"\nargv = [{:?}]\nenv = {{ TOKEN = {{ env = \"FUSEWIRE_NO_SUCH\" }} }}\n",
        at("store"),
        at("plain/gate/gate"),
        taken.local_addr().unwrap(),
        at("new/control.sock"),
        at("new/reports"),
        at("plain"),
    );
    let path = at("c.toml");
    fs::write(&path, text).unwrap();
    assert_eq!(fusewire(&["validate", "-c", &path]).0, Some(0), "secrets and places are a matter of the environment");
    let (code, text) = fusewire(&["validate", "-c", &path, "--depth", "environment"]);
    assert_eq!(code, Some(78), "{text}");
    let here = dir.path().to_str().unwrap();
    let text = text.replace(here, "DIR").replace(&taken.local_addr().unwrap().to_string(), "ADDRESS");
    expect![[r#"
        DIR/c.toml:2: store.dir: DIR/store is open to others, mode 0755 (chmod 700 DIR/store)
        DIR/c.toml:4: gate.path: DIR/plain/gate: Not a directory (os error 20)
        DIR/c.toml:6: serve.listen: ADDRESS: Address already in use (os error 98) (does a daemon run already? else choose another port)
        DIR/c.toml:12: hook.siren.argv: DIR/plain is not executable
        DIR/c.toml:13: hook.siren.env.TOKEN: the environment variable FUSEWIRE_NO_SUCH is not set
        checked fields       9 keys
        checked topology     4 markets on 2 feeds, 2 assets
        checked topology     12 rules, 12 armed; 11 can fire
        checked topology     lease of 250 ms outlasts 10 beats of 25 ms
        checked environment  serve.control: DIR/new can be made in DIR
        checked environment  serve.reports: DIR/new/reports can be made in DIR
        note: binance-usdm publishes at most one liquidation a second and symbol: sums are no totals
        note: binance-coinm publishes at most one liquidation a second and symbol: sums are no totals
        note: rule market-wide sleeps: needs 3 assets on 2 venues, and there are at most 2 assets on 2 venues
        DIR/c.toml has 5 faults
    "#]].assert_eq(&text);
    assert!(!dir.path().join("new").exists());
}

#[test]
fn an_acknowledgement_that_is_none_is_a_fault_of_the_environment_and_a_missing_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let here = dir.path().to_str().unwrap();
    let path = dir.path().join("c.toml");
    let text = format!(
        "[gate]\nack = \"{here}/ack\"\nack_owner = 4242\npath = \"{here}/gate/gate\"\n[store]\ndir = \"{here}/store\"\n\
         [serve]\nlisten = \"127.0.0.1:0\"\ncontrol = \"{here}/control.sock\"\nreports = \"{here}/reports\"\n"
    );
    fs::write(&path, text).unwrap();
    let validate = || fusewire(&["validate", "-c", path.to_str().unwrap(), "--depth", "environment"]);
    let (code, text) = validate();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("note: gate.ack: no trading engine has written it yet\n"), "{text}");
    drop(fusewire::gate::AckWriter::create(&dir.path().join("ack")).unwrap());
    let (code, text) = validate();
    assert_eq!(code, Some(78), "{text}");
    let own = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&path).unwrap());
    assert!(text.contains(&format!("ack: belongs to user {own}, expected 4242")), "{text}");
    assert!(text.contains("c.toml:2: gate.ack: "), "{text}");
}

/// One small accident of an editor.
#[derive(Clone, Debug)]
enum Slip {
    Cut(usize, usize),
    Swap(usize, usize),
    Repeat(usize),
    Write(usize, String),
}

fn slip() -> impl Strategy<Value = Slip> {
    let word = prop_oneof![
        Just("nan".to_owned()),
        Just("-inf".to_owned()),
        Just("1e308".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("[[".to_owned()),
        Just("]]".to_owned()),
        Just("{ a = 1 }".to_owned()),
        Just("\"".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("=".to_owned()),
        Just("#".to_owned()),
        Just("\n".to_owned()),
        Just("[rule]\n".to_owned()),
        Just("a.b.c = 1\n".to_owned()),
        "\\PC{0,12}",
    ];
    prop_oneof![
        (any::<usize>(), 1_usize..200).prop_map(|(at, len)| Slip::Cut(at, len)),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Slip::Swap(a, b)),
        any::<usize>().prop_map(Slip::Repeat),
        (any::<usize>(), word).prop_map(|(at, word)| Slip::Write(at, word)),
    ]
}

fn slipped(text: &str, slip: &Slip) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.split('\n').collect();
    match slip {
        Slip::Cut(at, len) => {
            let at = at % (chars.len() + 1);
            chars.drain(at..(at + len).min(chars.len()));
            chars.into_iter().collect()
        }
        Slip::Write(at, word) => {
            let at = at % (chars.len() + 1);
            chars.splice(at..at, word.chars());
            chars.into_iter().collect()
        }
        Slip::Swap(a, b) => {
            let count = lines.len();
            lines.swap(a % count, b % count);
            lines.join("\n")
        }
        Slip::Repeat(at) => {
            let at = at % lines.len();
            lines.insert(at, lines[at]);
            lines.join("\n")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_config_with_slips_is_read_or_refused_and_never_a_panic(
        slips in proptest::collection::vec(slip(), 1..6), examples in any::<bool>()
    ) {
        let start = if examples { DOCUMENTED.replace("\n#", "\n") } else { DOCUMENTED.to_owned() };
        let text = slips.iter().fold(start, |text, slip| slipped(&text, slip));
        if let Err(faults) = config::parse(&text, "c.toml") {
            prop_assert!(!faults.is_empty());
            let lines = text.split('\n').count();
            for fault in &faults {
                prop_assert!(fault.line.is_none_or(|line| (1..=lines).contains(&line)), "{fault}");
                prop_assert!(fault.to_string().chars().all(|c| !c.is_control()), "{fault:?}");
            }
        }
    }
}
