//! One file: checked where it is already, else gone on with where it was left, verified, and only then given its name.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use super::checksum::{BYTES_MAX, Checksum};
use super::error::FetchError;
use super::part::{Part, checksum, digest, disk, is_file_or_nothing};
use super::plan::Item;
use super::web::{Answer, Base, Trouble, Web, explain_read};

/// How much is read at once, in bytes.
const BLOCK: usize = 1 << 16;

/// So many bytes more are progress: patience begins anew.
const PROGRESS: u64 = 1 << 20;

/// The first and the longest pause after a failure.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// How patient to be, and how much to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often to try before giving up: 1 or more.
    pub tries: u32,
    /// The largest file taken, in bytes.
    pub bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tries: 6, bytes_max: 32 << 30 }
    }
}

/// Whoever looks on, and waits.
pub trait Watch {
    /// A file begins or goes on: so many bytes of it are here already, and so many it has in all.
    fn begin(&mut self, have: u64, total: Option<u64>) {
        let _ = (have, total);
    }

    /// So many bytes more are here.
    fn more(&mut self, bytes: u64) {
        let _ = bytes;
    }

    /// Something that people should know.
    fn note(&mut self, text: &str);

    /// Waits before the next try.
    fn pause(&mut self, time: Duration);
}

/// How a file came to be here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Got {
    /// Its size.
    pub bytes: u64,
    /// How much of it came over the network just now, what had to be thrown away included.
    pub fetched: u64,
    /// False where it was here already, whole.
    pub is_new: bool,
}

/// Gets files, one after the other.
pub struct Fetcher<'a> {
    web: &'a Web,
    base: &'a Base,
    settings: Settings,
    watch: &'a mut dyn Watch,
}

impl<'a> Fetcher<'a> {
    /// Gets files of `base`.
    pub fn new(web: &'a Web, base: &'a Base, settings: Settings, watch: &'a mut dyn Watch) -> Self {
        Self { web, base, settings, watch }
    }

    /// Gets a file into a folder, which is made where there is none.
    pub fn fetch(&mut self, item: &Item, folder: &Path) -> Result<Got, FetchError> {
        let url = self.base.url(&item.path);
        let want = self.checksum(&url, &item.name)?;
        let target = folder.join(&item.name);
        if let Some(bytes) = self.is_there(&target, want)? {
            return Ok(Got { bytes, fetched: 0, is_new: false });
        }
        fs::create_dir_all(folder).map_err(|why| disk(folder, &why))?;
        let mut part = Part::open(&target)?;
        self.fill(&url, &item.name, &mut part, want)?;
        let (bytes, fetched) = (part.length, part.appended);
        part.finish(&target)?;
        Ok(Got { bytes, fetched, is_new: true })
    }

    /// The published checksum. A file without one is not published.
    fn checksum(&mut self, url: &str, name: &str) -> Result<Checksum, FetchError> {
        let url = format!("{url}.CHECKSUM");
        let mut patience = Patience::new(self.settings.tries);
        loop {
            let trouble = match self.web.get(&url, 0).and_then(|answer| text(answer.body)) {
                Ok(text) => return Checksum::parse(&text, name).map_err(FetchError::Refused),
                Err(trouble) => trouble,
            };
            self.bear(name, &mut patience, trouble)?;
        }
    }

    /// The size of the file where it is here and whole.
    fn is_there(&mut self, target: &Path, want: Checksum) -> Result<Option<u64>, FetchError> {
        if !is_file_or_nothing(target)? {
            return Ok(None);
        }
        let mut file = File::open(target).map_err(|why| disk(target, &why))?;
        let (length, sum) = digest(&mut file).map_err(|why| disk(target, &why))?;
        if checksum(sum) == want {
            return Ok(Some(length));
        }
        self.watch.note(&format!("{}: is not what is published; fetched anew", target.display()));
        Ok(None)
    }

