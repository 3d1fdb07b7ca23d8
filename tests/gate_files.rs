//! The life of the gate's files: made, read, replaced, guarded, acknowledged.

#![allow(clippy::expect_used, reason = "helpers of tests are not seen as tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fusewire::breaker::{Contract, Denial, Exposure, Intent, Order, Permission, Side, Sides, Stance, Verdict};
use fusewire::gate::{
    AckReader, AckWriter, CreateError, Doubt, Page, Place, Previous, Reader, ReaderOptions, Role, STARTING, Spec,
    SpecError, Writer,
};
use tempfile::TempDir;

const BTC: &str = "binance-usdm:BTCUSDT";
const DOT: &str = "binance-coinm:DOTUSD_PERP";
const NOW: u64 = 1_000_000_000_000;
const LEASE: u64 = 250_000_000;
const LONG: Exposure = Exposure { position: 10.0, working_buy: 0.0, working_sell: 4.0 };

struct Desk {
    _dir: TempDir,
    path: PathBuf,
}

impl Desk {
    fn new() -> Self {
        let dir = TempDir::new().expect("a directory");
        Self { path: dir.path().join("shm/gate"), _dir: dir }
    }

    fn spec() -> Spec {
        let inverse = Contract { flat: 10.0, per_price: 0.0 };
        let markets =
            vec![fusewire::gate::Listing::new(BTC, Contract::COIN), fusewire::gate::Listing::new(DOT, inverse)];
        Spec::gate(markets)
    }

    fn writer(&self) -> Writer {
        Writer::create(&self.path, &Self::spec()).expect("a gate")
    }

    fn guarded(&self) -> Writer {
        Writer::create(&self.path, &Spec { guard_required: true, ..Self::spec() }).expect("a gate")
    }

    fn guard(&self) -> Writer {
        let gate = Page::open(&self.path, Role::Gate, None).expect("a gate to guard");
        Writer::create(self.path.with_file_name("guard"), &Spec::guard(&gate)).expect("a guard")
    }

    fn reader(&self) -> Reader {
        Reader::attach(ReaderOptions::at(&self.path))
    }

    fn free(&self) -> Writer {
        let mut writer = self.writer();
        free(&mut writer);
        writer
    }
}

fn free(writer: &mut Writer) {
    for market in 0..2 {
        for slot in 0..8 {
            writer.publish(market, slot, &Permission::FREE, 0, 0).expect("a cell");
        }
    }
    writer.renew(1, NOW);
}

fn open() -> Order {
    Order::limit(Intent::Open, Side::Buy, 1.0, 100.0)
}

fn exit(qty: f64) -> Order {
    Order::market(Intent::Exit, Side::Sell, qty)
}

fn ask(reader: &Reader, place: Place, order: Order) -> Verdict {
    reader.check_at(NOW + 1, place, 0, &order, &LONG)
}

#[test]
fn a_new_gate_is_halted_until_somebody_speaks() {
    let desk = Desk::new();
    let mut writer = desk.writer();
    let reader = desk.reader();
    let btc = reader.place(BTC);
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::Expired));
    writer.renew(1, NOW);
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::Stance));
    assert_eq!(reader.read_cell(btc, 0).map(|cell| (cell.permission, cell.reason)), Some((Permission::HALT, STARTING)));
    free(&mut writer);
    assert_eq!(ask(&reader, btc, open()), Verdict::Allow);
}

#[test]
fn the_lease_holds_to_the_nanosecond_and_no_longer() {
    let desk = Desk::new();
    let mut writer = desk.free();
    let reader = desk.reader();
    let btc = reader.place(BTC);
    let at = |now| reader.check_at(now, btc, 0, &open(), &LONG);
    assert_eq!(at(NOW + LEASE - 1), Verdict::Allow);
    assert_eq!(at(NOW + LEASE), Verdict::Deny(Denial::Expired));
    assert_eq!(at(NOW - LEASE), Verdict::Allow, "a reading from just before the renewal");
    assert_eq!(at(NOW / 1_000), Verdict::Deny(Denial::Expired), "microseconds are no reading of the clock");
    assert_eq!(at(0), Verdict::Deny(Denial::Expired));
    writer.suspend();
    assert_eq!(at(NOW + 1), Verdict::Deny(Denial::Expired));
    writer.renew(2, NOW);
    assert_eq!(at(NOW + 1), Verdict::Allow);
    writer.close();
    assert_eq!(at(NOW + 1), Verdict::Deny(Denial::Expired));
    assert_eq!(reader.glance().map(|glance| glance.retired), Some(true));
}

