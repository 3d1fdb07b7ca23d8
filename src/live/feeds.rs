//! The feeds: one thread with its own runtime, one relay a feed, all into the mailbox.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow};
use tokio::sync::watch;

use super::mailbox::{Mailbox, Slot};
use super::scribe::{Scribe, Wire};
use super::settings::FeedSettings;
use crate::engine::{FeedReport, FeedState, Input};
use crate::event::{MarketId, Nanos};
use crate::feed::catalog::Catalog;
use crate::feed::clock::Clock;
use crate::feed::session::{Counters, Identity, Relay, Session, Standing};
use crate::feed::socket::{self, Door, Sink};
use crate::feed::trust::Trust;
use crate::feed::turnstile::Turnstile;
use crate::feed::venue::{MarketLookup, VenueRef};
use crate::market::Markets;

/// Counts of every connection.
pub(super) type FeedCounts = Arc<Mutex<Vec<LineCounts>>>;

/// What one connection shows.
#[derive(Clone, Debug)]
pub(super) struct LineCounts {
    /// Venue and number, as in `binance-coinm/0`.
    pub(super) name: String,
    /// Where it stands, as last reported.
    pub(super) state: Option<FeedState>,
    pub(super) counters: Counters,
    pub(super) standing: Standing,
}

/// The running feeds.
pub(super) struct Feeds {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    pub(super) counts: FeedCounts,
}

impl LineCounts {
    fn new(name: String) -> Self {
        Self { name, state: None, counters: Counters::default(), standing: Standing::default() }
    }
}

impl LineCounts {
    /// What is wrong with it, in words.
    pub(super) fn trouble(&self) -> Option<String> {
        match self.state {
            Some(FeedState::Delivering | FeedState::Thin | FeedState::Gap | FeedState::Overflow)
                if self.counters.mute == 0 =>
            {
                None
            }
            Some(FeedState::Delivering | FeedState::Thin | FeedState::Gap | FeedState::Overflow) => {
                Some(format!("{}: {} streams were acknowledged and never delivered", self.name, self.counters.mute))
            }
            Some(state) => Some(format!("{} is {}", self.name, state.name())),
            None => Some(format!("{} has not begun", self.name)),
        }
    }
}

/// Adds the markets of all feeds to the table.
pub(super) fn add_markets(feeds: &[FeedSettings], catalog: &Catalog, table: &mut Markets) -> Result<()> {
    for feed in feeds {
        for native in &feed.markets {
            let market = catalog
                .market(&feed.venue, native)
                .ok_or_else(|| anyhow!("{}: `{native}` is no market name of this venue", feed.venue))?;
            table.add(market);
        }
    }
    Ok(())
}

fn venue_of(feed: &FeedSettings, catalog: &Catalog) -> Result<VenueRef> {
    catalog.venue(&feed.venue).ok_or_else(|| anyhow!("there is no venue `{}`", feed.venue))
}

impl Feeds {
    /// Makes every relay and runs them.
    pub(super) fn start(
        feeds: &[FeedSettings],
        catalog: &Catalog,
        table: &Markets,
        clock: &Arc<dyn Clock>,
        mailbox: &Mailbox,
        record: Option<&Scribe>,
    ) -> Result<Self> {
        let (mut relays, mut turnstiles) = (Vec::new(), BTreeMap::new());
        for feed in feeds {
            relays.extend(relays_of(feed, catalog, table, clock.now(), &mut turnstiles)?);
        }
        let counts: FeedCounts =
            Arc::new(Mutex::new(relays.iter().map(|(relay, ..)| LineCounts::new(relay.name())).collect()));
        let (stop, stopped) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("feed runtime")?;
        let (clock, mailbox, shared) = (Arc::clone(clock), mailbox.clone(), Arc::clone(&counts));
        let (record, catalog) = (record.cloned(), catalog.clone());
        let work = move || {
            runtime.block_on(async {
                let tasks = relays.into_iter().enumerate().map(|(place, (relay, door, overflow))| {
                    let wire = Wire { name: relay.name(), url: url_of(&relay.name(), &catalog) };
                    let mut sink = Line {
                        record: record.clone().map(|scribe| (scribe, Arc::new(wire))),
                        slot: Slot::new(mailbox.clone(), overflow),
                        place,
                        state: None,
                        counts: Arc::clone(&shared),
                    };
                    let (clock, mut stopped) = (Arc::clone(&clock), stopped.clone());
                    async move {
                        let shutdown = async move { drop(stopped.wait_for(|stop| *stop).await) };
                        socket::run(relay, door, clock, &mut sink, shutdown).await;
                    }
                });
                futures_util::future::join_all(tasks).await;
            });
        };
        let thread = std::thread::Builder::new().name("feeds".to_owned()).spawn(work).context("feed thread")?;
        Ok(Self { stop, thread, counts })
    }

