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

/// What happens two seconds into the story.
#[derive(Clone, Copy, PartialEq)]
enum Then {
    /// One market falls by an eighth.
    Falls,
    /// The venue closes, and opens again two seconds later; and so on.
    Closes,
}

/// Both markets trade, and something happens. Between them every other thing that the venue says.
fn frames(from: Nanos, then: Then) -> impl Iterator<Item = (Nanos, String)> + Send {
    (1..).flat_map(move |step: i64| {
        let at = Nanos(from.0 + step * STEP_NS);
        let (us, side) = (at.0 / 1000, if step % 2 == 0 { "B" } else { "S" });
        let since = step * STEP_NS - 2_000_000_000;
        let fallen = if then == Then::Falls && since > 0 { 0.875 } else { 1.0 };
        let is_closed = then == Then::Closes && since > 0 && (since / 2_000_000_000) % 2 == 0;
        let house = format!(r#"{{"ch":"house","is":"{}"}}"#, if is_closed { "counting its money" } else { "late session" });
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
                r#"{{"ch":"state/{market}","mark":{price:.2},"index":{price:.2},"funding_percent":"0.01","open":1000,"iv_percent":61,"vol":58,"near":[1200,"800"]}}"#
            );
            [print, top, forced, state].into_iter().take(if step % 100 == 0 { 4 } else { 1 })
        });
        let house = (step % 20 == 0).then_some(house);
        all.into_iter().flatten().chain(house).map(move |frame| (at, frame))
    })
}

/// The daemon and the pretended venue of the page.
fn running(then: Then, rules: &'static str) -> (Rig, VenueServer) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire/mydesk/venue.toml");
    let described = std::fs::read_to_string(folder).expect("a fixture");
    assert!(example().starts_with(described.trim_end()), "the page shows another venue than the fixtures are of");

    let reading = inspect_text(example(), "page", Depth::Topology);
    assert_eq!(reading.faults.to_string(), "");
    let venue = reading.settings.catalog.venue("mydesk").expect("on the page");
    let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
    let ping_every = std::time::Duration::from_millis(200);
    let options = VenueOptions { venue, ping_every, ..VenueOptions::default() };
    let server = VenueServer::start(frames(clock.now(), then), clock, options).expect("a port");

    let here = format!("venue = \"mydesk\"\nendpoint = \"{}\"\nbackoff_first_secs = 0.05\n", server.base());
    let feeds = example().replace("venue = \"mydesk\"\n", &here);
    (Rig::running(&Plan { feeds, rules, lease_ms: 1000, more: String::new() }), server)
}

const MARKETS: [&str; 2] = ["mydesk:BTC-USD-PERP", "mydesk:ETH-USD-PERP"];

/// Nothing that came was refused.
fn assert_all_read(rig: &Rig) {
    let page = rig.metrics();
    let bad = page.lines().filter(|line| line.starts_with("fusewire_feed_bad_frames_total{venue=\"mydesk\""));
    assert!(bad.clone().all(|line| line.ends_with(" 0")), "{:?}", bad.collect::<Vec<_>>());
}

#[test]
fn a_venue_of_the_desks_own_that_says_it_closes_halts_all_its_markets_and_frees_them_when_it_opens() {
    let rules = "[rules]\nuse_shipped = false\n[[rule]]\nname = \"venue-halted\"\nany = [\"status.halted\"]\n\
                 stance = \"Halt\"\nhold_secs = 0.15\nprobe_secs = 0.1\nramp = [0.5]\nstrikes_max = 0\n";
    let (mut rig, _server) = running(Then::Closes, rules);
    for wanted in [Stance::Normal, Stance::Halt, Stance::Normal] {
        for market in MARKETS {
            rig.wait_for_stance(market, |stance| stance == wanted);
        }
    }
    assert_all_read(&rig);
    assert_eq!(rig.end(), 0);
}

#[test]
fn a_venue_of_the_desks_own_halts_its_market() {
    let (mut rig, server) = running(Then::Falls, FAST_RULES);
    rig.wait_for_stance("mydesk:BTC-USD-PERP", |stance| stance == Stance::Normal);
    rig.wait_for_stance("mydesk:BTC-USD-PERP", |stance| stance == Stance::Halt);
    assert_eq!(rig.sight().of("mydesk:ETH-USD-PERP").permission.stance(), Stance::Normal, "{}", rig.log());

    let page = rig.metrics();
    let series = |name: &str| value(&page, &format!("{name}{{venue=\"mydesk\",connection=\"0\"}}"));
    assert!(series("fusewire_feed_events_total") > 100.0, "{page}");
    assert_eq!(series("fusewire_feed_losses_total") as u64, 0);
    assert_all_read(&rig);
    assert!(server.progress().subscriptions >= 8, "{:?}", server.progress());
    assert_eq!(rig.end(), 0);
}
