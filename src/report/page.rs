//! The page: summary first, then what was allowed, why, and who did what.

use super::section;
use super::story::{Bound, Story};
use super::text::markdown;
use super::trips;
use super::words::{lasting, many, moment};
use crate::event::Nanos;
use crate::incident::Phase;
use crate::record::Record;

/// The review of incident `id` as one Markdown page, from records in order (those of others may lie between, see
/// [`gather()`](super::gather())). `None` when no record belongs to it.
pub fn page(id: &str, records: &[Record]) -> Option<String> {
    let story = Story::read(id, records)?;
    let title = format!("# {}: {}\n", markdown(id), markdown(&story.brief.title));
    let warning = if story.is_sampled() { SAMPLED } else { "" };
    let sections = [
        ("What was allowed", section::allowed(&story)),
        ("Timeline of trips", trips::timeline(&story)),
        ("Breakers", section::breakers(&story)),
        ("People", section::people(&story)),
        ("Feeds", section::feeds(&story)),
        ("Deliveries", section::deliveries(&story)),
        ("How to replay it", section::rerun(&story)),
    ]
    .map(|(title, body)| format!("\n## {title}\n\n{body}"));
    Some(format!("{title}\n{}\n{warning}{}", summary(&story), sections.concat()))
}

const SAMPLED: &str = "
> Liquidations in this page were **seen in a sampled feed, not a total**: the venue shows at most one a second and market,
> and leaves out most of them when most happen. Every sum of them is a lower bound.
";

fn summary(story: &Story<'_>) -> String {
    let brief = &story.brief;
    let stormy = brief.last_trip_ns.secs_since(brief.opened_ns);
    let mut lines = vec![
        format!("**Severity {}, {}.**\n", brief.severity, state(story)),
        format!("- **Where:** {}, {}", markdown(&brief.scope), markets(story)),
        format!("- **When:** {}, {} in {}", moment(brief.opened_ns), many(story.trips.len(), "trip"), lasting(stormy)),
    ];
    if let Some(first) = story.trips.first() {
        let cause = format!("{}.{} in {}", first.detector, first.leg, first.market);
        lines.push(format!("- **First sign:** {}", markdown(&cause)));
    }
    if let (Some((stance, market, at)), Some(bound)) = (story.strictest(), story.bound()) {
        let market = markdown(market);
        lines.push(format!("- **Strictest:** {} in {market} at {}", stance.name(), moment(at)));
        lines.push(format!("- **Bound:** {}", bound_for(bound)));
    }
    lines.join("\n")
}

fn state(story: &Story<'_>) -> String {
    let brief = &story.brief;
    let after = |at: Option<Nanos>| at.map_or(String::new(), |at| lasting(at.secs_since(brief.opened_ns)));
    match brief.phase {
        Phase::Open => "open, nobody has answered".to_owned(),
        Phase::Acknowledged => format!("acknowledged after {}", after(brief.acknowledged_ns)),
        Phase::Resolved => format!("resolved after {}", after(brief.resolved_ns)),
    }
}

fn markets(story: &Story<'_>) -> String {
    const SHOWN: usize = 6;
    let all = &story.brief.markets;
    let names: Vec<_> = all.iter().take(SHOWN).map(|market| markdown(market)).collect();
    let more = all.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}: {}{rest}", many(all.len(), "market"), names.join(", "))
}

fn bound_for(bound: Bound) -> String {
    let breaks = if bound.with_breaks { ", with breaks" } else { "" };
    match bound.to {
        Some(to) => format!("for {}, until {}{breaks}", lasting(to.secs_since(bound.from)), moment(to)),
        None => format!("since {}, at the end of the records still{breaks}", moment(bound.from)),
    }
}
