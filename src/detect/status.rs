//! D3, the venue's own word: a market that is closed, that takes cancels alone, or resting orders alone.
//!
//! Nothing is measured, so nothing is learned: a word binds from the moment it comes until the venue takes it back. A
//! connection that breaks, or loses something, may have lost that too. From then on the word is in doubt: it falls once the
//! market has traded for some seconds, or spoken for minutes, and the venue has not said it again.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Link, Look, Seen, leg_table};
use crate::event::{Nanos, VenueStatus};
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.status`.
    pub struct StatusSettings {
        /// Where a venue's word that it opens may have been missed, it is believed open after so many seconds with a trade.
        doubt_trades: u32 = 5, "", 1.0..=3600.0;
        /// The same without trades: after so many seconds in which anything came that has a time of the venue's.
        doubt_looks: u32 = 600, "", 1.0..=86400.0;
    }
}

/// What its venue says of one market.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    word: VenueStatus,
    since: Nanos,
    /// Something was lost since the venue said it.
    in_doubt: bool,
    /// Since then: seconds with a trade, and seconds with anything.
    trades: u32,
    looks: u32,
    /// The last look, for evidence.
    looked_at: Nanos,
}

impl Detector for Status {
    const NAME: &'static str = "status";
    const LEGS: &'static [Leg] = leg_table!["limited" => None, "halted" => None];
    type Settings = StatusSettings;

    fn new(_: &StatusSettings) -> Self {
        let (word, never) = (VenueStatus::Online, Nanos(i64::MIN));
        Self { word, since: never, in_doubt: false, trades: 0, looks: 0, looked_at: never }
    }

    fn limit(_: &StatusSettings, _: usize) -> (f64, f64) {
        (1.0, 0.5)
    }

    #[inline]
    fn see(&mut self, settings: &StatusSettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Status { at, status } => self.hear(at, status, scores),
            Seen::Look { at, look } if self.in_doubt => self.weigh(settings, at, look, scores),
            Seen::Link { link: Link::Down | Link::Hole, .. } => self.doubt(),
            Seen::Clock { at } if self.binds() => self.tell(at, scores),
            // After a restart the word stands and its scores do not: they rise before a price makes the market live.
            Seen::Price { .. } | Seen::Bar(_) if self.binds() && scores.iter().all(|score| *score < 1.0) => {
                self.tell(seen.at(), scores);
            }
            _ => {}
        }
    }

    #[inline]
    fn wants_clock(&self, _: &StatusSettings, _: Nanos) -> bool {
        self.binds()
    }

    fn is_warm(&self, _: &StatusSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, _: &StatusSettings, _: &Base, _: usize) -> Evidence {
        self.explain(Evidence::default())
    }
}

impl Status {
    /// Adds what the venue says, where it is not that all is as usual: a silence may be meant.
    pub(super) fn explain(&self, evidence: Evidence) -> Evidence {
        let words = match self.word {
            VenueStatus::Online => return evidence,
            VenueStatus::PostOnly => "post only by its venue for",
            VenueStatus::CancelOnly => "cancel only by its venue for",
            VenueStatus::Maintenance => "closed by its venue for",
        };
        evidence.with(words, self.looked_at.secs_since(self.since).max(0.0), "s")
    }

    /// What the venue says next may be missed, or was.
    pub(super) fn doubt(&mut self) {
        self.in_doubt |= self.binds();
    }

    const fn binds(&self) -> bool {
        !matches!(self.word, VenueStatus::Online)
    }

    fn hear(&mut self, at: Nanos, word: VenueStatus, scores: &mut [f64]) {
        if word != self.word {
            (self.word, self.since) = (word, at);
        }
        (self.in_doubt, self.trades, self.looks) = (false, 0, 0);
        self.tell(at, scores);
    }

    /// One more second of a market that its venue may have opened unheard.
    fn weigh(&mut self, settings: &StatusSettings, at: Nanos, look: Look, scores: &mut [f64]) {
        self.trades = self.trades.saturating_add(u32::from(look.trades > 0));
        self.looks = self.looks.saturating_add(u32::from(look.trades > 0 || look.lag_secs.is_some()));
        if self.trades >= settings.doubt_trades || self.looks >= settings.doubt_looks {
            self.hear(at, VenueStatus::Online, scores);
        }
    }

    fn tell(&mut self, at: Nanos, scores: &mut [f64]) {
        let [limited, halted] = scores else { return };
        self.looked_at = at;
        (*limited, *halted) = match self.word {
            VenueStatus::Online => (0.0, 0.0),
            VenueStatus::PostOnly => (1.0, 0.0),
            VenueStatus::CancelOnly | VenueStatus::Maintenance => (1.0, 1.0),
        };
    }
}
