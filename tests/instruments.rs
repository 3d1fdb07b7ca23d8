//! `fusewire instruments` as a user runs it, against a server on this machine.
#![cfg(feature = "daemon")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

const SWAPS: &str = r#"{"code":"0","msg":"","data":[
{"instId":"NOVEL-USDT-SWAP","instType":"SWAP","uly":"NOVEL-USDT","baseCcy":"","quoteCcy":"","settleCcy":"USDT","ctVal":"25","ctMult":"1","ctValCcy":"NOVEL","ctType":"linear"},
{"instId":"BTC-USDT-SWAP","instType":"SWAP","uly":"BTC-USDT","baseCcy":"","quoteCcy":"","settleCcy":"USDT","ctVal":"0.01","ctMult":"1","ctValCcy":"BTC","ctType":"linear"},
{"instId":"BAD-USDT-SWAP","instType":"SWAP","uly":"BAD-USDT","baseCcy":"","quoteCcy":"","settleCcy":"USDT","ctVal":"NaN","ctMult":"1","ctValCcy":"BAD","ctType":"linear"}]}"#;

/// Serves one answer to whoever asks, for ever; gives the URL.
fn serve(status: &'static str, body: &'static str, promised: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/instruments?instType=SWAP", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let head = "content-type: application/json\r\nlocation: https://elsewhere.example/\r\nconnection: close";
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}\r\ncontent-length: {promised}\r\n\r\n{body}");
        }
    });
    url
}

/// Serves what `answer` gives for the path asked for; gives the URL and what was asked.
fn serve_pages(answer: impl Fn(&str) -> (&'static str, String) + Send + 'static) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/instruments-info?category=linear&limit=2", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let first = lines.next().unwrap().unwrap();
            let path = first.split(' ').nth(1).unwrap().to_owned();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let (status, body) = answer(&path);
            heard.lock().unwrap().push(path);
            let head = format!("content-length: {}\r\nconnection: close", body.len());
            let _ = write!(stream, "HTTP/1.1 {status}\r\n{head}\r\n\r\n{body}");
        }
    });
    (url, asked)
}

