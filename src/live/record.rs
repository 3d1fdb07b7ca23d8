//! Recording without an engine: sessions on the left, the scribe on the right, nothing decided between them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use crossbeam_channel::Receiver;

use super::backend::{counts_of, lines_of, troubles_of};
use super::clock;
use super::feeds::{self, FeedCounts, Feeds};
use super::mailbox::Mailbox;
use super::scribe::{self, Beginning, Scribe};
use super::settings::{RecordSettings, Settings};
use crate::engine::{Action, FeedState, Input};
use crate::feed::clock::Clock;
use crate::market::Markets;
use crate::metrics::{Readings, RecordCounters, Vitals};
use crate::record::Who;
use crate::serve::{self, Backend, Http};

/// How often somebody is told.
const TELL: Duration = Duration::from_secs(1);

/// How often the recording shows that it lives, also where nothing comes.
const BEAT: Duration = Duration::from_millis(100);

/// What a recording has come to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Frames that came.
    pub frames: u64,
    /// Inputs made of them.
    pub inputs: u64,
    /// Frames that were refused.
    pub bad: u64,
    /// Connections.
    pub connections: u64,
    /// Those on which data arrives.
    pub delivering: u64,
    /// What was written.
    pub written: RecordCounters,
}

/// What a scrape sees of a recording: feeds, channel and files; no market, for nobody decides.
struct Onlooker {
    clock: Arc<dyn Clock>,
    mailbox: Mailbox,
    feeds: FeedCounts,
    scribe: Scribe,
    /// Inputs and beats so far.
    taken: AtomicU64,
}

impl Backend for Onlooker {
    fn vitals(&self) -> Arc<Vitals> {
        let mut vitals = Vitals::default();
        (vitals.at, vitals.inputs) = (self.clock.now(), self.taken.load(Ordering::Relaxed));
        Arc::new(vitals)
    }

    /// Of an engine nothing: its inputs and its time would be our beats and the clock, however dead the feeds are.
    fn readings(&self) -> Readings {
        Readings {
            channel: Some(counts_of(&self.mailbox)),
            feeds: lines_of(&self.feeds),
            record: Some(self.scribe.counters()),
            ..Readings::default()
        }
    }

    fn ready(&self) -> Result<(), String> {
        if self.scribe.counters().stopped {
            return Err("nothing can be written any more".to_owned());
        }
        troubles_of(&self.feeds).into_iter().next().map_or(Ok(()), Err)
    }

    fn ask(&self, _: Who, _: String, _: Action, _: Duration) -> Result<String, String> {
        Err("this process records and decides nothing".to_owned())
    }
}

/// Records until something comes on `shutdown`; `tell` hears every second how it goes. With `serves`, metrics and health are
/// served at `serve.listen` meanwhile.
pub fn record(
    settings: &Settings,
    serves: bool,
    shutdown: &Receiver<&'static str>,
    mut tell: impl FnMut(&Progress),
) -> Result<Progress> {
    let clock = clock::clock_of(None);
    let wanted = settings.record.clone().unwrap_or_default();
    let mut table = settings.catalog.markets();
    feeds::add_markets(&settings.feeds, &settings.catalog, &mut table)?;
    let listen = settings.serve.listen;
    let http = serves.then(|| Http::bind(listen, &[])).transpose().with_context(|| format!("listening on {listen}"))?;
    let (mailbox, inputs) = Mailbox::new(settings.channel);
    let (scribe, writing) =
        scribe::start(&wanted, Arc::clone(&clock)).with_context(|| format!("record: {}", wanted.dir.display()))?;
    let mut tape = Tape { scribe: scribe.clone(), number: 0, lost: 0, table: &table };
    let frames = Some(&scribe).filter(|_| wanted.frames);
    let feeds = Feeds::start(&settings.feeds, &settings.catalog, &table, &clock, &mailbox, frames)?;
    tracing::info!(dir = %wanted.dir.display(), markets = table.len(), "recording");
    let onlooker = Arc::new(Onlooker {
        clock: Arc::clone(&clock),
        mailbox: mailbox.clone(),
        feeds: Arc::clone(&feeds.counts),
        scribe: scribe.clone(),
        taken: AtomicU64::new(0),
    });
    let served =
        http.map(|http| serve::start(Some(http), None, Arc::clone(&onlooker) as Arc<dyn Backend>)).transpose()?;
    let (ticks, beats) = (crossbeam_channel::tick(TELL), crossbeam_channel::tick(BEAT));
    let mut count = 0;
    let why = loop {
        crossbeam_channel::select_biased! {
            recv(shutdown) -> why => break why.unwrap_or("asked to"),
            recv(ticks) -> _ => {
                let progress = progress(&feeds, count, dropped(&mailbox), scribe.counters());
                tell(&progress);
                if progress.written.stopped {
                    break "nothing can be written any more";
                }
            }
            recv(beats) -> _ => {
                onlooker.taken.fetch_add(1, Ordering::Relaxed);
            }
            recv(inputs) -> input => {
                let Ok(input) = input else { break "the feeds are gone" };
                count += 1;
                onlooker.taken.fetch_add(1, Ordering::Relaxed);
                tape.input(&wanted, &input);
            }
        }
    };
    tracing::info!("stopping: {why}");
    let last = progress(&feeds, count, 0, RecordCounters::default());
    feeds.stop();
    for input in inputs.try_iter() {
        count += 1;
        tape.input(&wanted, &input);
    }
    scribe.end(None, tape.lost);
    writing.join();
    // After all is written: a slow visitor holds this up for seconds, in which the feeds would fill the channel.
    drop(served);
    let mut written = scribe.counters();
    written.lost_inputs += dropped(&mailbox);
    anyhow::ensure!(!written.stopped, "recording stopped: see the log");
    Ok(Progress { inputs: count, written, ..last })
}

/// Inputs that found no room on their way here.
fn dropped(mailbox: &Mailbox) -> u64 {
    mailbox.flow.dropped.load(std::sync::atomic::Ordering::Relaxed)
}

/// The tape of inputs, begun anew where it is full or broken.
struct Tape<'t> {
    scribe: Scribe,
    number: u64,
    lost: u64,
    table: &'t Markets,
}

impl Tape<'_> {
    fn input(&mut self, wanted: &RecordSettings, input: &Input) {
        if !wanted.inputs {
            return;
        }
        let is_due = self.number == 0 || self.lost > 0 || self.scribe.wants_beyond(self.number);
        if is_due && self.scribe.has_room() {
            let (number, lost) = (self.number + 1, self.lost);
            let beginning = Beginning { number, digest: None, lost, snapshot: Vec::new(), markets: self.table.clone() };
            if self.scribe.begin(beginning) {
                (self.number, self.lost) = (number, 0);
            }
        }
        if !self.scribe.input(input, self.lost > 0) {
            self.lost += 1;
        }
    }
}

fn progress(feeds: &Feeds, inputs: u64, dropped: u64, mut written: RecordCounters) -> Progress {
    written.lost_inputs += dropped;
    let mut progress = Progress { inputs, written, ..Progress::default() };
    if let Ok(lines) = feeds.counts.lock() {
        progress.connections = lines.len() as u64;
        for line in lines.iter() {
            progress.delivering += u64::from(matches!(line.state, Some(FeedState::Delivering | FeedState::Thin)));
            progress.frames += line.counters.frames;
            progress.bad += line.counters.refused.iter().sum::<u64>();
        }
    }
    progress
}
