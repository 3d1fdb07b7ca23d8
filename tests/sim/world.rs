//! One world: the same `Engine::handle` as live and replay, with everything around it played by chance.

use std::collections::BTreeMap;

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Engine, EngineSettings, Input, Output, Reason, Resume, RunDigest};
use fusewire::event::Nanos;
use fusewire::record::{Fact, IncidentChange, Record};

use crate::chance::Chance;
use crate::disk::Disk;
use crate::laws::{Laws, recovered_as_strict};
use crate::links::Links;
use crate::market::{MARKETS, Market};
use crate::operator::Operator;
use crate::stage::{START, at, quick, table};

/// Seconds of a world, and how many of them are calm at its beginning.
const LENGTH_SECS: f64 = 1500.0;
const CALM_SECS: f64 = 420.0;

/// What happened in a world, or in many.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Account {
    inputs: u64,
    trips: u64,
    breaker_moves: u64,
    loosenings: u64,
    refusals: u64,
    rearmed: u64,
    incidents: u64,
    power_cuts: u64,
    restored: u64,
    dropped: u64,
    doubled: u64,
    digest: String,
}

/// What the engine was when it began or was restored, and all it was given since: enough to play it again.
struct Segment {
    start: Vec<u8>,
    inputs: Vec<u8>,
    outputs: Vec<Output>,
}

pub(crate) struct World {
    chance: Chance,
    settings: EngineSettings,
    engine: Engine,
    market: Market,
    links: Links,
    disk: Disk,
    operator: Operator,
    laws: Laws,
    segment: Segment,
    digest: RunDigest,
    account: Account,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let settings = hasty(&mut chance);
        let engine = Engine::new(settings.clone(), table(&MARKETS));
        let mut part = || Chance::new(chance.bits());
        let market = Market::new(part(), CALM_SECS, LENGTH_SECS);
        let links = Links::new(part(), CALM_SECS, LENGTH_SECS);
        let (disk, operator) = (Disk::new(part()), Operator::new(part()));
        let laws = Laws::new(&engine, 0);
        let segment = Segment::of(&engine);
        let (digest, account) = (RunDigest::EMPTY, Account::default());
        Self { chance, settings, engine, market, links, disk, operator, laws, segment, digest, account }
    }

    pub(crate) fn play(mut self) -> Account {
        let cuts: Vec<_> = (0..self.chance.below(3)).map(|_| at(self.chance.between(CALM_SECS, LENGTH_SECS))).collect();
        let mut now = START;
        while let Some((place, said_at, input)) = self.market.next() {
            self.links.send(place, said_at, input);
            for input in self.links.arriving(said_at) {
                self.until(input.at());
                self.handle(&input);
                self.disturb();
            }
            if cuts.iter().any(|cut| now < *cut && *cut <= said_at) {
                self.power_cut();
            }
            now = said_at;
        }
        self.settle()
    }

    /// Lets time pass: the disk answers, and the engine gets the ticks it asked for.
    fn until(&mut self, when: Nanos) {
        loop {
            let due = self.engine.deadline().filter(|due| *due < when);
            if let Some(stored) = self.disk.answer(due.unwrap_or(when)) {
                self.handle(&stored);
            } else if let Some(due) = due {
                self.handle(&Input::Tick(due));
            } else {
                return;
            }
        }
    }

    fn handle(&mut self, input: &Input) {
        let before = if matches!(input, Input::Command(_)) { self.engine.breakers() } else { Vec::new() };
        self.segment.inputs = postcard::to_extend(input, std::mem::take(&mut self.segment.inputs)).unwrap();
        let mut out = Vec::new();
        self.engine.handle(input.clone(), &mut out);
        self.digest.outputs(&self.engine, &out);
        self.laws.check(&self.engine, input, &before, &out);
        self.account.take(input, &out);
        self.obey(&out);
        self.segment.outputs.extend(out);
    }

    fn obey(&mut self, out: &[Output]) {
        let records = out.iter().filter_map(|output| match output {
            Output::Record(record) => Some(record.clone()),
            _ => None,
        });
        self.disk.write(self.engine.now(), records);
    }

    /// Things that may follow any input: a person, an early tick, a move to another process.
    fn disturb(&mut self) {
        if let Some(command) = self.operator.wants(&self.engine, self.engine.now()) {
            self.handle(&command);
        }
        if self.chance.happens(0.01) {
            self.handle(&Input::Tick(self.engine.now()));
        }
        if self.chance.happens(0.0005) {
            self.engine = Engine::restore(self.settings.clone(), &self.engine.snapshot()).expect("its own snapshot");
            self.account.restored += 1;
        }
    }

    /// Everything in memory is gone; the records that reached the disk and the last gate file are taken up.
    fn power_cut(&mut self) {
        self.segment.replays(&self.settings);
        let now = self.engine.now();
        let records = self.disk.cut_power();
        let mut engine = Engine::new(self.settings.clone(), table(&MARKETS));
        resume_store(&mut engine, records, now);
        resume_gate(&mut engine, &self.engine, now);
        recovered_as_strict(&self.engine, &engine, records);
        let mut out = Vec::new();
        engine.announce("sim", "store", now, &mut out);
        self.engine = engine;
        self.laws.restarted(&self.engine, self.disk.last());
        self.laws.check(&self.engine, &Input::Tick(now), &[], &out);
        self.obey(&out);
        self.segment = Segment::of(&self.engine);
        self.account.power_cuts += 1;
    }

    /// Faults stop, the disk answers: nothing is left hanging.
    fn settle(mut self) -> Account {
        self.until(at(LENGTH_SECS + 300.0));
        self.laws.settled();
        self.segment.replays(&self.settings);
        let size = self.engine.snapshot().len();
        assert!(size < MARKETS.len() * 48 * 1024, "{size} bytes of state for {} markets", MARKETS.len());
        self.account.dropped = self.links.dropped;
        self.account.doubled = self.links.doubled;
        self.account.digest = self.digest.finish(&self.engine);
        self.account
    }
}

