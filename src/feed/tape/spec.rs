//! What the command line says about a tape.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::TapeError;
use super::format::Format;
use super::klines::symbol_of;
use crate::feed::catalog::Catalog;
use crate::feed::instrument::{is_symbol, is_venue};
use crate::feed::spelling::{self, our_venue};

/// One tape, with what the user says about it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Where it lies.
    pub path: PathBuf,
    /// Its format; nothing means `auto`.
    pub format: Option<Format>,
    /// `VENUE` or `VENUE:SYMBOL`, for tapes that do not name their own; a tape that does is not renamed.
    pub venue: Option<String>,
    /// What a config adds to the venues that are shipped.
    pub catalog: Arc<Catalog>,
}

impl Spec {
    /// A tape of which the user says nothing.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), format: None, venue: None, catalog: Arc::default() }
    }

    /// The same tape, in this format.
    #[must_use]
    pub fn format(self, format: Format) -> Self {
        Self { format: Some(format), ..self }
    }

    /// The same tape, of this `VENUE` or `VENUE:SYMBOL`.
    #[must_use]
    pub fn venue(self, venue: impl Into<String>) -> Self {
        Self { venue: Some(venue.into()), ..self }
    }

    /// The same tape, read with what a config adds.
    #[must_use]
    pub fn knowing(self, catalog: &Arc<Catalog>) -> Self {
        Self { catalog: Arc::clone(catalog), ..self }
    }

    /// The tapes of a command line: `format` as `--format` takes it (`auto` included), and each of `venues` as `--venue`
    /// takes it: `V` for all tapes, `V=PATH` for one of them, where `V` is `VENUE` or `VENUE:SYMBOL`.
    pub fn all(paths: &[PathBuf], format: &str, venues: &[String]) -> Result<Vec<Self>, TapeError> {
        let format = if format == "auto" { None } else { Some(format.parse().map_err(TapeError::Usage)?) };
        let mut specs: Vec<_> = paths.iter().map(|path| Self { format, ..Self::new(path) }).collect();
        for word in venues.iter().filter(|word| !word.contains('=')) {
            for spec in &mut specs {
                spec.venue = Some(word.clone());
            }
        }
        for (venue, path) in venues.iter().filter_map(|word| word.split_once('=')) {
            let mut named = specs.iter_mut().filter(|spec| spec.path == Path::new(path)).peekable();
            if named.peek().is_none() {
                let help = "no tape of this path; write it as among the tapes";
                return Err(TapeError::Usage(format!("--venue {venue}={path}: {help}")));
            }
            named.for_each(|spec| spec.venue = Some(venue.to_owned()));
        }
        Ok(specs)
    }

    /// Venue and symbol of a tape that names neither inside.
    pub(super) fn market_of_bars(&self) -> Result<(String, String), TapeError> {
        let doubt = |help: &str| TapeError::doubt(&self.path, help);
        let said = self.venue.as_deref().ok_or_else(|| {
            doubt("bars name no venue; say which, as in `--venue binance-spot` or `--venue bitmex=PATH`")
        })?;
        let name = self.path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        let (venue, symbol) = match said.split_once(':') {
            Some((venue, symbol)) => (our_venue(venue, symbol), symbol),
            None => (said, symbol_of(&name).unwrap_or_default()),
        };
        if !is_venue(venue) {
            return Err(doubt("a venue is written in a-z, 0-9 and `-`, as in `--venue binance-spot`"));
        }
        if !is_symbol(symbol) {
            return Err(doubt(
                "bars name no symbol and the file is not called SYMBOL-1m-...; say which, as in `--venue bitmex:XBTUSD`",
            ));
        }
        // What is no name of the venue's stays as it is: bars may come from anywhere.
        match spelling::native(&self.catalog, venue, symbol) {
            Ok(native) => Ok((venue.to_owned(), native.unwrap_or_else(|| symbol.to_owned()))),
            Err(choices) => {
                Err(doubt(&format!("`{symbol}` may be several markets; say which: {}", choices.join(", "))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn market(spec: &Spec) -> Result<(String, String), String> {
        spec.market_of_bars().map_err(|error| error.to_string())
    }

    #[test]
    fn bars_are_named_by_the_user_and_the_file() {
        let bars = Spec::new("bars/XBTUSD-1m-2015.csv.gz");
        assert_eq!(market(&bars.clone().venue("bitmex")), Ok(("bitmex".into(), "XBTUSD".into())));
        assert_eq!(market(&bars.clone().venue("bitmex:X")), Ok(("bitmex".into(), "X".into())));
        assert_eq!(market(&bars.clone().venue("okx:BTC/USDT:USDT")), Ok(("okx".into(), "BTC-USDT-SWAP".into())));
        assert_eq!(
            market(&bars.clone().venue("binance-futures:BTC-USDT-PERP")),
            Ok(("binance-usdm".into(), "BTCUSDT".into()))
        );
        assert!(market(&bars.clone().venue("kraken-futures:BTC-USD-PERP")).unwrap_err().contains("PF_XBTUSD"));
        assert!(market(&bars).unwrap_err().contains("--venue binance-spot"));
        assert!(market(&bars.venue("Bit Mex")).unwrap_err().contains("a-z"));
        assert!(market(&Spec::new("b.csv").venue("bitmex")).unwrap_err().contains("bitmex:XBTUSD"));
        assert!(market(&Spec::new("<b>-1m-1.csv").venue("bitmex")).unwrap_err().contains("bitmex:XBTUSD"));
    }

    #[test]
    fn a_venue_for_one_tape_beats_the_venue_for_all() {
        let paths = [PathBuf::from("a.csv"), PathBuf::from("b.csv")];
        let specs = Spec::all(&paths, "auto", &["bitmex=b.csv".into(), "binance-spot".into()]).unwrap();
        let venues: Vec<_> = specs.iter().map(|spec| spec.venue.as_deref()).collect();
        assert_eq!(venues, [Some("binance-spot"), Some("bitmex")]);
        assert!(Spec::all(&paths, "auto", &["bitmex=c.csv".into()]).is_err());
        assert!(Spec::all(&paths, "csv", &[]).is_err());
        assert_eq!(Spec::all(&paths, "frames", &[]).unwrap()[0].format, Some(Format::Frames));
    }
}
