//! A composed scene: frames of two markets, a trade each every few milliseconds; the first one crashes, the second never.

use std::sync::Arc;

use fusewire::event::Nanos;
use fusewire::feed::clock::{Clock, RealClock};
use fusewire::venue_sim::{VenueOptions, VenueServer};

/// How often each market trades.
pub(crate) const STEP_NS: i64 = 5_000_000;

/// The market that crashes.
pub(crate) const CRASHING: &str = "binance-coinm:DOTUSD_PERP";
/// The market that stays where it is.
pub(crate) const CALM: &str = "binance-coinm:TRXUSD_PERP";

/// What is played.
#[derive(Clone, Copy)]
pub(crate) struct Scene {
    /// Symbols of the market that crashes, and of the other one.
    pub(crate) symbols: [&'static str; 2],
    /// Seconds from crash to crash; the first one comes after as many.
    pub(crate) period_secs: f64,
    /// How deep it falls: 0.12 is 12 %.
    pub(crate) depth: f64,
}

impl Scene {
    /// A crash of 12 % within a fifth of a second, again and again.
    pub(crate) fn crashes_every(period_secs: f64) -> Self {
        Self { symbols: ["DOTUSD_PERP", "TRXUSD_PERP"], period_secs, depth: 0.12 }
    }

    /// No crash at all.
    pub(crate) fn calm() -> Self {
        Self { depth: 0.0, ..Self::crashes_every(3600.0) }
    }

    /// Plays it over a real socket, from now on and without end.
    pub(crate) fn play(self) -> VenueServer {
        let clock: Arc<dyn Clock> = Arc::new(RealClock::new());
        let options = VenueOptions { ping_every: std::time::Duration::from_millis(200), ..VenueOptions::default() };
        VenueServer::start(self.frames(clock.now()), clock, options).expect("a port")
    }

    fn frames(self, from: Nanos) -> impl Iterator<Item = (Nanos, String)> + Send {
        (1..).flat_map(move |step: i64| {
            let at = Nanos(from.0 + step * STEP_NS);
            let prices = [4.0 * self.path(step as f64 * STEP_NS as f64 / 1e9), 0.3];
            let both = move |say: fn(&str, Nanos, i64, f64) -> String| {
                let lines =
                    self.symbols.into_iter().zip(prices).map(move |(symbol, price)| say(symbol, at, step, price));
                lines.map(move |line| (at, line))
            };
            let marks = both(mark).take(if step % 200 == 1 { 2 } else { 0 });
            both(trade).chain(marks)
        })
    }

    /// Share of its usual price that the crashing market stands at: down in 0.2 s, 0.1 s at the bottom, back in 0.3 s.
    fn path(self, secs: f64) -> f64 {
        let since = secs % self.period_secs;
        let fallen = if secs < self.period_secs || since > 0.6 {
            0.0
        } else if since < 0.2 {
            since / 0.2
        } else if since < 0.3 {
            1.0
        } else {
            (0.6 - since) / 0.3
        };
        1.0 - self.depth * fallen
    }
}

fn trade(symbol: &str, at: Nanos, id: i64, price: f64) -> String {
    let (ms, lower) = (at.0 / 1_000_000, symbol.to_ascii_lowercase());
    // A tick up and down: even a calm market moves.
    let price = price * (1.0 + 1e-4 * (id % 3) as f64);
    format!(
        r#"{{"stream":"{lower}@aggTrade","data":{{"e":"aggTrade","E":{ms},"a":{id},"s":"{symbol}","p":"{price:.6}","q":"10","f":{id},"l":{id},"T":{ms},"m":true}}}}"#
    )
}

fn mark(symbol: &str, at: Nanos, _: i64, price: f64) -> String {
    let (ms, lower) = (at.0 / 1_000_000, symbol.to_ascii_lowercase());
    format!(
        r#"{{"stream":"{lower}@markPrice@1s","data":{{"e":"markPriceUpdate","E":{ms},"s":"{symbol}","p":"{price:.6}"}}}}"#
    )
}