#[test]
fn exits_that_reduce_and_cancels_pass_whatever_is_wrong() {
    let desk = Desk::new();
    let absent = desk.reader();
    let writer = desk.free();
    let reader = desk.reader();
    let other = Desk::new();
    let stranger = other.free();
    for (reader, place, now, why) in [
        (&absent, Place::UNKNOWN, NOW + 1, Denial::Expired),
        (&reader, Place::UNKNOWN, NOW + 1, Denial::UnknownMarket),
        (&reader, reader.place("nowhere:NOTHING"), NOW + 1, Denial::UnknownMarket),
        (&reader, reader.place(BTC), NOW + LEASE, Denial::Expired),
    ] {
        let ask = |order: Order| reader.check_at(now, place, 0, &order, &LONG);
        assert_eq!(ask(open()), Verdict::Deny(why));
        assert_eq!(ask(Order { intent: Intent::Reduce, ..exit(1.0) }), Verdict::Deny(why));
        assert_eq!(ask(exit(6.0)), Verdict::Allow);
        assert_eq!(ask(exit(7.0)), Verdict::Reduce { max_qty: 6.0 });
        assert_eq!(ask(Order { side: Side::Buy, ..exit(1.0) }), Verdict::Deny(Denial::WouldGrow));
        assert_eq!(ask(exit(f64::NAN)), Verdict::Deny(Denial::BadOrder));
        assert_eq!(ask(Order::cancel()), Verdict::Allow);
        assert_eq!(reader.permission_at(now, place, 0), Permission::HALT);
    }
    assert_eq!(reader.check_at(NOW + 1, reader.place(BTC), 8, &open(), &LONG), Verdict::Deny(Denial::UnknownMarket));
    drop((writer, stranger));
}

#[test]
fn slot_zero_binds_every_strategy_and_another_slot_only_its_own() {
    let desk = Desk::new();
    let mut writer = desk.free();
    let reader = desk.reader();
    let btc = reader.place(BTC);
    let half = Permission::of(Stance::Caution).with_size_factor(0.5);
    writer.publish(0, 3, &half, 20, 7).expect("a cell");
    let at = |slot| reader.permission_at(NOW + 1, btc, slot);
    assert_eq!((at(0), at(2), at(3)), (Permission::FREE, Permission::FREE, half));
    let one_side = Permission::FREE.with_sides(Sides::SELL);
    writer.publish(0, 0, &one_side, 21, 8).expect("a cell");
    assert_eq!((at(0), at(2), at(3)), (one_side, one_side, half.with_sides(Sides::SELL)));
    assert_eq!(reader.permission_at(NOW + 1, reader.place(DOT), 3), Permission::FREE);
    assert_eq!(reader.read_cell(btc, 3).map(|cell| (cell.reason, cell.incident)), Some((20, 7)));
    assert!(writer.publish(2, 0, &half, 0, 0).is_err());
    assert!(writer.publish(0, 8, &half, 0, 0).is_err());
}

#[test]
fn the_maximum_notional_knows_each_contract() {
    let desk = Desk::new();
    let mut writer = desk.free();
    let bounded = Permission::FREE.with_max_notional(50.0);
    for market in 0..2 {
        writer.publish(market, 0, &bounded, 0, 0).expect("a cell");
    }
    let reader = desk.reader();
    let order = Order::limit(Intent::Open, Side::Buy, 8.0, 100.0);
    assert_eq!(ask(&reader, reader.place(BTC), order), Verdict::Reduce { max_qty: 0.5 });
    assert_eq!(ask(&reader, reader.place(DOT), order), Verdict::Reduce { max_qty: 5.0 });
}

