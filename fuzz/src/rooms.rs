//! Every venue with the markets of its fixtures, in the order of the table of venues.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use fusewire::config::{Depth, inspect_text};
use fusewire::event::MarketId;
use fusewire::feed::venue::{MarketLookup, VENUES, VenueRef};
use fusewire::market::Markets;

pub struct Room {
    pub venue: VenueRef,
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
    let rooms = ROOMS.get_or_init(|| shipped_and_described().into_iter().map(room).collect());
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

/// Those in the table, then those that a config describes.
fn shipped_and_described() -> Vec<VenueRef> {
    let described = |name: &str| {
        let file = top().join("fixtures/wire").join(name).join("venue.toml");
        let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        inspect_text(&text, name, Depth::Fields).settings.catalog.venue(name).expect("a venue")
    };
    VENUES.iter().copied().map(VenueRef::Shipped).chain(["mydesk", "listdesk"].map(described)).collect()
}

fn room(venue: VenueRef) -> Room {
    let file = top().join("fixtures/wire").join(venue.name()).join("markets.json");
    let list = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
    let natives: Vec<String> = serde_json::from_str(&list).expect("a list of names");
    let mut markets = Markets::new();
    for native in &natives {
        markets.add(venue.instrument(native).expect("a market"));
    }
    Room { lookup: Arc::new(MarketLookup::new(&*venue, &markets)), venue, markets, natives }
}

impl Room {
    /// Its markets as a subscription takes them.
    pub fn wanted(&self) -> Vec<(MarketId, &str)> {
        (0..).map(MarketId).zip(self.natives.iter().map(String::as_str)).collect()
    }
}
