//! The links between venues and us: what was said is dropped, doubled, held back or comes in another order.

use std::collections::BTreeMap;

use fusewire::engine::{FeedReport, FeedState, Input};
use fusewire::event::Nanos;
use fusewire::market::VenueId;

use crate::chance::Chance;
use crate::market::VENUE_OF;
use crate::stage::at;

/// A time in which a link holds everything back, or loses it.
struct Trouble {
    venue: u32,
    from: Nanos,
    until: Nanos,
    /// Whether the connection is seen to break; else it stalls in silence and delivers late.
    breaks: bool,
}

/// All links, and what is on its way.
pub(crate) struct Links {
    chance: Chance,
    troubles: Vec<Trouble>,
    under_way: BTreeMap<(Nanos, u64), Input>,
    sent: u64,
    pub(crate) dropped: u64,
    pub(crate) doubled: u64,
}

impl Links {
    pub(crate) fn new(mut chance: Chance, calm: f64, until: f64) -> Self {
        let troubles = (0..chance.below(4)).map(|_| Trouble::any(&mut chance, calm, until)).collect();
        let mut links = Self { chance, troubles, under_way: BTreeMap::new(), sent: 0, dropped: 0, doubled: 0 };
        links.tell_of_breaks();
        links
    }

    /// Takes what a market said on its way.
    pub(crate) fn send(&mut self, place: usize, said_at: Nanos, input: Input) {
        let trouble =
            self.troubles.iter().find(|t| t.venue == VENUE_OF[place] && t.from <= said_at && said_at < t.until);
        let mut arrives = said_at.plus_secs(self.chance.between(0.002, 0.03));
        match trouble {
            Some(trouble) if trouble.breaks => {
                self.dropped += 1;
                return;
            }
            Some(trouble) => arrives = trouble.until.plus_secs(0.01),
            None if self.chance.happens(0.002) => {
                self.dropped += 1;
                return;
            }
            // Late enough to come behind what was said later.
            None if self.chance.happens(0.01) => arrives = arrives.plus_secs(self.chance.between(0.1, 3.0)),
            None => {}
        }
        if self.chance.happens(0.01) {
            self.doubled += 1;
            let again = arrives.plus_secs(self.chance.between(0.0, 5.0));
            self.put(again, input.clone());
        }
        self.put(arrives, input);
    }

    /// What arrives up to `until`, in the order of arrival.
    pub(crate) fn arriving(&mut self, until: Nanos) -> Vec<Input> {
        let later = self.under_way.split_off(&(until, u64::MAX));
        std::mem::replace(&mut self.under_way, later).into_values().collect()
    }

    fn put(&mut self, arrives: Nanos, mut input: Input) {
        match &mut input {
            Input::Event(event) => event.recv_at = arrives,
            Input::Feed(report) => report.at = arrives,
            _ => {}
        }
        self.sent += 1;
        self.under_way.insert((arrives, self.sent), input);
    }

    fn tell_of_breaks(&mut self) {
        let breaks: Vec<_> =
            self.troubles.iter().filter(|trouble| trouble.breaks).map(|t| (t.venue, t.from, t.until)).collect();
        for (venue, from, until) in breaks {
            for (at, state) in [(from, FeedState::Down), (until, FeedState::Delivering)] {
                let (venue, why) = (VenueId(venue), "the world broke it".to_owned());
                self.put(at, Input::Feed(FeedReport { at, venue, connection: 0, state, why }));
            }
        }
    }
}

impl Trouble {
    fn any(chance: &mut Chance, calm: f64, until: f64) -> Self {
        let from = at(chance.between(calm, until * 0.7));
        let length = chance.between(2.0, 90.0);
        Self { venue: chance.below(2) as u32, from, until: from.plus_secs(length), breaks: chance.happens(0.5) }
    }
}
