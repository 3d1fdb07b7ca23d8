//! Sessions: the state machine poked by hand, and real sockets against the pretended venue.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of tests may fail loudly, and a real socket needs a real clock"
)]

mod books;
mod others;
mod poked;
mod recorded;
mod relay;
#[allow(dead_code, reason = "the suite of venues uses more of it")]
mod running;
mod sockets;
mod storm;
mod tls;

use std::sync::Arc;

use fusewire::event::{Kind, Nanos};
use fusewire::feed::session::{Identity, Session, SessionSettings};
use fusewire::feed::venue::{MarketLookup, Subscription, find};
use fusewire::market::{Markets, VenueId};

pub(crate) const START: Nanos = Nanos::from_secs(1_760_128_800);

pub(crate) fn session(base: &str, venue: &str, kinds: &[Kind], settings: SessionSettings, now: Nanos) -> Session {
    let venue = find(venue).expect("a venue");
    let native = match venue.name() {
        "binance-coinm" => "DOTUSD_PERP",
        "okx" => "BTC-USDT-SWAP",
        "coinbase" => "BTC-USD",
        "hyperliquid" => "BTC",
        "kraken-spot" => "BTC/USD",
        "kraken-futures" => "PI_XBTUSD",
        _ => "BTCUSDT",
    };
    let mut markets = Markets::new();
    let id = markets.add(venue.instrument(native).expect("a market"));
    let base = if base.is_empty() { venue.base() } else { base }.to_owned();
    let lookup = Arc::new(MarketLookup::new(venue, &markets));
    let wanted: Subscription = venue.subscribe(&[(id, native)], kinds).remove(0);
    let who = Identity { venue: venue.into(), venue_id: VenueId(0), connection: 0, base, markets: lookup };
    Session::new(who, wanted, settings, 7, now)
}

pub(crate) fn trade(id: u64, at: Nanos) -> String {
    let ms = at.0 / 1_000_000;
    format!(
        r#"{{"stream":"dotusd_perp@aggTrade","data":{{"e":"aggTrade","E":{ms},"a":{id},"s":"DOTUSD_PERP","p":"4.2","q":"1","f":{id},"l":{id},"T":{ms},"m":false}}}}"#
    )
}

pub(crate) fn liquidation(at: Nanos) -> String {
    let ms = at.0 / 1_000_000;
    format!(
        r#"{{"stream":"dotusd_perp@forceOrder","data":{{"e":"forceOrder","E":{ms},"o":{{"s":"DOTUSD_PERP","S":"SELL","q":"5","p":"3.9","ap":"3.95","z":"5","T":{ms}}}}}}}"#
    )
}
