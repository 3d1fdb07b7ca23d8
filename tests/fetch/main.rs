//! `fusewire fetch` against a web server on loopback that fails in every way, and what it fetched read by `replay`.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it waits")]
#![allow(clippy::print_stdout, reason = "a test tells what it skipped")]

mod proxy;
mod server;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde_json::Value;
use server::{Reply, Server};
use sha2::{Digest as _, Sha256};

/// The file of a day.
const DAY: &str = "data/futures/cm/daily/trades/DOTUSD_PERP/DOTUSD_PERP-trades-2025-10-10.zip";
const NEXT: &str = "data/futures/cm/daily/trades/DOTUSD_PERP/DOTUSD_PERP-trades-2025-10-11.zip";
const NAME: &str = "binance-coinm/DOTUSD_PERP-trades-2025-10-10.zip";

/// What stands in it, where no reader looks at it.
const BYTES: &[u8] = &{
    let mut bytes = [0; 5000];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = (at * 31 % 251) as u8;
        at += 1;
    }
    bytes
};

/// A script of these files with their checksums.
fn files(paths: &[&'static str]) -> Vec<(&'static str, Vec<Reply>)> {
    paths.iter().flat_map(|path| file(path, BYTES, vec![Reply::Whole(BYTES.to_vec())])).collect()
}

/// A script of one file: the checksum of `bytes`, and these replies.
fn file(path: &'static str, bytes: &[u8], replies: Vec<Reply>) -> [(&'static str, Vec<Reply>); 2] {
    let name = path.rsplit('/').next().expect("a name");
    let checksum = Reply::Whole(format!("{:x}  {name}\n", Sha256::digest(bytes)).into_bytes());
    [(Box::leak(format!("{path}.CHECKSUM").into_boxed_str()), vec![checksum]), (path, replies)]
}

/// A server with one file and these replies.
fn server(replies: Vec<Reply>) -> Server {
    Server::new(file(DAY, BYTES, replies))
}

fn command(args: &[&str], out: &Path) -> Command {
    let mut command = Command::cargo_bin("fusewire").expect("built");
    command.env_clear().args(["fetch", "binance-coinm", "DOTUSD_PERP", "--kind", "trades"]);
    command.args(args).arg("--out").arg(out);
    command
}

/// Runs `fusewire fetch` with these variables alone; returns exit code, standard output and standard error.
fn fusewire_with(env: &[(&str, &str)], args: &[&str], out: &Path) -> (i32, String, String) {
    let output = command(args, out).envs(env.iter().copied()).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(output.stdout), text(output.stderr))
}

fn fusewire(args: &[&str], out: &Path) -> (i32, String, String) {
    fusewire_with(&[], args, out)
}

/// Fetches the day from a server.
fn day(server: &Server, more: &[&str], out: &Path) -> (i32, String, String) {
    let base = server.base();
    fusewire(&[&["--from", "2025-10-10", "--base-url", &base], more].concat(), out)
}

/// The day is here, whole, and nothing else.
fn check_day(out: &Path) {
    assert_eq!(fs::read(out.join(NAME)).expect("the file"), BYTES);
    assert!(!out.join(format!("{NAME}.part")).exists());
}

/// Nothing has the name of the file.
fn check_nothing(out: &Path) {
    assert!(!out.join(NAME).exists(), "something unverified got the name of the file");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Leaves a part of the file as an earlier run would.
fn leave(bytes: &[u8], out: &Path) {
    fs::create_dir_all(out.join("binance-coinm")).expect("a folder");
    fs::write(out.join(format!("{NAME}.part")), bytes).expect("written");
}

// What goes well.

#[test]
fn a_file_comes_whole_and_is_checked_but_not_fetched_again() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    let (code, told, err) = day(&server, &["--json"], out.path());
    assert_eq!(code, 0, "{err}");
    check_day(out.path());
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["fetched_bytes"], &told["files"][0]["state"]), (&5000.into(), &"fetched".into()));
    assert_eq!(told["files"][0]["url"], format!("{}/{DAY}", server.base()));
    assert_eq!((&told["files"][0]["from"], &told["files"][0]["to"]), (&"2025-10-10".into(), &"2025-10-10".into()));

    let (code, told, err) = day(&server, &[], out.path());
    assert_eq!((code, server.ranges(DAY).len()), (0, 1), "{err}");
    assert!(told.starts_with("there     ") && told.ends_with("5.0 kB, checked\n"), "{told}");
}

