//! Several tapes as one: by receive time, ties by order on the command line, then by line.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::error::TapeError;
use super::source::{Report, Source};
use crate::engine::Input;
use crate::event::Nanos;
use crate::market::Markets;

/// Tapes merged by [`Input::at`]. Each tape keeps its own order: a line that is late in its file comes late here too.
pub struct Merge {
    tapes: Vec<Tape>,
    /// When the next input of each unfinished tape is due, earliest on top; a tie goes to the first on the command line.
    due: BinaryHeap<Reverse<(Nanos, usize)>>,
    started: bool,
}

struct Tape {
    source: Box<dyn Source>,
    next: Option<Input>,
}

/// Merges `sources`, which stand in the order of the command line.
pub fn merge(sources: Vec<Box<dyn Source>>) -> Merge {
    let tapes = sources.into_iter().map(|source| Tape { source, next: None }).collect();
    Merge { tapes, due: BinaryHeap::new(), started: false }
}

impl Merge {
    /// The next input of all tapes, or nothing at the end. Every call must bring the same table.
    pub fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        if !self.started {
            self.start(markets)?;
        }
        let Some(mut first) = self.due.peek_mut() else { return Ok(None) };
        let Reverse((_, place)) = *first;
        let Some(tape) = self.tapes.get_mut(place) else { return Ok(None) };
        let following = tape.source.next(markets)?;
        match &following {
            Some(input) => *first = Reverse((input.at(), place)),
            None => drop(std::collections::binary_heap::PeekMut::pop(first)),
        }
        Ok(std::mem::replace(&mut tape.next, following))
    }

    /// What was read so far, one a tape, in the order of the command line.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.tapes.iter().map(|tape| tape.source.report())
    }

    fn start(&mut self, markets: &mut Markets) -> Result<(), TapeError> {
        self.started = true;
        for (place, tape) in self.tapes.iter_mut().enumerate() {
            tape.next = tape.source.next(markets)?;
            self.due.extend(tape.next.as_ref().map(|input| Reverse((input.at(), place))));
        }
        Ok(())
    }
}
