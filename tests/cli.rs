//! The command line on real files: a store and a gate made by the library, tapes written here and recorded ones.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]
#![allow(clippy::needless_raw_string_hashes, reason = "expect-test writes them")]
#![allow(clippy::print_stdout, reason = "a test tells what it skipped")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it waits")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use assert_cmd::Command;
use expect_test::{Expect, expect};
use fusewire::breaker::{Contract, Permission, Sides, Stance, Verdict};
use fusewire::engine::EngineSettings;
use fusewire::event::Nanos;
use fusewire::gate::{AckWriter, Glance, Listing, Reader, ReaderOptions, Spec, Writer, now_mono};
use fusewire::record::{Fact, IncidentChange, Record, Who};
use fusewire::store::{Attempt, Batch, Ending, FILE, OutboxRow, Store};
use fusewire::trip::{Direction, Evidence};
use serde_json::Value;

const ID: &str = "INC-20251010T212000Z-DOT";
const DOT: &str = "binance-coinm:DOTUSD_PERP";

/// Runs `fusewire`; returns exit code, standard output and standard error.
fn fusewire(args: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("fusewire").expect("built").args(args).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

/// Runs it, expects success, and returns its output.
fn told(args: &[&str]) -> String {
    let (code, out, err) = fusewire(args);
    assert_eq!(code, 0, "{args:?}\n{out}{err}");
    out
}

/// Runs it with `--json`, expects `code`, and returns the object.
fn json(code: i32, args: &[&str]) -> Value {
    let (exit, out, err) = fusewire(&[args, &["--json"]].concat());
    assert_eq!(exit, code, "{args:?}\n{out}{err}");
    serde_json::from_str(&out).unwrap_or_else(|why| panic!("{why}: {out}"))
}

/// Runs it, expects a fault, and compares what it says.
fn refused(code: i32, args: &[&str], want: &Expect) {
    let (exit, out, err) = fusewire(args);
    assert_eq!((exit, out.as_str()), (code, ""), "{args:?}\n{err}");
    want.assert_eq(&err);
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

// A store.

fn fact(seq: u64, secs: i64, fact: Fact) -> Record {
    Record { seq, at: Nanos::from_secs(1_760_131_200 + secs), fact }
}

fn step(seq: u64, secs: i64, id: &str, change: IncidentChange) -> Record {
    let by = if change == IncidentChange::Opened {
        Who::engine()
    } else {
        Who { name: "ann".to_owned(), via: "socket".to_owned() }
    };
    let (kind, title, scope) = ("flash_crash".to_owned(), format!("Flash crash of {id}\u{202e}"), "DOT".to_owned());
    fact(
        seq,
        secs,
        Fact::Incident { id: id.to_owned(), change, kind, severity: 2, title, scope, by, note: String::new() },
    )
}

fn trip(seq: u64, secs: i64) -> Record {
    let evidence = Evidence::default().with("move", -5.25, "%").with("within", 41.0, "s");
    let at = Nanos::from_secs(1_760_131_200 + secs);
    let trip = Fact::Trip {
        market: DOT.to_owned(),
        detector: "moves".to_owned(),
        leg: "fall-percent".to_owned(),
        direction: Direction::Down,
        rule: "fast-move".to_owned(),
        scope: format!("market:{DOT}"),
        stance: "ReduceOnly".to_owned(),
        score: 5.25,
        limit: 5.0,
        return_period_secs: None,
        evidence,
        venue_at: at,
        recv_at: at,
        incident: ID.to_owned(),
    };
    fact(seq, secs, trip)
}

fn permission(seq: u64, secs: i64, permission: Permission, incident: &str) -> Record {
    let (market, rule, incident) = (DOT.to_owned(), "fast-move".to_owned(), incident.to_owned());
    fact(seq, secs, Fact::Permission { market, permission, rule, incident })
}

fn letter(seq: u64, hook: &str) -> OutboxRow {
    OutboxRow {
        message: format!("msg_0a1b2c3d4e5f_{seq}_{hook}"),
        hook: hook.to_owned(),
        seq,
        at: Nanos::from_secs(1_760_131_200),
        body: r#"{"type":"trip"}"#.to_owned(),
        shadow: hook == "shadow",
    }
}

/// A store with two incidents, and an outbox with one message in each state.
fn store() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("store");
    let mut store = Store::open(&home).expect("a fresh store");
    let records = [
        permission(1, -3_600, Permission::FREE, ""),
        trip(2, 0),
        step(3, 0, ID, IncidentChange::Opened),
        permission(4, 0, Permission::of(Stance::ReduceOnly), ID),
        step(5, 60, ID, IncidentChange::Acknowledged),
        permission(6, 300, Permission::FREE, ""),
        step(7, 3_600, ID, IncidentChange::Resolved),
        step(8, 7_200, "INC-20251010T232000Z-TRX", IncidentChange::Opened),
    ];
    let messages = [letter(2, "pager"), letter(3, "pager"), letter(3, "desk"), letter(3, "shadow")];
    let attempt = Attempt {
        message: messages[0].message.clone(),
        hook: "pager".to_owned(),
        at: Nanos::from_secs(1_760_131_260),
        attempt: 12,
        ending: Ending::Dead,
        detail: "503: busy".to_owned(),
    };
    store.append(&records, &messages).expect("written");
    store.commit(&Batch { attempts: &[attempt], ..Batch::default() }).expect("written");
    (dir, home)
}

#[test]
fn a_whole_store_verifies_and_a_tampered_one_says_where() {
    let (_dir, home) = store();
    let whole = json(0, &["store", "verify", "--store", utf8(&home)]);
    assert_eq!((whole["whole"].as_bool(), whole["records"].as_u64()), (Some(true), Some(8)));
    assert_eq!(whole["last_hash"].as_str().map(str::len), Some(64));
    let out = told(&["store", "verify", "--store", utf8(&home.join(FILE))]);
    assert!(out.contains("whole, 8 records\nlast hash "), "{out}");

    let connection = rusqlite::Connection::open(home.join(FILE)).expect("a connection");
    let sql = "DROP TRIGGER records_stay; UPDATE records SET body = replace(body, '5.25', '4.25') WHERE seq = 2";
    connection.execute_batch(sql).expect("tampering");
    drop(connection);
    let (code, out, err) = fusewire(&["store", "verify", "--store", utf8(&home)]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("broken at record 2: the hash does not match"), "{err}");
    let broken = json(1, &["store", "verify", "--store", utf8(&home)]);
    assert_eq!((broken["whole"].as_bool(), broken["seq"].as_u64()), (Some(false), Some(2)));
}

#[test]
fn records_are_exported_as_lines() {
    let (dir, home) = store();
    let all = told(&["store", "export", "--store", utf8(&home)]);
    assert_eq!(all.lines().count(), 8);
    let file = dir.path().join("out.jsonl");
    let (code, out, err) = fusewire(&["store", "export", "--store", utf8(&home), "--out", utf8(&file)]);
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(err.ends_with("out.jsonl: 8 records\n"), "{err}");
    assert_eq!(std::fs::read_to_string(&file).expect("readable"), all);
    let trips = told(&["store", "export", "--store", utf8(&home), "--fact", "trip"]);
    let line: Value = serde_json::from_str(&trips).expect("one line");
    assert_eq!((line["seq"].as_u64(), line["body"]["score"].as_f64()), (Some(2), Some(5.25)));
    assert_eq!(told(&["store", "export", "--store", utf8(&home), "--incident", ID, "--from", "4"]).lines().count(), 3);
    assert_eq!(fusewire(&["store", "export", "--store", utf8(&home), "--fact", "trips"]).0, 2);
    assert_eq!(fusewire(&["store", "export", "--store", utf8(&home), "--out", "/nowhere/x"]).0, 1);
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("none");
    for args in [
        vec!["store", "verify"],
        vec!["incidents", "list"],
        vec!["hooks", "deadletter"],
        vec!["hooks", "resend", "m"],
        vec!["explain", ID],
    ] {
        let (code, out, err) = fusewire(&[args.as_slice(), &["--store", utf8(&path)]].concat());
        assert_eq!((code, out.as_str()), (1, ""), "{args:?}");
        assert!(err.contains("there is no store (name it by --store FILE, or the config by -c FILE)"), "{err}");
        assert!(!path.exists());
    }
}

#[test]
fn incidents_are_listed_the_latest_first() {
    let (_dir, home) = store();
    let out = told(&["incidents", "list", "--store", utf8(&home)]);
    expect![[r#"
        incident                  severity  state               opened                       last trip     trips  markets  title
        INC-20251010T232000Z-TRX         2  open                2025-10-10 23:20:00.000 UTC  none              0        0  Flash crash of INC-20251010T232000Z-TRX�
        INC-20251010T212000Z-DOT         2  resolved after 1 h  2025-10-10 21:20:00.000 UTC  21:20:00.000      1        1  Flash crash of INC-20251010T212000Z-DOT�
    "#]].assert_eq(&out);
    let open = json(0, &["incidents", "list", "--open", "--store", utf8(&home)]);
    assert_eq!(open.as_array().map(Vec::len), Some(1));
    assert_eq!((open[0]["id"].as_str(), open[0]["phase"].as_str()), (Some("INC-20251010T232000Z-TRX"), Some("open")));
    assert_eq!(told(&["incidents", "list", "--limit", "0", "--store", utf8(&home)]), "no incidents\n");
}

#[test]
fn an_incident_is_shown_and_explained() {
    let (_dir, home) = store();
    let page = told(&["incidents", "show", ID, "--store", utf8(&home)]);
    assert!(
        page.starts_with(&format!("# {ID}: Flash crash of {ID}\u{fffd}\n\n**Severity 2, resolved after 1 h.**")),
        "{page}"
    );
    assert!(page.contains("| binance-coinm:DOTUSD_PERP | before |  | Normal |"), "{page}");
    assert!(page.contains("| 21:20:00.000 | 5 min | ReduceOnly |"), "{page}");
    let shown = json(0, &["incidents", "show", ID, "--store", utf8(&home)]);
    assert_eq!((shown["incident"]["trips"].as_u64(), shown["records"].as_array().map(Vec::len)), (Some(1), Some(7)));

    expect![[r#"
        INC-20251010T212000Z-DOT: Flash crash of INC-20251010T212000Z-DOT�, severity 2

        At 2025-10-10 21:20:00.000 UTC, moves.fall-percent tripped in binance-coinm:DOTUSD_PERP.
          Its score was 5.25 against a limit of 5 (5 % beyond).
          It saw: move -5.25 %, within 41 s.
          Rule fast-move asked for ReduceOnly at market:binance-coinm:DOTUSD_PERP.
          From the venue to us: 0; to the decision: 0 more.

        In all 1 trip in 1 market; strictest ReduceOnly in binance-coinm:DOTUSD_PERP from 21:20:00.000; it bound for 5 min.
    "#]].assert_eq(&told(&["explain", ID, "--store", utf8(&home)]));
    let trips = json(0, &["explain", ID, "--store", utf8(&home)]);
    assert_eq!(trips["trips"][0]["fact"]["limit"], 5.0);
    refused(
        1,
        &["explain", "INC-\u{1b}[2J", "--store", utf8(&home)],
        &expect![[r#"
        fusewire: incident INC- [2J: not in this store (see `fusewire incidents list`)
    "#]],
    );
}

// Hooks.

#[test]
fn hooks_tell_what_they_owe() {
    let (_dir, home) = store();
    expect![[r#"
        hook    kind  mode               told of  from stance  pending  dead  shadow
        desk          not in the config                              1     0       0
        pager         not in the config                              1     1       0
        shadow        not in the config                              0     0       1
    "#]]
    .assert_eq(&told(&["hooks", "list", "--store", utf8(&home)]));
    let hooks = json(0, &["hooks", "list", "--store", utf8(&home)]);
    assert_eq!((hooks[1]["hook"].as_str(), hooks[1]["dead"].as_u64()), (Some("pager"), Some(1)));
    expect![[r#"
        message                   hook   of                           attempts  last tried                   answer
        msg_0a1b2c3d4e5f_2_pager  pager  2025-10-10 21:20:00.000 UTC        12  2025-10-10 21:21:00.000 UTC  503: busy
    "#]]
    .assert_eq(&told(&["hooks", "deadletter", "--store", utf8(&home)]));
    let dead = json(0, &["hooks", "deadletter", "--hook", "pager", "--store", utf8(&home)]);
    assert_eq!((dead[0]["attempts"].as_u64(), dead[0]["body"]["type"].as_str()), (Some(12), Some("trip")));
    assert_eq!(told(&["hooks", "deadletter", "--hook", "desk", "--store", utf8(&home)]), "no dead letters\n");
    refused(
        2,
        &["hooks", "test", "pager"],
        &expect![[r#"
            fusewire: hook pager: not in the config, which has none (give -c FILE)
        "#]],
    );
}

/// The store, once nobody holds it: a child that another test starts holds our files until it becomes its program.
fn opened(home: &Path) -> Store {
    for _ in 0..2000 {
        if let Ok(store) = Store::open(home) {
            return store;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Store::open(home).expect("free after ten seconds")
}

/// Closes the store and waits until no child holds it any more.
fn close(store: Store, home: &Path) {
    drop(store);
    drop(opened(home));
    std::thread::sleep(Duration::from_millis(200));
}

#[test]
fn a_dead_letter_is_sent_again_once_the_daemon_is_stopped() {
    let (_dir, home) = store();
    let message = "msg_0a1b2c3d4e5f_2_pager";
    let daemon = opened(&home);
    let (code, out, err) = fusewire(&["hooks", "resend", message, "--store", utf8(&home)]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains(&format!("held by process {}", std::process::id())) && err.contains("stop the daemon"),
        "{err}"
    );
    close(daemon, &home);

    assert_eq!(fusewire(&["hooks", "resend", "--store", utf8(&home)]).0, 2, "which?");
    let done = json(1, &["hooks", "resend", message, "msg_unknown", "--store", utf8(&home)]);
    assert_eq!((done["marked"][0].as_str(), done["unknown"][0].as_str()), (Some(message), Some("msg_unknown")));
    let store = opened(&home);
    assert_eq!(store.pending("pager", 0, 9).expect("readable").len(), 2);
    close(store, &home);
    assert_eq!(
        told(&["hooks", "resend", "--hook", "pager", "--store", utf8(&home)]),
        "0 marked, sent when the daemon starts\n"
    );
}

// The control socket.

/// A daemon that gives one answer; its thread returns the question.
fn daemon(dir: &Path, answer: &'static str) -> (PathBuf, std::thread::JoinHandle<Value>) {
    let socket = dir.join("control.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).expect("a question");
        writeln!(stream, "{answer}").expect("answered");
        serde_json::from_str(&line).expect("JSON")
    });
    (socket, thread)
}

#[test]
fn people_answer_through_the_running_daemon() {
    let dir = tempfile::tempdir().expect("a directory");
    let (socket, asked) = daemon(dir.path(), r#"{"is":"done","answer":"INC-1: done","by":"ann"}"#);
    let done = told(&["incidents", "ack", "INC-1", "--reason", "on \"it\"", "--socket", utf8(&socket)]);
    assert_eq!(done, "INC-1: done (by ann)\n");
    let want = serde_json::json!({"do": "ack", "incident": "INC-1", "reason": "on \"it\""});
    assert_eq!(asked.join().expect("answered"), want);
    std::fs::remove_file(&socket).expect("removed");

    let (socket, asked) = daemon(dir.path(), r#"{"is":"refused","why":"there is no open incident INC-1"}"#);
    let args = ["incidents", "comment", "INC-1", "two\nlines", "--socket", utf8(&socket)];
    refused(1, &args, &expect![["fusewire: there is no open incident INC-1\n"]]);
    assert_eq!(asked.join().expect("answered")["do"], "comment");
    let (code, _, err) = fusewire(&["incidents", "resolve", "INC-1", "--socket", utf8(&socket)]);
    assert_eq!(code, 1);
    assert!(err.contains("is `fusewire run` up?"), "{err}");
}

// The gate.

fn gate(dir: &Path) -> (PathBuf, Writer) {
    let path = dir.join("gate/gate");
    let markets = vec![Listing::new(DOT, Contract::COIN), Listing::new("coinbase:DOT-USD", Contract::COIN)];
    let config_hash = EngineSettings::default().hash();
    let mut writer = Writer::create(&path, &Spec { config_hash, ..Spec::gate(markets) }).expect("a gate");
    let narrow = Permission::of(Stance::Caution).with_sides(Sides::SELL).with_size_factor(0.25);
    let narrow = narrow.with_max_notional(250_000.0).with_collar(3.9, 4.2);
    writer.publish(0, 0, &narrow, 17, 0x0bad_cafe).expect("a cell");
    writer.publish(1, 0, &Permission::FREE, 0, 0).expect("a cell");
    writer.publish(1, 1, &Permission::HALT, 3, 7).expect("a cell");
    (path, writer)
}

/// A lease that outlives the test.
fn renew(writer: &mut Writer) {
    let lease = writer.header().lease_ns;
    writer.renew(5, now_mono() + lease - 1_000_000);
}

#[test]
fn the_gate_tells_what_engines_may_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, mut writer) = gate(dir.path());
    let (code, out, _) = fusewire(&["gate", "read", "--gate", utf8(&path)]);
    assert_eq!(code, 1, "no lease yet");
    assert!(out.contains("lease over, every market reads as Halt: process "), "{out}");

    let long = Spec { lease_ns: 60_000_000_000, ..Spec::gate(vec![Listing::new(DOT, Contract::COIN)]) };
    let elsewhere = dir.path().join("other/gate");
    let mut other = Writer::create(&elsewhere, &long).expect("a gate");
    other.renew(5, now_mono());
    let read = json(0, &["gate", "read", "--gate", utf8(&elsewhere)]);
    assert_eq!((read["live"].as_bool(), read["lease_ms"].as_f64()), (Some(true), Some(60_000.0)));
    assert!(read["lease_left_ms"].as_f64().is_some_and(|left| left > 1_000.0), "{read}");
    assert_eq!(
        (read["markets"][0]["stance"].as_str(), read["markets"][0]["reason"].as_str()),
        (Some("Halt"), Some("starting"))
    );
    drop(other);
    let read = json(1, &["gate", "read", "--gate", utf8(&elsewhere)]);
    assert_eq!(read["why"], "closed in order, or replaced by another file");

    renew(&mut writer);
    let (_, out, _) = fusewire(&["gate", "read", "--gate", utf8(&path)]);
    let table: Vec<_> = out.lines().take(3).collect();
    expect![[r#"
        market                     stance   sides  size   max notional  collar      reason     incident
        binance-coinm:DOTUSD_PERP  Caution  sell    25 %        250000  3.9 to 4.2  fast-move  000000000badcafe
        coinbase:DOT-USD           Normal   both   100 %  any           any                    none"#]]
    .assert_eq(&table.join("\n"));
    let (_, out, _) = fusewire(&["gate", "read", "--gate", utf8(&path), "--market", "coinbase:DOT-USD", "--slot", "1"]);
    let table: Vec<_> = out.lines().take(3).collect();
    expect![[r#"
        market            stance  sides  size   max notional  collar  reason  incident
        coinbase:DOT-USD  Halt    both   100 %  any           any     manual  0000000000000007
    "#]]
    .assert_eq(&table.join("\n"));
}

#[test]
fn the_gate_tells_what_came_back_from_the_engine() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, writer) = gate(dir.path());
    let ack = dir.path().join("ack");
    let args = ["gate", "read", "--gate", utf8(&path), "--ack", utf8(&ack)];
    let last = |args: &[&str]| fusewire(args).1.lines().last().unwrap_or_default().to_owned();
    assert_eq!(last(&args), "no engine acknowledges: none has written anything yet");

    let mut engine = AckWriter::create(&ack).expect("an ack file");
    let reader = Reader::attach(ReaderOptions::at(&path));
    let glance = reader.glance().expect("a gate");
    engine.count(&Verdict::Allow);
    engine.write(&Glance { changes: glance.changes - 1, ..glance }, now_mono());
    let line = last(&args);
    assert!(line.starts_with("engine acknowledges: "), "{line}");
    assert!(line.ends_with(" ms ago, 1 publication behind; orders allowed 1, denied 0"), "{line}");
    engine.write(&glance, now_mono() - 10_000_000_000);
    let line = last(&args);
    assert!(line.starts_with("no engine acknowledges: it fell silent 10."), "{line}");
    engine.write(&Glance { generation: 5, ..glance }, now_mono());
    let read = json(1, &args);
    assert_eq!((&read["ack"]["fresh"], &read["ack"]["generation"]), (&false.into(), &"5".into()), "{read}");
    assert!(read["ack"]["lag_publications"].is_null(), "{read}");
    drop(writer);
}

#[test]
fn a_gate_that_cannot_be_read_says_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, _writer) = gate(dir.path());
    let (code, _, err) = fusewire(&["gate", "read", "--gate", utf8(&path), "--market", "x:Y"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("market x:Y: not in this gate, which lists binance-coinm:DOTUSD_PERP, coinbase:DOT-USD"),
        "{err}"
    );
    let (code, _, err) = fusewire(&["gate", "read", "--gate", utf8(&path), "--slot", "9"]);
    assert_eq!(code, 2);
    assert!(err.contains("slot 9: this gate has slots 0 to 7"), "{err}");
    let (code, _, err) = fusewire(&["gate", "read", "--gate", "/nowhere/gate"]);
    assert_eq!(code, 1);
    assert!(err.contains("/nowhere/gate: entity not found (is the daemon running"), "{err}");
}

#[test]
fn a_watcher_sees_every_change() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, mut writer) = gate(dir.path());
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("fusewire"))
        .args(["gate", "watch", "--gate", utf8(&path), "--market", DOT, "--every", "5", "--lines", "4"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut next = || {
        let line = lines.next().expect("a line").expect("readable");
        line.split_once("  ").expect("time and text").1.to_owned()
    };
    assert!(next().starts_with("lease over, every market reads as Halt"));
    assert!(next().starts_with(&format!("{DOT}  Caution  sides sell")));
    writer.publish(1, 0, &Permission::HALT, 0, 0).expect("another market");
    writer.publish(0, 0, &Permission::HALT, 3, 0).expect("a cell");
    assert!(next().starts_with(&format!("{DOT}  Halt  sides both")));
    // A daemon that starts anew makes a new file.
    drop(writer);
    let (_, _writer) = gate(dir.path());
    assert!(next().starts_with("lease over"));
    assert!(child.wait().expect("it ends").success());
}

// Tapes.

#[test]
fn a_tape_is_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    let tape = dir.path().join("coinbase_trades.csv");
    let rows = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
                coinbase,DOT-USD,1760054402827294,1760054402866691,1,buy,4.077,0.25\n\
                coinbase,DOT-USD,1760054403827294,1760054403866691,2,sell,4.07,1.5\n";
    std::fs::write(&tape, rows).expect("written");
    let info = json(0, &["tape", "info", utf8(&tape)]);
    assert_eq!(
        (info["first_ns"].as_i64(), info["last_ns"].as_i64()),
        (Some(1_760_054_402_866_691_000), Some(1_760_054_403_866_691_000))
    );
    let market = &info["markets"]["coinbase:DOT-USD"];
    assert_eq!(
        (market["trades"].as_u64(), market["liquidations"].as_u64(), market["quantity"].as_f64()),
        (Some(2), Some(0), Some(1.75))
    );
    expect![[r#"
        market            trades  quantity
        coinbase:DOT-USD       2      1.75

        from 2025-10-10T00:00:02.866691Z to 2025-10-10T00:00:03.866691Z
        no line refused
    "#]]
    .assert_eq(&told(&["tape", "info", utf8(&tape)]));

    std::fs::write(&tape, format!("{rows}coinbase,DOT-USD,x,1760054403866691,2,sell,4.07,1.5\n")).expect("written");
    let info = json(4, &["tape", "info", utf8(&tape)]);
    assert_eq!(info["bad"], serde_json::json!({"time": 1}));
    assert!(fusewire(&["tape", "info", utf8(&tape)]).1.ends_with("lines refused: time 1\n"));
    assert_eq!(fusewire(&["tape", "info", utf8(&tape), "--format", "parquet"]).0, 2);
    assert_eq!(fusewire(&["tape", "info", "/nowhere.csv"]).0, 1);
    assert_eq!(fusewire(&["tape", "info"]).0, 2);
}

#[test]
fn a_recorded_day_is_counted_like_its_lines() {
    let Some(data) = std::env::var_os("FUSEWIRE_DATA") else {
        println!("skipped: FUSEWIRE_DATA is not set");
        return;
    };
    let tape = PathBuf::from(data).join("ticks/gemini_trades_2025-10-10_DOTUSD.csv.gz");
    let info = json(0, &["tape", "info", utf8(&tape)]);
    assert_eq!(info["markets"]["gemini:DOTUSD"]["trades"], 732);
}

// Help.

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        "run",
        "record",
        "replay",
        "validate",
        "fetch",
        "instruments list",
        "instruments refresh",
        "serve-venue",
        "tape info",
        "tape convert",
        "tape cut",
        "tape merge",
        "breakers list",
        "breakers trip",
        "breakers rearm",
        "incidents list",
        "incidents show",
        "incidents ack",
        "incidents resolve",
        "incidents comment",
        "explain",
        "hooks list",
        "hooks deadletter",
        "hooks resend",
        "hooks test",
        "gate read",
        "gate watch",
        "store verify",
        "store export",
    ] {
        let args: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = told(&args);
        assert!(
            help.contains("Examples:\n  fusewire ") && help.contains(&format!("fusewire {command}")),
            "{command}\n{help}"
        );
        assert!(help.contains("Exit codes") || command == "store export", "{command}\n{help}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let (_dir, home) = store();
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("fusewire"))
        .args(["store", "export", "--store", utf8(&home)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    std::thread::sleep(Duration::from_millis(10));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

// Progress.

#[test]
fn progress_is_drawn_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, seen) = (folder.path().join("out"), folder.path().join("seen"));
    let tape = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/2025-10-10/crash.frames.gz");
    // Two and a half seconds.
    let args = ["replay", "--venue", "binance-coinm", "--speed", "1500", "--json", utf8(&tape)];
    let (code, plain, err) = fusewire(&args);
    assert_eq!((code, err.as_str()), (0, ""), "something was drawn where no terminal is");

    // A terminal for standard error, a file for standard output.
    let line = format!("exec {} {} > {}", env!("CARGO_BIN_EXE_fusewire"), args.join(" "), out.display());
    let began = std::time::Instant::now();
    let status =
        std::process::Command::new("script").args(["-q", "-e", "-c", &line]).arg(&seen).output().expect("script");
    let took = began.elapsed().as_secs_f64();
    assert!(status.status.success(), "{status:?}");
    let drawn = std::fs::read_to_string(&seen).expect("UTF-8");
    let strokes = drawn.matches(" left").count();
    assert!(drawn.contains(" MiB, ") && drawn.contains(" events/s, "), "{drawn}");
    assert!((3..=(took * 10.0) as usize + 1).contains(&strokes), "{strokes} in {took} s");
    let told = std::fs::read_to_string(&out).expect("UTF-8");
    let timeless = |text: &str| {
        let lines = text.lines().filter(|line| !line.contains("wall_seconds") && !line.contains("events_per_second"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(timeless(&told), timeless(&plain));
}
