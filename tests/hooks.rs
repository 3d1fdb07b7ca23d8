//! Hooks against receivers that drop, delay, refuse, hang and die; and programs that misbehave.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test fail as loudly as the test")]
#![allow(clippy::disallowed_methods, reason = "a test is a driver: it measures and waits")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossbeam_channel::{Receiver, Sender, unbounded};
use fusewire::breaker::Stance;
use fusewire::engine::DeliveryReport;
use fusewire::event::Nanos;
use fusewire::hook::{
    Attempted, Clock, Dispatch, Errand, HookSettings, HookStats, Kind, Message, Secret, Topic, Verdict, exec, http,
};
use fusewire::policy::Mode;
use fusewire::record::{Fact, Record};
use fusewire::store::thread::{Hooks, StoreCommand, StoreEvent, run};
use fusewire::store::{Attempt, Ending, OutboxRow, Pending, Reader, Store};
use sha2::{Digest as _, Sha256};

// ---------------------------------------------------------------------------------------------------------------------
// The wiring of the live driver, in small.

/// Hooks as the store sees them.
struct Wired(Dispatch);

impl Hooks for Wired {
    fn messages(&mut self, record: &Record) -> Vec<OutboxRow> {
        self.0.messages(record).into_iter().map(|(message, shadow)| row(message, shadow)).collect()
    }

    fn armed(&self) -> Vec<String> {
        self.0.armed()
    }

    fn hand(&mut self, pending: Pending) {
        let Pending { row, attempts, due, resent, .. } = pending;
        let message = Message { id: row.message, hook: row.hook, seq: row.seq, at: row.at, body: row.body };
        self.0.hand(Errand { message, attempts, due, resent });
    }
}

fn row(message: Message, shadow: bool) -> OutboxRow {
    let Message { id, hook, seq, at, body } = message;
    OutboxRow { message: id, hook, seq, at, body, shadow }
}

fn attempt(attempted: Attempted) -> Attempt {
    let Attempted { message, hook, at, attempt, verdict, detail } = attempted;
    let ending = match verdict {
        Verdict::Delivered => Ending::Delivered,
        Verdict::Retry { due } => Ending::Retry { due },
        Verdict::Dead => Ending::Dead,
    };
    Attempt { message, hook, at, attempt, ending, detail }
}

fn now() -> Nanos {
    Nanos(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_nanos() as i64))
}

/// A store thread with hooks, and an engine that only counts and writes down how deliveries ended.
struct Rig {
    commands: Sender<StoreCommand>,
    events: Receiver<StoreEvent>,
    stats: BTreeMap<String, Arc<HookStats>>,
    thread: JoinHandle<Store>,
    seq: u64,
}

impl Rig {
    fn start(home: &Path, hooks: &[HookSettings]) -> Self {
        let store = Store::open(home).expect("a store");
        let (seq, _) = store.last().expect("a head");
        let instance = store.instance().expect("a name");
        let (commands, inbox) = unbounded();
        let (tell, events) = unbounded();
        let back = commands.clone();
        let clock: Clock = Arc::new(now);
        let report = move |attempted| drop(back.send(StoreCommand::Attempt(attempt(attempted))));
        let mut dispatch = Dispatch::start(hooks, &instance, &clock, 1, report).expect("hooks");
        dispatch.resume(&store.breakers().expect("breakers"));
        let stats = dispatch.stats().into_iter().collect();
        let thread = thread::spawn(move || {
            run(store, &inbox, Wired(dispatch), now, |event| drop(tell.send(event))).expect("no fault")
        });
        Self { commands, events, stats, thread, seq }
    }

    fn append(&mut self, fact: Fact) {
        self.seq += 1;
        let record = Record { seq: self.seq, at: now(), fact };
        self.commands.send(StoreCommand::Append(vec![record])).expect("the store lives");
    }

