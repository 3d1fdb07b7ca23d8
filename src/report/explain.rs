//! Why it tripped, in plain words for a terminal.

use std::collections::BTreeSet;

use super::story::{Story, Trip};
use super::text::plain;
use super::words::{clock, delay, lasting, many, moment};
use crate::event::Nanos;
use crate::record::{Fact, Record};
use crate::trip::short;

/// Most detectors whose first trip is told.
const TOLD_MAX: usize = 6;

/// Why incident `id` tripped: the first trip of each detector with score, limit and evidence, the rule that acted and what
/// it asked for. `None` when no record belongs to it.
pub fn explain(id: &str, records: &[Record]) -> Option<String> {
    let story = Story::read(id, records)?;
    let brief = &story.brief;
    let firsts = firsts(&story.trips);
    let mut parts = vec![format!("{}: {}, severity {}\n", plain(id), plain(&brief.title), brief.severity)];
    if firsts.is_empty() {
        parts.push("No detector tripped: a person opened it.\n".to_owned());
    }
    parts.extend(firsts.iter().take(TOLD_MAX).enumerate().map(|(place, trip)| told(trip, place, brief.opened_ns)));
    if let Some(more) = firsts.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        parts.push(format!("{more} more detectors and markets tripped later.\n"));
    }
    parts.push(by_hand(&story) + &outcome(&story));
    Some(parts.join("\n"))
}

/// The first trip of every market, detector and leg, in order.
fn firsts<'a>(trips: &[Trip<'a>]) -> Vec<Trip<'a>> {
    let mut seen = BTreeSet::new();
    trips.iter().filter(|trip| seen.insert((trip.market, trip.detector, trip.leg))).copied().collect()
}

fn told(trip: &Trip<'_>, place: usize, opened: Nanos) -> String {
    let when = if place == 0 {
        format!("At {}", moment(trip.at))
    } else {
        format!("Then, {} later (at {})", lasting(trip.at.secs_since(opened).max(0.0)), clock(trip.at, opened))
    };
    let (detector, market) = (plain(&format!("{}.{}", trip.detector, trip.leg)), plain(trip.market));
    let (score, limit) = (short(trip.score), short(trip.limit));
    let mut lines = vec![
        format!("{when}, {detector} tripped in {market}."),
        format!("  Its score was {score} against a limit of {limit} ({}).", beyond(trip)),
    ];
    if let Some(secs) = trip.return_period_secs {
        lines.push(format!("  Such a score comes once in {} there.", lasting(secs)));
    }
    if !trip.evidence.0.is_empty() {
        lines.push(format!("  It saw: {}.", plain(&trip.evidence.to_string())));
    }
    if trip.is_sampled() {
        lines.push("  Its liquidations were seen in a sampled feed, not a total: the sum is a lower bound.".to_owned());
    }
    lines.push(match trip.rule {
        "" => "  No rule acted on it.".to_owned(),
        rule => format!("  Rule {} asked for {} at {}.", plain(rule), plain(trip.stance), plain(trip.scope)),
    });
    let (venue, decided) = (delay(trip.venue_at, trip.recv_at), delay(trip.recv_at, trip.at));
    lines.push(format!("  From the venue to us: {venue}; to the decision: {decided} more.\n"));
    lines.join("\n")
}

fn beyond(trip: &Trip<'_>) -> String {
    match trip.ratio() {
        ratio if !ratio.is_finite() => "beyond".to_owned(),
        ratio if ratio < 1.005 => "just reached".to_owned(),
        ratio if ratio < 2.0 => format!("{:.0} % beyond", (ratio - 1.0) * 100.0),
        ratio => format!("{} times", short(ratio)),
    }
}

/// Breakers that a person moved.
fn by_hand(story: &Story<'_>) -> String {
    let told = story.moves.iter().filter_map(|record| {
        let Fact::Breaker { scope, rule, to, by: Some(who), reason, .. } = &record.fact else { return None };
        let (who, scope, rule, to) = (plain(&who.name), plain(scope), plain(rule), plain(to));
        let when = clock(record.at, story.brief.opened_ns);
        Some(format!("At {when} {who} moved {rule} at {scope} to {to} by hand: {}\n", plain(reason)))
    });
    told.collect()
}

fn outcome(story: &Story<'_>) -> String {
    let trips = many(story.trips.len(), "trip");
    let markets = many(story.brief.markets.len(), "market");
    match (story.strictest(), story.bound()) {
        (Some((stance, market, at)), Some(bound)) => {
            let length = match bound.to {
                Some(to) => format!("it bound for {}", lasting(to.secs_since(bound.from))),
                None => "it still binds".to_owned(),
            };
            let (market, when) = (plain(market), clock(at, story.brief.opened_ns));
            format!("In all {trips} in {markets}; strictest {} in {market} from {when}; {length}.\n", stance.name())
        }
        _ => format!("In all {trips} in {markets}; no permission changed.\n"),
    }
}
