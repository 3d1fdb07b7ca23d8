//! The store of record: misfortunes it must survive, and tampering it must show.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test fail as loudly as the test")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it measures and waits")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fusewire::breaker::{Permission, Stance};
use fusewire::event::Nanos;
use fusewire::record::{Fact, GENESIS, IncidentChange, Record, Who, hex, link};
use fusewire::store::thread::{Hooks, NoHooks, StoreCommand, StoreEvent, run};
use fusewire::store::{Attempt, Ending, FILE, Filter, OutboxRow, Pending, Reader, Snapshot, Store, StoreError};
use fusewire::trip::{Direction, Evidence};
use rusqlite::Connection;

fn breaker(seq: u64, scope: &str, to: &str) -> Record {
    let fact = Fact::Breaker {
        scope: scope.to_owned(),
        rule: "cascade".to_owned(),
        from: "Armed".to_owned(),
        to: to.to_owned(),
        stance: "Halt".to_owned(),
        permission: Permission::HALT,
        strikes: 1,
        until: None,
        cause: "trip".to_owned(),
        version: seq,
        incident: "inc-1".to_owned(),
        by: None,
        reason: String::new(),
    };
    at(seq, fact)
}

fn trip(seq: u64) -> Record {
    let fact = Fact::Trip {
        market: "binance-coinm:DOTUSD_PERP".to_owned(),
        detector: "fall".to_owned(),
        leg: "down-300s".to_owned(),
        direction: Direction::Down,
        rule: "fast-move".to_owned(),
        scope: "market:binance-coinm:DOTUSD_PERP".to_owned(),
        stance: "ReduceOnly".to_owned(),
        score: 12.5,
        limit: 8.0,
        return_period_secs: Some(3_456_000.0),
        evidence: Evidence::default().with("fall", 84.0, "%"),
        venue_at: Nanos::from_secs(1_760_131_200),
        recv_at: Nanos::from_secs(1_760_131_201),
        incident: "inc-1".to_owned(),
    };
    at(seq, fact)
}

fn permission(seq: u64, market: &str, stance: Stance) -> Record {
    let (rule, incident) = ("cascade".to_owned(), String::new());
    at(seq, Fact::Permission { market: market.to_owned(), permission: Permission::of(stance), rule, incident })
}

fn incident(seq: u64, id: &str, change: IncidentChange) -> Record {
    let fact = Fact::Incident {
        id: id.to_owned(),
        change,
        kind: "flash_crash".to_owned(),
        severity: 1,
        title: "DOT fell 84 % \u{201c}on one venue\u{201d}".to_owned(),
        scope: "asset:DOT".to_owned(),
        by: Who::engine(),
        note: String::new(),
    };
    at(seq, fact)
}

fn at(seq: u64, fact: Fact) -> Record {
    Record { seq, at: Nanos::from_millis(1_760_131_200_000 + seq as i64), fact }
}

fn message(seq: u64, hook: &str) -> OutboxRow {
    OutboxRow {
        message: format!("msg_{seq}_{hook}"),
        hook: hook.to_owned(),
        seq,
        at: Nanos(seq as i64),
        body: "{}".to_owned(),
        shadow: false,
    }
}

/// A directory with a store of six records in it.
fn small_store() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    let mut store = Store::open(&home).expect("a fresh store");
    let batch = [
        incident(1, "inc-1", IncidentChange::Opened),
        trip(2),
        breaker(3, "asset:DOT", "Tripped"),
        permission(4, "kraken:DOTUSD", Stance::Halt),
        permission(5, "kraken:DOTUSD", Stance::Caution),
        incident(6, "inc-1", IncidentChange::Acknowledged),
    ];
    assert_eq!(store.append(&batch, &[message(2, "pager")]), Ok(6));
    (dir, home)
}

fn verify(home: &Path) -> Result<u64, String> {
    let reader = Reader::open(home).map_err(|error| error.to_string())?;
    reader.verify().map(|verified| verified.records).map_err(|broken| broken.to_string())
}