    /// The next event, its end written down as the engine would.
    fn event(&mut self, patience: Duration) -> Option<StoreEvent> {
        let event = self.events.recv_timeout(patience).ok()?;
        if let StoreEvent::Delivery(DeliveryReport { message, hook, attempt, ok, detail, .. }) = event.clone() {
            self.append(Fact::Delivered { message, hook, attempt, ok, detail });
        }
        Some(event)
    }

    /// Waits for so many ends of deliveries.
    fn ends(&mut self, count: usize) -> Vec<DeliveryReport> {
        let begun = Instant::now();
        let mut ends = Vec::new();
        while ends.len() < count {
            assert!(begun.elapsed() < Duration::from_secs(60), "{} of {count} ended", ends.len());
            if let Some(StoreEvent::Delivery(report)) = self.event(Duration::from_secs(1)) {
                ends.push(report);
            }
        }
        ends
    }

    fn stop(self) -> Store {
        self.commands.send(StoreCommand::Stop).expect("the store lives");
        self.thread.join().expect("ended")
    }
}

fn tripped(stance: &str) -> Fact {
    Fact::Breaker {
        scope: "asset:DOT".to_owned(),
        rule: "cascade".to_owned(),
        from: "Armed".to_owned(),
        to: "Tripped".to_owned(),
        stance: stance.to_owned(),
        permission: fusewire::breaker::Permission::FREE,
        strikes: 1,
        until: None,
        cause: "fall".to_owned(),
        version: 1,
        incident: "inc-1".to_owned(),
        by: None,
        reason: String::new(),
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// A receiver that does as it is told.

#[derive(Clone, Debug)]
enum Reply {
    Say(&'static str),
    Drop,
    AnswerNever(Duration),
    Endless,
    Echo,
}

const OK: Reply = Reply::Say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
const ERROR: Reply = Reply::Say("HTTP/1.1 500 Oh\r\ncontent-length: 4\r\nconnection: close\r\n\r\nmess");
const GONE: Reply = Reply::Say("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
const SLOWER: Reply =
    Reply::Say("HTTP/1.1 429 Slower\r\nretry-after: 2\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");

#[derive(Clone, Debug)]
struct Request {
    at: Instant,
    headers: BTreeMap<String, String>,
    body: String,
    ok: bool,
}

impl Request {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

#[derive(Clone)]
struct Receivers {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Receivers {
    /// Answers the first requests as listed, all others with the last of the list.
    fn start(script: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook?key=path-canary", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, script) = (Arc::clone(&requests), script.to_vec());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (seen, script) = (Arc::clone(&seen), script.clone());
                thread::spawn(move || answer(stream, &seen, &script));
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("the list").clone()
    }

    fn hook(&self, name: &str) -> HookSettings {
        let settings = http::Settings { timeout_ms: 5_000, ..http::Settings::new(Secret::new(self.url.as_str())) };
        HookSettings { on: vec![Topic::Breaker], ..HookSettings::new(name, Kind::Http(settings)) }
    }
}

fn answer(stream: TcpStream, seen: &Mutex<Vec<Request>>, script: &[Reply]) -> Option<()> {
    let (headers, body) = read_request(&stream)?;
    let reply = {
        let mut seen = seen.lock().expect("the list");
        let reply = script.get(seen.len()).or(script.last())?.clone();
        let ok = matches!(&reply, Reply::Say(text) if text.contains(" 200 "));
        seen.push(Request { at: Instant::now(), headers: headers.clone(), body: body.clone(), ok });
        reply
    };
    let mut stream = stream;
    match reply {
        Reply::Say(text) => stream.write_all(text.as_bytes()).ok()?,
        Reply::Drop => {}
        Reply::AnswerNever(time) => thread::sleep(time),
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").ok()?;
            let much = vec![b'x'; 65_536];
            while stream.write_all(&much).is_ok() {}
        }
        Reply::Echo => {
            let text = format!("{headers:?} {body}");
            let head = format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
            stream.write_all((head + &text).as_bytes()).ok()?;
        }
    }
    Some(())
}

fn read_request(stream: &TcpStream) -> Option<(BTreeMap<String, String>, String)> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    headers.insert(":line".to_owned(), line.trim().to_owned());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((headers, String::from_utf8(body).ok()?))
}

/// HMAC-SHA256 from the definition (RFC 2104), so that a fault in our use of the library shows.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn home() -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let home = dir.path().join("state");
    (dir, home)
}

// ---------------------------------------------------------------------------------------------------------------------
// Webhooks.

#[test]
fn a_receiver_that_fails_first_sees_one_id_fresh_timestamps_and_valid_signatures() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[ERROR, Reply::Drop, SLOWER, OK]);
    let keys: [&[u8]; 2] = [b"a new key of 32 bytes, or so say we", b"the old key of 24 bytes."];
    let mut hook = receiver.hook("pager");
    if let Kind::Http(settings) = &mut hook.kind {
        settings.secrets = keys.map(|key| Secret::new(format!("whsec_{}", STANDARD.encode(key)))).to_vec();
    }
    let mut rig = Rig::start(&home, &[hook]);
    rig.append(tripped("Halt"));
    let ends = rig.ends(1);
    assert!(ends[0].ok, "{ends:?}");
    assert_eq!((ends[0].attempt, ends[0].detail.as_str()), (4, "200"));

    let requests = receiver.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
        assert_eq!(id, ends[0].message);
        let signed = format!("{id}.{timestamp}.{}", request.body);
        let want = keys.map(|key| format!("v1,{}", STANDARD.encode(hmac(key, signed.as_bytes())))).join(" ");
        assert_eq!(request.header("webhook-signature"), want);
        assert_eq!(request.header("content-type"), "application/json");
        assert_eq!(request.body, requests[0].body);
    }
    let stamp = |place: usize| requests[place].header("webhook-timestamp").parse::<i64>().expect("seconds");
    assert!(stamp(3) > stamp(0), "each attempt has its own time");
    let patience = requests[3].at - requests[2].at;
    assert!(patience >= Duration::from_secs(2), "Retry-After: 2, waited {patience:?}");

    let body: serde_json::Value = serde_json::from_str(&requests[0].body).expect("json");
    assert_eq!((body["type"].as_str(), body["seq"].as_u64()), (Some("breaker.tripped"), Some(1)));
    assert_eq!((body["incident"].as_str(), body["data"]["stance"].as_str()), (Some("inc-1"), Some("Halt")));

    let numbers = rig.stats["pager"].read();
    assert_eq!((numbers.attempts, numbers.delivered, numbers.dead), (4, 1, 0));
    assert_eq!((numbers.attempt_us.len(), numbers.delivery_us.len()), (4, 1));
    assert!(numbers.delivery_us.max() >= 2_000_000);
    let store = rig.stop();
    assert_eq!(store.verify().map(|verified| verified.records), Ok(2), "and a record of it");
}

