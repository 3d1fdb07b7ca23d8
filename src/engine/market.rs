//! What markets bring: events, bars, silence and feed states; and what follows when a score reaches its limit.

use serde::{Deserialize, Serialize};

use super::{DeliveryReport, Engine, FeedReport, FeedState, Life, MarketState};
use crate::breaker::Stance;
use crate::detect::{Edges, Link, Seen, Stream};
use crate::event::{Bar, Body, Event, MarketId, Nanos, Price};
use crate::incident::{Arrival, is_of_venue, kind_of};
use crate::policy::{Mode, RuleId, Vote};
use crate::record::Fact;
use crate::trip::{Direction, Scope};

/// Keeps duplicates and late trades out, and never for ever: a venue may restart its numbers or step its clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    id: u64,
    /// When the last trade that was taken happened at the venue.
    venue_at: Nanos,
    /// Refused since then: the first one's time, and how many were newer than the last one taken.
    refused_at: Option<Nanos>,
    newer_run: u32,
}

impl Default for Order {
    fn default() -> Self {
        Self { id: 0, venue_at: Nanos(i64::MIN), refused_at: None, newer_run: 0 }
    }
}

/// So many old numbers in a row, on trades that the venue says are newer, are a new numbering.
const NEWER_RUN_MAX: u32 = 64;

/// And so are old numbers that kept coming for so long, and nothing else with them.
const OLD_ALONE_SECS: f64 = 60.0;

impl Order {
    /// Whether a trade is new. Venues without ids (0) are not checked.
    #[inline]
    fn is_new(&mut self, id: u64, venue_at: Nanos, at: Nanos) -> bool {
        if id == 0 {
            return true;
        }
        if id > self.id || self.is_renumbered(venue_at, at) {
            *self = Self { id, venue_at, refused_at: None, newer_run: 0 };
            return true;
        }
        false
    }

    /// Whether the venue counts anew. A repeated burst is older than what was taken, however long it is.
    #[cold]
    fn is_renumbered(&mut self, venue_at: Nanos, at: Nanos) -> bool {
        self.newer_run += u32::from(venue_at > self.venue_at);
        self.newer_run > NEWER_RUN_MAX || at.secs_since(*self.refused_at.get_or_insert(at)) > OLD_ALONE_SECS
    }
}

impl Engine {
    #[inline]
    pub(super) fn event(&mut self, event: &Event) {
        let id = event.market;
        let at = self.state.now;
        let Some(market) = self.state.markets.get_mut(id.0 as usize) else { return };
        if let Some(count) = market.counts.events.get_mut(event.body.kind() as usize) {
            *count += 1;
        }
        market.streams = true;
        market.venue_at = event.venue_at;
        // A venue that gives no time leaves ours, which says nothing of a lag.
        if event.venue_at != event.recv_at {
            market.since.last = Some((at, event.venue_at));
        }
        self.state.streaming = true;
        let seen = match event.body {
            Body::Trade { price, id: trade, .. } => {
                if !market.order.is_new(trade, event.venue_at, at) {
                    market.counts.late += 1;
                    return;
                }
                market.since.trades += 1;
                let price = price.get();
                if market.plausible.admit(&self.settings.detect.plausible, at, price).is_ok() {
                    Seen::Price { at, price }
                } else {
                    market.counts.refused += 1;
                    Seen::Arrival { at, stream: Stream::Trades }
                }
            }
            Body::Liquidation { price, qty, liquidated, completeness, .. } => {
                let contract = self.table.get(id).map(|m| m.contract);
                let notional = contract.map_or(0.0, |contract| contract.notional(qty.get(), price.get()));
                Seen::Liquidation { at, notional, liquidated, completeness }
            }
            Body::Index { price } => Seen::Index { at, price: price.get() },
            Body::Quote { bid, ask, .. } => Seen::Quote { at, bid: bid.get(), ask: ask.get() },
            Body::Status { status } => Seen::Status { at, status },
            Body::OpenInterest { qty } => Seen::OpenInterest { at, qty: qty.get() },
            // No detector reads it yet, and its life must not hide that quotes have died.
            Body::Depth { .. } => return,
            _ => Seen::Arrival { at, stream: Stream::of(event.body.kind()) },
        };
        self.see(id, &seen);
    }

