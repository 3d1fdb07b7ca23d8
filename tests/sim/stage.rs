//! The stage of every story: a few markets, one engine, a disk, and a transcript of what came out.

#![allow(dead_code, reason = "several tests share the stage, none uses all of it")]

use std::fmt::Write as _;

use fusewire::breaker::{Permission, Stance};
use fusewire::engine::{Action, Command, Engine, EngineSettings, FeedReport, FeedState, Input, Output};
use fusewire::event::{
    Aggressor, Bar, Body, Completeness, Event, Liquidated, MarketId, Nanos, Price, PriceMeaning, Qty, VenueStatus,
};
use fusewire::market::{ContractSize, Market, MarketKind, Markets, VenueId};
use fusewire::record::{Fact, Record, Who};

use crate::chance::Chance;

/// When every story begins.
pub(crate) const START: Nanos = Nanos::from_secs(1_760_128_800);

/// An instant so many seconds into the story.
pub(crate) fn at(secs: f64) -> Nanos {
    START.plus_secs(secs)
}

/// A table from `venue:ASSET` words.
pub(crate) fn table(words: &[&str]) -> Markets {
    let mut markets = Markets::new();
    for word in words {
        let (venue, asset) = word.split_once(':').unwrap();
        markets.add(Market {
            venue: venue.to_owned(),
            native: asset.to_owned(),
            asset: asset.to_owned(),
            quote: "USD".to_owned(),
            kind: MarketKind::Perp,
            contract: ContractSize::Base(1.0),
        });
    }
    markets
}

/// The shipped settings, with detectors that are warm after some minutes.
pub(crate) fn quick() -> EngineSettings {
    let mut settings = EngineSettings::default();
    settings.detect.base.warm_secs = 300.0;
    settings.detect.base.cold_secs = 0.0;
    settings.detect.jump.window = 64;
    settings.detect.jump.warm = 32;
    settings.detect.stale.warm_gaps = 50;
    settings
}

pub(crate) fn trade(market: u32, id: u64, at: Nanos, price: f64) -> Event {
    let (price, qty) = (Price::new(price).unwrap(), Qty::positive(1.0).unwrap());
    let body = Body::Trade { price, qty, id, aggressor: Aggressor::Unknown };
    Event { venue_at: at, recv_at: at, market: MarketId(market), body }
}

pub(crate) fn quote(market: u32, at: Nanos, mid: f64) -> Event {
    let price = |factor: f64| Price::new(mid * factor).unwrap();
    let body = Body::Quote { bid: price(0.9999), bid_qty: Qty::ZERO, ask: price(1.0001), ask_qty: Qty::ZERO };
    Event { venue_at: at, recv_at: at, market: MarketId(market), body }
}

pub(crate) fn liquidation(market: u32, at: Nanos, price: f64, qty: f64, whose: Liquidated, full: bool) -> Event {
    let completeness = if full { Completeness::Full } else { Completeness::Sampled };
    let (price, qty) = (Price::new(price).unwrap(), Qty::positive(qty).unwrap());
    let body = Body::Liquidation { price, qty, liquidated: whose, meaning: PriceMeaning::Fill, completeness };
    Event { venue_at: at, recv_at: at, market: MarketId(market), body }
}

pub(crate) fn interest(market: u32, at: Nanos, qty: f64) -> Event {
    Event {
        venue_at: at,
        recv_at: at,
        market: MarketId(market),
        body: Body::OpenInterest { qty: Qty::new(qty).unwrap() },
    }
}

pub(crate) fn status(market: u32, at: Nanos, status: VenueStatus) -> Event {
    Event { venue_at: at, recv_at: at, market: MarketId(market), body: Body::Status { status } }
}

/// A bar of one minute.
pub(crate) fn bar(market: u32, close_at: Nanos, [open, high, low, close]: [f64; 4]) -> Bar {
    let price = |value| Price::new(value).unwrap();
    Bar {
        market: MarketId(market),
        open_at: close_at.plus_secs(-60.0),
        close_at,
        open: price(open),
        high: price(high),
        low: price(low),
        close: price(close),
        volume: Qty::ZERO,
        taker_buy: Qty::ZERO,
        trades: 100,
    }
}

