//! What is served, from outside: real HTTP, a real Unix socket, a real engine, and visitors who mean no good.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of a test fail as loudly as the test")]

#[path = "serve/stand_in.rs"]
mod stand_in;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use fusewire::breaker::Stance;
use fusewire::record::Fact;
use fusewire::serve::Control;
use fusewire::serve::control::{Request, Response, ask};
use serde_json::Value;
use stand_in::{DOT, Daemon, Served, market};

fn served() -> Served {
    Served::new(Daemon::new([market("coinbase", "DOT-USD")]))
}

#[allow(clippy::disallowed_methods, reason = "the visitor's patience is measured")]
fn now() -> Instant {
    Instant::now()
}

// ---------------------------------------------------------------------------------------------------------------------
// HTTP.

/// Sends bytes as they are; returns status and body. Status 0: cut without a word.
fn raw(address: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(12))).expect("set");
    // A server that has heard enough may close before it has read all.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn get_as(address: SocketAddr, path: &str, headers: &str) -> (u16, String) {
    raw(address, format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n").as_bytes())
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    get_as(address, path, &format!("Host: {address}\r\n"))
}

#[test]
fn a_page_that_points_its_own_name_here_is_turned_away() {
    let served = served();
    let at = served.address();
    let port = at.port();
    for host in ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "fusewire.desk"] {
        assert_eq!(get_as(at, "/healthz", &format!("Host: {host}:{port}\r\n")).0, 200, "{host}");
        assert_eq!(get_as(at, "/healthz", &format!("Host: {host}\r\n")).0, 200, "{host}");
    }
    for headers in [
        "Host: evil.example\r\n".to_owned(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost.evil.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\nHost: evil.example\r\n"),
        format!("Host: localhost@evil.example:{port}\r\n"),
        "Host: \r\n".to_owned(),
        "Host: localhost \u{e9}\r\n".to_owned(),
        String::new(),
    ] {
        for path in ["/metrics", "/healthz", "/api/v1/markets", "/nothing"] {
            let (status, body) = get_as(at, path, &headers);
            assert!([400, 421].contains(&status), "{path} {headers:?}: {status}");
            assert!(!body.contains("fusewire_") && !body.contains("DOT"), "{body}");
        }
    }
    let absolute = get_as(at, "http://evil.example/metrics", &format!("Host: localhost:{port}\r\n"));
    assert_eq!(absolute.0, 421, "the name may also stand in the request line");
}

#[test]
fn readiness_and_health_say_what_is_wrong() {
    let served = served();
    let at = served.address();
    assert_eq!(get(at, "/readyz"), (200, "ready\n".to_owned()));
    *served.daemon.fault.lock().expect("lives") = Some("binance-coinm: no data for 7 s".to_owned());
    assert_eq!(get(at, "/readyz"), (503, "not ready: binance-coinm: no data for 7 s\n".to_owned()));
    *served.daemon.fault.lock().expect("lives") = None;
    assert_eq!(get(at, "/readyz").0, 200);

    assert_eq!(get(at, "/healthz"), (200, "alive\n".to_owned()));
    served.daemon.frozen.store(true, Relaxed);
    assert_eq!(get(at, "/healthz"), (503, "not alive: the engine has taken no input for 1 s\n".to_owned()));
}

#[test]
fn only_reading_is_served_and_every_refusal_says_why() {
    let served = served();
    let at = served.address();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        for path in ["/metrics", "/readyz", "/api/v1/breakers"] {
            let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            assert_eq!(raw(at, request.as_bytes()).0, 405, "{method} {path}");
        }
    }
    let (status, body) = get(at, "/api/v2/markets");
    assert_eq!(status, 404);
    assert!(body.contains("/api/v1/markets"), "{body}");
    assert_eq!(get_as(at, "/metrics", "Host: localhost\r\nContent-Length: 65537\r\n").0, 413);
    let (status, _) = raw(at, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\x00\r\n\r\n");
    assert_eq!(status, 400);
}

