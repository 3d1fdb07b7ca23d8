//! D3, staleness: how improbable is this silence under the gaps this stream has taught us?
//!
//! `phi = -log10 P(gap > silence)` (after the accrual failure detector of Hayashibara and others, SRDS 2004) with the
//! *empirical* law of gaps, never a Gaussian one, and one law for each of a market's streams: trades that stopped while the
//! book lives are as dead as a dead connection. Ping and pong are no life: only data counts. A connection that is known to
//! be down is stale at once.

use serde::{Deserialize, Serialize};

use super::{Base, Detector, Leg, Link, Seen, Stream, leg_table};
use crate::event::Nanos;
use crate::stats::gaps::GapLaw;
use crate::trip::Evidence;

crate::settings! {
    /// Section `detect.stale`.
    pub struct StaleSettings {
        /// First limit: the feed is late.
        limit_late: f64 = 8.0, "phi", 1.0..=100.0;
        /// Second limit: the feed is dead.
        limit_dead: f64 = 12.0, "phi", 1.0..=200.0;
        /// No silence shorter than this is late.
        late_floor_secs: f64 = 0.75, "s", 0.01..=3600.0;
        /// No silence shorter than this is dead, nor a broken connection younger than this.
        dead_floor_secs: f64 = 10.0, "s", 0.01..=86400.0;
        /// Gaps to learn from before silence means anything.
        warm_gaps: u32 = 200, "", 10.0..=1_000_000.0;
        /// Clear again below this share of the limit.
        clear: f64 = 0.5, "", 0.05..=0.99;
    }
}

/// Gaps after which half of what was learned is forgotten, in units of the law's memory.
const MEMORY_GAPS: f64 = 20_000.0;

/// How often the silence worth looking at is worked out anew, in gaps.
const WATCH_GAPS: u64 = 64;

/// The streams, in the order of [`Stream`], and what evidence calls their silence.
const STREAMS: [&str; 3] = ["trades silent for", "book silent for", "reference prices silent for"];

/// One stream: its law and its last arrival.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ear {
    last: Nanos,
    /// A silence of so long is worth a look; at most half way to the first limit.
    watch_secs: f64,
    gaps: GapLaw,
}

impl Ear {
    fn new() -> Self {
        Self { last: Nanos(i64::MIN), watch_secs: f64::MAX, gaps: GapLaw::new(MEMORY_GAPS) }
    }

    #[inline]
    fn hear(&mut self, settings: &StaleSettings, at: Nanos) {
        if self.last.0 != i64::MIN {
            self.gaps.push(at.secs_since(self.last).max(0.0));
            if self.gaps.count().is_multiple_of(WATCH_GAPS) && self.knows(settings) {
                self.watch_secs =
                    self.gaps.silence_secs(0.5 * settings.limit_late).clamp(settings.late_floor_secs, f64::MAX);
            }
        }
        self.last = at;
    }

    /// Seconds since the last arrival; 0 before the first.
    #[inline]
    fn silence(&self, at: Nanos) -> f64 {
        if self.last.0 == i64::MIN { 0.0 } else { at.secs_since(self.last).max(0.0) }
    }

    fn knows(&self, settings: &StaleSettings) -> bool {
        self.gaps.count() >= u64::from(settings.warm_gaps)
    }

    /// How late and how dead it is, as phi; 0 while its law is not known.
    fn scores(&self, settings: &StaleSettings, at: Nanos) -> [f64; 2] {
        let silence = self.silence(at);
        let phi = if self.knows(settings) { self.gaps.phi(silence) } else { 0.0 };
        [
            with_floor(phi, settings.limit_late, silence / settings.late_floor_secs),
            with_floor(phi, settings.limit_dead, silence / settings.dead_floor_secs),
        ]
    }
}

/// The ears of a market, and its connections.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stale {
    /// Connections that are down, as bits: data on another one does not heal them.
    down: u64,
    down_since: Nanos,
    /// Whether any score may be above zero.
    is_loud: bool,
    /// The last look, for evidence.
    looked_at: Nanos,
    ears: [Ear; STREAMS.len()],
}

impl Detector for Stale {
    const NAME: &'static str = "stale";
    const LEGS: &'static [Leg] = leg_table!["late" => None, "dead" => None];
    type Settings = StaleSettings;

    fn new(_: &StaleSettings) -> Self {
        let ears = STREAMS.map(|_| Ear::new());
        Self { down: 0, down_since: Nanos(0), is_loud: false, looked_at: Nanos(i64::MIN), ears }
    }

