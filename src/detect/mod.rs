//! *When*: detectors turn what a market says into scores. One file a detector, one table that registers them.
//!
//! A detector never reads a clock, never allocates after `new`, and never decides what a score leads to. It fills its
//! legs: one score each, compared with that leg's limit by the [`Bank`], which knows hysteresis and edges.

mod alone;
mod apart;
mod base;
mod book;
mod cascade;
mod crowd;
mod dislocation;
mod jump;
mod moves;
mod plausible;
mod stale;
mod status;
mod velocity;
mod volatility;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::event::{Bar, Completeness, Kind, Liquidated, Nanos, VenueStatus};
use crate::settings::Settings;
use crate::trip::{Direction, Evidence};

pub use alone::Alone;
pub use apart::Look;
pub use base::{Base, BaseSettings};
pub use crowd::CrowdSettings;
pub use dislocation::DislocationSettings;
pub use plausible::{Plausible, PlausibleSettings, Refused};

/// What a detector may look at. Prices have passed the plausibility filter.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// A trade, or a mid where a market has no trades.
    Price {
        /// Engine time.
        at: Nanos,
        /// Price in quote currency.
        price: f64,
    },
    /// A closed bar.
    Bar(&'a Bar),
    /// A forced order.
    Liquidation {
        /// Engine time.
        at: Nanos,
        /// In quote currency.
        notional: f64,
        /// Whose position.
        liquidated: Liquidated,
        /// What the stream leaves out.
        completeness: Completeness,
    },
    /// Open interest in the venue's unit.
    OpenInterest {
        /// Engine time.
        at: Nanos,
        /// Quantity.
        qty: f64,
    },
    /// The index that the market's own venue publishes.
    Index {
        /// Engine time.
        at: Nanos,
        /// Price in quote currency.
        price: f64,
    },
    /// Best bid and ask.
    Quote {
        /// Engine time.
        at: Nanos,
        /// Best bid in quote currency.
        bid: f64,
        /// Best ask; a book may be crossed.
        ask: f64,
    },
    /// Once a second, what this market did beside the others.
    Look {
        /// Engine time.
        at: Nanos,
        /// What was counted.
        look: Look,
    },
    /// What its venue says of this market.
    Status {
        /// Engine time.
        at: Nanos,
        /// The word.
        status: VenueStatus,
    },
    /// Something else arrived from this market.
    Arrival {
        /// Engine time.
        at: Nanos,
        /// What it is part of.
        stream: Stream,
    },
    /// Time passed without an event.
    Clock {
        /// Engine time.
        at: Nanos,
    },
    /// A connection this market comes by changed.
    Link {
        /// Engine time.
        at: Nanos,
        /// Which of the venue's connections.
        connection: u32,
        /// How.
        link: Link,
    },
    /// The venues of this asset were compared.
    Peers {
        /// Engine time.
        at: Nanos,
        /// Up to when both sides have spoken: this market, and any other venue.
        heard_at: Nanos,
        /// What they agree on, or what the one other says, in quote currency.
        consensus: f64,
        /// How many venues spoke.
        venues: u32,
    },
    /// All markets were looked at together.
    Crowd {
        /// Engine time.
        at: Nanos,
        /// How unlike the past they moved; 1 on an ordinary step.
        turbulence: f64,
        /// This market's part of it; the parts of all sum to it.
        contribution: f64,
        /// How many of them are near their limit of a fall.
        falling: u32,
        /// How many are near their limit of a rise.
        rising: u32,
        /// How many they are: those with a fresh price and history enough.
        markets: u32,
    },
}

/// The streams of a market whose silences are judged apart: a dead one may stand beside a lively one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Trades and liquidations.
    Trades,
    /// Quotes and depth.
    Book,
    /// Mark and index prices, funding, open interest and whatever else comes by the clock.
    Reference,
}

