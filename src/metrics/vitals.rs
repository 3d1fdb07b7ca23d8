//! What the engine shows, copied by its own thread every few milliseconds and read by everybody else.

use std::sync::Arc;

use crate::breaker::Permission;
use crate::detect::{DetectSettings, LEGS, Limits};
use crate::engine::{BreakerView, Counts, Engine, Life, MarketView};
use crate::event::{Kind, Nanos};
use crate::incident::{Incident, Phase};
use crate::market::Markets;

/// Most markets copied in one read: with more, each read goes on where the last one ended, so that the engine never
/// pauses for longer than about a tenth of a millisecond.
pub const MARKETS_A_READ: usize = 256;

/// Most unresolved incidents copied; counts are of all of them.
pub const INCIDENTS_MAX: usize = 256;

/// One market.
#[derive(Clone, Debug)]
pub struct MarketVitals {
    /// What the gate says.
    pub permission: Permission,
    /// The rule that binds most, `starting`, `warming` or `manual`; empty when nothing binds.
    pub reason: String,
    /// How far it has come.
    pub life: Life,
    /// Last believed price; 0 before the first.
    pub price: f64,
    /// Scores, in the order of [`crate::detect::legs`].
    pub scores: [f64; LEGS],
    /// Trips, in the same order.
    pub trips: [u64; LEGS],
    /// Events by [`Kind`].
    pub events: [u64; Kind::ALL.len()],
    /// Bars.
    pub bars: u64,
    /// Prices that the plausibility filter refused, and bad frames that named this market.
    pub refused: u64,
    /// Trades that came twice or out of order.
    pub late: u64,
    /// Engine time of the read that noticed the latest event or bar.
    pub heard_at: Option<Nanos>,
    reason_code: u32,
}

impl Default for MarketVitals {
    fn default() -> Self {
        Self {
            permission: Permission::HALT,
            reason: String::new(),
            life: Life::Starting,
            price: 0.0,
            scores: [0.0; LEGS],
            trips: [0; LEGS],
            events: [0; Kind::ALL.len()],
            bars: 0,
            refused: 0,
            late: 0,
            heard_at: None,
            reason_code: 0,
        }
    }
}

impl MarketVitals {
    fn read(&mut self, view: &MarketView<'_>, engine: &Engine, fresh: bool) {
        self.permission = view.permission;
        self.life = view.life;
        self.price = view.price;
        self.scores = *view.scores;
        if self.reason_code != view.reason.0 {
            self.reason_code = view.reason.0;
            engine.reason_name(view.reason.0).clone_into(&mut self.reason);
        }
        // A row that was empty a moment ago cannot tell when its events came.
        if !fresh && (self.events != view.counts.events || self.bars != view.counts.bars) {
            self.heard_at = Some(engine.now());
        }
        self.count(view.counts);
    }

    fn count(&mut self, counts: &Counts) {
        self.events = counts.events;
        self.bars = counts.bars;
        self.refused = counts.refused;
        self.late = counts.late;
        for (&leg, &trips) in &counts.trips {
            if let Some(slot) = self.trips.get_mut(leg as usize) {
                *slot = trips;
            }
        }
    }

    /// Folds another market in: counts add up, and of everything else the worse stays.
    pub fn absorb(&mut self, other: &Self) {
        self.permission = self.permission.meet(other.permission);
        self.scores.iter_mut().zip(other.scores).for_each(|(mine, score)| *mine = mine.max(score));
        self.trips.iter_mut().zip(other.trips).for_each(|(mine, trips)| *mine += trips);
        self.events.iter_mut().zip(other.events).for_each(|(mine, events)| *mine += events);
        self.bars += other.bars;
        self.refused += other.refused;
        self.late += other.late;
        self.heard_at = self.heard_at.min(other.heard_at);
    }
}

