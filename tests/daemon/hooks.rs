//! P6 and P7: nobody misses a trip, whoever died; and a receiver that hangs delays nobody else.

use std::time::{Duration, Instant};

use fusewire::breaker::{Contract, Permission, Stance};
use fusewire::engine::Reason;
use fusewire::gate::{Listing, Spec, Writer};
use fusewire::record::Fact;

use crate::rig::{Plan, Rig};
use crate::scene::{CALM, CRASHING, Scene};
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

/// A daemon that died between gate and store, as its gate file shows it: a trip that no record tells of.
fn die_between_gate_and_store(rig: &Rig) {
    let markets = [CRASHING, CALM].map(|market| Listing::new(market, Contract::COIN));
    let mut writer = Writer::create(rig.path("gate/gate"), &Spec::gate(markets.into())).expect("nobody writes");
    writer.publish(0, 0, &Permission::HALT, Reason::FIRST_RULE, 0).expect("a cell");
    writer.publish(1, 0, &Permission::FREE, Reason::None as u32, 0).expect("a cell");
}

#[test]
fn hooks_are_told_of_a_trip_that_only_the_gate_knew() {
    let (venue, kind) = (Scene::calm().play(), Kind::new());
    let more = format!(
        "[[hook]]\nname = \"kind\"\nkind = \"http\"\nurl = \"{}\"\non = [\"breaker\"]\nmin_stance = \"Halt\"\n",
        kind.url()
    );
    let mut rig = Rig::new(&Plan { more, ..Plan::watching(&venue.base()) });
    rig.set("hold_secs = 0.15", "hold_secs = 600");
    die_between_gate_and_store(&rig);
    rig.start(&[]);
    rig.wait_for_lease();
    rig.wait_for_stance(CRASHING, |stance| stance == Stance::Halt);
    let told = rig.wait_for("a message", |_| kind.messages() == 1);
    println!("told after {:.0} ms", told.as_secs_f64() * 1e3);
    let body: serde_json::Value = serde_json::from_str(&kind.bodies()[0]).expect("json");
    assert_eq!(body["type"], "breaker.tripped", "{body}");
    assert!(body.to_string().contains("the gate said so when the last run died"), "{body}");

    // A second life knows it by its record, and tells nobody again.
    rig.kill();
    rig.start(&[]);
    rig.wait_for_lease();
    rig.wait_for_stance(CALM, |stance| stance == Stance::Normal);
    assert_eq!(rig.sight().of(CRASHING).permission.stance(), Stance::Halt);
    assert_eq!(rig.end(), 0);
    let trips = |fact: &Fact| matches!(fact, Fact::Breaker { scope, .. } if scope.ends_with(CRASHING));
    assert_eq!(rig.records(1).iter().filter(|record| trips(&record.fact)).count(), 1);
    let distinct: std::collections::BTreeSet<_> = kind.bodies().into_iter().collect();
    assert_eq!(distinct.len(), 1, "at least once, and always the same");
}