/// Shipped rules with short holds, some of which latch.
fn hasty(chance: &mut Chance) -> EngineSettings {
    let mut settings = quick();
    settings.seed = chance.bits();
    for rule in &mut settings.rules {
        rule.plan.hold_secs *= 0.1;
        rule.plan.probe_secs *= 0.3;
        rule.plan.latch = chance.happens(0.1);
        rule.plan.strikes_max = if chance.happens(0.3) { 1 } else { rule.plan.strikes_max };
    }
    settings
}

fn resume_store(engine: &mut Engine, records: &[Record], now: Nanos) {
    engine.resume_records(records.last().map_or(0, |record| record.seq));
    let mut breakers = BTreeMap::new();
    let mut resolved = Vec::new();
    for record in records {
        match &record.fact {
            Fact::Breaker { scope, rule, .. } => drop(breakers.insert((scope.clone(), rule.clone()), record)),
            Fact::Incident { id, change: IncidentChange::Resolved, .. } => resolved.push(id.clone()),
            _ => {}
        }
    }
    for record in records {
        if let Fact::Incident { id, .. } | Fact::Trip { incident: id, .. } = &record.fact
            && !resolved.contains(id)
        {
            engine.resume_incident(record);
        }
    }
    for record in breakers.into_values() {
        let Fact::Breaker { scope, rule, to, permission, strikes, version, incident, .. } = &record.fact else {
            continue;
        };
        if to != "Armed" {
            let was = Resume {
                scope: scope.clone(),
                rule: rule.clone(),
                permission: *permission,
                latched: to == "Latched",
                strikes: *strikes,
                version: *version,
                incident: incident.clone(),
            };
            engine.resume(&was, now).expect("a known scope");
        }
    }
}

/// What the gate said and the store does not know, as `live` takes it up.
fn resume_gate(engine: &mut Engine, old: &Engine, now: Nanos) {
    let of_itself = [Reason::None as u32, Reason::Starting as u32, Reason::Warming as u32];
    for cell in old.gate_cells() {
        let decided = cell.permission.stance() > Stance::Normal && !of_itself.contains(&cell.reason);
        if decided && !engine.binding(cell.market).at_least_as_strict_as(&cell.permission) {
            let was = Resume {
                scope: format!("market:{}", engine.markets().name(cell.market)),
                rule: old.reason_name(cell.reason).to_owned(),
                permission: cell.permission,
                latched: false,
                strikes: 1,
                version: 1,
                incident: String::new(),
            };
            engine.resume(&was, now).expect("a known scope");
        }
    }
}

impl Segment {
    fn of(engine: &Engine) -> Self {
        Self { start: engine.snapshot(), inputs: Vec::new(), outputs: Vec::new() }
    }

    /// The recorded inputs, read back from bytes, bring the same outputs.
    fn replays(&self, settings: &EngineSettings) {
        let mut engine = Engine::restore(settings.clone(), &self.start).expect("its own snapshot");
        let (mut rest, mut out) = (self.inputs.as_slice(), Vec::new());
        while !rest.is_empty() {
            let (input, after): (Input, _) = postcard::take_from_bytes(rest).unwrap();
            engine.handle(input, &mut out);
            rest = after;
        }
        assert!(out == self.outputs, "replay differs");
    }
}

impl Account {
    fn take(&mut self, input: &Input, out: &[Output]) {
        self.inputs += 1;
        for output in out {
            match output {
                Output::Gate(write) => {
                    self.loosenings +=
                        u64::from(matches!(input, Input::Stored { .. }) && write.permission != Permission::HALT);
                }
                Output::Record(record) => match &record.fact {
                    Fact::Trip { .. } => self.trips += 1,
                    Fact::Breaker { .. } => self.breaker_moves += 1,
                    Fact::Refused { .. } => self.refusals += 1,
                    Fact::Incident { change: IncidentChange::Opened, .. } => self.incidents += 1,
                    _ => {}
                },
                Output::Answer { result: Ok(said), .. } if said.ends_with("re-armed") => self.rearmed += 1,
                _ => {}
            }
        }
    }

    /// Both together; digests belong to one world alone.
    pub(crate) fn with(self, other: &Self) -> Self {
        Self {
            inputs: self.inputs + other.inputs,
            trips: self.trips + other.trips,
            breaker_moves: self.breaker_moves + other.breaker_moves,
            loosenings: self.loosenings + other.loosenings,
            refusals: self.refusals + other.refusals,
            rearmed: self.rearmed + other.rearmed,
            incidents: self.incidents + other.incidents,
            power_cuts: self.power_cuts + other.power_cuts,
            restored: self.restored + other.restored,
            dropped: self.dropped + other.dropped,
            doubled: self.doubled + other.doubled,
            digest: String::new(),
        }
    }

    /// Worlds in which nothing happens prove nothing.
    pub(crate) fn assert_that_everything_happened(&self) {
        let counts = [
            self.trips,
            self.breaker_moves,
            self.loosenings,
            self.refusals,
            self.rearmed,
            self.incidents,
            self.power_cuts,
            self.restored,
            self.dropped,
            self.doubled,
        ];
        assert!(counts.iter().all(|count| *count >= 50), "{self:?}");
    }
}