#[test]
fn the_reference_vector_arrives_on_the_wire() {
    let receiver = Receivers::start(&[OK]);
    let mut settings = http::Settings::new(Secret::new(receiver.url.as_str()));
    settings.secrets = vec![Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
    let at = Nanos::from_secs(1_614_265_330);
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned();
    let message = Message { id, hook: "x".to_owned(), seq: 1, at, body: r#"{"test": 2432232314}"#.to_owned() };
    let parcel = fusewire::hook::Parcel { message: &message, attempt: 1, at };
    Kind::Http(settings).carrier().expect("a carrier").carry(parcel);
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(receiver.requests()[0].header("webhook-signature"), signature);
}

#[test]
fn gone_means_gone_until_a_person_sends_again() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[GONE, OK]);
    let mut rig = Rig::start(&home, &[receiver.hook("pager")]);
    for _ in 0..5 {
        rig.append(tripped("Halt"));
    }
    let ends = rig.ends(5);
    assert!(ends.iter().all(|end| !end.ok), "{ends:?}");
    assert_eq!(receiver.requests().len(), 1, "asked once, believed");
    assert!(rig.stats["pager"].read().disabled);

    rig.commands.send(StoreCommand::Resend(ends[3].message.clone())).expect("the store lives");
    let again = rig.ends(1);
    assert!(again[0].ok && again[0].message == ends[3].message, "{again:?}");
    assert!(!rig.stats["pager"].read().disabled);
    rig.append(tripped("Halt"));
    assert!(rig.ends(1)[0].ok, "and it works again");
    assert_eq!(rig.stop().letters("dead", 10).expect("letters").len(), 4);
}

