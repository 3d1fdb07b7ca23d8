//! The review of an incident: golden pages of composed stories, hostile text, and storms of thousands of trips.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test fail as loudly as the test")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]

use std::convert::Infallible;
use std::path::Path;

use expect_test::expect;
use fusewire::breaker::{Permission, Sides, Stance};
use fusewire::engine::{Action, Command, Engine, EngineSettings, Input, Output};
use fusewire::event::{MarketId, Nanos};
use fusewire::feed::tape;
use fusewire::feed::venue::find;
use fusewire::market::{AssetId, Markets, VenueId};
use fusewire::record::{Fact, IncidentChange, Record, Who};
use fusewire::replay::{Listener, Runner, Speed, play};
use fusewire::report::{self, Ask, Briefs};
use fusewire::trip::{Direction, Evidence, Scope};

const ID: &str = "INC-20251010T211503Z-DOT";
const DOT: &str = "binance-coinm:DOTUSD_PERP";
const COINBASE: &str = "coinbase:DOT-USD";

/// Records in the making; times are seconds after 2025-10-10 21:15:03 UTC.
#[derive(Default)]
struct Tale {
    records: Vec<Record>,
}

impl Tale {
    fn at(&mut self, secs: f64, fact: Fact) -> u64 {
        let seq = self.records.len() as u64 + 1;
        self.records.push(Record { seq, at: time(secs), fact });
        seq
    }

    fn trip(&mut self, secs: f64, detector: &str, leg: &str, score: f64, rule: &str, evidence: Evidence) {
        self.trip_in(DOT, secs, (detector, leg), score, rule, evidence);
    }

    fn trip_in(&mut self, market: &str, secs: f64, name: (&str, &str), score: f64, rule: &str, evidence: Evidence) {
        let fact = Fact::Trip {
            market: market.to_owned(),
            detector: name.0.to_owned(),
            leg: name.1.to_owned(),
            direction: Direction::Down,
            rule: rule.to_owned(),
            scope: format!("market:{market}"),
            stance: "ReduceOnly".to_owned(),
            score,
            limit: 5.0,
            return_period_secs: None,
            evidence,
            venue_at: time(secs - 0.012_5),
            recv_at: time(secs - 0.000_04),
            incident: ID.to_owned(),
        };
        self.at(secs, fact);
    }

    fn permit(&mut self, secs: f64, market: &str, permission: Permission, rule: &str, incident: &str) {
        let (market, rule, incident) = (market.to_owned(), rule.to_owned(), incident.to_owned());
        self.at(secs, Fact::Permission { market, permission, rule, incident });
    }

    fn breaker(&mut self, secs: f64, from: &str, to: &str, until: Option<f64>, cause: &str, by: Option<(&str, &str)>) {
        let stance = if to == "Armed" { Stance::Normal } else { Stance::ReduceOnly };
        let fact = Fact::Breaker {
            scope: format!("market:{DOT}"),
            rule: "fast-move".to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            stance: stance.name().to_owned(),
            permission: Permission::of(stance),
            strikes: 1,
            until: until.map(time),
            cause: cause.to_owned(),
            version: 3,
            incident: ID.to_owned(),
            by: by.map(|(name, _)| person(name)),
            reason: by.map_or(String::new(), |(_, why)| why.to_owned()),
        };
        self.at(secs, fact);
    }

    fn step(&mut self, secs: f64, change: IncidentChange, severity: u8, by: Who, note: &str) -> u64 {
        let fact = Fact::Incident {
            id: ID.to_owned(),
            change,
            kind: "flash_crash".to_owned(),
            severity,
            title: "Flash crash in DOT".to_owned(),
            scope: "DOT".to_owned(),
            by,
            note: note.to_owned(),
        };
        self.at(secs, fact)
    }

    fn feed(&mut self, secs: f64, state: &str, why: &str) {
        let (venue, stream) = ("binance-coinm".to_owned(), "0".to_owned());
        self.at(secs, Fact::Feed { venue, stream, state: state.to_owned(), why: why.to_owned() });
    }

