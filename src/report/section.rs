//! The other sections of the page, one function each.

use std::collections::BTreeMap;

use super::gather::AROUND_SECS;
use super::story::{Span, Story};
use super::table::{Table, ends};
use super::text::markdown;
use super::words::{clock, collar, lasting, many, max_notional, moment, sides, size};
use crate::event::Nanos;
use crate::record::{Fact, IncidentChange, Record, Who};

/// Most markets whose permissions are told.
const MARKETS_MAX: usize = 10;
/// First and last rows that are kept of a long list.
const ENDS: (usize, usize) = (20, 10);
/// The same for the permissions of one market.
const SPANS: (usize, usize) = (5, 3);

/// The permission timeline of each market, those that were bound strictest first.
pub(super) fn allowed(story: &Story<'_>) -> String {
    let mut markets: Vec<_> = story.allowed.iter().collect();
    markets.sort_by_key(|(_, spans)| std::cmp::Reverse(spans.iter().map(|span| span.permission.stance()).max()));
    let (shown, hidden) = markets.split_at(MARKETS_MAX.min(markets.len()));
    let head = ["Market", "From (UTC)", "For", "Stance", "Sides", "Size", "Max notional", "Collar", "Rule"];
    let mut table = Table::new(&head);
    for (market, spans) in shown {
        let (first, between, last) = ends(spans, SPANS.0, SPANS.1);
        table.rows(first.iter().map(|span| span_cells(story, market, span)));
        if between > 0 {
            table.row([(**market).to_owned(), format!("… {between} more changes")]);
        }
        table.rows(last.iter().map(|span| span_cells(story, market, span)));
    }
    let rest = match hidden.len() {
        0 => String::new(),
        more => format!("\n{more} more markets were bound as well, none of them stricter.\n"),
    };
    table.finish("No permission changed.") + &rest
}

fn span_cells(story: &Story<'_>, market: &str, span: &Span<'_>) -> [String; 9] {
    let opened = story.brief.opened_ns;
    let from = if span.from < opened { "before".to_owned() } else { clock(span.from, opened) };
    let lasted = match span.to {
        _ if span.from < opened => String::new(),
        Some(to) => lasting(to.secs_since(span.from)),
        None => "still".to_owned(),
    };
    let other = !span.incident.is_empty() && span.incident != story.brief.id;
    let rule = if other { format!("{} ({})", span.rule, span.incident) } else { span.rule.to_owned() };
    [
        market.to_owned(),
        from,
        lasted,
        span.permission.stance().name().to_owned(),
        sides(span.permission.sides()).to_owned(),
        size(span.permission),
        max_notional(span.permission),
        collar(span.permission),
        rule,
    ]
}

/// Breakers that moved.
pub(super) fn breakers(story: &Story<'_>) -> String {
    let head = ["Time (UTC)", "Scope", "Rule", "From", "To", "Stance", "Strikes", "Until", "Cause", "By"];
    list(&head, &story.moves, "No breaker moved.", |record| {
        let Fact::Breaker { scope, rule, from, to, stance, strikes, until, cause, by, reason, .. } = &record.fact
        else {
            return Vec::new();
        };
        let day = story.brief.opened_ns;
        let by = by.as_ref().map_or(String::new(), |who| format!("{}: {reason}", name(who)));
        let until = until.map_or(String::new(), |until| clock(until, day));
        let time = clock(record.at, day);
        let known = [scope, rule, from, to, stance].map(String::clone);
        [time].into_iter().chain(known).chain([strikes.to_string(), until, cause.clone(), by]).collect()
    })
}

/// Who answered, and who was refused. Where many talked, remarks and refusals are left out, never an answer.
pub(super) fn people(story: &Story<'_>) -> String {
    let brief = &story.brief;
    let is_talk = |record: &&Record| {
        matches!(&record.fact, Fact::Refused { .. } | Fact::Incident { change: IncidentChange::Commented, .. })
    };
    let (shown, left_out) = if story.steps.len() > ENDS.0 + ENDS.1 {
        let (talk, steps): (Vec<_>, Vec<_>) = story.steps.iter().copied().partition(is_talk);
        (steps, format!("\nLeft out: {} and refused requests; the store has them all.\n", many(talk.len(), "remark")))
    } else {
        (story.steps.clone(), String::new())
    };
    let table = list(&["Time (UTC)", "After", "What", "Who", "Words"], &shown, "", |record| {
        let (what, who, words) = match &record.fact {
            Fact::Incident { change, severity, by, note, .. } => (step(*change, *severity), by, note.clone()),
            Fact::Refused { by, request, why } => (format!("refused: {request}"), by, why.clone()),
            _ => return Vec::new(),
        };
        let after = lasting(record.at.secs_since(brief.opened_ns).max(0.0));
        vec![clock(record.at, brief.opened_ns), after, what, name(who), words]
    });
    let unanswered = match (brief.acknowledged_ns, brief.resolved_ns) {
        (None, None) => "\n**Nobody has acknowledged it.**\n",
        (_, None) => "\nIt is not resolved.\n",
        _ => "",
    };
    table + &left_out + unanswered
}

