//! A tape of engine inputs among other tapes: what markets and feeds said. What belonged to that one run (time, people,
//! acknowledgements, deliveries, its state) is left out, for the engine that is given it makes its own.

use super::message::MARK;
use super::read::{Ending, Rows};
use super::row::Row;
use crate::engine::Input;
use crate::event::{MarketId, Nanos};
use crate::feed::tape::bad::Reason;
use crate::feed::tape::error::TapeError;
use crate::feed::tape::fields::{FIRST_SECS, LAST_SECS};
use crate::feed::tape::format::Importer;
use crate::feed::tape::klines::coherent;
use crate::feed::tape::lines::Lines;
use crate::feed::tape::names;
use crate::feed::tape::source::{Report, Source};
use crate::feed::tape::spec::Spec;
use crate::market::{Markets, VenueId};

pub(in crate::feed::tape) const ARROW: Importer =
    Importer { name: "fusewire", words: &[], knows: |first| first.starts_with(&MARK), open };

fn open(lines: Lines, spec: &Spec, report: Report) -> Result<Box<dyn Source>, TapeError> {
    let rows = Rows::new(lines.into_bytes()).map_err(|why| {
        let help = "an Arrow stream that is not of Fusewire; other tables are read as Parquet of trades";
        if super::message::is_of_bytes(&why) {
            TapeError::doubt(&spec.path, help)
        } else {
            TapeError::read(&spec.path, why)
        }
    })?;
    Ok(of_rows(rows, report))
}

/// Rows as a tape.
pub(in crate::feed::tape) fn of_rows(rows: Rows, report: Report) -> Box<dyn Source> {
    Box::new(Inputs { rows, known: Vec::new(), names: 0, report })
}

struct Inputs {
    rows: Rows,
    /// Our number of each market of the tape, by its place there.
    known: Vec<Option<Result<MarketId, Reason>>>,
    /// The state of the tape's names that these are of.
    names: u64,
    report: Report,
}

impl Inputs {
    /// The input with our numbers of market and venue; nothing where it belonged to that run alone.
    fn ours(&mut self, mut input: Input, markets: &mut Markets) -> Result<Option<Input>, Reason> {
        match &mut input {
            Input::Event(event) => event.market = self.market(event.market, markets)?,
            Input::Bar(bar) => {
                *bar = coherent(*bar)?;
                bar.market = self.market(bar.market, markets)?;
            }
            Input::Bad { market: Some(market), .. } => *market = self.market(*market, markets)?,
            Input::Bad { market: None, .. } => {}
            Input::Feed(report) => report.venue = self.venue(report.venue, markets)?,
            Input::Tick(_) | Input::Probe { .. } | Input::Command(_) | Input::Stored { .. } | Input::Delivery(_) => {
                return Ok(None);
            }
        }
        // As of every other tape: a time of no recording would be ticked up to, for years.
        let first = match &input {
            Input::Event(event) => event.venue_at,
            Input::Bar(bar) => bar.open_at,
            _ => input.at(),
        };
        let years = FIRST_SECS as i64..LAST_SECS as i64;
        let is_sound = [first, input.at()].iter().all(|at| years.contains(&at.0.div_euclid(Nanos::SECOND)));
        if is_sound { Ok(Some(input)) } else { Err(Reason::Time) }
    }

    #[inline]
    fn market(&mut self, theirs: MarketId, markets: &mut Markets) -> Result<MarketId, Reason> {
        let place = theirs.0 as usize;
        if let Some(Some(known)) = self.known.get(place) {
            return *known;
        }
        self.meet(place, markets)
    }

    #[cold]
    fn meet(&mut self, place: usize, markets: &mut Markets) -> Result<MarketId, Reason> {
        let name = self.rows.meanings.markets.get(place).ok_or(Reason::UnknownMarket)?;
        let found =
            name.split_once(':').ok_or(Reason::Symbol).and_then(|(venue, symbol)| names::add(markets, venue, symbol));
        if self.known.len() <= place {
            self.known.resize(place + 1, None);
        }
        if let Some(known) = self.known.get_mut(place) {
            *known = Some(found);
        }
        found
    }

    /// Venues have their numbers in the order in which markets name them; so has the tape's own table.
    fn venue(&mut self, theirs: VenueId, markets: &mut Markets) -> Result<VenueId, Reason> {
        let mut venues: Vec<(&str, usize)> = Vec::new();
        for (place, name) in self.rows.meanings.markets.iter().enumerate() {
            let venue = name.split_once(':').map_or("", |(venue, _)| venue);
            if venues.iter().all(|(known, _)| *known != venue) {
                venues.push((venue, place));
            }
        }
        let (_, first) = *venues.get(theirs.0 as usize).ok_or(Reason::Venue)?;
        let market = self.market(MarketId(first as u32), markets)?;
        markets.groups(market).map(|(venue, _)| venue).ok_or(Reason::Venue)
    }
}

impl Source for Inputs {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            let row = self.rows.next().map_err(|why| TapeError::read(&self.report.path, why))?;
            if self.names != self.rows.names {
                (self.names, self.known) = (self.rows.names, Vec::new());
            }
            let input = match row {
                None => break,
                Some(Ok(Row::Input(input))) => self.ours(input, markets),
                Some(Ok(_)) => Ok(None),
                Some(Err(reason)) => Err(reason),
            };
            self.report.lines += 1;
            match input {
                Ok(Some(input)) => {
                    self.report.inputs += 1;
                    return Ok(Some(input));
                }
                Ok(None) => {}
                Err(reason) => self.report.bad.count(self.report.lines, reason),
            }
        }
        if let Some(ending) = self.rows.ending.as_ref().filter(|ending| !matches!(ending, Ending::Whole(_))) {
            self.report.damage = Some(ending.to_string());
        }
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}
