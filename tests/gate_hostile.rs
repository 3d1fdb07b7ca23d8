//! A gate file from an enemy or a dying disk: never a panic, and every doubt reads as Halt.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of tests are not seen as tests")]

use std::fs;
use std::path::PathBuf;

use fusewire::breaker::{Contract, Denial, Exposure, Intent, Order, Permission, Side, Stance, Verdict};
use fusewire::gate::{Doubt, Listing, Reader, ReaderOptions, Spec, Writer};
use proptest::prelude::*;
use tempfile::TempDir;

const NOW: u64 = 1_000_000_000_000;
const CELLS: usize = 0x180;

struct Bench {
    _dir: TempDir,
    path: PathBuf,
    good: Vec<u8>,
}

impl Bench {
    /// A gate of two markets and two slots that allows everything, with a running lease.
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        let path = dir.path().join("gate");
        let markets = vec![Listing::new("a:X", Contract::COIN), Listing::new("b:Y", Contract::COIN)];
        let mut writer = Writer::create(&path, &Spec { slots: 2, ..Spec::gate(markets) }).expect("a gate");
        for (market, slot) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            writer.publish(market, slot, &Permission::FREE, 0, 0).expect("a cell");
        }
        writer.renew(1, NOW);
        let good = fs::read(&path).expect("there");
        assert_eq!(good.len(), CELLS + 4 * 64);
        drop(writer);
        Self { _dir: dir, path, good }
    }

    fn reader(&self, bytes: &[u8]) -> Reader {
        let _ = fs::remove_file(&self.path);
        fs::write(&self.path, bytes).expect("written");
        Reader::attach(ReaderOptions::at(&self.path))
    }

    /// Whether a reader of these bytes believes the whole cell of market 0 in slots 0 and 1.
    fn believes(&self, bytes: &[u8]) -> [bool; 2] {
        let reader = self.reader(bytes);
        [0, 1].map(|slot| reader.standing_at(NOW + 1, reader.place("a:X"), slot).is_ok())
    }

    /// What a reader of these bytes says to an opening order in market 0, slots 0 and 1.
    fn says(&self, bytes: &[u8]) -> [Verdict; 2] {
        let reader = self.reader(bytes);
        let place = reader.place("a:X");
        let exposure = Exposure { position: 1.0, ..Exposure::FLAT };
        let exit = Order::market(Intent::Exit, Side::Sell, 1.0);
        [0, 1].map(|slot| {
            assert_eq!(
                reader.check_at(NOW + 1, place, slot, &exit, &exposure),
                Verdict::Allow,
                "an exit always passes"
            );
            reader.check_at(NOW + 1, place, slot, &Order::limit(Intent::Open, Side::Buy, 1.0, 1.0), &exposure)
        })
    }

    fn with(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut file = self.good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    }

    /// As [`Self::with`], with a digest that fits again.
    fn forged(&self, at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut file = self.with(at, bytes);
        let sealed = file[..0x78].iter().chain(&file[0xc0..CELLS]);
        let digest = sealed.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        file[0x78..0x80].copy_from_slice(&digest.to_le_bytes());
        file
    }
}

fn is_halt(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Deny(Denial::Expired | Denial::UnknownMarket | Denial::Doubt))
}

#[test]
fn the_good_file_is_good_and_forging_nothing_keeps_it_so() {
    let bench = Bench::new();
    assert_eq!(bench.says(&bench.good), [Verdict::Allow; 2]);
    assert_eq!(bench.says(&bench.forged(0, b"FUSEGATE")), [Verdict::Allow; 2]);
}

#[test]
fn every_flipped_bit_of_header_and_table_reads_as_halt() {
    let bench = Bench::new();
    for at in (0..0x80).chain(0xc0..CELLS) {
        for bit in 0..8 {
            let verdicts = bench.says(&bench.with(at, &[bench.good[at] ^ 1 << bit]));
            assert!(verdicts.iter().all(is_halt), "byte {at:#x} bit {bit}: {verdicts:?}");
        }
    }
}

/// The first two words of a line answer for an opening order where nothing binds; everything else rests on all eight.
#[test]
fn every_flipped_bit_of_a_cell_reads_as_halt_where_that_cell_counts() {
    let bench = Bench::new();
    // Slot-major: market 0 has lines 0 (slot 0) and 2 (slot 1).
    for (line, counts) in [(0, [true, true]), (1, [false, false]), (2, [false, true]), (3, [false, false])] {
        for at in 0..64 {
            for bit in 0..8 {
                let byte = CELLS + line * 64 + at;
                let file = bench.with(byte, &[bench.good[byte] ^ 1 << bit]);
                let verdicts = bench.says(&file);
                let want_halt = counts.map(|counts| counts && at < 16);
                assert_eq!(verdicts.map(|it| is_halt(&it)), want_halt, "byte {byte:#x} bit {bit}: {verdicts:?}");
                assert_eq!(bench.believes(&file), counts.map(|counts| !counts), "byte {byte:#x} bit {bit}");
            }
        }
    }
}

