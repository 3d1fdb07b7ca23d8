//! The account of a replay: the worst hour of every market, and what the gate allowed while it fell.

use serde::Serialize;

use super::Listener;
use crate::breaker::Stance;
use crate::engine::{Engine, Input, Output};
use crate::event::{Body, MarketId, Nanos};
use crate::record::{Fact, IncidentChange};
use crate::stats::extremes::Extremes;

/// The window in which the worst fall is looked for, seconds.
const WINDOW_SECS: f64 = 3600.0;

/// The largest fall within an hour.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Fall {
    /// Price at the top.
    pub from: f64,
    /// When.
    pub from_ns: Nanos,
    /// Price at the bottom.
    pub to: f64,
    /// When.
    pub to_ns: Nanos,
}

impl Fall {
    /// How deep, as a fraction of the top.
    pub fn depth(&self) -> f64 {
        1.0 - self.to / self.from
    }

    /// Share of the fall that was still to come at `price`: 1 at the top, 0 at the bottom.
    pub fn still_to_come(&self, price: f64) -> f64 {
        ((price - self.to) / (self.from - self.to)).clamp(0.0, 1.0)
    }
}

/// The first instant of a fall at which the gate was at least so strict.
#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    /// The stance.
    pub stance: &'static str,
    /// When; the start of the fall where it stood so already.
    pub at_ns: Nanos,
    /// Price then.
    pub price: f64,
    /// Share of the fall still to come.
    pub still_to_come: f64,
    /// The rule that bound most.
    pub rule: String,
}

struct Change {
    at: Nanos,
    stance: Stance,
    price: f64,
    reason: u32,
}

struct Row {
    prices: Extremes,
    worst: Option<Fall>,
    /// Its depth.
    depth: f64,
    price: f64,
    changes: Vec<Change>,
    trips: u64,
    inputs: u64,
}

impl Row {
    fn new() -> Self {
        let prices = Extremes::new(WINDOW_SECS, 60);
        Self { prices, worst: None, depth: 0.0, price: 0.0, changes: Vec::new(), trips: 0, inputs: 0 }
    }

    fn price(&mut self, at: Nanos, price: f64) {
        self.price = price;
        self.prices.push(at.0, price);
        let depth = self.prices.fall(price);
        if depth > self.depth || self.worst.is_none() {
            self.deepen(at, price, depth);
        }
    }

    #[cold]
    fn deepen(&mut self, at: Nanos, price: f64, depth: f64) {
        let (Some(top), Some(top_at)) = (self.prices.max(), self.prices.max_at()) else { return };
        self.worst = Some(Fall { from: top, from_ns: Nanos(top_at), to: price, to_ns: at });
        self.depth = depth;
    }
}

/// Counts and the worst hour, by market.
#[derive(Default)]
pub struct Account {
    rows: Vec<Row>,
    incidents: u64,
    span: Option<(Nanos, Nanos)>,
}

impl Account {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Incidents opened.
    pub const fn incidents(&self) -> u64 {
        self.incidents
    }

    /// First and last instant of the tape.
    pub const fn span(&self) -> Option<(Nanos, Nanos)> {
        self.span
    }

    /// Trips of all markets.
    pub fn trips(&self) -> u64 {
        self.rows.iter().map(|row| row.trips).sum()
    }

    /// Trips of one market.
    pub fn trips_of(&self, id: MarketId) -> u64 {
        self.rows.get(id.0 as usize).map_or(0, |row| row.trips)
    }

    /// Events and bars of one market.
    pub fn inputs_of(&self, id: MarketId) -> u64 {
        self.rows.get(id.0 as usize).map_or(0, |row| row.inputs)
    }

    /// The worst hour of a market.
    pub fn fall(&self, id: MarketId) -> Option<Fall> {
        self.rows.get(id.0 as usize)?.worst
    }

    /// When the gate reached each stance during the worst hour of a market.
    pub fn reached(&self, engine: &Engine, id: MarketId) -> Vec<Reached> {
        let Some(row) = self.rows.get(id.0 as usize) else { return Vec::new() };
        let Some(fall) = row.worst else { return Vec::new() };
        let before = row.changes.iter().rev().find(|change| change.at <= fall.from_ns);
        let during = row.changes.iter().filter(|change| change.at > fall.from_ns && change.at <= fall.to_ns);
        let story: Vec<&Change> = before.into_iter().chain(during).collect();
        [Stance::Caution, Stance::ReduceOnly, Stance::Halt]
            .into_iter()
            .filter_map(|stance| {
                let first = story.iter().find(|change| change.stance >= stance)?;
                let already = first.at <= fall.from_ns;
                let price = if already { fall.from } else { first.price };
                Some(Reached {
                    stance: stance.name(),
                    at_ns: first.at.max(fall.from_ns),
                    price,
                    still_to_come: fall.still_to_come(price),
                    rule: engine.reason_name(first.reason).to_owned(),
                })
            })
            .collect()
    }

    fn row(&mut self, id: MarketId) -> Option<&mut Row> {
        let place = id.0 as usize;
        if self.rows.len() <= place {
            self.rows.resize_with(place + 1, Row::new);
        }
        self.rows.get_mut(place)
    }
}

impl Listener for Account {
    #[inline]
    fn input(&mut self, _: &Engine, input: &Input) {
        let (id, at, price) = match input {
            Input::Event(event) => match event.body {
                Body::Trade { price, .. } => (event.market, event.recv_at, Some(price.get())),
                _ => (event.market, event.recv_at, None),
            },
            Input::Bar(bar) => (bar.market, bar.close_at, Some(bar.close.get())),
            _ => return,
        };
        self.span = Some((self.span.map_or(at, |(first, _)| first), at));
        if let Some(row) = self.row(id) {
            row.inputs += 1;
            if let Some(price) = price {
                row.price(at, price);
            }
        }
    }

    fn output(&mut self, engine: &Engine, output: &Output) {
        match output {
            Output::Gate(write) => {
                if let Some(row) = self.row(write.market) {
                    let (stance, reason) = (write.permission.stance(), write.reason);
                    row.changes.push(Change { at: engine.now(), stance, price: row.price, reason });
                }
            }
            Output::Record(record) => match &record.fact {
                Fact::Trip { market, .. } => {
                    if let Some(row) = engine.markets().find(market).and_then(|id| self.row(id)) {
                        row.trips += 1;
                    }
                }
                Fact::Incident { change: IncidentChange::Opened, .. } => self.incidents += 1,
                _ => {}
            },
            Output::Beat { .. } | Output::Answer { .. } => {}
        }
    }
}
