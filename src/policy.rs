//! Which trips ask for which permission where: rules, confirmation, quorum. Pure.
//!
//! A rule names legs of detectors, says how many of them must agree and within what time, and which plan its breaker
//! follows at which scope. One venue alone never speaks for more than itself: wide scopes ask for a quorum.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::breaker::{Permission, Plan, Stance};
use crate::detect::{self, LegSet};
use crate::event::{MarketId, Nanos};
use crate::market::Markets;
use crate::trip::Scope;

/// The size of the scope a rule acts at; the trip's own market fills it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The market that tripped.
    Market,
    /// Its venue.
    Venue,
    /// Its asset, on every venue.
    Asset,
    /// All there is.
    Everything,
}

impl Reach {
    /// All four, with their words in the config.
    pub const WORDS: [(&'static str, Self); 4] =
        [("market", Self::Market), ("venue", Self::Venue), ("asset", Self::Asset), ("everything", Self::Everything)];

    /// The scope of this size around a market.
    pub fn around(self, market: MarketId, markets: &Markets) -> Scope {
        match (self, markets.groups(market)) {
            (Self::Venue, Some((venue, _))) => Scope::Venue(venue),
            (Self::Asset, Some((_, asset))) => Scope::Asset(asset),
            (Self::Everything, _) => Scope::Everything,
            _ => Scope::Market(market),
        }
    }
}

/// What must differ between trips that confirm each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// Different detectors.
    Detectors,
    /// Different markets.
    Markets,
    /// Different venues.
    Venues,
    /// Different assets.
    Assets,
}

impl Across {
    /// All four, with their words in the config.
    pub const WORDS: [(&'static str, Self); 4] = [
        ("detectors", Self::Detectors),
        ("markets", Self::Markets),
        ("venues", Self::Venues),
        ("assets", Self::Assets),
    ];
}

/// How far a rule or a hook goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Not at all.
    Off,
    /// Decides and records, and changes nothing.
    Shadow,
    /// Acts.
    Armed,
}

impl Mode {
    /// All three, with their words in the config.
    pub const WORDS: [(&'static str, Self); 3] = [("off", Self::Off), ("shadow", Self::Shadow), ("armed", Self::Armed)];

    /// The word in the config.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Shadow => "shadow",
            Self::Armed => "armed",
        }
    }

    /// The mode of a word in the config.
    pub fn parse(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|(_, mode)| *mode)
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Name in records, metrics and commands.
    pub name: String,
    /// Legs it listens to: `moves`, `moves.fall-0`, or `moves.fall-percent` for all legs that begin so.
    pub any: Vec<String>,
    /// How many different ones must agree.
    pub need: u32,
    /// What must be different.
    pub across: Across,
    /// How many different venues must be among them.
    pub venues: u32,
    /// How close together they must trip, unless they are still tripped.
    pub within_secs: f64,
    /// A score this many times its limit needs no confirmation; 0 = never. Ignored where `venues` > 1.
    pub extreme: f64,
    /// Where its breaker acts.
    pub reach: Reach,
    /// How its breaker behaves.
    pub plan: Plan,
    /// Causes are clear below this share of their limits.
    pub clear: f64,
    /// Off, shadow or armed.
    pub mode: Mode,
    /// Severity of the incident it opens: 1 (worst) to 4.
    pub severity: u8,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            name: String::new(),
            any: Vec::new(),
            need: 1,
            across: Across::Detectors,
            venues: 1,
            within_secs: 60.0,
            extreme: 0.0,
            reach: Reach::Market,
            plan: Plan::default(),
            clear: 0.6,
            mode: Mode::Armed,
            severity: 3,
        }
    }
}

/// Orders at half their size, for as long as there is reason to.
fn half_size() -> Plan {
    let permission = Permission::of(Stance::Caution).with_size_factor(0.5);
    Plan { permission, hold_secs: 120.0, strikes_max: 0, ..Plan::default() }
}

