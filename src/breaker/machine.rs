//! One breaker: a pure state machine. No clock, no I/O, no locks.
//!
//! ```text
//!          trip                    hold over, all causes clear            ramp done
//! Armed ----------> Tripped ------------------------------> Probing -----------------> Armed
//!   \                  ^  \                                    |
//!    \  latching plan  |   \ too many strikes                  | a cause is back
//!     \________________|____\______> Latched                   |
//!                      +---------------------------------------+
//! ```
//! Only a person leaves `Latched`. A trip never loosens: the permission after it is at least as strict as before.

use serde::{Deserialize, Serialize};

use super::{Permission, Stance};
use crate::event::Nanos;

/// How one rule's breaker behaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// What is allowed while tripped.
    pub permission: Permission,
    /// First hold after a trip, seconds; doubles with every strike.
    pub hold_secs: f64,
    /// Longest hold, seconds.
    pub hold_max_secs: f64,
    /// How long all causes must stay clear before it arms again, seconds.
    pub probe_secs: f64,
    /// Size factors of the way back; the probe is split evenly among them.
    pub ramp: Vec<f64>,
    /// Whether the first trip latches.
    pub latch: bool,
    /// More trips than this within the window latch (flap rule); 0 turns it off.
    pub strikes_max: u32,
    /// Window of the flap rule, and how long strikes are remembered, seconds.
    pub strikes_window_secs: f64,
    /// Largest share of a hold that chance may add, so that desks do not all return at once.
    pub jitter: f64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            permission: Permission::of(Stance::Caution),
            hold_secs: 60.0,
            hold_max_secs: 3600.0,
            probe_secs: 60.0,
            ramp: vec![0.1, 0.5],
            latch: false,
            strikes_max: 5,
            strikes_window_secs: 3600.0,
            jitter: 0.1,
        }
    }
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum State {
    /// Waiting for a cause.
    Armed,
    /// Holding.
    Tripped {
        /// What is allowed.
        permission: Permission,
        /// Earliest end of the hold.
        until: Nanos,
    },
    /// On the way back: causes are measured while size grows.
    Probing {
        /// What was allowed while tripped, should a cause come back.
        tripped: Permission,
        /// Step of the ramp, from 0.
        step: u32,
        /// End of this step.
        until: Nanos,
    },
    /// Waiting for a person.
    Latched {
        /// What is allowed.
        permission: Permission,
    },
}

impl State {
    /// The word in records and metrics.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Armed => "Armed",
            Self::Tripped { .. } => "Tripped",
            Self::Probing { .. } => "Probing",
            Self::Latched { .. } => "Latched",
        }
    }
}

/// What moves a breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cause {
    /// Its rule asks for a trip. `permission` is the plan's, or a person's.
    Trip {
        /// What shall still be allowed.
        permission: Permission,
        /// Uniform in [0, 1): where in the jitter this hold ends.
        chance: f64,
    },
    /// Time passed; `clear` tells whether every cause stayed below its clear level since the last look.
    Look {
        /// All causes are clear.
        clear: bool,
        /// Uniform in [0, 1), for the hold if a cause is back.
        chance: f64,
    },
    /// A person lets it go; the caller has checked authority, reason, version and that causes are clear.
    Rearm,
}

/// One breaker of one rule at one scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Breaker {
    state: State,
    strikes: u32,
    last_trip: Nanos,
    version: u64,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Armed, strikes: 0, last_trip: Nanos(i64::MIN), version: 0 }
    }
}

impl Breaker {
    /// A breaker that stood like this before a restart.
    pub const fn resumed(state: State, strikes: u32, last_trip: Nanos, version: u64) -> Self {
        Self { state, strikes, last_trip, version }
    }

    /// Where it stands.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Trips in a row, as far as they are remembered.
    pub const fn strikes(&self) -> u32 {
        self.strikes
    }

