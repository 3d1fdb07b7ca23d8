//! One look at the gate: every market as an engine reads it, and the lease.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::breaker::Permission;
use crate::engine::{EngineSettings, Reason};
use crate::gate::{Cell, Reader};
use crate::report::words;

/// Everything at one moment.
pub(super) struct Sight {
    pub(super) lease: Lease,
    pub(super) slots: u8,
    /// Markets in the order of the alphabet.
    pub(super) lines: Vec<Line>,
}

/// What a market allows.
pub(super) struct Line {
    pub(super) market: String,
    /// The cells' count of publications, by which a change is seen.
    pub(super) epochs: Vec<u32>,
    permission: Permission,
    reason: String,
    incident: u64,
    /// Why it reads as Halt whatever the cells say, where it does.
    doubt: Option<&'static str>,
}

/// How the lease stands.
#[derive(Clone, Debug)]
pub(super) enum Lease {
    /// The files cannot be believed.
    Refused(String),
    /// It holds.
    Holds { left_ms: f64, length_ms: f64, pid: u32, generation: u64 },
    /// It does not, and why.
    Over { why: String, generation: u64 },
}

/// Names of the reason codes: those of the rules only where the gate was made from these settings.
pub(super) fn names(reader: &Reader, settings: &EngineSettings) -> BTreeMap<u32, String> {
    let base = [(Reason::None as u32, ""), (Reason::Starting as u32, "starting"), (Reason::Warming as u32, "warming")];
    let mut names: BTreeMap<u32, String> = base.map(|(code, name)| (code, name.to_owned())).into();
    names.insert(Reason::Manual as u32, "manual".to_owned());
    if reader.gate().is_some_and(|gate| gate.header().config_hash == settings.hash()) {
        names.extend((Reason::FIRST_RULE..).zip(settings.rules.iter().map(|rule| rule.name.clone())));
    }
    names
}

/// Looks once, at `now` (`CLOCK_MONOTONIC`, ns).
pub(super) fn look(reader: &Reader, slot: u8, names: &BTreeMap<u32, String>, now: u64) -> Sight {
    let lease = lease(reader, now);
    let Some(gate) = reader.gate() else { return Sight { lease, slots: u8::MAX, lines: Vec::new() } };
    let lines = gate.names().map(|(market, number)| line(reader, (market, number), slot, names)).collect();
    Sight { lease, slots: gate.header().slots, lines }
}

fn lease(reader: &Reader, now: u64) -> Lease {
    let Some(gate) = reader.gate() else {
        return Lease::Refused(reader.trouble().map_or_else(String::new, ToString::to_string));
    };
    let (header, glance) = (gate.header(), gate.glance());
    let over = |why: String| Lease::Over { why, generation: header.generation };
    let ms = |ns: u64| ns as f64 / 1e6;
    if gate.is_live(now) {
        return match reader.guard().filter(|guard| !guard.is_live(now)) {
            Some(_) => over("the guard's lease is over, and this gate requires a guard".to_owned()),
            None => Lease::Holds {
                left_ms: ms(glance.lease_until.saturating_sub(now)),
                length_ms: ms(header.lease_ns),
                pid: header.pid,
                generation: header.generation,
            },
        };
    }
    over(match glance.lease_until {
        _ if glance.retired => "closed in order, or replaced by another file".to_owned(),
        0 => format!("process {} has not begun it, or suspended it", header.pid),
        until if until > now => "it ends further ahead than any lease may: the word is damaged".to_owned(),
        until => format!("process {} fell silent {} ago", header.pid, words::lasting(ms(now - until) / 1e3)),
    })
}

