//! `fusewire serve-venue` as a user runs it.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tokio_tungstenite::tungstenite::{Message, connect};

fn fusewire(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fusewire"));
    command.arg("serve-venue").args(args);
    command
}

fn refused(args: &[&str]) -> String {
    let Output { status, stdout, stderr } = fusewire(args).output().expect("it runs");
    assert_eq!((status.code(), stdout.len()), (Some(2), 0), "{args:?}");
    String::from_utf8(stderr).expect("UTF-8")
}

#[test]
fn it_refuses_what_it_cannot_mean() {
    let tape = "tests/venues/main.rs";
    for (args, want) in [
        (&["--venue", "mtgox", tape][..], "choose from binance-usdm"),
        (&["--venue", "okx", "--listen", "0.0.0.0:0", tape], "--allow-remote"),
        (&["--venue", "okx", "--fault", "fire:3", tape], "`fire` is no fault; choose from stall"),
        (&["--venue", "okx", "--faults-every", "3", tape], "--faults-seed"),
        (&["--venue", "okx", "--speed", "0", tape], "must be a number between"),
        (&["--venue", "okx", tape], "no raw frames in it"),
        (&["--venue", "okx"], "TAPE"),
    ] {
        let words = refused(args);
        assert!(words.contains(want), "{args:?}: {words}");
    }
}

const DESK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/generic-venue.md");

/// The config of the page on venues of one's own, as a file.
fn desk_config(name: &str) -> std::path::PathBuf {
    let page = std::fs::read_to_string(DESK).expect("a page");
    let config = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a config");
    let file = std::env::temp_dir().join(format!("fusewire-desk-{name}-{}.toml", std::process::id()));
    std::fs::write(&file, config).expect("written");
    file
}

#[test]
fn recordings_of_a_venue_of_ones_own_are_read_by_its_config() {
    let config = desk_config("tape");
    let tape = config.with_extension("frames");
    let trade = |n: u64, market: &str, qty: f64| {
        let d = format!(r#"[{{"n":{n},"p":"61250.5","q":{qty},"w":"B","at":1760128800101250}}]"#);
        format!("1760128800{n:09} {{\"ch\":\"prints/{market}\",\"d\":{d}}}\n")
    };
    let lines = [trade(1, "BTC-USD-PERP", 3.0), trade(2, "ETH-USD-PERP", 4.0), trade(3, "BTC-USD-PERP", 0.5)].concat();
    std::fs::write(&tape, lines + "1760128801000000000 {\"ch\":\"prints/BTC-USD-PERP\",\"d\":[{}]}\n").expect("a tape");
    let read = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fusewire"));
        let output = command.args(args).arg(&tape).output().expect("it runs");
        (output.status.code(), output.stdout, String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let file = config.to_str().expect("UTF-8");
    let (code, said, _) = read(&["tape", "info", "-c", file, "--venue", "mydesk", "--json"]);
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!((code, &said["bad"]["missing_field"]), (Some(4), &1.into()), "{said}");
    assert_eq!(said["markets"]["mydesk:BTC-USD-PERP"]["quantity"], 3.5, "{said}");
    assert_eq!(said["markets"]["mydesk:ETH-USD-PERP"]["trades"], 1, "{said}");
    let (code, said, _) = read(&["replay", "-c", file, "--venue", "mydesk", "--json"]);
    let said: Value = serde_json::from_slice(&said).expect("JSON");
    assert_eq!((code, &said["events"], &said["bad_events"]), (Some(4), &3.into(), &1.into()), "{said}");
    let (code, _, words) = read(&["tape", "info", "--venue", "mydesk"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("there is no decoder for venue `mydesk`"), "{words}");
    for file in [config, tape] {
        std::fs::remove_file(file).expect("removed");
    }
}

#[test]
fn it_plays_a_tape_to_whoever_subscribes_and_ends_with_it() {
    let file = std::env::temp_dir().join(format!("fusewire-serve-venue-{}.frames", std::process::id()));
    let line = |ms: i64, id: u64| {
        let trade = format!(
            r#"{{"symbol":"BTC/USD","side":"buy","price":1.5,"qty":2,"ord_type":"limit","trade_id":{id},"timestamp":"2025-10-10T20:40:00.{:03}Z"}}"#,
            ms % 1000
        );
        format!("{} {{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{trade}]}}\n", ms * 1_000_000)
    };
    let tape: String = (0..3).map(|id| line(1_760_128_800_000 + 100 * id as i64, 7 + id)).collect();
    std::fs::write(&file, tape).expect("a tape");
    let args = ["--venue", "kraken-spot", "--speed", "2", file.to_str().expect("UTF-8")];
    let mut child = fusewire(&args).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut said = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut said).expect("a line");
    let base = said.trim().strip_prefix("kraken-spot listens on ").expect("where").to_owned();

    let (mut socket, _) = connect(format!("{base}/v2")).expect("a handshake");
    let ask = r#"{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":false},"req_id":3}"#;
    socket.send(Message::text(ask)).expect("sent");
    let mut heard = Vec::new();
    while heard.len() < 5 {
        if let Message::Text(text) = socket.read().expect("a frame") {
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            heard.extend((frame["channel"] != "heartbeat").then_some(frame));
        }
    }
    assert_eq!((&heard[0]["channel"], &heard[0]["data"][0]["system"]), (&"status".into(), &"online".into()));
    assert_eq!((&heard[1]["success"], &heard[1]["req_id"]), (&true.into(), &3.into()));
    let ids: Vec<_> = heard[2..].iter().map(|frame| frame["data"][0]["trade_id"].as_u64().expect("an id")).collect();
    assert_eq!(ids, [7, 8, 9]);
    let dated = heard[4]["data"][0]["timestamp"].as_str().expect("a time");
    let dated = fusewire::feed::venue::rfc3339::rfc3339(dated).expect("a time").0 as f64 / 1e9;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64();
    assert!((now - dated).abs() < 5.0, "{dated} is now, {now}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    std::fs::remove_file(file).expect("removed");
}