    /// Closes every connection.
    pub(super) fn stop(self) {
        self.stop.send_replace(true);
        drop(self.thread.join());
    }
}

/// One door for each venue, whichever feeds and endpoints go through it.
type Turnstiles = BTreeMap<String, Arc<Mutex<Turnstile>>>;

fn relays_of(
    feed: &FeedSettings,
    catalog: &Catalog,
    table: &Markets,
    now: Nanos,
    turnstiles: &mut Turnstiles,
) -> Result<Vec<(Relay, Door, FeedReport)>> {
    let venue = venue_of(feed, catalog)?;
    let lookup = Arc::new(MarketLookup::new(&*venue, table));
    let markets: Vec<(MarketId, &str)> =
        lookup.iter().filter(|(_, native)| feed.markets.iter().any(|wanted| wanted == native)).collect();
    let (venue_id, _) =
        markets.first().and_then(|(id, _)| table.groups(*id)).ok_or_else(|| anyhow!("{}: no markets", feed.venue))?;
    let bases: Vec<String> = feed.endpoint.iter().chain(&feed.endpoints).cloned().collect();
    let base = bases.first().map_or(venue.base(), String::as_str).to_owned();
    let turnstile = turnstiles
        .entry(venue.name().to_owned())
        .or_insert_with(|| Arc::new(Mutex::new(Turnstile::new(venue.connects()))));
    let trust = match &feed.ca_file {
        Some(path) => Trust::with_file(path).with_context(|| path.display().to_string())?,
        None => Trust::public(),
    };
    let door = Door { trust, turnstile: Some(Arc::clone(turnstile)) };
    let wanted = venue.subscribe(&markets, &feed.kinds);
    Ok(wanted
        .into_iter()
        .enumerate()
        .map(|(connection, subscription)| {
            let connection = connection as u32;
            let (venue, base, markets) = (venue.clone(), base.clone(), Arc::clone(&lookup));
            let who = Identity { venue, venue_id, connection, base, markets };
            let why = "the channel to the engine was full".to_owned();
            let overflow = FeedReport { at: now, venue: venue_id, connection, state: FeedState::Overflow, why };
            let seed = u64::from(connection) << 32 | u64::from(venue_id.0);
            let session = Session::new(who, subscription, feed.session.clone(), seed, now).with_endpoints(&bases);
            (Relay::new(session, feed.connections, !seed), door.clone(), overflow)
        })
        .collect())
}

/// The venue's own address, whatever this run connects to: what tells a reader of frames the venue.
fn url_of(line: &str, catalog: &Catalog) -> String {
    let name = line.split('/').next().unwrap_or(line);
    catalog.venue(name).map_or_else(String::new, |venue| venue.base().to_owned())
}

/// Where one session's inputs go.
struct Line {
    /// Where its frames are recorded.
    record: Option<(Scribe, Arc<Wire>)>,
    slot: Slot,
    place: usize,
    state: Option<FeedState>,
    counts: FeedCounts,
}

impl Sink for Line {
    fn input(&mut self, input: Input) -> ControlFlow<()> {
        if let Input::Feed(report) = &input {
            self.state = Some(report.state);
        }
        self.slot.take(input)
    }

    fn frame(&mut self, recv_at: Nanos, text: &str) {
        if let Some((scribe, wire)) = &self.record {
            scribe.frame(wire, recv_at, text);
        }
    }

    fn counters(&mut self, counters: &Counters, standing: Standing) {
        if let Ok(mut all) = self.counts.try_lock()
            && let Some(mine) = all.get_mut(self.place)
        {
            mine.counters = *counters;
            mine.standing = standing;
            mine.state = self.state;
        }
    }
}
