//! What a run of the daemon is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::EngineSettings;
use crate::event::Kind;
use crate::feed::catalog::Catalog;
use crate::feed::reel::Room;
use crate::feed::session::SessionSettings;
use crate::hook::HookSettings;

/// Everything a run needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the engine is told.
    pub engine: EngineSettings,
    /// Venues to listen to.
    pub feeds: Vec<FeedSettings>,
    /// Venues and instruments beside those that are shipped.
    pub catalog: Arc<Catalog>,
    /// The gate.
    pub gate: GateSettings,
    /// The store.
    pub store: StoreSettings,
    /// Hooks.
    pub hooks: Vec<HookSettings>,
    /// What is served.
    pub serve: ServeSettings,
    /// Recording; off by default.
    pub record: Option<RecordSettings>,
    /// Room of the channel from feeds to engine, inputs.
    pub channel: usize,
    /// Whether the engine thread spins instead of parking. Costs a core, saves tens of microseconds.
    pub busy_poll: bool,
}

/// One venue and its markets.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSettings {
    /// As in `binance-coinm`.
    pub venue: String,
    /// The venue's own names.
    pub markets: Vec<String>,
    /// Kinds of event to subscribe to.
    pub kinds: Vec<Kind>,
    /// Another address than the venue's own, as for a test server on loopback: `ws://127.0.0.1:8080`.
    pub endpoint: Option<String>,
    /// More of them, behind `endpoint`: the next is used when tries at one fail, or it is late. None by default.
    pub endpoints: Vec<String>,
    /// Connections that bring the same, 1 or 2: what comes first counts.
    pub connections: u32,
    /// PEM file of authorities that are believed beside the public ones, read when the daemon starts. None by default.
    pub ca_file: Option<PathBuf>,
    /// How its connections are kept.
    pub session: SessionSettings,
}

impl FeedSettings {
    /// A venue with the usual kinds.
    pub fn new(venue: &str, markets: &[&str]) -> Self {
        Self {
            venue: venue.to_owned(),
            markets: markets.iter().map(|name| (*name).to_owned()).collect(),
            kinds: vec![
                Kind::Trade,
                Kind::Quote,
                Kind::Liquidation,
                Kind::Mark,
                Kind::Index,
                Kind::Funding,
                Kind::Status,
            ],
            endpoint: None,
            endpoints: Vec::new(),
            connections: 1,
            ca_file: None,
            session: SessionSettings::default(),
        }
    }
}

/// The gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateSettings {
    /// The file; its directory is made with mode 0750.
    pub path: PathBuf,
    /// How long the lease lasts, milliseconds.
    pub lease_ms: u32,
    /// How often a probe walks the path, milliseconds.
    pub beat_ms: u32,
    /// Strategy slots a market.
    pub slots: u8,
    /// Where the trading engine acknowledges what it has seen; read there about once a second. None by default.
    pub ack: Option<PathBuf>,
    /// User id that this file must belong to; any by default.
    pub ack_owner: Option<u32>,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            path: PathBuf::from("fusewire-state/gate/gate"),
            lease_ms: 250,
            beat_ms: 25,
            slots: 8,
            ack: None,
            ack_owner: None,
        }
    }
}

/// The store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Directory, made with mode 0700.
    pub dir: PathBuf,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { dir: PathBuf::from("fusewire-state/store") }
    }
}

/// Recordings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// Directory, of this daemon alone: old recordings in it are deleted to make room.
    pub dir: PathBuf,
    /// Whether raw frames are recorded, a file a connection.
    pub frames: bool,
    /// Whether the engine's inputs are recorded.
    pub inputs: bool,
    /// How large a file and all of them may grow.
    pub room: Room,
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self { dir: PathBuf::from("fusewire-state/recordings"), frames: true, inputs: true, room: Room::default() }
    }
}

/// What is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeSettings {
    /// Address of `/metrics`, `/healthz`, `/readyz`; loopback unless the config says that TLS stands in front.
    pub listen: SocketAddr,
    /// Socket that `fusewire breakers` and `fusewire incidents` speak to.
    pub control: PathBuf,
    /// Where incident pages are written.
    pub reports: PathBuf,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9464)),
            control: PathBuf::from("fusewire-state/control.sock"),
            reports: PathBuf::from("fusewire-state/reports"),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: EngineSettings::default(),
            feeds: vec![
                FeedSettings::new("binance-usdm", &["BTCUSDT", "ETHUSDT"]),
                FeedSettings::new("binance-coinm", &["BTCUSD_PERP", "ETHUSD_PERP"]),
            ],
            catalog: Arc::default(),
            gate: GateSettings::default(),
            store: StoreSettings::default(),
            hooks: Vec::new(),
            serve: ServeSettings::default(),
            record: None,
            channel: 65_536,
            busy_poll: false,
        }
    }
}
