//! Replay: recordings through the same engine, as fast as they can be read or at a pace.
//!
//! A thin driver: tape in, `Engine::handle`, outputs to whoever listens. Time comes from the tape; between two inputs the
//! engine gets the ticks it asked for; what it records counts as stored at once, for there is no disk to wait for.

mod account;
mod files;
mod keeper;
mod runner;

pub use account::{Account, Fall, Reached};
pub use files::{Stances, Trips};
pub use keeper::Keeper;
pub use runner::{Listener, Runner};

use std::io;
use std::time::{Duration, Instant};

use crate::engine::Input;
use crate::feed::tape::{Merge, TapeError};
use crate::market::Markets;

/// Inputs between two words of progress.
const PROGRESS_EVERY: u64 = 1 << 10;

/// How fast a tape is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as it can be read.
    Max,
    /// So many times as fast as life.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        if word == "max" {
            return Ok(Self::Max);
        }
        word.parse()
            .ok()
            .filter(|times: &f64| times.is_finite() && *times > 0.0)
            .map(Self::Times)
            .ok_or_else(|| format!("`{word}` is neither `max` nor a number above 0, as in `--speed 60`"))
    }
}

/// Plays all of `tapes`; `progress` is called now and then with the number of inputs so far.
pub fn play(
    runner: &mut Runner,
    tapes: &mut Merge,
    speed: Speed,
    listeners: &mut [&mut dyn Listener],
    mut progress: impl FnMut(u64),
) -> Result<(), TapeError> {
    let mut pace = Pace::new(speed);
    let mut table: Markets = runner.engine.markets().clone();
    let mut count: u64 = 0;
    while let Some(input) = tapes.next(&mut table)? {
        if table.len() > runner.engine.markets().len() {
            runner.meet(&table);
        }
        pace.wait(input.at().0);
        runner.feed(input, listeners);
        count += 1;
        // A tape that is held back is told of event by event.
        if count.is_multiple_of(PROGRESS_EVERY) || speed != Speed::Max {
            progress(count);
        }
    }
    progress(count);
    Ok(())
}

/// Plays a tape of engine inputs as it was recorded: its ticks and acknowledgements are in it. Returns how many came.
pub fn play_inputs(
    runner: &mut Runner,
    tape: &mut impl Iterator<Item = io::Result<Input>>,
    listeners: &mut [&mut dyn Listener],
    mut progress: impl FnMut(u64),
) -> io::Result<u64> {
    let mut count: u64 = 0;
    for input in tape {
        runner.feed(input?, listeners);
        count += 1;
        if count.is_multiple_of(PROGRESS_EVERY) {
            progress(count);
        }
    }
    progress(count);
    Ok(count)
}

/// Holds the tape back to the speed asked for.
struct Pace {
    speed: Speed,
    start: Option<(Instant, i64)>,
}

impl Pace {
    const fn new(speed: Speed) -> Self {
        Self { speed, start: None }
    }

    #[allow(clippy::disallowed_methods, reason = "a driver: pacing is what it reads the clock for")]
    fn wait(&mut self, at: i64) {
        let Speed::Times(times) = self.speed else { return };
        let (began, first) = *self.start.get_or_insert_with(|| (Instant::now(), at));
        let due = Duration::from_nanos((at.saturating_sub(first).max(0) as f64 / times) as u64);
        if let Some(early) = due.checked_sub(began.elapsed()) {
            std::thread::sleep(early);
        }
    }
}
