//! The gate file, as a trading engine, the daemon and `gate read` see it. The first byte says what the rest is: 0 a whole
//! file; 1 changes to a good one (two bytes of place, one of value each); 2 the same behind a digest that fits again;
//! 3 an acknowledgement file. A whole file gets the boot of this machine where bit 2 is set.
//!
//! Never a panic; an exit always passes; what is not sealed reads as Halt; whatever is allowed is in its range.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use fusewire::breaker::{Contract, Exposure, Intent, Order, Permission, Side, Verdict};
use fusewire::gate::{AckReader, Listing, Page, Reader, ReaderOptions, Role, Spec, Writer, boot_id};

const NOW: u64 = 1_000_000_000_000;
const TABLE: usize = 0xc0;
const CELLS: usize = 0x180;

pub fn check(data: &[u8]) {
    let Some((pick, rest)) = data.split_first() else { return };
    let bench = bench();
    match pick & 3 {
        0 => {
            let mut file = rest.to_vec();
            if let Some(boot) = file.get_mut(0x60..0x70).filter(|_| pick & 4 != 0) {
                boot.copy_from_slice(&boot_id().expect("a boot"));
            }
            bench.judge(&file);
        }
        1 => {
            let file = changed(&bench.good, rest);
            let is_sealed =
                file.get(..0x80) == bench.good.get(..0x80) && file.get(TABLE..CELLS) == bench.good.get(TABLE..CELLS);
            let allowed = bench.judge(&file);
            assert!(is_sealed || !allowed, "a changed header or table was believed");
        }
        2 => {
            bench.judge(&resealed(changed(&bench.good, rest)));
        }
        _ => {
            fs::write(&bench.path, rest).expect("written");
            let _ = AckReader::new(&bench.path, None).read();
        }
    }
}

struct Bench {
    path: PathBuf,
    good: Vec<u8>,
}

/// A gate of two markets and two slots that allows everything, with a running lease.
fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let dir = place.join(format!("fusewire-fuzz-{}", std::process::id()));
        let path = dir.join("gate");
        let markets = vec![Listing::new("a:X", Contract::COIN), Listing::new("b:Y", Contract::COIN)];
        let mut writer = Writer::create(&path, &Spec { slots: 2, ..Spec::gate(markets) }).expect("a gate");
        for (market, slot) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            writer.publish(market, slot, &Permission::FREE, 0, 0).expect("a cell");
        }
        writer.renew(1, NOW);
        let good = fs::read(&path).expect("there");
        drop(writer);
        Bench { path, good }
    })
}

impl Bench {
    /// Whether anything may be opened by this file.
    fn judge(&self, file: &[u8]) -> bool {
        let _ = fs::remove_file(&self.path);
        fs::write(&self.path, file).expect("written");
        let reader = Reader::attach(ReaderOptions::at(&self.path));
        let _ = reader.trouble().map(ToString::to_string);
        let mut allowed = false;
        for name in ["a:X", "b:Y", "c:Z"] {
            let place = reader.place(name);
            for slot in [0, 1, 7, 255] {
                allowed |= judge(&reader, place, slot);
                let _ = reader.read_cell(place, slot);
            }
        }
        if let Ok(page) = Page::open(&self.path, Role::Gate, None) {
            let _ = (page.header().clone(), page.glance());
        }
        let claim = Writer::claim(&self.path, Role::Gate).expect("nobody else holds it");
        for slot in [0, 1, 255] {
            sound(&claim.previous().permission("a:X", slot).unwrap_or(Permission::HALT));
        }
        allowed
    }
}

fn judge(reader: &Reader, place: fusewire::gate::Place, slot: u8) -> bool {
    let exposure = Exposure { position: 1.0, ..Exposure::FLAT };
    let exit = Order::market(Intent::Exit, Side::Sell, 1.0);
    assert_eq!(reader.check_at(NOW + 1, place, slot, &exit, &exposure), Verdict::Allow, "an exit always passes");
    sound(&reader.permission_at(NOW + 1, place, slot));
    match reader.check_at(NOW + 1, place, slot, &Order::limit(Intent::Open, Side::Buy, 1.0, 1.0), &exposure) {
        Verdict::Allow => true,
        Verdict::Reduce { max_qty } => {
            assert!(max_qty > 0.0 && max_qty < 1.0, "{max_qty}");
            true
        }
        Verdict::Deny(_) => false,
    }
}

fn sound(permission: &Permission) {
    assert!((0.0..=1.0).contains(&permission.size_factor()), "{permission:?}");
    assert!(permission.max_notional() >= 0.0, "{permission:?}");
}

fn changed(good: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut file = good.to_vec();
    for change in changes.chunks_exact(3) {
        if let [low, high, value] = change
            && let Some(byte) = file.get_mut(usize::from(u16::from_le_bytes([*low, *high])) % good.len())
        {
            *byte = *value;
        }
    }
    file
}

fn resealed(mut file: Vec<u8>) -> Vec<u8> {
    let sealed = file.iter().take(0x78).chain(file.iter().take(CELLS).skip(TABLE));
    let digest = sealed
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    if let Some(place) = file.get_mut(0x78..0x80) {
        place.copy_from_slice(&digest.to_le_bytes());
    }
    file
}
