//! From breakers to the gate: trips, holds, probes, and the rule that a loosening waits for the disk.

use serde::{Deserialize, Serialize};

use super::{Active, Engine, GateWrite, Life, Reason};
use crate::breaker::{Breaker, Cause, Permission, Plan, State};
use crate::detect::LEGS;
use crate::event::{MarketId, Nanos};
use crate::incident::Incident;
use crate::policy::{Mode, RuleId, Vote};
use crate::record::{Fact, Who};
use crate::trip::Scope;

/// A breaker as the store remembers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// Wire name of the scope.
    pub scope: String,
    /// Rule, or `manual`.
    pub rule: String,
    /// What it allowed.
    pub permission: Permission,
    /// Whether it was latched.
    pub latched: bool,
    /// Trips in a row.
    pub strikes: u32,
    /// Version.
    pub version: u64,
    /// Incident.
    pub incident: String,
}

impl Engine {
    pub(super) fn rule_name(&self, rule: RuleId) -> &str {
        self.policy.rule(rule).map_or("manual", |rule| rule.name.as_str())
    }

    pub(super) fn plan(&self, rule: RuleId) -> &Plan {
        self.policy.rule(rule).map_or(&self.settings.manual, |rule| &rule.plan)
    }

    pub(super) fn mode(&self, rule: RuleId) -> Mode {
        self.policy.rule(rule).map_or(Mode::Armed, |rule| rule.mode)
    }

    /// A rule is satisfied: its breaker trips.
    pub(super) fn trip_breaker(&mut self, rule: RuleId, scope: Scope, vote: Vote, cause: &str, incident: &str) {
        let permission = self.plan(rule).permission;
        let chance = self.chance();
        self.watch(vote.market);
        let floor = self.state.version_floor;
        let active = self.state.breakers.entry((rule, scope)).or_insert_with(|| Active::at_rest(floor));
        *active.causes.entry(vote.market).or_default() |= 1 << vote.leg;
        if active.incident.is_empty() || active.breaker.state() == State::Armed {
            incident.clone_into(&mut active.incident);
        }
        self.move_breaker(rule, scope, Cause::Trip { permission, chance }, cause, None);
    }

    /// Moves one breaker and tells what changed; returns whether it did.
    pub(super) fn move_breaker(
        &mut self,
        rule: RuleId,
        scope: Scope,
        cause: Cause,
        why: &str,
        by: Option<(Who, String)>,
    ) -> bool {
        let plan = self.plan(rule).clone();
        let now = self.state.now;
        let Some(active) = self.state.breakers.get_mut(&(rule, scope)) else { return false };
        let from = active.breaker.state();
        let moved = active.breaker.step(&plan, now, cause);
        // What a person asked for is written down even where it changes nothing.
        if !moved && by.is_none() {
            return false;
        }
        let to = active.breaker.state();
        self.state.waiting |= active.breaker.until().is_some();
        let breaker = active.breaker.clone();
        let incident = active.incident.clone();
        if to == State::Armed {
            for (id, legs) in std::mem::take(&mut active.causes) {
                if let Some(market) = self.state.markets.get_mut(id.0 as usize) {
                    market.bank.settle(&self.limits, legs);
                }
            }
        }
        let only_longer = from.name() == to.name() && breaker.permission(&plan) == permission_in(from, &plan);
        if !only_longer || by.is_some() {
            let (by, reason) = by.map_or((None, String::new()), |(who, reason)| (Some(who), reason));
            let fact = Fact::Breaker {
                scope: scope.name(&self.table),
                rule: self.rule_name(rule).to_owned(),
                from: from.name().to_owned(),
                to: to.name().to_owned(),
                stance: breaker.permission(&plan).stance().name().to_owned(),
                permission: breaker.permission(&plan),
                strikes: breaker.strikes(),
                until: breaker.until(),
                cause: why.to_owned(),
                version: breaker.version(),
                incident,
                by,
                reason,
            };
            self.facts.push((fact, None));
            self.refresh(scope);
        }
        true
    }

    /// Time passed: holds end, probes go on or fail, spent breakers are forgotten.
    pub(super) fn look_at_breakers(&mut self) {
        let keys: Vec<_> = self.state.breakers.keys().copied().collect();
        for (rule, scope) in keys {
            let Some(active) = self.state.breakers.get(&(rule, scope)) else { continue };
            if active.breaker.is_spent(self.plan(rule), self.state.now) {
                self.remember_versions(active.breaker.version());
                self.state.breakers.remove(&(rule, scope));
                continue;
            }
            let waits = active.breaker.until().is_some();
            let clear = self.is_clear(rule, active);
            if waits {
                let chance = self.chance();
                let why = if clear { "clear" } else { "cause is back" };
                self.move_breaker(rule, scope, Cause::Look { clear, chance }, why, None);
            }
        }
        self.state.waiting = self.state.breakers.values().any(|active| active.breaker.until().is_some());
        self.forget_peaks();
    }

