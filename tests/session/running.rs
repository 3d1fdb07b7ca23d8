//! A session on a real socket, and what it told.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use fusewire::engine::{FeedState, Input};
use fusewire::event::Body;
use fusewire::feed::clock::Clock;
use fusewire::feed::session::{Counters, Relay, Standing};
use fusewire::feed::socket::{self, Sink};
use fusewire::feed::trust::Trust;
use tokio::sync::oneshot;

/// A session on a real socket in a thread of its own.
pub(crate) struct Running {
    pub(crate) inputs: Receiver<Input>,
    counters: Arc<Mutex<Counters>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Tell {
    inputs: std::sync::mpsc::Sender<Input>,
    counters: Arc<Mutex<Counters>>,
}

impl Sink for Tell {
    fn input(&mut self, input: Input) -> ControlFlow<()> {
        if self.inputs.send(input).is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn counters(&mut self, counters: &Counters, _: Standing) {
        *self.counters.lock().expect("lock") = *counters;
    }
}

impl Running {
    pub(crate) fn start(feed: impl Into<Relay>, clock: Arc<dyn Clock>) -> Self {
        Self::trusting(Trust::public(), feed, clock)
    }

    pub(crate) fn trusting(trust: Trust, feed: impl Into<Relay>, clock: Arc<dyn Clock>) -> Self {
        let relay = feed.into();
        let (sender, inputs) = channel();
        let counters = Arc::new(Mutex::new(Counters::default()));
        let mut sink = Tell { inputs: sender, counters: Arc::clone(&counters) };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
            let stopped = async { drop(stopped.await) };
            runtime.block_on(socket::run(relay, trust.into(), clock, &mut sink, stopped));
        });
        Self { inputs, counters, stop: Some(stop), thread: Some(thread) }
    }

    /// Everything up to the first feed report of this state; panics after ten seconds of silence or 2,000 events.
    pub(crate) fn until(&self, state: FeedState) -> (Vec<Input>, String) {
        self.until_any(&[state])
    }

    /// The same for the first report of any of these states.
    pub(crate) fn until_any(&self, states: &[FeedState]) -> (Vec<Input>, String) {
        let names = || states.iter().map(|state| state.name()).collect::<Vec<_>>().join(" or ");
        let mut before = Vec::new();
        while before.len() < 2000 {
            let input = self.inputs.recv_timeout(Duration::from_secs(10));
            match input.unwrap_or_else(|_| panic!("{} did not come: {before:?}", names())) {
                Input::Feed(report) if states.contains(&report.state) => return (before, report.why),
                other => before.push(other),
            }
        }
        panic!("{} did not come among {} inputs", names(), before.len());
    }

    /// Ends it; panics where it ended by itself or in a panic.
    pub(crate) fn finish(mut self) {
        let thread = self.thread.take().expect("not ended before");
        assert!(!thread.is_finished(), "the session ended by itself");
        let _ = self.stop.take().map(|stop| stop.send(()));
        thread.join().expect("no panic");
    }

    pub(crate) fn trades(&self, count: usize) -> Vec<u64> {
        let next = || self.inputs.recv_timeout(Duration::from_secs(10)).expect("a trade");
        let id = |input| match input {
            Input::Event(event) => match event.body {
                Body::Trade { id, .. } => Some(id),
                _ => None,
            },
            _ => None,
        };
        std::iter::repeat_with(next).filter_map(id).take(count).collect()
    }

    pub(crate) fn counters(&self) -> Counters {
        *self.counters.lock().expect("lock")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stop.take().map(|stop| stop.send(()));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}
