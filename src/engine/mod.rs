//! The only meeting place: inputs in, outputs out, the same on every machine.
//!
//! Pure: no clock, socket, file, lock or await. Split by what comes in: `market` takes events, bars and time, `crowd` looks at
//! all markets together, `peers` at those that should cost the same, `operator` takes people's requests; `permit` turns breakers into what the gate says, `snapshot`
//! freezes it all.

mod crowd;
mod digest;
mod input;
mod market;
mod operator;
mod output;
mod peers;
mod permit;
mod snapshot;
mod survey;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::breaker::{Breaker, Permission, Plan, Stance};
use crate::detect::{Bank, DetectSettings, LEGS, LegSet, Limits, Plausible};
use crate::event::{Kind, MarketId, Nanos};
use crate::incident::{IncidentSettings, Incidents};
use crate::market::Markets;
use crate::policy::{self, Confirmations, Policy, Rule, RuleId};
use crate::record::{Fact, Record, hex};
use crate::trip::Scope;

pub use crowd::CROWD_MAX;
pub use digest::Digest as RunDigest;
pub use input::{Action, Command, DeliveryReport, FeedReport, FeedState, Input};
pub use output::{GateWrite, Output, Reason};
pub use permit::Resume;
pub use snapshot::SnapshotError;

/// Everything the engine is told once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineSettings {
    /// Detectors.
    pub detect: DetectSettings,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Incidents.
    pub incident: IncidentSettings,
    /// What is allowed while detectors are not warm.
    pub warming: Permission,
    /// How a breaker tripped by hand behaves.
    pub manual: Plan,
    /// Seed of the jitter.
    pub seed: u64,
    /// How often silence and holds are looked at, milliseconds.
    pub look_ms: u32,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self {
            detect: DetectSettings::default(),
            rules: policy::shipped(),
            incident: IncidentSettings::default(),
            warming: Permission::of(Stance::Caution),
            manual: Plan { latch: true, permission: Permission::HALT, ..Plan::default() },
            seed: 0x00f0_5e31_7e00_0001,
            look_ms: 250,
        }
    }
}

impl EngineSettings {
    /// SHA-256 of the settings in their wire form.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(serde_json::to_vec(self).unwrap_or_default()).into()
    }
}

/// How far a market has come since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// No believed price yet: Halt.
    Starting,
    /// Prices, but not enough history: the warm-up permission.
    Warming,
    /// All detectors work.
    Live,
}

/// Counts of one market, for metrics. Never read by a decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events by [`Kind`].
    pub events: [u64; Kind::ALL.len()],
    /// Bars.
    pub bars: u64,
    /// Prices that the plausibility filter refused.
    pub refused: u64,
    /// Trades that came twice or out of order.
    pub late: u64,
    /// Trips by leg of the bank.
    pub trips: BTreeMap<u32, u64>,
}

/// One market.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct MarketState {
    bank: Bank,
    plausible: Plausible,
    order: market::Order,
    life: Life,
    /// Whether events (not only bars) came: such a market has silences.
    streams: bool,
    /// Largest ratio of each leg to its limit since the last look; kept while a breaker watches this market.
    peaks: Option<Vec<f64>>,
    counts: Counts,
    /// What the gate says.
    published: Permission,
    /// What it shall say, once the store has the record that loosens it.
    wanted: Permission,
    /// Number of that record.
    awaits: Option<u64>,
    last_reason: (u32, u64),
    venue_at: Nanos,
    since: survey::Since,
}

/// A breaker that is not armed, with what tripped it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Active {
    breaker: Breaker,
    /// Legs that brought it here, by market.
    causes: BTreeMap<MarketId, LegSet>,
    incident: String,
}

/// What is kept in a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    now: Nanos,
    next_look: Nanos,
    markets: Vec<MarketState>,
    crowd: crowd::Crowd,
    /// When peers were last compared.
    peers_at: Nanos,
    survey: survey::Survey,
    breakers: BTreeMap<(RuleId, Scope), Active>,
    confirmations: Confirmations,
    incidents: Incidents,
    seq: u64,
    durable: u64,
    chance: u64,
    /// Folds every score of every event: the last bit of any of them changes it.
    trace: u64,
    inputs: u64,
    bad_frames: u64,
    /// Some market has events, so silence means something.
    streaming: bool,
    /// Some breaker moves by itself when time passes.
    waiting: bool,
    /// The largest version of any breaker that was forgotten.
    version_floor: u64,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    settings: EngineSettings,
    limits: Limits,
    policy: Policy,
    table: Markets,
    peers: peers::Peers,
    state: State,
    // What this input brought about, in the order of effects.
    gates: Vec<GateWrite>,
    facts: Vec<(Fact, Option<MarketId>)>,
    answers: Vec<(u64, Result<String, String>)>,
}

