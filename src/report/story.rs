//! The records of one incident, sorted into what a page tells: trips, moves, permissions, steps, feeds, deliveries.

use std::collections::BTreeMap;

use super::brief::{Brief, Briefs};
use super::gather::{span, tells_of};
use crate::breaker::{Permission, Stance};
use crate::event::Nanos;
use crate::record::{Fact, Record};
use crate::trip::Evidence;

/// What detectors call a sum that a thinned feed shows; see `detect::cascade`.
const SAMPLED: &str = "sampled feed";

/// Everything a page tells.
pub(super) struct Story<'a> {
    pub(super) brief: Brief,
    /// First and last record of the incident itself.
    pub(super) seqs: (u64, u64),
    pub(super) trips: Vec<Trip<'a>>,
    /// Breakers that moved.
    pub(super) moves: Vec<&'a Record>,
    /// What each market allowed, in order; the first may be from before.
    pub(super) allowed: BTreeMap<&'a str, Vec<Span<'a>>>,
    /// Steps of the incident and refused requests.
    pub(super) steps: Vec<&'a Record>,
    pub(super) feeds: Vec<&'a Record>,
    /// Deliveries that ended, with the time of the record each told of.
    pub(super) deliveries: Vec<(&'a Record, Nanos)>,
    /// Starts and stops of the product.
    pub(super) runs: Vec<&'a Record>,
}

/// One trip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip<'a> {
    pub(super) at: Nanos,
    pub(super) market: &'a str,
    pub(super) detector: &'a str,
    pub(super) leg: &'a str,
    pub(super) rule: &'a str,
    pub(super) scope: &'a str,
    pub(super) stance: &'a str,
    pub(super) score: f64,
    pub(super) limit: f64,
    pub(super) return_period_secs: Option<f64>,
    pub(super) evidence: &'a Evidence,
    pub(super) venue_at: Nanos,
    pub(super) recv_at: Nanos,
}

/// A permission of a market from one record to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) from: Nanos,
    pub(super) to: Option<Nanos>,
    pub(super) permission: &'a Permission,
    pub(super) rule: &'a str,
    pub(super) incident: &'a str,
}

/// From the first permission that an incident bound to the end of the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bound {
    pub(super) from: Nanos,
    /// None while one still binds.
    pub(super) to: Option<Nanos>,
    /// Whether a market was free of it in between.
    pub(super) with_breaks: bool,
}

impl<'a> Story<'a> {
    /// The story of incident `id`; records of others may lie between. `None` when none belongs to it.
    pub(super) fn read(id: &str, records: &'a [Record]) -> Option<Self> {
        let own = || records.iter().filter(|record| record.fact.incident() == id);
        let (since, until) = span(own())?;
        let mut briefs = Briefs::new();
        own().for_each(|record| briefs.take(record));
        let mut story = Self {
            brief: briefs.remove(id)?,
            seqs: (own().next()?.seq, own().next_back()?.seq),
            trips: own().filter_map(Trip::of).collect(),
            moves: own().filter(|record| matches!(record.fact, Fact::Breaker { .. })).collect(),
            allowed: BTreeMap::new(),
            steps: Vec::new(),
            feeds: Vec::new(),
            deliveries: Vec::new(),
            runs: Vec::new(),
        };
        let times: BTreeMap<u64, Nanos> = own().map(|record| (record.seq, record.at)).collect();
        for record in records {
            let is_near = (since..until).contains(&record.at);
            match &record.fact {
                Fact::Incident { id: of, .. } if of == id => story.steps.push(record),
                Fact::Refused { .. } if is_near => story.steps.push(record),
                Fact::Feed { .. } if is_near => story.feeds.push(record),
                Fact::Permission { .. } => story.allow(record, until),
                Fact::Started { .. } | Fact::Stopped { .. } if record.at < until => story.runs.push(record),
                fact @ Fact::Delivered { .. } => {
                    let told = tells_of(fact).and_then(|seq| times.get(&seq));
                    story.deliveries.extend(told.map(|at| (record, *at)));
                }
                _ => {}
            }
        }
        story.forget_before(since);
        Some(story)
    }

