//! Feeds that live and are wrong all the same: silent while others trade, late by the venue's own clock, crossed, frozen. And
//! how often recordings, of feeds that were none of this as far as anybody knows, read so.

use std::path::Path;

use fusewire::detect::legs;
use fusewire::engine::{Engine, EngineSettings, FeedReport, FeedState, Input, Output};
use fusewire::event::{Aggressor, Body, Event, MarketId, Nanos, Price, Qty};
use fusewire::feed::tape;
use fusewire::market::{ContractSize, Market, MarketKind, Markets, VenueId};
use fusewire::record::Fact;
use fusewire::replay::{Listener, Runner};

use crate::chance::Chance;

const START: Nanos = Nanos::from_secs(1_760_000_000);

/// Trips of these two detectors, as `market leg` with seconds after the start.
#[derive(Default)]
struct Wrong(Vec<(String, f64)>);

impl Listener for Wrong {
    fn output(&mut self, _: &Engine, output: &Output) {
        if let Output::Record(record) = output
            && let Fact::Trip { detector, leg, market, .. } = &record.fact
            && (detector == "apart" || detector == "book")
        {
            self.0.push((format!("{market} {leg}"), record.at.secs_since(START)));
        }
    }
}

/// Bitcoin at two venues, Ether at the first.
struct Town {
    runner: Runner,
    wrong: Wrong,
    chance: Chance,
    now: Nanos,
    id: u64,
}

const A: MarketId = MarketId(0);
const B: MarketId = MarketId(1);
const C: MarketId = MarketId(2);

/// Uniform in [0, 1).
fn share_of(chance: &mut Chance) -> f64 {
    chance.below(1 << 53) as f64 / (1_u64 << 53) as f64
}

impl Town {
    fn new() -> Self {
        let mut markets = Markets::new();
        for (venue, asset) in [("one", "BTC"), ("two", "BTC"), ("one", "ETH")] {
            markets.add(Market {
                venue: venue.into(),
                native: format!("{asset}USD"),
                asset: asset.into(),
                quote: "USD".into(),
                kind: MarketKind::Perp,
                contract: ContractSize::Base(1.0),
            });
        }
        let runner = Runner::new(Engine::new(EngineSettings::default(), markets));
        Self { runner, wrong: Wrong::default(), chance: Chance::new(3), now: START, id: 0 }
    }

    fn event(&mut self, market: MarketId, lag_secs: f64, body: Body) {
        let event = Event { venue_at: self.now.plus_secs(-lag_secs), recv_at: self.now, market, body };
        self.runner.feed(Input::Event(event), &mut [&mut self.wrong]);
    }

    fn trade(&mut self, market: MarketId, lag_secs: f64, price: f64) {
        self.id += 1;
        let (price, qty) = (Price::new(price).expect("price"), Qty::positive(1.0).expect("qty"));
        self.event(market, lag_secs, Body::Trade { price, qty, id: self.id, aggressor: Aggressor::Buy });
    }

    fn quote(&mut self, bid: f64, ask: f64) {
        let (bid, ask) = (Price::new(bid).expect("price"), Price::new(ask).expect("price"));
        self.event(A, 0.05, Body::Quote { bid, bid_qty: Qty::ZERO, ask, ask_qty: Qty::ZERO });
    }

    /// The connection of the first venue changes its state.
    fn link(&mut self, state: FeedState) {
        let why = "a test".to_owned();
        let report = FeedReport { at: self.now, venue: VenueId(0), connection: 0, state, why };
        self.runner.feed(Input::Feed(report), &mut [&mut self.wrong]);
    }

    /// Steps of a tenth of a second, each market trading in so large a share of them.
    fn trades(&mut self, secs: u32, shares: [f64; 3], lag_secs: f64) {
        for _ in 0..10 * secs {
            self.now = self.now.plus_secs(0.1);
            self.runner.feed(Input::Tick(self.now), &mut [&mut self.wrong]);
            for (market, share) in [A, B, C].into_iter().zip(shares) {
                if share_of(&mut self.chance) < share {
                    let jitter = 0.02 * share_of(&mut self.chance);
                    self.trade(market, lag_secs + jitter, 100.0);
                }
            }
        }
    }

    fn wrongs(&mut self) -> Vec<String> {
        self.wrong.0.drain(..).map(|(what, _)| what).collect()
    }
}

