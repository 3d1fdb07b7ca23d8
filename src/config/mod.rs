//! Config: TOML to settings. All faults at once, each with file, line, key, what was wanted and found, and a hint.
//!
//! ```text
//! text -> document (what is TOML) -> one reader a section, asking a `Section` for keys -> settings
//!                                         |  faults, asked keys -> notebook
//! settings -> topology (do the parts fit?) -> environment (is the machine ready?)
//! ```
//! An empty config is [`Settings::default`]; the top-level `config.toml` documents every key. Nobody below imports it.

mod detect;
mod document;
mod engine;
mod environment;
mod fault;
mod feeds;
mod hooks;
mod near;
mod notebook;
mod places;
mod plan;
mod rules;
mod section;
mod sense;
mod table;
mod topology;
mod value;
mod vault;
mod venues;

#[cfg(test)]
mod documented;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use crate::live::Settings;
use notebook::Notebook;
use section::Section;
use vault::Vault;

pub use fault::{Fault, Faults};

/// How deep a config is checked. Each depth holds those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Every key by itself: known, of its type, in its range.
    Fields,
    /// The parts against each other: rules and markets, hooks, places.
    Topology,
    /// The machine: directories, port, programs, secrets.
    Environment,
}

impl Depth {
    /// All three, from shallow to deep.
    pub const ALL: [Self; 3] = [Self::Fields, Self::Topology, Self::Environment];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fields => "fields",
            Self::Topology => "topology",
            Self::Environment => "environment",
        }
    }

    /// The depth of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|depth| depth.name() == word)
    }
}

/// What a reading found.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The settings; defaults stand where a key is at fault.
    pub settings: Settings,
    /// All that is wrong.
    pub faults: Faults,
    /// What was checked and found good, by depth.
    pub checked: Vec<(Depth, String)>,
    /// What is allowed and may surprise.
    pub notes: Vec<String>,
}

/// The settings of a config file, secrets included, checked as deep as [`Depth::Topology`].
///
/// ```no_run
/// let settings = fusewire::config::load(std::path::Path::new("config.toml"))?;
/// println!("{} feeds", settings.feeds.len());
/// # Ok::<(), fusewire::config::Faults>(())
/// ```
pub fn load(path: &Path) -> Result<Settings, Faults> {
    parse(&text(path)?, &path.display().to_string())
}

/// The settings of a config text, as [`load`]; `name` stands in front of every fault.
pub fn parse(text: &str, name: &str) -> Result<Settings, Faults> {
    settled(read(text, name, Depth::Topology, Vault::Open))
}

/// The settings as replays and other tools of recordings need them: the markets are those of the tapes, so the parts are not
/// held against each other, and no secret is opened.
pub fn load_offline(path: &Path) -> Result<Settings, Faults> {
    settled(read(&text(path)?, &path.display().to_string(), Depth::Fields, Vault::Shut))
}

/// Reads a config to a depth and tells all about it. Secrets are opened at [`Depth::Environment`] only.
pub fn inspect(path: &Path, depth: Depth) -> Reading {
    match text(path) {
        Ok(text) => inspect_text(&text, &path.display().to_string(), depth),
        Err(faults) => Reading { settings: Settings::default(), faults, checked: Vec::new(), notes: Vec::new() },
    }
}

/// The same of a config text; `name` stands in front of every fault.
pub fn inspect_text(text: &str, name: &str, depth: Depth) -> Reading {
    let vault = if depth == Depth::Environment { Vault::Open } else { Vault::Shut };
    read(text, name, depth, vault)
}

fn settled(reading: Reading) -> Result<Settings, Faults> {
    if reading.faults.is_empty() { Ok(reading.settings) } else { Err(reading.faults) }
}

fn text(path: &Path) -> Result<String, Faults> {
    let fault = |problem: String| {
        let (file, key) = (path.display().to_string(), String::new());
        Faults::new(vec![Fault { file, line: None, key, problem, hint: None }])
    };
    let mut text = String::new();
    let room = document::BYTES_MAX as u64 + 1;
    let read = File::open(path).and_then(|file| file.take(room).read_to_string(&mut text));
    read.map_err(|why| fault(format!("cannot be read: {why}")))?;
    if text.len() > document::BYTES_MAX {
        return Err(fault(format!("must be at most {} bytes", document::BYTES_MAX)));
    }
    Ok(text)
}

fn read(text: &str, name: &str, depth: Depth, vault: Vault) -> Reading {
    let mut notebook = Notebook::new(name, text);
    let settings = fields(text, &mut notebook, vault);
    if depth >= Depth::Topology {
        topology::check(&settings, &mut notebook);
    }
    if depth >= Depth::Environment {
        environment::check(&settings, &mut notebook);
    }
    let Notebook { faults, checked, notes, .. } = notebook;
    Reading { settings, faults: Faults::new(faults), checked, notes }
}

/// Every section by its reader.
fn fields(text: &str, notebook: &mut Notebook, vault: Vault) -> Settings {
    let default = Settings::default();
    let Some(document) = document::read(text, notebook) else { return default };
    let mut top = Section::top(notebook, document.as_table());
    let drive = engine::Drive { channel: default.channel, busy_poll: default.busy_poll };
    let (engine, drive) = engine::read(&mut top, drive);
    let catalog = venues::read(&mut top);
    let settings = Settings {
        engine,
        feeds: feeds::read(&mut top, default.feeds, &catalog, vault),
        catalog: Arc::new(catalog),
        gate: places::gate(top.child("gate")),
        store: places::store(top.child("store")),
        serve: places::serve(top.child("serve")),
        record: places::record(top.child("record")),
        hooks: hooks::read(&mut top, vault),
        channel: drive.channel,
        busy_poll: drive.busy_poll,
    };
    top.finish();
    let there = notebook.asked.iter().filter(|asked| asked.is_there).count();
    notebook.tick(Depth::Fields, topology::count(there, "key"));
    settings
}