/// Changes the file as somebody with a shell would: triggers dropped, checks off.
fn tamper(home: &Path, sql: &str) {
    let connection = Connection::open(home.join(FILE)).expect("a connection");
    let free = "PRAGMA foreign_keys = OFF; DROP TRIGGER records_stay; DROP TRIGGER records_last;";
    connection.execute_batch(&format!("{free}{sql}")).expect("tampering");
}

#[test]
fn a_reopened_store_continues_the_chain() {
    let (_dir, home) = small_store();
    let before = Reader::open(&home).and_then(|reader| reader.last()).expect("a head");
    let mut store = Store::open(&home).expect("it opens again");
    assert_eq!(store.last(), Ok(before));
    store.append(&[trip(7)], &[]).expect("it goes on");
    let body = trip(7).body();
    assert_eq!(store.last(), Ok((7, link(&before.1, 7, trip(7).at, &body))));
    assert_eq!(store.record(7), Ok(Some(trip(7))));
    assert_eq!(store.record(8), Ok(None));
    assert_eq!(verify(&home), Ok(7));
}

#[test]
fn a_hole_in_the_sequence_is_refused_and_harms_nothing() {
    let (_dir, home) = small_store();
    let mut store = Store::open(&home).expect("a store");
    assert_eq!(store.append(&[trip(8)], &[]), Err(StoreError::Gap { expected: 7, got: 8 }));
    assert_eq!(store.append(&[trip(7), trip(7)], &[]), Err(StoreError::Gap { expected: 8, got: 7 }));
    assert_eq!(store.append(&[trip(7)], &[]), Ok(7));
    assert_eq!(store.append(&[], &[]), Ok(7));
}

#[test]
fn tampering_with_any_column_shows() {
    let later = "UPDATE records SET hash = (SELECT hash FROM records WHERE seq = 4) WHERE seq = 3";
    for (sql, want) in [
        ("UPDATE records SET at_ns = at_ns + 1 WHERE seq = 2", "record 2: the hash"),
        ("UPDATE records SET body = replace(body, '12.5', '12.4') WHERE seq = 2", "record 2: the hash"),
        ("UPDATE records SET body = body || ' ' WHERE seq = 6", "record 6: the hash"),
        ("UPDATE records SET hash = zeroblob(32) WHERE seq = 6", "record 6: the hash"),
        ("UPDATE records SET hash = x'00' WHERE seq = 6", "record 6: store: damaged"),
        (later, "record 3: the hash"),
        ("UPDATE records SET fact = 'feed' WHERE seq = 2", "record 2: column fact says \"feed\", the body \"trip\""),
        ("UPDATE records SET incident = 'inc-2' WHERE seq = 2", "record 2: column incident says \"inc-2\""),
        ("UPDATE records SET seq = 9 WHERE seq = 6", "record 6: missing, record 9 follows"),
        ("DELETE FROM records WHERE seq = 3", "record 3: missing, record 4 follows"),
        ("DELETE FROM records WHERE seq = 1", "record 1: missing"),
        ("DELETE FROM records WHERE seq = 6", "record 5: the chain ends here, but the head says record 6"),
        ("UPDATE head SET seq = 5", "record 6: the chain ends here, but the head says record 5"),
        ("UPDATE head SET hash = zeroblob(32)", "record 6: the chain ends here"),
        ("DELETE FROM breakers", "record 6: table breakers differs"),
        ("UPDATE breakers SET rule = 'x'", "record 6: table breakers differs"),
        ("UPDATE permissions SET seq = 4", "record 6: table permissions differs"),
        ("INSERT INTO permissions VALUES ('okx:BTC', 4)", "record 6: table permissions differs"),
        ("UPDATE incidents SET open = 0", "record 6: table incidents differs"),
    ] {
        let (_dir, home) = small_store();
        assert_eq!(verify(&home), Ok(6));
        tamper(&home, sql);
        let found = verify(&home).expect_err(sql);
        assert!(found.starts_with(want), "{sql}: {found}");
    }
}

