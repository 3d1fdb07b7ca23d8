//! All hooks together: routes records to messages, and messages to couriers.

use std::sync::Arc;

use super::{Attempted, Clock, Courier, Errand, HookSettings, HookStats, Message, Router};
use crate::policy::Mode;
use crate::record::Record;

/// The hooks at work.
#[derive(Debug)]
pub struct Dispatch {
    router: Router,
    couriers: Vec<Courier>,
    stats: Vec<(String, Arc<HookStats>)>,
}

impl Dispatch {
    /// Starts every armed hook. The error names the hook and its field.
    ///
    /// `instance` is the random name of the store; `seed` feeds the jitter; `report` hears of every attempt.
    pub fn start(
        hooks: &[HookSettings],
        instance: &str,
        clock: &Clock,
        seed: u64,
        report: impl FnMut(Attempted) + Clone + Send + 'static,
    ) -> Result<Self, String> {
        let mut dispatch = Self { router: Router::new(hooks, instance), couriers: Vec::new(), stats: Vec::new() };
        for (seed, hook) in (seed..).zip(hooks.iter().filter(|hook| hook.mode != Mode::Off)) {
            let named = |why: String| format!("hook {}: {why}", hook.name);
            hook.check().map_err(named)?;
            if dispatch.stats.iter().any(|(name, _)| *name == hook.name) {
                return Err(named("name: is used twice".to_owned()));
            }
            let stats = Arc::new(HookStats::new().ok_or("no histogram")?);
            dispatch.stats.push((hook.name.clone(), Arc::clone(&stats)));
            if hook.mode == Mode::Armed {
                let courier = Courier::start(hook, stats, Arc::clone(clock), seed, report.clone());
                dispatch.couriers.push(courier.map_err(named)?);
            }
        }
        Ok(dispatch)
    }

    /// Learns the stances in force: the store's last breaker and permission facts.
    pub fn resume<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        self.router.resume(records);
    }

    /// The messages a record calls for, each with whether it is only a shadow. Once a record, in order.
    pub fn messages(&mut self, record: &Record) -> Vec<(Message, bool)> {
        let messages = self.router.messages(record);
        for (message, _) in messages.iter().filter(|(_, shadow)| *shadow) {
            if let Some((_, stats)) = self.stats.iter().find(|(hook, _)| *hook == message.hook) {
                stats.shadowed();
            }
        }
        messages
    }

    /// Names of the hooks that deliver.
    pub fn armed(&self) -> Vec<String> {
        self.couriers.iter().map(|courier| courier.hook().to_owned()).collect()
    }

    /// Passes an errand to its courier; never waits.
    pub fn hand(&self, errand: Errand) {
        if let Some(courier) = self.couriers.iter().find(|courier| courier.hook() == errand.message.hook) {
            courier.hand(errand);
        }
    }

    /// The numbers of every hook that is not off.
    pub fn stats(&self) -> Vec<(String, Arc<HookStats>)> {
        self.stats.clone()
    }

    /// Stops all; waits for the attempts at hand, each bounded by its timeout.
    pub fn stop(self) {
        let ending: Vec<_> = self.couriers.into_iter().map(Courier::stop).collect();
        for thread in ending {
            let _ = thread.join();
        }
    }
}