#[test]
fn a_receiver_that_hangs_for_thirty_seconds_delays_nobody_else() {
    let (_dir, home) = home();
    let hanging = Receivers::start(&[Reply::AnswerNever(Duration::from_secs(30))]);
    let quick = Receivers::start(&[OK]);
    let mut slow_hook = hanging.hook("slow");
    if let Kind::Http(settings) = &mut slow_hook.kind {
        settings.timeout_ms = 30_000;
    }
    let mut rig = Rig::start(&home, &[slow_hook, quick.hook("quick")]);
    let begun = Instant::now();
    for _ in 0..600 {
        rig.append(tripped("Halt"));
    }
    let ends = rig.ends(600);
    let took = begun.elapsed();
    assert!(ends.iter().all(|end| end.ok && end.hook == "quick"));
    assert!(took < Duration::from_secs(15), "{took:?}");
    let slow = rig.stats["slow"].read();
    assert_eq!((slow.delivered, slow.dead), (0, 0));
    assert!(slow.queued < 256, "its memory is bounded");
    let owed = rig.stop().pending("slow", 0, 10_000).expect("an outbox").len();
    assert_eq!(owed, 600, "all of it waits on disk");
}

#[test]
fn an_attempt_ends_with_its_time_and_a_message_with_its_attempts() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[Reply::AnswerNever(Duration::from_secs(5))]);
    let mut hook = HookSettings { max_attempts: 2, ..receiver.hook("pager") };
    if let Kind::Http(settings) = &mut hook.kind {
        settings.timeout_ms = 200;
    }
    let mut rig = Rig::start(&home, &[hook]);
    rig.append(tripped("Halt"));
    let end = rig.ends(1).remove(0);
    assert!(!end.ok && end.attempt == 2 && end.detail.starts_with("timed out"), "{end:?}");
    let letter = rig.stop().letters("dead", 1).expect("letters").remove(0);
    assert_eq!((letter.row.message, letter.attempts), (end.message, 2));
}

#[test]
fn a_flood_of_an_answer_is_not_read_to_the_end() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[Reply::Endless]);
    let mut rig = Rig::start(&home, &[receiver.hook("pager")]);
    let begun = Instant::now();
    rig.append(tripped("Halt"));
    assert!(rig.ends(1)[0].ok);
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}

