//! The timeline of trips. Thousands are folded into the first and the worst of each market and detector.

use std::collections::BTreeMap;

use super::story::{Story, Trip};
use super::table::Table;
use super::words::{clock, delay, lasting, many};
use crate::event::Nanos;
use crate::trip::short;

/// More trips than this are folded.
const EACH_MAX: usize = 30;
/// Most groups of a folded timeline.
const GROUPS_MAX: usize = 15;

const HEAD: [&str; 9] = [
    "Time (UTC)",
    "Market",
    "Detector",
    "Score / limit",
    "Evidence",
    "Rule",
    "Asked for",
    "Venue to us",
    "To decision",
];

/// Trips of one market, detector and leg.
struct Group<'a> {
    first: Trip<'a>,
    worst: Trip<'a>,
    count: usize,
}

pub(super) fn timeline(story: &Story<'_>) -> String {
    let day = story.brief.opened_ns;
    if story.trips.len() > EACH_MAX {
        return folded(&story.trips, day);
    }
    let mut table = Table::new(&HEAD);
    table.rows(story.trips.iter().map(|trip| cells(trip, day)));
    table.finish("No detector tripped: a person opened it.")
}

fn folded(trips: &[Trip<'_>], day: Nanos) -> String {
    let mut groups = groups(trips);
    let all = groups.len();
    let shown = groups.split_off(all.saturating_sub(GROUPS_MAX));
    let left_out: usize = groups.iter().map(|group| group.count).sum();
    let mut rows: Vec<_> = shown.iter().flat_map(rows).collect();
    rows.sort_by_key(|(trip, _)| trip.at);
    let mut head = HEAD.to_vec();
    head.push("Which");
    let mut table = Table::new(&head);
    for (trip, which) in rows {
        table.row(cells(&trip, day).into_iter().chain([which]));
    }
    let told =
        format!("{}, folded: the first and the worst of each market and detector.\n\n", many(trips.len(), "trip"));
    let rest = if left_out > 0 {
        format!(
            "\nLeft out: {} of {} milder kinds; the store has them all.\n",
            many(left_out, "trip"),
            all - shown.len()
        )
    } else {
        String::new()
    };
    told + &table.finish("") + &rest
}

/// By market, detector and leg, the mildest first.
fn groups<'a>(trips: &[Trip<'a>]) -> Vec<Group<'a>> {
    let mut groups: BTreeMap<_, Group<'a>> = BTreeMap::new();
    for trip in trips {
        let key = (trip.market, trip.detector, trip.leg);
        let group = groups.entry(key).or_insert(Group { first: *trip, worst: *trip, count: 0 });
        group.count += 1;
        if trip.ratio() > group.worst.ratio() {
            group.worst = *trip;
        }
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by(|a, b| a.worst.ratio().total_cmp(&b.worst.ratio()));
    groups
}

fn rows<'a>(group: &Group<'a>) -> Vec<(Trip<'a>, String)> {
    let of = |words: &str| format!("{words} {}", group.count);
    match group.count {
        1 => vec![(group.first, "only one".to_owned())],
        _ if group.worst.at == group.first.at => vec![(group.first, of("first and worst of"))],
        _ => vec![(group.first, of("first of")), (group.worst, of("worst of"))],
    }
}

fn cells(trip: &Trip<'_>, day: Nanos) -> [String; 9] {
    let score = format!("{} / {}", short(trip.score), short(trip.limit));
    let rarity = trip.return_period_secs.map_or(String::new(), |secs| format!(", once in {}", lasting(secs)));
    let (rule, asked) = match trip.rule {
        "" => ("none".to_owned(), String::new()),
        rule => (rule.to_owned(), format!("{} at {}", trip.stance, trip.scope)),
    };
    [
        clock(trip.at, day),
        trip.market.to_owned(),
        format!("{}.{}", trip.detector, trip.leg),
        score + &rarity,
        trip.evidence.to_string(),
        rule,
        asked,
        delay(trip.venue_at, trip.recv_at),
        delay(trip.recv_at, trip.at),
    ]
}