#[test]
fn a_lease_that_no_daemon_gives_is_no_lease() {
    let bench = Bench::new();
    let lease = 250_000_000;
    for until in [0, 1, NOW, NOW + 1, NOW + 2 + 2 * lease, NOW << 1, 1 << 63, u64::MAX - 1, u64::MAX] {
        let verdicts = bench.says(&bench.with(0x80, &u64::to_le_bytes(until)));
        assert_eq!(verdicts, [Verdict::Deny(Denial::Expired); 2], "{until}");
    }
}

#[test]
fn every_header_field_of_a_forger_who_knows_the_digest_reads_as_halt() {
    let bench = Bench::new();
    let u32s = |value: u32| value.to_le_bytes().to_vec();
    let u64s = |value: u64| value.to_le_bytes().to_vec();
    let mut table = vec![(0, b"FUSEGARD".to_vec()), (0, vec![0; 8]), (0x0c, u32s(1)), (0x60, vec![7; 16])];
    for value in [0, 2, u32::MAX] {
        table.push((0x08, u32s(value)));
    }
    for value in [2, u32::MAX] {
        table.push((0x0c, u32s(value)));
    }
    for value in [0, 1, 3, 100_000, 100_001, 1 << 31, u32::MAX] {
        table.push((0x40, u32s(value)));
    }
    for value in [0, 1, 3, 64, 65, 256, 258, u32::MAX] {
        table.push((0x44, u32s(value)));
    }
    for (at, own) in [(0x18, 0x280), (0x48, 0xc0), (0x50, CELLS as u64)] {
        for value in [0, 1, own - 1, own + 64, 1 << 63, u64::MAX] {
            table.push((at, u64s(value)));
        }
    }
    for value in [0, u64::MAX / 4 + 1, u64::MAX] {
        table.push((0x58, u64s(value)));
    }
    table.push((0x70, u64s(1 << 32)));
    for name in [&b"\0"[..], b" ", b"\xff\xff", b"b:Y\0", b"a:X\0!", &[b'a'; 80]] {
        table.push((0xc0, name.to_vec()));
    }
    for size in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        table.push((0xc0 + 0x58, size.to_le_bytes().to_vec()));
    }
    for (at, bytes) in table {
        let verdicts = bench.says(&bench.forged(at, &bytes));
        assert!(verdicts.iter().all(is_halt), "at {at:#x} {bytes:x?}: {verdicts:?}");
    }
}

#[test]
fn every_length_but_the_right_one_reads_as_halt() {
    let bench = Bench::new();
    for length in 0..bench.good.len() {
        assert_eq!(bench.says(&bench.good[..length]), [Verdict::Deny(Denial::Expired); 2], "{length} bytes");
    }
    for more in [1, 64, 4096, 1 << 20] {
        let mut longer = bench.good.clone();
        longer.resize(bench.good.len() + more, 0);
        assert_eq!(bench.says(&longer), [Verdict::Deny(Denial::Expired); 2], "{more} bytes too many");
    }
}

#[test]
fn a_file_of_another_boot_or_an_older_schema_says_so() {
    let bench = Bench::new();
    for (at, bytes, want) in [
        (0x60, &[7; 16][..], Doubt::OtherBoot),
        (0x08, &[9, 0, 0, 0], Doubt::Schema(9)),
        (0x00, b"FUSEGARD", Doubt::Magic),
    ] {
        bench.says(&bench.forged(at, bytes));
        let reader = Reader::attach(ReaderOptions::at(&bench.path));
        assert_eq!(reader.trouble().map(|refusal| refusal.doubt.clone()), Some(want));
    }
}

#[test]
fn a_cell_that_is_always_odd_is_given_up_on() {
    let bench = Bench::new();
    let verdicts = bench.says(&bench.with(CELLS, &u64::to_le_bytes(3)));
    assert_eq!(verdicts, [Verdict::Deny(Denial::Doubt); 2]);
    let reader = Reader::attach(ReaderOptions::at(&bench.path));
    assert_eq!(reader.permission_at(NOW + 1, reader.place("a:X"), 0).stance(), Stance::Halt);
}

#[test]
fn a_device_or_a_pipe_in_its_place_does_not_hang_the_engine() {
    let dir = TempDir::new().expect("a directory");
    let pipe = dir.path().join("gate");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    for path in [pipe, PathBuf::from("/dev/zero")] {
        let reader = Reader::attach(ReaderOptions::at(path));
        assert_eq!(reader.trouble().map(|refusal| refusal.doubt.clone()), Some(Doubt::NotAFile));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_read_as_halt(mut bytes in prop::collection::vec(any::<u8>(), 0..1024), with_magic in any::<bool>()) {
        if let (true, Some(start)) = (with_magic, bytes.get_mut(..16)) {
            start.copy_from_slice(b"FUSEGATE\x01\0\0\0\0\0\0\0");
        }
        let bench = Bench::new();
        let verdicts = bench.says(&bytes);
        prop_assert!(verdicts.iter().all(is_halt), "{verdicts:?}");
    }

    #[test]
    fn a_good_file_with_a_random_patch_is_survived_and_exits_still_pass(
        at in 0..0x280_usize,
        patch in prop::collection::vec(any::<u8>(), 1..64),
        knows_the_digest in any::<bool>(),
    ) {
        let bench = Bench::new();
        let patch = &patch[..patch.len().min(bench.good.len() - at)];
        let file = if knows_the_digest { bench.forged(at, patch) } else { bench.with(at, patch) };
        bench.says(&file);
    }
}
