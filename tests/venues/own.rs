//! Venues of fixtures that are no shipped ones: a folder with a `venue.toml`, which is a config.

use std::path::Path;

use fusewire::config::{Depth, inspect_text};
use fusewire::feed::venue::{VENUES, VenueRef};

/// The venue that a folder of fixtures describes, where it does.
pub(crate) fn described(folder: &Path) -> Option<VenueRef> {
    let text = std::fs::read_to_string(folder.join("venue.toml")).ok()?;
    let reading = inspect_text(&text, "venue.toml", Depth::Fields);
    assert_eq!(reading.faults.to_string(), "", "{}", folder.display());
    let name = folder.file_name().and_then(|name| name.to_str()).expect("a name");
    Some(reading.settings.catalog.venue(name).unwrap_or_else(|| panic!("{name} describes another venue")))
}

/// Every venue that has fixtures: those in the table, then those described.
#[allow(dead_code, reason = "each of the suites uses a part")]
pub(crate) fn all() -> Vec<VenueRef> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/wire");
    let mut folders: Vec<_> = std::fs::read_dir(root).expect("fixtures").flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let own = folders.iter().filter_map(|folder| described(folder));
    VENUES.iter().copied().map(VenueRef::Shipped).chain(own).collect()
}
