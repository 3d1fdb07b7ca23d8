//! A writer that hammers cells while readers look: whatever is read was published as a whole.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use fusewire::breaker::{Contract, Denial, Permission, Sides, Stance};
use fusewire::gate::{AckReader, AckWriter, Glance, Listing, Page, Reader, ReaderOptions, Role, Spec, Writer};
use tempfile::TempDir;

const ROUNDS: u32 = 3_000_000;
const NOW: u64 = 1_000_000_000_000;

/// Every field follows from `n`, so that a mixture of two publications shows.
fn numbered(n: u32) -> Permission {
    let n64 = f64::from(n);
    let sides = Sides { buy: n & 1 == 0, sell: n & 2 == 0 };
    Permission::of(Stance::from_u8(n as u8 & 3).unwrap_or_default())
        .with_sides(sides)
        .with_size_factor(1.0 / (1.0 + n64))
        .with_max_notional(n64)
        .with_collar(n64, 2.0 * n64)
}

fn number_of(permission: &Permission) -> u32 {
    permission.collar_low() as u32
}

#[test]
fn readers_only_ever_see_what_was_published() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("gate");
    let markets = vec![Listing::new("a:X", Contract::COIN), Listing::new("a:Y", Contract::COIN)];
    let mut writer = Writer::create(&path, &Spec::gate(markets)).expect("a gate");
    writer.renew(1, NOW);
    for market in 0..2 {
        writer.publish(market, 0, &numbered(0), 0, 0).expect("a cell");
        writer.publish(market, 5, &numbered(0), 0, 0).expect("a cell");
    }
    let done = AtomicBool::new(false);
    let (reads, doubts) = thread::scope(|scope| {
        let judge = scope.spawn(|| {
            let reader = Reader::attach(ReaderOptions::at(&path));
            let place = reader.place("a:X");
            let (mut reads, mut doubts, mut last) = (0_u64, 0_u64, 0);
            while !done.load(Ordering::Relaxed) {
                match reader.standing_at(NOW + 1, place, 0) {
                    Ok(permission) => {
                        let n = number_of(&permission);
                        assert_eq!(permission, numbered(n));
                        assert!(n >= last, "went back from {last} to {n}");
                        (reads, last) = (reads + 1, n);
                    }
                    Err(why) => {
                        assert_eq!(why, Denial::Doubt);
                        doubts += 1;
                    }
                }
            }
            (reads, doubts)
        });
        scope.spawn(|| {
            let page = Page::open(&path, Role::Gate, None).expect("a gate");
            while !done.load(Ordering::Relaxed) {
                let Some(cell) = page.cell(1, 5) else { continue };
                let n = number_of(&cell.permission);
                assert_eq!((cell.permission, cell.reason, cell.incident), (numbered(n), n, u64::from(n) << 32));
            }
        });
        for n in 1..=ROUNDS {
            let permission = numbered(n);
            writer.publish(0, 0, &permission, n, u64::from(n) << 32).expect("a cell");
            writer.publish(1, 5, &permission, n, u64::from(n) << 32).expect("a cell");
        }
        done.store(true, Ordering::Relaxed);
        judge.join().expect("no assertion failed")
    });
    println!("{ROUNDS} publications, {reads} whole reads, {doubts} given up as torn");
    assert!(reads > 1_000, "only {reads} reads came through");
}

#[test]
fn acknowledgements_are_read_whole_or_not_at_all() {
    let dir = TempDir::new().expect("a directory");
    let path = dir.path().join("ack");
    let mut engine = AckWriter::create(&path).expect("an ack file");
    let done = AtomicBool::new(false);
    let reads = thread::scope(|scope| {
        let daemon = scope.spawn(|| {
            let acks = AckReader::new(&path, None);
            let mut reads = 0_u64;
            while !done.load(Ordering::Relaxed) {
                if let Ok(Some(ack)) = acks.read() {
                    let n = ack.generation;
                    assert_eq!((ack.probe_seq, ack.changes, ack.at), (n.wrapping_mul(3), !n, n << 8));
                    reads += 1;
                }
            }
            reads
        });
        for generation in 1..=u64::from(ROUNDS) {
            let probe_seq = generation.wrapping_mul(3);
            let seen = Glance { generation, probe_seq, changes: !generation, lease_until: 0, retired: false };
            engine.write(&seen, generation << 8);
        }
        done.store(true, Ordering::Relaxed);
        daemon.join().expect("no assertion failed")
    });
    println!("{ROUNDS} acknowledgements, {reads} whole reads");
}
