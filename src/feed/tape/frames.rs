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
use crate::feed::venue::{self, MarketLookup, Venue};
use crate::market::Markets;

/// A tape of frames of one venue.
pub(super) struct Frames {
    lines: Lines,
    venue: &'static dyn Venue,
    lookup: Option<MarketLookup>,
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
        Ok(Self { lines, venue, lookup: None, decoded: Vec::new(), waiting: VecDeque::new(), report })
    }

    fn line(&mut self, line_number: u64, line: &[u8], markets: &mut Markets) {
        match self.decode(line, markets) {
            Ok(()) => self.waiting.extend(self.decoded.drain(..)),
            Err(reason) => {
                self.decoded.clear();
                self.report.bad.count(line_number, reason);
            }
        }
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<(), Reason> {
        let blank = memchr::memchr(b' ', line).ok_or(Reason::Columns)?;
        let (nanos, frame) = line.split_at(blank);
        let recv_at = whole(nanos).and_then(|ns| i64::try_from(ns).ok()).map(Nanos).ok_or(Reason::Time)?;
        let frame = frame.trim_ascii();
        self.meet(frame, markets);
        let lookup = self.lookup.get_or_insert_with(|| MarketLookup::new(self.venue, markets));
        match self.venue.decode(frame, recv_at, lookup, &mut self.decoded) {
            Ok(_) => Ok(()),
            Err(refusal) => Err(refusal.reason.into()),
        }
    }

    /// A recording is its own subscription: a market that its stream names is a market of the tape.
    fn meet(&mut self, frame: &[u8], markets: &mut Markets) {
        let Some(native) = self.venue.named_in(frame) else { return };
        if self.lookup.as_ref().is_some_and(|lookup| lookup.find(&native).is_some()) {
            return;
        }
        if let Some(market) = self.venue.instrument(&native)
            && markets.len() < super::MARKETS_MAX
        {
            markets.add(market);
            self.lookup = Some(MarketLookup::new(self.venue, markets));
        }
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
