//! What never came: holes in the ids of trades and in the numbers of messages. Told together, at most once a second.

use crate::event::{MarketId, Nanos};

#[derive(Default)]
pub(super) struct Holes {
    /// The number of the last message of this connection.
    number: Option<u64>,
    /// Untold: the last market with missing trades, and how many of all markets.
    trades: Option<(MarketId, u64)>,
    /// Untold messages that never came.
    messages: u64,
    /// Untold: a message had the number of an earlier one.
    went_back: bool,
    quiet_until: i64,
}

impl Holes {
    /// A new connection counts its messages anew, and may tell at once. What is untold stays so.
    pub(super) fn reconnected(&mut self, now: i64) {
        self.number = None;
        self.quiet_until = now;
    }

    /// So many trades of a market never came.
    pub(super) fn trades(&mut self, market: MarketId, missing: u64) {
        let before = self.trades.map_or(0, |(_, untold)| untold);
        self.trades = Some((market, before.saturating_add(missing)));
    }

    /// Takes the number of the next message; returns how many before it never came. One that does not rise is a new count
    /// or a message out of its place: nothing can be said of what is missing, so it is a hole of unknown size.
    pub(super) fn message(&mut self, number: u64) -> u64 {
        let Some(last) = self.number.replace(number) else { return 0 };
        match number.checked_sub(last) {
            None | Some(0) => {
                self.went_back = true;
                0
            }
            Some(step) => {
                self.messages = self.messages.saturating_add(step - 1);
                step - 1
            }
        }
    }

    /// What there is to tell at `now`, in words.
    pub(super) fn told(&mut self, now: i64, name: impl Fn(MarketId) -> String) -> Option<String> {
        let nothing = self.trades.is_none() && self.messages == 0 && !self.went_back;
        if nothing || now < self.quiet_until {
            return None;
        }
        self.quiet_until = now + Nanos::SECOND;
        let (trades, messages) = (self.trades.take(), std::mem::take(&mut self.messages));
        let words = [
            trades.map(|(market, missing)| format!("{missing} trades missing, last in {}", name(market))),
            (messages > 0).then(|| format!("{messages} messages missing")),
            std::mem::take(&mut self.went_back).then(|| "the numbers of messages went back".to_owned()),
        ];
        Some(words.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(holes: &mut Holes, now: i64) -> Option<String> {
        holes.told(now, |market| format!("market {}", market.0))
    }

    #[test]
    fn numbers_that_follow_each_other_say_nothing() {
        let mut holes = Holes::default();
        for number in [7, 8, 9, 10] {
            assert_eq!(holes.message(number), 0, "a connection may begin anywhere");
        }
        assert_eq!(told(&mut holes, 0), None);
        holes.reconnected(0);
        assert_eq!(holes.message(0), 0);
        assert_eq!(told(&mut holes, 0), None, "a new connection counts anew");
    }

    #[test]
    fn holes_are_counted_and_told_together_once_a_second() {
        let mut holes = Holes::default();
        for (number, missing) in [(0, 0), (3, 2), (4, 0)] {
            assert_eq!(holes.message(number), missing, "at {number}");
        }
        assert_eq!(told(&mut holes, 5).as_deref(), Some("2 messages missing"));
        assert_eq!(holes.message(6), 1);
        holes.trades(MarketId(3), 4);
        holes.trades(MarketId(5), 1);
        assert_eq!(told(&mut holes, 5 + Nanos::SECOND - 1), None);
        assert_eq!(
            told(&mut holes, 5 + Nanos::SECOND).as_deref(),
            Some("5 trades missing, last in market 5; 1 messages missing")
        );
        assert_eq!(told(&mut holes, 9 * Nanos::SECOND), None);
    }

    #[test]
    fn numbers_that_go_back_or_stand_still_are_holes_too() {
        let words = Some("the numbers of messages went back");
        let mut holes = Holes::default();
        for (number, second) in [(9, 0), (9, 1), (3, 2), (0, 3)] {
            assert_eq!(holes.message(number), 0, "{number}");
            let told = told(&mut holes, second * Nanos::SECOND);
            assert_eq!(told.as_deref(), words.filter(|_| second > 0), "{number}");
        }
        assert_eq!(holes.message(1), 0, "the new count goes on");
        assert_eq!(told(&mut holes, 9 * Nanos::SECOND), None);
    }

    #[test]
    fn a_sum_of_absurd_holes_does_not_overflow() {
        let mut holes = Holes::default();
        for number in [1, u64::MAX, 0, u64::MAX] {
            holes.message(number);
        }
        let want = format!("{} messages missing; the numbers of messages went back", u64::MAX);
        assert_eq!(told(&mut holes, 0), Some(want));
    }
}