    /// Gets what is missing until the whole is right.
    fn fill(&mut self, url: &str, name: &str, part: &mut Part, want: Checksum) -> Result<(), FetchError> {
        let mut patience = Patience::new(self.settings.tries);
        let mut was_wrong = false;
        loop {
            // What a run before this one completed is asked for no more.
            if part.length > 0 && part.checksum() == want {
                return Ok(());
            }
            let before = part.length;
            let trouble = match self.web.get(url, part.length) {
                Ok(answer) => self.take(answer, part)?,
                Err(Trouble::Behind) => None,
                Err(Trouble::Missing) => {
                    return Err(FetchError::Refused("its checksum is published, it is not".to_owned()));
                }
                Err(trouble) => Some(trouble),
            };
            let Some(trouble) = trouble else {
                if part.checksum() == want {
                    return Ok(());
                }
                // Begun from another version of the file, or damaged on the way: once more, from its beginning.
                part.restart()?;
                if was_wrong {
                    part.remove();
                    return Err(FetchError::Refused("does not match its published checksum, twice".to_owned()));
                }
                was_wrong = true;
                self.watch
                    .note(&format!("{name}: does not match its published checksum; once more from its beginning"));
                continue;
            };
            if part.length >= before + PROGRESS {
                patience = Patience::new(self.settings.tries);
            }
            self.bear(name, &mut patience, trouble)?;
        }
    }

    /// Appends what comes. Nothing where all came, else why not.
    fn take(&mut self, answer: Answer, part: &mut Part) -> Result<Option<Trouble>, FetchError> {
        if answer.from != part.length {
            part.restart()?;
        }
        let most = self.settings.bytes_max;
        if answer.total.is_some_and(|total| total > most) {
            part.remove();
            return Err(too_large(most));
        }
        if let Some(total) = answer.total {
            part.needs(total.saturating_sub(part.length))?;
        }
        self.watch.begin(part.length, answer.total);
        let (mut body, mut block) = (answer.body, vec![0; BLOCK]);
        loop {
            let count = match body.read(&mut block) {
                Ok(0) => break,
                Ok(count) => count,
                Err(why) if why.kind() == ErrorKind::Interrupted => continue,
                Err(why) => return Ok(Some(Trouble::Passing(explain_read(&why), None))),
            };
            if part.length + count as u64 > most {
                part.remove();
                return Err(too_large(most));
            }
            part.append(block.get(..count).unwrap_or_default())?;
            self.watch.more(count as u64);
        }
        let is_short = answer.total.is_some_and(|total| part.length < total);
        Ok(is_short.then(|| Trouble::Passing("the answer ended before the file did".to_owned(), None)))
    }

    /// Waits where there is hope, and ends it where there is none.
    fn bear(&mut self, name: &str, patience: &mut Patience, trouble: Trouble) -> Result<(), FetchError> {
        match trouble {
            Trouble::Missing => Err(FetchError::Missing),
            Trouble::Behind => Err(FetchError::Refused("the server says that there is nothing in it".to_owned())),
            Trouble::Lasting(why) => Err(FetchError::Refused(why)),
            Trouble::Passing(why, asked) => match patience.pause() {
                Some(pause) => {
                    let pause = asked.map_or(pause, |asked| asked.max(pause));
                    self.watch.note(&format!("{name}: {why}; next try in {:.1} s", pause.as_secs_f64()));
                    self.watch.pause(pause);
                    Ok(())
                }
                None => Err(FetchError::Network(format!("{why}; given up after {} tries", self.settings.tries))),
            },
        }
    }
}

/// How many tries are left, with ever longer pauses between.
struct Patience {
    left: u32,
    pause: Duration,
}

impl Patience {
    const fn new(tries: u32) -> Self {
        Self { left: tries.saturating_sub(1), pause: PAUSE_FIRST }
    }

    /// How long to wait for the next try, if there is one.
    fn pause(&mut self) -> Option<Duration> {
        self.left = self.left.checked_sub(1)?;
        let pause = self.pause;
        self.pause = (pause * 2).min(PAUSE_MAX);
        Some(pause)
    }
}

fn too_large(most: u64) -> FetchError {
    FetchError::Refused(format!("is larger than {most} bytes, the most that is taken"))
}

/// A small text, whole.
fn text(body: Box<dyn Read>) -> Result<String, Trouble> {
    let mut text = Vec::new();
    let read = body.take(BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|why| Trouble::Passing(explain_read(&why), None))?;
    match String::from_utf8(text) {
        Ok(text) if text.len() as u64 <= BYTES_MAX => Ok(text),
        _ => Err(Trouble::Lasting("its checksum file holds no SHA-256".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_grows_longer_and_ends() {
        let mut patience = Patience::new(9);
        let pauses: Vec<_> = std::iter::from_fn(|| patience.pause()).map(|pause| pause.as_secs_f64()).collect();
        assert_eq!(pauses, [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]);
        assert_eq!(Patience::new(1).pause(), None);
    }
}
