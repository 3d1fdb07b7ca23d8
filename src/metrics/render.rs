//! What each metric says, from the readings.

use hdrhistogram::Histogram;

use super::names as n;
use super::page::{Page, Samples};
use super::{AckCounters, FeedCounters, Latency, MarketVitals, Readings, RecordCounters, Vitals};
use crate::breaker::Stance;
use crate::detect::{Leg, legs};
use crate::engine::{FeedState, Life};
use crate::event::{Kind, Nanos};
use crate::feed::venue::Reason;
use crate::hook::HookNumbers;
use crate::policy::Mode;

/// Most markets with labels of their own. All further ones share the label `other`: counts add up, and of scores and
/// stances the worst is shown.
pub const MARKETS_MAX: usize = 100;

/// Upper bounds in seconds.
const LAG_BOUNDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];
const DECISION_BOUNDS: &[f64] =
    &[1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];
const STORE_BOUNDS: &[f64] = &[2.5e-4, 5e-4, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const HOOK_BOUNDS: &[f64] = &[0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 600.0];

/// The text of a scrape.
pub fn render(readings: &Readings) -> String {
    let mut page = Page::default();
    page.add(&n::BUILD_INFO, |samples| samples.push(&[env!("CARGO_PKG_VERSION")], 1.0));
    engine(&mut page, readings);
    markets(&mut page, &readings.vitals);
    breakers(&mut page, &readings.vitals);
    feeds(&mut page, readings);
    store(&mut page, readings);
    hooks(&mut page, &readings.hooks);
    record(&mut page, readings.record.as_ref());
    page.text()
}

fn engine(page: &mut Page, readings: &Readings) {
    let vitals = &readings.vitals;
    page.add_one(&n::ENGINE_INPUTS, vitals.inputs as f64);
    if vitals.inputs > 0 {
        page.add_one(&n::ENGINE_TIME, unix(vitals.at));
    }
    if let Some(lease) = &readings.lease {
        page.add_one(&n::LEASE_BEATS, lease.beats as f64);
        page.add(&n::LEASE_LAST, |samples| lease.last_at.iter().for_each(|at| samples.push(&[], unix(*at))));
    }
    acks(page, readings.acks.as_ref());
    page.add(&n::DECISION, |samples| {
        latency(samples, &[], &readings.latencies.decision, DECISION_BOUNDS);
    });
}

fn acks(page: &mut Page, acks: Option<&AckCounters>) {
    let Some(acks) = acks else { return };
    page.add_one(&n::ACK_FRESH, f64::from(u8::from(acks.fresh)));
    page.add(&n::ACK_AGE, |samples| acks.age_secs.iter().for_each(|secs| samples.push(&[], *secs)));
    page.add(&n::ACK_LAG, |samples| acks.lag.iter().for_each(|lag| samples.push(&[], *lag as f64)));
    page.add(&n::ACK_ORDERS, |samples| {
        if let Some((allowed, denied)) = acks.orders {
            samples.push(&["allowed"], allowed as f64);
            samples.push(&["denied"], denied as f64);
        }
    });
}

fn record(page: &mut Page, record: Option<&RecordCounters>) {
    let Some(record) = record else { return };
    page.add_one(&n::RECORD_BYTES, record.bytes as f64);
    page.add_one(&n::RECORD_FILES, record.files as f64);
    page.add_one(&n::RECORD_DELETED, record.deleted as f64);
    page.add(&n::RECORD_LOST, |samples| {
        samples.push(&["inputs"], record.lost_inputs as f64);
        samples.push(&["frames"], record.lost_frames as f64);
    });
    page.add_one(&n::RECORD_STOPPED, f64::from(u8::from(record.stopped)));
}

/// Markets with the name each is shown by: those with labels of their own, then all others as one.
fn shown(vitals: &Vitals) -> Vec<(String, MarketVitals)> {
    let named = vitals.table.iter().zip(&vitals.markets).take(MARKETS_MAX);
    let mut all: Vec<_> = named.map(|((_, market), row)| (market.to_string(), row.clone())).collect();
    let mut others = vitals.markets.iter().skip(MARKETS_MAX);
    if let Some(mut other) = others.next().cloned() {
        others.for_each(|market| other.absorb(market));
        all.push(("other".to_owned(), other));
    }
    all
}

fn markets(page: &mut Page, vitals: &Vitals) {
    page.add(&n::MARKETS, |samples| {
        for (word, life) in [("starting", Life::Starting), ("warming", Life::Warming), ("live", Life::Live)] {
            let count = vitals.markets.iter().filter(|market| market.life == life).count();
            samples.push(&[word], count as f64);
        }
    });
    let shown = shown(vitals);
    let each = |samples: &mut Samples<'_>, value: &dyn Fn(&MarketVitals) -> f64| {
        for (name, market) in &shown {
            samples.push(&[name], value(market));
        }
    };
    page.add(&n::STANCE, |samples| {
        for (name, market) in &shown {
            for stance in Stance::ALL {
                let is_it = market.permission.stance() == stance;
                samples.push(&[name, stance.name()], f64::from(u8::from(is_it)));
            }
        }
    });
    page.add(&n::STANCE_LEVEL, |samples| each(samples, &|market| f64::from(market.permission.stance() as u8)));
    legs_of(page, vitals, &shown);
    page.add(&n::EVENTS, |samples| {
        for (name, market) in &shown {
            let kinds = Kind::ALL.iter().zip(market.events);
            kinds.for_each(|(kind, count)| samples.push(&[name, kind.name()], count as f64));
        }
    });
    page.add(&n::BARS, |samples| each(samples, &|market| market.bars as f64));
    page.add(&n::REFUSED, |samples| each(samples, &|market| market.refused as f64));
    page.add(&n::LATE, |samples| each(samples, &|market| market.late as f64));
    page.add(&n::LAST_EVENT, |samples| {
        for (name, market) in &shown {
            market.heard_at.iter().for_each(|at| samples.push(&[name], unix(*at)));
        }
    });
}