#[test]
fn a_second_daemon_is_refused_until_the_first_is_gone() {
    let desk = Desk::new();
    let first = desk.free();
    let before = fs::read(&desk.path).expect("there");
    let refused = Writer::claim(&desk.path, Role::Gate).expect_err("busy");
    assert!(matches!(refused, CreateError::Busy(_)));
    assert!(refused.to_string().contains("another daemon writes this gate"), "{refused}");
    let refused = Writer::create(&desk.path, &Desk::spec()).expect_err("busy");
    assert!(matches!(refused, CreateError::Busy(_)));
    assert!(fs::read(&desk.path).expect("there") == before, "not a byte is touched");
    let reader = desk.reader();
    assert_eq!(ask(&reader, reader.place(BTC), open()), Verdict::Allow, "and the first goes on undisturbed");
    first.close();
    desk.writer();
}

#[test]
fn a_restart_replaces_the_file_and_the_reader_notices() {
    let desk = Desk::new();
    let first = desk.free();
    let mut reader = desk.reader();
    let btc = reader.place(BTC);
    let before = reader.glance().expect("attached").generation;
    assert!(!reader.refresh(), "nothing changed");
    // As after kill -9: the lease of the old file still runs when the new daemon comes.
    first.close();
    unretire(&desk.path);
    assert_eq!(ask(&reader, btc, open()), Verdict::Allow);
    let mut second = desk.writer();
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::Expired), "the old file is retired at once");
    free(&mut second);
    assert!(reader.refresh());
    assert!(reader.glance().expect("attached").generation > before);
    assert_eq!(ask(&reader, btc, open()), Verdict::Allow, "same markets: the old place still holds");
}

/// Puts the living words back as a killed daemon leaves them.
fn unretire(path: &Path) {
    use std::os::unix::fs::FileExt;
    let file = fs::OpenOptions::new().write(true).open(path).expect("the gate");
    file.write_all_at(&(NOW + LEASE).to_le_bytes(), 0x80).expect("lease");
    file.write_all_at(&0_u64.to_le_bytes(), 0x90).expect("retired");
}

#[test]
fn a_place_from_another_table_is_an_unknown_market() {
    let desk = Desk::new();
    drop(desk.free());
    let mut reader = desk.reader();
    let (btc, dot) = (reader.place(BTC), reader.place(DOT));
    let mut turned = Desk::spec();
    turned.markets.reverse();
    let mut writer = Writer::create(&desk.path, &turned).expect("a gate");
    free(&mut writer);
    assert!(reader.refresh());
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::UnknownMarket));
    assert_eq!(reader.read_cell(dot, 0), None);
    assert_eq!(ask(&reader, reader.place(BTC), open()), Verdict::Allow);
    assert_eq!((btc.number(), reader.place(BTC).number(), Place::UNKNOWN.number()), (Some(0), Some(1), None));
}

#[test]
fn an_engine_that_starts_before_the_daemon_waits_in_halt() {
    let desk = Desk::new();
    let mut reader = desk.reader();
    assert_eq!(reader.trouble().map(|refusal| refusal.doubt.clone()), Some(Doubt::Io(std::io::ErrorKind::NotFound)));
    assert!(Reader::open(ReaderOptions::at(&desk.path)).is_err());
    assert!(!reader.refresh(), "still nothing");
    let writer = desk.free();
    assert!(reader.refresh());
    assert_eq!(reader.trouble(), None);
    assert_eq!(ask(&reader, reader.place(BTC), open()), Verdict::Allow);
    drop(writer);
    fs::remove_file(&desk.path).expect("gone");
    assert!(reader.refresh());
    assert_eq!(ask(&reader, Place::UNKNOWN, open()), Verdict::Deny(Denial::Expired));
}

