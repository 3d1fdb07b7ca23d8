//! One side of a book: levels in order, the best one last, so that what changes near the touch moves little.

use crate::event::{Price, Qty};

/// What rests at one price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The price.
    pub price: Price,
    /// The quantity in the venue's unit; nothing takes the level away.
    pub qty: Qty,
    /// What the venue's own rules want to know of it, such as its id; 0 elsewhere.
    pub marks: [u64; 2],
}

impl Level {
    /// A level that its price alone names.
    pub const fn new(price: Price, qty: Qty) -> Self {
        Self { price, qty, marks: [0; 2] }
    }
}

/// Which side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Those who buy.
    Bid,
    /// Those who sell.
    Ask,
}

/// The levels of one side.
#[derive(Debug)]
pub(super) struct Side {
    way: Way,
    /// The best one last.
    levels: Vec<Level>,
    /// The rank of the best level that found no room: nothing from here on is known.
    edge: Option<f64>,
}

impl Side {
    pub(super) const fn new(way: Way) -> Self {
        Self { way, levels: Vec::new(), edge: None }
    }

    /// Empties it and keeps its room.
    pub(super) fn clear(&mut self) {
        self.levels.clear();
        self.edge = None;
    }

    /// Better prices rank higher.
    const fn rank(&self, price: Price) -> f64 {
        match self.way {
            Way::Bid => price.get(),
            Way::Ask => -price.get(),
        }
    }

    /// Puts a level in the place of the one at its price; without a quantity it takes that one away.
    pub(super) fn set(&mut self, level: Level, most: usize) {
        let rank = self.rank(level.price);
        let place = self.levels.binary_search_by(|one| self.rank(one.price).total_cmp(&rank));
        match place {
            Ok(place) if level.qty == Qty::ZERO => {
                self.levels.remove(place);
            }
            Ok(place) => {
                if let Some(known) = self.levels.get_mut(place) {
                    *known = level;
                }
            }
            Err(_) if level.qty == Qty::ZERO || self.edge.is_some_and(|edge| rank <= edge) => {}
            Err(place) => self.insert(place, level, most),
        }
    }

    /// Puts a new level at `place`. Where `most` are held already, the worst one goes.
    fn insert(&mut self, place: usize, level: Level, most: usize) {
        if self.levels.len() < most {
            return self.levels.insert(place, level);
        }
        let gone = if place == 0 { level } else { self.levels.remove(0) };
        let gone = self.rank(gone.price);
        self.edge = Some(self.edge.map_or(gone, |edge| edge.max(gone)));
        if place > 0 {
            self.levels.insert(place - 1, level);
        }
    }

    /// Changes the level of an id; whether there is one.
    pub(super) fn change(&mut self, id: u64, qty: Qty) -> bool {
        let place = self.levels.iter().rposition(|level| level.marks[0] == id);
        let Some(place) = place else { return false };
        if qty == Qty::ZERO {
            self.levels.remove(place);
        } else if let Some(level) = self.levels.get_mut(place) {
            level.qty = qty;
        }
        true
    }

    /// Keeps the best `most` alone: the venue tells nothing of the others any more.
    pub(super) fn keep_best(&mut self, most: usize) {
        let surplus = self.levels.len().saturating_sub(most);
        self.levels.drain(..surplus);
    }

    /// The levels, best first.
    pub(super) fn best_first(&self) -> impl Iterator<Item = &Level> {
        self.levels.iter().rev()
    }

    pub(super) fn best(&self) -> Option<Price> {
        self.levels.last().map(|level| level.price)
    }

    pub(super) const fn len(&self) -> usize {
        self.levels.len()
    }

    /// Whether some level found no room.
    pub(super) const fn is_cut(&self) -> bool {
        self.edge.is_some()
    }

    /// The sum of what rests within `reach` of `mid`; `None` where levels that near found no room.
    pub(super) fn within(&self, reach: f64, mid: f64) -> Option<f64> {
        // A rank grows towards the mid on both sides, so that the distance has one form.
        let mid = if self.way == Way::Bid { mid } else { -mid };
        let is_near = |rank: f64| mid - rank <= reach;
        if self.edge.is_some_and(is_near) {
            return None;
        }
        let near = self.best_first().take_while(|level| is_near(self.rank(level.price)));
        Some(near.map(|level| level.qty.get()).sum::<f64>() + 0.0)
    }
}
