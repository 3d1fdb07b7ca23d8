//! What people ask for: trip by hand, re-arm, and the life of an incident. Every request is answered and recorded.

use super::{Action, Active, Command, Engine};
use crate::breaker::{Cause, Permission, State};
use crate::incident::Arrival;
use crate::policy::RuleId;
use crate::record::{Fact, IncidentChange, Who};
use crate::trip::Scope;

impl Engine {
    pub(super) fn command(&mut self, command: Command) {
        let Command { id, who, reason, action, .. } = command;
        let request = self.describe(&action);
        let result = self.obey(action, &who, &reason);
        if let Err(why) = &result {
            self.facts.push((Fact::Refused { by: who, request, why: why.clone() }, None));
        }
        self.answers.push((id, result));
    }

    fn obey(&mut self, action: Action, who: &Who, reason: &str) -> Result<String, String> {
        match action {
            Action::Trip { scope, permission } => self.trip_by_hand(scope, permission, who, reason),
            Action::Rearm { scope, rule, version } => self.rearm(scope, &rule, version, who, reason),
            Action::Acknowledge { incident } => self.answer(&incident, IncidentChange::Acknowledged, who, reason),
            Action::Resolve { incident } => self.answer(&incident, IncidentChange::Resolved, who, reason),
            Action::Comment { incident } => self.answer(&incident, IncidentChange::Commented, who, reason),
        }
    }

    fn describe(&self, action: &Action) -> String {
        match action {
            Action::Trip { scope, permission } => {
                format!("trip {} to {}", scope.name(&self.table), permission.stance().name())
            }
            Action::Rearm { scope, rule, version } => {
                format!("rearm {rule} at {} seen at version {version}", scope.name(&self.table))
            }
            Action::Acknowledge { incident } => format!("acknowledge {incident}"),
            Action::Resolve { incident } => format!("resolve {incident}"),
            Action::Comment { incident } => format!("comment {incident}"),
        }
    }

    fn answer(&mut self, id: &str, change: IncidentChange, who: &Who, note: &str) -> Result<String, String> {
        let fact = self.state.incidents.answer(id, change, who.clone(), note.to_owned())?;
        self.facts.push((fact, None));
        Ok(format!("{id}: done"))
    }

    /// Anyone with access may tighten, at any time; a reason is welcome but never in the way.
    fn trip_by_hand(
        &mut self,
        scope: Scope,
        permission: Permission,
        who: &Who,
        reason: &str,
    ) -> Result<String, String> {
        if permission == Permission::FREE {
            return Err("a trip must tighten something; name a stance of Caution or stricter".to_owned());
        }
        let name = scope.name(&self.table);
        let arrival = Arrival { at: self.state.now, subject: &name, kind: "manual", severity: 2 };
        let (incident, facts) = self.state.incidents.trip(arrival);
        self.facts.extend(facts.into_iter().map(|fact| (fact, None)));
        let chance = self.chance();
        let floor = self.state.version_floor;
        let active = self.state.breakers.entry((RuleId::MANUAL, scope)).or_insert_with(|| Active::at_rest(floor));
        active.incident.clone_from(&incident);
        let by = Some((who.clone(), reason.to_owned()));
        self.move_breaker(RuleId::MANUAL, scope, Cause::Trip { permission, chance }, "tripped by hand", by);
        Ok(format!("{name}: {} ({incident})", permission.stance().name()))
    }

    /// Letting go needs a reason, the version the person saw, and causes that are clear.
    fn rearm(&mut self, scope: Scope, rule: &str, version: u64, who: &Who, reason: &str) -> Result<String, String> {
        if reason.trim().is_empty() {
            return Err("a re-arm needs a reason".to_owned());
        }
        let rule_id = if rule == "manual" {
            RuleId::MANUAL
        } else {
            self.policy.find(rule).ok_or_else(|| format!("there is no rule {rule}"))?
        };
        let name = scope.name(&self.table);
        let active = self
            .state
            .breakers
            .get(&(rule_id, scope))
            .filter(|active| active.breaker.state() != State::Armed)
            .ok_or_else(|| format!("{rule} at {name} is armed already"))?;
        let current = active.breaker.version();
        if version != current {
            return Err(format!(
                "{rule} at {name} has moved on: you saw version {version}, it is at {current}; look again"
            ));
        }
        if !self.is_clear(rule_id, active) {
            return Err(format!("{rule} at {name}: the condition still holds"));
        }
        let by = Some((who.clone(), reason.to_owned()));
        self.move_breaker(rule_id, scope, Cause::Rearm, "re-armed by hand", by);
        Ok(format!("{name}: {rule} re-armed"))
    }
}