impl Engine {
    /// A fresh engine over a table of markets. Everything starts at Halt.
    pub fn new(settings: EngineSettings, table: Markets) -> Self {
        let limits = Limits::new(&settings.detect);
        let policy = Policy::new(settings.rules.clone());
        let incidents = Incidents::new(settings.incident.clone());
        let state = State {
            now: Nanos(i64::MIN),
            next_look: Nanos(i64::MIN),
            markets: Vec::new(),
            crowd: crowd::Crowd::new(&settings.detect.crowd),
            peers_at: Nanos(i64::MIN),
            survey: survey::Survey::new(),
            breakers: BTreeMap::new(),
            confirmations: Confirmations::default(),
            incidents,
            seq: 0,
            durable: 0,
            chance: settings.seed,
            trace: 0,
            inputs: 0,
            bad_frames: 0,
            streaming: false,
            waiting: false,
            version_floor: 0,
        };
        let (gates, facts, answers) = (Vec::new(), Vec::new(), Vec::new());
        let peers = peers::Peers::default();
        let mut engine = Self { settings, limits, policy, table, peers, state, gates, facts, answers };
        engine.grow();
        engine
    }

    /// Takes one input in and appends what follows from it, in the order it must be obeyed: gate, records, answers.
    #[inline]
    pub fn handle(&mut self, input: Input, out: &mut Vec<Output>) {
        self.state.inputs += 1;
        self.pass_time(input.at());
        match input {
            Input::Event(event) => self.event(&event),
            Input::Bar(bar) => self.bar(&bar),
            Input::Tick(_) => {}
            // The lease is renewed behind whatever became stricter on the way.
            Input::Probe { seq, at } => {
                out.extend(self.gates.drain(..).map(Output::Gate));
                out.push(Output::Beat { seq, at });
            }
            Input::Feed(report) => self.feed(report),
            Input::Bad { market, count, .. } => self.bad(market, count),
            Input::Command(command) => self.command(command),
            Input::Stored { seq, .. } => self.stored(seq),
            Input::Delivery(report) => self.delivery(report),
        }
        if !(self.gates.is_empty() && self.facts.is_empty() && self.answers.is_empty()) {
            self.flush(out);
        }
    }

    /// When it next wants a [`Input::Tick`]; an early one is harmless. `None` while nothing waits for time.
    pub fn deadline(&self) -> Option<Nanos> {
        (self.state.streaming || self.state.waiting).then_some(self.state.next_look)
    }

    /// Engine time: the latest input so far.
    pub const fn now(&self) -> Nanos {
        self.state.now
    }

    /// The markets it knows.
    pub const fn markets(&self) -> &Markets {
        &self.table
    }

    /// Adds a market that a driver met; a known one keeps its id.
    pub fn add_market(&mut self, market: crate::market::Market) -> MarketId {
        let id = self.table.add(market);
        self.grow();
        id
    }

    /// What it was told.
    pub const fn settings(&self) -> &EngineSettings {
        &self.settings
    }

    /// Says in a record that a run begins.
    pub fn announce(&mut self, version: &str, resumed: &str, at: Nanos, out: &mut Vec<Output>) {
        self.pass_time(at);
        let fact = Fact::Started {
            version: version.to_owned(),
            config_hash: hex(&self.settings.hash()),
            markets: self.table.iter().map(|(_, market)| market.to_string()).collect(),
            resumed: resumed.to_owned(),
        };
        self.facts.push((fact, None));
        self.flush(out);
    }

    /// Says in a record that a run ends on purpose.
    pub fn farewell(&mut self, why: &str, out: &mut Vec<Output>) {
        self.facts.push((Fact::Stopped { why: why.to_owned() }, None));
        self.flush(out);
    }

