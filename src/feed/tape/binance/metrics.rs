//! Binance public data, metrics of futures, every five minutes: `create_time,symbol,sum_open_interest,sum_open_interest_value,` and
//! four ratios. Open interest is taken, in the venue's unit.

use super::{Layout, said_venue, venue_of};
use crate::engine::Input;
use crate::event::{Body, Event, Nanos};
use crate::feed::instrument::is_venue;
use crate::feed::tape::bad::Reason;
use crate::feed::tape::error::TapeError;
use crate::feed::tape::fields::{quantity, split};
use crate::feed::tape::format::Importer;
use crate::feed::tape::names;
use crate::feed::tape::source::{Decode, Rows};
use crate::feed::venue::rfc3339::rfc3339;
use crate::market::Markets;

pub(in crate::feed::tape) const METRICS: Importer = Importer {
    name: "binance-metrics",
    words: &["metrics"],
    knows: |first| is_header(first) || split::<8>(first).is_some_and(|[at, ..]| time(at).is_ok()),
    open: |lines, spec, report| {
        let venue = spec.venue.as_deref().map(|said| said_venue(said).to_owned());
        if venue.as_deref().is_some_and(|venue| !is_venue(venue)) {
            return Err(TapeError::doubt(
                &spec.path,
                "a venue is written in a-z, 0-9 and `-`, as in `--venue binance-usdm`",
            ));
        }
        Ok(Box::new(Rows::new(lines, Metrics { venue }, report)))
    },
};

struct Metrics {
    /// What the user says; else each symbol tells.
    venue: Option<String>,
}

impl Decode for Metrics {
    fn is_header(&self, line: &[u8]) -> bool {
        is_header(line)
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Input, Reason> {
        let [at, symbol, interest, ..] = split::<8>(line).ok_or(Reason::Columns)?;
        let (at, qty) = (time(at)?, quantity(interest)?);
        let symbol = std::str::from_utf8(symbol).map_err(|_| Reason::Symbol)?;
        let venue = self.venue.as_deref().or_else(|| venue_of(symbol, Layout::Futures)).ok_or(Reason::Symbol)?;
        let market = names::add(markets, venue, symbol)?;
        Ok(Input::Event(Event { venue_at: at, recv_at: at, market, body: Body::OpenInterest { qty } }))
    }
}

/// `2024-01-01 00:05:00`, in UTC.
fn time(text: &[u8]) -> Result<Nanos, Reason> {
    let text =
        std::str::from_utf8(text).ok().filter(|text| text.len() == "2024-01-01 00:05:00".len()).ok_or(Reason::Time)?;
    let (date, clock) = text.split_once(' ').ok_or(Reason::Time)?;
    rfc3339(&format!("{date}T{clock}Z")).map_err(|_| Reason::Time)
}

fn is_header(line: &[u8]) -> bool {
    split::<8>(line).is_some_and(|[at, symbol, ..]| at == b"create_time" && symbol == b"symbol")
}