impl Stream {
    /// The stream that carries events of a kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Trade | Kind::Liquidation => Self::Trades,
            Kind::Quote | Kind::Depth => Self::Book,
            Kind::Mark
            | Kind::Index
            | Kind::Funding
            | Kind::OpenInterest
            | Kind::MarkIv
            | Kind::VolatilityIndex
            | Kind::Status => Self::Reference,
        }
    }
}

/// What happened to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Data comes again.
    Up,
    /// It is gone, or dumb.
    Down,
    /// Something is missing, and data goes on.
    Hole,
}

impl Seen<'_> {
    /// Engine time.
    pub const fn at(&self) -> Nanos {
        match *self {
            Self::Price { at, .. }
            | Self::Liquidation { at, .. }
            | Self::OpenInterest { at, .. }
            | Self::Index { at, .. }
            | Self::Arrival { at, .. }
            | Self::Quote { at, .. }
            | Self::Status { at, .. }
            | Self::Look { at, .. }
            | Self::Clock { at }
            | Self::Link { at, .. }
            | Self::Peers { at, .. }
            | Self::Crowd { at, .. } => at,
            Self::Bar(bar) => bar.close_at,
        }
    }
}

/// One detector at one market.
pub trait Detector: Clone + std::fmt::Debug + Serialize + DeserializeOwned {
    /// Name in config, records and metrics.
    const NAME: &'static str;
    /// Names of its legs.
    const LEGS: &'static [Leg];
    /// Its section in the config.
    type Settings: Settings + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug;

    /// An empty one. The only place that allocates.
    fn new(settings: &Self::Settings) -> Self;
    /// Limit and clear level of a leg: trips at `score >= limit`, is clear again below `clear`.
    fn limit(settings: &Self::Settings, leg: usize) -> (f64, f64);
    /// Takes something in and writes the scores that changed.
    fn see(&mut self, settings: &Self::Settings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64]);
    /// Whether the passing of time alone may change its scores now.
    #[inline]
    fn wants_clock(&self, settings: &Self::Settings, at: Nanos) -> bool {
        let _ = (settings, at);
        false
    }
    /// Whether its relative scores mean something yet.
    fn is_warm(&self, settings: &Self::Settings, base: &Base) -> bool;
    /// What a person should see when `leg` trips.
    fn evidence(&self, settings: &Self::Settings, base: &Base, leg: usize) -> Evidence;
}

/// A leg of a detector: one score with one limit.
#[derive(Clone, Copy, Debug)]
pub struct Leg {
    /// Name, unique inside the detector.
    pub name: &'static str,
    /// Which way the market went when it trips.
    pub direction: Direction,
}

/// A row of legs from `name => direction` pairs.
macro_rules! leg_table {
    ($($name:literal => $direction:ident),+ $(,)?) => {
        &[$($crate::detect::Leg { name: $name, direction: $crate::trip::Direction::$direction }),+]
    };
}
use leg_table;

/// A set of legs as bits: bit `i` is leg `i` of the bank.
pub type LegSet = u64;

