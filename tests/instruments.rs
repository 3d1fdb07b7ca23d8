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