fn step(change: IncidentChange, severity: u8) -> String {
    match change {
        IncidentChange::Opened => format!("opened at severity {severity}"),
        IncidentChange::Raised => format!("raised to severity {severity}"),
        IncidentChange::Acknowledged => "acknowledged".to_owned(),
        IncidentChange::Resolved => "resolved".to_owned(),
        IncidentChange::Commented => "commented".to_owned(),
    }
}

fn name(who: &Who) -> String {
    if who.via == "engine" { who.name.clone() } else { format!("{} (by {})", who.name, who.via) }
}

/// What feeds said of themselves around the incident.
pub(super) fn feeds(story: &Story<'_>) -> String {
    let around = lasting(AROUND_SECS);
    let quiet =
        format!("No feed changed its state from {around} before the first decision to {around} after the last.");
    list(&["Time (UTC)", "Venue", "Connection", "State", "Why"], &story.feeds, &quiet, |record| {
        let Fact::Feed { venue, stream, state, why } = &record.fact else { return Vec::new() };
        let time = clock(record.at, story.brief.opened_ns);
        [time].into_iter().chain([venue, stream, state, why].map(String::clone)).collect()
    })
}

/// What each hook made of the messages about this incident.
pub(super) fn deliveries(story: &Story<'_>) -> String {
    #[derive(Default)]
    struct Hook<'a> {
        arrived: u64,
        failed: u64,
        attempts: u32,
        slowest: f64,
        last: &'a str,
    }
    let mut hooks: BTreeMap<&str, Hook<'_>> = BTreeMap::new();
    for (record, told) in &story.deliveries {
        let Fact::Delivered { hook, attempt, ok, detail, .. } = &record.fact else { continue };
        let row = hooks.entry(hook).or_default();
        *(if *ok { &mut row.arrived } else { &mut row.failed }) += 1;
        row.attempts = row.attempts.max(*attempt);
        row.slowest = row.slowest.max(record.at.secs_since(*told));
        row.last = detail;
    }
    let hooks: Vec<_> = hooks.into_iter().collect();
    let head = ["Hook", "Arrived", "Given up", "Most attempts", "Slowest", "Last answer"];
    list(&head, &hooks, "No hook was told, or none has answered yet.", |(hook, row)| {
        let counts = [row.arrived.to_string(), row.failed.to_string(), row.attempts.to_string()];
        let end = [lasting(row.slowest), row.last.to_owned()];
        [(*hook).to_owned()].into_iter().chain(counts).chain(end).collect()
    })
}

/// What a re-run needs.
pub(super) fn rerun(story: &Story<'_>) -> String {
    let around = |at: Nanos, secs: f64| moment(at.plus_secs(secs));
    let (from, to) = (around(story.brief.opened_ns, -AROUND_SECS), around(story.brief.last_trip_ns, AROUND_SECS));
    let (first, last) = story.seqs;
    let runs: String = story.runs.iter().map(|record| run(record)).collect();
    format!(
        "Records {first} to {last} of the store tell of it.
{runs}
With the same settings and a recording of these markets that covers {from} to {to}, and a warm-up before it:

    fusewire replay -c config.toml TAPE... --trips trips.jsonl --report reports

Equal tapes and settings give equal trips, stances and digest on any machine. That these records are the ones that were
written then:

    fusewire store verify -c config.toml
"
    )
}

fn run(record: &Record) -> String {
    let when = moment(record.at);
    match &record.fact {
        Fact::Started { version, config_hash, resumed, .. } => {
            let hash: String = config_hash.chars().filter(char::is_ascii_hexdigit).take(64).collect();
            let (version, resumed) = (markdown(version), markdown(resumed));
            format!("- {when}: fusewire {version} started ({resumed}), SHA-256 of its settings `{hash}`\n")
        }
        Fact::Stopped { why } => format!("- {when}: fusewire stopped: {}\n", markdown(why)),
        _ => String::new(),
    }
}

/// A table of a list, folded in its middle where it is long.
fn list<T>(head: &[&str], items: &[T], none: &str, cells: impl Fn(&T) -> Vec<String>) -> String {
    let (first, between, last) = ends(items, ENDS.0, ENDS.1);
    let mut table = Table::new(head);
    table.rows(first.iter().map(&cells));
    if between > 0 {
        table.row([format!("… {between} more")]);
    }
    table.rows(last.iter().map(&cells));
    table.finish(none)
}