#[test]
fn a_redirect_leads_nowhere() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[Reply::Say(
        "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )]);
    let hook = HookSettings { max_attempts: 1, ..receiver.hook("pager") };
    let mut rig = Rig::start(&home, &[hook]);
    rig.append(tripped("Halt"));
    assert_eq!(rig.ends(1)[0].detail, "302: redirects are not followed");
    let lines: Vec<_> = receiver.requests().iter().map(|request| request.header(":line").to_owned()).collect();
    assert_eq!(lines, ["POST /hook?key=path-canary HTTP/1.1"]);
}

#[test]
fn addresses_that_are_no_receivers_are_not_even_tried() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[OK]);
    let port = receiver.url.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port").to_owned();
    let cases = [
        ("metadata", "https://169.254.169.254/latest".to_owned(), true, "169.254.169.254 is never a receiver"),
        ("private", format!("https://10.0.0.1:{port}/"), false, "10.0.0.1 is private"),
        ("zero", format!("https://0.0.0.0:{port}/"), true, "0.0.0.0 is never"),
        ("disguised", format!("https://2130706433:{port}/"), true, "127.0.0.1 is loopback, which only a URL"),
        ("mapped", format!("https://[::ffff:169.254.1.1]:{port}/"), true, "is never a receiver"),
    ];
    for (name, url, allow_private, want) in cases {
        let settings = http::Settings { allow_private, ..http::Settings::new(Secret::new(url)) };
        let kind = Kind::Http(settings);
        let hook = HookSettings { max_attempts: 1, on: vec![Topic::Breaker], ..HookSettings::new(name, kind) };
        let mut rig = Rig::start(&home, &[hook]);
        rig.append(tripped("Halt"));
        let end = rig.ends(1).remove(0);
        assert!(!end.ok && end.detail.contains(want), "{name}: {}", end.detail);
        rig.stop();
    }
    assert!(receiver.requests().is_empty());
    let by_name = receiver.url.replace("127.0.0.1", "localhost");
    let kind = Kind::Http(http::Settings::new(Secret::new(by_name)));
    let mut rig = Rig::start(&home, &[HookSettings { on: vec![Topic::Breaker], ..HookSettings::new("own", kind) }]);
    rig.append(tripped("Halt"));
    assert!(rig.ends(1)[0].ok, "a URL that says loopback may");
}

#[test]
fn settings_that_cannot_work_are_refused_with_the_field() {
    let http = |url: &str| http::Settings::new(Secret::new(url));
    let with = |settings: http::Settings| HookSettings::new("pager", Kind::Http(settings));
    let exec = |argv: &[&str]| {
        let argv = argv.iter().map(|&word| word.to_owned()).collect();
        HookSettings::new("script", Kind::Exec(exec::Settings::new(argv)))
    };
    let good = || with(http("https://example.com/"));
    let secrets = vec![Secret::new("whsec_c2VjcmV0LWNhbmFyeQ==")];
    let headers = vec![("authorization".to_owned(), Secret::new("header\ncanary"))];
    for (hook, want) in [
        (with(http("http://example.com/")), "url: must be https off loopback"),
        (with(http("ftp://example.com/")), "url: must begin with https://"),
        (with(http("https://user:canary@example.com/")), "url: must not hold a user"),
        (with(http("/canary")), "url: must name a host"),
        (with(http::Settings { timeout_ms: 0, ..http("https://example.com/") }), "timeout_ms: must be between"),
        (with(http::Settings { secrets, ..http("https://example.com/") }), "secrets: must hold at least 24 bytes"),
        (with(http::Settings { headers, ..http("https://example.com/") }), "headers: \"authorization\" or its value"),
        (exec(&[]), "argv: must name a program"),
        (exec(&["bin/page"]), "argv: must begin with an absolute path"),
        (HookSettings { name: "Pager!".to_owned(), ..good() }, "name: must be"),
        (HookSettings { max_attempts: 0, ..good() }, "max_attempts: must be between"),
        (HookSettings { on: vec![], ..good() }, "on: must name at least one of trip, breaker"),
    ] {
        let refused = hook.check().expect_err(want);
        assert!(refused.starts_with(want) && !refused.contains("canary"), "{refused}");
    }
    assert_eq!(good().check(), Ok(()));
    let twice = Dispatch::start(&[good(), good()], "0a", &(Arc::new(now) as Clock), 1, drop).err();
    assert_eq!(twice.as_deref(), Some("hook pager: name: is used twice"));
}

