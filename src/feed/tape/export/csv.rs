//! CSV, plain or gzip: the columns of an Arrow tape with a header, times as nanoseconds since the epoch, nothing for null.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::engine::Input;
use crate::event::MarketId;
use crate::feed::tape::inputs::{COLUMNS, Cells, Column, LIQUIDATED, SIDES, TERMS, What, cells_of};
use crate::market::Markets;

/// A CSV file that is being written.
pub(super) struct Csv {
    out: Out,
    names: Vec<String>,
}

enum Out {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Csv {
    pub(super) fn new(file: File, is_gzip: bool) -> io::Result<Self> {
        let file = BufWriter::new(file);
        let mut out =
            if is_gzip { Out::Gzip(Box::new(GzEncoder::new(file, Compression::default()))) } else { Out::Plain(file) };
        // Data alone has no detail.
        let names = COLUMNS.iter().take(Column::Detail as usize).map(|(name, _)| *name);
        writeln!(out.write(), "{}", names.collect::<Vec<_>>().join(","))?;
        Ok(Self { out, names: Vec::new() })
    }

    pub(super) fn write(&mut self, input: &Input, markets: &Markets) -> io::Result<()> {
        for place in self.names.len()..markets.len() {
            self.names.push(markets.name(MarketId(place as u32)));
        }
        let (what, cells, _) = cells_of(input, self.names.len());
        let market = cells.market.and_then(|place| self.names.get(place as usize));
        row(self.out.write(), what, &cells, market.map_or("", String::as_str))
    }

    pub(super) fn finish(self) -> io::Result<()> {
        match self.out {
            Out::Plain(mut out) => out.flush(),
            Out::Gzip(out) => out.finish()?.flush(),
        }
    }
}

impl Out {
    fn write(&mut self) -> &mut dyn Write {
        match self {
            Self::Plain(out) => out,
            Self::Gzip(out) => &mut **out,
        }
    }
}

fn row(out: &mut dyn Write, what: What, cells: &Cells, market: &str) -> io::Result<()> {
    value(out, cells.recv_at)?;
    value(out, cells.venue_at)?;
    write!(out, "{},{market},", What::WORDS.get(what as usize).unwrap_or(&""))?;
    word(out, SIDES, cells.side)?;
    word(out, LIQUIDATED, cells.liquidated)?;
    word(out, TERMS, cells.terms)?;
    for number in [cells.price, cells.qty].into_iter().chain(cells.bid).chain(cells.ask).chain([cells.level]) {
        value(out, number)?;
    }
    value(out, cells.id)?;
    let [bar @ .., last] = cells.bar;
    for number in bar {
        value(out, number)?;
    }
    match last {
        Some(number) => writeln!(out, "{number}"),
        None => writeln!(out),
    }
}

fn value(out: &mut dyn Write, value: Option<impl Display>) -> io::Result<()> {
    match value {
        Some(value) => write!(out, "{value},"),
        None => write!(out, ","),
    }
}

fn word(out: &mut dyn Write, words: &[&str], place: Option<i8>) -> io::Result<()> {
    let word = place.and_then(|place| words.get(usize::try_from(place).ok()?));
    write!(out, "{},", word.unwrap_or(&""))
}
