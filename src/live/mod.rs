//! The daemon: threads, channels, and the order in which they start and stop.

mod settings;

pub use settings::{FeedSettings, GateSettings, ServeSettings, Settings, StoreSettings};