/// The shipped rules: graded, smallest scope first.
pub fn shipped() -> Vec<Rule> {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let percent = ["moves.fall-percent", "moves.rise-percent"];
    let plan = |stance, hold_secs| Plan { permission: Permission::of(stance), hold_secs, ..Plan::default() };
    vec![
        Rule {
            name: "early-warning".into(),
            any: words(&["moves", "jump", "volatility", "cascade"]),
            plan: half_size(),
            ..Rule::default()
        },
        Rule {
            name: "fast-move".into(),
            any: words(&percent),
            plan: plan(Stance::ReduceOnly, 300.0),
            severity: 2,
            ..Rule::default()
        },
        Rule {
            name: "confirmed-stress".into(),
            any: words(&[
                "moves.fall-0",
                "moves.fall-1",
                "moves.fall-2",
                "moves.fall-3",
                "moves.rise-0",
                "moves.rise-1",
                "moves.rise-2",
                "moves.rise-3",
                "jump",
                "volatility",
                "cascade",
            ]),
            need: 2,
            plan: plan(Stance::ReduceOnly, 180.0),
            severity: 2,
            ..Rule::default()
        },
        Rule {
            name: "cascade".into(),
            any: words(&["cascade"]),
            clear: 0.5,
            plan: plan(Stance::ReduceOnly, 300.0),
            severity: 2,
            ..Rule::default()
        },
        Rule {
            name: "velocity".into(),
            any: words(&["velocity"]),
            plan: plan(Stance::Halt, 300.0),
            severity: 1,
            ..Rule::default()
        },
        Rule {
            name: "asset-wide".into(),
            any: words(&percent),
            need: 2,
            across: Across::Venues,
            venues: 2,
            within_secs: 120.0,
            reach: Reach::Asset,
            plan: plan(Stance::ReduceOnly, 300.0),
            severity: 1,
            ..Rule::default()
        },
        Rule {
            name: "market-wide".into(),
            any: words(&percent),
            need: 3,
            across: Across::Assets,
            venues: 2,
            within_secs: 300.0,
            reach: Reach::Everything,
            plan: plan(Stance::ReduceOnly, 600.0),
            severity: 1,
            ..Rule::default()
        },
        Rule {
            name: "feed-late".into(),
            any: words(&["stale.late", "apart", "book"]),
            plan: Plan { hold_secs: 5.0, probe_secs: 5.0, strikes_max: 0, ..plan(Stance::Caution, 5.0) },
            severity: 4,
            ..Rule::default()
        },
        Rule {
            name: "feed-dead".into(),
            any: words(&["stale.dead"]),
            plan: Plan { hold_secs: 30.0, probe_secs: 30.0, strikes_max: 0, ..plan(Stance::Halt, 30.0) },
            severity: 3,
            ..Rule::default()
        },
        // Of two venues nobody knows which is wrong: both are told, and neither speaks for the asset.
        Rule { name: "dislocation".into(), any: words(&["dislocation"]), plan: half_size(), ..Rule::default() },
    ]
    .into_iter()
    .chain(of_a_venues_word())
    .collect()
}

/// What a venue says of itself, where it says it. One that flaps holds ever longer, and waits for nobody.
fn of_a_venues_word() -> [Rule; 2] {
    let of = |name: &str, leg: &str, stance, severity| {
        let permission = Permission::of(stance);
        let plan = Plan { permission, hold_secs: 30.0, strikes_max: 0, ..Plan::default() };
        Rule { name: name.to_owned(), any: vec![leg.to_owned()], plan, severity, ..Rule::default() }
    };
    [of("venue-limited", "status.limited", Stance::ReduceOnly, 3), of("venue-halted", "status.halted", Stance::Halt, 2)]
}

/// The legs a word names; empty when it names none.
pub fn legs_of(word: &str) -> LegSet {
    let (detector, prefix) = word.split_once('.').unwrap_or((word, ""));
    let mut set = 0;
    for (place, (name, leg)) in detect::legs().into_iter().enumerate() {
        // A full name means that leg alone; anything shorter means all legs that begin so.
        let whole = leg.name == prefix;
        let begins = leg.name.strip_prefix(prefix).is_some_and(|rest| prefix.is_empty() || rest.starts_with('-'));
        if name == detector && (whole || begins) {
            set |= 1 << place;
        }
    }
    set
}

/// Rules with their legs looked up.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: Vec<(Rule, LegSet)>,
    detector_of: Vec<u32>,
    all: LegSet,
}

impl Policy {
    /// Looks the legs up. Rules that are off listen to nothing.
    pub fn new(rules: Vec<Rule>) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut detector_of = Vec::new();
        for (name, _) in detect::legs() {
            let place = names.iter().position(|known| *known == name).unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            });
            detector_of.push(place as u32);
        }
        let rules: Vec<_> = rules
            .into_iter()
            .map(|rule| {
                let legs = rule.any.iter().fold(0, |set, word| set | legs_of(word));
                let legs = if rule.mode == Mode::Off { 0 } else { legs };
                (rule, legs)
            })
            .collect();
        let all = rules.iter().fold(0, |set, (_, legs)| set | legs);
        Self { rules, detector_of, all }
    }

    /// The rules in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().map(|(rule, _)| rule)
    }

    /// One rule and its legs.
    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(usize::from(id.0)).map(|(rule, _)| rule)
    }

    /// The rule of a name.
    pub fn find(&self, name: &str) -> Option<RuleId> {
        self.rules.iter().position(|(rule, _)| rule.name == name).map(|place| RuleId(place as u16))
    }

    /// Legs that at least one rule listens to.
    pub const fn listened(&self) -> LegSet {
        self.all
    }

    /// Rules that listen to any of `legs`, with the legs they listen to.
    pub fn listeners(&self, legs: LegSet) -> impl Iterator<Item = (RuleId, &Rule, LegSet)> {
        self.rules
            .iter()
            .enumerate()
            .filter(move |(_, (_, listens))| listens & legs != 0)
            .map(move |(place, (rule, listens))| (RuleId(place as u16), rule, listens & legs))
    }
}

/// A rule's place in the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleId(pub u16);

impl RuleId {
    /// Breakers tripped by hand belong to no rule of the config.
    pub const MANUAL: Self = Self(u16::MAX);
}