/// When the disk answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    AtOnce,
    /// Only when the story says so.
    Waits,
}

/// One engine and all that surrounds it.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) disk: Disk,
    pub(crate) records: Vec<Record>,
    /// Every batch of outputs that was not empty, with the input that brought it.
    pub(crate) batches: Vec<(Input, Vec<Output>)>,
    /// Lines not told yet: what kind of line it is, and the line.
    lines: Vec<(&'static str, String)>,
    trade_id: u64,
    command_id: u64,
    chance: Chance,
    away: f64,
}

impl Stage {
    pub(crate) fn new(settings: EngineSettings, markets: &[&str]) -> Self {
        Self::with(Engine::new(settings, table(markets)))
    }

    pub(crate) fn with(engine: Engine) -> Self {
        let (records, batches, lines) = (Vec::new(), Vec::new(), Vec::new());
        let (chance, away) = (Chance::new(1), 0.0);
        Self { engine, disk: Disk::AtOnce, records, batches, lines, trade_id: 0, command_id: 0, chance, away }
    }

    /// Hands an input over, after the ticks that the engine asked for.
    pub(crate) fn feed(&mut self, input: Input) {
        while let Some(due) = self.engine.deadline().filter(|due| *due < input.at()) {
            self.handle(Input::Tick(due));
        }
        self.handle(input);
    }

    /// Hands an input over as it is.
    pub(crate) fn handle(&mut self, input: Input) {
        let mut out = Vec::new();
        self.engine.handle(input.clone(), &mut out);
        if out.is_empty() {
            return;
        }
        let mut last = None;
        for output in &out {
            self.tell(output);
            if let Output::Record(record) = output {
                self.records.push(record.clone());
                last = Some(record.seq);
            }
        }
        self.batches.push((input, out));
        if let Some(seq) = last.filter(|_| self.disk == Disk::AtOnce) {
            self.handle(Input::Stored { at: self.engine.now(), seq });
        }
    }

    /// The disk has everything.
    pub(crate) fn stored(&mut self) {
        let seq = self.records.last().map_or(0, |record| record.seq);
        self.handle(Input::Stored { at: self.engine.now(), seq });
    }

    pub(crate) fn trade(&mut self, market: u32, secs: f64, price: f64) {
        self.trade_id += 1;
        self.feed(Input::Event(trade(market, self.trade_id, at(secs), price)));
    }

    /// A trade a second at each market, wandering some basis points around its price, until before the last second.
    pub(crate) fn calm(&mut self, secs: std::ops::Range<i32>, prices: &[(u32, f64)]) {
        for second in secs {
            for (market, price) in prices {
                self.away = 0.98 * self.away + 0.00005 * self.chance.normal();
                self.trade(*market, f64::from(second), price * (1.0 + self.away));
            }
        }
    }

    /// Ten calm minutes up to second 120, from which on stories happen.
    pub(crate) fn warm_up(mut self, prices: &[(u32, f64)]) -> Self {
        self.calm(-600..120, prices);
        self.lines.clear();
        self
    }

    /// A trade a second at one market, from one price to another in even steps.
    pub(crate) fn slide(&mut self, secs: std::ops::Range<i32>, market: u32, from: f64, to: f64) {
        let steps = f64::from(secs.end - secs.start);
        for second in secs.clone() {
            let done = f64::from(second - secs.start + 1) / steps;
            self.trade(market, f64::from(second), from + (to - from) * done);
        }
    }

    /// Lets time pass with nothing but ticks.
    pub(crate) fn wait_until(&mut self, secs: f64) {
        self.feed(Input::Tick(at(secs)));
    }

    pub(crate) fn feed_is(&mut self, secs: f64, venue: u32, state: FeedState) {
        let report = FeedReport { at: at(secs), venue: VenueId(venue), connection: 0, state, why: String::new() };
        self.feed(Input::Feed(report));
    }

