//! Raw frames, one a line, through the venue's own decoder: `NANOS JSON`, or as cryptofeed records them `SECONDS.FRACTION: JSON`
//! behind a line with the URL.

use std::collections::VecDeque;
use std::sync::Arc;

use super::bad::Reason;
use super::decimal::whole;
use super::error::TapeError;
use super::fields::{FIRST_SECS, LAST_SECS, seconds};
use super::format::Importer;
use super::lines::{Line, Lines};
use super::source::{Report, Source};
use super::spec::Spec;
use crate::engine::Input;
use crate::event::{Event, Nanos};
use crate::feed::book::Books;
use crate::feed::catalog::Catalog;
use crate::feed::venue::{self, Decoded, MarketLookup, Refusal, VENUES, VenueRef};
use crate::market::Markets;

pub(super) const FRAMES: Importer = Importer { name: "frames", words: &["frames"], knows, open };

/// The longest time before a frame: ten digits of seconds, a point, nine of a fraction.
const TIME_MAX: usize = 20;

/// URLs whose host is not the one we connect to, or is that of several venues: where they begin, behind the scheme, and
/// whose they are. Some are of protocols that are spoken no more: their frames are refused one by one.
const URLS: [(&str, &str); 8] = [
    ("www.bitmex.com/realtime", "bitmex"),
    ("ws-feed.pro.coinbase.com", "coinbase"),
    ("ws-feed.exchange.coinbase.com", "coinbase"),
    ("stream.bybit.com/v5/public/linear", "bybit-linear"),
    ("stream.bybit.com/v5/public/inverse", "bybit-inverse"),
    ("stream.bybit.com/v5/public/spot", "bybit-spot"),
    ("stream.bybit.com/realtime_public", "bybit-linear"),
    ("stream.bybit.com/realtime", "bybit-inverse"),
];

fn open(mut lines: Lines, spec: &Spec, report: Report) -> Result<Box<dyn Source>, TapeError> {
    let first = lines.first().map_err(|error| TapeError::read(&spec.path, error))?;
    let of_url = if is_sent(first) { venue_of(first, &spec.catalog) } else { None };
    let names = || spec.catalog.names().join(", ");
    let venue = match &spec.venue {
        Some(said) => spec.catalog.venue(said).ok_or_else(|| {
            let help = format!("there is no decoder for venue `{}`; choose from {}", said.escape_debug(), names());
            TapeError::doubt(&spec.path, help)
        })?,
        None => of_url.ok_or_else(|| {
            TapeError::doubt(&spec.path, format!("raw frames name no venue; say which with `--venue`: {}", names()))
        })?,
    };
    Ok(Box::new(Frames::new(lines, venue, Arc::clone(&spec.catalog), report)))
}

/// Whether a first line is a URL, or a time with a frame behind it.
fn knows(first: &[u8]) -> bool {
    let blank = first.iter().take(TIME_MAX + 2).position(|&byte| byte == b' ').unwrap_or(0);
    let (time, rest) = first.split_at(blank);
    let is_time =
        time.strip_suffix(b":").map_or(time.len() == 19 && whole(time).is_some(), |time| seconds(time).is_ok());
    is_sent(first) || (is_time && matches!(rest.get(1), Some(b'{' | b'[')))
}

/// Whether a line tells what was opened or sent, and not what came.
fn is_sent(line: &[u8]) -> bool {
    line.starts_with(b"wss://") || line.starts_with(b"ws://")
}

/// The venue whose URL begins a line, where its host leaves no doubt.
fn venue_of(line: &[u8], catalog: &Catalog) -> Option<VenueRef> {
    let url = line.split(u8::is_ascii_whitespace).next().and_then(|url| std::str::from_utf8(url).ok())?;
    let (_, url) = url.split_once("://")?;
    if let Some((_, name)) = URLS.iter().find(|(start, _)| url.starts_with(start)) {
        return venue::find(name).map(VenueRef::Shipped);
    }
    let own = catalog.own().iter().cloned().map(VenueRef::Own);
    let all = VENUES.iter().copied().map(VenueRef::Shipped).chain(own);
    let mut of_host = all.filter(|venue| host(venue.base()) == host(url));
    of_host.next().filter(|_| of_host.next().is_none())
}

/// The host of a URL, without its port.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':', '?', ' ']).next().unwrap_or_default()
}

/// A tape of frames of one venue.
struct Frames {
    lines: Lines,
    venue: VenueRef,
    catalog: Arc<Catalog>,
    lookup: MarketLookup,
    books: Books,
    decoded: Vec<Event>,
    waiting: VecDeque<Event>,
    report: Report,
}

impl Frames {
    fn new(lines: Lines, venue: VenueRef, catalog: Arc<Catalog>, report: Report) -> Self {
        let lookup = MarketLookup::new(&*venue, &Markets::new());
        let books = Books::default();
        Self { lines, venue, catalog, lookup, books, decoded: Vec::new(), waiting: VecDeque::new(), report }
    }

    fn line(&mut self, number: u64, line: &[u8], markets: &mut Markets) {
        if is_sent(line) {
            return;
        }
        match self.decode(line, markets) {
            Ok(Decoded::Partly(refusal)) => self.report.bad.count(number, refusal.reason.into()),
            Ok(_) => {}
            Err(reason) => self.report.bad.count(number, reason),
        }
        self.waiting.extend(self.decoded.drain(..));
    }