#[test]
fn the_next_start_reads_what_the_last_file_said() {
    let desk = Desk::new();
    let claim = || Writer::claim(&desk.path, Role::Gate).expect("nobody writes");
    let first = claim();
    assert_eq!(first.previous(), &Previous::None);
    let mut first = first.create(&Desk::spec()).expect("a gate");
    let cautious = Permission::of(Stance::Caution).with_max_notional(5.0);
    first.publish(1, 0, &cautious, 20, 99).expect("a cell");
    first.publish(1, 2, &Permission::FREE, 0, 0).expect("a cell");
    first.close();
    let second = claim();
    let said = |name, slot| second.previous().permission(name, slot);
    assert_eq!((said(DOT, 0), said(DOT, 2)), (Some(cautious), Some(Permission::FREE)));
    assert_eq!((said(BTC, 0), said(DOT, 1), said("a:NEW", 0)), (None, None, None), "never published");
    let Previous::Read { cells, .. } = second.previous() else { panic!("readable") };
    assert_eq!(cells.get(DOT).and_then(|cells| cells.first()).map(|cell| (cell.reason, cell.incident)), Some((20, 99)));
    drop(second);
    assert_eq!(claim().previous().permission(DOT, 0), Some(cautious), "a claim that is dropped has changed nothing");
    fs::write(&desk.path, b"FUSEGATE and then nothing").expect("damage");
    let third = claim();
    assert!(matches!(third.previous(), Previous::Damaged(Doubt::Size { .. })), "{:?}", third.previous());
    assert_eq!(third.previous().permission(BTC, 0), Some(Permission::HALT));
    third.create(&Desk::spec()).expect("damage is replaced");
    let guard = Spec { role: Role::Guard, ..Desk::spec() };
    let refused = claim().create(&guard).expect_err("claimed as a gate");
    assert!(matches!(refused, CreateError::Spec(SpecError::Role(Role::Guard))), "{refused}");
}

#[test]
fn a_claim_holds_the_gate_until_it_is_dropped() {
    let desk = Desk::new();
    drop(desk.free());
    let claim = Writer::claim(&desk.path, Role::Gate).expect("nobody writes");
    assert!(matches!(Writer::claim(&desk.path, Role::Gate), Err(CreateError::Busy(_))));
    let writer = claim.create(&Desk::spec()).expect("a gate");
    assert!(
        matches!(Writer::claim(&desk.path, Role::Gate), Err(CreateError::Busy(_))),
        "the writer took the lock over"
    );
    drop(writer);
    drop(Writer::claim(&desk.path, Role::Gate).expect("free again"));
}

#[test]
fn a_required_guard_can_only_tighten_and_its_death_reads_as_halt() {
    let desk = Desk::new();
    let mut gate = desk.guarded();
    free(&mut gate);
    let mut reader = desk.reader();
    assert_eq!(reader.trouble().map(|refusal| refusal.path.clone()), Some(desk.path.with_file_name("guard")));
    let mut guard = desk.guard();
    assert!(reader.refresh());
    let btc = reader.place(BTC);
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::Expired), "the guard has not beaten yet");
    free(&mut guard);
    assert_eq!(ask(&reader, btc, open()), Verdict::Allow);

    let narrow = Permission::of(Stance::Caution).with_size_factor(0.5);
    guard.publish(0, 0, &narrow, 20, 1).expect("a cell");
    gate.publish(0, 0, &Permission::of(Stance::Caution).with_collar(90.0, 110.0), 21, 2).expect("a cell");
    assert_eq!(reader.permission_at(NOW + 1, btc, 0), narrow.with_collar(90.0, 110.0));
    gate.publish(0, 0, &Permission::FREE, 0, 0).expect("a daemon that wakes up again");
    assert_eq!(reader.permission_at(NOW + 1, btc, 0), narrow, "does not undo the guard");

    guard.close();
    assert_eq!(ask(&reader, btc, open()), Verdict::Deny(Denial::Expired));
    assert_eq!(ask(&reader, btc, exit(6.0)), Verdict::Allow);
}

#[test]
fn a_guard_of_other_markets_is_not_believed_and_one_that_nobody_asked_for_is_not_read() {
    let desk = Desk::new();
    let mut alone = desk.free();
    let mut guard = desk.guard();
    guard.publish(0, 0, &Permission::HALT, 20, 1).expect("a cell");
    let mut reader = desk.reader();
    assert_eq!(ask(&reader, reader.place(BTC), open()), Verdict::Allow);
    alone.suspend();
    drop(alone);

    let mut spec = Spec { guard_required: true, ..Desk::spec() };
    spec.markets.pop();
    let _other = Writer::create(&desk.path, &spec).expect("a gate");
    assert!(reader.refresh());
    assert_eq!(reader.trouble().map(|refusal| refusal.doubt.clone()), Some(Doubt::GuardDiffers));
}

