//! What one hook still has to deliver, and which of it is next. Small: the store hands out a window at a time.

use std::time::Duration;

use super::MAX_DELAY_SECS;
use super::courier::Errand;
use crate::event::Nanos;

/// The errands of one hook.
#[derive(Debug, Default)]
pub(super) struct Queue {
    errands: Vec<Errand>,
}

impl Queue {
    pub(super) fn push(&mut self, errand: Errand) {
        self.errands.push(errand);
    }

    pub(super) const fn len(&self) -> usize {
        self.errands.len()
    }

    /// Takes the errand to run now: news before what failed already, then in order. A dead receiver's backlog never
    /// holds up a fresh trip.
    pub(super) fn pop(&mut self, now: Nanos) -> Option<Errand> {
        let due = self.errands.iter().enumerate().filter(|(_, errand)| wait_secs(errand, now) <= 0.0);
        let (place, _) = due.min_by_key(|(_, errand)| (errand.attempts, errand.message.seq))?;
        Some(self.errands.swap_remove(place))
    }

    /// Makes everything due: the receiver is back.
    pub(super) fn release(&mut self, now: Nanos) {
        for errand in &mut self.errands {
            errand.due = errand.due.min(now);
        }
    }

    /// How long nothing is due; `None` when nothing is queued.
    pub(super) fn wait(&self, now: Nanos) -> Option<Duration> {
        let secs = self.errands.iter().map(|errand| wait_secs(errand, now)).reduce(f64::min)?;
        Some(Duration::from_secs_f64(secs.max(0.0)))
    }
}

/// Seconds until an errand is due. Nothing waits longer than the longest delay, so a due time beyond it means that the
/// clock was set back: then it is due now.
fn wait_secs(errand: &Errand, now: Nanos) -> f64 {
    let secs = errand.due.secs_since(now);
    if secs > MAX_DELAY_SECS + 1.0 { 0.0 } else { secs }
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    fn errand(seq: u64, attempts: u32, due_secs: i64) -> Errand {
        let message = Message { id: String::new(), hook: String::new(), seq, at: Nanos(0), body: String::new() };
        Errand { message, attempts, due: Nanos::from_secs(due_secs), resent: false }
    }

    #[test]
    fn a_fresh_trip_overtakes_what_failed_and_nothing_is_early() {
        let mut queue = Queue::default();
        for errand in [errand(1, 3, 10), errand(2, 1, 90), errand(3, 0, 0), errand(4, 0, 0)] {
            queue.push(errand);
        }
        let mut order = Vec::new();
        for now in [0, 5, 10, 89, 90] {
            while let Some(errand) = queue.pop(Nanos::from_secs(now)) {
                order.push((now, errand.message.seq));
            }
        }
        assert_eq!(order, [(0, 3), (0, 4), (10, 1), (90, 2)]);
        assert_eq!(queue.wait(Nanos(0)), None);
    }

    #[test]
    fn a_clock_set_back_by_an_hour_keeps_nobody_waiting() {
        let mut queue = Queue::default();
        queue.push(errand(1, 2, 3_600 + 200));
        assert_eq!(queue.wait(Nanos::from_secs(3_600)), Some(Duration::from_secs(200)));
        assert_eq!(queue.wait(Nanos(0)), Some(Duration::ZERO));
        assert!(queue.pop(Nanos(0)).is_some());
    }
}
