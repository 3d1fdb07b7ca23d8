//! Faults at random, of every venue at once: nothing panics, nothing grows, and no silence goes unnoticed.

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use fusewire::engine::{FeedState, Input};
use fusewire::venue_sim::{Drawn, Faults, VenueOptions};

use crate::running::Running;
use crate::scene::{of_every_venue, quick};

/// Silence is given up after one second; the machine may be slow.
const NOTICED_WITHIN: Duration = Duration::from_millis(2500);
/// More than allocators keep for themselves.
const GROWTH_MAX: u64 = 32 << 20;

fn seconds() -> f64 {
    std::env::var("FUSEWIRE_FAULT_SECS").ok().and_then(|secs| secs.parse().ok()).unwrap_or(10.0)
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") << 10
}

/// What a desk would see of a session.
struct Watch {
    heard: Instant,
    knows: bool,
    longest: Duration,
    delivered: u64,
}

impl Watch {
    fn listen(&mut self, running: &Running, until: Instant) {
        while Instant::now() < until {
            match running.inputs.recv_timeout(Duration::from_millis(50)) {
                Ok(Input::Event(_)) => {
                    (self.heard, self.knows) = (Instant::now(), false);
                    self.delivered += 1;
                }
                Ok(Input::Feed(report)) if matches!(report.state, FeedState::Late | FeedState::Down) => {
                    self.longest = self.longest.max(if self.knows { Duration::ZERO } else { self.heard.elapsed() });
                    self.knows = true;
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("the session is gone"),
            }
            assert!(self.knows || self.heard.elapsed() < NOTICED_WITHIN, "silent for {:?}", self.heard.elapsed());
        }
    }
}

#[test]
fn whatever_happens_every_silence_is_noticed_and_memory_is_flat() {
    let secs = seconds();
    of_every_venue(|scene| {
        let name = scene.venue.name();
        let seed = name.bytes().fold(0, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
        let drawn = Some(Drawn { seed, every_secs: 2.5 });
        let server =
            scene.open(VenueOptions { faults: Faults { written: Vec::new(), drawn }, ..VenueOptions::default() });
        let running = scene.connect(&server, quick());
        let begun = Instant::now();
        let mut watch = Watch { heard: begun, knows: true, longest: Duration::ZERO, delivered: 0 };
        watch.listen(&running, begun + Duration::from_secs_f64(secs / 3.0));
        let before = resident();
        watch.listen(&running, begun + Duration::from_secs_f64(secs));
        let grown = resident().saturating_sub(before);
        let counters = running.counters();
        println!(
            "{name}: {} events, {} losses, longest silence before it was noticed {:.2} s, {} KiB more",
            watch.delivered,
            counters.losses,
            watch.longest.as_secs_f64(),
            grown >> 10
        );
        assert!(grown < GROWTH_MAX, "{name}: {grown} bytes more");
        assert!(watch.delivered as f64 > secs * 20.0, "{name}: {} events of {}", watch.delivered, secs * 200.0);
        running.finish();
    });
}
