//! Every venue with the markets of its fixtures, in the order of the table of venues.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fusewire::event::MarketId;
use fusewire::feed::venue::{MarketLookup, VENUES, Venue};
use fusewire::market::Markets;

pub struct Room {
    pub venue: &'static dyn Venue,
    pub markets: Markets,
    pub lookup: Arc<MarketLookup>,
    pub natives: Vec<String>,
}

/// The top of the checkout, from wherever this is compiled.
pub fn top() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_top = here.join("fixtures").is_dir();
    if is_top { here.to_owned() } else { here.join("..") }
}

/// The room of a byte. A venue more in the table moves no byte that names one of those before it.
pub fn of(byte: u8) -> &'static Room {
    static ROOMS: OnceLock<Vec<Room>> = OnceLock::new();
    let rooms = ROOMS.get_or_init(|| VENUES.iter().map(|venue| room(*venue)).collect());
    rooms.get(usize::from(byte) % rooms.len()).expect("there are venues")
}

/// Two markets: a table that an engine is quickly made for.
pub fn pair() -> Markets {
    let mut markets = Markets::new();
    for (_, market) in of(0).markets.iter().take(2) {
        markets.add(market.clone());
    }
    markets
}

fn room(venue: &'static dyn Venue) -> Room {
    let file = top().join("fixtures/wire").join(venue.name()).join("markets.json");
    let list = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let natives: Vec<String> = serde_json::from_str(&list).expect("a list of names");
    let mut markets = Markets::new();
    for native in &natives {
        markets.add(venue.instrument(native).expect("a market"));
    }
    Room { venue, lookup: Arc::new(MarketLookup::new(venue, &markets)), markets, natives }
}

impl Room {
    /// Its markets as a subscription takes them.
    pub fn wanted(&self) -> Vec<(MarketId, &str)> {
        (0..).map(MarketId).zip(self.natives.iter().map(String::as_str)).collect()
    }
}
