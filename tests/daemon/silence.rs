//! P4: a daemon that is dead, stopped or hung reads as expired, soon.

use std::time::{Duration, Instant};

use fusewire::gate::now_mono;
use rustix::process::Signal;

use crate::rig::{PATIENCE, Plan, Rig};
use crate::scene::{CALM, Scene};

/// What is promised with the default lease.
const PROMISED_NS: u64 = 300_000_000;

/// Whether every reader of the gate sees the lease over by the promised time, and how long it lasted since `from`.
///
/// A reader judges by the time it is given: asking about an instant is exact, however late we come to ask.
fn lasted(rig: &Rig, from: u64) -> f64 {
    let mut sight = rig.sight();
    sight.of(CALM);
    while now_mono() < from + PROMISED_NS {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(sight.is_expired_at(CALM, from + PROMISED_NS), "the lease outlives its daemon");
    assert!(!sight.is_live());
    sight.lease().0.saturating_sub(from) as f64 / 1e6
}

#[test]
fn dead_stopped_or_hung_it_reads_expired_within_300_ms() {
    let venue = Scene::calm().play();
    let plan = Plan::watching(&venue.base());

    let mut rig = Rig::running(&plan);
    let at = rig.kill();
    println!("killed:  expired after {:.1} ms", lasted(&rig, at));

    rig.start(&[]);
    rig.wait_for_lease();
    rig.signal(Signal::STOP);
    let at = now_mono();
    println!("stopped: expired after {:.1} ms", lasted(&rig, at));
    rig.signal(Signal::CONT);
    let back = rig.wait_for("the lease to come back", |rig| rig.sight().is_live());
    println!("continued: a lease again after {:.1} ms", back.as_secs_f64() * 1e3);
    assert_eq!(rig.end(), 0);

    rig.start(&["--hang-at", "1500"]);
    rig.wait_for_lease();
    println!("hung:    expired after {:.1} ms", lasted(&rig, last_renewal(&rig)));
    rig.kill();
}

/// The first moment at which the last renewal could be seen.
fn last_renewal(rig: &Rig) -> u64 {
    let sight = rig.sight();
    let (began, mut seen, mut at) = (Instant::now(), sight.lease().1, now_mono());
    while now_mono() < at + PROMISED_NS {
        if sight.lease().1 != seen {
            (seen, at) = (sight.lease().1, now_mono());
        }
        assert!(began.elapsed() < PATIENCE, "it does not hang");
        std::thread::sleep(Duration::from_micros(500));
    }
    at
}
