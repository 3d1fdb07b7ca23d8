//! Order books: the state that the messages of a book stream need, and nothing of any venue. One set of books a connection.
//!
//! A book is *unknown* until a whole one comes, *known* while every message follows on the one before, and *lost* when one is
//! missing or makes no sense. Only a known book tells its depth. Bounded: at most [`Book::LEVELS_MAX`] levels a side, books
//! of known markets alone. No allocation once the books have their size.

mod page;
mod side;

#[cfg(test)]
mod tests;

pub use page::Book;
pub use side::{Level, Way};

use page::State;

use crate::event::{Body, MarketId, Nanos};

/// How a message stands to the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// The whole book, with the venue's number of it: nothing before it matters.
    Whole(Option<u64>),
    /// Changes to what the message `after` left, where the venue numbers them.
    Change {
        /// The number of the message before.
        after: Option<u64>,
        /// Its own.
        number: Option<u64>,
    },
}

/// What a message of a book is, without its levels.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Whose book.
    pub market: MarketId,
    /// When it was so at the venue.
    pub venue_at: Nanos,
    /// When it came.
    pub recv_at: Nanos,
    /// How it stands to the ones before.
    pub link: Link,
}

/// The books of one connection.
#[derive(Debug, Default)]
pub struct Books {
    /// By market id; it grows to the largest id in the table of markets and no further.
    list: Vec<Option<Box<Book>>>,
    /// How many books are lost now.
    lost: usize,
    /// How many were lost since the start.
    losses: u64,
}

impl Books {
    /// Takes a message: `read` sets its levels. Gives the depth where it is time to tell it. A message that `read` refuses
    /// loses the book, because half of it may be in there.
    pub fn take<E>(&mut self, head: Head, read: impl FnOnce(&mut Book) -> Result<(), E>) -> Result<Option<Body>, E> {
        let place = head.market.0 as usize;
        if self.list.len() <= place {
            self.list.resize_with(place + 1, || None);
        }
        let Some(slot) = self.list.get_mut(place) else { return Ok(None) };
        let book = slot.get_or_insert_with(|| Box::new(Book::new()));
        let before = book.state();
        let told = Self::apply(book, head, read);
        let after = book.state();
        self.lost -= usize::from(before == State::Lost && after != State::Lost);
        if before != State::Lost && after == State::Lost {
            self.lost += 1;
            self.losses += 1;
        }
        told
    }

    fn apply<E>(book: &mut Book, head: Head, read: impl FnOnce(&mut Book) -> Result<(), E>) -> Result<Option<Body>, E> {
        match head.link {
            Link::Whole(number) => book.begin(number),
            Link::Change { .. } if book.state() != State::Known => return Ok(None),
            Link::Change { after, number } => {
                if !book.follow(after, number) {
                    book.lose();
                    return Ok(None);
                }
            }
        }
        match read(book) {
            Ok(()) => Ok(book.settle(head.venue_at, head.recv_at)),
            Err(fault) => {
                book.lose();
                Err(fault)
            }
        }
    }

    /// A new connection knows nothing of the one before.
    pub fn reset(&mut self) {
        self.list.iter_mut().flatten().for_each(|book| book.forget());
        self.lost = 0;
    }

    /// Something is missing from the connection, nobody knows of which market: no known book can be trusted.
    pub fn lose_all(&mut self) {
        self.lose_where(|_, _| true);
    }

    /// A message could not be read: it may have changed the book of `market`, or where that is not known either, any book whose
    /// next message will not show that one is missing.
    pub fn doubt(&mut self, market: Option<MarketId>) {
        self.lose_where(|id, book| market.map_or(!book.is_numbered(), |market| market == id));
    }

    fn lose_where(&mut self, which: impl Fn(MarketId, &Book) -> bool) {
        for (id, book) in (0..).map(MarketId).zip(&mut self.list) {
            if let Some(book) = book.as_mut().filter(|book| book.state() == State::Known && which(id, book)) {
                book.lose();
                self.lost += 1;
                self.losses += 1;
            }
        }
    }

    /// The book of a market, where a message of it came.
    pub fn get(&self, market: MarketId) -> Option<&Book> {
        self.list.get(market.0 as usize)?.as_deref()
    }

    /// How many books were lost since the start.
    pub const fn losses(&self) -> u64 {
        self.losses
    }

    /// The markets whose books are lost now.
    pub fn lost(&self) -> impl Iterator<Item = MarketId> {
        let places = if self.lost == 0 { 0 } else { self.list.len() };
        let is_lost = |book: &Option<Box<Book>>| book.as_ref().is_some_and(|book| book.state() == State::Lost);
        (0..).map(MarketId).zip(self.list.iter().take(places)).filter(move |(_, book)| is_lost(book)).map(|(id, _)| id)
    }
}