/// One leg of one market that rose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Vote {
    /// When.
    pub at: Nanos,
    /// Where.
    pub market: MarketId,
    /// Which leg.
    pub leg: u32,
    /// Score over limit.
    pub ratio: f64,
}

/// Most votes kept for one rule at one scope; older ones go first.
const VOTES_MAX: usize = 256;

/// Votes that wait for company.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Confirmations {
    votes: BTreeMap<(RuleId, Scope), Vec<Vote>>,
}

impl Confirmations {
    /// Takes a vote; returns all votes that agree when the rule is satisfied.
    pub fn vote(
        &mut self,
        policy: &Policy,
        (id, rule): (RuleId, &Rule),
        scope: Scope,
        vote: Vote,
        markets: &Markets,
        is_active: impl Fn(MarketId, u32) -> bool,
    ) -> Option<Vec<Vote>> {
        if rule.need <= 1 && rule.venues <= 1 {
            return Some(vec![vote]);
        }
        let votes = self.votes.entry((id, scope)).or_default();
        let oldest = vote.at.plus_secs(-rule.within_secs);
        votes
            .retain(|v| (v.market, v.leg) != (vote.market, vote.leg) && (v.at >= oldest || is_active(v.market, v.leg)));
        if votes.len() == VOTES_MAX {
            votes.remove(0);
        }
        votes.push(vote);
        let extreme = rule.extreme > 0.0 && rule.venues <= 1 && vote.ratio >= rule.extreme;
        (extreme || satisfied(policy, rule, votes, markets)).then(|| votes.clone())
    }
}

fn satisfied(policy: &Policy, rule: &Rule, votes: &[Vote], markets: &Markets) -> bool {
    let group = |vote: &Vote| markets.groups(vote.market);
    let distinct = |key: &dyn Fn(&Vote) -> u32| votes.iter().map(key).collect::<BTreeSet<_>>().len();
    let venues = distinct(&|vote| group(vote).map_or(u32::MAX, |(venue, _)| venue.0));
    let different = match rule.across {
        Across::Detectors => distinct(&|vote| policy.detector_of.get(vote.leg as usize).copied().unwrap_or(u32::MAX)),
        Across::Markets => distinct(&|vote| vote.market.0),
        Across::Venues => venues,
        Across::Assets => distinct(&|vote| group(vote).map_or(u32::MAX, |(_, asset)| asset.0)),
    };
    different >= rule.need as usize && venues >= rule.venues as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market::{ContractSize, Market, MarketKind};

    fn table(names: &[(&str, &str)]) -> Markets {
        let mut markets = Markets::new();
        for (venue, asset) in names {
            markets.add(Market {
                venue: (*venue).into(),
                native: format!("{asset}USD"),
                asset: (*asset).into(),
                quote: "USD".into(),
                kind: MarketKind::Perp,
                contract: ContractSize::Base(1.0),
            });
        }
        markets
    }

    #[test]
    fn every_shipped_rule_names_legs_that_exist() {
        for rule in shipped() {
            for word in &rule.any {
                assert_ne!(legs_of(word), 0, "{}: {word}", rule.name);
            }
        }
        assert_eq!(legs_of("moves.fall").count_ones(), 8);
        assert_eq!(legs_of("moves.fall-percent").count_ones(), 4);
        assert_eq!(legs_of("moves.fall-0").count_ones(), 1);
        assert_eq!(legs_of("moves.fal"), 0);
        assert_eq!(legs_of("nothing"), 0);
    }

    #[test]
    fn one_venue_alone_never_reaches_a_quorum() {
        let markets = table(&[("a", "DOT"), ("a", "TRX"), ("a", "BTC"), ("b", "DOT")]);
        let policy = Policy::new(shipped());
        let (id, rule) = policy.find("market-wide").and_then(|id| Some((id, policy.rule(id)?))).expect("shipped");
        let mut waiting = Confirmations::default();
        let mut vote = |market| {
            let vote = Vote { at: Nanos::from_secs(1), market: MarketId(market), leg: 2, ratio: 50.0 };
            waiting.vote(&policy, (id, rule), Scope::Everything, vote, &markets, |_, _| false).is_some()
        };
        assert_eq!([vote(0), vote(1), vote(2), vote(3)], [false, false, false, true]);
    }

    #[test]
    fn votes_expire_unless_their_leg_is_still_tripped() {
        let markets = table(&[("a", "DOT")]);
        let policy = Policy::new(shipped());
        let (id, rule) = policy.find("confirmed-stress").and_then(|id| Some((id, policy.rule(id)?))).expect("shipped");
        let jump = legs_of("jump.z-down").trailing_zeros();
        let scope = Scope::Market(MarketId(0));
        for (still_active, want) in [(false, false), (true, true)] {
            let mut waiting = Confirmations::default();
            let mut vote = |secs, leg| {
                let vote = Vote { at: Nanos::from_secs(secs), market: MarketId(0), leg, ratio: 1.0 };
                waiting.vote(&policy, (id, rule), scope, vote, &markets, |_, _| still_active).is_some()
            };
            assert!(!vote(0, 0));
            assert_eq!(vote(600, jump), want);
        }
    }
}
