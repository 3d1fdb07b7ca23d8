//! What goes wrong at a venue and when: written down, or drawn by a seed. Pure; times are seconds after the first frame.

use std::fmt;
use std::str::FromStr;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Data is held back and lost while signs of life go on.
    Stall,
    /// One frame of four is lost.
    Drop,
    /// One frame of four is sent twice.
    Duplicate,
    /// One frame of four comes after the next one.
    Reorder,
    /// Data is held back and sent at the end.
    Late,
    /// Between frames comes what is no message.
    Garbage,
    /// Connections stay open and are dead: nothing is read, nothing is written.
    HalfOpen,
    /// Whoever connects waits until the end for the handshake.
    SlowHandshake,
    /// Every connection is reset.
    Reset,
    /// Subscriptions are acknowledged and never delivered, even when it is over.
    Silent,
    /// The venue's clock is an hour ahead.
    Skew,
    /// The venue says that it is about to close, where it has words for it, and at the end closes every connection that it
    /// had then.
    ShutdownNotice,
}

impl FaultKind {
    /// Every kind, in order.
    pub const ALL: [Self; 12] = [
        Self::Stall,
        Self::Drop,
        Self::Duplicate,
        Self::Reorder,
        Self::Late,
        Self::Garbage,
        Self::HalfOpen,
        Self::SlowHandshake,
        Self::Reset,
        Self::Silent,
        Self::Skew,
        Self::ShutdownNotice,
    ];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Drop => "drop",
            Self::Duplicate => "duplicate",
            Self::Reorder => "reorder",
            Self::Late => "late",
            Self::Garbage => "garbage",
            Self::HalfOpen => "half-open",
            Self::SlowHandshake => "slow-handshake",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::Skew => "skew",
            Self::ShutdownNotice => "shutdown-notice",
        }
    }
}

/// One fault, from an instant on and so long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// When it begins.
    pub at_secs: f64,
    /// How long it lasts.
    pub secs: f64,
}

impl Fault {
    /// How long a fault lasts of which nobody says it.
    const SECS: f64 = 5.0;

    fn covers(self, secs: f64) -> bool {
        (self.at_secs..self.at_secs + self.secs).contains(&secs)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{:.1}:{:.1}", self.kind.name(), self.at_secs, self.secs)
    }
}

/// `KIND:AT` or `KIND:AT:SECS`.
impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let Some(kind) = FaultKind::ALL.into_iter().find(|kind| kind.name() == name) else {
            let names = FaultKind::ALL.map(FaultKind::name).join(", ");
            return Err(format!("`{}` is no fault; choose from {names}", name.escape_debug()));
        };
        let number = |part: &str| part.parse().ok().filter(|secs| (0.0..=1e6).contains(secs));
        let seconds = |part: &str| number(part).ok_or_else(|| "wants seconds between 0 and 1000000".to_owned());
        let at_secs = parts.next().ok_or_else(|| format!("wants a time, as in `{name}:60` or `{name}:60:5`"))?;
        let (at_secs, secs) = (seconds(at_secs)?, parts.next().map_or(Ok(Self::SECS), seconds)?);
        if parts.next().is_some() {
            return Err(format!("wants no more than `{name}:AT:SECS`"));
        }
        Ok(Self { kind, at_secs, secs })
    }
}

/// All that goes wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults {
    /// Those that are written down.
    pub written: Vec<Fault>,
    /// Those that are drawn.
    pub drawn: Option<Drawn>,
}

/// One fault after the other, each with a quiet time behind it; the first comes when one such time has passed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Equal seeds draw equal faults.
    pub seed: u64,
    /// Seconds from one to the next.
    pub every_secs: f64,
}

impl Drawn {
    /// The fault of the time around this instant.
    pub fn around(self, secs: f64) -> Option<Fault> {
        let slot = (secs / self.every_secs).floor();
        if slot < 1.0 {
            return None;
        }
        let chance = |what: u64| mix(mix(self.seed ^ (slot as u64) << 8) ^ what);
        let share = |what: u64| (chance(what) >> 11) as f64 / (1u64 << 53) as f64;
        let kind = FaultKind::ALL.into_iter().cycle().nth((chance(0) % FaultKind::ALL.len() as u64) as usize)?;
        let at_secs = (slot + 0.3 * share(1)) * self.every_secs;
        Some(Fault { kind, at_secs, secs: (0.1 + 0.3 * share(2)) * self.every_secs })
    }
}

