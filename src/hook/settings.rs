//! How a hook is set up.

use super::Kind;
use crate::breaker::Stance;
use crate::policy::Mode;
use crate::record::Fact;

/// One hook.
#[derive(Clone, Debug, PartialEq)]
pub struct HookSettings {
    /// Its name: lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// How it delivers.
    pub kind: Kind,
    /// Whether it delivers.
    pub mode: Mode,
    /// Facts it is told of.
    pub on: Vec<Topic>,
    /// Facts that carry a stance (breakers, permissions) are told when the stance before or after is at least this one,
    /// so whoever hears of a halt hears of its end. Facts without a stance are not bound by it.
    pub min_stance: Stance,
    /// Attempts before a message is a dead letter.
    pub max_attempts: u32,
}

impl HookSettings {
    /// Attempts where the config is silent: about ten minutes of patience.
    pub const DEFAULT_ATTEMPTS: u32 = 12;

    /// A hook that is armed for trips, breakers and incidents.
    pub fn new(name: &str, kind: Kind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            mode: Mode::Armed,
            on: vec![Topic::Trip, Topic::Breaker, Topic::Incident],
            min_stance: Stance::Normal,
            max_attempts: Self::DEFAULT_ATTEMPTS,
        }
    }

    /// Whether these settings can work; the error names the field.
    pub fn check(&self) -> Result<(), String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(fits) {
            return Err("name: must be 1 to 64 of a-z, 0-9, - and _".to_owned());
        }
        if self.on.is_empty() {
            return Err(format!("on: must name at least one of {}", Topic::names()));
        }
        if !(1..=100).contains(&self.max_attempts) {
            return Err(format!("max_attempts: must be between 1 and 100, got {}", self.max_attempts));
        }
        self.kind.carrier().map(drop)
    }
}

/// A kind of fact a hook can be told of. Deliveries are not among them: a hook would tell of its own forever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// A detector tripped.
    Trip,
    /// A breaker moved.
    Breaker,
    /// A market's permission changed.
    Permission,
    /// An incident changed.
    Incident,
    /// A feed changed its state.
    Feed,
    /// An operator was refused.
    Refused,
    /// The engine started.
    Started,
    /// The engine stopped on purpose.
    Stopped,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Trip,
        Self::Breaker,
        Self::Permission,
        Self::Incident,
        Self::Feed,
        Self::Refused,
        Self::Started,
        Self::Stopped,
    ];

    /// The word in the config, equal to the tag of the fact.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trip => "trip",
            Self::Breaker => "breaker",
            Self::Permission => "permission",
            Self::Incident => "incident",
            Self::Feed => "feed",
            Self::Refused => "refused",
            Self::Started => "started",
            Self::Stopped => "stopped",
        }
    }

    /// The topic of a word in the config.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.name() == word)
    }

    /// The topic of a fact.
    pub fn of(fact: &Fact) -> Option<Self> {
        Self::parse(fact.name())
    }

    fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }
}