#[test]
fn a_receiver_that_echoes_secrets_finds_them_in_no_record() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[Reply::Echo]);
    let mut hook = HookSettings { max_attempts: 1, ..receiver.hook("pager") };
    if let Kind::Http(settings) = &mut hook.kind {
        settings.headers = vec![("authorization".to_owned(), Secret::new("Bearer header-canary"))];
    }
    assert!(!format!("{hook:?}").contains("canary"), "{hook:?}");
    let mut rig = Rig::start(&home, &[hook]);
    rig.append(tripped("Halt"));
    let end = rig.ends(1).remove(0);
    assert!(receiver.requests()[0].header("authorization").contains("header-canary"), "it was sent");
    assert!(end.detail.starts_with("400: ") && end.detail.contains("***"), "{}", end.detail);
    let mut lines = Vec::new();
    rig.stop().export(0, fusewire::store::Filter::default(), &mut lines).expect("lines");
    let text = String::from_utf8(lines).expect("text");
    assert!(text.contains("delivered") && !text.contains("canary"), "{text}");
}

#[test]
fn a_shadow_is_kept_and_never_sent() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[OK]);
    let shadow = HookSettings { mode: Mode::Shadow, ..receiver.hook("shadow") };
    let off = HookSettings { mode: Mode::Off, ..receiver.hook("off") };
    let strict = HookSettings { min_stance: Stance::Halt, ..receiver.hook("strict") };
    let mut rig = Rig::start(&home, &[shadow, off, strict]);
    for stance in ["Caution", "Halt", "Normal"] {
        rig.append(tripped(stance));
    }
    let ends = rig.ends(2);
    assert!(ends.iter().all(|end| end.hook == "strict"), "{ends:?}");
    assert_eq!(rig.stats["shadow"].read().shadowed, 3);
    assert!(!rig.stats.contains_key("off"));
    let store = rig.stop();
    assert_eq!(store.letters("shadow", 10).expect("letters").len(), 3);
    assert_eq!(receiver.requests().len(), 2);
}

#[test]
fn a_receiver_that_cannot_prove_who_it_is_gets_nothing() {
    let (_dir, home) = home();
    let receiver = Receivers::start(&[OK]);
    let kind = Kind::Http(http::Settings::new(Secret::new(receiver.url.replace("http:", "https:"))));
    let mut rig = Rig::start(&home, &[HookSettings { max_attempts: 1, ..HookSettings::new("tls", kind) }]);
    rig.append(tripped("Halt"));
    let end = rig.ends(1).remove(0);
    assert!(!end.ok && receiver.requests().is_empty(), "{end:?}");
}

#[test]
fn once_a_receiver_is_back_nothing_waits_out_its_patience() {
    let (_dir, home) = home();
    // Twelve messages fail three times each, so the last waits a second or more; then one success shows that it is back.
    let mut replies = vec![ERROR; 36];
    replies.push(OK);
    let receiver = Receivers::start(&replies);
    let mut rig = Rig::start(&home, &[receiver.hook("pager")]);
    for _ in 0..12 {
        rig.append(tripped("Halt"));
    }
    while receiver.requests().len() < 36 {
        thread::sleep(Duration::from_millis(5));
    }
    let begun = Instant::now();
    rig.append(tripped("Normal"));
    assert!(rig.ends(13).iter().all(|end| end.ok));
    assert!(begun.elapsed() < Duration::from_millis(900), "{:?}", begun.elapsed());
}

// ---------------------------------------------------------------------------------------------------------------------
// Programs.

fn script(text: &str, timeout_ms: u64) -> Kind {
    let argv = ["/bin/sh", "-c", text].map(str::to_owned).to_vec();
    let env = vec![("TOKEN".to_owned(), Secret::new("exec-canary"))];
    Kind::Exec(exec::Settings { argv, env, timeout_ms })
}

/// Runs a program over a message of `size` bytes.
fn carry(kind: &Kind, size: usize) -> (bool, String, Duration) {
    let body = format!("{{\"pad\":\"{}\"}}", "x".repeat(size));
    let message = Message { id: "msg_1".to_owned(), hook: "script".to_owned(), seq: 1, at: now(), body };
    let parcel = fusewire::hook::Parcel { message: &message, attempt: 3, at: now() };
    let begun = Instant::now();
    let answer = kind.carrier().expect("a carrier").carry(parcel);
    (answer.outcome == fusewire::hook::Outcome::Delivered, answer.detail, begun.elapsed())
}