#[test]
fn oversized_heads_are_cut() {
    let served = served();
    let at = served.address();
    let flood = format!("Host: localhost\r\nX-Flood: {}\r\n", "x".repeat(2 << 20));
    assert!([0, 431].contains(&get_as(at, "/metrics", &flood).0));
    let many = format!("Host: localhost\r\n{}", "X-Many: y\r\n".repeat(5000));
    assert!([0, 431].contains(&get_as(at, "/metrics", &many).0));
    assert_eq!(get(at, "/readyz").0, 200);
}

#[test]
fn a_request_that_drips_in_is_cut_after_five_seconds() {
    let served = served();
    let mut drip = TcpStream::connect(served.address()).expect("connects");
    let silent = TcpStream::connect(served.address()).expect("connects");
    drip.set_read_timeout(Some(Duration::from_millis(200))).expect("set");
    drip.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").expect("sent");
    let began = now();
    let cut = loop {
        let mut byte = [0];
        // Each byte resets a naive timer; the end of the stream or a reset is the cut.
        let sent = drip.write_all(b"x");
        match drip.read(&mut byte) {
            Ok(0) => break began.elapsed(),
            Err(why) if !matches!(why.kind(), std::io::ErrorKind::WouldBlock) => break began.elapsed(),
            _ if sent.is_err() => break began.elapsed(),
            _ => assert!(began.elapsed() < Duration::from_secs(8), "still open"),
        }
    };
    assert!(cut > Duration::from_secs(4), "{cut:?}");
    silent.set_read_timeout(Some(Duration::from_secs(2))).expect("set");
    let mut rest = Vec::new();
    assert_eq!((&silent).read_to_end(&mut rest).expect("closed, not timed out"), 0);
}

#[test]
fn sixty_four_idlers_do_not_keep_the_next_one_out_for_long() {
    let served = served();
    let idlers: Vec<_> = (0..64).map(|_| TcpStream::connect(served.address()).expect("connects")).collect();
    let began = now();
    assert_eq!(get(served.address(), "/readyz").0, 200);
    assert!(began.elapsed() > Duration::from_secs(3), "the house was full: {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    drop(idlers);
}

#[test]
fn state_is_read_as_json() {
    let served = served();
    served.daemon.trades(DOT, 1.0, [5.0; 10]);
    let trip = Request::Trip { scope: "asset:DOT".into(), stance: "ReduceOnly".into(), reason: "test".into() };
    assert!(matches!(ask(&served.socket(), &trip), Ok(Response::Done { .. })));
    let json = |path: &str| serde_json::from_str::<Value>(&get(served.address(), path).1).expect("JSON");
    let markets = json("/api/v1/markets");
    assert_eq!(markets[0]["market"], "binance-coinm:DOTUSD_PERP");
    assert_eq!(markets[0]["stance"], "ReduceOnly");
    assert_eq!(markets[0]["reason"], "manual");
    assert_eq!(markets[0]["price"], 5.0);
    assert_eq!(markets[1]["stance"], "Halt", "no price yet");
    assert_eq!(json("/api/v1/breakers")[0]["scope"], "asset:DOT");
    assert_eq!(json("/api/v1/incidents")[0]["kind"], "manual");
}

#[test]
fn the_number_of_series_is_capped_and_the_rest_is_one() {
    let natives = (0..400).map(|n| market("flood", &format!("M{n}")));
    let served = Served::new(Daemon::new(natives));
    let (status, text) = get(served.address(), "/metrics");
    assert_eq!(status, 200);
    let levels: Vec<_> = text.lines().filter(|line| line.starts_with("fusewire_stance_level{")).collect();
    assert_eq!(levels.len(), 101);
    assert_eq!(levels[100], "fusewire_stance_level{market=\"other\"} 3");
    assert!(text.contains("fusewire_markets{life=\"starting\"} 401"));
    assert!(text.len() < 2 << 20, "{} bytes", text.len());
}

#[test]
fn stopping_does_not_wait_for_visitors_that_stay() {
    let served = served();
    let idle = TcpStream::connect(served.address()).expect("connects");
    let caller = UnixStream::connect(served.socket()).expect("connects");
    let socket = served.socket();
    let began = now();
    served.serving.stop();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(!socket.exists(), "the socket file is gone");
    drop((idle, caller));
}

// ---------------------------------------------------------------------------------------------------------------------
// The control socket.

/// Sends a line as it is and reads a line.
fn line(socket: &Path, request: &[u8]) -> Value {
    let mut stream = UnixStream::connect(socket).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(12))).expect("set");
    let _ = stream.write_all(request);
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).expect("answered");
    serde_json::from_str(&answer).expect("JSON")
}

