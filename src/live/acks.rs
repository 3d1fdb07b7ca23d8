//! What the trading engine acknowledges: a thread of its own looks about once a second, for the file belongs to somebody
//! else, and may lie where reading it never ends. Nothing waits for this thread.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::settings::GateSettings;
use crate::gate::{ACK_SILENCE_NS_MAX, Ack, AckReader, Page, Role, Unheard, now_mono};
use crate::metrics::{AckCounters, Shared};

/// How often it looks.
const EVERY: Duration = Duration::from_secs(1);

/// The gate, and the last acknowledgement that could be believed.
#[derive(Debug)]
pub(super) struct Acks {
    gate: Page,
    last: Shared<Option<Ack>>,
}

/// The thread that looks, as long as this lives.
pub(super) struct Watch {
    pub(super) acks: Arc<Acks>,
    _until: Sender<()>,
}

/// Starts looking at the file that the settings name, for the gate that stands at their path now.
pub(super) fn start(settings: &GateSettings) -> Result<Option<Watch>> {
    let Some(path) = &settings.ack else { return Ok(None) };
    let gate = Page::open(&settings.path, Role::Gate, None).context("acknowledgements")?;
    let acks = Arc::new(Acks { gate, last: Shared::default() });
    let reader = AckReader::new(path, settings.ack_owner);
    let (until, ended) = bounded(0);
    let looked = Arc::clone(&acks);
    let work = move || look_until(&ended, &looked, &reader);
    std::thread::Builder::new().name("acks".to_owned()).spawn(work).context("thread of acknowledgements")?;
    Ok(Some(Watch { acks, _until: until }))
}

fn look_until(ended: &Receiver<()>, acks: &Acks, reader: &AckReader) {
    let mut ear = Ear::new(now_mono());
    loop {
        let read = reader.read();
        if let Some(news) = ear.hear(acks.weigh(read.map_err(Unheard::from)), now_mono()) {
            news.tell();
        }
        if ended.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

impl Acks {
    /// Keeps what can be believed, and says why it does not count.
    fn weigh(&self, read: Result<Option<Ack>, Unheard>) -> Result<(), Unheard> {
        let ack = read?.ok_or(Unheard::Nothing)?;
        let doubt = ack.doubt(&self.gate.glance(), now_mono());
        if doubt != Some(Unheard::Impossible) {
            self.last.update(|last| *last = Some(ack));
        }
        doubt.map_or(Ok(()), Err)
    }

    /// What is known now: it grows old by itself, whether or not the thread still looks.
    pub(super) fn counters(&self) -> AckCounters {
        let Some(ack) = self.last.copy() else { return AckCounters::default() };
        let (gate, now) = (self.gate.glance(), now_mono());
        AckCounters {
            fresh: ack.doubt(&gate, now).is_none(),
            age_secs: Some(ack.age_ns(now) as f64 / 1e9),
            lag: ack.lag(&gate),
            orders: Some((ack.allowed, ack.denied)),
        }
    }
}

/// Hears when an engine begins and ceases to acknowledge.
#[derive(Debug)]
struct Ear {
    standing: Standing,
    /// `CLOCK_MONOTONIC`, ns. An engine that the last daemon knew gets as long as any other to find this one.
    patient_until: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// None has acknowledged this gate yet, and nothing is wrong with that.
    Awaited,
    Acknowledges,
    /// Told already.
    Mute,
}

/// What people should hear, once a change.
#[derive(Clone, Debug, PartialEq, Eq)]
enum News {
    First,
    Again,
    Mute(Unheard),
}

impl Ear {
    const fn new(now: u64) -> Self {
        Self { standing: Standing::Awaited, patient_until: now.saturating_add(ACK_SILENCE_NS_MAX) }
    }

    fn hear(&mut self, said: Result<(), Unheard>, now: u64) -> Option<News> {
        let (standing, news) = match (self.standing, said) {
            (Standing::Acknowledges, Ok(()))
            | (Standing::Mute, Err(_))
            | (Standing::Awaited, Err(Unheard::Nothing)) => return None,
            (Standing::Awaited, Err(_)) if now < self.patient_until => return None,
            (Standing::Awaited, Ok(())) => (Standing::Acknowledges, News::First),
            (Standing::Mute, Ok(())) => (Standing::Acknowledges, News::Again),
            (Standing::Awaited | Standing::Acknowledges, Err(why)) => (Standing::Mute, News::Mute(why)),
        };
        self.standing = standing;
        Some(news)
    }
}

impl News {
    fn tell(&self) {
        match self {
            Self::First => tracing::info!("a trading engine acknowledges the gate"),
            Self::Again => tracing::info!("the trading engine acknowledges the gate again"),
            Self::Mute(Unheard::Nothing) => tracing::warn!("no trading engine acknowledges the gate: its file is gone"),
            Self::Mute(why) => tracing::warn!("no trading engine acknowledges the gate: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: u64 = 1_000_000_000;

    fn heard(said: impl IntoIterator<Item = (u64, Result<(), Unheard>)>) -> Vec<(u64, News)> {
        let mut ear = Ear::new(0);
        said.into_iter().filter_map(|(at, said)| Some((at, ear.hear(said, at * SEC)?))).collect()
    }

    #[test]
    fn each_change_is_told_once() {
        let silent = || Err(Unheard::Silent(4 * SEC));
        let said = [
            (0, Err(Unheard::Nothing)),
            (1, Ok(())),
            (2, Ok(())),
            (3, silent()),
            (4, silent()),
            (5, Err(Unheard::Nothing)),
            (6, Err(Unheard::Generation(9))),
            (7, Ok(())),
            (8, Err(Unheard::Generation(9))),
        ];
        let want = [
            (1, News::First),
            (3, News::Mute(Unheard::Silent(4 * SEC))),
            (7, News::Again),
            (8, News::Mute(Unheard::Generation(9))),
        ];
        assert_eq!(heard(said), want);
    }

    #[test]
    fn an_engine_of_the_last_daemon_gets_time_to_find_this_one_and_no_engine_at_all_is_no_news() {
        let elsewhere = || Err(Unheard::Generation(9));
        assert_eq!(heard([(0, elsewhere()), (1, elsewhere()), (2, Ok(()))]), [(2, News::First)]);
        let want = [(3, News::Mute(Unheard::Generation(9)))];
        assert_eq!(heard([(0, elsewhere()), (2, elsewhere()), (3, elsewhere()), (4, elsewhere())]), want);
        assert_eq!(heard((0..100).map(|at| (at, Err(Unheard::Nothing)))), []);
    }
}
