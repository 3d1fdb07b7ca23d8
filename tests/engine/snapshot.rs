//! Snapshots: every bit of every detector is in them, and whatever is not a snapshot of these settings is refused.

use fusewire::detect::{Bank, Limits, Seen, Stream, legs};
use fusewire::engine::{Engine, EngineSettings, Input, SnapshotError};
use fusewire::event::{Completeness, Liquidated};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::chance::Chance;
use crate::composed::tape;
use crate::digest::{MARKETS, play};
use crate::stage::{at, interest, liquidation, quick, table, trade};

/// Magic, form, settings, checksum: what stands before the body.
const HEAD: usize = 6 + 2 + 32 + 32;

/// Settings under which silence is never looked at, so that a bank beside the engine sees exactly what the engine's sees.
fn deaf() -> EngineSettings {
    EngineSettings { look_ms: u32::MAX, ..quick() }
}

/// An engine with one market and a bank that saw the same.
fn twins() -> (Engine, Bank) {
    let settings = deaf();
    let mut engine = Engine::new(settings.clone(), table(&["a:DOT"]));
    let (mut bank, limits) = (Bank::new(&settings.detect), Limits::new(&settings.detect));
    let mut chance = Chance::new(3);
    let mut see = |event, seen: Seen<'_>| {
        engine.handle(Input::Event(event), &mut Vec::new());
        bank.see(&settings.detect, &limits, &seen);
    };
    for second in 0..400 {
        let (now, price) = (at(f64::from(second)), 100.0 + chance.unit());
        let seen =
            if second < 2 { Seen::Arrival { at: now, stream: Stream::Trades } } else { Seen::Price { at: now, price } };
        see(trade(0, second as u64 + 1, now, price), seen);
        if second % 20 == 3 {
            let forced = liquidation(0, now, price, 2.0, Liquidated::Long, true);
            let (liquidated, completeness) = (Liquidated::Long, Completeness::Full);
            see(forced, Seen::Liquidation { at: now, notional: 2.0 * price, liquidated, completeness });
            see(interest(0, now, price), Seen::OpenInterest { at: now, qty: price });
        }
    }
    (engine, bank)
}

/// The snapshot with one bank in the place of another, and a checksum that fits again.
fn transplanted(snapshot: &[u8], from: &Bank, to: &Bank) -> Vec<u8> {
    let (old, new) = (postcard::to_stdvec(from).unwrap(), postcard::to_stdvec(to).unwrap());
    let place = snapshot.windows(old.len()).position(|window| window == old).expect("the bank is in the snapshot");
    let body = [&snapshot[HEAD..place], &new, &snapshot[place + old.len()..]].concat();
    sealed(&snapshot[..HEAD - 32], &body)
}

fn sealed(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, Sha256::digest(body).as_slice(), body].concat()
}

/// The last bit of the `place`-th number of a value is turned; false when there are fewer. Of a whole number that is bit 0;
/// of a fraction bit 29, the last one that also a statistic kept in 32 bits has.
fn turn_bit(value: &mut Value, place: &mut usize) -> bool {
    match value {
        Value::Array(list) => list.iter_mut().any(|value| turn_bit(value, place)),
        Value::Object(map) => map.values_mut().any(|value| turn_bit(value, place)),
        Value::Number(number) if *place == 0 => {
            *value = match (number.as_u64(), number.as_i64()) {
                (Some(whole), _) => Value::from(whole ^ 1),
                (None, Some(whole)) => Value::from(whole ^ 1),
                (None, None) => Value::from(f64::from_bits(number.as_f64().unwrap().to_bits() ^ (1 << 29))),
            };
            true
        }
        Value::Number(_) => {
            *place -= 1;
            false
        }
        _ => false,
    }
}

/// P8: a table over every detector of the catalogue. Numbers are taken evenly from all over its state.
#[test]
fn one_bit_in_the_state_of_any_detector_changes_the_digest() {
    let (engine, bank) = twins();
    let whole = fusewire::engine::RunDigest::EMPTY.finish(&engine);
    let plain = serde_json::to_value(&bank).unwrap();
    let mut names: Vec<_> = legs().into_iter().map(|(name, _)| name).collect();
    names.dedup();
    for name in names {
        let mut turned = 0;
        for number in (0..).step_by(23) {
            let (mut value, mut place) = (plain.clone(), number);
            if !turn_bit(&mut value["detectors"][name], &mut place) {
                break;
            }
            let Ok(changed) = serde_json::from_value::<Bank>(value) else { continue };
            // A statistic kept in 32 bits has no such bit in a zero.
            if postcard::to_stdvec(&changed).unwrap() == postcard::to_stdvec(&bank).unwrap() {
                continue;
            }
            let snapshot = transplanted(&engine.snapshot(), &bank, &changed);
            let changed = Engine::restore(deaf(), &snapshot).expect("only a bit differs");
            assert_ne!(fusewire::engine::RunDigest::EMPTY.finish(&changed), whole, "{name}, number {number}");
            turned += 1;
        }
        assert!(turned > 0, "{name} has no state that could be turned");
    }
}

#[test]
fn a_snapshot_of_other_settings_or_of_another_form_is_refused() {
    let snapshot = play(&quick(), &tape()[..500]).engine.snapshot();
    assert!(Engine::restore(quick(), &snapshot).is_ok());
    let mut other = quick();
    other.detect.velocity.limit_percent = other.detect.velocity.limit_percent.next_up();
    assert_eq!(Engine::restore(other, &snapshot).unwrap_err(), SnapshotError::Settings);
    let mut newer = snapshot.clone();
    newer[6..8].copy_from_slice(&99_u16.to_le_bytes());
    assert_eq!(Engine::restore(quick(), &newer).unwrap_err(), SnapshotError::Format(99));
    assert_eq!(Engine::restore(quick(), b"").unwrap_err(), SnapshotError::NotOne);
}

#[test]
fn a_snapshot_cut_at_any_length_is_refused() {
    let snapshot = Engine::new(quick(), table(&["a:DOT"])).snapshot();
    for length in (0..snapshot.len()).step_by(if cfg!(debug_assertions) { 7 } else { 1 }) {
        assert!(Engine::restore(quick(), &snapshot[..length]).is_err(), "cut at {length}");
    }
    let longer = [snapshot.as_slice(), &[0]].concat();
    assert!(Engine::restore(quick(), &longer).is_err(), "one byte too many");
}

#[test]
fn a_snapshot_with_one_byte_changed_anywhere_is_refused() {
    let snapshot = play(&quick(), &tape()[..500]).engine.snapshot();
    let mut chance = Chance::new(5);
    for _ in 0..300 {
        let mut damaged = snapshot.clone();
        let place = chance.below(damaged.len() as u64) as usize;
        damaged[place] ^= 1 << chance.below(8);
        assert!(Engine::restore(quick(), &damaged).is_err(), "byte {place}");
    }
}

#[test]
fn random_bytes_are_no_snapshot_and_never_a_panic() {
    let head = Engine::new(quick(), table(&MARKETS)).snapshot()[..HEAD - 32].to_vec();
    let mut chance = Chance::new(6);
    for length in 0..400 {
        let noise: Vec<u8> = (0..length).map(|_| chance.bits() as u8).collect();
        assert!(Engine::restore(quick(), &noise).is_err());
        // Even behind a fitting head and checksum.
        assert!(Engine::restore(quick(), &sealed(&head, &noise)).is_err(), "noise of {length} bytes");
    }
}
