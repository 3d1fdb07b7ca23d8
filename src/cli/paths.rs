//! Where a run keeps its things: from flags, else from the config, else where a run without a config keeps them.

use std::path::{Path, PathBuf};

use super::{Fault, config_of};
use crate::live::Settings;
use crate::store::{FILE, Reader};

/// The settings behind `-c FILE`, or those of a run without a config.
pub(super) fn settings(config: Option<&Path>) -> Result<Settings, Fault> {
    config.map_or_else(|| Ok(Settings::default()), config_of)
}

/// Where the store is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct StoreAt {
    /// The store: its directory, or the file in it; before what the config says.
    #[arg(long, value_name = "FILE|DIR")]
    store: Option<PathBuf>,
    /// Config of the daemon that keeps the store.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl StoreAt {
    /// The settings of the daemon.
    pub(super) fn settings(&self) -> Result<Settings, Fault> {
        settings(self.config.as_deref())
    }

    /// The database file.
    pub(super) fn file(&self) -> Result<PathBuf, Fault> {
        let path = match &self.store {
            Some(path) => path.clone(),
            None => self.settings()?.store.dir,
        };
        Ok(if path.is_dir() { path.join(FILE) } else { path })
    }

    /// Opens it for reading.
    pub(super) fn open(&self) -> Result<Reader, Fault> {
        let file = self.file()?;
        if !file.exists() {
            let hint = "name it by --store FILE, or the config by -c FILE";
            return Err(anyhow::anyhow!("{}: there is no store ({hint})", file.display()).into());
        }
        Ok(Reader::open(&file)?)
    }
}

/// Where the gate is.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct GateAt {
    /// The gate file; before what the config says.
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,
    /// Config of the daemon that writes the gate.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl GateAt {
    /// The gate file, and the settings that name its reason codes.
    pub(super) fn find(&self) -> Result<(PathBuf, Settings), Fault> {
        let settings = settings(self.config.as_deref())?;
        Ok((self.gate.clone().unwrap_or_else(|| settings.gate.path.clone()), settings))
    }
}

/// Where the running daemon listens to people.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ControlAt {
    /// Control socket of the daemon; before what the config says.
    #[arg(long, value_name = "FILE")]
    socket: Option<PathBuf>,
    /// Config of the daemon.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ControlAt {
    /// The socket.
    pub(super) fn socket(&self) -> Result<PathBuf, Fault> {
        match &self.socket {
            Some(path) => Ok(path.clone()),
            None => Ok(settings(self.config.as_deref())?.serve.control),
        }
    }
}
