//! Every format of tapes on a tape written by hand, plain and packed, against a count by hand; and every bad value in every
//! column. `fixtures/tapes/README.md` says how a new one is added.
#![cfg(feature = "daemon")]
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "helpers fail as loudly as the test")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use fusewire::feed::tape::Format;
use serde_json::Value;

/// A tape with what must be told of it.
struct Case {
    format: String,
    path: PathBuf,
    want: Value,
}

#[test]
fn every_format_is_known_by_itself_and_counted_as_by_hand() {
    let folder = tempfile::tempdir().expect("a folder");
    for case in cases() {
        let plain = fs::read(&case.path).expect("a tape");
        let name = case.path.file_name().expect("a name").to_string_lossy();
        for (packing, bytes) in packings(&name, &plain) {
            let path = folder.path().join(format!("{name}{packing}"));
            fs::write(&path, bytes).expect("written");
            let (code, told) = info(&path, &case, "auto");
            check(&case, code, &told);
            assert_eq!(info(&path, &case, &case.format), (code, told), "{name}{packing}: said and found");
        }
    }
}

#[test]
fn no_nonsense_passes_in_any_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "9".repeat(400);
    let nonsense = [
        "NaN", "-NaN", "inf", "-inf", "1e999", "-1e999", "-0", "-0.0", "-1", "x", " 1", "1;2", "1,2", &long, "\u{664}",
    ];
    // What is not text has its own tests of nonsense, beside its reader and in tests/convert.rs.
    for case in cases().into_iter().filter(|case| case.list("numbers").next().is_some()) {
        let tape = fs::read_to_string(&case.path).expect("a tape");
        let (kept, last) = tape.trim_end().rsplit_once('\n').expect("two lines");
        let mut text = String::new();
        for column in case.list("numbers") {
            let is_listed = |list| case.list(list).any(|ok| ok == column);
            let zero = [("0", "zero_ok"), ("", "empty_ok")]
                .into_iter()
                .filter(|(_, list)| !is_listed(list))
                .map(|(bad, _)| bad);
            for bad in nonsense.into_iter().chain(zero) {
                let mut columns: Vec<&str> = last.split(',').collect();
                columns[usize::try_from(column).expect("a column")] = bad;
                text.push_str(&columns.join(","));
                text.push('\n');
            }
        }
        let name = case.path.file_name().expect("a name");
        let path = folder.path().join(name);
        fs::write(&path, format!("{kept}\n{text}")).expect("written");
        let (_, with) = info(&path, &case, &case.format);
        fs::write(&path, format!("{kept}\n")).expect("written");
        let (_, without) = info(&path, &case, &case.format);
        assert_eq!(with["markets"], without["markets"], "{}: some nonsense was taken", path.display());
        let refused =
            |told: &Value| told["bad"].as_object().expect("counts").values().filter_map(Value::as_u64).sum::<u64>();
        assert_eq!(refused(&with) - refused(&without), text.lines().count() as u64, "{}: {with}", path.display());
    }
}

impl Case {
    fn list(&self, key: &str) -> impl Iterator<Item = u64> {
        self.want[key].as_array().into_iter().flatten().map(|column| column.as_u64().expect("a column"))
    }
}

/// What `tape info --json` prints, and its exit code.
fn info(path: &Path, case: &Case, format: &str) -> (i32, Value) {
    let args = case.want["args"].as_array().into_iter().flatten().map(|arg| arg.as_str().expect("text"));
    let mut command = Command::cargo_bin("fusewire").expect("built");
    let output = command.args(["tape", "info", "--json", "--format", format]).args(args).arg(path).output();
    let output = output.expect("it runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let fault = String::from_utf8_lossy(&output.stderr);
    let told = serde_json::from_str(&told).unwrap_or_else(|why| panic!("{}: {why}: {told}{fault}", path.display()));
    (output.status.code().expect("an exit code"), told)
}

fn check(case: &Case, code: i32, told: &Value) {
    let place = case.path.display();
    for key in ["first_ns", "last_ns"] {
        assert_eq!(told[key], case.want[key], "{place}: {key}");
    }
    assert_eq!(told["duplicates"], case.want["duplicates"].as_u64().unwrap_or(0), "{place}");
    let none = Value::Object(serde_json::Map::new());
    let bad = case.want.get("bad").unwrap_or(&none);
    assert_eq!(told["bad"], *bad, "{place}");
    assert_eq!(told["damaged"], Value::Array(Vec::new()), "{place}");
    assert_eq!(code, if *bad == none { 0 } else { 4 }, "{place}");
    let (told, want) =
        (told["markets"].as_object().expect("markets"), case.want["markets"].as_object().expect("markets"));
    assert_eq!(told.keys().collect::<Vec<_>>(), want.keys().collect::<Vec<_>>(), "{place}");
    for (name, market) in want {
        for (kind, count) in told[name].as_object().expect("counts") {
            let count = count.as_f64().expect("a number");
            let wanted = market.get(kind).map_or(0.0, |count| count.as_f64().expect("a number"));
            assert!((count - wanted).abs() < 1e-9, "{place}: {name}: {kind}: {count}, not {wanted}");
        }
    }
}

/// The tape under its name, and in every packing under a name with another end.
fn packings(name: &str, plain: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(plain).expect("in memory");
    let gzip = gzip.finish().expect("in memory");
    vec![
        ("", plain.to_vec()),
        (".gz", gzip),
        (".zip", zip(name, plain)),
        (".zst", zstd::encode_all(plain, 3).expect("in memory")),
    ]
}

/// An archive of one member, deflated, without the directory at its end, which nobody reads.
fn zip(name: &str, plain: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(plain);
    let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
    deflate.write_all(plain).expect("in memory");
    let packed = deflate.finish().expect("in memory");
    let mut archive = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    for number in [crc.sum(), packed.len() as u32, plain.len() as u32, name.len() as u32] {
        archive.extend(number.to_le_bytes());
    }
    archive.extend(name.bytes());
    archive.extend(packed);
    archive.extend(b"PK\x05\x06");
    archive.extend([0; 18]);
    archive
}

/// All tapes written by hand; a format without one is a fault.
fn cases() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tapes");
    let mut cases = Vec::new();
    for format in Format::ALL {
        let folder = root.join(format.name());
        let before = cases.len();
        let files = fs::read_dir(&folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
        for told in files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|end| end == "json"))
        {
            let text = fs::read_to_string(&told).expect("readable");
            let want = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", told.display()));
            let path = PathBuf::from(told.to_string_lossy().trim_end_matches(".info.json"));
            cases.push(Case { format: format.name().to_owned(), path, want });
        }
        assert!(cases.len() > before, "{}: no tape", folder.display());
    }
    cases
}