    fn delivered(&mut self, secs: f64, seq: u64, hook: &str, ok: bool, detail: &str) {
        let (message, hook) = (format!("msg_0a1b2c3d4e5f_{seq}_{hook}"), hook.to_owned());
        self.at(secs, Fact::Delivered { message, hook, attempt: 2, ok, detail: detail.to_owned() });
    }

    fn page(&self) -> String {
        report::page(ID, &self.records).expect("it tells of the incident")
    }
}

fn time(secs: f64) -> Nanos {
    Nanos::from_secs(1_760_130_903).plus_secs(secs)
}

fn person(name: &str) -> Who {
    Who { name: name.to_owned(), via: "socket".to_owned() }
}

fn fall(percent: f64) -> Evidence {
    Evidence::default().with("move", -percent, "%").with("within", 41.0, "s").with("from high", 4.29, "").with(
        "to",
        4.29 * (1.0 - percent / 100.0),
        "",
    )
}

fn burst() -> Evidence {
    Evidence::default().with("seen in a sampled feed, last minute", 1_843_220.0, "USD").with("CUSUM", 31.4, "nats")
}

/// A crash with everything in it, from the start of the product to the resolution.
fn crash() -> Tale {
    let mut tale = Tale::default();
    let started = Fact::Started {
        version: "0.1.0".to_owned(),
        config_hash: "c0ffee".repeat(11).chars().take(64).collect(),
        markets: vec![DOT.to_owned()],
        resumed: "fresh".to_owned(),
    };
    tale.at(-90_000.0, started);
    tale.permit(-89_000.0, DOT, Permission::FREE, "", "");
    tale.permit(-88_000.0, "kraken:XBTUSD", Permission::HALT, "manual", "INC-other");
    tale.feed(-80_000.0, "delivering", "long before");
    tale.feed(-20.0, "gap", "sequence 11 after 9");
    tale.feed(-19.5, "delivering", "");

    tale.trip(0.0, "moves", "fall-percent", 5.25, "fast-move", fall(5.25));
    let opened = tale.step(0.0, IncidentChange::Opened, 2, Who::engine(), "");
    tale.breaker(0.0, "Armed", "Tripped", Some(300.0), "moves.fall-percent", None);
    let narrow = Permission::of(Stance::ReduceOnly).with_sides(Sides::SELL).with_size_factor(0.5);
    tale.permit(0.0, DOT, narrow.with_max_notional(250_000.0).with_collar(3.9, 4.2), "fast-move", ID);
    tale.trip(3.25, "cascade", "longs", 13.0, "confirmed-stress", burst());
    tale.step(3.25, IncidentChange::Raised, 1, Who::engine(), "");
    tale.permit(3.25, DOT, Permission::HALT, "confirmed-stress", ID);
    tale.delivered(4.5, opened, "pager", true, "200");
    tale.trip_in(COINBASE, 62.0, ("moves", "fall-0"), 9.0, "", fall(12.0));
    tale.step(95.0, IncidentChange::Acknowledged, 1, person("ann"), "on it");
    let refused = ("rearm fast-move at DOT seen at version 2".to_owned(), "the condition still holds".to_owned());
    tale.at(120.0, Fact::Refused { by: person("bob"), request: refused.0, why: refused.1 });
    tale.breaker(400.0, "Tripped", "Armed", None, "re-armed by hand", Some(("ann", "venue confirmed, books are back")));
    tale.permit(400.0, DOT, Permission::FREE, "", "");
    let resolved = tale.step(5_400.0, IncidentChange::Resolved, 1, person("ann"), "over");
    tale.delivered(5_401.0, resolved, "pager", true, "200");
    tale.delivered(5_460.0, resolved, "desk", false, "503: busy");
    tale
}

