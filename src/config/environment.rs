//! Whether this machine is ready for a config: directories, port, programs. Looks, and changes nothing.
//!
//! Secrets are looked up while their hooks are read: see [`Vault`](super::vault::Vault).

use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::process::{getegid, geteuid, getgroups};

use super::Depth;
use super::fault::Wrong;
use super::notebook::Notebook;
use crate::gate::{AckReader, Unheard};
use crate::hook::Kind;
use crate::live::Settings;
use crate::policy::Mode;

/// Bits that a directory must not have.
mod open {
    /// Anything for group or others: the store.
    pub(super) const TO_ANYONE: u32 = 0o077;
    /// Anything for others, writing for the group: the gate, that engines of the group map.
    pub(super) const BEYOND_GROUP: u32 = 0o027;
    /// Writing for group or others.
    pub(super) const TO_WRITERS: u32 = 0o022;
}

/// Checks all of it.
pub(super) fn check(settings: &Settings, notebook: &mut Notebook) {
    let serve = &settings.serve;
    directory(notebook, "store.dir", &settings.store.dir, open::TO_ANYONE);
    directory(notebook, "gate.path", parent(&settings.gate.path), open::BEYOND_GROUP);
    directory(notebook, "serve.control", parent(&serve.control), open::TO_WRITERS);
    directory(notebook, "serve.reports", &serve.reports, open::TO_WRITERS);
    if let Some(record) = &settings.record {
        directory(notebook, "record.dir", &record.dir, open::TO_WRITERS);
    }
    if let Some(path) = settings.gate.ack.as_ref().filter(|_| !notebook.blames("gate.ack")) {
        ack(notebook, &AckReader::new(path, settings.gate.ack_owner));
    }
    if !notebook.blames("serve.listen") {
        port(notebook, serve.listen);
    }
    for hook in settings.hooks.iter().filter(|hook| hook.mode != Mode::Off) {
        if let Kind::Exec(exec) = &hook.kind
            && let Some(path) = exec.argv.first()
        {
            program(notebook, &format!("hook.{}.argv", hook.name), Path::new(path));
        }
    }
}

/// The trading engine's file: it may not be there yet, but what is there must be one that is believed.
fn ack(notebook: &mut Notebook, reader: &AckReader) {
    match reader.read().map_err(Unheard::from) {
        Ok(Some(_)) => notebook.tick(Depth::Environment, "gate.ack: a trading engine has written it".to_owned()),
        Ok(None) | Err(Unheard::Nothing) => {
            notebook.notes.push("gate.ack: no trading engine has written it yet".to_owned());
        }
        Err(why) => notebook.fault_at("gate.ack", why.to_string()),
    }
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// A directory that is there, or that can be made where it shall be.
fn directory(notebook: &mut Notebook, key: &str, dir: &Path, forbidden: u32) {
    if notebook.blames(key) {
        return;
    }
    match standing(dir) {
        Ok((there, meta)) => match fits(dir, there, &meta, forbidden) {
            Ok(how) => notebook.tick(Depth::Environment, format!("{key}: {how}")),
            Err(wrong) => notebook.fault_at(key, wrong),
        },
        Err(why) => notebook.fault_at(key, why),
    }
}

/// The nearest of `dir` and what it lies in that exists.
fn standing(dir: &Path) -> Result<(&Path, Metadata), String> {
    for place in dir.ancestors() {
        match fs::metadata(here(place)) {
            Ok(meta) => return Ok((place, meta)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", here(place).display())),
        }
    }
    Err(format!("{}: nothing of this path exists", dir.display()))
}

fn fits(dir: &Path, there: &Path, meta: &Metadata, forbidden: u32) -> Result<String, Wrong> {
    let (dir, shown) = (here(dir).display(), here(there).display());
    if !meta.is_dir() {
        return Err(Wrong::new(format!("{shown} is no directory")));
    }
    if !may_write(meta) {
        return Err(Wrong::new(format!("{shown} cannot be written to by this user")));
    }
    let mode = meta.mode() & 0o7777;
    let is_there = here(there).as_os_str() == dir.to_string().as_str();
    if is_there && mode & forbidden != 0 {
        let hint = format!("chmod {:03o} {dir}", 0o777 & !forbidden);
        return Err(Wrong::new(format!("{dir} is open to others, mode {mode:04o}")).hint(hint));
    }
    Ok(if is_there { format!("{dir} is there") } else { format!("{dir} can be made in {shown}") })
}

/// The empty path means this directory.
fn here(path: &Path) -> &Path {
    if path.as_os_str().is_empty() { Path::new(".") } else { path }
}

/// Whether this user may make files in a directory, as far as its mode tells.
fn may_write(meta: &Metadata) -> bool {
    let user = geteuid();
    let is_of_group = || {
        let gid = meta.gid();
        getegid().as_raw() == gid || getgroups().unwrap_or_default().iter().any(|group| group.as_raw() == gid)
    };
    let wanted = match () {
        () if user.is_root() => return true,
        () if user.as_raw() == meta.uid() => 0o300,
        () if is_of_group() => 0o030,
        () => 0o003,
    };
    meta.mode() & wanted == wanted
}

fn port(notebook: &mut Notebook, listen: SocketAddr) {
    match TcpListener::bind(listen) {
        Ok(_) => notebook.tick(Depth::Environment, format!("serve.listen: {listen} is free")),
        Err(error) => {
            let in_use = error.kind() == ErrorKind::AddrInUse;
            let hint = in_use.then(|| "does a daemon run already? else choose another port".to_owned());
            notebook.fault_at("serve.listen", Wrong::new(format!("{listen}: {error}")).hint(hint));
        }
    }
}

fn program(notebook: &mut Notebook, key: &str, path: &Path) {
    let shown = path.display();
    let wrong = match fs::metadata(path) {
        Err(error) => Some(format!("{shown}: {error}")),
        Ok(meta) if !meta.is_file() => Some(format!("{shown} is no file")),
        Ok(meta) if meta.mode() & 0o111 == 0 => Some(format!("{shown} is not executable")),
        Ok(meta) if meta.mode() & 0o002 != 0 => Some(format!("{shown} may be changed by anybody")),
        Ok(_) => None,
    };
    match wrong {
        Some(problem) => notebook.fault_at(key, problem),
        None => notebook.tick(Depth::Environment, format!("{key}: {shown} is executable")),
    }
}