#[test]
fn the_file_itself_refuses_changes_to_records() {
    let (_dir, home) = small_store();
    let connection = Connection::open(home.join(FILE)).expect("a connection");
    for sql in ["UPDATE records SET at_ns = 0 WHERE seq = 1", "DELETE FROM records WHERE seq = 6"] {
        let refused = connection.execute_batch(sql).expect_err(sql).to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[test]
fn a_projection_that_was_lost_is_made_anew() {
    let (_dir, home) = small_store();
    tamper(&home, "DELETE FROM breakers; UPDATE incidents SET open = 0; INSERT INTO permissions VALUES ('x:Y', 1);");
    assert!(verify(&home).is_err());
    Store::open(&home).and_then(|mut store| store.rebuild()).expect("rebuilt");
    assert_eq!(verify(&home), Ok(6));
}

#[test]
fn a_restart_reads_the_last_word_on_everything() {
    let (_dir, home) = small_store();
    let mut store = Store::open(&home).expect("a store");
    let batch = [
        breaker(7, "asset:DOT", "Armed"),
        breaker(8, "everything", "Latched"),
        incident(9, "inc-2", IncidentChange::Opened),
        incident(10, "inc-1", IncidentChange::Resolved),
        incident(11, "inc-1", IncidentChange::Commented),
        permission(12, "okx:DOT-USDT", Stance::ReduceOnly),
    ];
    store.append(&batch, &[]).expect("kept");
    let seqs = |records: Vec<Record>| records.into_iter().map(|record| record.seq).collect::<Vec<_>>();
    assert_eq!(store.breakers().map(seqs), Ok(vec![7, 8]));
    assert_eq!(store.open_breakers().map(seqs), Ok(vec![8]));
    assert_eq!(store.permissions().map(seqs), Ok(vec![5, 12]));
    assert_eq!(store.open_incidents().map(seqs), Ok(vec![9]));
    let again = [incident(13, "inc-1", IncidentChange::Opened)];
    store.append(&again, &[]).expect("kept");
    assert_eq!(store.open_incidents().map(seqs), Ok(vec![1, 2, 6, 9, 10, 11, 13]), "2 is the last trip of inc-1");
    assert_eq!(verify(&home), Ok(13));
}

#[test]
fn records_are_read_by_fact_incident_and_time() {
    let (_dir, home) = small_store();
    let reader = Reader::open(&home).expect("a reader");
    let seqs = |from, filter| reader.rows(from, filter).map(|row| row.expect("a row").seq).collect::<Vec<_>>();
    let of = |fact: &str| Filter { fact: Some(fact.to_owned()), ..Filter::default() };
    assert_eq!(seqs(0, Filter::default()), [1, 2, 3, 4, 5, 6]);
    assert_eq!(seqs(5, Filter::default()), [5, 6]);
    assert_eq!(seqs(0, of("permission")), [4, 5]);
    assert_eq!(seqs(0, Filter { incident: Some("inc-1".to_owned()), ..Filter::default() }), [1, 2, 3, 6]);
    let window = Filter { since: Some(trip(2).at), until: Some(trip(4).at), ..Filter::default() };
    assert_eq!(seqs(0, window), [2, 3]);
}

#[test]
fn a_second_daemon_is_refused_and_told_who_is_first() {
    let (_dir, home) = small_store();
    let _first = Store::open(&home).expect("the first");
    let refused = Store::open(&home).expect_err("the second").to_string();
    let want = format!("fusewire.db.lock: held by process {} (one daemon a store)", std::process::id());
    assert!(refused.ends_with(&want), "{refused}");
    assert_eq!(verify(&home), Ok(6), "readers are welcome meanwhile");
}

#[test]
fn a_newer_store_and_a_foreign_file_are_left_alone() {
    let (_dir, home) = small_store();
    tamper(&home, "PRAGMA user_version = 99;");
    assert_eq!(Store::open(&home).err(), Some(StoreError::NewerSchema { found: 99, known: 1 }));
    assert_eq!(Reader::open(&home).err(), Some(StoreError::NewerSchema { found: 99, known: 1 }));

    let dir = tempfile::tempdir().expect("a directory");
    let foreign = dir.path().join("notes.db");
    Connection::open(&foreign).and_then(|c| c.execute_batch("CREATE TABLE notes(text)")).expect("a database");
    std::fs::set_permissions(&foreign, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    assert!(matches!(Store::open_file(&foreign), Err(StoreError::NotAStore(_))));
    let text = dir.path().join("text");
    std::fs::write(&text, "price,qty\n".repeat(100)).expect("a file");
    std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o600)).expect("permissions");
    assert!(matches!(Store::open_file(&text), Err(StoreError::NotAStore(_))));
    assert!(matches!(Reader::open(&text), Err(StoreError::NotAStore(_))));
    assert!(matches!(Reader::open(&dir.path().join("none")), Err(StoreError::Io(_))));
}

#[test]
fn nobody_else_can_read_it() {
    let (dir, home) = small_store();
    let _open = Store::open(&home).expect("a store");
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    for file in std::fs::read_dir(&home).expect("a directory") {
        let path = file.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    let wide = dir.path().join("wide");
    std::fs::create_dir(&wide).expect("a directory");
    std::fs::set_permissions(&wide, std::fs::Permissions::from_mode(0o755)).expect("permissions");
    assert!(matches!(Store::open(&wide), Err(StoreError::Exposed { mode: 0o755, .. })));
    assert_eq!(mode(&wide), 0o755, "refused, not changed");
    let link = dir.path().join("link.db");
    symlink(home.join(FILE), &link).expect("a link");
    assert!(matches!(Store::open_file(&link), Err(StoreError::Io(_))), "a link is never followed");
}

#[test]
fn a_full_disk_is_said_at_once_and_never_retried() {
    let (_dir, home) = small_store();
    let mut store = Store::open(&home).expect("a store");
    store.cap_bytes(256 * 1024).expect("a cap");
    let mut last = 6;
    let fault = loop {
        let batch: Vec<_> = (last + 1..=last + 64).map(trip).collect();
        match store.append(&batch, &[]) {
            Ok(seq) => last = seq,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault, StoreError::Full);
    store.cap_bytes(1 << 30).expect("room again");
    assert_eq!(store.append(&[trip(last + 1)], &[]), Err(StoreError::Full), "not before a restart");
    drop(store);
    assert_eq!(verify(&home), Ok(last), "what was acknowledged is there, what was not is not");
    let mut store = Store::open(&home).expect("it opens again");
    assert_eq!(store.append(&[trip(last + 1)], &[]), Ok(last + 1));
}

#[test]
fn the_last_two_snapshots_are_kept_and_a_damaged_one_is_passed_over() {
    let (_dir, home) = small_store();
    let mut store = Store::open(&home).expect("a store");
    assert_eq!(store.snapshot(), Ok(None));
    let snapshot = |seq: u64| Snapshot { seq, at: Nanos(seq as i64), body: vec![seq as u8; 4096] };
    for seq in [2, 4, 6] {
        store.save_snapshot(&snapshot(seq)).expect("kept");
    }
    assert_eq!(store.snapshot(), Ok(Some(snapshot(6))));
    drop(store);
    tamper(&home, "UPDATE snapshots SET body = zeroblob(4096) WHERE seq = 6");
    let reader = Reader::open(&home).expect("a reader");
    assert_eq!(reader.snapshot(), Ok(Some(snapshot(4))));
    let count = Connection::open(home.join(FILE))
        .and_then(|c| c.query_row("SELECT count(*) FROM snapshots", [], |row| row.get::<_, i64>(0)));
    assert_eq!(count, Ok(2));
}

#[test]
fn an_exported_line_carries_what_was_hashed() {
    let (_dir, home) = small_store();
    let mut lines = Vec::new();
    let reader = Reader::open(&home).expect("a reader");
    assert_eq!(reader.export(0, Filter::default(), &mut lines).expect("written"), 6);
    let text = String::from_utf8(lines).expect("text");
    let mut hash = GENESIS;
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("json");
        let (_, body) = line.split_once(r#""body":"#).expect("a body");
        let body = body.strip_suffix('}').expect("an end");
        let (seq, at) = (value["seq"].as_u64().expect("seq"), value["at_ns"].as_i64().expect("at"));
        hash = link(&hash, seq, Nanos(at), body);
        assert_eq!(value["hash"], hex(&hash));
    }
    assert_eq!(reader.last(), Ok((6, hash)));
}

/// Appends one record after another and says which are stored; the parent kills it.
#[test]
#[ignore = "the child of the tests below"]
fn child_appends_until_it_dies() {
    let Ok(home) = std::env::var("FUSEWIRE_TEST_HOME") else { return };
    let mut store = Store::open(Path::new(&home)).expect("the child's store");
    let mut out = std::io::stdout();
    let (mut seq, _) = store.last().expect("a head");
    loop {
        let batch: Vec<_> = (seq + 1..=seq + 1 + seq % 3).map(|seq| breaker(seq, "asset:DOT", "Tripped")).collect();
        let messages: Vec<_> = batch.iter().map(|record| message(record.seq, "pager")).collect();
        match store.append(&batch, &messages) {
            Ok(stored) => seq = stored,
            Err(fault) => {
                writeln!(out, "fault {fault:?}").expect("said");
                return;
            }
        }
        writeln!(out, "stored {seq}").expect("said");
        out.flush().expect("said");
    }
}

fn appending_child(home: &Path, shell: &str) -> Child {
    let test = std::env::current_exe().expect("this test");
    Command::new("sh")
        .args(["-c", &format!("{shell} exec \"$0\" \"$@\"")])
        .arg(test)
        .args(["--exact", "child_appends_until_it_dies", "--ignored", "--nocapture", "--test-threads=1"])
        .env("FUSEWIRE_TEST_HOME", home)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child")
}

#[test]
fn killed_in_the_middle_of_appends_thirty_times_it_holds_all_it_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    let mut acknowledged = 0;
    for round in 0..30_u64 {
        let mut child = appending_child(&home, "");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let stored = |line: String| line.strip_prefix("stored ").and_then(|seq| seq.parse::<u64>().ok());
        let first = lines.by_ref().map_while(Result::ok).find_map(stored).expect("it works");
        assert!(first > acknowledged);
        // Anywhere inside a commit: a few fsyncs take about as long as these steps.
        std::thread::sleep(Duration::from_micros(500 + round * 1_700 % 23_000));
        child.kill().expect("kill -9");
        child.wait().expect("dead");
        acknowledged = lines.map_while(Result::ok).filter_map(stored).last().unwrap_or(first);

        let store = Store::open(&home).expect("the lock died with its holder");
        let records = store.verify().expect("the chain holds").records;
        assert!(records >= acknowledged, "round {round}: {acknowledged} acknowledged, {records} kept");
        let owed = store.pending("pager", 0, usize::MAX >> 1).expect("an outbox").len() as u64;
        assert_eq!(owed, records, "a record and its message are one");
    }
}

#[test]
fn a_write_that_the_system_refuses_is_a_fault_and_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    drop(Store::open(&home).expect("a store"));
    // No file may grow beyond 512 blocks of 512 bytes; the signal is off, so write() fails instead.
    let mut child = appending_child(&home, "trap '' XFSZ; ulimit -f 512;");
    let lines: Vec<_> = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok).collect();
    child.wait().expect("ended");
    let fault = lines.iter().find_map(|line| line.strip_prefix("fault ")).expect("a fault");
    assert!(fault.starts_with("Io") || fault == "Full", "{fault}");
    let stored = lines.iter().filter_map(|line| line.strip_prefix("stored ")?.parse::<u64>().ok()).next_back();
    assert_eq!(verify(&home), Ok(stored.expect("some were stored")));
}