    /// Whether every cause stayed below the rule's clear level since the last look.
    pub(super) fn is_clear(&self, rule: RuleId, active: &Active) -> bool {
        let level = self.policy.rule(rule).map_or(1.0, |rule| rule.clear);
        active.causes.iter().all(|(id, legs)| {
            let Some(market) = self.state.markets.get(id.0 as usize) else { return true };
            (0..LEGS).filter(|leg| legs >> leg & 1 == 1).all(|leg| {
                let peak = market.peaks.as_ref().and_then(|peaks| peaks.get(leg)).copied().unwrap_or(0.0);
                let ratio = market.bank.score(leg) / self.limits.limit(leg);
                ratio.max(peak) < level
            })
        })
    }

    fn watch(&mut self, id: MarketId) {
        if let Some(market) = self.state.markets.get_mut(id.0 as usize) {
            market.peaks.get_or_insert_with(|| vec![0.0; LEGS]);
        }
    }

    /// Peaks begin anew after each look; a market that no breaker watches keeps none.
    fn forget_peaks(&mut self) {
        for (place, market) in self.state.markets.iter_mut().enumerate() {
            if let Some(peaks) = &mut market.peaks {
                peaks.fill(0.0);
                let id = MarketId(place as u32);
                if !self.state.breakers.values().any(|active| active.causes.contains_key(&id)) {
                    market.peaks = None;
                }
            }
        }
    }

    /// What all that binds a market allows, and what binds most.
    fn effective(&self, id: MarketId) -> (Permission, u32, String) {
        let life = self.state.markets.get(id.0 as usize).map_or(Life::Starting, |market| market.life);
        let (mut permission, mut reason) = match life {
            Life::Starting => (Permission::HALT, Reason::Starting as u32),
            Life::Warming => (self.settings.warming, Reason::Warming as u32),
            Life::Live => (Permission::FREE, Reason::None as u32),
        };
        let mut incident = String::new();
        for (&(rule, scope), active) in &self.state.breakers {
            if self.mode(rule) != Mode::Armed || !scope.holds(id, &self.table) {
                continue;
            }
            let asked = active.breaker.permission(self.plan(rule));
            let all = permission.meet(asked);
            // A restart takes up what the gate says of a rule, and nothing that comes back by itself.
            let of_itself = reason == Reason::None as u32 || reason == Reason::Warming as u32;
            if all.stance() > permission.stance() || (of_itself && all != permission) {
                reason = reason_code(rule);
                incident.clone_from(&active.incident);
            }
            permission = all;
        }
        (permission, reason, incident)
    }

    /// The name behind a reason code.
    pub fn reason_name(&self, code: u32) -> &str {
        match code {
            0 => "",
            1 => "starting",
            2 => "warming",
            3 => "manual",
            // Codes come back from gate files too, so any number may stand here.
            code => rule_of(code).and_then(|rule| self.policy.rule(rule)).map_or("", |rule| rule.name.as_str()),
        }
    }

    /// Brings the gate of every market in a scope up to date: tighter at once, looser once the disk has it.
    pub(super) fn refresh(&mut self, scope: Scope) {
        for place in 0..self.state.markets.len() {
            let id = MarketId(place as u32);
            if scope.holds(id, &self.table) {
                self.refresh_market(id);
            }
        }
    }

    fn refresh_market(&mut self, id: MarketId) {
        let (wanted, reason, incident) = self.effective(id);
        let rule = self.reason_name(reason).to_owned();
        let Some(market) = self.state.markets.get_mut(id.0 as usize) else { return };
        if wanted == market.wanted {
            return;
        }
        market.wanted = wanted;
        market.last_reason = (reason, Incident::number(&incident));
        let now = market.published.meet(wanted);
        if now != market.published {
            market.published = now;
            let (reason, incident) = market.last_reason;
            self.gates.push(GateWrite { market: id, slot: 0, permission: now, reason, incident });
        }
        // Until the record is on disk this market waits; flush tells which record.
        market.awaits = None;
        let loosens = (wanted != now).then_some(id);
        self.facts
            .push((Fact::Permission { market: self.table.name(id), permission: wanted, rule, incident }, loosens));
    }

    /// Everything up to `seq` is on disk: what waited for it may loosen.
    pub(super) fn stored(&mut self, seq: u64) {
        self.state.durable = self.state.durable.max(seq);
        for (place, market) in self.state.markets.iter_mut().enumerate() {
            if market.awaits.is_some_and(|awaited| awaited <= seq) {
                market.awaits = None;
                market.published = market.wanted;
                let (reason, incident) = market.last_reason;
                let permission = market.published;
                self.gates.push(GateWrite { market: MarketId(place as u32), slot: 0, permission, reason, incident });
            }
        }
    }