#[test]
fn a_program_gets_the_message_and_almost_no_environment() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = |name: &str| dir.path().join(name);
    let text = format!("cat > {0}/in; env > {0}/env; pwd > {0}/pwd;", dir.path().display());
    // There is something to be cleared.
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let (ok, detail, _) = carry(&script(&text, 5_000), 200_000);
    assert!(ok, "{detail}");
    let read = |name: &str| std::fs::read_to_string(file(name)).expect(name);
    assert_eq!(read("in").len(), 200_000 + 10);
    assert_eq!(read("pwd").trim(), "/");
    let text = read("env");
    let names: BTreeSet<_> = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    let known = ["PATH", "LANG", "LC_ALL", "TZ", "PWD", "OLDPWD", "SHLVL", "_", "TOKEN"];
    let own = ["FUSEWIRE_MESSAGE", "FUSEWIRE_HOOK", "FUSEWIRE_ATTEMPT"];
    assert!(own.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(names.iter().all(|name| known.contains(name) || own.contains(name)), "{names:?}");
}

#[test]
fn what_a_program_says_is_kept_short_and_free_of_secrets() {
    let (ok, detail, _) = carry(&script("echo \"no pager: $TOKEN\" >&2; exit 3", 5_000), 10);
    assert_eq!((ok, detail.as_str()), (false, "exit 3: no pager: ***"));
    let (ok, detail, took) = carry(&script("head -c 50000000 /dev/zero | tr '\\0' y; exit 1", 10_000), 10);
    assert!(!ok && detail.len() < 200 && detail.starts_with("exit 1: yyy"), "{detail}");
    assert!(took < Duration::from_secs(9), "{took:?}");
    let (ok, detail, _) = carry(&script("kill -9 $$", 5_000), 10);
    assert!(!ok && detail.contains("signal: 9"), "{detail}");
    let (ok, detail, took) = carry(&script("exit 0", 5_000), 1_000_000);
    assert!(ok && took < Duration::from_secs(4), "one that reads nothing holds up nobody: {detail}");
    let missing = Kind::Exec(exec::Settings::new(vec!["/nonexistent/page".to_owned()]));
    let (ok, detail, _) = carry(&missing, 10);
    assert!(!ok && detail.starts_with("did not run: No such file"), "{detail}");
}

fn alive(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim_start().starts_with('Z'))
}

