//! Asking again for books that were lost: one after the other, each rarely.

use std::collections::VecDeque;

use crate::event::{MarketId, Nanos};

/// The pause before the same book is asked for a second time; it doubles with each further one of a connection.
const PAUSE: i64 = 30 * Nanos::SECOND;

/// So often it doubles: to more than an hour.
const DOUBLES_MAX: u32 = 7;

#[derive(Default)]
pub(super) struct Repair {
    /// By market id, when its book was asked for again on this connection, and how often before.
    asked: Vec<Option<(i64, u32)>>,
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
        asked.is_none_or(|(at, before)| now - at >= PAUSE << before.min(DOUBLES_MAX))
    }

    /// Puts the messages that ask for a book behind those of others.
    pub(super) fn ask(&mut self, market: MarketId, now: i64, texts: [String; 2]) {
        let place = market.0 as usize;
        if self.asked.len() <= place {
            self.asked.resize(place + 1, None);
        }
        if let Some(asked) = self.asked.get_mut(place) {
            *asked = Some((now, asked.map_or(0, |(_, before)| before.saturating_add(1))));
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