#[test]
fn a_crash_is_told_on_one_page() {
    expect![[r#"
        # INC-20251010T211503Z-DOT: Flash crash in DOT

        **Severity 1, resolved after 1 h 30 min.**

        - **Where:** DOT, 2 markets: binance-coinm:DOTUSD_PERP, coinbase:DOT-USD
        - **When:** 2025-10-10 21:15:03.000 UTC, 3 trips in 1 min 2 s
        - **First sign:** moves.fall-percent in binance-coinm:DOTUSD_PERP
        - **Strictest:** Halt in binance-coinm:DOTUSD_PERP at 2025-10-10 21:15:06.250 UTC
        - **Bound:** for 6 min 40 s, until 2025-10-10 21:21:43.000 UTC

        > Liquidations in this page were **seen in a sampled feed, not a total**: the venue shows at most one a second and market,
        > and leaves out most of them when most happen. Every sum of them is a lower bound.

        ## What was allowed

        | Market | From (UTC) | For | Stance | Sides | Size | Max notional | Collar | Rule |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | binance-coinm:DOTUSD_PERP | before |  | Normal | both | 100 % | any | any |  |
        | binance-coinm:DOTUSD_PERP | 21:15:03.000 | 3.3 s | ReduceOnly | sell | 50 % | 250000 | 3.9 to 4.2 | fast-move |
        | binance-coinm:DOTUSD_PERP | 21:15:06.250 | 6 min 37 s | Halt | both | 100 % | any | any | confirmed-stress |
        | binance-coinm:DOTUSD_PERP | 21:21:43.000 | still | Normal | both | 100 % | any | any |  |

        ## Timeline of trips

        | Time (UTC) | Market | Detector | Score / limit | Evidence | Rule | Asked for | Venue to us | To decision |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | 21:15:03.000 | binance-coinm:DOTUSD_PERP | moves.fall-percent | 5.25 / 5 | move -5.25 %, within 41 s, from high 4.29, to 4.065 | fast-move | ReduceOnly at market:binance-coinm:DOTUSD_PERP | 12.46 ms | 40 µs |
        | 21:15:06.250 | binance-coinm:DOTUSD_PERP | cascade.longs | 13 / 5 | seen in a sampled feed, last minute 1843220 USD, CUSUM 31.4 nats | confirmed-stress | ReduceOnly at market:binance-coinm:DOTUSD_PERP | 12.46 ms | 40 µs |
        | 21:16:05.000 | coinbase:DOT-USD | moves.fall-0 | 9 / 5 | move -12 %, within 41 s, from high 4.29, to 3.775 | none |  | 12.46 ms | 40 µs |

        ## Breakers

        | Time (UTC) | Scope | Rule | From | To | Stance | Strikes | Until | Cause | By |
        | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
        | 21:15:03.000 | market:binance-coinm:DOTUSD_PERP | fast-move | Armed | Tripped | ReduceOnly | 1 | 21:20:03.000 | moves.fall-percent |  |
        | 21:21:43.000 | market:binance-coinm:DOTUSD_PERP | fast-move | Tripped | Armed | Normal | 1 |  | re-armed by hand | ann (by socket): venue confirmed, books are back |

        ## People

        | Time (UTC) | After | What | Who | Words |
        | --- | --- | --- | --- | --- |
        | 21:15:03.000 | 0 ms | opened at severity 2 | fusewire |  |
        | 21:15:06.250 | 3.3 s | raised to severity 1 | fusewire |  |
        | 21:16:38.000 | 1 min 35 s | acknowledged | ann (by socket) | on it |
        | 21:17:03.000 | 2 min | refused: rearm fast-move at DOT seen at version 2 | bob (by socket) | the condition still holds |
        | 22:45:03.000 | 1 h 30 min | resolved | ann (by socket) | over |

        ## Feeds

        | Time (UTC) | Venue | Connection | State | Why |
        | --- | --- | --- | --- | --- |
        | 21:14:43.000 | binance-coinm | 0 | gap | sequence 11 after 9 |
        | 21:14:43.500 | binance-coinm | 0 | delivering |  |

        ## Deliveries

        | Hook | Arrived | Given up | Most attempts | Slowest | Last answer |
        | --- | --- | --- | --- | --- | --- |
        | desk | 0 | 1 | 2 | 1 min | 503: busy |
        | pager | 2 | 0 | 2 | 4.5 s | 200 |

        ## How to replay it

        Records 7 to 20 of the store tell of it.
        - 2025-10-09 20:15:03.000 UTC: fusewire 0.1.0 started (fresh), SHA-256 of its settings `c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ff`

        With the same settings and a recording of these markets that covers 2025-10-10 21:10:03.000 UTC to 2025-10-10 21:21:05.000 UTC, and a warm-up before it:

            fusewire replay -c config.toml TAPE... --trips trips.jsonl --report reports

        Equal tapes and settings give equal trips, stances and digest on any machine. That these records are the ones that were
        written then:

            fusewire store verify -c config.toml
    "#]].assert_eq(&crash().page());
}

#[test]
fn a_crash_is_explained_in_plain_words() {
    let text = report::explain(ID, &crash().records).expect("it tells of the incident");
    expect![[r#"
        INC-20251010T211503Z-DOT: Flash crash in DOT, severity 1

        At 2025-10-10 21:15:03.000 UTC, moves.fall-percent tripped in binance-coinm:DOTUSD_PERP.
          Its score was 5.25 against a limit of 5 (5 % beyond).
          It saw: move -5.25 %, within 41 s, from high 4.29, to 4.065.
          Rule fast-move asked for ReduceOnly at market:binance-coinm:DOTUSD_PERP.
          From the venue to us: 12.46 ms; to the decision: 40 µs more.

        Then, 3.3 s later (at 21:15:06.250), cascade.longs tripped in binance-coinm:DOTUSD_PERP.
          Its score was 13 against a limit of 5 (2.6 times).
          It saw: seen in a sampled feed, last minute 1843220 USD, CUSUM 31.4 nats.
          Its liquidations were seen in a sampled feed, not a total: the sum is a lower bound.
          Rule confirmed-stress asked for ReduceOnly at market:binance-coinm:DOTUSD_PERP.
          From the venue to us: 12.46 ms; to the decision: 40 µs more.

        Then, 1 min 2 s later (at 21:16:05.000), moves.fall-0 tripped in coinbase:DOT-USD.
          Its score was 9 against a limit of 5 (80 % beyond).
          It saw: move -12 %, within 41 s, from high 4.29, to 3.775.
          No rule acted on it.
          From the venue to us: 12.46 ms; to the decision: 40 µs more.

        At 21:21:43.000 ann moved fast-move at market:binance-coinm:DOTUSD_PERP to Armed by hand: venue confirmed, books are back
        In all 3 trips in 2 markets; strictest Halt in binance-coinm:DOTUSD_PERP from 21:15:06.250; it bound for 6 min 40 s.
    "#]].assert_eq(&text);
}

/// Three thousand trips of one market, and one each of forty others.
fn storm() -> Tale {
    let mut tale = Tale::default();
    tale.step(0.0, IncidentChange::Opened, 2, Who::engine(), "");
    for n in 0..3_000_u32 {
        let secs = f64::from(n) * 0.1;
        let score = 5.0 + f64::from(n % 700) / 100.0;
        tale.trip(secs, "jump", "down", score, "early-warning", fall(score));
        tale.permit(secs, DOT, Permission::of(if n % 2 == 0 { Stance::Caution } else { Stance::Halt }), "r", ID);
        tale.breaker(secs, "Armed", "Tripped", None, "jump.down", None);
        tale.feed(secs, "gap", "again");
        tale.step(secs, IncidentChange::Commented, 2, person("ann"), "and again");
    }
    for n in 0..40 {
        let market = format!("kraken:DOT{n}");
        tale.trip_in(&market, 301.0, ("jump", "down"), 5.0 + f64::from(n) / 10.0, "", fall(5.0));
        tale.permit(301.0, &market, Permission::of(Stance::Caution), "r", ID);
    }
    tale
}

#[test]
fn a_storm_of_thousands_stays_one_page_and_says_what_it_left_out() {
    let page = storm().page();
    assert!(page.lines().count() < 220, "{} lines", page.lines().count());
    assert!(page.len() < 40_000, "{} bytes", page.len());
    let folded: Vec<_> = page.lines().filter(|line| line.contains("of 3000") || line.contains("… ")).collect();
    expect![[r#"
        | binance-coinm:DOTUSD_PERP | … 2992 more changes |  |  |  |  |  |  |  |
        | 21:15:03.000 | binance-coinm:DOTUSD_PERP | jump.down | 5 / 5 | move -5 %, within 41 s, from high 4.29, to 4.075 | early-warning | ReduceOnly at market:binance-coinm:DOTUSD_PERP | 12.46 ms | 40 µs | first of 3000 |
        | 21:16:12.900 | binance-coinm:DOTUSD_PERP | jump.down | 11.99 / 5 | move -11.99 %, within 41 s, from high 4.29, to 3.776 | early-warning | ReduceOnly at market:binance-coinm:DOTUSD_PERP | 12.46 ms | 40 µs | worst of 3000 |
        | … 2970 more |  |  |  |  |  |  |  |  |  |
        | … 2970 more |  |  |  |  |"#]].assert_eq(&folded.join("\n"));
    let left_out: Vec<_> =
        page.lines().filter(|line| line.contains("Left out") || line.contains("more markets")).collect();
    expect![[r#"
        31 more markets were bound as well, none of them stricter.
        Left out: 26 trips of 26 milder kinds; the store has them all.
        Left out: 3000 remarks and refused requests; the store has them all."#]]
    .assert_eq(&left_out.join("\n"));
}

#[test]
fn an_unanswered_incident_says_so() {
    let mut tale = Tale::default();
    tale.step(0.0, IncidentChange::Opened, 2, Who::engine(), "");
    tale.permit(0.0, DOT, Permission::HALT, "manual", ID);
    let page = tale.page();
    for words in [
        "open, nobody has answered",
        "**Nobody has acknowledged it.**",
        "No detector tripped: a person opened it.",
        "at the end of the records still",
        "| still | Halt |",
        "No breaker moved.",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    assert!(!page.contains("sampled"));
}

const HOSTILE: &str = "a|b `c` <img src=x onerror=alert(1)> [x](javascript:1) ![y](https://evil.example)\r\n# Fake heading\n\n\
                       | row | \u{1b}[2J\u{202e}gpj.exe\u{200b} ~~z~~ **bold** __u__ \\| &amp; \0 $x$";

#[test]
fn hostile_text_stays_text() {
    let mut tale = Tale::default();
    let evidence: Evidence =
        serde_json::from_value(serde_json::json!([{"name": HOSTILE, "value": 1.0, "unit": HOSTILE}]))
            .expect("evidence");
    tale.at(
        -9.0,
        Fact::Started {
            version: HOSTILE.to_owned(),
            config_hash: HOSTILE.to_owned(),
            markets: Vec::new(),
            resumed: HOSTILE.to_owned(),
        },
    );
    tale.trip_in(HOSTILE, 0.0, (HOSTILE, HOSTILE), f64::NAN, HOSTILE, evidence);
    tale.at(
        0.0,
        Fact::Incident {
            id: ID.to_owned(),
            change: IncidentChange::Opened,
            kind: HOSTILE.to_owned(),
            severity: 200,
            title: HOSTILE.to_owned(),
            scope: HOSTILE.to_owned(),
            by: Who { name: HOSTILE.to_owned(), via: HOSTILE.to_owned() },
            note: HOSTILE.to_owned(),
        },
    );
    tale.permit(1.0, HOSTILE, Permission::HALT, HOSTILE, ID);
    tale.breaker(1.0, HOSTILE, HOSTILE, Some(9.0), HOSTILE, Some((HOSTILE, HOSTILE)));
    tale.at(2.0, Fact::Refused { by: person(HOSTILE), request: HOSTILE.to_owned(), why: HOSTILE.to_owned() });
    tale.at(
        2.0,
        Fact::Feed {
            venue: HOSTILE.to_owned(),
            stream: HOSTILE.to_owned(),
            state: HOSTILE.to_owned(),
            why: HOSTILE.to_owned(),
        },
    );
    tale.delivered(3.0, 2, HOSTILE, false, HOSTILE);
    tale.at(4.0, Fact::Stopped { why: HOSTILE.to_owned() });

    let page = tale.page();
    let forbidden = |c: char| c.is_control() && c != '\n' || ('\u{200b}'..='\u{202e}').contains(&c) && c != '…';
    assert!(!page.contains(forbidden), "{page:?}");
    assert!(
        !page.lines().any(|line| line.contains("Fake heading") && line.starts_with('#') && !line.starts_with("# INC-"))
    );
    for line in page.lines() {
        assert!(
            !line.contains("<img") && !line.replace("\\]", "").contains("](") && !line.contains("https://"),
            "{line}"
        );
        assert!(!line.replace("\\`", "").contains("`c"), "{line}");
    }
    // Every row of a table has as many cells as its head.
    let bars = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let mut columns = None;
    for line in page.lines() {
        columns = if line.starts_with('|') { Some(columns.unwrap_or_else(|| bars(line))) } else { None };
        assert!(columns.is_none_or(|columns| columns == bars(line)), "{line}");
    }
    let told = report::explain(ID, &tale.records).expect("it tells of the incident");
    assert!(!told.contains(forbidden), "{told:?}");
}

/// Answers as a store would.
fn answer(records: &[Record]) -> impl FnMut(Ask, &mut dyn FnMut(Record)) -> Result<(), Infallible> {
    |ask, keep| {
        let fits = |record: &&Record| {
            ask.fact.is_none_or(|fact| record.fact.name() == fact)
                && ask.incident.as_ref().is_none_or(|id| record.fact.incident() == id)
                && ask.since.is_none_or(|since| record.at >= since)
                && ask.until.is_none_or(|until| record.at < until)
        };
        records.iter().filter(fits).cloned().for_each(keep);
        Ok(())
    }
}

#[test]
fn what_is_gathered_makes_the_same_page_as_everything() {
    for tale in [crash(), storm()] {
        let gathered = report::gather(ID, answer(&tale.records)).expect("nothing fails");
        assert!(gathered.is_sorted_by_key(|record| record.seq));
        assert_eq!(report::page(ID, &gathered), Some(tale.page()));
        assert_eq!(report::page(ID, &tale.records), Some(tale.page()), "twice the same");
    }
    let gathered = report::gather(ID, answer(&crash().records)).expect("nothing fails");
    assert_eq!(gathered.len(), crash().records.len() - 2, "not the other market, not the old feed");
}

#[test]
fn nobody_has_a_page_who_is_not_in_the_records() {
    assert_eq!(report::page("INC-none", &crash().records), None);
    assert_eq!(report::page("", &crash().records), None);
    assert_eq!(report::explain("INC-none", &[]), None);
    assert_eq!(report::gather("INC-none", answer(&crash().records)).expect("nothing fails"), []);
}

#[test]
fn briefs_tell_where_each_incident_stands() {
    let mut briefs = Briefs::new();
    crash().records.iter().for_each(|record| briefs.take(record));
    let all = briefs.newest_first();
    let ids: Vec<_> = all.iter().map(|brief| brief.id.as_str()).collect();
    assert_eq!(ids, [ID, "INC-other"]);
    assert_eq!((all[0].trips, all[0].severity), (3, 1));
    assert_eq!(all[0].acknowledged_ns, Some(time(95.0)));
    assert_eq!(all[0].resolved_ns, Some(time(5_400.0)));
    assert_eq!(all[0].last_trip_ns, time(62.0));
}

#[test]
fn a_page_replaces_the_one_before_and_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("deep/reports");
    let first = report::write(&home, ID, "old").expect("written");
    let second = report::write(&home, ID, "new").expect("written");
    assert_eq!((&first, first.file_name().expect("a name").to_str()), (&second, Some("INC-20251010T211503Z-DOT.md")));
    assert_eq!(std::fs::read_to_string(&first).expect("readable"), "new");
    let outside = report::write(&home, "../../evil", "x").expect("written");
    assert_eq!(outside.parent(), Some(home.as_path()));
    assert_eq!(std::fs::read_dir(&home).expect("readable").count(), 2);
}

/// Keeps every record of a run.
#[derive(Default)]
struct Keep(Vec<Record>);

impl Listener for Keep {
    fn output(&mut self, _: &Engine, output: &Output) {
        if let Output::Record(record) = output {
            self.0.push(record.clone());
        }
    }
}

#[test]
fn a_replayed_crash_has_a_page_for_each_incident() {
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10/crash.frames.gz");
    let source = tape::open(&tape::Spec::new(tape).venue("binance-coinm")).expect("a tape");
    let mut runner = Runner::new(Engine::new(EngineSettings::default(), Markets::new()));
    let mut keep = Keep::default();
    play(&mut runner, &mut tape::merge(vec![source]), Speed::Max, &mut [&mut keep], |_| {}).expect("played");
    let mut briefs = Briefs::new();
    keep.0.iter().for_each(|record| briefs.take(record));
    let briefs = briefs.newest_first();
    assert!(briefs.iter().any(|brief| brief.kind == "flash_crash" && brief.scope == "DOT"), "{briefs:?}");
    for brief in briefs {
        let page = report::page(&brief.id, &keep.0).expect("a page");
        assert!(page.len() < 40_000 && page.contains("## What was allowed"), "{} bytes", page.len());
        let gathered = report::gather(&brief.id, answer(&keep.0)).expect("nothing fails");
        assert_eq!(report::page(&brief.id, &gathered), Some(page.clone()));
    }
}

// Files.

#[test]
fn the_page_of_a_breaker_tripped_by_hand_has_a_name_that_every_file_system_takes() {
    let venue = find("binance-coinm").expect("a venue");
    let mut markets = Markets::new();
    markets.add(venue.instrument("DOTUSD_PERP").expect("a market"));
    let mut engine = Engine::new(EngineSettings::default(), markets);
    let scopes = [Scope::Market(MarketId(0)), Scope::Venue(VenueId(0)), Scope::Asset(AssetId(0)), Scope::Everything];
    let mut ids = Vec::new();
    for (id, scope) in (1..).zip(scopes) {
        let who = Who { via: "socket".to_owned(), name: "ann".to_owned() };
        let action = Action::Trip { scope, permission: Permission::HALT };
        let mut outputs = Vec::new();
        engine
            .handle(Input::Command(Command { at: time(0.0), id, who, reason: "a word".into(), action }), &mut outputs);
        ids.extend(outputs.into_iter().filter_map(|output| match output {
            Output::Record(Record { fact: Fact::Incident { id, .. }, .. }) => Some(id),
            _ => None,
        }));
    }
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert!(ids[0].ends_with("-market:binance-coinm:DOTUSD_PERP"), "{ids:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let mut names = std::collections::BTreeSet::new();
    for id in &ids {
        let page = report::write(folder.path(), id, "a page").expect("written");
        let name = page.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{name}");
        names.insert(name.to_ascii_lowercase());
    }
    assert_eq!(names.len(), ids.len(), "{names:?}");
}
