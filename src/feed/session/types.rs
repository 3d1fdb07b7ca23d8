//! What goes into a session and what comes out.

use std::sync::Arc;

use crate::engine::Input;
use crate::feed::venue::{MarketLookup, Reason, VenueRef};
use crate::market::VenueId;

crate::settings! {
    /// How a session keeps its connection.
    pub struct SessionSettings {
        /// Silence of data after which a connection is made anew, where a stream speaks by the clock.
        silence_secs: f64 = 10.0, "s", 0.1..=3600.0;
        /// The same where only trades, quotes or liquidations speak, which may be quiet in peace.
        quiet_silence_secs: f64 = 60.0, "s", 0.1..=86400.0;
        /// Surprise at which a connection that delivered is called late, `-log10` of how often its data pauses for so long;
        /// learned from its own gaps. The connection is kept.
        late_phi: f64 = 8.0, "", 1.0..=100.0;
        /// No pause shorter than this is called late.
        late_floor_secs: f64 = 0.75, "s", 0.01..=3600.0;
        /// Time a connection may take to open.
        open_within_secs: f64 = 10.0, "s", 0.1..=300.0;
        /// Time an answer to a request may take.
        answer_within_secs: f64 = 10.0, "s", 0.1..=300.0;
        /// First pause after a loss; it doubles with each further one.
        backoff_first_secs: f64 = 1.0, "s", 0.01..=60.0;
        /// Longest pause.
        backoff_max_secs: f64 = 60.0, "s", 0.01..=3600.0;
        /// Time of delivery after which the next loss starts with the first pause again.
        healthy_after_secs: f64 = 30.0, "s", 0.1..=3600.0;
        /// Age at which a liquidation is taken for one that was sent before.
        liquidation_age_max_secs: f64 = 60.0, "s", 1.0..=86400.0;
        /// Failed tries in a row after which the next of several endpoints is used.
        endpoint_tries: u32 = 3, "", 1.0..=1000.0;
        /// Age at which a connection is cut, as by a proxy in between: a new one takes its place before. 0 = as the venue says.
        lifetime_secs: f64 = 0.0, "s", 0.0..=31_536_000.0;
    }
}

/// What happened to the connection.
#[derive(Clone, Copy, Debug)]
pub enum SessionInput<'a> {
    /// Only time passed.
    Tick,
    /// It is open.
    Opened,
    /// A frame came.
    Frame(&'a [u8]),
    /// The other side pinged; the socket answers by itself.
    Ping,
    /// It could not be opened, or is gone; why.
    Lost(&'a str),
    /// It will be opened only after so many nanoseconds: the venue takes no more connections now.
    Postponed(i64),
}

/// What to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a connection and come back with `Opened` or `Lost`.
    Connect {
        /// Where to.
        url: String,
    },
    /// Send a text frame.
    Send(String),
    /// Send a ping of the protocol.
    Ping,
    /// Drop the connection, without coming back with `Lost`.
    Close,
    /// Hand this to the engine.
    Emit(Input),
}

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came.
    pub frames: u64,
    /// Events handed on.
    pub events: u64,
    /// Refused frames, by [`Reason`].
    pub refused: [u64; Reason::ALL.len()],
    /// Trades dropped because they had come before.
    pub duplicates: u64,
    /// Liquidations dropped because of their age.
    pub old_liquidations: u64,
    /// Trades that never came, by the holes in their ids; another connection of the feed may have brought them.
    pub missing_trades: u64,
    /// Messages that never came, by the holes in the venue's numbers of them.
    pub missing_messages: u64,
    /// Order books that could not be trusted any more, because a message was missing or made no sense.
    pub lost_books: u64,
    /// Pings of the other side.
    pub pings: u64,
    /// Connections lost.
    pub losses: u64,
    /// Among these, the ones given up because data went silent.
    pub silences: u64,
    /// Pauses of the data that were called late.
    pub lates: u64,
    /// Steps of the clock.
    pub clock_steps: u64,
    /// Streams that speak by the clock, were acknowledged long ago on this connection, and have never delivered.
    pub mute: u64,
    /// Changes to another endpoint.
    pub endpoint_changes: u64,
    /// Events that another line of the feed had brought before.
    pub overtaken: u64,
    /// Holes in what one line brought that another one covered.
    pub covered: u64,
    /// Connections that took the place of a living one.
    pub handovers: u64,
    /// Successors that were given up: they did not bring what the old connection brought.
    pub misfits: u64,
}

impl Counters {
    /// The sum of both.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let mut refused = self.refused;
        for (sum, more) in refused.iter_mut().zip(other.refused) {
            *sum += more;
        }
        Self {
            frames: self.frames + other.frames,
            events: self.events + other.events,
            refused,
            duplicates: self.duplicates + other.duplicates,
            old_liquidations: self.old_liquidations + other.old_liquidations,
            missing_trades: self.missing_trades.saturating_add(other.missing_trades),
            missing_messages: self.missing_messages.saturating_add(other.missing_messages),
            lost_books: self.lost_books + other.lost_books,
            pings: self.pings + other.pings,
            losses: self.losses + other.losses,
            silences: self.silences + other.silences,
            lates: self.lates + other.lates,
            clock_steps: self.clock_steps + other.clock_steps,
            mute: self.mute + other.mute,
            endpoint_changes: self.endpoint_changes + other.endpoint_changes,
            overtaken: self.overtaken + other.overtaken,
            covered: self.covered + other.covered,
            handovers: self.handovers + other.handovers,
            misfits: self.misfits + other.misfits,
        }
    }
}

/// Who a session speaks for.
#[derive(Clone)]
pub struct Identity {
    /// The venue.
    pub venue: VenueRef,
    /// Its place in the table of venues.
    pub venue_id: VenueId,
    /// Which of its connections, from 0.
    pub connection: u32,
    /// Scheme and host; the venue's own where nothing stands in for it.
    pub base: String,
    /// The venue's markets.
    pub markets: Arc<MarketLookup>,
}