    pub(super) fn bar(&mut self, bar: &Bar) {
        let at = self.state.now;
        let Some(market) = self.state.markets.get_mut(bar.market.0 as usize) else { return };
        market.counts.bars += 1;
        market.venue_at = bar.close_at;
        let settings = &self.settings.detect.plausible;
        // A bar speaks for all its trades: its close needs no more company than one bar.
        let confirm = bar.trades.clamp(1, u64::from(settings.confirm)) as u32;
        let settings = crate::detect::PlausibleSettings { confirm: settings.confirm + 1 - confirm, ..settings.clone() };
        let before = market.plausible.believed();
        if market.plausible.admit(&settings, at, bar.close.get()).is_err() {
            market.counts.refused += 1;
            return;
        }
        let believed = without_wild_wicks(bar, before, settings.factor);
        market.counts.refused += u64::from(believed != *bar);
        self.see(bar.market, &Seen::Bar(&believed));
    }

    /// One look of one market's bank, and what follows.
    #[inline]
    pub(super) fn see(&mut self, id: MarketId, seen: &Seen<'_>) {
        let Some(market) = self.state.markets.get_mut(id.0 as usize) else { return };
        let edges = market.bank.see(&self.settings.detect, &self.limits, seen);
        self.state.trace = self.state.trace.rotate_left(7) ^ market.bank.fingerprint();
        if market.peaks.is_some() {
            keep_peaks(market, &self.limits);
        }
        if !edges.is_empty() {
            self.edges(id, edges);
        }
        if matches!(seen, Seen::Price { .. } | Seen::Bar(_)) {
            self.grow_up(id);
        }
    }

    /// Starting ends with the first believed price, warming with enough history.
    #[inline]
    fn grow_up(&mut self, id: MarketId) {
        let Some(market) = self.state.markets.get_mut(id.0 as usize) else { return };
        let life = match market.life {
            Life::Live => return,
            _ if market.bank.is_warm(&self.settings.detect) => Life::Live,
            _ => Life::Warming,
        };
        if life != market.life {
            market.life = life;
            self.refresh(Scope::Market(id));
        }
    }

    /// Silence is looked at, then holds and probes.
    #[cold]
    pub(super) fn look(&mut self) {
        let now = self.state.now;
        self.state.next_look = Nanos(now.0.saturating_add(i64::from(self.settings.look_ms) * 1_000_000));
        for place in 0..self.state.markets.len() {
            let detect = &self.settings.detect;
            let due = |market: &MarketState| market.streams && market.bank.wants_clock(detect, now);
            if self.state.markets.get(place).is_some_and(due) {
                self.see(MarketId(place as u32), &Seen::Clock { at: now });
            }
        }
        self.look_at_peers();
        self.survey();
        self.look_at_crowd();
        self.look_at_breakers();
    }

    /// Legs rose or cleared.
    #[cold]
    fn edges(&mut self, id: MarketId, edges: Edges) {
        let mut risen = edges.risen;
        while risen != 0 {
            let leg = risen.trailing_zeros();
            risen &= risen - 1;
            self.leg_rose(id, leg);
        }
    }

    fn leg_rose(&mut self, id: MarketId, leg: u32) {
        let Some((detector, name)) = self.limits.leg(leg as usize) else { return };
        let Some(market) = self.state.markets.get_mut(id.0 as usize) else { return };
        *market.counts.trips.entry(leg).or_default() += 1;
        let score = market.bank.score(leg as usize);
        let limit = self.limits.limit(leg as usize);
        let evidence = market.bank.evidence(&self.settings.detect, leg as usize);
        let venue_at = market.venue_at;
        let vote = Vote { at: self.state.now, market: id, leg, ratio: score / limit };
        let acting = self.ask_rules(id, vote);
        let strictest = acting.iter().copied().max_by_key(|(rule, _)| self.plan(*rule).permission.stance());
        let incident = self.incident_of(id, detector, name.direction, strictest);
        // The trip is told before what it leads to.
        let fact = Fact::Trip {
            market: self.table.name(id),
            detector: detector.to_owned(),
            leg: name.name.to_owned(),
            direction: name.direction,
            rule: strictest.map_or(String::new(), |(rule, _)| self.rule_name(rule).to_owned()),
            scope: strictest.map_or(Scope::Market(id), |(_, scope)| scope).name(&self.table),
            stance: strictest.map_or(Stance::Normal, |(rule, _)| self.plan(rule).permission.stance()).name().to_owned(),
            score,
            limit,
            return_period_secs: None,
            evidence,
            venue_at,
            recv_at: self.state.now,
            incident: incident.0.clone(),
        };
        self.facts.push((fact, None));
        self.facts.extend(incident.1.into_iter().map(|fact| (fact, None)));
        for (rule, scope) in acting {
            self.trip_breaker(rule, scope, vote, &format!("{detector}.{}", name.name), &incident.0);
        }
    }

