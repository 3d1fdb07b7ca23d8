//! What a replay tells at its end: tables for people, one object for machines.

use std::io::Write as _;

use serde::Serialize;

use crate::cli::Fault;
use crate::cli::table::lay_out;
use crate::replay::{Account, Fall, Reached, Runner};
use crate::trip::short;

#[derive(Serialize)]
pub(super) struct Summary {
    events: u64,
    bad_events: u64,
    pub(super) trips: u64,
    incidents: u64,
    wall_seconds: f64,
    events_per_second: f64,
    digest: String,
    first_ns: Option<i64>,
    last_ns: Option<i64>,
    markets: Vec<MarketSummary>,
}

#[derive(Serialize)]
struct MarketSummary {
    market: String,
    events: u64,
    trips: u64,
    worst_hour: Option<Fall>,
    reached: Vec<Reached>,
}

/// Sums a run up. `events` were given by the tapes, `bad` refused.
pub(super) fn summarize(runner: &Runner, account: &Account, (events, bad): (u64, u64), wall: f64) -> Summary {
    let engine = &runner.engine;
    let markets = engine.markets().iter().map(|(id, market)| MarketSummary {
        market: market.to_string(),
        events: account.inputs_of(id),
        trips: account.trips_of(id),
        worst_hour: account.fall(id),
        reached: account.reached(engine, id),
    });
    Summary {
        events,
        bad_events: bad,
        trips: account.trips(),
        incidents: account.incidents(),
        wall_seconds: wall,
        events_per_second: events as f64 / wall.max(1e-9),
        digest: runner.finish(),
        first_ns: account.span().map(|(first, _)| first.0),
        last_ns: account.span().map(|(_, last)| last.0),
        markets: markets.collect(),
    }
}

/// Prints it.
pub(super) fn print(json: bool, summary: &Summary) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, summary)?;
        writeln!(out)?;
    } else {
        out.write_all(tell(summary).as_bytes())?;
    }
    Ok(())
}

fn tell(summary: &Summary) -> String {
    let mut rows = vec![
        [
            "market",
            "events",
            "trips",
            "worst hour",
            "fall",
            "from",
            "to",
            "stance",
            "at (UTC)",
            "price",
            "still to come",
            "rule",
        ]
        .map(str::to_owned)
        .to_vec(),
    ];
    for market in &summary.markets {
        rows.extend(market_rows(market));
    }
    format!(
        "{}\n{} events in {:.2} s ({} a second), {} refused, {} trips, {} incidents\ndigest {}\n",
        lay_out(&rows),
        summary.events,
        summary.wall_seconds,
        short(summary.events_per_second),
        summary.bad_events,
        summary.trips,
        summary.incidents,
        summary.digest
    )
}

fn market_rows(market: &MarketSummary) -> Vec<Vec<String>> {
    let mut head = vec![market.market.clone(), market.events.to_string(), market.trips.to_string()];
    match &market.worst_hour {
        Some(fall) => head.extend([
            format!("{}-{}", clock(fall.from_ns), clock(fall.to_ns)),
            format!("{:.1} %", fall.depth() * 100.0),
            short(fall.from),
            short(fall.to),
        ]),
        None => head.extend(["", "", "", ""].map(str::to_owned)),
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for reached in &market.reached {
        let mut row = if rows.is_empty() { std::mem::take(&mut head) } else { vec![String::new(); 7] };
        row.extend([
            reached.stance.to_owned(),
            clock(reached.at_ns),
            short(reached.price),
            format!("{:.0} %", reached.still_to_come * 100.0),
            reached.rule.clone(),
        ]);
        rows.push(row);
    }
    if rows.is_empty() {
        head.push("Normal".to_owned());
        rows.push(head);
    }
    rows
}

/// Hours, minutes and seconds of a day.
fn clock(at: crate::event::Nanos) -> String {
    at.to_string().chars().skip(11).take(8).collect()
}
