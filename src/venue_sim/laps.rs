//! A tape played again and again: later laps are later in time, and ids of trades go on where the lap before ended.

use std::collections::BTreeMap;

use super::protocol::{self, Audience, Side};
use super::rewrite::{ids, shift_ids, shift_times};
use crate::event::Nanos;
use crate::feed::venue::VenueRef;

/// Plays what `open` opens for ever, with `pause_secs` between two laps. It ends where `open` opens nothing, and at once where
/// nobody knows how to pretend the venue.
pub fn endless<T>(
    venue: VenueRef,
    pause_secs: f64,
    open: impl FnMut() -> T + Send,
) -> impl Iterator<Item = (Nanos, String)> + Send
where
    T: Iterator<Item = (Nanos, String)> + Send,
{
    let pause = (pause_secs.max(0.001) * Nanos::SECOND as f64) as i64;
    protocol::of(venue).into_iter().flat_map({
        let mut open = Some(open);
        move |protocol| open.take().map(|open| Laps::new(protocol, pause, open)).into_iter().flatten()
    })
}

struct Laps<F, T> {
    protocol: Side,
    marks: Vec<String>,
    pause: i64,
    open: F,
    tape: Option<T>,
    /// Added to the times of this lap.
    by: i64,
    /// The first frame of the first lap, and the last one said.
    first: Option<Nanos>,
    last: Nanos,
    lap: u64,
    /// By stream.
    ids: BTreeMap<String, Count>,
}

/// How the ids of a stream go on.
#[derive(Default)]
struct Count {
    lap: u64,
    by: u64,
    last: u64,
}

impl<F: FnMut() -> T, T: Iterator<Item = (Nanos, String)>> Laps<F, T> {
    fn new(protocol: Side, pause: i64, open: F) -> Self {
        let marks = protocol.marks();
        let (tape, first, last, ids) = (None, None, Nanos(0), BTreeMap::new());
        Self { protocol, marks, pause, open, tape, by: 0, first, last, lap: 0, ids }
    }

    fn renumbered(&mut self, frame: String) -> String {
        let Some((smallest, largest)) = ids(&frame, &self.marks) else { return frame };
        let Audience::Streams(streams) = self.protocol.audience(&frame) else { return frame };
        let count = self.ids.entry(streams.into_iter().next().unwrap_or_default()).or_default();
        if count.lap != self.lap {
            *count = Count { lap: self.lap, by: (count.last + 1).saturating_sub(smallest), last: count.last };
        }
        count.last = count.last.max(largest.saturating_add(count.by));
        if count.by == 0 { frame } else { shift_ids(&frame, &self.marks, count.by) }
    }
}

impl<F: FnMut() -> T, T: Iterator<Item = (Nanos, String)>> Iterator for Laps<F, T> {
    type Item = (Nanos, String);

    fn next(&mut self) -> Option<(Nanos, String)> {
        if let Some((at, frame)) = self.tape.as_mut().and_then(Iterator::next) {
            return Some(self.say(at, frame));
        }
        let mut tape = (self.open)();
        let (at, frame) = tape.next()?;
        if self.first.is_some() {
            self.lap += 1;
            self.by = self.last.0.saturating_add(self.pause).saturating_sub(at.0);
        }
        self.tape = Some(tape);
        Some(self.say(at, frame))
    }
}

impl<F: FnMut() -> T, T: Iterator<Item = (Nanos, String)>> Laps<F, T> {
    fn say(&mut self, at: Nanos, frame: String) -> (Nanos, String) {
        let frame = if self.lap == 0 { frame } else { shift_times(&frame, at, self.by) };
        self.first.get_or_insert(at);
        self.last = Nanos(at.0.saturating_add(self.by)).max(self.last);
        (self.last, self.renumbered(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_times_go_on_from_lap_to_lap() {
        let venue = |name| VenueRef::Shipped(crate::feed::venue::find(name).expect("in the table"));
        let at = Nanos::from_secs(1_760_128_800);
        let frame = |id: u64, at: Nanos| {
            let ms = at.0 / 1_000_000;
            format!(r#"{{"stream":"a@aggTrade","data":{{"e":"aggTrade","a":{id},"T":{ms}}}}}"#)
        };
        let later = at.plus_secs(1.0);
        let open = move || vec![(at, frame(70, at)), (later, frame(71, later))].into_iter();
        let said: Vec<_> =
            endless(venue("binance-coinm"), 0.5, open).take(5).map(|(at, frame)| (at.0, frame)).collect();
        for (place, (when, text)) in said.iter().enumerate() {
            let want = at.0 + [0, 1000, 1500, 2500, 3000][place] * 1_000_000;
            assert_eq!(*when, want);
            assert!(text.contains(&format!(r#""a":{},"T":{}"#, 70 + place, want / 1_000_000)), "{text}");
        }
        assert_eq!(endless(venue("okx"), 0.5, std::iter::empty).count(), 0);
    }
}
