//! The part of a file that is here: `NAME.part`, and the digest of all of it as it grows. One process at a time writes it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::checksum::Checksum;
use super::error::FetchError;

/// How much is read at once, in bytes.
const BLOCK: usize = 1 << 16;

/// What is here of a file, as `NAME.part`; one process at a time writes it.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    pub(super) length: u64,
    sum: Sha256,
    /// Bytes that came in this run.
    pub(super) appended: u64,
}

impl Part {
    pub(super) fn open(target: &Path) -> Result<Self, FetchError> {
        let mut name = target.as_os_str().to_owned();
        name.push(".part");
        let path = PathBuf::from(name);
        let failed = |why| disk(&path, &why);
        is_file_or_nothing(&path)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FetchError::Refused(format!("{}: another fetch is writing it", path.display())));
            }
            Err(TryLockError::Error(why)) => return Err(failed(why)),
        }
        let (length, sum) = digest(&mut file).map_err(failed)?;
        Ok(Self { path, file, length, sum, appended: 0 })
    }

    pub(super) fn checksum(&self) -> Checksum {
        checksum(self.sum.clone())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(|why| self.failed(&why))?;
        self.sum.update(bytes);
        self.length += bytes.len() as u64;
        self.appended += bytes.len() as u64;
        Ok(())
    }

    pub(super) fn restart(&mut self) -> Result<(), FetchError> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.seek(SeekFrom::Start(0)));
        emptied.map_err(|why| self.failed(&why))?;
        (self.length, self.sum) = (0, Sha256::new());
        Ok(())
    }

    /// Whether the disk has room for so much more, where it says so.
    pub(super) fn needs(&self, bytes: u64) -> Result<(), FetchError> {
        let Ok(room) = rustix::fs::fstatvfs(&self.file) else { return Ok(()) };
        let free = room.f_bavail.saturating_mul(room.f_frsize);
        // A device that is no disk has no blocks at all.
        if room.f_blocks > 0 && free < bytes {
            let why = format!("needs {bytes} bytes more, and the disk has {free} free");
            return Err(FetchError::Disk(format!("{}: {why}", self.path.display())));
        }
        Ok(())
    }

    /// Gives the file its name; it is on the disk before that.
    pub(super) fn finish(self, target: &Path) -> Result<(), FetchError> {
        self.file.sync_all().map_err(|why| self.failed(&why))?;
        fs::rename(&self.path, target).map_err(|why| self.failed(&why))?;
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|why| disk(folder, &why))
    }

    /// Nothing of it is of use.
    pub(super) fn remove(&self) {
        // It would be begun anew anyway.
        let _ = fs::remove_file(&self.path);
    }

    fn failed(&self, why: &io::Error) -> FetchError {
        if why.kind() == ErrorKind::StorageFull {
            let kept = format!("the disk is full; {} bytes are kept, make room and run the same again", self.length);
            return FetchError::Disk(format!("{}: {kept}", self.path.display()));
        }
        disk(&self.path, why)
    }
}

/// Whether there is a file. What is neither file nor nothing could be read or waited for without end.
pub(super) fn is_file_or_nothing(path: &Path) -> Result<bool, FetchError> {
    match fs::metadata(path) {
        Ok(what) if what.is_file() => Ok(true),
        Ok(_) => Err(FetchError::Refused(format!("{}: is there and no file", path.display()))),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(false),
        Err(why) => Err(disk(path, &why)),
    }
}

pub(super) fn disk(path: &Path, why: &io::Error) -> FetchError {
    FetchError::Disk(format!("{}: {why}", path.display()))
}

/// The length of a file and the digest of all of it; it stands at its end then.
pub(super) fn digest(file: &mut File) -> io::Result<(u64, Sha256)> {
    let (mut length, mut sum, mut block) = (0, Sha256::new(), vec![0; BLOCK]);
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok((length, sum)),
            Ok(count) => {
                sum.update(block.get(..count).unwrap_or_default());
                length += count as u64;
            }
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
}

pub(super) fn checksum(sum: Sha256) -> Checksum {
    Checksum::new(sum.finalize().into())
}