fn refusal(response: Response) -> String {
    match response {
        Response::Refused { why } => why,
        other => panic!("not refused: {other:?}"),
    }
}

fn me() -> String {
    let id = std::process::Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&id.stdout).trim().to_owned()
}

#[test]
fn the_socket_is_for_its_owner_and_group_only() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("deep/state/control.sock");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let control = Control::bind(&path).expect("bound");
    assert_eq!((mode(&path), mode(path.parent().expect("parent"))), (0o660, 0o750));
    assert_eq!(fs::read_dir(path.parent().expect("parent")).expect("read").count(), 1, "nothing else is left");

    let taken = Control::bind(&path).expect_err("somebody listens");
    assert!(taken.to_string().contains("another daemon listens"), "{taken}");
    drop(control);
    assert!(!path.exists());

    drop(UnixListener::bind(&path).expect("bound"));
    assert!(path.exists(), "a daemon died and left its file");
    drop(Control::bind(&path).expect("a file that nobody listens at is replaced"));

    fs::write(&path, "notes").expect("written");
    let kept = Control::bind(&path).expect_err("not a socket");
    assert!(kept.to_string().contains("is no socket"), "{kept}");
    assert_eq!(fs::read_to_string(&path).expect("still there"), "notes");
}

#[test]
fn who_asks_is_told_by_the_kernel_and_never_by_a_field() {
    let served = served();
    for field in ["who", "by", "user", "uid", "name", "via"] {
        let request = format!("{{\"do\":\"trip\",\"scope\":\"everything\",\"stance\":\"Halt\",\"{field}\":\"ann\"}}\n");
        let why = line(&served.socket(), request.as_bytes())["why"].as_str().expect("refused").to_owned();
        assert!(why.contains(&format!("unknown field `{field}`")), "{why}");
    }
    assert!(served.daemon.facts().is_empty(), "nothing was done");

    let trip = Request::Trip { scope: "everything".into(), stance: "halt".into(), reason: "drill".into() };
    let Ok(Response::Done { answer, by }) = ask(&served.socket(), &trip) else { panic!("not done") };
    assert!(answer.starts_with("everything: Halt (INC-"), "{answer}");
    assert_eq!(by, me());
    let facts = served.daemon.facts();
    let recorded = facts.iter().find_map(|fact| match fact {
        Fact::Breaker { by: Some(who), reason, .. } => Some((who.clone(), reason.clone())),
        _ => None,
    });
    let (who, reason) = recorded.expect("recorded");
    assert_eq!((who.name, who.via.as_str(), reason.as_str()), (me(), "socket", "drill"));
}

