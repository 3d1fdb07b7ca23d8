//! Tapes of every format. The first byte picks the format (or none: it is found out), the second what the user says of
//! the venue; the rest is the file, plain or gzip.
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

/// A file unfolds to so much before the reader that has a limit of its own calls it damaged.
const UNFOLDED_MAX: u64 = 4 << 20;

pub fn check(data: &[u8]) {
    let [format, said, file @ ..] = data else { return };
    let spec = spec(*format, *said);
    if let Ok(mut source) = read(Box::new(Cursor::new(file.to_vec())), &spec) {
        drain(&mut *source);
    }
    if spec.format.is_none_or(|format| format == Format::Frames) {
        frames(file);
    }
}

fn spec(format: u8, said: u8) -> Spec {
    let name = if said & 0x80 == 0 { "BTCUSDT-1m-trades.csv" } else { "BTCUSDT-1m-liquidations.csv" };
    let spec = Spec::new(name);
    let format = usize::from(format) % (Format::ALL.len() + 1);
    let spec = format.checked_sub(1).and_then(|place| Format::ALL.get(place)).map_or(spec.clone(), |f| spec.format(*f));
    let venue = usize::from(said & 0x3f).checked_sub(1).and_then(|place| VENUES.get(place));
    venue.map_or(spec.clone(), |venue| spec.venue(venue.name()))
}

fn drain(source: &mut dyn Source) {
    let mut markets = Markets::new();
    let mut inputs = 0;
    while let Ok(Some(input)) = source.next(&mut markets) {
        inputs += 1;
        match input {
            Input::Event(event) => sound::event(&event, &markets),
            Input::Bar(bar) => sound::bar(&bar, &markets),
            Input::Bad { market, .. } => assert!(market.is_none_or(|market| markets.get(market).is_some())),
            other => panic!("no tape holds {other:?}"),
        }
    }
    let report = source.report();
    assert!(markets.len() <= MARKETS_MAX, "{} markets", markets.len());
    assert_eq!(report.inputs, inputs);
    assert!(report.format == Format::Frames || inputs + report.bad.total() <= report.lines, "{report:?}");
    let _ = report.message();
    // Past its end it stays at its end.
    assert!(matches!(source.next(&mut markets), Ok(None)));
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
