//! A trading engine in small: reads the gate through the public reader, asks before every order, and acknowledges.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::crash::{self, Crash};
use crate::breaker::{Exposure, Intent, Order, Permission, Side, Stance, Verdict};
use crate::event::Nanos;
use crate::gate::{AckWriter, Place, Reader, ReaderOptions, now_mono};

/// The strategy slot the engine trades in.
const SLOT: u8 = 1;

/// What was asked for and what came of it, while one stance held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// Orders that open, and how many passed whole or smaller.
    pub(super) opens: (u64, u64),
    /// Orders that reduce, and how many passed.
    pub(super) reduces: (u64, u64),
    /// Emergency exits, and how many passed.
    pub(super) exits: (u64, u64),
}

/// A change of permission as the engine saw it.
pub(super) struct Change {
    pub(super) at: Nanos,
    pub(super) market: &'static str,
    pub(super) price: f64,
    pub(super) from: Option<Permission>,
    pub(super) to: Permission,
}

struct Row {
    venue: &'static str,
    market: &'static str,
    place: Place,
    last: Option<Permission>,
}

/// The engine.
pub(super) struct Engine {
    reader: Reader,
    acks: AckWriter,
    rows: Vec<Row>,
    asked: [Asked; Stance::ALL.len()],
    pub(super) changes: Vec<Change>,
}

impl Engine {
    /// Reads the gate, and acknowledges in the file at `ack`, whose directory it makes.
    pub(super) fn new(gate: PathBuf, ack: &Path) -> Result<Self> {
        std::fs::create_dir_all(ack.parent().unwrap_or(ack)).with_context(|| ack.display().to_string())?;
        let acks = AckWriter::create(ack).with_context(|| ack.display().to_string())?;
        let reader = Reader::attach(ReaderOptions::at(gate));
        let row = |(venue, market)| Row { venue, market, place: Place::UNKNOWN, last: None };
        let mut rows: Vec<Row> = crash::markets().map(row).collect();
        find_places(&reader, &mut rows);
        Ok(Self { reader, acks, rows, asked: Default::default(), changes: Vec::new() })
    }

    /// Looks at every market, asks for an order of each kind while long 1,000 contracts, and acknowledges.
    pub(super) fn look(&mut self, at: Nanos, crash: &Crash) -> Vec<Change> {
        if self.reader.refresh() {
            find_places(&self.reader, &mut self.rows);
        }
        let mono = now_mono();
        let mut seen = Vec::new();
        for row in &mut self.rows {
            let Some(price) = crash.price(row.market, at) else { continue };
            let to = self.reader.permission_at(mono, row.place, SLOT);
            if let Some(asked) = self.asked.get_mut(to.stance() as usize) {
                ask(&self.reader, &mut self.acks, mono, row.place, price, asked);
            }
            // Under ReduceOnly and Halt nothing opens: sides and sizes of openings change nothing there.
            let same = row
                .last
                .is_some_and(|last| last == to || (last.stance() == to.stance() && to.stance() >= Stance::ReduceOnly));
            if !same {
                seen.push(Change { at, market: row.market, price, from: row.last, to });
            }
            row.last = Some(to);
        }
        if let Some(glance) = self.reader.glance() {
            self.acks.write(&glance, mono);
        }
        seen
    }

    /// What was asked for under a stance.
    pub(super) fn asked(&self, stance: Stance) -> Asked {
        self.asked.get(stance as usize).copied().unwrap_or_default()
    }

    /// Keeps a change for the final account.
    pub(super) fn remember(&mut self, change: Change) {
        self.changes.push(change);
    }
}

fn find_places(reader: &Reader, rows: &mut [Row]) {
    for row in rows {
        row.place = reader.place(&format!("{}:{}", row.venue, row.market));
    }
}

fn ask(reader: &Reader, acks: &mut AckWriter, mono: u64, place: Place, price: f64, asked: &mut Asked) {
    let long = Exposure { position: 1000.0, working_buy: 0.0, working_sell: 0.0 };
    let order = |intent, side, qty| Order { intent, side, qty, price: Some(price) };
    let mut passes = |order: &Order| {
        let verdict = reader.check_at(mono, place, SLOT, order, &long);
        acks.count(&verdict);
        u64::from(!matches!(verdict, Verdict::Deny(_)))
    };
    asked.opens.0 += 1;
    asked.opens.1 += passes(&order(Intent::Open, Side::Buy, 100.0));
    asked.reduces.0 += 1;
    asked.reduces.1 += passes(&order(Intent::Reduce, Side::Sell, 100.0));
    asked.exits.0 += 1;
    asked.exits.1 += passes(&order(Intent::Exit, Side::Sell, 1000.0));
}
