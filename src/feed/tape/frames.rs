//! Raw frames, one a line as `NANOS JSON`, through the venue's own decoder.

use std::collections::VecDeque;
use std::path::Path;

use super::bad::Reason;
use super::decimal::whole;
use super::error::TapeError;
use super::format::Format;
use super::lines::{Line, Lines};
use super::source::{Report, Source};
use crate::engine::Input;
use crate::event::{Event, Nanos};
use crate::feed::venue::{self, Decoded, MarketLookup, Refusal, Venue};
use crate::market::Markets;

/// A tape of frames of one venue.
pub(super) struct Frames {
    lines: Lines,
    venue: &'static dyn Venue,
    lookup: MarketLookup,
    decoded: Vec<Event>,
    waiting: VecDeque<Event>,
    report: Report,
}

impl Frames {
    /// Frames of the venue of this name.
    pub(super) fn new(lines: Lines, venue: Option<&str>, path: &Path) -> Result<Self, TapeError> {
        let names = || venue::VENUES.iter().map(|venue| venue.name()).collect::<Vec<_>>().join(", ");
        let named = venue.ok_or_else(|| {
            TapeError::doubt(path, format!("raw frames name no venue; say which with `--venue`: {}", names()))
        })?;
        let venue = venue::find(named).ok_or_else(|| {
            TapeError::doubt(
                path,
                format!("there is no decoder for venue `{}`; choose from {}", named.escape_debug(), names()),
            )
        })?;
        let report = Report::new(path, Format::Frames);
        let lookup = MarketLookup::new(venue, &Markets::new());
        Ok(Self { lines, venue, lookup, decoded: Vec::new(), waiting: VecDeque::new(), report })
    }

    fn line(&mut self, number: u64, line: &[u8], markets: &mut Markets) {
        match self.decode(line, markets) {
            Ok(Decoded::Partly(refusal)) => self.report.bad.count(number, refusal.reason.into()),
            Ok(_) => {}
            Err(reason) => self.report.bad.count(number, reason),
        }
        self.waiting.extend(self.decoded.drain(..));
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Decoded, Reason> {
        let blank = memchr::memchr(b' ', line).ok_or(Reason::Columns)?;
        let (nanos, frame) = line.split_at(blank);
        let recv_at = whole(nanos).and_then(|ns| i64::try_from(ns).ok()).map(Nanos).ok_or(Reason::Time)?;
        let frame = frame.trim_ascii();
        let first = self.venue.decode(frame, recv_at, &self.lookup, &mut self.decoded);
        if !is_of_strangers(&first) || !self.meet(frame, markets)? {
            return first.map_err(|refusal| refusal.reason.into());
        }
        let again = self.venue.decode(frame, recv_at, &self.lookup, &mut self.decoded);
        again.map_err(|refusal| refusal.reason.into())
    }

    /// A recording is its own subscription: a market that its frames name is a market of the tape. Returns whether it is new.
    fn meet(&mut self, frame: &[u8], markets: &mut Markets) -> Result<bool, Reason> {
        let Some(market) = self.venue.named_in(frame).and_then(|native| self.venue.instrument(&native)) else {
            return Ok(false);
        };
        if self.lookup.find(&market.native).is_some() {
            return Ok(false);
        }
        if markets.len() >= super::MARKETS_MAX {
            return Err(Reason::TooManyMarkets);
        }
        let native = market.native.clone();
        let id = markets.add(market);
        self.lookup.add(self.venue, &native, id);
        Ok(true)
    }
}

/// Whether a frame speaks of markets that nobody has met, and of no other.
fn is_of_strangers(found: &Result<Decoded, Refusal>) -> bool {
    match found {
        Ok(decoded) => *decoded == Decoded::Elsewhere,
        Err(refusal) => refusal.reason == venue::Reason::UnknownMarket,
    }
}

impl Source for Frames {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.report.inputs += 1;
                return Ok(Some(Input::Event(event)));
            }
            let line = self.lines.next().map_err(|error| TapeError::read(&self.report.path, error))?;
            let refused = match line {
                None => break,
                Some(Line::TooLong) => Reason::LineTooLong,
                Some(Line::Cut) => Reason::Cut,
                Some(Line::Whole(line)) => {
                    // The buffer is read on while this line is decoded.
                    let line = line.to_vec();
                    self.line(self.lines.number(), &line, markets);
                    continue;
                }
            };
            self.report.bad.count(self.lines.number(), refused);
        }
        self.report.lines = self.lines.number();
        self.report.damage = self.lines.damage().map(str::to_owned);
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}