    /// Whether any trip rests on a liquidation feed that leaves out most when most happens.
    pub(super) fn is_sampled(&self) -> bool {
        self.trips.iter().any(Trip::is_sampled)
    }

    /// The strictest stance this incident brought, and where and when it came first.
    pub(super) fn strictest(&self) -> Option<(Stance, &'a str, Nanos)> {
        let spans = self.allowed.iter().flat_map(|(market, spans)| spans.iter().map(move |span| (*market, span)));
        spans
            .filter(|(_, span)| span.incident == self.brief.id)
            .map(|(market, span)| (span.permission.stance(), market, span.from))
            .min_by_key(|(stance, market, from)| (std::cmp::Reverse(*stance), *from, *market))
    }

    /// How long this incident bound any market.
    pub(super) fn bound(&self) -> Option<Bound> {
        let is_own = |span: &&Span<'_>| span.incident == self.brief.id;
        let mut spans = self.allowed.values().flatten().filter(is_own);
        let first = *spans.next()?;
        let (from, to) = spans.fold((first.from, first.to), |(from, to), span| {
            (from.min(span.from), to.zip(span.to).map(|(a, b)| a.max(b)))
        });
        // Free again in between: some span of a market ends, and a later one does not begin there.
        let own = self.allowed.values().map(|spans| spans.iter().filter(is_own).collect::<Vec<_>>());
        let with_breaks = own
            .into_iter()
            .any(|spans| spans.iter().zip(spans.iter().skip(1)).any(|(before, after)| before.to != Some(after.from)));
        Some(Bound { from, to, with_breaks })
    }

    /// Takes a permission in: until the storm is over, and after that until the market is free of it.
    fn allow(&mut self, record: &'a Record, until: Nanos) {
        let Fact::Permission { market, permission, rule, incident } = &record.fact else { return };
        if !self.brief.markets.contains(market) {
            return;
        }
        let spans = self.allowed.entry(market).or_default();
        let is_bound = spans.last().is_some_and(|last| last.incident == self.brief.id);
        if record.at >= until && !is_bound {
            return;
        }
        // What was replaced in the same instant never held.
        spans.pop_if(|last| last.from == record.at);
        if let Some(last) = spans.last_mut() {
            last.to = Some(record.at);
        }
        spans.push(Span { from: record.at, to: None, permission, rule, incident });
    }

    /// Of what was allowed long before, only the last word of each market matters; of the runs, only the last start.
    fn forget_before(&mut self, since: Nanos) {
        for spans in self.allowed.values_mut() {
            let old = spans.iter().filter(|span| span.from < since).count();
            spans.drain(..old.saturating_sub(1));
        }
        let old = self.runs.iter().filter(|record| record.at < since).count();
        self.runs.drain(..old.saturating_sub(1));
    }
}

impl<'a> Trip<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        let Fact::Trip {
            market,
            detector,
            leg,
            rule,
            scope,
            stance,
            score,
            limit,
            return_period_secs,
            evidence,
            venue_at,
            recv_at,
            ..
        } = &record.fact
        else {
            return None;
        };
        Some(Self {
            at: record.at,
            market,
            detector,
            leg,
            rule,
            scope,
            stance,
            score: *score,
            limit: *limit,
            return_period_secs: *return_period_secs,
            evidence,
            venue_at: *venue_at,
            recv_at: *recv_at,
        })
    }

    /// How far beyond its limit, as a ratio; a limit of nothing counts as the farthest.
    pub(super) fn ratio(&self) -> f64 {
        if self.limit > 0.0 && self.score.is_finite() { self.score / self.limit } else { f64::INFINITY }
    }

    /// Whether its sums come from a thinned feed.
    pub(super) fn is_sampled(&self) -> bool {
        self.evidence.0.iter().any(|measure| measure.name.contains(SAMPLED))
    }
}