fn fill(home: &Path, count: u64) {
    let mut store = Store::open(home).expect("a store");
    let markets: Vec<_> = (0..50).map(|place| format!("kraken:M{place}")).collect();
    let record = |seq: u64| match seq % 10 {
        0 => breaker(seq, &format!("market:{}", markets[(seq / 10 % 50) as usize]), "Tripped"),
        1 => permission(seq, &markets[(seq / 10 % 50) as usize], Stance::Halt),
        2 => incident(
            seq,
            &format!("inc-{}", seq / 30),
            [IncidentChange::Opened, IncidentChange::Resolved][(seq / 10 % 2) as usize],
        ),
        _ => trip(seq),
    };
    let mut seq = 0;
    while seq < count {
        let batch: Vec<_> = (seq + 1..=seq + 5_000).map(record).collect();
        seq = store.append(&batch, &[]).expect("kept");
    }
}

fn restart_time(home: &Path) -> Duration {
    let begun = Instant::now();
    let store = Store::open(home).expect("a store");
    assert_eq!(store.breakers().expect("breakers").len(), 50);
    assert_eq!(store.permissions().expect("permissions").len(), 50);
    assert!(!store.open_incidents().expect("incidents").is_empty());
    store.snapshot().expect("a snapshot");
    begun.elapsed()
}

