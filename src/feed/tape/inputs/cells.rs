//! From an input to the cells of its row.

use super::text::to_text;
use super::words::{What, state_of, status_of, terms_of};
use crate::engine::Input;
use crate::event::{Bar, Body, Event, MarketId};

/// What one row says, column by column.
#[derive(Clone, Copy, Default)]
pub(in crate::feed::tape) struct Cells {
    pub(in crate::feed::tape) recv_at: Option<i64>,
    pub(in crate::feed::tape) venue_at: Option<i64>,
    pub(in crate::feed::tape) market: Option<i32>,
    pub(in crate::feed::tape) side: Option<i8>,
    pub(in crate::feed::tape) liquidated: Option<i8>,
    pub(in crate::feed::tape) terms: Option<i8>,
    pub(in crate::feed::tape) price: Option<f64>,
    pub(in crate::feed::tape) qty: Option<f64>,
    pub(in crate::feed::tape) bid: [Option<f64>; 2],
    pub(in crate::feed::tape) ask: [Option<f64>; 2],
    pub(in crate::feed::tape) level: Option<f64>,
    pub(in crate::feed::tape) bar: [Option<f64>; 4],
    pub(in crate::feed::tape) id: Option<u64>,
}

/// What an input is, its cells, and the whole of it in text where they do not hold it. `known` is the number of markets
/// that have a name.
pub(in crate::feed::tape) fn cells_of(input: &Input, known: usize) -> (What, Cells, Option<String>) {
    let at = Cells { recv_at: Some(input.at().0), ..Cells::default() };
    let cells = match input {
        Input::Event(event) => event_cells(event, at),
        Input::Bar(bar) => bar_cells(bar, at),
        Input::Tick(_) | Input::Command(_) | Input::Delivery(_) => at,
        Input::Probe { seq, .. } | Input::Stored { seq, .. } => Cells { id: Some(*seq), ..at },
        Input::Bad { count, .. } => Cells { id: Some(*count), ..at },
        Input::Feed(report) => Cells { terms: state_of(report.state.name()).map(|place| place as i8), ..at },
    };
    let (market, is_named) = match market_of(input) {
        Some(id) => (i32::try_from(id.0).ok(), (id.0 as usize) < known),
        None => (None, true),
    };
    let in_columns = !matches!(input, Input::Feed(_) | Input::Command(_) | Input::Delivery(_)) && is_named;
    let detail = if in_columns { None } else { Some(to_text(input)) };
    (What::of_input(input), Cells { market: market.filter(|_| is_named), ..cells }, detail)
}

const fn market_of(input: &Input) -> Option<MarketId> {
    match input {
        Input::Event(event) => Some(event.market),
        Input::Bar(bar) => Some(bar.market),
        Input::Bad { market, .. } => *market,
        _ => None,
    }
}

fn event_cells(event: &Event, at: Cells) -> Cells {
    let at = Cells { venue_at: Some(event.venue_at.0), ..at };
    match event.body {
        Body::Trade { price, qty, id, aggressor } => {
            Cells { price: Some(price.get()), qty: Some(qty.get()), id: Some(id), side: Some(aggressor as i8), ..at }
        }
        Body::Liquidation { price, qty, liquidated, meaning, completeness } => Cells {
            price: Some(price.get()),
            qty: Some(qty.get()),
            liquidated: Some(liquidated as i8),
            terms: Some(terms_of(meaning, completeness) as i8),
            ..at
        },
        Body::Quote { bid, bid_qty, ask, ask_qty } => {
            Cells { bid: [Some(bid.get()), Some(bid_qty.get())], ask: [Some(ask.get()), Some(ask_qty.get())], ..at }
        }
        Body::Depth { bid_qty, ask_qty } => {
            Cells { bid: [None, Some(bid_qty.get())], ask: [None, Some(ask_qty.get())], ..at }
        }
        Body::Mark { price } | Body::Index { price } => Cells { price: Some(price.get()), ..at },
        Body::Funding { rate } => Cells { level: Some(rate), ..at },
        Body::OpenInterest { qty } => Cells { qty: Some(qty.get()), ..at },
        Body::MarkIv { iv: level } | Body::VolatilityIndex { level } => Cells { level: Some(level.get()), ..at },
        Body::Status { status } => Cells { terms: Some(status_of(status) as i8), ..at },
    }
}

fn bar_cells(bar: &Bar, at: Cells) -> Cells {
    Cells {
        venue_at: Some(bar.open_at.0),
        price: Some(bar.close.get()),
        qty: Some(bar.volume.get()),
        bar: [bar.open.get(), bar.high.get(), bar.low.get(), bar.taker_buy.get()].map(Some),
        id: Some(bar.trades),
        ..at
    }
}