#[test]
fn a_damaged_file_is_fetched_anew_and_said_so() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    fs::create_dir_all(out.path().join("binance-coinm")).expect("a folder");
    fs::write(out.path().join(NAME), &BYTES[1..]).expect("written");
    let (code, told, err) = day(&server, &[], out.path());
    assert_eq!(code, 0, "{err}");
    assert!(told.starts_with("fetched   ") && err.contains("is not what is published; fetched anew"), "{told}{err}");
    check_day(out.path());
}

#[test]
fn a_part_of_an_earlier_run_is_gone_on_with() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    leave(&BYTES[..2000], out.path());
    let (code, told, err) = day(&server, &["--json"], out.path());
    assert_eq!(code, 0, "{err}");
    check_day(out.path());
    assert_eq!(server.ranges(DAY), ["bytes=2000-"]);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!((&told["files"][0]["bytes"], &told["fetched_bytes"]), (&5000.into(), &3000.into()));
}

#[test]
fn a_part_that_was_whole_already_only_gets_its_name() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    leave(BYTES, out.path());
    assert_eq!(day(&server, &[], out.path()).0, 0);
    check_day(out.path());
    assert_eq!(server.ranges(DAY), [""; 0]);
}

#[test]
fn a_server_without_ranges_is_begun_anew_with() {
    let (server, out) = (server(vec![Reply::NoRanges(BYTES.to_vec())]), folder());
    leave(&BYTES[..2000], out.path());
    assert_eq!(day(&server, &[], out.path()).0, 0);
    check_day(out.path());
    assert_eq!(server.ranges(DAY), ["bytes=2000-"]);
}

#[test]
fn a_part_of_another_version_or_beyond_the_end_is_thrown_away() {
    for stale in [vec![7; 2000], vec![7; 9000], vec![7; 5000]] {
        let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
        leave(&stale, out.path());
        let (code, told, err) = day(&server, &[], out.path());
        assert_eq!(code, 0, "{told}{err}");
        check_day(out.path());
        assert!(err.contains("does not match its published checksum; once more"), "{err}");
        assert_eq!(server.ranges(DAY), [format!("bytes={}-", stale.len()), "-".to_owned()]);
    }
}

#[test]
fn a_length_that_is_not_told_is_no_hindrance() {
    let (server, out) = (server(vec![Reply::Chunked(BYTES.to_vec())]), folder());
    assert_eq!(day(&server, &[], out.path()).0, 0);
    check_day(out.path());
}

// What goes wrong on the way.

#[test]
fn a_cut_answer_is_gone_on_with_where_it_was_cut() {
    let whole = || BYTES.to_vec();
    let replies = vec![Reply::CutAfter(1500, whole()), Reply::CutAfter(500, whole()), Reply::Whole(whole())];
    let (server, out) = (server(replies), folder());
    let (code, told, err) = day(&server, &[], out.path());
    assert_eq!(code, 0, "{told}{err}");
    check_day(out.path());
    assert_eq!(server.ranges(DAY), ["-", "bytes=1500-", "bytes=2000-"]);
    assert!(err.contains("next try in 0.5 s") && err.contains("next try in 1.0 s"), "{err}");
}

#[test]
fn a_server_that_fails_for_a_while_is_tried_again() {
    let replies = vec![
        Reply::Status(500, "x: y"),
        Reply::Status(503, "retry-after: 1"),
        Reply::Status(429, "retry-after: never"),
        Reply::Whole(BYTES.to_vec()),
    ];
    let (server, out) = (server(replies), folder());
    let (code, told, err) = day(&server, &[], out.path());
    assert_eq!(code, 0, "{told}{err}");
    check_day(out.path());
    assert!(err.contains("answers 500; next try in 0.5 s") && err.contains("answers 503; next try in 1.0 s"), "{err}");
}