    fn limit(settings: &StaleSettings, leg: usize) -> (f64, f64) {
        let limit = if leg == 0 { settings.limit_late } else { settings.limit_dead };
        (limit, limit * settings.clear)
    }

    #[inline]
    fn see(&mut self, settings: &StaleSettings, _: &mut Base, seen: &Seen<'_>, scores: &mut [f64]) {
        match *seen {
            Seen::Price { at, .. } | Seen::Liquidation { at, .. } => self.hear(settings, at, Stream::Trades, scores),
            Seen::OpenInterest { at, .. } | Seen::Index { at, .. } => {
                self.hear(settings, at, Stream::Reference, scores);
            }
            Seen::Arrival { at, stream } => self.hear(settings, at, stream, scores),
            Seen::Quote { at, .. } => self.hear(settings, at, Stream::Book, scores),
            Seen::Clock { at } => self.listen(settings, at, scores),
            Seen::Link { at, connection, link } => self.link(settings, at, 1 << (connection % 64), link, scores),
            // A venue's word of itself is no life of its streams.
            Seen::Bar(_) | Seen::Crowd { .. } | Seen::Peers { .. } | Seen::Look { .. } | Seen::Status { .. } => {}
        }
    }

    #[inline]
    fn wants_clock(&self, _: &StaleSettings, at: Nanos) -> bool {
        self.down != 0 || self.is_loud || self.ears.iter().any(|ear| ear.silence(at) >= ear.watch_secs)
    }

    fn is_warm(&self, _: &StaleSettings, _: &Base) -> bool {
        true
    }

    fn evidence(&self, settings: &StaleSettings, _: &Base, leg: usize) -> Evidence {
        let score = |ear: &Ear| ear.scores(settings, self.looked_at).get(leg).copied().unwrap_or(0.0);
        let worst = self.ears.iter().zip(STREAMS).max_by(|(a, _), (b, _)| score(a).total_cmp(&score(b)));
        let evidence = worst.map_or_else(Evidence::default, |(ear, words)| {
            let gaps = ear.gaps.count() as f64;
            Evidence::default().with(words, ear.silence(self.looked_at), "s").with("gaps learned", gaps, "")
        });
        if self.down == 0 {
            return evidence;
        }
        evidence.with("connection down for", self.looked_at.secs_since(self.down_since).max(0.0), "s")
    }
}

impl Stale {
    /// Forgets when something last arrived, and keeps the laws of gaps.
    pub(super) fn forget_arrival(&mut self) {
        self.ears.iter_mut().for_each(|ear| ear.last = Nanos(i64::MIN));
        self.down = 0;
        self.is_loud = false;
    }

    #[inline]
    fn hear(&mut self, settings: &StaleSettings, at: Nanos, stream: Stream, scores: &mut [f64]) {
        if let Some(ear) = self.ears.get_mut(stream as usize) {
            ear.hear(settings, at);
        }
        if self.down != 0 || self.is_loud {
            self.listen(settings, at, scores);
        }
    }

    fn link(&mut self, settings: &StaleSettings, at: Nanos, bit: u64, link: Link, scores: &mut [f64]) {
        match link {
            Link::Up => self.down &= !bit,
            Link::Down => {
                if self.down == 0 {
                    self.down_since = at;
                }
                self.down |= bit;
            }
            Link::Hole => {}
        }
        self.listen(settings, at, scores);
        if let ([late, _], Link::Hole) = (scores, link) {
            *late = late.max(settings.limit_late);
            self.is_loud = true;
        }
    }

    /// The worst of its streams, or of its connections.
    fn listen(&mut self, settings: &StaleSettings, at: Nanos, scores: &mut [f64]) {
        let [late, dead] = scores else { return };
        self.looked_at = at;
        let all = self.ears.each_ref().map(|ear| ear.scores(settings, at));
        [*late, *dead] = all.into_iter().fold([0.0, 0.0], |[a, b], [late, dead]| [late.max(a), dead.max(b)]);
        if self.down != 0 && self.ears.iter().any(|ear| ear.last.0 != i64::MIN) {
            *late = late.max(settings.limit_late);
            let down = at.secs_since(self.down_since).max(0.0) / settings.dead_floor_secs;
            *dead = dead.max(settings.limit_dead * down.min(1.0));
        }
        self.is_loud = *late > 0.0 || *dead > 0.0;
    }
}

/// Below its floor a silence stays below its limit, however surprising it is: a busy stream may pause for a moment.
pub(super) fn with_floor(phi: f64, limit: f64, silence_in_floors: f64) -> f64 {
    if silence_in_floors < 1.0 { phi.min(limit) * silence_in_floors } else { phi }
}