#[test]
fn a_rearm_needs_a_reason_the_version_seen_and_a_clear_condition() {
    let served = served();
    let rearm = |rule: &str, version: u64, reason: &str| {
        let scope = "binance-coinm:DOTUSD_PERP".to_owned();
        let request = Request::Rearm { scope, rule: rule.into(), version, reason: reason.into() };
        ask(&served.socket(), &request).expect("answered")
    };
    assert_eq!(
        refusal(rearm("manual", 1, "x")),
        "manual at market:binance-coinm:DOTUSD_PERP is armed already",
        "nothing to let go"
    );
    served.daemon.trades(DOT, 1.0, [5.0; 400]);
    // A fifth in ten seconds: a rule trips, and its condition holds.
    served.daemon.trades(DOT, 1.0, (1..=10).map(|n| 5.0 - 0.1 * f64::from(n)));
    let Ok(Response::Breakers { breakers }) = ask(&served.socket(), &Request::Breakers {}) else { panic!("no list") };
    let row = breakers.iter().find(|row| row.scope.contains("DOTUSD_PERP") && !row.clear).expect("a rule tripped");
    let holds = refusal(rearm(&row.rule, row.version, "I know better"));
    assert!(holds.ends_with("the condition still holds"), "{holds}");

    let scope = "market:binance-coinm:DOTUSD_PERP".to_owned();
    let trip = Request::Trip { scope, stance: "Halt".into(), reason: String::new() };
    assert!(matches!(ask(&served.socket(), &trip), Ok(Response::Done { .. })));
    assert_eq!(refusal(rearm("manual", 1, "  ")), "a re-arm needs a reason");
    assert!(refusal(rearm("manual", 0, "x")).ends_with("you saw version 0, it is at 1; look again"));
    assert_eq!(refusal(rearm("open-sesame", 1, "x")), "there is no rule open-sesame");
    assert!(matches!(rearm("manual", 1, "announcement withdrawn"), Response::Done { .. }));
    assert!(refusal(rearm("manual", 1, "again")).ends_with("is armed already"), "an answer is worth one re-arm");

    let refused = served.daemon.facts().iter().filter(|fact| matches!(fact, Fact::Refused { .. })).count();
    assert_eq!(refused, 6, "every refusal of the engine is on record");
}

#[test]
fn a_trip_is_seen_by_whoever_looks_next_and_never_loosens() {
    let served = served();
    served.daemon.trades(DOT, 1.0, [5.0; 10]);
    for stance in ["Normal", "normal", "", "Open", "3"] {
        let trip = Request::Trip { scope: "everything".into(), stance: stance.into(), reason: String::new() };
        assert!(refusal(ask(&served.socket(), &trip).expect("answered")).contains("does not tighten"), "{stance}");
    }
    for scope in ["", "market:", "market:nowhere:DOT", "asset:NONE", "all", "everything "] {
        let trip = Request::Trip { scope: scope.into(), stance: "Halt".into(), reason: String::new() };
        assert!(refusal(ask(&served.socket(), &trip).expect("answered")).contains("is not known"), "{scope:?}");
    }
    for stance in [Stance::ReduceOnly, Stance::Caution] {
        let trip = Request::Trip { scope: "venue:coinbase".into(), stance: stance.name().into(), reason: "x".into() };
        assert!(matches!(ask(&served.socket(), &trip), Ok(Response::Done { .. })));
        let Ok(Response::Breakers { breakers }) = ask(&served.socket(), &Request::Breakers {}) else {
            panic!("no list")
        };
        assert_eq!(breakers[0].stance, "ReduceOnly", "asking for less changes nothing");
    }
    let Ok(Response::Incidents { incidents, open: 1 }) = ask(&served.socket(), &Request::Incidents {}) else {
        panic!("one incident")
    };
    let incident = incidents[0].id.clone();
    let word = |request: &Request| ask(&served.socket(), request).expect("answered");
    let ack = Request::Ack { incident: incident.clone(), reason: "on it".into() };
    assert!(matches!(word(&ack), Response::Done { .. }));
    let resolve = Request::Resolve { incident: incident.clone(), reason: String::new() };
    assert!(matches!(word(&resolve), Response::Done { .. }));
    assert!(refusal(word(&Request::Comment { incident, reason: "late".into() })).ends_with("is resolved already"));
    let Response::Status { status } = word(&Request::Status {}) else { panic!("no status") };
    assert_eq!((status.markets, status.bound, status.breakers, status.incidents), (2, 2, 1, 0));
    assert_eq!((status.alive.as_str(), status.pid), ("", std::process::id()));
}

