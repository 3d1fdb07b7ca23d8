//! What tapes hold: counts by market and kind, total quantity, first and last instant. For checks against another count.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::TapeError;
use super::source::Source;
use super::spec::Spec;
use crate::engine::Input;
use crate::event::{Body, Kind, MarketId};
use crate::market::Markets;

/// The key of bars, which are no [`Kind`] of event.
const BARS: &str = "bars";

/// Inputs between two words of progress.
const PROGRESS_EVERY: u64 = 1 << 10;

/// What several tapes hold together; its JSON is what `fusewire tape info --json` prints.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Info {
    /// The earliest receive time (the close, for bars), in nanoseconds since the epoch.
    pub first_ns: Option<i64>,
    /// The latest one.
    pub last_ns: Option<i64>,
    /// Refused lines by reason; empty where there is none.
    pub bad: BTreeMap<&'static str, u64>,
    /// Rows dropped because their publisher repeats them.
    pub duplicates: u64,
    /// One message a tape that ended before its end.
    pub damaged: Vec<String>,
    /// What there is, by `venue:NATIVE`.
    pub markets: BTreeMap<String, MarketInfo>,
}

/// What there is of one market.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarketInfo {
    /// How many, by [`Kind::name`] and `bars`; every kind is there, with 0 where there is none.
    #[serde(flatten)]
    pub counts: BTreeMap<&'static str, u64>,
    /// Total traded quantity in the venue's unit: of trades, and the volume of bars. Liquidations are not added: where a venue
    /// prints trades it prints theirs too.
    pub quantity: f64,
}

/// Reads all of `specs` and counts. A doubt about any of them ends it before the first is read.
pub fn info(specs: &[Spec]) -> Result<Info, TapeError> {
    info_with(specs, super::open, |_| {})
}

/// The same of tapes that `open` opens; `progress` is called now and then with the number of inputs so far.
pub fn info_with(
    specs: &[Spec],
    mut open: impl FnMut(&Spec) -> Result<Box<dyn Source>, TapeError>,
    mut progress: impl FnMut(u64),
) -> Result<Info, TapeError> {
    for spec in specs {
        super::open(spec)?;
    }
    let mut markets = Markets::new();
    let mut count = Count::default();
    for spec in specs {
        count.read(open(spec)?.as_mut(), &mut markets, &mut progress)?;
    }
    Ok(count.finish(&markets))
}

#[derive(Default)]
struct Count {
    info: Info,
    tallies: Vec<Tally>,
    inputs: u64,
}

impl Count {
    fn read(
        &mut self,
        source: &mut dyn Source,
        markets: &mut Markets,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), TapeError> {
        while let Some(input) = source.next(markets)? {
            self.add(&input);
            self.inputs += 1;
            if self.inputs.is_multiple_of(PROGRESS_EVERY) {
                progress(self.inputs);
            }
        }
        let report = source.report();
        for (reason, count) in report.bad.by_reason() {
            *self.info.bad.entry(reason).or_default() += count;
        }
        self.info.duplicates += report.duplicates;
        self.info.damaged.extend(report.damage.as_ref().map(|why| format!("{}: {why}", report.path.display())));
        Ok(())
    }

    fn add(&mut self, input: &Input) {
        let at = input.at().0;
        self.info.first_ns = Some(self.info.first_ns.map_or(at, |first| first.min(at)));
        self.info.last_ns = Some(self.info.last_ns.map_or(at, |last| last.max(at)));
        match input {
            Input::Event(event) => {
                let tally = self.tally(event.market);
                tally.count(event.body.kind() as usize);
                if let Body::Trade { qty, .. } = event.body {
                    tally.quantity.add(qty.get());
                }
            }
            Input::Bar(bar) => {
                let tally = self.tally(bar.market);
                tally.count(Kind::ALL.len());
                tally.quantity.add(bar.volume.get());
            }
            _ => {}
        }
    }

    fn tally(&mut self, market: MarketId) -> &mut Tally {
        let place = market.0 as usize;
        if place >= self.tallies.len() {
            self.tallies.resize_with(place + 1, Tally::default);
        }
        #[allow(clippy::indexing_slicing, reason = "made long enough just above")]
        &mut self.tallies[place]
    }

    fn finish(mut self, markets: &Markets) -> Info {
        let told = self.tallies.iter().enumerate().filter(|(_, tally)| tally.counts.iter().any(|&count| count > 0));
        self.info.markets = told.map(|(place, tally)| (markets.name(MarketId(place as u32)), tally.told())).collect();
        self.info
    }
}

/// Counts by kind with the bars behind them, and the quantity.
#[derive(Default)]
struct Tally {
    counts: [u64; Kind::ALL.len() + 1],
    quantity: Sum,
}

impl Tally {
    fn count(&mut self, place: usize) {
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
    }

    fn told(&self) -> MarketInfo {
        let names = Kind::ALL.into_iter().map(Kind::name).chain([BARS]);
        MarketInfo { counts: names.zip(self.counts).collect(), quantity: self.quantity.get() }
    }
}

/// A sum that keeps the small bits (Neumaier 1974), so that the total does not depend on how somebody else adds.
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    fn get(&self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_the_small_bits() {
        let mut sum = Sum::default();
        for value in [1e16, 1.0, 1.0, -1e16] {
            sum.add(value);
        }
        assert!((sum.get() - 2.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_json_has_the_agreed_keys() {
        let mut count = Count::default();
        count.tally(MarketId(0)).count(0);
        let mut markets = Markets::new();
        markets.add(crate::feed::instrument::instrument("gemini", "DOTUSD"));
        let json = serde_json::to_value(count.finish(&markets)).unwrap();
        let market = &json["markets"]["gemini:DOTUSD"];
        assert_eq!(market["trades"], 1);
        for kind in ["liquidations", "quotes", "marks", "bars"] {
            assert_eq!(market[kind], 0);
        }
        assert!(market["quantity"].is_f64() && json["first_ns"].is_null() && json["bad"].is_object());
    }
}