    /// A person asks for something and gets an answer.
    pub(crate) fn ask(&mut self, secs: f64, reason: &str, action: Action) -> Result<String, String> {
        self.command_id += 1;
        let who = Who { name: "ann".to_owned(), via: "socket".to_owned() };
        let command = Command { at: at(secs), id: self.command_id, who, reason: reason.to_owned(), action };
        self.feed(Input::Command(command));
        self.batches
            .iter()
            .rev()
            .flat_map(|(_, out)| out)
            .find_map(|output| match output {
                Output::Answer { id, result, .. } if *id == self.command_id => Some(result.clone()),
                _ => None,
            })
            .expect("every command is answered")
    }

    /// Stance that the gate shows for a market.
    pub(crate) fn stance(&self, market: u32) -> Stance {
        self.permission(market).stance()
    }

    pub(crate) fn permission(&self, market: u32) -> Permission {
        self.engine.view().nth(market as usize).unwrap().permission
    }

    /// Trips so far, as `market detector.leg`.
    pub(crate) fn trips(&self) -> Vec<String> {
        self.records.iter().filter_map(|record| trip_line(&record.fact)).collect()
    }

    /// Incidents opened so far.
    pub(crate) fn incidents(&self) -> Vec<String> {
        let opened = |record: &Record| match &record.fact {
            Fact::Incident { id, change: fusewire::record::IncidentChange::Opened, .. } => Some(id.clone()),
            _ => None,
        };
        self.records.iter().filter_map(opened).collect()
    }

    /// The lines of these kinds (`gate`, `trip`, `breaker`, `incident`, `answer`, ...) since the last time.
    pub(crate) fn transcript(&mut self, kinds: &[&str]) -> String {
        let lines = std::mem::take(&mut self.lines);
        lines.into_iter().filter(|(kind, _)| kinds.contains(kind)).fold(String::new(), |mut text, (_, line)| {
            let _ = writeln!(text, "{line}");
            text
        })
    }

    fn tell(&mut self, output: &Output) {
        let (kind, what) = self.line(output);
        let secs = self.engine.now().secs_since(START);
        self.lines.push((kind, format!("{secs:.2} {kind} {what}")));
    }

    fn line(&self, output: &Output) -> (&'static str, String) {
        match output {
            Output::Gate(write) => {
                let market = self.engine.markets().name(write.market);
                let why = self.engine.reason_name(write.reason);
                ("gate", format!("{market} {} ({why})", words(&write.permission)))
            }
            Output::Beat { seq, .. } => ("beat", seq.to_string()),
            Output::Answer { result, .. } => ("answer", format!("{result:?}")),
            Output::Record(record) => fact_line(&record.fact),
        }
    }
}

/// A permission in words.
pub(crate) fn words(permission: &Permission) -> String {
    let stance = permission.stance().name();
    if permission.size_factor() < 1.0 { format!("{stance} x{}", permission.size_factor()) } else { stance.to_owned() }
}

fn trip_line(fact: &Fact) -> Option<String> {
    match fact {
        Fact::Trip { market, detector, leg, .. } => Some(format!("{market} {detector}.{leg}")),
        _ => None,
    }
}

fn fact_line(fact: &Fact) -> (&'static str, String) {
    let line = match fact {
        Fact::Trip { rule, .. } => format!("{} -> {rule}", trip_line(fact).unwrap_or_default()),
        Fact::Breaker { scope, rule, from, to, permission, cause, version, .. } => {
            format!("{rule} at {scope}: {from} -> {to}, {} ({cause}), version {version}", words(permission))
        }
        Fact::Permission { market, permission, rule, .. } => format!("{market} {} ({rule})", words(permission)),
        Fact::Incident { id, change, severity, title, .. } => format!("{id} {change:?}: {title}, severity {severity}"),
        Fact::Feed { venue, state, .. } => format!("{venue} {state}"),
        Fact::Refused { request, why, .. } => format!("{request}: {why}"),
        Fact::Started { resumed, .. } => resumed.clone(),
        Fact::Delivered { hook, .. } => hook.clone(),
        Fact::Stopped { why } => why.clone(),
    };
    (fact.name(), line)
}