fn legs_of(page: &mut Page, vitals: &Vitals, shown: &[(String, MarketVitals)]) {
    let legs = legs();
    let each = |samples: &mut Samples<'_>, value: &dyn Fn(&MarketVitals, usize) -> f64| {
        for (name, market) in shown {
            for (place, (detector, Leg { name: leg, .. })) in legs.iter().enumerate() {
                samples.push(&[name, detector, leg], value(market, place));
            }
        }
    };
    page.add(&n::SCORE_RATIO, |samples| each(samples, &|market, leg| vitals.ratio(market, leg)));
    page.add(&n::TRIPS, |samples| {
        each(samples, &|market, leg| market.trips.get(leg).copied().unwrap_or(0) as f64);
    });
}

fn breakers(page: &mut Page, vitals: &Vitals) {
    page.add(&n::BREAKERS, |samples| {
        for state in ["Armed", "Tripped", "Probing", "Latched"] {
            for (word, mode) in [("armed", Mode::Armed), ("shadow", Mode::Shadow)] {
                let count = vitals.breakers.iter().filter(|b| b.state == state && b.mode == mode).count();
                samples.push(&[state, word], count as f64);
            }
        }
    });
    page.add(&n::INCIDENTS, |samples| {
        for (phase, counts) in ["open", "acknowledged"].iter().zip(&vitals.incident_counts) {
            for (severity, count) in ["1", "2", "3", "4"].iter().zip(counts) {
                samples.push(&[phase, severity], *count as f64);
            }
        }
    });
}