#[test]
fn a_server_that_fails_for_good_is_given_up_and_so_is_what_comes_after() {
    let mut script = files(&[NEXT]);
    script.extend(file(DAY, BYTES, vec![Reply::CutAfter(1000, BYTES.to_vec()), Reply::Status(502, "x: y")]));
    let (server, out) = (Server::new(script), folder());
    let (code, told, err) = day(&server, &["--to", "2025-10-11", "--tries", "2"], out.path());
    assert_eq!(code, 1);
    assert!(told.contains("the server answers 502; given up after 2 tries"), "{told}{err}");
    assert!(err.contains("0 fetched (0 B), 0 there already, 1 failed, 1 not tried"), "{err}");
    check_nothing(out.path());
    // What came is kept for the next run.
    assert_eq!(fs::read(out.path().join(format!("{NAME}.part"))).expect("a part"), &BYTES[..1000]);
    assert_eq!(server.ranges(NEXT), [""; 0]);
}

#[test]
fn nobody_there_is_given_up_too() {
    let out = folder();
    let (code, told, _) =
        fusewire(&["--from", "2025-10-10", "--base-url", "http://127.0.0.1:1", "--tries", "2"], out.path());
    assert_eq!(code, 1);
    assert!(told.contains("refused") && told.contains("given up after 2 tries"), "{told}");
}

