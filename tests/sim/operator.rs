//! The operator: trips by hand, acknowledges, and wants to let go at the worst moment.

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, Command, Engine, Input};
use fusewire::event::{MarketId, Nanos};
use fusewire::record::Who;
use fusewire::trip::Scope;

use crate::chance::Chance;
use crate::market::MARKETS;

/// A person with access, patience and bad timing.
pub(crate) struct Operator {
    chance: Chance,
    asked: u64,
}

impl Operator {
    pub(crate) const fn new(chance: Chance) -> Self {
        Self { chance, asked: 0 }
    }

    /// Perhaps a command, after an input. Whoever is tripped is wanted back soon.
    pub(crate) fn wants(&mut self, engine: &Engine, now: Nanos) -> Option<Input> {
        let action = if self.chance.happens(0.0003) {
            self.trip()
        } else if self.chance.happens(0.004) {
            self.let_go(engine)?
        } else if self.chance.happens(0.001) {
            self.answer(engine)?
        } else {
            return None;
        };
        self.asked += 1;
        let reason = if self.chance.happens(0.1) { " " } else { "it will come back" }.to_owned();
        let who = Who { name: "ann".to_owned(), via: "socket".to_owned() };
        Some(Input::Command(Command { at: now, id: self.asked, who, reason, action }))
    }

    fn trip(&mut self) -> Action {
        let scope = match self.chance.below(4) {
            0 => Scope::Everything,
            market => Scope::Market(MarketId((market - 1) as u32 % MARKETS.len() as u32)),
        };
        let stance = Stance::ALL[1 + self.chance.below(3) as usize];
        Action::Trip { scope, permission: Permission::of(stance) }
    }

    /// Any breaker that stands, now and then at a version that is past.
    fn let_go(&mut self, engine: &Engine) -> Option<Action> {
        let breakers = engine.breakers();
        let view = breakers.get(self.chance.below(breakers.len().max(1) as u64) as usize)?;
        let scope = Scope::parse(&view.scope, engine.markets())?;
        let version = view.version - u64::from(view.version > 0 && self.chance.happens(0.2));
        Some(Action::Rearm { scope, rule: view.rule.clone(), version })
    }

    fn answer(&mut self, engine: &Engine) -> Option<Action> {
        let incident = engine.incidents().open().last()?.id.clone();
        Some(if self.chance.happens(0.3) { Action::Resolve { incident } } else { Action::Acknowledge { incident } })
    }
}