    /// The rules that this vote satisfies, each with the scope it acts at.
    fn ask_rules(&mut self, id: MarketId, vote: Vote) -> Vec<(RuleId, Scope)> {
        let mut acting = Vec::new();
        for (rule_id, rule, _) in self.policy.listeners(1 << vote.leg) {
            let scope = rule.reach.around(id, &self.table);
            let markets = &self.state.markets;
            let is_active = |market: MarketId, leg: u32| {
                markets.get(market.0 as usize).is_some_and(|market| market.bank.active() >> leg & 1 == 1)
            };
            let agreed =
                self.state.confirmations.vote(&self.policy, (rule_id, rule), scope, vote, &self.table, is_active);
            if agreed.is_some() {
                acting.push((rule_id, scope));
            }
        }
        acting
    }

    fn incident_of(
        &mut self,
        id: MarketId,
        detector: &str,
        direction: Direction,
        strictest: Option<(RuleId, Scope)>,
    ) -> (String, Vec<Fact>) {
        let Some(rule) = strictest.and_then(|(rule, _)| self.policy.rule(rule)).filter(|rule| rule.mode == Mode::Armed)
        else {
            return (String::new(), Vec::new());
        };
        let kind = kind_of(detector, direction);
        let Some(market) = self.table.get(id) else { return (String::new(), Vec::new()) };
        let subject = if is_of_venue(kind) { &market.venue } else { &market.asset };
        self.state.incidents.trip(Arrival { at: self.state.now, subject, kind, severity: rule.severity })
    }

    pub(super) fn feed(&mut self, report: FeedReport) {
        let link = match report.state {
            FeedState::Down | FeedState::Late => Some(Link::Down),
            FeedState::Gap | FeedState::Overflow => Some(Link::Hole),
            FeedState::Delivering | FeedState::Thin => Some(Link::Up),
            FeedState::Connecting | FeedState::Subscribed => None,
        };
        self.facts.push((
            Fact::Feed {
                venue: self.table.venues().get(report.venue.0 as usize).cloned().unwrap_or_default(),
                stream: report.connection.to_string(),
                state: report.state.name().to_owned(),
                why: report.why,
            },
            None,
        ));
        let Some(link) = link else { return };
        let scope = Scope::Venue(report.venue);
        for place in 0..self.state.markets.len() {
            let id = MarketId(place as u32);
            if scope.holds(id, &self.table) {
                if let Some(market) = self.state.markets.get_mut(place).filter(|_| link == Link::Down) {
                    // What came before is no sign of life after it.
                    market.since = super::survey::Since::default();
                }
                self.see(id, &Seen::Link { at: self.state.now, connection: report.connection, link });
            }
        }
    }

    pub(super) fn bad(&mut self, market: Option<MarketId>, count: u64) {
        self.state.bad_frames += count;
        if let Some(market) = market.and_then(|id| self.state.markets.get_mut(id.0 as usize)) {
            market.counts.refused += count;
        }
    }

    pub(super) fn delivery(&mut self, report: DeliveryReport) {
        let DeliveryReport { message, hook, attempt, ok, detail, .. } = report;
        self.facts.push((Fact::Delivered { message, hook, attempt, ok, detail }, None));
    }
}

/// A high or low far beyond the close and the close before it may be one fat number: nothing in a bar confirms it.
fn without_wild_wicks(bar: &Bar, before: Option<Price>, factor: f64) -> Bar {
    let (close, before) = (bar.close, before.unwrap_or(bar.close));
    let (bottom, top) = if close < before { (close, before) } else { (before, close) };
    let is_wild = bar.low.get() * factor < bottom.get() || bar.high.get() > top.get() * factor;
    if is_wild { Bar { low: bottom, high: top, ..*bar } } else { *bar }
}

fn keep_peaks(market: &mut MarketState, limits: &crate::detect::Limits) {
    let Some(peaks) = &mut market.peaks else { return };
    for (leg, peak) in peaks.iter_mut().enumerate() {
        *peak = peak.max(market.bank.score(leg) / limits.limit(leg));
    }
}