#[test]
fn a_market_that_is_silent_while_others_trade_is_told_from_a_quiet_hour() {
    let mut town = Town::new();
    town.trades(3000, [0.15, 0.5, 0.3], 0.05);
    assert_eq!(town.wrongs(), [""; 0]);
    // Everybody is quiet: nobody is silent.
    town.trades(8, [0.0; 3], 0.05);
    assert_eq!(town.wrongs(), [""; 0], "a quiet moment of all");
    town.trades(300, [0.15, 0.5, 0.3], 0.05);
    let silent_from = town.now;
    town.trades(12, [0.0, 0.9, 0.9], 0.05);
    assert_eq!(town.wrong.0.len(), 1, "{:?}", town.wrong.0);
    let (what, at) = town.wrong.0.remove(0);
    let noticed = at - silent_from.secs_since(START);
    println!("{what} noticed after {noticed:.1} s");
    assert!(what == "one:BTCUSD silent" && noticed <= 11.0, "{what} after {noticed}");
}

#[test]
fn a_peer_that_comes_back_blinds_nobody() {
    let mut town = Town::new();
    town.trades(3000, [0.1, 0.0, 0.0], 0.05);
    town.trades(600, [0.1, 0.9, 0.9], 0.05);
    assert_eq!(town.wrongs(), [""; 0]);
}

#[test]
fn a_stream_that_does_not_come_back_with_its_connection_is_missed() {
    let mut town = Town::new();
    town.trades(3000, [0.15, 0.5, 0.3], 0.05);
    town.link(FeedState::Down);
    town.trades(60, [0.0, 0.9, 0.0], 0.05);
    assert_eq!(town.wrongs(), [""; 0], "whose connection is gone is not missed twice");
    town.link(FeedState::Delivering);
    let back_at = town.now;
    town.trades(15, [0.0, 0.9, 0.9], 0.05);
    assert_eq!(town.wrong.0.len(), 1, "{:?}", town.wrong.0);
    let (what, at) = town.wrong.0.remove(0);
    let noticed = at - back_at.secs_since(START);
    assert!(what == "one:BTCUSD silent" && noticed <= 12.0, "{what} after {noticed}");
}

#[test]
fn a_lag_that_leaves_its_band_is_told_and_one_late_event_is_not() {
    let mut town = Town::new();
    town.trades(1500, [0.5, 0.5, 0.5], 0.05);
    town.trade(A, 30.0, 100.0);
    town.trades(60, [0.5; 3], 0.05);
    assert_eq!(town.wrongs(), [""; 0]);
    for step in 0..8 {
        town.trades(1, [0.5; 3], 0.5 * f64::from(step));
    }
    town.trades(10, [0.5; 3], 4.0);
    assert_eq!(town.wrongs(), ["one:BTCUSD skew", "two:BTCUSD skew", "one:ETHUSD skew"]);
}

/// What comes without a time of the venue's stands at ours, between trades that are ever later.
#[test]
fn events_without_a_time_of_the_venues_hide_no_lag() {
    let mut town = Town::new();
    let one_each_second = |town: &mut Town, secs: u32, lag_secs: f64| {
        for _ in 0..secs {
            town.trades(1, [0.5; 3], lag_secs);
            town.event(A, 0.0, Body::OpenInterest { qty: Qty::positive(5.0).expect("qty") });
        }
    };
    one_each_second(&mut town, 1500, 0.05);
    assert_eq!(town.wrongs(), [""; 0]);
    for step in 0..8 {
        one_each_second(&mut town, 1, 0.5 * f64::from(step));
    }
    one_each_second(&mut town, 10, 4.0);
    assert_eq!(town.wrongs(), ["one:BTCUSD skew", "two:BTCUSD skew", "one:ETHUSD skew"]);
}

#[test]
fn a_clock_that_is_set_is_no_lateness_and_hides_none() {
    let mut town = Town::new();
    town.trades(1500, [0.5; 3], 0.05);
    for lag_secs in [-3600.0, 3600.0, 3.0, -3.0] {
        town.trades(60, [0.5; 3], lag_secs);
    }
    assert_eq!(town.wrongs(), [""; 0]);
    for step in 0..8 {
        town.trades(1, [0.5; 3], 0.5 * f64::from(step) - 3.0);
    }
    town.trades(10, [0.5; 3], 1.0);
    assert_eq!(town.wrongs().len(), 3, "by the new clock it is late all the same");
}