#[test]
fn files_are_for_the_group_to_read_and_for_nobody_else_to_write() {
    let desk = Desk::new();
    let writer = desk.free();
    let mode = |path: &Path| fs::metadata(path).expect("there").mode() & 0o7777;
    assert_eq!(mode(&desk.path), 0o640);
    assert_eq!(mode(desk.path.parent().expect("a directory")), 0o750);
    assert_eq!(mode(&desk.path.with_file_name("gate.lock")), 0o600, "or a reader could hold it");

    let doubt = |options| Reader::attach(options).trouble().map(|refusal| refusal.doubt.clone());
    let here = ReaderOptions::at(&desk.path);
    for wrong in [0o660, 0o642, 0o666] {
        fs::set_permissions(&desk.path, fs::Permissions::from_mode(wrong)).expect("ours");
        assert_eq!(doubt(here.clone()), Some(Doubt::Mode(wrong)));
    }
    fs::set_permissions(&desk.path, fs::Permissions::from_mode(0o640)).expect("ours");
    assert_eq!(doubt(here.clone()), None);
    let own = fs::metadata(&desk.path).expect("there").uid();
    assert_eq!(doubt(here.clone().owned_by(own)), None);
    assert_eq!(doubt(here.owned_by(own + 1)), Some(Doubt::Owner { found: own, expected: own + 1 }));

    let link = desk.path.with_file_name("link");
    symlink(&desk.path, &link).expect("a link");
    assert!(matches!(doubt(ReaderOptions::at(&link)), Some(Doubt::Io(_))));
    assert_eq!(doubt(ReaderOptions::at(desk.path.parent().expect("a directory"))), Some(Doubt::NotAFile));
    drop(writer);
}

#[test]
fn a_directory_that_others_can_write_is_refused_with_the_way_out() {
    let desk = Desk::new();
    let dir = desk.path.parent().expect("a directory");
    fs::create_dir(dir).expect("new");
    fs::set_permissions(dir, fs::Permissions::from_mode(0o777)).expect("ours");
    let refused = Writer::create(&desk.path, &Desk::spec()).expect_err("open to all");
    assert!(refused.to_string().ends_with("mode 0777 (chmod 0750)"), "{refused}");
}

#[test]
fn a_spec_out_of_range_is_refused_before_anything_is_touched() {
    let desk = Desk::new();
    for (spec, want) in [
        (Spec { slots: 0, ..Desk::spec() }, SpecError::Slots(0)),
        (Spec { slots: 65, ..Desk::spec() }, SpecError::Slots(65)),
        (Spec { lease_ns: 0, ..Desk::spec() }, SpecError::Lease(0)),
        (Spec { lease_ns: u64::MAX, ..Desk::spec() }, SpecError::Lease(u64::MAX)),
    ] {
        let refused = Writer::create(&desk.path, &spec).expect_err("out of range");
        assert!(matches!(refused, CreateError::Spec(found) if found == want));
    }
    assert!(!desk.path.parent().expect("a directory").exists());
}

#[test]
fn the_daemon_sees_what_the_engine_saw_allowed_and_denied() {
    let desk = Desk::new();
    let mut gate = desk.free();
    let reader = desk.reader();
    let path = desk.path.with_file_name("ack");
    let acks = AckReader::new(&path, None);
    assert!(acks.read().is_err(), "no engine yet");
    let mut engine = AckWriter::create(&path).expect("an ack file");
    assert_eq!(acks.read(), Ok(None), "an engine that has said nothing");

    engine.count(&Verdict::Allow);
    engine.count(&Verdict::Reduce { max_qty: 1.0 });
    engine.count(&Verdict::Deny(Denial::Stance));
    gate.renew(77, NOW);
    engine.write(&reader.glance().expect("attached"), NOW + 5);
    let ack = acks.read().expect("ours").expect("written");
    assert_eq!((ack.generation, ack.probe_seq, ack.changes), (gate.header().generation, 77, 16));
    assert_eq!((ack.allowed, ack.denied, ack.at), (2, 1, NOW + 5));
    assert!(AckReader::new(&path, Some(u32::MAX)).read().is_err(), "not that user's");

    drop(engine);
    let whole = fs::read(&path).expect("there");
    for byte in (0..0x0c).chain(0x10..0x20).chain(0x40..0x80) {
        let mut bad = whole.clone();
        bad[byte] ^= 4;
        fs::write(&path, &bad).expect("ours");
        assert!(acks.read().is_err(), "byte {byte:#x}");
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).expect("ours");
        assert!(acks.read().is_err(), "{length} bytes");
    }
}
