//! The directory of recordings: new files, and room for them.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::count::{Counted, Counts};
use super::name::{is_ours, stamp};
use crate::event::Nanos;

/// How many names are tried where several processes begin files in the same microsecond.
const TRIES: i64 = 100;

/// A directory of recordings.
#[derive(Debug)]
pub struct Shelf {
    dir: PathBuf,
    /// Most bytes of all files.
    most: u64,
    counts: Arc<Counts>,
    /// Files that are being written here: never deleted.
    open: BTreeSet<PathBuf>,
}

/// A new file.
#[derive(Debug)]
pub struct Opened {
    /// Where it lies.
    pub path: PathBuf,
    /// The file.
    pub file: Counted,
}

/// The files that are being written are larger than all may be together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShelfFull {
    /// Bytes of all files.
    pub size: u64,
    /// Most bytes allowed.
    pub most: u64,
}

impl fmt::Display for ShelfFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "recordings take {} bytes, allowed are {}, and no finished file is left to delete",
            self.size, self.most
        )
    }
}

impl std::error::Error for ShelfFull {}

impl Shelf {
    /// Makes the directory where there is none, with mode 0700: what people said stands in recordings too.
    pub fn new(dir: &Path, most: u64, counts: Arc<Counts>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Self { dir: dir.to_owned(), most, counts, open: BTreeSet::new() })
    }

    /// Begins a file that was not there before; `what` stands behind the time in its name.
    pub fn begin(&mut self, what: &str, now: Nanos) -> io::Result<Opened> {
        for later in 0..TRIES {
            let name = format!("{}-{what}", stamp(Nanos(now.0.saturating_add(later * 1_000))));
            let path = self.dir.join(name);
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(self.opened(path, file)),
                Err(why) if why.kind() == ErrorKind::AlreadyExists => {}
                Err(why) => return Err(why),
            }
        }
        Err(io::Error::new(ErrorKind::AlreadyExists, "no name is free for a recording"))
    }

    fn opened(&mut self, path: PathBuf, file: File) -> Opened {
        self.counts.files.fetch_add(1, Relaxed);
        self.open.insert(path.clone());
        Opened { path, file: Counted::new(file, Arc::clone(&self.counts)) }
    }

    /// A file is finished: from now on it may be deleted to make room.
    pub fn finished(&mut self, path: &Path) {
        self.open.remove(path);
    }

    /// Deletes the oldest finished files until all are small enough together; returns those that went.
    pub fn make_room(&mut self) -> io::Result<Result<Vec<PathBuf>, ShelfFull>> {
        let files = self.files()?;
        let mut size: u64 = files.iter().map(|(_, size)| size).sum();
        let mut gone = Vec::new();
        for (path, bytes) in files {
            if size <= self.most {
                break;
            }
            if self.open.contains(&path) {
                continue;
            }
            size -= bytes;
            match fs::remove_file(&path) {
                Ok(()) => {
                    self.counts.deleted.fetch_add(1, Relaxed);
                    gone.push(path);
                }
                // Somebody was faster: there is room as well.
                Err(why) if why.kind() == ErrorKind::NotFound => {}
                Err(why) => return Err(why),
            }
        }
        Ok(if size <= self.most { Ok(gone) } else { Err(ShelfFull { size, most: self.most }) })
    }

    /// Recordings with their sizes, oldest first.
    fn files(&self) -> io::Result<Vec<(PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_ours) {
                match entry.metadata() {
                    Ok(file) => files.push((entry.path(), file.len())),
                    Err(why) if why.kind() == ErrorKind::NotFound => {}
                    Err(why) => return Err(why),
                }
            }
        }
        files.sort();
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::reel::INPUTS;
    use std::io::Write as _;

    fn shelf(most: u64) -> (tempfile::TempDir, Shelf) {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&dir.path().join("recordings"), most, Arc::default()).unwrap();
        (dir, shelf)
    }

    fn fill(shelf: &mut Shelf, secs: i64) -> PathBuf {
        let mut opened = shelf.begin(INPUTS, Nanos::from_secs(secs)).unwrap();
        opened.file.write_all(&[7; 100]).unwrap();
        opened.path
    }

    #[test]
    fn the_oldest_finished_files_go_and_nothing_else() {
        let (_dir, mut shelf) = shelf(250);
        let other = shelf.dir.join("notes.txt");
        fs::write(&other, [0; 1000]).unwrap();
        let oldest = fill(&mut shelf, 1);
        assert_eq!(shelf.make_room().unwrap(), Ok(vec![]));
        let paths: Vec<_> = (2..=4).map(|secs| fill(&mut shelf, secs)).collect();
        shelf.finished(&paths[0]);
        shelf.finished(&paths[1]);
        assert_eq!(
            shelf.make_room().unwrap(),
            Ok(vec![paths[0].clone(), paths[1].clone()]),
            "the first is being written"
        );
        assert!(oldest.exists() && paths[2].exists() && other.exists());
        assert_eq!(shelf.counts.deleted.load(Relaxed), 2);
    }

    #[test]
    fn files_that_are_being_written_are_never_deleted_even_if_they_are_too_large() {
        let (_dir, mut shelf) = shelf(150);
        fill(&mut shelf, 1);
        fill(&mut shelf, 2);
        assert_eq!(shelf.make_room().unwrap(), Err(ShelfFull { size: 200, most: 150 }));
    }

    #[test]
    fn recordings_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mut shelf = Shelf::new(&dir.path().join("recordings"), 1000, Arc::default()).unwrap();
        let opened = shelf.begin(INPUTS, Nanos::from_secs(1_760_130_900)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&shelf.dir), mode(&opened.path)), (0o700, 0o600));
    }

    #[test]
    fn a_second_start_in_the_same_microsecond_overwrites_nothing() {
        let (_dir, mut shelf) = shelf(1000);
        let (one, other) = (fill(&mut shelf, 1), fill(&mut shelf, 1));
        assert_ne!(one, other);
        assert_eq!(fs::read(one).unwrap().len(), 100);
        assert_eq!(shelf.counts.bytes.load(Relaxed), 200);
    }
}
