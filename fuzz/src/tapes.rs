//! Tapes of every format. The first byte picks the format (0, or beyond the last: it is found out), the second what the
//! user says of the venue; the rest is the file, plain or packed.
//!
//! Never a panic and always an end; every event and bar is sound; what is read and what is refused adds up; the table of
//! markets stays below its limit. The reader of recorded frames reads the same file.

use std::io::Cursor;

use fusewire::engine::Input;
use fusewire::feed::frames::FrameReader;
use fusewire::feed::tape::{Format, MARKETS_MAX, Source, Spec, read};
use fusewire::feed::venue::{FRAME_MAX, VENUES};
use fusewire::market::Markets;

use super::sound;

/// The formats by the first byte, from 1. New ones go to the end, wherever `Format::ALL` has them: no example may come to
/// mean another.
const FORMATS: [Format; 16] = [
    Format::TardisTrades,
    Format::TardisLiquidations,
    Format::BinanceKlines,
    Format::Frames,
    Format::TardisQuotes,
    Format::TardisTicker,
    Format::TardisBook5,
    Format::TardisBook25,
    Format::TardisOptions,
    Format::BinanceAggTrades,
    Format::BinanceTrades,
    Format::BinanceBookTicker,
    Format::BinanceLiquidations,
    Format::BinanceMetrics,
    Format::Fusewire,
    Format::ParquetTrades,
];
const _: () = assert!(FORMATS.len() == Format::ALL.len(), "a format is missing in the table above");

/// Of the second byte: a symbol is said with the venue; the file is called one of liquidations.
const WITH_SYMBOL: u8 = 0x40;
pub const AS_LIQUIDATIONS: u8 = 0x80;

/// The most inputs of one row: mark, index, funding and open interest of a Tardis ticker.
const INPUTS_OF_A_ROW: u64 = 4;

/// A file unfolds to so much before the reader that has a limit of its own calls it damaged.
const UNFOLDED_MAX: u64 = 4 << 20;

pub fn check(data: &[u8]) {
    inputs(data);
    let [format, said, file @ ..] = data else { return };
    let spec = spec(*format, *said);
    if spec.format.is_none_or(|format| format == Format::Frames) {
        frames(file);
    }
}

/// Reads the tape; returns how many inputs it gave. An example of a format that gives none tests little.
pub fn inputs(data: &[u8]) -> u64 {
    let [format, said, file @ ..] = data else { return 0 };
    read(Box::new(Cursor::new(file.to_vec())), &spec(*format, *said)).map_or(0, |mut source| drain(&mut *source))
}

/// The byte that picks a format; 0 where it shall be found out.
pub fn pick(format: Option<Format>) -> u8 {
    let place = format.map(|format| FORMATS.iter().position(|known| *known == format).expect("in the table") + 1);
    place.unwrap_or(0) as u8
}

/// The byte of `VENUE` or `VENUE:SYMBOL`, whatever the symbol; [`AS_LIQUIDATIONS`] may be added.
pub fn said(venue: &str) -> u8 {
    let (venue, with_symbol) = venue.split_once(':').map_or((venue, 0), |(venue, _)| (venue, WITH_SYMBOL));
    let place = VENUES.iter().position(|known| known.name() == venue).expect("a venue");
    (place + 1) as u8 | with_symbol
}

fn spec(format: u8, said: u8) -> Spec {
    let name = if said & AS_LIQUIDATIONS == 0 { "BTCUSDT-1m-trades.csv" } else { "BTCUSDT-1m-liquidations.csv" };
    let venue = usize::from(said & 0x3f).checked_sub(1).and_then(|place| VENUES.get(place));
    let symbol = match venue.map(|venue| venue.name()).filter(|_| said & WITH_SYMBOL != 0) {
        Some("binance-coinm") => ":BTCUSD_PERP",
        Some(_) => ":BTCUSDT",
        None => "",
    };
    Spec {
        format: usize::from(format).checked_sub(1).and_then(|place| FORMATS.get(place)).copied(),
        venue: venue.map(|venue| format!("{}{symbol}", venue.name())),
        ..Spec::new(name)
    }
}

fn drain(source: &mut dyn Source) -> u64 {
    let mut markets = Markets::new();
    let mut inputs = 0_u64;
    while let Ok(Some(input)) = source.next(&mut markets) {
        inputs += 1;
        match input {
            Input::Event(event) => sound::recorded(&event, &markets),
            Input::Bar(bar) => sound::bar(&bar, &markets),
            Input::Bad { market, .. } => assert!(market.is_none_or(|market| markets.get(market).is_some())),
            Input::Feed(report) => assert!(markets.venues().len() > report.venue.0 as usize, "{report:?}"),
            other => panic!("no tape holds {other:?}"),
        }
    }
    let report = source.report();
    assert!(markets.len() <= MARKETS_MAX, "{} markets", markets.len());
    assert_eq!(report.inputs, inputs);
    let rows = inputs.div_ceil(INPUTS_OF_A_ROW) + report.bad.total() + report.duplicates;
    // A frame may hold any number of them.
    assert!(report.format == Format::Frames || rows <= report.lines, "{report:?}");
    let _ = report.message();
    // Past its end it stays at its end.
    assert!(matches!(source.next(&mut markets), Ok(None)));
    inputs
}

fn frames(file: &[u8]) {
    let Ok(reader) = FrameReader::with_limit(file, UNFOLDED_MAX) else { return };
    let mut unfolded = 0;
    for frame in reader {
        match frame {
            Ok((_, frame)) => {
                assert!(frame.len() <= FRAME_MAX, "{} bytes", frame.len());
                unfolded += frame.len() as u64;
            }
            Err(fault) if fault.fatal => break,
            Err(_) => {}
        }
    }
    assert!(unfolded <= UNFOLDED_MAX);
}