    /// Goes up with every move but a longer hold: what compare-and-set compares.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What it allows now.
    pub fn permission(&self, plan: &Plan) -> Permission {
        match self.state {
            State::Armed => Permission::FREE,
            State::Tripped { permission, .. } | State::Latched { permission } => permission,
            State::Probing { tripped, step, .. } if tripped.stance() > Stance::Caution => {
                let factor = plan.ramp.get(step as usize).copied().unwrap_or(1.0);
                Permission::of(Stance::Caution).with_size_factor(factor)
            }
            State::Probing { tripped, .. } => tripped,
        }
    }

    /// When it wants a look by itself; `None` when only a trip or a person moves it.
    pub const fn until(&self) -> Option<Nanos> {
        match self.state {
            State::Tripped { until, .. } | State::Probing { until, .. } => Some(until),
            State::Armed | State::Latched { .. } => None,
        }
    }

    /// Whether it can be forgotten: armed, and its strikes are past.
    pub fn is_spent(&self, plan: &Plan, now: Nanos) -> bool {
        self.state == State::Armed && now > self.last_trip.plus_secs(plan.strikes_window_secs)
    }

    /// Moves, and tells whether the state changed.
    pub fn step(&mut self, plan: &Plan, now: Nanos, cause: Cause) -> bool {
        let next = match cause {
            Cause::Trip { permission, chance } => self.tripped(plan, now, permission, chance),
            Cause::Look { clear, chance } => self.looked(plan, now, clear, chance),
            Cause::Rearm => {
                self.strikes = 0;
                State::Armed
            }
        };
        let moved = next != self.state;
        // A hold that only lasts longer is nothing that a person must look at again.
        let longer = matches!((self.state, next),
            (State::Tripped { permission: before, .. }, State::Tripped { permission: after, .. }) if before == after);
        self.version += u64::from(moved && !longer);
        self.state = next;
        moved
    }

    fn tripped(&mut self, plan: &Plan, now: Nanos, asked: Permission, chance: f64) -> State {
        match self.state {
            State::Latched { permission } => State::Latched { permission: permission.meet(asked) },
            State::Tripped { permission, until } => State::Tripped {
                permission: permission.meet(asked),
                until: until.max(self.hold_end(plan, now, chance)),
            },
            State::Armed | State::Probing { .. } => self.strike(plan, now, asked, chance),
        }
    }

    fn looked(&mut self, plan: &Plan, now: Nanos, clear: bool, chance: f64) -> State {
        match self.state {
            State::Tripped { permission, until } if clear && now >= until => {
                State::Probing { tripped: permission, step: 0, until: step_end(plan, now) }
            }
            State::Probing { tripped, .. } if !clear => self.strike(plan, now, tripped, chance),
            State::Probing { tripped, step, until } if now >= until => {
                if step as usize + 1 < plan.ramp.len() {
                    State::Probing { tripped, step: step + 1, until: step_end(plan, now) }
                } else {
                    State::Armed
                }
            }
            same => same,
        }
    }

    /// A new strike: out of `Armed`, or out of a probe that failed.
    fn strike(&mut self, plan: &Plan, now: Nanos, asked: Permission, chance: f64) -> State {
        let remembered = now <= self.last_trip.plus_secs(plan.strikes_window_secs);
        self.strikes = if remembered { self.strikes.saturating_add(1) } else { 1 };
        self.last_trip = now;
        let permission = self.permission(plan).meet(asked);
        let flaps = plan.strikes_max > 0 && self.strikes > plan.strikes_max;
        if plan.latch || flaps {
            State::Latched { permission }
        } else {
            State::Tripped { permission, until: self.hold_end(plan, now, chance) }
        }
    }

    fn hold_end(&self, plan: &Plan, now: Nanos, chance: f64) -> Nanos {
        let doublings = self.strikes.saturating_sub(1).min(20);
        let hold = (plan.hold_secs * f64::from(1_u32 << doublings)).min(plan.hold_max_secs);
        now.plus_secs(hold * (1.0 + plan.jitter * chance))
    }
}

fn step_end(plan: &Plan, now: Nanos) -> Nanos {
    now.plus_secs(plan.probe_secs / plan.ramp.len().max(1) as f64)
}