    fn grow(&mut self) {
        self.state.crowd.grow(self.table.len());
        while self.state.markets.len() < self.table.len() {
            self.state.markets.push(MarketState {
                bank: Bank::new(&self.settings.detect),
                plausible: Plausible::default(),
                order: market::Order::default(),
                life: Life::Starting,
                streams: false,
                peaks: None,
                counts: Counts::default(),
                published: Permission::HALT,
                wanted: Permission::HALT,
                awaits: None,
                last_reason: (Reason::Starting as u32, 0),
                venue_at: Nanos(0),
                since: survey::Since::default(),
            });
        }
    }

    /// Engine time never runs back; silence and holds are looked at on the way.
    #[inline]
    fn pass_time(&mut self, at: Nanos) {
        self.state.now = self.state.now.max(at);
        if self.state.now >= self.state.next_look {
            self.look();
        }
    }

    /// Effects leave in their order: what tightens the gate, then records, then answers.
    #[cold]
    fn flush(&mut self, out: &mut Vec<Output>) {
        out.extend(self.gates.drain(..).map(Output::Gate));
        for (fact, loosens) in self.facts.drain(..) {
            self.state.seq += 1;
            let seq = self.state.seq;
            if let Some(market) = loosens.and_then(|id| self.state.markets.get_mut(id.0 as usize)) {
                market.awaits = Some(seq);
            }
            out.push(Output::Record(Record { seq, at: self.state.now, fact }));
        }
        let after = self.state.seq;
        out.extend(self.answers.drain(..).map(|(id, result)| Output::Answer { id, result, after }));
    }

    /// A uniform number in [0, 1) from the seeded source (`SplitMix64`; Steele, Lea and Flood, OOPSLA 2014).
    fn chance(&mut self) -> f64 {
        self.state.chance = self.state.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state.chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// What metrics and commands may see of a market.
#[derive(Clone, Debug)]
pub struct MarketView<'a> {
    /// Its id.
    pub id: MarketId,
    /// What the gate says.
    pub permission: Permission,
    /// Reason code and incident number beside it.
    pub reason: (u32, u64),
    /// How far it has come.
    pub life: Life,
    /// Last believed price; 0 before the first.
    pub price: f64,
    /// Scores, in the order of [`crate::detect::legs`].
    pub scores: &'a [f64; LEGS],
    /// Counts.
    pub counts: &'a Counts,
}

/// What metrics and commands may see of a breaker.
#[derive(Clone, Debug, Serialize)]
pub struct BreakerView {
    /// Wire name of the scope.
    pub scope: String,
    /// Rule; `manual` for one tripped by hand.
    pub rule: String,
    /// Armed, Tripped, Probing, Latched.
    pub state: String,
    /// Stance it asks for.
    pub stance: String,
    /// When it next moves by itself.
    pub until: Option<Nanos>,
    /// Trips in a row.
    pub strikes: u32,
    /// What re-arm must name.
    pub version: u64,
    /// Incident.
    pub incident: String,
    /// Whether every cause is below its clear level.
    pub clear: bool,
    /// Whether it acts, or only shows what it would do.
    pub mode: policy::Mode,
}

impl Engine {
    /// Every market, in order.
    pub fn view(&self) -> impl Iterator<Item = MarketView<'_>> {
        self.state.markets.iter().enumerate().map(|(place, market)| MarketView {
            id: MarketId(place as u32),
            permission: market.published,
            reason: market.last_reason,
            life: market.life,
            price: market.bank.base().price(),
            scores: market.bank.scores(),
            counts: &market.counts,
        })
    }

    /// Every breaker that is not at rest.
    pub fn breakers(&self) -> Vec<BreakerView> {
        self.state
            .breakers
            .iter()
            .map(|(&(rule, scope), active)| {
                let plan = self.plan(rule);
                BreakerView {
                    scope: scope.name(&self.table),
                    rule: self.rule_name(rule).to_owned(),
                    state: active.breaker.state().name().to_owned(),
                    stance: active.breaker.permission(plan).stance().name().to_owned(),
                    until: active.breaker.until(),
                    strikes: active.breaker.strikes(),
                    version: active.breaker.version(),
                    incident: active.incident.clone(),
                    clear: self.is_clear(rule, active),
                    mode: self.mode(rule),
                }
            })
            .collect()
    }

    /// Incidents that nobody has resolved.
    pub const fn incidents(&self) -> &Incidents {
        &self.state.incidents
    }

    /// Inputs so far.
    pub const fn inputs(&self) -> u64 {
        self.state.inputs
    }

    /// The fold of every score of every event so far.
    pub const fn trace(&self) -> u64 {
        self.state.trace
    }
}