#[test]
fn oversized_broken_and_endless_requests_are_refused_in_words() {
    let served = served();
    let long = format!("{{\"do\":\"comment\",\"incident\":\"x\",\"reason\":\"{}\"}}\n", "x".repeat(70_000));
    let deep = format!("{}\n", "[".repeat(60_000));
    let reason = format!("{{\"do\":\"ack\",\"incident\":\"x\",\"reason\":\"{}\"}}\n", "y".repeat(2001));
    for (request, want) in [
        (long.as_str(), "at most 65536 bytes"),
        (deep.as_str(), "not understood"),
        (reason.as_str(), "at most 2000 characters"),
        ("{\"do\":\"ack\",\"incident\":\"x\",\"reason\":\"a\\nb\"}\n", "one line of plain text"),
        ("{\"do\":\"open\"}\n", "unknown variant `open`"),
        ("{\"do\":\"rearm\"}\n", "missing field"),
        ("GET / HTTP/1.1\r\n", "not understood"),
        ("\n", "not understood"),
        ("\u{0}\n", "not understood"),
    ] {
        let answer = line(&served.socket(), request.as_bytes());
        let why = answer["why"].as_str().expect("refused");
        assert!(why.contains(want), "{want}: {why}");
    }
    assert!(served.daemon.facts().is_empty(), "none of it reached the engine");
}

#[test]
fn a_visitor_who_never_finishes_is_cut_and_others_are_served_meanwhile() {
    let served = served();
    let socket = served.socket();
    let slow = UnixStream::connect(&socket).expect("connects");
    (&slow).write_all(b"{\"do\":").expect("sent");
    let began = now();
    assert!(matches!(ask(&socket, &Request::Breakers {}), Ok(Response::Breakers { .. })));
    assert!(began.elapsed() < Duration::from_secs(2));
    let mut words = String::new();
    slow.set_read_timeout(Some(Duration::from_secs(8))).expect("set");
    (&slow).read_to_string(&mut words).expect("closed");
    assert!(words.contains("no request came within 5 s"), "{words}");
}

#[test]
fn several_requests_come_on_one_line_of_talk() {
    let served = served();
    let stream = UnixStream::connect(served.socket()).expect("connects");
    (&stream).write_all(b"{\"do\":\"breakers\"}\n{\"do\":\"nonsense\"}\n{\"do\":\"incidents\"}\n").expect("sent");
    let mut lines = BufReader::new(&stream).lines();
    let is = |text: &str| serde_json::from_str::<Value>(text).expect("JSON")["is"].clone();
    let answers: Vec<_> = (0..3).map(|_| is(&lines.next().expect("a line").expect("read"))).collect();
    assert_eq!(answers, ["breakers", "refused", "incidents"]);
}

// ---------------------------------------------------------------------------------------------------------------------
// The command line.

