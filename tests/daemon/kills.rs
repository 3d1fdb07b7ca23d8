//! P1: kill -9 at any instant, over one store and one gate, again and again.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use fusewire::breaker::Stance;
use fusewire::record::{Fact, Record};
use fusewire::serve::BreakerRow;
use fusewire::serve::control::{Request, Response, ask};

use crate::audit::{Judge, Sightings};
use crate::chance::Chance;
use crate::rig::{Plan, Rig};
use crate::scene::{CALM, CRASHING, Scene};

/// When a life ends.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// So long after the start: early, while the last life is taken up.
    After(Duration),
    /// So long after the gate has become stricter so many times: the record may be on its way to the disk.
    Tightened(u64, Duration),
}

impl Death {
    fn by(chance: &mut Chance) -> Self {
        match chance.below(4) {
            0 => Self::After(Duration::from_micros(chance.below(60_000))),
            1 => Self::After(Duration::from_micros(chance.below(1_500_000))),
            2 => Self::Tightened(1 + chance.below(3), Duration::ZERO),
            _ => Self::Tightened(1 + chance.below(5), Duration::from_micros(chance.below(8000))),
        }
    }
}

#[test]
fn killed_at_random_in_the_middle_of_trips_it_loses_nothing_that_was_seen() {
    let kills: u64 = std::env::var("FUSEWIRE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(30);
    let mut chance = Chance::seeded();
    let venue = Scene::crashes_every(0.9).play();
    let mut rig = Rig::new(&Plan::watching(&venue.base()));
    let (mut judge, mut ledger) = (Judge::default(), Ledger::default());
    let began = Instant::now();
    for life in 1..=kills {
        let death = Death::by(&mut chance);
        rig.start(&[]);
        let hand = Hand::reach_out(&rig, life, chance.below(u64::MAX));
        let seen = live_until(&rig, death);
        rig.kill();
        let done = hand.withdraw();
        let told = |why: String| panic!("life {life} of {kills}, {death:?}: {why}\n{}", story(&rig, &seen));
        // Killed before it had a store: nothing was promised yet.
        if !rig.path("store/fusewire.db").exists() {
            continue;
        }
        let records = rig.records(1);
        ledger.check(&records, done).unwrap_or_else(told);
        judge.judge(&seen, &records).unwrap_or_else(told);
    }
    println!(
        "{kills} kills in {:.1} s: {} tightenings ({} killed before their record) and {} loosenings seen, \
         {} answers to hands, {} records",
        began.elapsed().as_secs_f64(),
        judge.tightened,
        judge.unrecorded,
        judge.loosened,
        ledger.answered.len(),
        ledger.seen_records,
    );
    assert!(judge.tightened >= kills / 2 && judge.loosened > 0, "the scene must bring trips and ways back");
    rig.start(&[]);
    rig.wait_for_lease();
    assert_eq!(rig.end(), 0);
    ledger.check(&rig.records(1), Done::default()).expect("an orderly end");
}

/// The gate comes before the disk: what it said last may be nowhere else, and the next life may end before it has a price.
#[test]
fn a_trip_that_died_before_its_record_survives_a_second_death() {
    let venue = Scene::crashes_every(0.5).play();
    let mut rig = Rig::new(&Plan::watching(&venue.base()));
    rig.set("hold_secs = 0.15", "hold_secs = 600");
    rig.start(&[]);
    rig.wait_for_stance(CRASHING, |stance| stance == Stance::Normal);
    rig.wait_for_stance(CRASHING, |stance| stance == Stance::Halt);
    rig.kill();
    let trips = |record: &Record| matches!(&record.fact, Fact::Breaker { rule, .. } if rule == "velocity");
    println!("killed {} its record", if rig.records(1).iter().any(trips) { "after" } else { "before" });

    let (gone, calm) = (venue.base(), Scene::calm().play());
    venue.stop();
    rig.start(&[]);
    rig.wait_for_lease();
    rig.kill();

    rig.set(&gone, &calm.base());
    rig.start(&[]);
    rig.wait_for_stance(CALM, |stance| stance == Stance::Normal);
    let (mut sight, began) = (rig.sight(), Instant::now());
    while began.elapsed() < Duration::from_secs(1) {
        assert_eq!(sight.of(CRASHING).permission.stance(), Stance::Halt, "{}", rig.log());
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(rig.end(), 0);
    assert!(rig.records(1).iter().any(trips), "the trip is on record by now");
}

/// What a person needs to find out what went wrong: the end of the records, and what was seen.
fn story(rig: &Rig, seen: &Sightings) -> String {
    let mut text = String::new();
    let records = rig.records(1);
    for record in &records[records.len().saturating_sub(60)..] {
        let body = record.body();
        let _ = writeln!(text, "{:>6} {} {}", record.seq, record.at, body.chars().take(260).collect::<String>());
    }
    format!("{text}{seen}")
}

/// Watches the gate as fast as it can until the time has come.
fn live_until(rig: &Rig, death: Death) -> Sightings {
    let (mut sight, mut seen) = (rig.sight(), Sightings::default());
    let (began, mut tightenings, mut due) = (Instant::now(), 0, None);
    loop {
        for market in [CRASHING, CALM] {
            tightenings += u64::from(seen.note(market, sight.of(market)));
        }
        match death {
            Death::After(time) if began.elapsed() >= time => return seen,
            // A life that sees no trip for so long is killed as well.
            Death::Tightened(..) if began.elapsed() > Duration::from_secs(4) => return seen,
            Death::Tightened(count, delay) if tightenings >= count => {
                if Instant::now() >= *due.get_or_insert_with(|| Instant::now() + delay) {
                    return seen;
                }
            }
            _ => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}

/// One deed of an operator that was answered.
struct Deed {
    trips: bool,
    /// Whether it changed anything: a trip to what stands already does not.
    moves: bool,
    /// Marks it in the records.
    reason: String,
}

/// What an operator has done by hand at the calm market during one life.
#[derive(Default)]
struct Done {
    /// Answered, in order.
    answered: Vec<Deed>,
    /// Asked for, and killed before the answer: it may have happened.
    open: Option<String>,
    /// Breakers that stood when the life began, as its first answer listed them.
    stood: Option<Vec<BreakerRow>>,
}

/// An operator who trips and re-arms the calm market all the time.
struct Hand {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Done>,
}

impl Hand {
    fn reach_out(rig: &Rig, life: u64, seed: u64) -> Self {
        let (socket, stop) = (rig.path("control.sock"), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || work(&socket, life, seed, &stopped));
        Self { stop, thread }
    }

    fn withdraw(self) -> Done {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("an operator")
    }
}

fn work(socket: &Path, life: u64, seed: u64, stop: &AtomicBool) -> Done {
    let mut done = Done::default();
    let scope = format!("market:{CALM}");
    for deed in 0.. {
        // Until the daemon listens there is nobody; once it is dead, neither.
        let rows = loop {
            if stop.load(Ordering::Relaxed) {
                return done;
            }
            match ask(socket, &Request::Breakers {}) {
                Ok(Response::Breakers { breakers }) => break breakers,
                _ => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let manual = rows.iter().find(|row| row.rule == "manual" && row.state == "Latched").cloned();
        done.stood.get_or_insert(rows);
        let (scope, reason) = (scope.clone(), format!("life {life} deed {deed}"));
        let stands = manual.as_ref().and_then(|row| Stance::parse(&row.stance)).unwrap_or(Stance::Normal);
        let (trips, moves, request) = match manual {
            Some(row) if (seed >> (deed % 64)) & 1 == 0 => {
                let rule = "manual".to_owned();
                (false, true, Request::Rearm { scope, rule, version: row.version, reason: reason.clone() })
            }
            _ => {
                let stance = Stance::ALL[1 + ((seed >> (deed % 61)) % 3) as usize];
                let request = Request::Trip { scope, stance: stance.name().to_owned(), reason: reason.clone() };
                (true, stance > stands, request)
            }
        };
        match ask(socket, &request) {
            Ok(Response::Done { .. }) => done.answered.push(Deed { trips, moves, reason }),
            Ok(Response::Refused { why }) => assert!(why.contains("moved on") || why.contains("stopping"), "{why}"),
            Ok(other) => panic!("{other:?}"),
            Err(_) => {
                done.open = Some(reason);
                return done;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    done
}

/// All that was acknowledged so far, over all lives.
#[derive(Default)]
struct Ledger {
    answered: Vec<Deed>,
    /// Whether a trip by hand must bind, as far as that is certain.
    must_bind: Option<bool>,
    seen_records: usize,
    last: Option<Record>,
}

impl Ledger {
    fn check(&mut self, records: &[Record], done: Done) -> Result<(), String> {
        if let (Some(stood), Some(must_bind)) = (&done.stood, self.must_bind) {
            let binds = stood.iter().any(|row| row.rule == "manual" && row.state == "Latched");
            if binds != must_bind {
                return Err(format!("a trip by hand binds: {must_bind} before the kill, {binds} after: {stood:?}"));
            }
        }
        if let Some(last) = &self.last
            && records.get(last.seq as usize - 1) != Some(last)
        {
            return Err(format!("record {} is lost or changed", last.seq));
        }
        if let Some(deed) = done.answered.last() {
            self.must_bind = Some(deed.trips);
        }
        if done.open.is_some() {
            self.must_bind = None;
        }
        self.answered.extend(done.answered);
        self.seen_records = records.len();
        self.last = records.last().cloned();
        self.find_all(records)
    }

    /// Every deed that was answered and changed something is on record, by its doer, in the order of the answers.
    fn find_all(&self, records: &[Record]) -> Result<(), String> {
        let mut deeds = records.iter().filter_map(|record| match &record.fact {
            Fact::Breaker { rule, to, by: Some(_), reason, .. } if rule == "manual" => Some((to != "Armed", reason)),
            _ => None,
        });
        let mut answered = self.answered.iter().filter(|deed| deed.moves);
        answered.try_for_each(|deed| {
            let is_there = deeds.any(|(trips, reason)| trips == deed.trips && *reason == deed.reason);
            if is_there {
                Ok(())
            } else {
                Err(format!("{} was answered and is not on record in its place", deed.reason))
            }
        })
    }
}
