//! Whether an acknowledgement counts: of this gate, fresh, and possible.

use std::fmt;
use std::io;

use super::ack::Ack;
use super::page::Glance;
use super::refusal::{Doubt, Refusal};

/// Longest silence of an engine that still counts as acknowledging, in nanoseconds: 3 s.
pub const ACK_SILENCE_NS_MAX: u64 = 3_000_000_000;

/// Why nobody acknowledges a gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// No engine has written anything since the machine started.
    Nothing,
    /// The file cannot be believed.
    Refused(Refusal),
    /// The engine reads another gate file: one that was replaced, or one elsewhere.
    Generation(u64),
    /// The engine fell silent so many nanoseconds ago.
    Silent(u64),
    /// It has seen what was never said, or at a time that has not come: another clock, or another gate.
    Impossible,
}

impl Ack {
    /// Publications of the gate that the engine has not seen; `None` where it reads another gate.
    pub fn lag(&self, gate: &Glance) -> Option<u64> {
        (self.generation == gate.generation).then(|| gate.changes.saturating_sub(self.changes))
    }

    /// Nanoseconds since it was written, at `now` (`CLOCK_MONOTONIC`, ns).
    pub const fn age_ns(&self, now: u64) -> u64 {
        now.saturating_sub(self.at)
    }

    /// Why it does not count for this gate; `None` where it does. `gate` and `now` must be younger than it.
    pub fn doubt(&self, gate: &Glance, now: u64) -> Option<Unheard> {
        if self.at > now {
            Some(Unheard::Impossible)
        } else if self.age_ns(now) > ACK_SILENCE_NS_MAX {
            Some(Unheard::Silent(self.age_ns(now)))
        } else if self.generation != gate.generation {
            Some(Unheard::Generation(self.generation))
        } else if self.changes > gate.changes || self.probe_seq > gate.probe_seq {
            Some(Unheard::Impossible)
        } else {
            None
        }
    }
}

impl From<Refusal> for Unheard {
    /// A file that is not there, or that an engine of an earlier boot left behind, says nothing.
    fn from(refusal: Refusal) -> Self {
        match refusal.doubt {
            Doubt::Io(io::ErrorKind::NotFound) | Doubt::OtherBoot => Self::Nothing,
            _ => Self::Refused(refusal),
        }
    }
}

impl fmt::Display for Unheard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "none has written anything yet"),
            Self::Refused(Refusal { path, doubt: Doubt::Io(kind) }) => {
                write!(f, "{}: {kind} (may this user read it?)", path.display())
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Generation(seen) => {
                write!(f, "it reads another gate file, generation {seen} (does it call refresh, and on this path?)")
            }
            Self::Silent(ns) => write!(f, "it fell silent {:.1} s ago", *ns as f64 / 1e9),
            Self::Impossible => write!(f, "it has seen what was never said, or by another clock"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 100_000_000_000;
    const GATE: Glance = Glance { generation: 7, lease_until: NOW, probe_seq: 40, changes: 12, retired: false };

    fn ack() -> Ack {
        Ack { generation: 7, probe_seq: 40, changes: 9, allowed: 1, denied: 2, at: NOW }
    }

    #[test]
    fn only_a_fresh_and_possible_acknowledgement_of_this_gate_counts() {
        for (ack, want) in [
            (ack(), None),
            (Ack { at: NOW - ACK_SILENCE_NS_MAX, ..ack() }, None),
            (Ack { at: NOW - ACK_SILENCE_NS_MAX - 1, ..ack() }, Some(Unheard::Silent(ACK_SILENCE_NS_MAX + 1))),
            (Ack { at: 0, ..ack() }, Some(Unheard::Silent(NOW))),
            (Ack { at: NOW + 1, ..ack() }, Some(Unheard::Impossible)),
            (Ack { at: u64::MAX, ..ack() }, Some(Unheard::Impossible)),
            (Ack { generation: 6, ..ack() }, Some(Unheard::Generation(6))),
            (Ack { changes: 13, ..ack() }, Some(Unheard::Impossible)),
            (Ack { probe_seq: 41, ..ack() }, Some(Unheard::Impossible)),
        ] {
            assert_eq!(ack.doubt(&GATE, NOW), want, "{ack:?}");
        }
    }

    #[test]
    fn lag_counts_publications_of_the_same_gate_only() {
        assert_eq!(ack().lag(&GATE), Some(3));
        assert_eq!(Ack { changes: u64::MAX, ..ack() }.lag(&GATE), Some(0));
        assert_eq!(Ack { generation: 8, ..ack() }.lag(&GATE), None);
        assert_eq!(ack().age_ns(NOW + 5), 5);
        assert_eq!(ack().age_ns(0), 0, "a clock that steps back is no age");
    }
}