impl Faults {
    /// Whether something of this kind is wrong at this instant.
    pub fn now(&self, kind: FaultKind, secs: f64) -> bool {
        self.near(secs).any(|fault| fault.kind == kind && fault.covers(secs))
    }

    /// Whether something of this kind begins after the first and not after the second instant.
    pub fn begins(&self, kind: FaultKind, after: f64, until: f64) -> bool {
        let mut found = self.near(after).chain(self.near(until));
        found.any(|fault| fault.kind == kind && fault.at_secs > after && fault.at_secs <= until)
    }

    /// The same for its end.
    pub fn ends(&self, kind: FaultKind, after: f64, until: f64) -> bool {
        let mut found = self.near(after).chain(self.near(until));
        found.any(|fault| {
            let end = fault.at_secs + fault.secs;
            fault.kind == kind && end > after && end <= until
        })
    }

    fn near(&self, secs: f64) -> impl Iterator<Item = Fault> {
        self.written.iter().copied().chain(self.drawn.and_then(|drawn| drawn.around(secs)))
    }
}

/// Spreads the bits of a number: every input bit moves about half of the output's.
pub(super) fn mix(number: u64) -> u64 {
    let spread = |bits: u64| (bits ^ (bits >> 31)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    spread(spread(number.wrapping_add(0x9e37_79b9_7f4a_7c15))) ^ (number >> 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_told_what_is_wrong_with_them() {
        let stall: Fault = "stall:60:5".parse().expect("a fault");
        assert_eq!((stall.to_string().as_str(), stall.kind), ("stall:60.0:5.0", FaultKind::Stall));
        for kind in FaultKind::ALL {
            let fault: Fault = format!("{}:1.5", kind.name()).parse().expect("a fault");
            assert_eq!(fault, Fault { kind, at_secs: 1.5, secs: Fault::SECS });
        }
        for (text, want) in [
            ("", "`` is no fault"),
            ("fire:1", "choose from stall, drop"),
            ("stall", "`stall:60:5`"),
            ("stall:NaN", "wants seconds"),
            ("stall:-1", "wants seconds"),
            ("stall:1:inf", "wants seconds"),
            ("stall:1:2:3", "no more than"),
        ] {
            let why = text.parse::<Fault>().expect_err(text);
            assert!(why.contains(want), "{text}: {why}");
        }
    }

    #[test]
    fn a_fault_has_a_beginning_and_an_end() {
        let faults = Faults { written: vec!["reset:2:3".parse().expect("a fault")], drawn: None };
        let at = |secs| faults.now(FaultKind::Reset, secs);
        assert_eq!([1.9, 2.0, 4.9, 5.0].map(at), [false, true, true, false]);
        assert!(faults.begins(FaultKind::Reset, 1.0, 2.0) && !faults.begins(FaultKind::Reset, 2.0, 3.0));
        assert!(faults.ends(FaultKind::Reset, 4.0, 5.0) && !faults.ends(FaultKind::Reset, 5.0, 6.0));
    }

    #[test]
    fn drawn_faults_are_of_every_kind_and_leave_quiet_times() {
        let drawn = Drawn { seed: 7, every_secs: 10.0 };
        let faults: Vec<Fault> = (1..200).filter_map(|slot| drawn.around(10.0 * f64::from(slot) + 9.9)).collect();
        for kind in FaultKind::ALL {
            assert!(faults.iter().any(|fault| fault.kind == kind), "{}", kind.name());
        }
        for (slot, fault) in (1..).zip(&faults) {
            let from = 10.0 * f64::from(slot);
            assert!(fault.at_secs >= from && fault.at_secs + fault.secs <= from + 7.0 + 1e-9, "{fault}");
        }
        assert_eq!(drawn.around(9.9), None);
        let other = Drawn { seed: 8, ..drawn };
        assert!((1..20).any(|slot| drawn.around(f64::from(slot) * 10.0) != other.around(f64::from(slot) * 10.0)));
    }
}
