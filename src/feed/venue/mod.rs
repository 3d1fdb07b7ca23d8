//! Venues: how to ask for their streams and what their frames mean. One file a venue, one line in the table.

mod binance;
mod bitmex;
mod bybit;
mod coinbase;
mod deribit;
mod frame;
pub mod generic;
mod hyperliquid;
mod kraken_futures;
mod kraken_spot;
mod level;
mod levels;
mod lookup;
pub mod name;
pub mod number;
mod okx;
mod refusal;
pub mod rfc3339;
mod subscription;
pub mod value;

pub use frame::Context;
pub use lookup::MarketLookup;
pub use refusal::{Reason, Refusal};
pub(in crate::feed) use subscription::join;
pub use subscription::{Connects, Limits, Request, Stream, Subscription};

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use generic::Generic;

use super::book::Books;
use crate::event::{Completeness, Event, Kind, MarketId, Nanos};
use crate::market::Market;

/// Every venue there is.
pub static VENUES: &[&dyn Venue] = &[
    &binance::USDM,
    &binance::COINM,
    &binance::SPOT,
    &bybit::LINEAR,
    &bybit::INVERSE,
    &bybit::SPOT,
    &okx::OKX,
    &coinbase::COINBASE,
    &hyperliquid::HYPERLIQUID,
    &deribit::Deribit,
    &bitmex::Bitmex,
    &kraken_futures::KrakenFutures,
    &kraken_spot::KrakenSpot,
];

/// Binance COIN-M, the venue of the demonstration.
pub const BINANCE_COINM: VenueRef = VenueRef::Shipped(&binance::COINM);

/// The venue of a name, as in `binance-coinm`.
pub fn find(name: &str) -> Option<&'static dyn Venue> {
    VENUES.iter().copied().find(|venue| venue.name() == name)
}

/// A venue by handle: one of the table, or one that a config describes.
#[derive(Clone)]
pub enum VenueRef {
    /// In the table.
    Shipped(&'static dyn Venue),
    /// Known only at run time.
    Own(Arc<Generic>),
}

impl Deref for VenueRef {
    type Target = dyn Venue;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Shipped(venue) => *venue,
            Self::Own(venue) => &**venue,
        }
    }
}

impl From<&'static dyn Venue> for VenueRef {
    fn from(venue: &'static dyn Venue) -> Self {
        Self::Shipped(venue)
    }
}

impl fmt::Debug for VenueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The id of requests for a book that was lost: none that a subscription has, so that no answer to it is taken for another's.
const AGAIN: u64 = 4_294_967_294;

/// The largest frame taken, in bytes.
pub const FRAME_MAX: usize = 1 << 20;

/// One venue: pure, no socket and no clock.
pub trait Venue: Send + Sync {
    /// Its name in `venue:NATIVE`.
    fn name(&self) -> &str;

    /// When the facts in its file were last compared with the venue's documents or frames, as `YYYY-MM`.
    fn checked(&self) -> &str;

    /// How much of the truth its liquidation stream carries.
    fn completeness(&self) -> Completeness;

    /// Scheme and host that a subscription's path is put behind.
    fn base(&self) -> &str;

    /// What the venue allows a connection.
    fn limits(&self) -> Limits;

    /// How many connections it takes. Where its documents are silent: fewer than any venue that is known.
    fn connects(&self) -> Connects {
        Connects { most: 20, within_secs: 60.0 }
    }

    /// Age in seconds at which it cuts a connection, where it says so.
    fn lifetime_secs(&self) -> Option<f64> {
        None
    }

    /// Describes a market by the venue's own name of it; `None` when the name has no shape of this venue.
    fn instrument(&self, native: &str) -> Option<Market>;

    /// A name that several markets share and that some frames use instead of theirs, such as the pair behind an index.
    fn alias<'a>(&self, native: &'a str) -> Option<&'a str> {
        let _ = native;
        None
    }

    /// The market that a recorded frame names, in the venue's own spelling, for tapes that come without a subscription.
    fn named_in(&self, frame: &[u8]) -> Option<String> {
        let _ = frame;
        None
    }

    /// Whether trade ids of one market follow each other without a hole, so that a hole is a gap.
    fn trade_ids_contiguous(&self) -> bool {
        false
    }

    /// The number that the venue gave this message among all of its connection, where it numbers them without a hole. Read
    /// apart from the rest, so that a message which cannot be decoded is not missed as well.
    fn sequence(&self, frame: &[u8]) -> Option<u64> {
        let _ = frame;
        None
    }

    /// The connections to make and the requests to send on each, for `kinds` of `markets`. A kind that the venue does
    /// not publish is left out.
    fn subscribe(&self, markets: &[(MarketId, &str)], kinds: &[Kind]) -> Vec<Subscription>;

    /// A frame to send every so many seconds of a quiet line, where the venue wants one.
    fn keep_alive(&self) -> Option<(f64, &str)> {
        None
    }

    /// Seconds between pings of the WebSocket protocol, where the venue wants them from us.
    fn ping_every(&self) -> Option<f64> {
        None
    }

    /// Reads one frame. Events are appended to `out`; a refused frame appends none.
    fn decode(&self, frame: &[u8], cx: &Context, out: &mut Vec<Event>) -> Result<Decoded, Refusal>;

    /// Reads a frame that is a message of an order book ([`Decoded::Book`]) into the books of its connection. The depth is
    /// appended to `out` where it is time to tell it; a refused frame appends none and loses the book.
    fn book(&self, frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
        let _ = (frame, cx, books, out);
        Ok(Decoded::Ignored)
    }

    /// What to send, in this order, so that the whole book of a stream comes again. `None` where every message is a whole one.
    fn book_again(&self, stream: &Stream) -> Option<[String; 2]> {
        let _ = stream;
        None
    }
}

/// Reads one frame, whatever it is; `books` are those of the connection that it came on. A message of a book that is refused
/// loses the book, and one that cannot be read at all every book whose next message would not show it.
pub fn read(
    venue: &dyn Venue,
    frame: &[u8],
    recv_at: Nanos,
    markets: &MarketLookup,
    books: &mut Books,
    out: &mut Vec<Event>,
) -> Result<Decoded, Refusal> {
    let cx = Context { recv_at, markets };
    let found = match venue.decode(frame, &cx, out) {
        Ok(Decoded::Book) => {
            let found = venue.book(frame, &cx, books, out);
            // A book that nobody asked for is no book of ours.
            if let Ok(Decoded::Partly(refusal)) | Err(refusal) = &found
                && refusal.reason != Reason::UnknownMarket
            {
                books.doubt(refusal.market);
            }
            found
        }
        found => found,
    };
    if found.as_ref().is_err_and(|refusal| matches!(refusal.reason, Reason::BadJson | Reason::TooLarge)) {
        books.doubt(None);
    }
    found
}

/// What a frame was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Data; its events were appended.
    Data,
    /// A list with good and bad elements: the good ones were appended, this is the first fault.
    Partly(Refusal),
    /// A message of an order book, whose meaning depends on the ones before: [`Venue::book`] reads it.
    Book,
    /// Well known and of no use here.
    Ignored,
    /// Well formed, of markets that nobody asked for: on a stream that carries every market of a class.
    Elsewhere,
    /// The answer to a request.
    Answer {
        /// The request; `None` where the venue does not say.
        id: Option<u64>,
        /// Done, or why not, in the venue's (hostile) words.
        result: Result<(), String>,
    },
    /// A sign of life that is not data.
    Heartbeat,
    /// A sign of life that wants this frame back at once.
    Reply(Cow<'static, str>),
    /// The venue is about to close the connection.
    Closing,
}