/// A copy of what the engine shows, taken now and then by its own thread and read by everybody else.
#[derive(Clone, Debug, Default)]
pub struct Vitals {
    /// Engine time.
    pub at: Nanos,
    /// Inputs so far.
    pub inputs: u64,
    /// The table of markets.
    pub table: Arc<Markets>,
    /// One row a market, in the order of the table.
    pub markets: Vec<MarketVitals>,
    /// Limits of the legs, in the order of [`crate::detect::legs`].
    pub limits: Vec<f64>,
    /// Breakers that are not at rest.
    pub breakers: Vec<BreakerView>,
    /// The latest incidents that nobody has resolved, oldest first.
    pub incidents: Vec<Incident>,
    /// All of them: how many nobody has answered, and how many are acknowledged; by severity from 1.
    pub incident_counts: [[u64; 4]; 2],
    next: usize,
    detect: Option<DetectSettings>,
}

impl Vitals {
    /// Copies from the engine. Allocates only where something is new: a market, a breaker, an incident.
    pub fn read(&mut self, engine: &Engine) {
        self.at = engine.now();
        self.inputs = engine.inputs();
        self.read_limits(engine);
        if self.table.len() == engine.markets().len() {
            self.read_some_markets(engine);
        } else {
            self.table = Arc::new(engine.markets().clone());
            self.markets.resize_with(self.table.len(), MarketVitals::default);
            let rows = self.markets.iter_mut().zip(engine.view());
            rows.for_each(|(row, view)| row.read(&view, engine, true));
        }
        self.breakers = engine.breakers();
        self.read_incidents(engine);
    }

    /// `score / limit` of a leg: trips at 1. 0 where the limit is none.
    pub fn ratio(&self, market: &MarketVitals, leg: usize) -> f64 {
        let score = market.scores.get(leg).copied().unwrap_or(0.0);
        let ratio = score / self.limits.get(leg).copied().unwrap_or(f64::INFINITY);
        if ratio.is_finite() { ratio } else { 0.0 }
    }

    /// How many markets have a feed that a detector of feeds doubts.
    pub fn doubted(&self) -> usize {
        let legs = crate::detect::of_feeds();
        let is_doubted =
            |market: &&MarketVitals| (0..LEGS).any(|leg| legs >> leg & 1 == 1 && self.ratio(market, leg) >= 1.0);
        self.markets.iter().filter(is_doubted).count()
    }

    fn read_limits(&mut self, engine: &Engine) {
        let detect = &engine.settings().detect;
        if self.detect.as_ref() != Some(detect) {
            let limits = Limits::new(detect);
            self.limits = (0..LEGS).map(|leg| limits.limit(leg)).collect();
            self.detect = Some(detect.clone());
        }
    }

    fn read_some_markets(&mut self, engine: &Engine) {
        let from = if self.next < self.markets.len() { self.next } else { 0 };
        let rows = self.markets.iter_mut().skip(from).take(MARKETS_A_READ);
        for (row, view) in rows.zip(engine.view().skip(from)) {
            row.read(&view, engine, false);
        }
        self.next = from + MARKETS_A_READ;
    }

    fn read_incidents(&mut self, engine: &Engine) {
        let open = engine.incidents().open();
        self.incident_counts = [[0; 4]; 2];
        for incident in &open {
            let phase = usize::from(incident.phase == Phase::Acknowledged);
            let severity = usize::from(incident.severity.clamp(1, 4) - 1);
            if let Some(count) = self.incident_counts.get_mut(phase).and_then(|row| row.get_mut(severity)) {
                *count += 1;
            }
        }
        let latest = open.len().saturating_sub(INCIDENTS_MAX);
        let latest = open.get(latest..).unwrap_or_default();
        self.incidents.truncate(latest.len());
        for (place, incident) in latest.iter().enumerate() {
            match self.incidents.get_mut(place) {
                Some(slot) if slot == *incident => {}
                Some(slot) => slot.clone_from(incident),
                None => self.incidents.push((*incident).clone()),
            }
        }
    }
}
