//! The socket file: made where only its owner and group can reach it, and removed again.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Whoever may write to the file may ask: its owner and its group.
const MODE: u32 = 0o660;

/// A control socket that listens; the file goes when this does.
#[derive(Debug)]
pub struct Control {
    pub(super) listener: UnixListener,
    path: PathBuf,
    inode: u64,
}

impl Control {
    /// Binds. A file left by a daemon that is gone is replaced; one that somebody listens at is not.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let place = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o750).create(place).map_err(|why| told(&why, place))?;
        check_free(path)?;
        let (listener, inode) = make(place, path).map_err(|why| told(&why, path))?;
        Ok(Self { listener, path: path.to_owned(), inode })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // Another daemon may have put its own in our place.
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn check_free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
        Err(why) => Err(told(&why, path)),
        Ok(file) if !file.file_type().is_socket() => {
            Err(told(&io::Error::new(ErrorKind::AlreadyExists, "is there already and is no socket"), path))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            Err(told(&io::Error::new(ErrorKind::AddrInUse, "another daemon listens here"), path))
        }
        Ok(_) => Ok(()),
    }
}

/// Made in a directory that only we can enter, then moved: at no time is it open to more than [`MODE`] says.
fn make(place: &Path, path: &Path) -> io::Result<(UnixListener, u64)> {
    let nook = place.join(format!(".control-{}", std::process::id()));
    fs::DirBuilder::new().mode(0o700).create(&nook)?;
    let made = make_in(&nook, path);
    let _ = fs::remove_dir_all(&nook);
    made
}

fn make_in(nook: &Path, path: &Path) -> io::Result<(UnixListener, u64)> {
    let fresh = nook.join("s");
    let listener = UnixListener::bind(&fresh)?;
    listener.set_nonblocking(true)?;
    fs::set_permissions(&fresh, Permissions::from_mode(MODE))?;
    let inode = fs::symlink_metadata(&fresh)?.ino();
    fs::rename(&fresh, path)?;
    Ok((listener, inode))
}

fn told(why: &io::Error, path: &Path) -> io::Error {
    io::Error::new(why.kind(), format!("{}: {why}", path.display()))
}