#[test]
fn a_program_dies_in_time_and_takes_its_grandchildren_along() {
    let dir = tempfile::tempdir().expect("a directory");
    let pids = dir.path().join("pids");
    // The grandchild is in the background, ignores TERM and HUP, and holds the output open.
    let family =
        format!("(trap '' TERM HUP; sh -c 'echo $$ >> {0}; sleep 60' & wait) & echo $$ >> {0}; ", pids.display());
    for (end, timeout_ms, want) in [("sleep 60", 500, "killed after 500 ms"), ("sleep 0.3; exit 0", 10_000, "exit 0")] {
        let _ = std::fs::remove_file(&pids);
        let (_, detail, took) = carry(&script(&format!("{family}{end}"), timeout_ms), 10);
        assert_eq!(detail, want);
        assert!(took < Duration::from_secs(3), "{took:?}");
        let listed = std::fs::read_to_string(&pids).expect("pids");
        assert_eq!(listed.lines().count(), 2, "{listed}");
        thread::sleep(Duration::from_millis(100));
        for pid in listed.lines() {
            assert!(!alive(pid), "{pid} outlived its group ({want})");
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Death.

/// Appends and delivers until its parent kills it, or until all is settled.
#[test]
#[ignore = "the child of the test below"]
fn child_delivers_until_it_dies() {
    let Ok(home) = std::env::var("FUSEWIRE_TEST_HOME") else { return };
    let url = std::env::var("FUSEWIRE_TEST_URL").expect("a receiver");
    let appends = std::env::var("FUSEWIRE_TEST_APPENDS").is_ok();
    let kind = Kind::Http(http::Settings::new(Secret::new(url)));
    let hook = HookSettings { on: vec![Topic::Breaker], ..HookSettings::new("pager", kind) };
    let mut rig = Rig::start(Path::new(&home), &[hook]);
    let mut out = std::io::stdout();
    let reader = Reader::open(Path::new(&home)).expect("a reader");
    let owing = || {
        let pending = reader.letters("pending", 1).expect("letters");
        !pending.is_empty() || !reader.unrecorded().expect("reports").is_empty()
    };
    while appends || owing() {
        if appends {
            rig.append(tripped("Halt"));
        }
        while let Some(event) = rig.event(Duration::from_millis(if appends { 4 } else { 100 })) {
            if let StoreEvent::Stored { seq, .. } = event {
                writeln!(out, "stored {seq}").and_then(|()| out.flush()).expect("said");
            }
        }
    }
    rig.stop();
}

fn delivering_child(home: &Path, url: &str, appends: bool) -> std::process::Child {
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command
        .args(["--exact", "child_delivers_until_it_dies", "--ignored", "--nocapture", "--test-threads=1"])
        .env("FUSEWIRE_TEST_HOME", home)
        .env("FUSEWIRE_TEST_URL", url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if appends {
        command.env("FUSEWIRE_TEST_APPENDS", "1");
    }
    command.spawn().expect("a child")
}

#[test]
fn killed_between_any_two_steps_every_message_still_arrives_under_its_one_id() {
    let (_dir, home) = home();
    // Every fifth request fails in one way or another, for ever.
    let reply = |n: usize| if n.is_multiple_of(5) { [ERROR, Reply::Drop][n / 5 % 2].clone() } else { OK };
    let mut replies: Vec<_> = (0..30_000).map(reply).collect();
    replies.push(OK);
    let receiver = Receivers::start(&replies);
    let mut acknowledged = 0;
    for round in 0..8_u64 {
        let mut child = delivering_child(&home, &receiver.url, true);
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let reader = thread::spawn(move || {
            let seqs = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("stored ")?.parse::<u64>().ok());
            seqs.last()
        });
        thread::sleep(Duration::from_millis(150 + round * 37));
        child.kill().expect("kill -9");
        child.wait().expect("dead");
        acknowledged = reader.join().expect("read").unwrap_or(acknowledged).max(acknowledged);
    }
    let mut last = delivering_child(&home, &receiver.url, false);
    assert!(last.wait().expect("settled").success());

    let reader = Reader::open(&home).expect("a reader");
    reader.verify().expect("the chain holds");
    let (last, _) = reader.last().expect("a head");
    assert!(last >= acknowledged && acknowledged > 0);
    let instance = reader.instance().expect("a name");
    let mut arrived: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for request in receiver.requests().into_iter().filter(|request| request.ok) {
        arrived.entry(request.header("webhook-id").to_owned()).or_default().insert(request.body);
    }
    let mut told = 0;
    let only = fusewire::store::Filter { fact: Some("breaker".to_owned()), ..Default::default() };
    for record in reader.records(0, only).map(|record| record.expect("a record")) {
        let id = format!("msg_{instance}_{}_pager", record.seq);
        let bodies = arrived.remove(&id).unwrap_or_default();
        assert_eq!(bodies.len(), 1, "{id} arrived with {} bodies", bodies.len());
        told += 1;
    }
    assert!(arrived.is_empty(), "nothing arrived that no record knows: {:?}", arrived.keys());
    assert!(told > 50, "{told} messages");
    assert_eq!(reader.letters("pending", 10).expect("letters"), []);
    assert_eq!(reader.unrecorded().expect("reports"), []);
}