    /// Takes up a breaker that stood before a restart at `at`: latched stays latched, tripped holds anew. Where the same
    /// breaker was taken up already (the store and the last gate file both tell of it) the stricter of the two stands.
    pub fn resume(&mut self, was: &Resume, at: Nanos) -> Result<(), String> {
        let scope = Scope::parse(&was.scope, &self.table).ok_or_else(|| format!("scope {} is not known", was.scope))?;
        let known = if was.rule == "manual" { Some(RuleId::MANUAL) } else { self.policy.find(&was.rule) };
        let rule = known.unwrap_or(RuleId::MANUAL);
        let plan = self.plan(rule).clone();
        self.state.now = self.state.now.max(at);
        let key = (rule, scope);
        let stood = self.state.breakers.get(&key).map(|active| active.breaker.clone()).unwrap_or_default();
        let permission = was.permission.meet(stood.permission(&plan));
        // A rule that is gone from the config leaves its breaker to a person.
        let latched = was.latched || known.is_none() || plan.latch || matches!(stood.state(), State::Latched { .. });
        let state = if latched {
            State::Latched { permission }
        } else {
            State::Tripped { permission, until: self.state.now.plus_secs(plan.hold_secs) }
        };
        let strikes = was.strikes.max(stood.strikes());
        let breaker = Breaker::resumed(state, strikes, self.state.now, was.version.max(stood.version()));
        let floor = self.state.version_floor;
        let active = self.state.breakers.entry(key).or_insert_with(|| Active::at_rest(floor));
        active.breaker = breaker;
        if !was.incident.is_empty() {
            active.incident.clone_from(&was.incident);
        }
        self.state.waiting = true;
        self.refresh(scope);
        Ok(())
    }

    /// Keeps what detectors have learned and forgets all else: how a driver uses a warm-up replay or a snapshot of an
    /// earlier run. Every market is back at Halt until its feed delivers.
    pub fn reawaken(&mut self) {
        self.state.breakers.clear();
        self.state.confirmations = crate::policy::Confirmations::default();
        self.state.incidents = crate::incident::Incidents::new(self.settings.incident.clone());
        for market in &mut self.state.markets {
            market.life = Life::Starting;
            market.streams = false;
            market.since = super::survey::Since::default();
            market.bank.reawaken();
            market.peaks = None;
            market.awaits = None;
            (market.published, market.wanted) = (Permission::HALT, Permission::HALT);
            market.last_reason = (Reason::Starting as u32, 0);
            market.counts = super::Counts::default();
        }
        self.state.streaming = false;
        self.state.waiting = false;
        self.resume_records(0);
    }

    /// No breaker that comes into being from now on has a version up to `seen`: what somebody saw earlier must not fit it.
    pub fn remember_versions(&mut self, seen: u64) {
        self.state.version_floor = self.state.version_floor.max(seen);
    }

    /// Continues the numbers of records after a restart.
    pub const fn resume_records(&mut self, last: u64) {
        self.state.seq = last;
        self.state.durable = last;
    }

    /// Takes up what a record says of an incident that stood open before a restart.
    pub fn resume_incident(&mut self, record: &crate::record::Record) {
        self.state.incidents.fold(record);
    }

    /// What breakers alone allow a market, whatever its feed says.
    pub fn binding(&self, id: MarketId) -> Permission {
        self.state
            .breakers
            .iter()
            .filter(|((rule, scope), _)| self.mode(*rule) == Mode::Armed && scope.holds(id, &self.table))
            .fold(Permission::FREE, |all, ((rule, _), active)| all.meet(active.breaker.permission(self.plan(*rule))))
    }

    /// What every cell of the gate shall say now: a driver writes this once before the first input.
    pub fn gate_cells(&self) -> impl Iterator<Item = GateWrite> + '_ {
        self.state.markets.iter().enumerate().map(|(place, market)| GateWrite {
            market: MarketId(place as u32),
            slot: 0,
            permission: market.published,
            reason: market.last_reason.0,
            incident: market.last_reason.1,
        })
    }
}

impl Active {
    /// At rest, with a version that no person can have seen at an earlier breaker of this name.
    pub(super) fn at_rest(version: u64) -> Self {
        let breaker = Breaker::resumed(State::Armed, 0, Nanos(i64::MIN), version);
        Self { breaker, causes: std::collections::BTreeMap::new(), incident: String::new() }
    }
}

fn permission_in(state: State, plan: &Plan) -> Permission {
    Breaker::resumed(state, 0, Nanos(0), 0).permission(plan)
}

fn reason_code(rule: RuleId) -> u32 {
    if rule == RuleId::MANUAL { Reason::Manual as u32 } else { Reason::FIRST_RULE + u32::from(rule.0) }
}

/// The rule behind a reason code; `None` for a code that no rule of any policy can have.
fn rule_of(code: u32) -> Option<RuleId> {
    code.checked_sub(Reason::FIRST_RULE).and_then(|place| u16::try_from(place).ok()).map(RuleId)
}

#[cfg(test)]
mod tests {
    use super::Engine;
    use crate::engine::EngineSettings;
    use crate::market::Markets;

    #[test]
    fn a_reason_code_that_no_rule_has_is_nameless_and_never_a_panic() {
        let engine = Engine::new(EngineSettings::default(), Markets::new());
        let names: Vec<&str> = [0, 1, 2, 3, 4, 15, 16, 0x1_0010, u32::MAX].map(|code| engine.reason_name(code)).into();
        assert_eq!(names, ["", "starting", "warming", "manual", "", "", "early-warning", "", ""]);
    }
}
