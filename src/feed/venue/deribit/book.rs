//! Deribit's books: whole at first, then what changed, each message with the id of the one before.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::message::{Envelope, Notification};
use crate::event::{Event, Qty};
use crate::feed::book::{Book, Books, Head, Level, Link, Way};
use crate::feed::venue::frame::{self, Context, parse, present};
use crate::feed::venue::number::Number;
use crate::feed::venue::{Decoded, Reason, Refusal, levels, value};

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(rename = "type")]
    form: &'a str,
    timestamp: i64,
    instrument_name: &'a str,
    change_id: u64,
    #[serde(default, deserialize_with = "present")]
    prev_change_id: Option<u64>,
    #[serde(borrow)]
    bids: &'a RawValue,
    #[serde(borrow)]
    asks: &'a RawValue,
}

/// What became of a level: `new`, `change` or `delete`, its price, its quantity.
#[derive(Deserialize)]
struct Change<'a>(&'a str, #[serde(borrow)] Number<'a>, #[serde(borrow)] Number<'a>);

/// Reads a notification of a book.
pub(super) fn read(frame: &[u8], cx: &Context, books: &mut Books, out: &mut Vec<Event>) -> Result<Decoded, Refusal> {
    let envelope: Envelope = parse(frame::text(frame)?)?;
    let notification: Notification = parse(envelope.params.ok_or(Reason::MissingField)?.get())?;
    let message: Message = parse(notification.data.get())?;
    let market = cx.market(message.instrument_name)?;
    let venue_at = value::millis(message.timestamp).map_err(|reason| reason.at(market))?;
    let link = match (message.form, message.prev_change_id) {
        ("snapshot", _) => Link::Whole(Some(message.change_id)),
        ("change", Some(after)) => Link::Change { after: Some(after), number: Some(message.change_id) },
        ("change", None) => return Err(Reason::MissingField.at(market)),
        _ => return Err(Reason::OutOfRange.at(market)),
    };
    let head = Head { market, venue_at, recv_at: cx.recv_at, link };
    levels::take(head, cx, books, out, |book| {
        side(book, Way::Bid, message.bids.get())?;
        side(book, Way::Ask, message.asks.get())
    })
}

fn side(book: &mut Book, way: Way, list: &str) -> Result<(), Reason> {
    levels::each(list, |Change(what, price, qty): Change| {
        let (price, qty) = (price.price()?, qty.book_qty()?);
        let qty = match what {
            "new" | "change" => qty,
            "delete" => Qty::ZERO,
            _ => return Err(Reason::OutOfRange),
        };
        book.set(way, Level::new(price, qty));
        Ok(())
    })
}
