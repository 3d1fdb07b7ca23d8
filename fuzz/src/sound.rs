//! What every event and bar must be, whoever made it.

use fusewire::event::{Bar, Body, Event, Nanos, Price, Qty};
use fusewire::market::Markets;

/// 2009 to 2100: no market that is watched here is older.
const FIRST: Nanos = Nanos::from_secs(1_230_768_000);
const LAST: Nanos = Nanos::from_secs(4_102_444_800);

/// Whether a time lies where times of markets lie.
pub fn is_time(at: Nanos) -> bool {
    (FIRST..LAST).contains(&at)
}

/// An event as a venue's decoder gives it.
pub fn event(event: &Event, markets: &Markets) {
    recorded(event, markets);
    assert!(!matches!(event.body, Body::Funding { rate } if rate.abs() > 10.0), "{event:?}");
}

/// An event as a recording may hold it: of a funding rate, finite is enough.
pub fn recorded(event: &Event, markets: &Markets) {
    assert!(is_time(event.venue_at) && is_time(event.recv_at), "{event:?}");
    assert!(markets.get(event.market).is_some(), "of no market: {event:?}");
    body(&event.body);
}

/// The numbers alone.
pub fn body(body: &Body) {
    let (prices, quantities): (&[Price], &[Qty]) = match body {
        Body::Trade { price, qty, .. } | Body::Liquidation { price, qty, .. } => {
            assert!(qty.get() > 0.0, "{body:?}");
            (&[*price], &[*qty])
        }
        Body::Quote { bid, bid_qty, ask, ask_qty } => (&[*bid, *ask], &[*bid_qty, *ask_qty]),
        Body::Depth { bid_qty, ask_qty } => (&[], &[*bid_qty, *ask_qty]),
        Body::Mark { price } | Body::Index { price } => (&[*price], &[]),
        Body::Funding { rate } => return assert!(rate.is_finite(), "{body:?}"),
        Body::OpenInterest { qty } => (&[], &[*qty]),
        Body::MarkIv { iv } => (&[*iv], &[]),
        Body::VolatilityIndex { level } => (&[*level], &[]),
        Body::Status { .. } => (&[], &[]),
    };
    assert!(prices.iter().all(|price| (Price::MIN..=Price::MAX).contains(&price.get())), "{body:?}");
    assert!(quantities.iter().all(|qty| (0.0..=Qty::MAX).contains(&qty.get())), "{body:?}");
}

pub fn bar(bar: &Bar, markets: &Markets) {
    assert!(is_time(bar.open_at) && bar.open_at < bar.close_at, "{bar:?}");
    assert!(markets.get(bar.market).is_some(), "of no market: {bar:?}");
    let (low, high) = (bar.low.get(), bar.high.get());
    assert!((Price::MIN..=high).contains(&low) && high <= Price::MAX, "{bar:?}");
    assert!((low..=high).contains(&bar.close.get()), "{bar:?}");
    assert!(bar.volume.get().is_finite() && bar.taker_buy.get().is_finite(), "{bar:?}");
}
