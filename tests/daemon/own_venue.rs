//! The venue of `docs/generic-venue.md`, as it stands there, from socket to gate.

use std::sync::Arc;

use fusewire::breaker::Stance;
use fusewire::config::{Depth, inspect_text};
use fusewire::event::Nanos;
use fusewire::feed::clock::{Clock, RealClock};
use fusewire::venue_sim::{VenueOptions, VenueServer};

use crate::rig::{FAST_RULES, Plan, Rig};
use crate::web::value;

const PAGE: &str = include_str!("../../docs/generic-venue.md");
/// How often each market trades.
const STEP_NS: i64 = 5_000_000;

/// The config on the page.
fn example() -> &'static str {
    let (_, rest) = PAGE.split_once("```toml\n").expect("a config");
    rest.split_once("```").expect("its end").0
}

/// Both markets trade; one falls by an eighth after two seconds. Between them every other thing that the venue says.
fn frames(from: Nanos) -> impl Iterator<Item = (Nanos, String)> + Send {
    (1..).flat_map(move |step: i64| {
        let at = Nanos(from.0 + step * STEP_NS);
        let (us, side) = (at.0 / 1000, if step % 2 == 0 { "B" } else { "S" });
        let fallen = if step * STEP_NS > 2_000_000_000 { 0.875 } else { 1.0 };
        let prices = [("BTC-USD-PERP", 60_000.0 * fallen), ("ETH-USD-PERP", 4_000.0)];
        let all = prices.map(|(market, price)| {
            let price = price * (1.0 + 1e-5 * (step % 3) as f64);
            let print = format!(
                r#"{{"ch":"prints/{market}","d":[{{"n":{step},"p":"{price:.2}","q":3,"w":"{side}","at":{us}}}]}}"#
            );
            let top = format!(
                r#"{{"ch":"top/{market}","d":{{"bid":["{price:.2}","5"],"ask":["{:.2}","7"],"at":{us}}}}}"#,
                price + 1.0
            );
            let forced = format!(r#"{{"ch":"forced/{market}","d":[{{"who":"L","p":"{price:.2}","q":4,"at":{us}}}]}}"#);
            let state = format!(
                r#"{{"ch":"state/{market}","mark":{price:.2},"index":{price:.2},"funding_percent":"0.01","open":1000}}"#
            );
            [print, top, forced, state].into_iter().take(if step % 100 == 0 { 4 } else { 1 })
        });
        all.into_iter().flatten().map(move |frame| (at, frame))
    })
}

#[test]
fn a_venue_of_the_desks_own_halts_its_market() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire/mydesk/venue.toml");
    let described = std::fs::read_to_string(folder).expect("a fixture");
    assert!(example().starts_with(described.trim_end()), "the page shows another venue than the fixtures are of");

    let reading = inspect_text(example(), "page", Depth::Topology);
    assert_eq!(reading.faults.to_string(), "");
    let venue = reading.settings.catalog.venue("mydesk").expect("on the page");
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let ping_every = std::time::Duration::from_millis(200);
    let options = VenueOptions { venue, ping_every, ..VenueOptions::default() };
    let server = VenueServer::start(frames(clock.now()), clock, options).expect("a port");

    let here = format!("venue = \"mydesk\"\nendpoint = \"{}\"\nbackoff_first_secs = 0.05\n", server.base());
    let feeds = example().replace("venue = \"mydesk\"\n", &here);
    let mut rig = Rig::running(&Plan { feeds, rules: FAST_RULES, lease_ms: 1000, more: String::new() });
    rig.wait_for_stance("mydesk:BTC-USD-PERP", |stance| stance == Stance::Normal);
    rig.wait_for_stance("mydesk:BTC-USD-PERP", |stance| stance == Stance::Halt);
    assert_eq!(rig.sight().of("mydesk:ETH-USD-PERP").permission.stance(), Stance::Normal, "{}", rig.log());

    let page = rig.metrics();
    let series = |name: &str| value(&page, &format!("{name}{{venue=\"mydesk\",connection=\"0\"}}"));
    assert!(series("fusewire_feed_events_total") > 100.0, "{page}");
    assert_eq!(series("fusewire_feed_losses_total") as u64, 0);
    let bad = page.lines().filter(|line| line.starts_with("fusewire_feed_bad_frames_total{venue=\"mydesk\""));
    assert!(bad.clone().all(|line| line.ends_with(" 0")), "{:?}", bad.collect::<Vec<_>>());
    assert!(server.progress().subscriptions >= 8, "{:?}", server.progress());
    assert_eq!(rig.end(), 0);
}
