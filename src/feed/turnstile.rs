//! The door of a venue: how many new connections it takes. Shared by all feeds of a venue; pure, with time as an argument.

use std::collections::VecDeque;

use super::venue::Connects;
use crate::event::Nanos;

/// Turns given by a venue's limit, of which a fifth is left to others behind the same address.
#[derive(Debug)]
pub struct Turnstile {
    most: usize,
    within: i64,
    /// When the last turns were or will be, in order.
    turns: VecDeque<Nanos>,
    /// When somebody last asked.
    asked: Nanos,
}

impl Turnstile {
    /// Keeps below `limit`, however many ask.
    pub fn new(limit: Connects) -> Self {
        let most = (limit.most as usize * 4 / 5).max(1);
        Self {
            most,
            within: (limit.within_secs * Nanos::SECOND as f64) as i64,
            turns: VecDeque::new(),
            asked: Nanos(i64::MIN),
        }
    }

    /// Books the next turn for somebody who asks at `now`, and says when it is: `now` where the door is free. A clock that
    /// stepped back starts the count anew.
    pub fn book(&mut self, now: Nanos) -> Nanos {
        if self.asked.0.saturating_sub(now.0) > self.within {
            self.turns.clear();
        }
        self.asked = now;
        let oldest = if self.turns.len() < self.most { None } else { self.turns.pop_front() };
        let turn = oldest.map_or(now, |turn| now.max(Nanos(turn.0.saturating_add(self.within))));
        self.turns.push_back(turn);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most turns in any span of `within_secs`.
    fn busiest(turns: &[Nanos], within_secs: f64) -> usize {
        let inside =
            |from: Nanos| turns.iter().filter(|turn| (0.0..within_secs).contains(&turn.secs_since(from))).count();
        turns.iter().map(|from| inside(*from)).max().unwrap_or_default()
    }

    #[test]
    fn a_hundred_who_come_at_once_are_let_in_by_the_limit() {
        let limit = Connects { most: 10, within_secs: 5.0 };
        let mut door = Turnstile::new(limit);
        let mut turns: Vec<Nanos> = (0..100).map(|_| door.book(Nanos::from_secs(100))).collect();
        assert!(turns[..8].iter().all(|turn| *turn == Nanos::from_secs(100)), "eight of ten at once");
        assert_eq!((turns[8], turns[99]), (Nanos::from_secs(105), Nanos::from_secs(160)));
        turns.extend((0..100).map(|step| door.book(Nanos::from_secs(161 + step / 7))));
        assert!(turns.is_sorted());
        assert_eq!(busiest(&turns, 5.0), 8);
        assert!(door.turns.len() <= 8);
    }

    #[test]
    fn a_clock_that_steps_back_closes_no_door() {
        let mut door = Turnstile::new(Connects { most: 1, within_secs: 1.0 });
        assert_eq!(door.book(Nanos::from_secs(10_000)), Nanos::from_secs(10_000));
        assert_eq!(door.book(Nanos::from_secs(100)), Nanos::from_secs(100));
        assert_eq!(door.book(Nanos::from_secs(100)), Nanos::from_secs(101));
    }
}