/// Declares the table: the bank of all detectors of one market, and their settings.
macro_rules! catalogue {
    ($($module:ident :: $Detector:ident),+ $(,)?) => {
        /// How many legs the bank has.
        pub const LEGS: usize = 0 $(+ <$module::$Detector as Detector>::LEGS.len())+;
        const _: () = assert!(LEGS <= 64, "a set of legs is one word");

        /// Settings of every detector; the config has one section each.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct DetectSettings {
            /// The scale that relative scores are measured in.
            pub base: BaseSettings,
            /// The filter in front of every detector.
            pub plausible: PlausibleSettings,
            $(#[doc = concat!("Section `detect.", stringify!($module), "`.")]
            pub $module: <$module::$Detector as Detector>::Settings,)+
        }

        impl DetectSettings {
            /// Calls `visit` with the name and settings of every section.
            pub fn each(&mut self, visit: &mut impl SectionVisitor) {
                visit.section("base", &mut self.base);
                visit.section("plausible", &mut self.plausible);
                $(visit.section(<$module::$Detector as Detector>::NAME, &mut self.$module);)+
            }
        }

        /// Every detector of one market.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        struct Detectors { $($module: $module::$Detector,)+ }

        impl Detectors {
            fn new(settings: &DetectSettings) -> Self {
                Self { $($module: $module::$Detector::new(&settings.$module),)+ }
            }

            #[inline]
            fn see(&mut self, settings: &DetectSettings, base: &mut Base, seen: &Seen<'_>, scores: &mut [f64; LEGS]) {
                let rest = scores.as_mut_slice();
                $(
                    let (own, rest) = rest.split_at_mut(<$module::$Detector as Detector>::LEGS.len());
                    self.$module.see(&settings.$module, base, seen, own);
                )+
                debug_assert!(rest.is_empty());
            }

            #[inline]
            fn wants_clock(&self, settings: &DetectSettings, at: Nanos) -> bool {
                $(self.$module.wants_clock(&settings.$module, at))||+
            }

            fn is_warm(&self, settings: &DetectSettings, base: &Base) -> bool {
                $(self.$module.is_warm(&settings.$module, base))&&+
            }

            fn evidence(&self, settings: &DetectSettings, base: &Base, leg: usize) -> Evidence {
                let mut leg = leg;
                $(
                    if leg < <$module::$Detector as Detector>::LEGS.len() {
                        return self.$module.evidence(&settings.$module, base, leg);
                    }
                    leg -= <$module::$Detector as Detector>::LEGS.len();
                )+
                let _ = leg;
                Evidence::default()
            }
        }

        /// Detector and leg behind every bit of a [`LegSet`], in order.
        pub fn legs() -> Vec<(&'static str, Leg)> {
            let mut all = Vec::with_capacity(LEGS);
            $(all.extend(<$module::$Detector as Detector>::LEGS.iter().map(|leg| (<$module::$Detector as Detector>::NAME, *leg)));)+
            all
        }

        /// The scale, then every detector, each by itself.
        pub fn alone(settings: &DetectSettings) -> Vec<Alone> {
            let base = &settings.base;
            vec![Alone::base(base), $(Alone::new::<$module::$Detector>(base, settings.$module.clone()),)+]
        }

        fn limits(settings: &DetectSettings) -> Vec<(f64, f64)> {
            let mut all = Vec::with_capacity(LEGS);
            $(all.extend((0..<$module::$Detector as Detector>::LEGS.len())
                .map(|leg| <$module::$Detector as Detector>::limit(&settings.$module, leg)));)+
            all
        }
    };
}

catalogue! {
    moves::Moves,
    velocity::Velocity,
    jump::Jump,
    volatility::Volatility,
    cascade::Cascade,
    stale::Stale,
    apart::Apart,
    book::Book,
    status::Status,
    crowd::Crowd,
    dislocation::Dislocation,
}

/// The legs of those detectors that doubt the feed and not the market.
pub fn of_feeds() -> LegSet {
    of(&[stale::Stale::NAME, apart::Apart::NAME, book::Book::NAME])
}

/// The legs of these detectors.
fn of(names: &[&str]) -> LegSet {
    let is_one = |(name, _): &(&str, Leg)| names.contains(name);
    legs().iter().enumerate().fold(0, |set, (leg, known)| set | LegSet::from(is_one(known)) << leg)
}

/// Visits the settings sections of the table.
pub trait SectionVisitor {
    /// One section.
    fn section<S: Settings>(&mut self, name: &'static str, settings: &mut S);
}

/// What the settings of a run mean for every bank: made once, shared by all markets.
#[derive(Clone, Debug)]
pub struct Limits {
    trip: [f64; LEGS],
    clear: [f64; LEGS],
    legs: Vec<(&'static str, Leg)>,
}

impl Limits {
    /// Takes the limits out of the settings.
    pub fn new(settings: &DetectSettings) -> Self {
        let mut trip = [f64::INFINITY; LEGS];
        let mut clear = [f64::INFINITY; LEGS];
        for ((limit, clear_below), (t, c)) in limits(settings).into_iter().zip(trip.iter_mut().zip(clear.iter_mut())) {
            (*t, *c) = (limit, clear_below);
        }
        Self { trip, clear, legs: legs() }
    }

