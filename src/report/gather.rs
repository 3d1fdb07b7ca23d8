//! Which records a page is made of: those of the incident, and what happened around it.
//!
//! The store's column of incidents knows trips, breakers, permissions and steps. Feeds, refusals, deliveries and starts
//! belong to nobody, and a market that is free again is free of the incident too: these are found by kind and time.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::Nanos;
use crate::record::{Fact, Record};

/// How long before the first and after the last decision is looked at, seconds.
pub(super) const AROUND_SECS: f64 = 300.0;

/// One question to whoever keeps the records: those that fit every field, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Only facts of this tag.
    pub fact: Option<&'static str>,
    /// Only those of this incident.
    pub incident: Option<String>,
    /// Only those decided at this time or later.
    pub since: Option<Nanos>,
    /// Only those decided before this time.
    pub until: Option<Nanos>,
}

/// The records for the page of incident `id`, in order; none when there is no such incident. `read` passes each record
/// that an [`Ask`] finds.
pub fn gather<E>(
    id: &str,
    mut read: impl FnMut(Ask, &mut dyn FnMut(Record)) -> Result<(), E>,
) -> Result<Vec<Record>, E> {
    let mut found = BTreeMap::new();
    let mut keep = |record: Record| drop(found.insert(record.seq, record));
    read(Ask { incident: Some(id.to_owned()), ..Ask::default() }, &mut keep)?;
    let Some((since, until)) = span(found.values()) else { return Ok(Vec::new()) };
    let markets: BTreeSet<String> = found.values().filter_map(|r| market_of(&r.fact)).map(str::to_owned).collect();
    let seqs: BTreeSet<u64> = found.keys().copied().collect();
    let (since, until) = (Some(since), Some(until));

    for fact in ["feed", "refused", "started", "stopped"] {
        let around = Ask { fact: Some(fact), since, until, ..Ask::default() };
        read(around, &mut |record| drop(found.insert(record.seq, record)))?;
    }
    // What was allowed before, market by market, and until it was free again, however late that was.
    let mut last: BTreeMap<String, Record> = BTreeMap::new();
    read(Ask { fact: Some("permission"), ..Ask::default() }, &mut |record| {
        let Some(market) = market_of(&record.fact).filter(|market| markets.contains(*market)) else { return };
        let market = market.to_owned();
        let is_bound = last.get(&market).is_some_and(|last| last.fact.incident() == id);
        if Some(record.at) < until || is_bound {
            // Of what was long before, the last word is enough.
            let is_near = Some(record.at) >= since;
            let before = last.insert(market, record).filter(|_| is_near);
            found.extend(before.map(|before| (before.seq, before)));
        }
    })?;
    found.extend(last.into_values().map(|record| (record.seq, record)));
    let mut run = None;
    read(Ask { fact: Some("started"), until: since, ..Ask::default() }, &mut |record| run = Some(record))?;
    found.extend(run.map(|record| (record.seq, record)));
    read(Ask { fact: Some("delivered"), since, ..Ask::default() }, &mut |record| {
        if tells_of(&record.fact).is_some_and(|seq| seqs.contains(&seq)) {
            found.insert(record.seq, record);
        }
    })?;
    Ok(found.into_values().collect())
}

/// From a while before the first decision to a while after the last; steps that people take may come days later.
pub(super) fn span<'a>(own: impl Iterator<Item = &'a Record>) -> Option<(Nanos, Nanos)> {
    let mut first_and_last = None;
    for record in own {
        let decided = !matches!(record.fact, Fact::Incident { .. });
        let (first, last) = first_and_last.get_or_insert((record.at, record.at));
        *first = record.at.min(*first);
        *last = if decided { record.at.max(*last) } else { *last };
    }
    first_and_last.map(|(first, last)| (first.plus_secs(-AROUND_SECS), last.plus_secs(AROUND_SECS)))
}

fn market_of(fact: &Fact) -> Option<&str> {
    match fact {
        Fact::Trip { market, .. } | Fact::Permission { market, .. } => Some(market),
        _ => None,
    }
}

/// The record that a delivered message told of: `msg_<instance>_<seq>_<hook>`.
pub(super) fn tells_of(fact: &Fact) -> Option<u64> {
    let Fact::Delivered { message, .. } = fact else { return None };
    message.split('_').nth(2)?.parse().ok()
}