#[test]
fn a_crossed_book_is_told_after_its_time_and_a_crossed_instant_is_not() {
    let mut town = Town::new();
    town.trades(10, [0.5; 3], 0.05);
    for _ in 0..20 {
        town.quote(100.0, 99.9);
        town.trades(1, [0.5; 3], 0.05);
        town.quote(99.9, 100.1);
        town.trades(1, [0.5; 3], 0.05);
    }
    assert_eq!(town.wrongs(), [""; 0]);
    town.quote(100.0, 100.0);
    town.trades(3, [0.0; 3], 0.05);
    assert_eq!(town.wrongs(), ["one:BTCUSD crossed"]);
}

#[test]
fn a_quote_that_trades_go_through_is_frozen_and_a_quiet_one_is_not() {
    let mut town = Town::new();
    for step in 0..400 {
        town.quote(99.9 + f64::from(step % 5) * 0.01, 100.1);
        town.trades(1, [0.5; 3], 0.05);
        // A trade that its quote had not heard of.
        if step % 20 == 0 {
            town.trade(A, 0.05, 100.2);
        }
    }
    town.trades(60, [0.5; 3], 0.05);
    assert_eq!(town.wrongs(), [""; 0], "the trades stay inside");
    for _ in 0..120 {
        (0..5).for_each(|_| town.trade(A, 0.05, 100.3));
        town.trades(1, [0.0, 0.5, 0.5], 0.05);
    }
    assert_eq!(town.wrongs(), ["one:BTCUSD frozen"]);
}

/// The day of the crash, DOT at three venues together, calm hours, and quotes of a calm day: none of them trips.
#[test]
fn recordings_that_are_whole_read_so() {
    let Some(root) = std::env::var_os("FUSEWIRE_DATA").map(|root| Path::new(&root).to_owned()) else {
        return println!("skipped: FUSEWIRE_DATA does not lead to recordings");
    };
    assert!(legs().iter().any(|(name, leg)| (*name, leg.name) == ("apart", "silent")));
    let sets: [&[&str]; 7] = [
        &[
            "binance-delivery_trades_2025-10-10_DOTUSD_PERP.csv.gz",
            "binance-delivery_trades_2025-10-10_TRXUSD_PERP.csv.gz",
            "coinbase_trades_2025-10-10_DOT-USD.csv.gz",
            "gemini_trades_2025-10-10_DOTUSD.csv.gz",
        ],
        &["binance-delivery_trades_2025-10-10_TRXUSD_PERP.csv.gz", "binance_trades_2025-10-10_TRXUSDT.csv.gz"],
        &["binance_trades_2025-10-04_BTCUSDC.csv.gz"],
        &["gemini_trades_2025-10-10_BTCUSD.csv.gz", "gemini_trades_2025-10-10_ETHUSD.csv.gz"],
        // Eleven minutes with quotes.
        &["usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"],
        &["cm_btcusd_perp_20240808.gz", "cm_ethusd_perp_20240808.gz"],
        &["spot_btcusdt_20240808.gz", "spot_ethusdt_20240808.gz"],
    ];
    for set in sets {
        let venue = [("usdm_", "binance-usdm"), ("cm_", "binance-coinm"), ("spot_", "binance-spot")]
            .into_iter()
            .find_map(|(begins, venue)| set[0].starts_with(begins).then(|| venue.to_owned()));
        let folder = if venue.is_some() { "frames/hftbacktest" } else { "ticks" };
        let paths: Vec<_> = set.iter().map(|name| root.join(folder).join(name)).collect();
        let venues: Vec<String> = venue.into_iter().collect();
        let specs = tape::Spec::all(&paths, "auto", &venues).expect("tapes");
        let mut tapes = tape::merge(specs.iter().map(|spec| tape::open(spec).expect("a tape")).collect());
        let mut markets = Markets::new();
        let (mut inputs, mut wrong) = (Vec::new(), Wrong::default());
        while let Some(input) = tapes.next(&mut markets).expect("readable") {
            inputs.push(input);
        }
        let mut runner = Runner::new(Engine::new(EngineSettings::default(), markets));
        for input in inputs {
            runner.feed(input, &mut [&mut wrong]);
        }
        println!("{set:?}: {} trips of {} markets", wrong.0.len(), set.len());
        assert!(wrong.0.is_empty(), "{set:?}: {:?}", wrong.0);
    }
}