fn line(reader: &Reader, (market, number): (&str, u32), slot: u8, names: &BTreeMap<u32, String>) -> Line {
    let slots = if slot == 0 { vec![0] } else { vec![0, slot] };
    let pages = reader.gate().into_iter().chain(reader.guard());
    let cells: Vec<Option<Cell>> =
        pages.flat_map(|page| slots.iter().map(move |slot| page.cell(number, *slot))).collect();
    let known: Vec<Cell> = cells.iter().copied().flatten().collect();
    let is_whole = known.len() == cells.len();
    // The cell that binds most gives the reason; the first among equals.
    let binding = known.iter().rev().max_by_key(|cell| cell.permission.stance());
    let permission = known.iter().fold(Permission::FREE, |all, cell| all.meet(cell.permission));
    let code = binding.map_or(0, |cell| cell.reason);
    Line {
        market: market.to_owned(),
        epochs: cells.iter().map(|cell| cell.map_or(0, |cell| cell.epoch)).collect(),
        permission: if is_whole { permission } else { Permission::HALT },
        reason: names
            .get(&code)
            .cloned()
            .unwrap_or_else(|| format!("rule {}", code.saturating_sub(Reason::FIRST_RULE))),
        incident: binding.map_or(0, |cell| cell.incident),
        doubt: (!is_whole).then_some("a cell is torn or damaged"),
    }
}

impl Line {
    /// Head of the table.
    pub(super) const HEAD: [&'static str; 8] =
        ["market", "stance", "sides", "size", "max notional", "collar", "reason", "incident"];

    /// Cells of the table.
    pub(super) fn cells(&self) -> [String; 8] {
        let permission = &self.permission;
        let reason = self.doubt.map_or_else(|| self.reason.clone(), str::to_owned);
        [
            self.market.clone(),
            permission.stance().name().to_owned(),
            words::sides(permission.sides()).to_owned(),
            words::size(permission),
            words::max_notional(permission),
            words::collar(permission),
            reason,
            self.incident(),
        ]
    }

    /// One JSON object; the incident's number in hex, for it does not fit into a double.
    pub(super) fn json(&self, slot: u8) -> Value {
        let incident = (self.incident != 0).then(|| self.incident());
        let mut value = json!(self.permission);
        if let Some(value) = value.as_object_mut() {
            value.insert("market".to_owned(), json!(self.market));
            value.insert("slot".to_owned(), json!(slot));
            value.insert("reason".to_owned(), json!(self.reason));
            value.insert("incident".to_owned(), json!(incident));
            value.insert("doubt".to_owned(), json!(self.doubt));
        }
        value
    }

    /// How often the cells changed since an earlier look; each publication counts 2. One that could not be read tells nothing.
    pub(super) fn changes_since(&self, last: &Self) -> u64 {
        let known = self.epochs.iter().zip(&last.epochs).filter(|(now, before)| **now != 0 && **before != 0);
        known.map(|(now, before)| u64::from(now.wrapping_sub(*before) / 2)).sum()
    }

    fn incident(&self) -> String {
        if self.incident == 0 { "none".to_owned() } else { format!("{:016x}", self.incident) }
    }
}

/// `binance-usdm:BTCUSDT  Caution  sides both  size 50 %  ...`
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [market, stance, rest @ ..] = self.cells();
        write!(f, "{market}  {stance}")?;
        let names = Self::HEAD.iter().skip(2);
        names.zip(rest).filter(|(_, cell)| !cell.is_empty()).try_for_each(|(name, cell)| write!(f, "  {name} {cell}"))
    }
}

impl Lease {
    /// Whether engines may go by the cells.
    pub(super) const fn is_live(&self) -> bool {
        matches!(self, Self::Holds { .. })
    }

    /// What must change for a watcher to be told: the state, never the time that is left.
    pub(super) const fn to_state(&self) -> (bool, u64) {
        match self {
            Self::Refused(_) => (false, 0),
            Self::Holds { generation, .. } => (true, *generation),
            Self::Over { generation, .. } => (false, *generation),
        }
    }

    /// One JSON object.
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Refused(why) => json!({"live": false, "lease_left_ms": null, "why": why}),
            Self::Over { why, generation } => {
                json!({"live": false, "lease_left_ms": null, "why": why, "generation": generation.to_string()})
            }
            Self::Holds { left_ms, length_ms, pid, generation } => json!({
                "live": true, "lease_left_ms": left_ms, "lease_ms": length_ms, "pid": pid, "generation": generation.to_string(),
            }),
        }
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Holds { left_ms, length_ms, pid, .. } => {
                write!(f, "lease holds: {left_ms:.0} of {length_ms:.0} ms left, process {pid}")
            }
            Self::Over { why, .. } => write!(f, "lease over, every market reads as Halt: {why}"),
            Self::Refused(why) => write!(f, "no gate, every market reads as Halt: {why}"),
        }
    }
}