#[test]
fn slow_is_not_silent_and_silent_is_noticed() {
    // Six seconds for all, never more than a fifth of one between two pieces.
    let (slow, out) = (server(vec![Reply::Slow(250, 150, BYTES.to_vec())]), folder());
    assert_eq!(day(&slow, &["--stall-secs", "1", "--tries", "1"], out.path()).0, 0);
    check_day(out.path());

    let replies = vec![Reply::StallAfter(3000, BYTES.to_vec()), Reply::Whole(BYTES.to_vec())];
    let (silent, out) = (server(replies), folder());
    let began = Instant::now();
    let (code, told, err) = day(&silent, &["--stall-secs", "1"], out.path());
    assert_eq!(code, 0, "{told}{err}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    check_day(out.path());
    assert_eq!(silent.ranges(DAY), ["-", "bytes=3000-"]);
    assert!(err.contains("no answer in time"), "{err}");
}

#[test]
fn a_killed_run_is_gone_on_with_by_the_next() {
    let replies = vec![Reply::StallAfter(3000, BYTES.to_vec()), Reply::Whole(BYTES.to_vec())];
    let (server, out) = (server(replies), folder());
    let base = server.base();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_fusewire"))
        .args([
            "fetch",
            "binance-coinm",
            "DOTUSD_PERP",
            "--kind",
            "trades",
            "--from",
            "2025-10-10",
            "--base-url",
            &base,
        ])
        .arg("--out")
        .arg(out.path())
        .env_clear()
        .spawn()
        .expect("it runs");
    let part = out.path().join(format!("{NAME}.part"));
    let began = Instant::now();
    while fs::metadata(&part).map_or(0, |part| part.len()) < 3000 {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing came");
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("killed");
    child.wait().expect("dead");
    check_nothing(out.path());
    assert_eq!(day(&server, &[], out.path()).0, 0);
    check_day(out.path());
    assert_eq!(server.ranges(DAY), ["-", "bytes=3000-"]);
}

// What must not be taken.

#[test]
fn what_does_not_match_its_checksum_gets_no_name() {
    let mut bad = BYTES.to_vec();
    bad[4999] ^= 1;
    let mut script = files(&[NEXT]);
    script.extend(file(DAY, BYTES, vec![Reply::Whole(bad)]));
    let (server, out) = (Server::new(script), folder());
    let (code, told, err) = day(&server, &["--to", "2025-10-11"], out.path());
    assert_eq!(code, 1);
    assert!(told.contains("10-10.zip  does not match its published checksum, twice"), "{told}{err}");
    check_nothing(out.path());
    assert!(!out.path().join(format!("{NAME}.part")).exists());
    // The next one is not to blame.
    assert!(told.contains("fetched ") && server.ranges(DAY) == ["-", "-"], "{told}");
}

#[test]
fn a_checksum_that_is_none_or_of_another_file_is_refused() {
    let name = "DOTUSD_PERP-trades-2025-10-11.zip";
    for (checksum, why) in [
        (b"<html>hello</html>".to_vec(), "holds no SHA-256"),
        (format!("{}  {name}", "00".repeat(32)).into_bytes(), "is of `DOTUSD_PERP-trades-2025-10-11.zip`"),
        (vec![b'0'; 5000], "holds no SHA-256"),
        (vec![0xFF; 64], "holds no SHA-256"),
    ] {
        let of_checksum: &'static str = Box::leak(format!("{DAY}.CHECKSUM").into_boxed_str());
        let script = [(of_checksum, vec![Reply::Whole(checksum)]), (DAY, vec![Reply::Whole(BYTES.to_vec())])];
        let (server, out) = (Server::new(script), folder());
        let (code, told, err) = day(&server, &[], out.path());
        assert_eq!((code, server.ranges(DAY).len()), (1, 0), "{told}{err}");
        assert!(told.contains(why), "{told}");
        check_nothing(out.path());
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let other = server(vec![Reply::Whole(BYTES.to_vec())]);
    let (server, out) = (server(vec![Reply::Elsewhere(format!("{}/{DAY}", other.base()))]), folder());
    let (code, told, err) = day(&server, &[], out.path());
    assert_eq!(code, 1);
    assert!(told.contains("the server answers 302: redirects are not followed"), "{told}{err}");
    assert_eq!((other.requests().len(), server.ranges(DAY).len()), (0, 1));
    check_nothing(out.path());
}

#[test]
fn a_file_beyond_the_cap_is_refused_told_or_untold() {
    for reply in [Reply::Whole(BYTES.to_vec()), Reply::Chunked(BYTES.to_vec())] {
        let (server, out) = (server(vec![reply]), folder());
        // 4294 bytes.
        let (code, told, err) = day(&server, &["--max-gib", "0.000004"], out.path());
        assert_eq!(code, 1, "{told}{err}");
        assert!(told.contains("is larger than 4294 bytes, the most that is taken"), "{told}");
        check_nothing(out.path());
        assert!(!out.path().join(format!("{NAME}.part")).exists());
    }
}

#[test]
fn a_full_disk_says_so_and_ends_it() {
    if !is_small_disk_to_be_had() {
        println!("skipped: no mount namespace to be had");
        return;
    }
    for (reply, why) in [
        (Reply::Whole(BYTES.to_vec()), "needs 5000 bytes more, and the disk has 4096 free"),
        (Reply::Chunked(BYTES.to_vec()), "the disk is full; "),
    ] {
        let mut script = files(&[NEXT]);
        script.extend(file(DAY, BYTES, vec![reply]));
        let (server, out) = (Server::new(script), folder());
        let place = out.path().join("binance-coinm");
        fs::create_dir(&place).expect("a folder");
        // One page of memory as a disk, that only this run sees.
        let mount = format!("mount -t tmpfs -o size=4k none {} && exec \"$@\"", place.display());
        let output = std::process::Command::new("unshare")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount, "sh", env!("CARGO_BIN_EXE_fusewire")])
            .args([
                "fetch",
                "binance-coinm",
                "DOTUSD_PERP",
                "--kind",
                "trades",
                "--from",
                "2025-10-10",
                "--to",
                "2025-10-11",
            ])
            .args(["--base-url", &server.base(), "--out"])
            .arg(out.path())
            .output()
            .expect("it runs");
        let (told, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{told}{err}");
        assert!(told.contains(why), "{told}{err}");
        assert!(err.contains("1 failed, 1 not tried") && server.ranges(NEXT).is_empty(), "{told}{err}");
    }
}

fn is_small_disk_to_be_had() -> bool {
    let mut command = std::process::Command::new("unshare");
    let tried = command.args(["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /tmp"]).status();
    tried.is_ok_and(|status| status.success())
}

#[test]
fn what_is_no_file_is_neither_read_nor_waited_for() {
    for name in [NAME.to_owned(), format!("{NAME}.part")] {
        let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
        fs::create_dir_all(out.path().join("binance-coinm")).expect("a folder");
        // Zeros without end.
        std::os::unix::fs::symlink("/dev/zero", out.path().join(&name)).expect("a link");
        let (code, told, err) = day(&server, &[], out.path());
        assert_eq!(code, 1);
        assert!(told.contains("is there and no file"), "{told}{err}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_says_so() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    let file = out.path().join("file");
    fs::write(&file, "x").expect("written");
    let (code, told, _) = day(&server, &[], &file);
    assert_eq!(code, 1);
    assert!(told.contains("Not a directory"), "{told}");
}

#[test]
fn two_runs_do_not_write_one_file() {
    let (server, out) = (server(vec![Reply::Whole(BYTES.to_vec())]), folder());
    leave(&BYTES[..2000], out.path());
    let part = out.path().join(format!("{NAME}.part"));
    let held = fs::OpenOptions::new().write(true).open(&part).expect("a part");
    held.lock().expect("a lock");
    let (code, told, _) = day(&server, &[], out.path());
    assert_eq!(code, 1);
    assert!(told.contains("another fetch is writing it"), "{told}");
    assert_eq!(fs::read(&part).expect("a part"), &BYTES[..2000]);
    drop(held);
    assert_eq!(day(&server, &[], out.path()).0, 0);
    check_day(out.path());
}

// What is not there.

#[test]
fn days_stand_in_for_a_month_and_missing_ones_are_named() {
    let paths: Vec<&'static str> = (1..=28)
        .filter(|day| *day != 7)
        .map(|day| DAY.replace("2025-10-10", &format!("2025-02-{day:02}")))
        .map(|path| &*Box::leak(path.into_boxed_str()))
        .collect();
    let (server, out) = (Server::new(files(&paths)), folder());
    let (code, told, err) = fusewire(&["--from", "2025-02", "--base-url", &server.base()], out.path());
    assert_eq!(code, 4, "{told}{err}");
    assert!(err.contains("DOTUSD_PERP-trades-2025-02.zip: not published; its days instead"), "{err}");
    assert!(err.contains("27 fetched (135.0 kB), 0 there already, 1 not published"), "{err}");
    let missing: Vec<_> = told.lines().filter(|line| line.starts_with("missing")).collect();
    assert!(missing.len() == 1 && missing[0].ends_with("2025-02-07 is not published"), "{missing:?}");
    assert_eq!(server.requests().iter().filter(|asked| asked.path.contains("monthly")).count(), 1);

    let (code, told, err) = fusewire(&["--from", "2024-02-01", "--base-url", &server.base()], out.path());
    assert_eq!(code, 1, "nothing at all is a failure: {told}{err}");
}

#[test]
fn a_month_is_one_file_where_it_is_published() {
    let month = "data/futures/cm/monthly/trades/DOTUSD_PERP/DOTUSD_PERP-trades-2025-02.zip";
    let (server, out) = (Server::new(files(&[month])), folder());
    assert_eq!(fusewire(&["--from", "2025-02", "--base-url", &server.base()], out.path()).0, 0);
    assert_eq!(server.requests().len(), 2);
    assert!(out.path().join("binance-coinm/DOTUSD_PERP-trades-2025-02.zip").exists());
}

// Words.

#[test]
fn a_dry_run_lists_addresses_and_touches_nothing() {
    let out = folder();
    let place = out.path().join("tapes");
    let (code, told, err) = fusewire(&["--from", "2025-09-30", "--to", "2025-10", "--dry-run"], &place);
    assert_eq!((code, err.as_str()), (0, ""));
    let base = "https://data.binance.vision/data/futures/cm";
    assert_eq!(
        told,
        format!(
            "{base}/daily/trades/DOTUSD_PERP/DOTUSD_PERP-trades-2025-09-30.zip\n\
             {base}/monthly/trades/DOTUSD_PERP/DOTUSD_PERP-trades-2025-10.zip\n"
        )
    );
    assert!(!place.exists());
    let (_, told, _) = fusewire(&["--from", "2025-10-10", "--dry-run", "--json"], &place);
    let told: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["files"][0]["state"], "planned");
}

#[test]
fn what_cannot_be_asked_for_is_said_before_anything_is_done() {
    let out = folder();
    for (args, why) in [
        (&["--from", "2025-10-10", "--to", "2025-10-09"][..], "--to lies before --from"),
        (&["--from", "yesterday"], "as in 2025-10-10 or 2025-10"),
        (&["--from", "2025-10-10", "--base-url", "http://data.binance.vision"], "http://127.0.0.1:port"),
        (&["--from", "2025-10-10", "--max-gib", "0"], "above 0"),
        (&["--from", "2025-10-10", "--tries", "0"], "1..=100"),
        (&["--from", "2025-10-10", "--kind", "klines", "--interval", "7m"], "no length of klines"),
        (&["--from", "2025-10-10", "--ca-file", "/nowhere/ca.pem"], "--ca-file /nowhere/ca.pem"),
        (&["--from", "2025-10-10", "dotusd"], "no symbol of Binance"),
    ] {
        let (code, told, err) = fusewire(args, out.path());
        assert_eq!((code, told.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(why), "{args:?}: {err}");
    }
    assert_eq!(fs::read_dir(out.path()).expect("a folder").count(), 0);
}

// What it is for.

#[test]
fn what_was_fetched_is_read_by_replay_as_it_is() {
    let day = 1_760_054_400_000_u64;
    let mut rows = b"id,price,qty,base_qty,time,is_buyer_maker\n".to_vec();
    for place in 0..3000_u64 {
        let price = 4.0 - place as f64 / 1000.0;
        let (id, qty, at) = (900 + place, 1 + place % 5, day + place * 100);
        writeln!(rows, "{id},{price:.3},{qty},{:.8},{at},true", 10.0 / price).expect("in memory");
    }
    let archive = zip("DOTUSD_PERP-trades-2025-10-10.csv", &rows);
    let server = Server::new(file(DAY, &archive, vec![Reply::Whole(archive.clone())]));
    let out = folder();
    let (code, told, err) = fusewire(&["--from", "2025-10-10", "--base-url", &server.base()], out.path());
    assert_eq!(code, 0, "{told}{err}");
    let tape = out.path().join(NAME);
    let json = |command: &[&str]| -> Value {
        let output = Command::cargo_bin("fusewire").expect("built").args(command).arg(&tape).arg("--json").output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let info = json(&["tape", "info"]);
    let market = &info["markets"]["binance-coinm:DOTUSD_PERP"];
    assert_eq!((&market["trades"], &market["quantity"]), (&3000.into(), &9000.0.into()));
    assert_eq!(info["first_ns"], 1_760_054_400_000_000_000_u64);
    let replay = json(&["replay"]);
    assert_eq!((&replay["events"], &replay["bad_events"]), (&3000.into(), &0.into()));
    assert!(replay["trips"].as_u64() > Some(0), "it fell by three quarters in five minutes: {replay}");
}

/// An archive of one member with its directory, as any program writes it.
fn zip(name: &str, plain: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(plain).expect("in memory");
    let packed = deflate.finish().expect("in memory");
    let mut facts = b"\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    for number in [crc.sum(), packed.len() as u32, plain.len() as u32, name.len() as u32] {
        facts.extend(number.to_le_bytes());
    }
    let mut archive = [b"PK\x03\x04", facts.as_slice(), name.as_bytes(), &packed].concat();
    let directory = archive.len() as u32;
    archive.extend([b"PK\x01\x02\x14\0", facts.as_slice(), &[0; 14], name.as_bytes()].concat());
    let size = archive.len() as u32 - directory;
    archive.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    archive.extend([size.to_le_bytes(), directory.to_le_bytes()].concat());
    archive.extend([0; 2]);
    archive
}
