//! Asking again for books that were lost: one after the other, each rarely.

use std::collections::VecDeque;

use crate::event::{MarketId, Nanos};

/// The same book is asked for no more often.
const EVERY: i64 = 30 * Nanos::SECOND;

#[derive(Default)]
pub(super) struct Repair {
    /// By market id, when its book was asked for again on this connection.
    asked: Vec<Option<i64>>,
    texts: VecDeque<String>,
}

impl Repair {
    /// A new connection sends whole books by itself.
    pub(super) fn restart(&mut self) {
        self.asked.clear();
        self.texts.clear();
    }

    /// Whether a lost book may be asked for at `now`.
    pub(super) fn is_due(&self, market: MarketId, now: i64) -> bool {
        let asked = self.asked.get(market.0 as usize).copied().flatten();
        asked.is_none_or(|at| now - at >= EVERY)
    }

    /// Puts the messages that ask for a book behind those of others.
    pub(super) fn ask(&mut self, market: MarketId, now: i64, texts: [String; 2]) {
        let place = market.0 as usize;
        if self.asked.len() <= place {
            self.asked.resize(place + 1, None);
        }
        if let Some(asked) = self.asked.get_mut(place) {
            *asked = Some(now);
        }
        self.texts.extend(texts);
    }

    pub(super) fn has_texts(&self) -> bool {
        !self.texts.is_empty()
    }

    pub(super) fn next_text(&mut self) -> Option<String> {
        self.texts.pop_front()
    }
}