    fn decode(&mut self, line: &[u8], markets: &mut Markets) -> Result<Decoded, Reason> {
        // What stands behind a stamp that cannot be read may have changed a book.
        let (recv_at, frame) = stamped(line).inspect_err(|_| self.books.doubt(None))?;
        let first = self.read(frame, recv_at);
        if !is_of_strangers(&first) || !self.meet(frame, markets)? {
            return first.map_err(|refusal| refusal.reason.into());
        }
        self.read(frame, recv_at).map_err(|refusal| refusal.reason.into())
    }

    fn read(&mut self, frame: &[u8], recv_at: Nanos) -> Result<Decoded, Refusal> {
        venue::read(&*self.venue, frame, recv_at, &self.lookup, &mut self.books, &mut self.decoded)
    }

    /// A recording is its own subscription: a market that its frames name is a market of the tape. Returns whether it is new.
    fn meet(&mut self, frame: &[u8], markets: &mut Markets) -> Result<bool, Reason> {
        let named = self.venue.named_in(frame);
        let Some(market) = named.and_then(|native| self.catalog.market(self.venue.name(), &native)) else {
            return Ok(false);
        };
        if self.lookup.find(&market.native).is_some() {
            return Ok(false);
        }
        if markets.len() >= super::MARKETS_MAX {
            return Err(Reason::TooManyMarkets);
        }
        let native = market.native.clone();
        let id = markets.add(market);
        self.lookup.add(&*self.venue, &native, id);
        Ok(true)
    }
}

/// When a frame came, and the frame.
fn stamped(line: &[u8]) -> Result<(Nanos, &[u8]), Reason> {
    let blank = memchr::memchr(b' ', line).ok_or(Reason::Columns)?;
    let (time, frame) = line.split_at(blank);
    let recv_at = time.strip_suffix(b":").map_or_else(|| nanos(time), seconds)?;
    Ok((recv_at, frame.trim_ascii()))
}

fn nanos(text: &[u8]) -> Result<Nanos, Reason> {
    let years = FIRST_SECS * 1_000_000_000..LAST_SECS * 1_000_000_000;
    whole(text).filter(|ns| years.contains(ns)).map(|ns| Nanos(ns as i64)).ok_or(Reason::Time)
}

/// Whether a frame speaks of markets that nobody has met, and of no other.
fn is_of_strangers(found: &Result<Decoded, Refusal>) -> bool {
    match found {
        Ok(decoded) => *decoded == Decoded::Elsewhere,
        Err(refusal) => refusal.reason == venue::Reason::UnknownMarket,
    }
}

impl Source for Frames {
    fn next(&mut self, markets: &mut Markets) -> Result<Option<Input>, TapeError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.report.inputs += 1;
                return Ok(Some(Input::Event(event)));
            }
            let line = self.lines.next().map_err(|error| TapeError::read(&self.report.path, error))?;
            let refused = match line {
                None => break,
                Some(Line::TooLong) => Reason::LineTooLong,
                Some(Line::Cut) => Reason::Cut,
                Some(Line::Whole(line)) => {
                    // The buffer is read on while this line is decoded.
                    let line = line.to_vec();
                    self.line(self.lines.number(), &line, markets);
                    continue;
                }
            };
            self.report.bad.count(self.lines.number(), refused);
            self.books.doubt(None);
        }
        self.report.lines = self.lines.number();
        self.report.damage = self.lines.damage().map(str::to_owned);
        Ok(None)
    }

    fn report(&self) -> &Report {
        &self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_the_venue_where_its_host_leaves_no_doubt() {
        for (url, want) in [
            ("wss://fstream.binance.com/stream?streams=a@aggTrade", Some("binance-usdm")),
            ("wss://dstream.binance.com/ws", Some("binance-coinm")),
            ("wss://stream.binance.com:9443/stream?streams=a@aggTrade", Some("binance-spot")),
            ("wss://www.bitmex.com/realtime", Some("bitmex")),
            ("wss://ws.bitmex.com/realtime", Some("bitmex")),
            ("wss://ws.okx.com:8443/ws/v5/public", Some("okx")),
            ("wss://www.deribit.com/ws/api/v2", Some("deribit")),
            ("wss://futures.kraken.com/ws/v1", Some("kraken-futures")),
            ("wss://ws.kraken.com", Some("kraken-spot")),
            ("wss://ws-feed.pro.coinbase.com", Some("coinbase")),
            ("wss://stream.bybit.com/v5/public/spot", Some("bybit-spot")),
            ("wss://stream.bybit.com/realtime_public", Some("bybit-linear")),
            ("wss://stream.bybit.com/realtime", Some("bybit-inverse")),
            ("wss://stream.bybit.com/v6", None),
            ("wss://api.bitfinex.com/ws/2", None),
            ("wss://", None),
            ("wss://fstream.binance.com.example.org/", None),
        ] {
            let line = format!("{url} <-> 1626992740.179554");
            let found = venue_of(line.as_bytes(), &Catalog::default());
            assert_eq!(found.as_ref().map(|venue| venue.name()), want, "{url}");
        }
    }
}