fn feeds(page: &mut Page, readings: &Readings) {
    let feeds = &readings.feeds;
    let mut each = |metric: &n::Metric, value: &dyn Fn(&FeedCounters) -> u64| {
        page.add(metric, |samples| {
            for feed in feeds {
                samples.push(&[&feed.venue, &feed.connection.to_string()], value(feed) as f64);
            }
        });
    };
    each(&n::FEED_FRAMES, &|feed| feed.session.frames);
    each(&n::FEED_EVENTS, &|feed| feed.session.events);
    each(&n::FEED_MISSING, &|feed| feed.session.missing_trades);
    each(&n::FEED_MISSING_MESSAGES, &|feed| feed.session.missing_messages);
    each(&n::FEED_LOST_BOOKS, &|feed| feed.session.lost_books);
    each(&n::FEED_LOSSES, &|feed| feed.session.losses);
    each(&n::FEED_SILENCES, &|feed| feed.session.silences);
    each(&n::FEED_LATES, &|feed| feed.session.lates);
    each(&n::FEED_CLOCK_STEPS, &|feed| feed.session.clock_steps);
    each(&n::FEED_LINES, &|feed| u64::from(feed.standing.delivering));
    each(&n::FEED_MUTE, &|feed| feed.session.mute);
    each(&n::FEED_ENDPOINT, &|feed| u64::from(feed.standing.endpoint));
    each(&n::FEED_ENDPOINT_CHANGES, &|feed| feed.session.endpoint_changes);
    each(&n::FEED_HANDOVERS, &|feed| feed.session.handovers);
    each(&n::FEED_MISFITS, &|feed| feed.session.misfits);
    each(&n::FEED_COVERED, &|feed| feed.session.covered);
    page.add(&n::FEED_DELIVERING, |samples| {
        for feed in feeds {
            if let Some(state) = feed.state {
                let is = f64::from(u8::from(matches!(state, FeedState::Delivering | FeedState::Thin)));
                samples.push(&[&feed.venue, &feed.connection.to_string()], is);
            }
        }
    });
    page.add(&n::FEED_BAD, |samples| {
        for feed in feeds {
            for (reason, count) in Reason::ALL.iter().zip(feed.session.refused) {
                samples.push(&[&feed.venue, &feed.connection.to_string(), reason.label()], count as f64);
            }
        }
    });
    page.add(&n::FEED_DROPPED, |samples| {
        for feed in feeds {
            let dropped = [
                ("duplicate", feed.session.duplicates),
                ("old_liquidation", feed.session.old_liquidations),
                ("other_line", feed.session.overtaken),
            ];
            for (reason, count) in dropped {
                samples.push(&[&feed.venue, &feed.connection.to_string(), reason], count as f64);
            }
        }
    });
    page.add(&n::FEED_LAG, |samples| {
        for (venue, lag) in readings.vitals.table.venues().iter().zip(&readings.latencies.lag) {
            latency(samples, &[venue], lag, LAG_BOUNDS);
        }
    });
    channel(page, readings);
}

fn channel(page: &mut Page, readings: &Readings) {
    let Some(channel) = &readings.channel else { return };
    page.add_one(&n::CHANNEL_OFFERED, channel.offered as f64);
    page.add_one(&n::CHANNEL_CONFLATED, channel.conflated as f64);
    page.add_one(&n::CHANNEL_DROPPED, channel.dropped as f64);
    page.add_one(&n::CHANNEL_DEPTH, channel.depth as f64);
}

fn store(page: &mut Page, readings: &Readings) {
    let Some(store) = &readings.store else { return };
    page.add_one(&n::STORE_RECORDS, store.records as f64);
    page.add(&n::STORE_APPEND, |samples| latency(samples, &[], &store.append, STORE_BOUNDS));
}

fn hooks(page: &mut Page, hooks: &[(String, HookNumbers)]) {
    let mut each = |metric: &n::Metric, value: &dyn Fn(&HookNumbers) -> u64| {
        page.add(metric, |samples| {
            for (name, numbers) in hooks {
                samples.push(&[name], value(numbers) as f64);
            }
        });
    };
    each(&n::HOOK_ATTEMPTS, &|hook| hook.attempts);
    each(&n::HOOK_DELIVERED, &|hook| hook.delivered);
    each(&n::HOOK_DEAD, &|hook| hook.dead);
    each(&n::HOOK_SHADOWED, &|hook| hook.shadowed);
    each(&n::HOOK_QUEUED, &|hook| hook.queued);
    each(&n::HOOK_DISABLED, &|hook| u64::from(hook.disabled));
    for (metric, times) in [
        (&n::HOOK_ATTEMPT, (|hook| &hook.attempt_us) as fn(&HookNumbers) -> &Histogram<u64>),
        (&n::HOOK_DELIVERY, |hook| &hook.delivery_us),
    ] {
        page.add(metric, |samples| {
            for (name, hook) in hooks {
                samples.push_histogram(&[name], times(hook), 1e-6, HOOK_BOUNDS);
            }
        });
    }
}

fn latency(samples: &mut Samples<'_>, labels: &[&str], latency: &Latency, bounds: &[f64]) {
    if let Some(recorded) = latency.histogram() {
        samples.push_histogram(labels, recorded, 1e-9, bounds);
    }
}

fn unix(at: Nanos) -> f64 {
    at.0 as f64 / Nanos::SECOND as f64
}