/// Status and body for the path asked for.
type Answer = fn(&str) -> (&'static str, String);

/// A page of Bybit's listing.
fn page(coins: &[&str], next: &str) -> String {
    let row = |coin: &&str| {
        format!(r#"{{"symbol":"{coin}USDT","contractType":"LinearPerpetual","baseCoin":"{coin}","quoteCoin":"USDT"}}"#)
    };
    let rows = coins.iter().map(row).collect::<Vec<_>>().join(",");
    format!(r#"{{"retCode":0,"retMsg":"OK","result":{{"list":[{rows}],"nextPageCursor":"{next}"}}}}"#)
}

fn fusewire(dir: &TempDir, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_fusewire")).args(args).current_dir(dir.path()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_listing_becomes_a_file_that_a_config_takes() {
    let dir = tempfile::tempdir().unwrap();
    let config = "[instruments]\nfiles = [\"instruments-okx.toml\"]\n[[feed]]\nvenue = \"okx\"\n\
                  markets = [\"NOVEL/USDT:USDT\", \"BTC-USDT-SWAP\"]\n\
                  [[instrument]]\nmarket = \"okx:BTC-USDT-SWAP\"\ncontract_size = 0.5\ncontract_in = \"base\"\n";
    fs::write(dir.path().join("c.toml"), config).unwrap();
    let (code, said, _) = fusewire(&dir, &["validate", "-c", "c.toml"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("c.toml:2: instruments.files: \"instruments-okx.toml\": cannot be read"), "{said}");
    assert!(said.contains("\"NOVEL/USDT:USDT\" is no market of okx"), "{said}");

    let url = serve("200 OK", SWAPS, SWAPS.len());
    let (code, said, words) = fusewire(&dir, &["instruments", "refresh", "okx", "--from", &url]);
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(said, "instruments-okx.toml: 2 instruments of okx; left out: 1 a contract size that is none\n");
    assert!(!dir.path().join("instruments-okx.toml.part").exists());

    let (code, said, words) = fusewire(&dir, &["validate", "-c", "c.toml"]);
    assert_eq!(code, Some(0), "{said}{words}");
    assert!(said.contains("\"NOVEL/USDT:USDT\" is NOVEL-USDT-SWAP at okx"), "{said}");
    let (code, said, _) = fusewire(&dir, &["instruments", "list", "-c", "c.toml", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let found = |name: &str| said.as_array().unwrap().iter().find(|row| row["market"] == name).unwrap().clone();
    assert_eq!(code, Some(0));
    let novel = found("okx:NOVEL-USDT-SWAP");
    assert_eq!(
        (&novel["known"]["contract"]["base"], &novel["known"]["asset"]),
        (&25.0.into(), &"NOVEL".into()),
        "{novel}"
    );
    assert!(novel["source"].as_str().unwrap().starts_with("instruments-okx.toml, taken 20"), "{novel}");
    let btc = found("okx:BTC-USDT-SWAP");
    assert_eq!(
        (&btc["known"]["contract"]["base"], &btc["source"]),
        (&0.5.into(), &"config".into()),
        "the config goes first"
    );
    let (_, table, _) = fusewire(&dir, &["instruments", "list"]);
    assert!(table.contains("binance-usdm:BTCUSDT") && table.contains("its name, as of 20"), "{table}");
}

#[test]
fn an_answer_that_is_none_leaves_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("instruments-okx.toml");
    fs::write(&file, "old").unwrap();
    let empty = r#"{"code":"0","msg":"","data":[]}"#;
    let limited = r#"{"code":"50011","msg":"Too Many Requests","data":[]}"#;
    for (url, want) in [
        (serve("404 Not Found", "{}", 2), "the server answers 404"),
        (serve("302 Found", "", 0), "the server answers 302"),
        (serve("200 OK", SWAPS, SWAPS.len() + 100), "127.0.0.1"),
        (serve("200 OK", "<html>", 6), "is no listing of this venue"),
        (serve("200 OK", empty, empty.len()), "no instrument in it (0 left out); nothing is written"),
        (serve("200 OK", limited, limited.len()), "is a refusal: Too Many Requests"),
        ("http://example.com/x".to_owned(), "must be https off loopback"),
        ("nowhere.json".to_owned(), "nowhere.json: No such file"),
    ] {
        let (code, said, words) = fusewire(&dir, &["instruments", "refresh", "okx", "--from", &url]);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{url}: {words}");
        assert!(words.contains(want), "{url}: {words}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "old", "{url}");
    }
    let (code, _, words) = fusewire(&dir, &["instruments", "refresh", "mtgox"]);
    assert_eq!(code, Some(2));
    assert!(words.contains("choose from binance-usdm"), "{words}");
}

#[test]
fn a_listing_of_several_pages_is_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (url, asked) = serve_pages(|path| {
        let body = match path.split_once("&cursor=").map(|(_, cursor)| cursor) {
            None => page(&["AAVE", "BTC"], "first%3DAAVE%26last%3DBTC"),
            Some("first%3DAAVE%26last%3DBTC") => page(&["DOT", "ETH"], "c2"),
            // One that moved from page to page meanwhile counts once.
            Some("c2") => page(&["ETH", "TRX"], ""),
            Some(_) => return ("404 Not Found", String::new()),
        };
        ("200 OK", body)
    });
    let (code, said, words) = fusewire(&dir, &["instruments", "refresh", "bybit-linear", "--from", &url]);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "instruments-bybit-linear.toml: 5 instruments of bybit-linear\n"),
        "{words}"
    );
    let first = "/instruments-info?category=linear&limit=2";
    let want = [String::new(), "&cursor=first%3DAAVE%26last%3DBTC".to_owned(), "&cursor=c2".to_owned()];
    assert_eq!(*asked.lock().unwrap(), want.map(|rest| format!("{first}{rest}")));
    let file = fs::read_to_string(dir.path().join("instruments-bybit-linear.toml")).unwrap();
    assert!(file.contains("\"bybit-linear:TRXUSDT\"") && file.contains("\"bybit-linear:AAVEUSDT\""), "{file}");
}

#[test]
fn pages_that_end_nowhere_leave_the_old_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("instruments-bybit-linear.toml");
    fs::write(&file, "old").unwrap();
    let refresh = |url: &str| fusewire(&dir, &["instruments", "refresh", "bybit-linear", "--from", url]);
    let stories: [(Answer, &str, usize); 5] = [
        // The same page for ever.
        (|_| ("200 OK", page(&["BTC"], "again")), "names a next page that was read already", 2),
        // Pages without end.
        (
            |path| {
                let place: usize = path.split_once("cursor=").map_or(0, |(_, place)| place.parse().unwrap());
                ("200 OK", page(&["BTC"], &(place + 1).to_string()))
            },
            "names a next page after 200",
            200,
        ),
        (|_| ("200 OK", page(&["BTC"], "x&category=option")), "names a next page as no address does", 1),
        // The second page is none.
        (
            |path| {
                if path.contains("cursor") { ("429 Too Many", String::new()) } else { ("200 OK", page(&["BTC"], "2")) }
            },
            "the server answers 429",
            2,
        ),
        (
            |path| {
                let refusal = r#"{"retCode":10006,"retMsg":"Too many visits!"}"#.to_owned();
                ("200 OK", if path.contains("cursor") { refusal } else { page(&["BTC"], "2") })
            },
            "cursor=2: the answer is a refusal: Too many visits!",
            2,
        ),
    ];
    for (answer, want, times) in stories {
        let (url, asked) = serve_pages(answer);
        let (code, said, words) = refresh(&url);
        assert_eq!((code, said.as_str()), (Some(1), ""), "{want}: {words}");
        assert!(words.contains(want), "{want}: {words}");
        assert_eq!(asked.lock().unwrap().len(), times, "{want}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "old", "{want}");
    }
    // Pages that were fetched elsewhere: all of them, or none.
    let (one, two) = (dir.path().join("1.json"), dir.path().join("2.json"));
    fs::write(&one, page(&["BTC"], "2")).unwrap();
    fs::write(&two, page(&["DOT"], "")).unwrap();
    let (code, _, words) = refresh(one.to_str().unwrap());
    assert_eq!(code, Some(1));
    assert!(words.contains("is one page of several, and the last one is missing"), "{words}");
    let from = ["--from", one.to_str().unwrap(), "--from", two.to_str().unwrap()];
    let (code, said, words) = fusewire(&dir, &[&["instruments", "refresh", "bybit-linear"][..], &from].concat());
    assert_eq!((code, said.ends_with("2 instruments of bybit-linear\n")), (Some(0), true), "{said}{words}");
}

#[test]
fn a_file_of_instruments_with_a_fault_is_a_fault_and_nothing_of_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let good = "taken = \"x\"\nsource = \"y\"\n[[instrument]]\nmarket = \"okx:NOVEL-USDT-SWAP\"\nasset = \"NOVEL\"\nquote = \"USDT\"\n\
                kind = \"perp\"\ncontract_size = 10\ncontract_in = \"base\"\n";
    let config = "[instruments]\nfiles = \"i.toml\"\n[[feed]]\nvenue = \"okx\"\nmarkets = [\"NOVEL-USDT-SWAP\"]\n";
    fs::write(dir.path().join("c.toml"), config).unwrap();
    for (text, want) in [
        (good.to_owned(), None),
        (good.replace("= 10", "= -10"), Some("1 at fault; i.toml:8: instrument[1].contract_size: must be between")),
        (good.replace("kind", "kin"), Some("i.toml:7: instrument[1].kin: is not known")),
        (format!("{good}{good}"), Some("i.toml:10: instrument[1].taken: is not known")),
        (good.replace("[[instrument]]", "[[rule]]"), Some("i.toml:3: rule: is not known")),
        ("\u{0}".to_owned(), Some("is no TOML")),
    ] {
        fs::write(dir.path().join("i.toml"), text).unwrap();
        let (code, said, _) = fusewire(&dir, &["validate", "-c", "c.toml"]);
        assert_eq!(code, Some(if want.is_some() { 78 } else { 0 }), "{said}");
        assert!(said.contains(want.unwrap_or("is good")), "{want:?}: {said}");
        assert_eq!(said.contains("is no market of okx"), want.is_some(), "{said}");
    }
}
