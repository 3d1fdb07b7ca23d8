//! P14: what finds no room is counted, to the last one.

use std::time::Duration;

use crate::rig::{Plan, Rig};
use crate::scene::Scene;
use crate::web::value;

/// The engine's thread hangs; feeds go on, fill the channel, and then everything they offer is a counted loss.
#[test]
fn overload_is_counted() {
    const TAKEN: f64 = 1000.0;
    let venue = Scene::calm().play();
    let plan = Plan::watching(&venue.base());
    let mut rig = Rig::new(&plan);
    rig.set("look_ms = 20", "look_ms = 20\nchannel = 1024");
    rig.start(&["--hang-at", "1000"]);
    let read = |rig: &Rig| {
        let page = rig.metrics();
        ["offered_total", "dropped_total", "depth"].map(|name| value(&page, &format!("fusewire_channel_{name}")))
    };
    rig.wait_for("a server", |rig| rig.get("/healthz").is_some());
    rig.wait_for("the first loss", |rig| read(rig)[1] > 0.0);
    let [offered, dropped, depth] = read(&rig);
    std::thread::sleep(Duration::from_secs(1));
    let [offered_later, dropped_later, _] = read(&rig);
    println!(
        "offered {offered}, dropped {dropped}, waiting {depth}; a second later offered {offered_later}, dropped {dropped_later}"
    );
    // What was offered was taken, waits, or is lost. Probes wait too, so what waits is an upper bound.
    assert!(offered - dropped <= TAKEN + 1.0 + depth, "more passed than fits");
    assert!(offered_later > offered + 100.0, "feeds go on");
    // Two counters are read one after the other: one event may fall between them.
    let passed = (offered_later - offered) - (dropped_later - dropped);
    assert!(passed.abs() <= 2.0, "{passed} inputs passed a full channel");
}
