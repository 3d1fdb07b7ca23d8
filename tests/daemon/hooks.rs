//! P7: a receiver that hangs delays nobody else.

use std::time::{Duration, Instant};

use crate::rig::{Plan, Rig};
use crate::scene::Scene;
use crate::web::{Deaf, Kind, quantile, value};

/// Differences below this are the machine's noise, seconds.
const NOISE: f64 = 100e-6;

fn hook(name: &str, url: &str) -> String {
    format!(
        "[[hook]]\nname = \"{name}\"\nkind = \"http\"\nurl = \"{url}\"\ntimeout_ms = 30000\non = [\"trip\", \"breaker\"]\n\n"
    )
}

/// Two daemons watch one venue at the same time, so that the machine's noise is the same for both.
#[test]
fn a_hook_that_hangs_30_s_changes_nothing_for_the_engine() {
    let venue = Scene::crashes_every(1.0).play();
    let (deaf, kind, control, other) = (Deaf::new(), Kind::new(), Kind::new(), Kind::new());
    let plan = |more| Plan { more, lease_ms: 1000, ..Plan::watching(&venue.base()) };
    let hung = Rig::running(&plan(hook("deaf", &deaf.url()) + &hook("kind", &kind.url())));
    let free = Rig::running(&plan(hook("heard", &other.url()) + &hook("kind", &control.url())));

    let (began, mut dark) = (Instant::now(), 0);
    let sight = hung.sight();
    while began.elapsed() < Duration::from_secs(10) {
        dark += u32::from(!sight.is_live());
        std::thread::sleep(Duration::from_millis(2));
    }
    let p50 = |page: &str| quantile(page, "fusewire_decision_latency_seconds", 0.5);
    let pages = [hung.metrics(), free.metrics()];
    let [with, without] = [p50(&pages[0]), p50(&pages[1])];
    let beats = value(&pages[0], "fusewire_lease_beats_total");
    println!(
        "decision p50 {:.1} us with a hung hook, {:.1} us without; {beats} beats, {dark} looks without a lease; \
         {} messages to the other hook, {} to the one of the control",
        with * 1e6,
        without * 1e6,
        kind.messages(),
        control.messages(),
    );
    assert!(deaf.visitors() >= 1, "the deaf receiver was called");
    assert_eq!(dark, 0, "the lease expired");
    assert!(with <= (without * 1.5).max(without + NOISE), "{with} against {without}");
    assert!(kind.messages() >= 10 && kind.messages() + 8 >= control.messages(), "the other hook goes on");
}
