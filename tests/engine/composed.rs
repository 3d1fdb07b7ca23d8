//! A small composed tape: two markets, every kind of input, a crash with liquidations. No recorded data.

use fusewire::engine::{FeedReport, FeedState, Input};
use fusewire::event::{Liquidated, Nanos, VenueStatus};
use fusewire::market::VenueId;

use crate::chance::Chance;
use crate::stage::{at, bar, interest, liquidation, quote, status, trade};

/// Seconds of the tape; the crash begins in the middle.
const LENGTH_SECS: f64 = 900.0;
const CRASH_SECS: f64 = 450.0;

/// The tape. Arithmetic only, so that it is the same on every machine.
pub(crate) fn tape() -> Vec<Input> {
    let mut chance = Chance::new(7);
    let mut prices = [100.0, 101.0, 50.0];
    let (mut inputs, mut secs) = (Vec::new(), 0.0);
    for id in 1.. {
        secs += chance.between(0.01, 0.6);
        if secs > LENGTH_SECS {
            break;
        }
        let market = chance.below(2) as usize;
        let crash = (CRASH_SECS..CRASH_SECS + 60.0).contains(&secs);
        let drift = if crash { -0.004 } else { 0.0 };
        prices[market] *= 1.0 + drift + 0.0004 * (chance.unit() - 0.5);
        inputs.extend(said(&mut chance, market as u32, id, at(secs), prices[market], crash));
        if id.is_multiple_of(200) {
            prices[2] *= 1.0 + 0.01 * (chance.unit() - 0.5);
            let open = prices[2];
            inputs.push(Input::Bar(bar(2, at(secs), [open, open * 1.01, open * 0.99, open])));
        }
    }
    inputs.push(Input::Feed(FeedReport {
        at: at(LENGTH_SECS),
        venue: VenueId(0),
        connection: 0,
        state: FeedState::Down,
        why: "composed".to_owned(),
    }));
    inputs.push(Input::Tick(at(LENGTH_SECS + 60.0)));
    inputs
}

fn said(chance: &mut Chance, market: u32, id: u64, at: Nanos, price: f64, crash: bool) -> Vec<Input> {
    let mut said = vec![Input::Event(trade(market, id, at, price))];
    match chance.below(8) {
        0 => said.push(Input::Event(quote(market, at, price))),
        1 => said.push(Input::Event(interest(market, at, if crash { 9_000.0 } else { 10_000.0 } + price))),
        2 if crash => said.push(forced(market, at, price, Liquidated::Long)),
        4 if crash => said.push(Input::Event(status(market, at, VenueStatus::CancelOnly))),
        4 => said.push(Input::Event(status(market, at, VenueStatus::Online))),
        3 if id.is_multiple_of(5) => said.push(forced(market, at, price, Liquidated::Short)),
        _ => {}
    }
    said
}

fn forced(market: u32, at: Nanos, price: f64, whose: Liquidated) -> Input {
    Input::Event(liquidation(market, at, price, price, whose, market == 0))
}
