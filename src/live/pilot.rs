//! The engine's thread: takes inputs from the mailbox, obeys outputs in their order: gate, store, answers.
//!
//! It waits for nothing: a store that cannot keep up closes the gate, an unread copy of the vitals is skipped. It spins a
//! little before it parks, because a blocking wake-up costs more than all the work for one event.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use crossbeam_channel::{Receiver, Sender, TrySendError};

use super::backend::Shared;
use super::recorder::Recorder;
use crate::engine::{Engine, GateWrite, Input, Output};
use crate::event::Nanos;
use crate::gate::{Writer, now_mono};
use crate::metrics::{Latencies, LeaseCounters};
use crate::record::{Fact, Record};
use crate::store::thread::StoreCommand;
use crate::store::{Snapshot, StoreError};

/// Looks at an empty channel before the thread parks.
const SPINS: u32 = 2_000;

/// Probes between two snapshots of the engine: a minute at the usual beat.
const SNAPSHOT_EVERY: u64 = 2400;

/// The answer to a command, by its number.
type Answer = (u64, Result<String, String>);

/// All that the engine's thread owns.
pub(super) struct Pilot {
    pub(super) engine: Engine,
    pub(super) gate: Writer,
    pub(super) store: Sender<StoreCommand>,
    pub(super) store_lost: Receiver<StoreError>,
    pub(super) shared: Arc<Shared>,
    pub(super) recorder: Option<Recorder>,
    /// Incidents whose page is out of date.
    pub(super) pages: Sender<String>,
    pub(super) busy_poll: bool,
    /// See [`super::Extras::hang_at`].
    pub(super) hang_at: Option<u64>,
    out: Vec<Output>,
    batch: Vec<Record>,
    /// Answers that wait for their record to be on disk.
    waiting: BTreeMap<u64, Vec<Answer>>,
    durable: u64,
    /// Kept here and handed over at each probe, so that counting never waits.
    latencies: Latencies,
    lease: LeaseCounters,
    /// The last record of the oldest batch that is under way to the disk, and when it was handed over.
    under_way: Option<(u64, Nanos)>,
    events: u64,
    /// Once closed the gate stays closed: nothing renews a lease over a lost store.
    closed: bool,
}

impl Pilot {
    #[allow(clippy::too_many_arguments, reason = "each part is owned from here on")]
    pub(super) fn new(
        engine: Engine,
        gate: Writer,
        store: Sender<StoreCommand>,
        store_lost: Receiver<StoreError>,
        shared: Arc<Shared>,
        recorder: Option<Recorder>,
        pages: Sender<String>,
        busy_poll: bool,
    ) -> Self {
        let (out, batch, waiting) = (Vec::with_capacity(64), Vec::new(), BTreeMap::new());
        Self {
            engine,
            gate,
            store,
            store_lost,
            shared,
            recorder,
            pages,
            busy_poll,
            hang_at: None,
            out,
            batch,
            waiting,
            durable: 0,
            latencies: Latencies::default(),
            lease: LeaseCounters::default(),
            under_way: None,
            events: 0,
            closed: false,
        }
    }

    /// Obeys outputs that came before the first input, and shows the state in which the run begins: whoever asks before
    /// the first probe sees what binds, too.
    pub(super) fn obey_first(&mut self, out: Vec<Output>) {
        self.out = out;
        self.obey();
        self.shared.show(&self.engine);
    }

    /// Runs until every sender is gone or `stop` is raised; gives everything back for an orderly end.
    pub(super) fn fly(mut self, inputs: &Receiver<Input>) -> Self {
        while let Some(input) = self.next(inputs) {
            self.take(input);
        }
        // What is still waiting belongs to this run.
        while let Ok(input) = inputs.try_recv() {
            self.take(input);
        }
        self
    }

    /// Says in the record that the run ends; the lease ends with the gate's writer.
    pub(super) fn farewell(&mut self, why: &str) {
        self.engine.farewell(why, &mut self.out);
        self.obey();
        self.snapshot();
    }

    /// Ends the recording.
    pub(super) fn end_recording(&mut self) {
        let Some(recorder) = self.recorder.take() else { return };
        let digest = recorder.finish(&self.engine);
        tracing::info!(%digest, "recorded");
    }

    fn next(&self, inputs: &Receiver<Input>) -> Option<Input> {
        let mut spins = 0;
        loop {
            if let Ok(input) = inputs.try_recv() {
                return Some(input);
            }
            if self.shared.stopping() {
                return None;
            }
            spins += 1;
            if self.busy_poll || spins < SPINS {
                std::hint::spin_loop();
            } else {
                return inputs.recv().ok();
            }
        }
    }

    #[inline]
    fn take(&mut self, input: Input) {
        if let Some(recorder) = &mut self.recorder {
            recorder.input(&self.engine, &input);
        }
        if let Input::Stored { seq, at } = input {
            self.stored(seq, at);
        }
        while self.hang_at.is_some_and(|at| self.engine.inputs() >= at) {
            std::hint::spin_loop();
        }
        let probe = matches!(input, Input::Probe { .. });
        let received = self.time(&input);
        self.engine.handle(input, &mut self.out);
        if let Some(recorder) = &mut self.recorder {
            recorder.outputs(&self.engine, &self.out);
        }
        if !self.out.is_empty() {
            self.obey();
        }
        if let Some(recv_at) = received {
            self.latencies.decided(recv_at, self.shared.now());
        }
        if !self.waiting.is_empty() {
            self.answer();
        }
        if probe {
            self.after_probe();
        }
    }