    /// Detector and leg of a bit.
    pub fn leg(&self, leg: usize) -> Option<(&'static str, Leg)> {
        self.legs.get(leg).copied()
    }

    /// The limit of a leg.
    pub fn limit(&self, leg: usize) -> f64 {
        self.trip.get(leg).copied().unwrap_or(f64::INFINITY)
    }
}

/// Legs that changed sides in one look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// Legs that reached their limit.
    pub risen: LegSet,
    /// Legs that fell below their clear level.
    pub cleared: LegSet,
}

impl Edges {
    /// Whether nothing changed.
    pub const fn is_empty(self) -> bool {
        self.risen == 0 && self.cleared == 0
    }
}

/// The detectors of one market with their scores and which of them are tripped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bank {
    base: Base,
    detectors: Detectors,
    #[serde(with = "array")]
    scores: [f64; LEGS],
    active: LegSet,
    /// When each active leg was last at or above its clear level.
    #[serde(with = "array")]
    loud_at: [i64; LEGS],
}

impl Bank {
    /// An empty bank.
    pub fn new(settings: &DetectSettings) -> Self {
        Self {
            base: Base::new(&settings.base),
            detectors: Detectors::new(settings),
            scores: [0.0; LEGS],
            loud_at: [i64::MIN; LEGS],
            active: 0,
        }
    }

    /// Lets every detector see, then compares scores with limits. Scores come before the scale learns from the same
    /// event, so that a crash cannot mask itself.
    #[inline]
    pub fn see(&mut self, settings: &DetectSettings, limits: &Limits, seen: &Seen<'_>) -> Edges {
        self.base.open(seen);
        self.detectors.see(settings, &mut self.base, seen, &mut self.scores);
        let edges = self.compare(limits, settings.base.rest_secs, seen.at());
        self.base.learn(&settings.base, seen, self.active != 0);
        edges
    }

    #[inline]
    fn compare(&mut self, limits: &Limits, rest_secs: f64, at: Nanos) -> Edges {
        let above = if self.any_at_limit(limits) { self.at_limit(limits) } else { 0 };
        if self.active | above == 0 {
            return Edges::default();
        }
        self.turn(limits, above, rest_secs, at)
    }

    /// Whether any score is at its limit; written without branches, so that it becomes a few wide comparisons.
    #[inline]
    #[allow(clippy::needless_bitwise_bool, reason = "without a branch a score, this is a few wide comparisons")]
    fn any_at_limit(&self, limits: &Limits) -> bool {
        // False for NaN: such a score changes nothing, and the bank's test forbids it.
        self.scores.iter().zip(&limits.trip).fold(false, |any, (score, limit)| any | (score >= limit))
    }

    /// The legs whose score is at their limit.
    #[cold]
    fn at_limit(&self, limits: &Limits) -> LegSet {
        let scores = self.scores.iter().zip(&limits.trip).enumerate();
        scores.fold(0, |above, (leg, (score, limit))| above | LegSet::from(score >= limit) << leg)
    }

    /// Legs rise at their limit. They clear once they have been below their clear level for `rest_secs`.
    #[inline(never)]
    fn turn(&mut self, limits: &Limits, above: LegSet, rest_secs: f64, at: Nanos) -> Edges {
        let before = self.active;
        self.active |= above;
        let mut rest = self.active;
        while rest != 0 {
            let leg = rest.trailing_zeros() as usize;
            let bit = rest & rest.wrapping_neg();
            rest ^= bit;
            let (Some(score), Some(clear)) = (self.scores.get(leg), limits.clear.get(leg)) else { break };
            let Some(loud_at) = self.loud_at.get_mut(leg) else { break };
            if above & bit != 0 || score >= clear {
                *loud_at = at.0;
            } else if at.secs_since(Nanos(*loud_at)) >= rest_secs {
                self.active ^= bit;
            }
        }
        Edges { risen: self.active & !before, cleared: before & !self.active }
    }