#[test]
fn a_hundred_thousand_records_do_not_slow_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    fill(&home, 100_000);
    let took = restart_time(&home);
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(verify(&home), Ok(100_000));
}

#[test]
#[ignore = "the long form: a million records"]
fn a_million_records_restart_within_two_seconds() {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    fill(&home, 1_000_000);
    let took = restart_time(&home);
    let begun = Instant::now();
    assert_eq!(verify(&home), Ok(1_000_000));
    println!("restart {took:?}, verify {:?}", begun.elapsed());
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// A hook that takes everything and answers when the test says so.
struct Hand(crossbeam_channel::Sender<Pending>);

impl Hooks for Hand {
    fn messages(&mut self, record: &Record) -> Vec<OutboxRow> {
        if matches!(record.fact, Fact::Trip { .. }) { vec![message(record.seq, "pager")] } else { Vec::new() }
    }

    fn armed(&self) -> Vec<String> {
        vec!["pager".to_owned()]
    }

    fn hand(&mut self, message: Pending) {
        self.0.send(message).expect("the test listens");
    }
}

fn attempt(message: &Pending, ending: Ending) -> StoreCommand {
    StoreCommand::Attempt(Attempt {
        message: message.row.message.clone(),
        hook: message.row.hook.clone(),
        at: Nanos(9),
        attempt: message.attempts + 1,
        ending,
        detail: "200".to_owned(),
    })
}

/// Runs the thread over these commands to the end; gives the store, what was told and what was handed out.
fn serve(store: Store, commands: Vec<StoreCommand>) -> (Store, Vec<StoreEvent>, Vec<Pending>) {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let (hand, handed) = crossbeam_channel::unbounded();
    for command in commands {
        sender.send(command).expect("room");
    }
    drop(sender);
    let mut told = Vec::new();
    let store = run(store, &receiver, Hand(hand), || Nanos(5), |event| told.push(event)).expect("no fault");
    (store, told, handed.try_iter().collect())
}

#[test]
fn what_is_told_is_on_disk_and_a_burst_is_one_commit() {
    let (_dir, home) = small_store();
    let store = Store::open(&home).expect("a store");
    let burst = (7..=106).map(|seq| StoreCommand::Append(vec![trip(seq)])).collect();
    let (_store, told, handed) = serve(store, burst);
    assert_eq!(told, [StoreEvent::Stored { at: Nanos(5), seq: 106 }]);
    assert_eq!(handed.len(), 101, "the one owed from before comes first");
    assert_eq!(handed[0].row.seq, 2);
}

#[test]
fn a_message_is_handed_out_until_a_record_says_how_it_ended() {
    let (_dir, home) = small_store();
    let open = || Store::open(&home).expect("a store");
    let (store, _, handed) = serve(open(), vec![]);
    drop(store);
    let pending = handed[0].clone();

    let retry = attempt(&pending, Ending::Retry { due: Nanos(77) });
    let (store, told, _) = serve(open(), vec![retry]);
    assert_eq!(told, [], "the engine hears of ends only");
    drop(store);

    let (store, told, handed) = serve(open(), vec![attempt(&pending, Ending::Delivered)]);
    assert_eq!((handed[0].attempts, handed[0].due), (1, Nanos(77)), "attempts are remembered");
    let StoreEvent::Delivery(report) = told[0].clone() else { panic!("{told:?}") };
    assert!(report.ok);
    drop(store);

    // The daemon dies before the engine's record of it: it hears again, and the message is not sent again.
    let delivered = Fact::Delivered {
        message: report.message.clone(),
        hook: report.hook.clone(),
        attempt: report.attempt,
        ok: true,
        detail: String::new(),
    };
    let (store, told, handed) = serve(open(), vec![StoreCommand::Append(vec![at(7, delivered)])]);
    assert_eq!(told[0], StoreEvent::Delivery(report));
    assert_eq!(handed, []);
    drop(store);
    let (store, told, handed) = serve(open(), vec![]);
    assert_eq!((told, handed), (vec![], vec![]));
    assert_eq!(store.letters("delivered", 10), Ok(vec![]), "the record stays, the row goes");
}

#[test]
fn a_hook_holds_a_window_of_messages_and_the_rest_waits_on_disk() {
    let (_dir, home) = small_store();
    let (sender, receiver) = crossbeam_channel::unbounded();
    let (hand, handed) = crossbeam_channel::unbounded();
    let store = Store::open(&home).expect("a store");
    let thread = std::thread::spawn(move || run(store, &receiver, Hand(hand), || Nanos(5), |_| ()).map(drop));
    sender.send(StoreCommand::Append((7..=1_006).map(trip).collect())).expect("room");
    let mut seen = Vec::new();
    while seen.len() < 1_001 {
        let message = handed.recv_timeout(Duration::from_secs(20)).expect("the next one");
        assert!(handed.len() < 256, "{} in hand", handed.len());
        seen.push(message.row.seq);
        sender.send(attempt(&message, Ending::Delivered)).expect("room");
    }
    drop(sender);
    thread.join().expect("ended").expect("no fault");
    assert!(seen.is_sorted(), "in order, once each");
}

#[test]
fn a_dead_letter_is_kept_told_and_sent_again_on_request() {
    let (_dir, home) = small_store();
    let store = Store::open(&home).expect("a store");
    let (store, _, handed) = serve(store, vec![]);
    let (store, told, _) = serve(store, vec![attempt(&handed[0], Ending::Dead)]);
    assert!(matches!(&told[0], StoreEvent::Delivery(report) if !report.ok));
    assert_eq!(store.letters("dead", 10).expect("letters")[0].row.message, "msg_2_pager");
    let (_store, _, handed) = serve(store, vec![StoreCommand::Resend("msg_2_pager".to_owned())]);
    assert_eq!((handed[0].row.message.as_str(), handed[0].attempts), ("msg_2_pager", 0));
    assert!(handed[0].resent);
}

#[test]
fn a_hook_taken_out_of_the_config_leaves_dead_letters_behind() {
    let (_dir, home) = small_store();
    let (sender, receiver) = crossbeam_channel::bounded(0);
    let store = Store::open(&home).expect("a store");
    drop(sender);
    let mut told = Vec::new();
    let store = run(store, &receiver, NoHooks, || Nanos(5), |event| told.push(event)).expect("no fault");
    assert!(matches!(&told[0], StoreEvent::Delivery(report) if report.detail == "hook is not armed"));
    assert_eq!(store.letters("pending", 10), Ok(vec![]));
}

#[test]
fn a_lost_store_is_told_and_nothing_follows() {
    let (_dir, home) = small_store();
    let mut store = Store::open(&home).expect("a store");
    store.cap_bytes(1).expect("a cap");
    let (sender, receiver) = crossbeam_channel::unbounded();
    sender.send(StoreCommand::Append((7..=3_000).map(trip).collect())).expect("room");
    let mut told = Vec::new();
    let fault = run(store, &receiver, NoHooks, || Nanos(5), |event| told.push(event)).err();
    assert_eq!(fault, Some(StoreError::Full));
    assert_eq!(told.last(), Some(&StoreEvent::Failed(StoreError::Full)));
    assert_eq!(verify(&home), Ok(6));
}
