//! Places that somebody else has, or that have no room left.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::time::Instant;

use fusewire::breaker::{Permission, Stance};

use crate::rig::{Plan, Rig};
use crate::scene::{CALM, CRASHING, Scene};

/// The gate says something that only its file knows to a stranger: whoever reads it would have something to take up.
#[test]
fn a_second_daemon_on_a_gate_ends_and_changes_nothing() {
    let venue = Scene::crashes_every(0.5).play();
    let plan = Plan::watching(&venue.base());
    let mut first = Rig::new(&plan);
    first.set("hold_secs = 0.15", "hold_secs = 600");
    first.start(&[]);
    first.wait_for_lease();
    first.wait_for_stance(CRASHING, |stance| stance == Stance::Normal);
    first.wait_for_stance(CRASHING, |stance| stance == Stance::Halt);
    let before = first.sight().of(CRASHING);
    let file = || fs::metadata(first.path("gate/gate")).map(|file| (file.ino(), file.len())).expect("a gate");
    let file_before = file();

    let mut second = Rig::new(&plan);
    second.borrow("gate/gate", &first);
    second.start(&[]);
    assert_eq!(second.exit(), 1);
    assert!(second.log().contains("another daemon writes this gate (stop it first"), "{}", second.log());
    assert!(!second.path("store").exists(), "it has read nothing and keeps nothing");

    assert_eq!(file(), file_before, "the same file");
    assert!(first.sight().is_live(), "the first one goes on");
    assert_eq!(first.sight().of(CRASHING), before);
    assert_eq!(first.end(), 0);
}

#[test]
fn two_daemons_cannot_share_a_gate_or_a_store() {
    let venue = Scene::calm().play();
    let plan = Plan::watching(&venue.base());
    let first = Rig::running(&plan);
    for (place, want) in [("gate/gate", "another daemon writes this gate"), ("store", "held by process")] {
        let mut second = Rig::new(&plan);
        second.borrow(place, &first);
        let began = Instant::now();
        second.start(&[]);
        let code = second.exit();
        println!("{place}: exit {code} after {:.0} ms: {}", began.elapsed().as_secs_f64() * 1e3, second.log().trim());
        assert_eq!(code, 1);
        assert!(second.log().contains(want), "{}", second.log());
        assert!(first.sight().is_live(), "the first one goes on");
    }
    first.records(1);
}

/// A file may not grow beyond 256 KiB (512 blocks of 512 bytes), and the signal that says so is ignored: writes fail instead.
const SMALL_DISK: &str = r#"trap "" XFSZ; ulimit -f 512; exec "$@""#;

#[test]
fn a_full_store_closes_the_gate() {
    let venue = Scene::crashes_every(0.9).play();
    let mut rig = Rig::new(&Plan { lease_ms: 1000, ..Plan::watching(&venue.base()) });
    rig.start_in_shell(SMALL_DISK);
    rig.wait_for_lease();
    let began = Instant::now();
    let lasted = rig.wait_for("a full store", |rig| !rig.sight().is_live());
    let mut sight = rig.sight();
    for market in [CRASHING, CALM] {
        assert_eq!(sight.of(market).permission, Permission::HALT);
    }
    let (status, words) = rig.get("/readyz").expect("it still answers");
    println!("full after {:.1} s; ready: {status} {}", lasted.as_secs_f64(), words.trim());
    assert_eq!(status, 503);
    assert!(words.contains("store"), "{words}");
    assert!(rig.log().contains("gate closed"), "{}", rig.log());
    // It stays closed: nobody retries in silence.
    while began.elapsed() < lasted + std::time::Duration::from_secs(1) {
        assert!(!sight.is_live());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