    /// A breaker that these legs tripped is armed again: whatever is below its limit now may trip it anew at once.
    pub fn settle(&mut self, limits: &Limits, legs: LegSet) {
        for (leg, score) in self.scores.iter().enumerate() {
            if legs >> leg & 1 == 1 && *score < limits.limit(leg) {
                self.active &= !(1 << leg);
            }
        }
    }

    /// The time since the last event is no silence: the daemon was not there to hear.
    pub(crate) fn reawaken(&mut self) {
        self.detectors.stale.forget_arrival();
        self.detectors.apart.forget();
        self.detectors.book.forget();
        self.detectors.status.doubt();
        // A word of the venue binds on; forgotten here, it rises anew at the first look.
        let doubts = of_feeds() | of(&[status::Status::NAME]);
        self.active &= !doubts;
        let scores = self.scores.iter_mut().enumerate().filter(|(leg, _)| doubts >> leg & 1 == 1);
        scores.for_each(|(_, score)| *score = 0.0);
    }

    /// Legs that are tripped now.
    pub const fn active(&self) -> LegSet {
        self.active
    }

    /// Score of a leg.
    pub fn score(&self, leg: usize) -> f64 {
        self.scores.get(leg).copied().unwrap_or(0.0)
    }

    /// All scores, in the order of [`legs`].
    pub const fn scores(&self) -> &[f64; LEGS] {
        &self.scores
    }

    /// The scale and the last price.
    pub const fn base(&self) -> &Base {
        &self.base
    }

    /// Whether every relative detector is warm.
    pub fn is_warm(&self, settings: &DetectSettings) -> bool {
        self.detectors.is_warm(settings, &self.base)
    }

    /// What a person should see about a leg; of a doubtful feed also what the venue says of itself.
    pub fn evidence(&self, settings: &DetectSettings, leg: usize) -> Evidence {
        let evidence = self.detectors.evidence(settings, &self.base, leg);
        if of_feeds() >> leg & 1 == 1 { self.detectors.status.explain(evidence) } else { evidence }
    }

    /// A number that changes when the last bit of any score changes: the digest folds it in at every event. Four lanes, each
    /// turned before a score is folded in, so that one changed bit stays one changed bit of its lane.
    #[inline]
    pub fn fingerprint(&self) -> u64 {
        let mut lanes = [0_u64; 4];
        let (fours, rest) = self.scores.as_chunks::<4>();
        for four in fours {
            for (lane, score) in lanes.iter_mut().zip(four) {
                *lane = lane.rotate_left(9) ^ score.to_bits();
            }
        }
        for (lane, score) in lanes.iter_mut().zip(rest) {
            *lane = lane.rotate_left(9) ^ score.to_bits();
        }
        let [a, b, c, d] = lanes;
        a ^ b.rotate_left(17).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ c.rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
            ^ d.rotate_left(47).wrapping_mul(0x94d0_49bb_1331_11eb)
    }

    /// Whether the passing of time alone may change a score: looks leave all other markets alone.
    #[inline]
    pub fn wants_clock(&self, settings: &DetectSettings, at: Nanos) -> bool {
        self.active != 0 || self.detectors.wants_clock(settings, at)
    }
}

/// Serde knows arrays up to 32; longer ones travel as sequences of the same length.
mod array {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer, T: Serialize, const N: usize>(
        array: &[T; N],
        s: S,
    ) -> Result<S::Ok, S::Error> {
        array.as_slice().serialize(s)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>, const N: usize>(
        d: D,
    ) -> Result<[T; N], D::Error> {
        let list = Vec::<T>::deserialize(d)?;
        list.try_into().map_err(|list: Vec<T>| D::Error::invalid_length(list.len(), &"the number of legs"))
    }
}