fn breakers(socket: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = assert_cmd::Command::cargo_bin("fusewire").expect("built");
    let output = command.arg("breakers").args(args).arg("--socket").arg(socket).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn an_operator_trips_looks_and_lets_go() {
    let served = served();
    let socket = served.socket();
    let dot = "market:binance-coinm:DOTUSD_PERP";
    assert_eq!(breakers(&socket, &["list"]), (0, "all breakers are armed\n".into(), String::new()));
    let (code, out, _) = breakers(&socket, &["trip", dot, "--stance", "Halt", "--reason", "delisting"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("market:binance-coinm:DOTUSD_PERP: Halt (INC-"), "{out}");
    assert!(out.ends_with(&format!(", by {}\n", me())), "{out}");
    let (_, out, _) = breakers(&socket, &["list"]);
    let row: Vec<_> = out.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(&row[..8], [dot, "manual", "Latched", "Halt", "yes", "a", "person", "1"]);
    let (_, json, _) = breakers(&socket, &["list", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&json).expect("JSON")["breakers"][0]["version"], 1);

    let (code, _, err) = breakers(&socket, &["rearm", dot, "--rule", "manual", "--reason", "withdrawn"]);
    assert_eq!(code, 2, "nobody lets go of what they have not seen");
    assert!(err.contains("is Latched at version 1") && err.contains("--version-seen 1"), "{err}");
    let stale = ["rearm", dot, "--rule", "manual", "--version-seen", "9", "--reason", "withdrawn"];
    let (code, _, err) = breakers(&socket, &stale);
    assert_eq!(code, 1);
    assert!(err.contains("refused: manual at") && err.contains("you saw version 9, it is at 1"), "{err}");
    let right = ["rearm", dot, "--rule", "manual", "--version-seen", "1", "--reason", "withdrawn"];
    assert_eq!(breakers(&socket, &right).0, 0);
    assert_eq!(breakers(&socket, &["list"]).1, "all breakers are armed\n");
}

/// Needs root, to become somebody else.
#[test]
fn somebody_else_is_kept_out_and_named_once_let_in() {
    let served = served();
    let socket = served.socket();
    let list = |what: &[&str]| {
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(env!("CARGO_BIN_EXE_fusewire"));
        command.arg("breakers").args(what).arg("--socket").arg(&socket).output()
    };
    match list(&["--help"]) {
        Ok(output) if output.status.success() => {}
        _ => return println!("skipped: cannot become another user here"),
    }
    let open = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("ours");
    open(served.dir.path(), 0o755);
    open(socket.parent().expect("parent"), 0o755);
    let output = list(&["trip", "everything"]).expect("runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(err.contains("permission denied"), "{err}");
    assert!(served.daemon.facts().is_empty());

    open(&socket, 0o666);
    let output = list(&["trip", "everything"]).expect("runs");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(out.ends_with(", by nobody\n") || out.ends_with(", by uid:65534\n"), "{out}");
}

#[test]
fn nobody_there_is_said_plainly() {
    let dir = tempfile::tempdir().expect("directory");
    let socket = dir.path().join("control.sock");
    let (code, _, err) = breakers(&socket, &["list"]);
    let want = format!("fusewire: nobody listens at {}; is `fusewire run` up?\n", socket.display());
    assert_eq!((code, err), (1, want.clone()));
    drop(UnixListener::bind(&socket).expect("bound"));
    assert_eq!(breakers(&socket, &["trip", "everything"]).2, want, "a file alone is nobody");
}

#[test]
fn a_config_with_a_fault_elsewhere_does_not_keep_a_person_from_tripping() {
    let served = served();
    let config = served.dir.path().join("config.toml");
    let write = |text: String| fs::write(&config, text).expect("written");
    let run = || {
        let mut command = assert_cmd::Command::cargo_bin("fusewire").expect("built");
        let output = command.args(["breakers", "trip", "everything", "-c"]).arg(&config).output().expect("runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    write(format!("[engine]\nwarming = \"Nonsense\"\n\n[serve]\ncontrol = {:?}\n", served.socket()));
    assert_eq!(run(), (Some(0), String::new()));
    write("[serve]\ncontrol = 5\n".to_owned());
    let (code, err) = run();
    assert_eq!(code, Some(78), "{err}");
    assert!(err.contains("serve.control"), "{err}");
}

/// The engine thread refreshes while somebody scrapes: neither waits for the other, and nothing is torn.
#[test]
fn scrapes_and_trades_at_once() {
    let served = served();
    let daemon = Arc::clone(&served.daemon);
    let busy = std::thread::spawn(move || (0..50).for_each(|_| daemon.trades(DOT, 0.1, [5.0; 100])));
    for _ in 0..20 {
        assert_eq!(get(served.address(), "/metrics").0, 200);
    }
    busy.join().expect("ended");
    let (_, text) = get(served.address(), "/metrics");
    let trades = "fusewire_events_total{market=\"binance-coinm:DOTUSD_PERP\",kind=\"trades\"} 5000";
    assert!(text.lines().any(|line| line == trades), "{text}");
}