    /// Notes the lag of an event; of one event in 64 its time of receipt is given back, for a clock costs more than counting.
    #[inline]
    fn time(&mut self, input: &Input) -> Option<Nanos> {
        let Input::Event(event) = input else { return None };
        if let Some((venue, _)) = self.engine.markets().groups(event.market) {
            self.latencies.received(venue, event.venue_at, event.recv_at);
        }
        self.events += 1;
        self.events.is_multiple_of(64).then_some(event.recv_at)
    }

    fn stored(&mut self, seq: u64, at: Nanos) {
        self.durable = seq;
        let took = self.under_way.take_if(|(last, _)| *last <= seq);
        self.shared.store.refresh(|store| {
            store.records = seq;
            if let Some((_, since)) = took {
                store.append.record(since, at);
            }
        });
    }

    /// Gate first, then store, then whoever waits.
    fn obey(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        for output in out.drain(..) {
            match output {
                Output::Gate(write) => self.publish(&write),
                Output::Record(record) => self.batch.push(record),
                Output::Beat { seq, at } if !self.closed => {
                    self.gate.renew(seq, now_mono());
                    self.lease.beats += 1;
                    self.lease.last_at = Some(at);
                }
                Output::Beat { .. } => {}
                Output::Answer { id, result, after } => self.waiting.entry(after).or_default().push((id, result)),
            }
        }
        self.out = out;
        if !self.batch.is_empty() {
            self.keep();
        }
    }

    fn publish(&mut self, write: &GateWrite) {
        let GateWrite { market, slot, permission, reason, incident } = write;
        if let Err(why) = self.gate.publish(market.0, *slot, permission, *reason, *incident) {
            self.close(&why.to_string());
        }
    }

    #[cold]
    fn keep(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        for record in &batch {
            tell_people(record);
            let incident = record.fact.incident();
            if !incident.is_empty() {
                drop(self.pages.try_send(incident.to_owned()));
            }
        }
        if let (None, Some(last)) = (self.under_way, batch.last()) {
            self.under_way = Some((last.seq, self.shared.now()));
        }
        match self.store.try_send(StoreCommand::Append(batch)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.close("the store does not keep up"),
            // It said why before it went.
            Err(TrySendError::Disconnected(_)) => {
                let why =
                    self.store_lost.try_recv().map_or_else(|_| "the store is gone".to_owned(), |why| why.to_string());
                self.close(&why);
            }
        }
    }

    #[cold]
    fn answer(&mut self) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| *entry.key() <= self.durable || self.closed) {
            for (id, result) in entry.remove() {
                let result =
                    if self.closed { Err("the store is lost; nothing can be recorded".to_owned()) } else { result };
                self.shared.answer(id, result);
            }
        }
    }

    fn after_probe(&mut self) {
        if let Ok(why) = self.store_lost.try_recv() {
            self.close(&why.to_string());
        }
        if !self.closed && self.lease.beats.is_multiple_of(SNAPSHOT_EVERY) {
            self.snapshot();
        }
        self.shared.show(&self.engine);
        self.shared.latencies.refresh(|latencies| latencies.absorb(&mut self.latencies));
        self.shared.lease.refresh(|lease| *lease = self.lease);
    }

    /// Hands the engine's state to the store, so that a restart need not learn anew. A busy store may miss one.
    #[cold]
    fn snapshot(&self) {
        let (seq, at, body) = (self.durable, self.engine.now(), self.engine.snapshot());
        drop(self.store.try_send(StoreCommand::Snapshot(Snapshot { seq, at, body })));
    }

    /// Every error path ends here: the lease is gone, readers see Halt, the log says why.
    #[cold]
    fn close(&mut self, why: &str) {
        if !self.closed {
            self.closed = true;
            self.gate.suspend();
            self.shared.fail(why);
            tracing::error!("gate closed: {why}");
        }
    }
}

/// One line a fact that a person on the desk should see.
fn tell_people(record: &Record) {
    match &record.fact {
        Fact::Permission { market, permission, rule, incident } => {
            let stance = permission.stance().name();
            tracing::info!(%market, %stance, size = permission.size_factor(), %rule, %incident, "permission");
        }
        Fact::Trip { market, detector, leg, score, limit, evidence, rule, .. } if !rule.is_empty() => {
            tracing::info!(%market, detector = format!("{detector}.{leg}"), score, limit, %rule, %evidence, "trip");
        }
        Fact::Incident { id, change, title, severity, .. } => {
            tracing::info!(%id, ?change, severity, "{title}");
        }
        Fact::Refused { by, request, why } => tracing::warn!(by = %by.name, %request, %why, "refused"),
        _ => {}
    }
}
