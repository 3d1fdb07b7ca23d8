//! What a replay writes for other programs: trips and stances as JSON Lines.

use std::io::{self, Write};

use serde::Serialize;

use super::Listener;
use crate::breaker::Permission;
use crate::engine::{Engine, Output};
use crate::event::Nanos;
use crate::record::Fact;

/// `--trips FILE`: one object a trip.
pub struct Trips<W: Write> {
    out: W,
    count: u64,
    failed: Option<io::Error>,
}

#[derive(Serialize)]
struct TripLine<'a> {
    ts_ns: i64,
    market: &'a str,
    scope: &'a str,
    detector: &'a str,
    leg: &'a str,
    direction: String,
    rule: &'a str,
    score: f64,
    limit: f64,
    return_period_secs: Option<f64>,
    stance: &'a str,
    incident: &'a str,
    evidence: String,
}

impl<W: Write> Trips<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, count: 0, failed: None }
    }

    /// Trips so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Flushes, and tells whether every line was written.
    pub fn finish(mut self) -> io::Result<u64> {
        self.failed.map_or_else(|| self.out.flush(), Err)?;
        Ok(self.count)
    }
}

impl<W: Write> Listener for Trips<W> {
    fn output(&mut self, _: &Engine, output: &Output) {
        let Output::Record(record) = output else { return };
        let Fact::Trip {
            market, scope, detector, leg, direction, rule, score, limit, stance, incident, evidence, ..
        } = &record.fact
        else {
            return;
        };
        self.count += 1;
        let line = TripLine {
            ts_ns: record.at.0,
            market,
            scope,
            detector,
            leg,
            direction: direction.to_string(),
            rule,
            score: *score,
            limit: *limit,
            return_period_secs: None,
            stance,
            incident,
            evidence: evidence.to_string(),
        };
        write_line(&mut self.out, &line, &mut self.failed);
    }
}

/// `--stances FILE`: what each market allowed from when to when.
pub struct Stances<W: Write> {
    out: W,
    open: Vec<Option<Span>>,
    failed: Option<io::Error>,
}

struct Span {
    from: Nanos,
    permission: Permission,
    reason: u32,
}

#[derive(Serialize)]
struct StanceLine<'a> {
    market: String,
    from_ns: i64,
    to_ns: i64,
    stance: &'static str,
    permission: &'a Permission,
    rule: &'a str,
}

impl<W: Write> Stances<W> {
    /// Writes to `out`.
    pub const fn new(out: W) -> Self {
        Self { out, open: Vec::new(), failed: None }
    }

    /// Closes every span at the end of the tape.
    pub fn finish(mut self, engine: &Engine) -> io::Result<()> {
        for place in 0..self.open.len() {
            self.close(engine, place, engine.now());
        }
        self.failed.map_or_else(|| self.out.flush(), Err)
    }

    fn close(&mut self, engine: &Engine, place: usize, to: Nanos) {
        let Some(span) = self.open.get_mut(place).and_then(Option::take) else { return };
        if span.from == to {
            return;
        }
        let line = StanceLine {
            market: engine.markets().name(crate::event::MarketId(place as u32)),
            from_ns: span.from.0,
            to_ns: to.0,
            stance: span.permission.stance().name(),
            permission: &span.permission,
            rule: engine.reason_name(span.reason),
        };
        write_line(&mut self.out, &line, &mut self.failed);
    }
}

impl<W: Write> Listener for Stances<W> {
    fn output(&mut self, engine: &Engine, output: &Output) {
        let Output::Gate(write) = output else { return };
        let place = write.market.0 as usize;
        self.close(engine, place, engine.now());
        if self.open.len() <= place {
            self.open.resize_with(place + 1, || None);
        }
        if let Some(slot) = self.open.get_mut(place) {
            *slot = Some(Span { from: engine.now(), permission: write.permission, reason: write.reason });
        }
    }
}

/// Writes one object and a line end; the first failure is kept and ends the writing.
fn write_line(out: &mut impl Write, line: &impl Serialize, failed: &mut Option<io::Error>) {
    if failed.is_none() {
        *failed = serde_json::to_writer(&mut *out, line).map_err(io::Error::from).and_then(|()| writeln!(out)).err();
    }
}
