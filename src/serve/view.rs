//! Rows that people and machines read: the same over HTTP, over the control socket and in the command line.

use serde::{Deserialize, Serialize};

use crate::breaker::Permission;
use crate::detect::legs;
use crate::engine::{BreakerView, Life};
use crate::event::Nanos;
use crate::metrics::{MarketVitals, Vitals};
use crate::policy::Mode;

/// A breaker that is not at rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BreakerRow {
    /// Wire name of the scope, as in `market:binance-coinm:DOTUSD_PERP`.
    pub scope: String,
    /// Rule; `manual` for one tripped by hand.
    pub rule: String,
    /// Armed, Tripped, Probing, Latched.
    pub state: String,
    /// Stance it asks for.
    pub stance: String,
    /// Engine time at which it next moves by itself; `None` while it waits for a person.
    pub until_ns: Option<Nanos>,
    /// Trips in a row.
    pub strikes: u32,
    /// What a re-arm must name.
    pub version: u64,
    /// Incident; may be empty.
    pub incident: String,
    /// Whether every cause is below its clear level.
    pub clear: bool,
    /// Whether it acts, or only shows what it would do.
    pub mode: Mode,
}

impl From<&BreakerView> for BreakerRow {
    fn from(view: &BreakerView) -> Self {
        Self {
            scope: view.scope.clone(),
            rule: view.rule.clone(),
            state: view.state.clone(),
            stance: view.stance.clone(),
            until_ns: view.until,
            strikes: view.strikes,
            version: view.version,
            incident: view.incident.clone(),
            clear: view.clear,
            mode: view.mode,
        }
    }
}

/// What a market allows, and why.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketRow {
    /// `venue:NATIVE`.
    pub market: String,
    /// Stance.
    pub stance: &'static str,
    /// All it allows.
    pub permission: Permission,
    /// What binds most; empty when nothing does.
    pub reason: String,
    /// How far it has come.
    pub life: Life,
    /// Last believed price; 0 before the first.
    pub price: f64,
    /// Engine time of the latest event.
    pub heard_ns: Option<Nanos>,
    /// The leg nearest to its limit.
    pub nearest: String,
    /// Its score as a share of the limit: trips at 1.
    pub ratio: f64,
}

/// How the daemon is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// What ails the engine; empty when it beats.
    pub alive: String,
    /// What is not ready; empty when all is.
    pub ready: String,
    /// Engine time.
    pub at_ns: Nanos,
    /// Inputs so far.
    pub inputs: u64,
    /// Markets.
    pub markets: usize,
    /// Among them, those that are not at Normal.
    pub bound: usize,
    /// Breakers that are not at rest.
    pub breakers: usize,
    /// Incidents that nobody has resolved.
    pub incidents: u64,
}

/// Breakers that are not at rest.
pub(super) fn breakers(vitals: &Vitals) -> Vec<BreakerRow> {
    vitals.breakers.iter().map(BreakerRow::from).collect()
}

/// Every market, in order.
pub(super) fn markets(vitals: &Vitals) -> Vec<MarketRow> {
    let legs = legs();
    let name = |leg: usize| legs.get(leg).map_or(String::new(), |(detector, leg)| format!("{detector}.{}", leg.name));
    let row = |name_of: String, market: &MarketVitals| {
        let ratios = (0..legs.len()).map(|leg| (leg, vitals.ratio(market, leg)));
        let (leg, ratio) = ratios.max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default();
        MarketRow {
            market: name_of,
            stance: market.permission.stance().name(),
            permission: market.permission,
            reason: market.reason.clone(),
            life: market.life,
            price: market.price,
            heard_ns: market.heard_at,
            nearest: name(leg),
            ratio,
        }
    };
    vitals.table.iter().zip(&vitals.markets).map(|((_, market), row_of)| row(market.to_string(), row_of)).collect()
}
