//! The scribe: the thread that writes recordings. Whoever has something to record hands it over and never waits.
//!
//! ```text
//! engine (inputs) ------\
//! feeds (raw frames) -----> bounded channel -> scribe -> files (see `feed::reel`), written out twice a second
//! ```

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::settings::RecordSettings;
use crate::engine::Input;
use crate::event::Nanos;
use crate::feed::clock::Clock;
use crate::feed::reel::{self, Counted, Counts, FrameReel, INPUTS, Opened, Shelf};
use crate::feed::tape::InputWriter;
use crate::market::Markets;
use crate::metrics::RecordCounters;

/// Notes that wait for the disk: half a minute of a busy market.
const NOTES_MAX: usize = 65_536;
/// Bytes of frames that wait for the disk.
const FRAMES_MAX: u64 = 64 << 20;
/// How often what came is written out: a killed process loses less than a second.
const WRITE_OUT: Duration = Duration::from_millis(500);
/// How often the scribe looks up when nothing comes.
const LOOK: Duration = Duration::from_millis(100);
/// Files begin anew with each hour.
const HOUR_SECS: i64 = 3600;

/// What the scribe is told.
enum Note {
    /// An input.
    Input(Input),
    /// A raw frame of a connection.
    Frame(Arc<Wire>, Nanos, Box<str>),
    /// The tape of inputs ends, if there is one, and a new one begins.
    Begin(Box<Beginning>),
    /// All ends.
    End { digest: Option<String>, lost: u64 },
}

/// What a tape of inputs begins with.
pub(super) struct Beginning {
    /// The how-manieth tape this is, from 1.
    pub(super) number: u64,
    /// Digest of the tape that ends here.
    pub(super) digest: Option<String>,
    /// Inputs that are missing between the two.
    pub(super) lost: u64,
    pub(super) snapshot: Vec<u8>,
    pub(super) markets: Markets,
}

/// The way to the scribe. Clones are cheap.
#[derive(Clone)]
pub(super) struct Scribe {
    notes: Sender<Note>,
    waiting: Arc<AtomicU64>,
    /// The tape of inputs that is wanted: one beyond the one that is being written, once that is full.
    wanted: Arc<AtomicU64>,
    counts: Arc<Counts>,
}

/// The running thread.
pub(super) struct Writing {
    thread: JoinHandle<()>,
}

/// One connection whose frames are recorded.
pub(super) struct Wire {
    /// As in `binance-coinm/0`.
    pub(super) name: String,
    /// The venue's own address: what tells a reader the venue.
    pub(super) url: String,
}

/// Starts the thread; a directory that cannot be made fails here.
pub(super) fn start(settings: &RecordSettings, clock: Arc<dyn Clock>) -> io::Result<(Scribe, Writing)> {
    let (scribe, desk, come) = desk(settings, clock, NOTES_MAX)?;
    let thread = std::thread::Builder::new().name("scribe".to_owned()).spawn(move || desk.work(&come))?;
    Ok((scribe, Writing { thread }))
}

fn desk(settings: &RecordSettings, clock: Arc<dyn Clock>, room: usize) -> io::Result<(Scribe, Desk, Receiver<Note>)> {
    let counts: Arc<Counts> = Arc::default();
    let shelf = Shelf::new(&settings.dir, settings.room.all, Arc::clone(&counts))?;
    let (notes, come) = bounded(room);
    let scribe = Scribe { notes, waiting: Arc::default(), wanted: Arc::default(), counts: Arc::clone(&counts) };
    let desk = Desk {
        shelf,
        room: settings.room,
        clock,
        wanted: Arc::clone(&scribe.wanted),
        number: 0,
        waiting: Arc::clone(&scribe.waiting),
        counts,
        inputs: None,
        frames: BTreeMap::new(),
    };
    Ok((scribe, desk, come))
}

impl Scribe {
    /// Hands an input over. False where it found no room, or where the tape has a hole already: it is counted as lost.
    #[inline]
    pub(super) fn input(&self, input: &Input, is_broken: bool) -> bool {
        let sent = !is_broken && self.notes.try_send(Note::Input(input.clone())).is_ok();
        if !sent {
            self.counts.lost_inputs.fetch_add(1, Relaxed);
        }
        sent
    }

    /// Whether a tape beyond this one is wanted, because it is full.
    #[inline]
    pub(super) fn wants_beyond(&self, number: u64) -> bool {
        self.wanted.load(Relaxed) > number
    }

    /// Whether half of the channel is free: time to begin a tape anew.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.notes.len() < self.notes.capacity().unwrap_or(0) / 2 && self.counts.stopped.load(Relaxed) == 0
    }

    /// Begins a new tape of inputs. False where there is no room for the word: try again.
    pub(super) fn begin(&self, beginning: Beginning) -> bool {
        self.notes.try_send(Note::Begin(Box::new(beginning))).is_ok()
    }

    /// Hands a frame over, or counts it as lost.
    pub(super) fn frame(&self, wire: &Arc<Wire>, recv_at: Nanos, text: &str) {
        let length = text.len() as u64;
        if self.waiting.fetch_add(length, Relaxed) + length <= FRAMES_MAX
            && self.notes.try_send(Note::Frame(Arc::clone(wire), recv_at, text.into())).is_ok()
        {
            return;
        }
        self.waiting.fetch_sub(length, Relaxed);
        self.counts.lost_frames.fetch_add(1, Relaxed);
    }

    /// What was recorded so far.
    pub(super) fn counters(&self) -> RecordCounters {
        let Counts { bytes, files, deleted, lost_inputs, lost_frames, stopped } = &*self.counts;
        RecordCounters {
            bytes: bytes.load(Relaxed),
            files: files.load(Relaxed),
            deleted: deleted.load(Relaxed),
            lost_inputs: lost_inputs.load(Relaxed),
            lost_frames: lost_frames.load(Relaxed),
            stopped: stopped.load(Relaxed) > 0,
        }
    }

    /// Ends all files in order, the tape of inputs with what is missing at its end; waits for room.
    pub(super) fn end(&self, digest: Option<String>, lost: u64) {
        drop(self.notes.send(Note::End { digest, lost }));
    }
}

impl Writing {
    /// Waits until everything is written.
    pub(super) fn join(self) {
        drop(self.thread.join());
    }
}

/// Where the scribe sits.
struct Desk {
    shelf: Shelf,
    room: reel::Room,
    clock: Arc<dyn Clock>,
    wanted: Arc<AtomicU64>,
    /// The tape of inputs that is being written, from 1.
    number: u64,
    waiting: Arc<AtomicU64>,
    counts: Arc<Counts>,
    inputs: Option<Reel<InputWriter<Counted>>>,
    /// By the name of the connection.
    frames: BTreeMap<String, Reel<FrameReel>>,
}

/// A file that is being written.
struct Reel<W> {
    path: PathBuf,
    hour: i64,
    /// Bytes it began with: however large an engine's state is, a file holds what came behind it.
    base: u64,
    writer: W,
}

impl Desk {
    /// Writes until it is told to end or cannot.
    fn work(mut self, notes: &Receiver<Note>) {
        if let Err(why) = self.write_all(notes) {
            self.counts.stopped.store(1, Relaxed);
            tracing::error!("recording stopped, nothing is recorded any more: {why}");
        }
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "a driver: what waits for the disk must not wait longer than a second"
    )]
    fn write_all(&mut self, notes: &Receiver<Note>) -> io::Result<()> {
        let mut written = Instant::now();
        let mut told_lost = [0; 2];
        loop {
            match notes.recv_timeout(LOOK) {
                Ok(Note::End { digest, lost }) => return self.finish(digest.as_deref(), lost),
                Ok(note) => self.take(note)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(None, 0),
            }
            if written.elapsed() >= WRITE_OUT {
                written = Instant::now();
                self.write_out()?;
                self.tell_lost(&mut told_lost);
            }
        }
    }

    fn take(&mut self, note: Note) -> io::Result<()> {
        match note {
            Note::Input(input) => match &mut self.inputs {
                Some(reel) => reel.writer.write(&input),
                None => Ok(()),
            },
            Note::Frame(wire, recv_at, text) => {
                self.waiting.fetch_sub(text.len() as u64, Relaxed);
                self.frame(&wire, recv_at, &text)
            }
            Note::Begin(beginning) => self.begin(*beginning),
            Note::End { .. } => Ok(()),
        }
    }

    fn begin(&mut self, beginning: Beginning) -> io::Result<()> {
        let Beginning { number, digest, lost, snapshot, markets } = beginning;
        if let Some(mut old) = self.inputs.take() {
            if lost > 0 {
                old.writer.lost(lost)?;
            }
            old.writer.finish(digest.as_deref())?;
            self.shelf.finished(&old.path);
        }
        let (now, hour) = self.now();
        let Opened { path, file } = self.shelf.begin(INPUTS, now)?;
        let writer = InputWriter::packed(file, &snapshot, &markets)?;
        let base = writer.get_ref().size();
        self.inputs = Some(Reel { path, hour, base, writer });
        self.number = number;
        Ok(())
    }

    fn frame(&mut self, wire: &Wire, recv_at: Nanos, text: &str) -> io::Result<()> {
        let Wire { name, url } = wire;
        if let Some(reel) = self.frames.get_mut(name) {
            return reel.writer.write(recv_at, text);
        }
        let (now, hour) = self.now();
        let Opened { path, file } = self.shelf.begin(&reel::frames_of(name), now)?;
        let mut writer = FrameReel::new(file, url, now)?;
        writer.write(recv_at, text)?;
        self.frames.insert(name.clone(), Reel { path, hour, base: 0, writer });
        Ok(())
    }

    /// Writes out what came, ends files that are full or of the last hour, and makes room.
    fn write_out(&mut self) -> io::Result<()> {
        let (_, hour) = self.now();
        if let Some(reel) = &mut self.inputs {
            reel.writer.flush()?;
            if reel.hour != hour || reel.writer.get_ref().size() - reel.base > self.room.file {
                self.wanted.store(self.number + 1, Relaxed);
            }
        }
        let mut full = Vec::new();
        for (name, reel) in &mut self.frames {
            reel.writer.flush()?;
            if reel.hour != hour || reel.writer.size() > self.room.file {
                full.push(name.clone());
            }
        }
        for name in full {
            self.finish_frames(&name)?;
        }
        match self.shelf.make_room()? {
            Ok(gone) => {
                for path in gone {
                    tracing::warn!(path = %path.display(), "recording deleted to make room");
                }
                Ok(())
            }
            Err(full) => Err(io::Error::new(io::ErrorKind::QuotaExceeded, full)),
        }
    }

    fn finish_frames(&mut self, name: &str) -> io::Result<()> {
        if let Some(reel) = self.frames.remove(name) {
            reel.writer.finish()?;
            self.shelf.finished(&reel.path);
        }
        Ok(())
    }

    fn finish(&mut self, digest: Option<&str>, lost: u64) -> io::Result<()> {
        for name in self.frames.keys().cloned().collect::<Vec<_>>() {
            self.finish_frames(&name)?;
        }
        if let Some(mut reel) = self.inputs.take() {
            if lost > 0 {
                reel.writer.lost(lost)?;
            }
            reel.writer.finish(digest)?;
            tracing::info!(path = %reel.path.display(), "inputs recorded");
        }
        Ok(())
    }

    /// One line where more was lost than when it was last said.
    fn tell_lost(&self, told: &mut [u64; 2]) {
        let lost = [&self.counts.lost_inputs, &self.counts.lost_frames].map(|count| count.load(Relaxed));
        if lost != *told {
            let [inputs, frames] = lost;
            tracing::warn!(inputs, frames, "recording lost: the disk does not keep up");
            *told = lost;
        }
    }

    fn now(&self) -> (Nanos, i64) {
        let now = self.clock.now();
        (now, now.0.div_euclid(HOUR_SECS * Nanos::SECOND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, EngineSettings};
    use crate::event::{Aggressor, Body, Event, MarketId, Price, Qty};
    use crate::feed::clock::RealClock;
    use crate::feed::instrument::instrument;
    use crate::feed::tape::{self, Ending, InputReader, Spec};
    use crate::live::recorder::Recorder;
    use crate::replay::Runner;
    use std::fs::{self, File};
    use std::path::Path;

    fn settings(dir: &Path, file: u64, all: u64) -> RecordSettings {
        RecordSettings { dir: dir.to_owned(), room: reel::Room { file, all }, ..RecordSettings::default() }
    }

    fn trade(id: u64) -> Input {
        let at = Nanos(1_760_130_903_000_000_000 + id as i64 * 7_000_001);
        let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (price, qty) = (4.0 + (noise >> 40) as f64 * 1e-9, 1.0 + (noise >> 20 & 0xffff) as f64);
        let (price, qty) = (Price::new(price).unwrap(), Qty::positive(qty).unwrap());
        let body = Body::Trade { price, qty, id, aggressor: Aggressor::Buy };
        Input::Event(Event { venue_at: at, recv_at: at, market: MarketId(0), body })
    }

    fn engine() -> Engine {
        let mut table = Markets::new();
        table.add(instrument("gemini", "DOTUSD"));
        Engine::new(EngineSettings::default(), table)
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }

    fn open(path: &Path) -> InputReader {
        InputReader::new(File::open(path).unwrap()).unwrap()
    }

    /// Writes out whenever enough came, as the thread does twice a second.
    fn write_out(desk: &mut Desk, notes: &Receiver<Note>) {
        for note in notes.try_iter() {
            desk.take(note).unwrap();
        }
        desk.write_out().unwrap();
    }

    #[test]
    fn full_files_follow_each_other_and_replay_to_the_digest_of_the_run() {
        let dir = tempfile::tempdir().unwrap();
        let (scribe, mut desk, notes) =
            desk(&settings(dir.path(), 8_000, 1 << 30), Arc::new(RealClock::new()), 64).unwrap();
        let mut engine = engine();
        let mut recorder = Recorder::new(scribe, &engine);
        let mut out = Vec::new();
        for id in 1..=3_000 {
            let input = trade(id);
            recorder.input(&engine, &input);
            engine.handle(input, &mut out);
            recorder.outputs(&engine, &out);
            out.clear();
            if id % 20 == 0 {
                write_out(&mut desk, &notes);
            }
        }
        write_out(&mut desk, &notes);
        let live = recorder.finish(&engine);
        for note in notes.try_iter() {
            match note {
                Note::End { digest, lost } => desk.finish(digest.as_deref(), lost).unwrap(),
                note => desk.take(note).unwrap(),
            }
        }
        let files = files(dir.path());
        assert!(files.len() > 2, "{files:?}");
        let mut runner =
            Runner::verbatim(Engine::restore(EngineSettings::default(), open(&files[0]).snapshot()).unwrap());
        let mut inputs = 0;
        for path in &files {
            let mut tape = open(path);
            assert!(tape.snapshot() == runner.engine.snapshot(), "{}", path.display());
            for input in tape.by_ref() {
                runner.feed(input.unwrap(), &mut []);
                inputs += 1;
            }
            assert!(matches!(tape.ending(), Some(Ending::Whole(Some(_)))), "{:?}", tape.ending());
        }
        assert_eq!((inputs, runner.finish()), (3_000, live));
    }

    #[test]
    fn a_disk_that_does_not_keep_up_breaks_the_tape_says_so_and_a_new_one_begins() {
        let dir = tempfile::tempdir().unwrap();
        let (scribe, mut desk, notes) =
            desk(&settings(dir.path(), 1 << 20, 1 << 30), Arc::new(RealClock::new()), 16).unwrap();
        let engine = engine();
        let mut recorder = Recorder::new(scribe.clone(), &engine);
        // Nobody reads: 15 find room behind the word of the beginning, 25 do not.
        (1..=40).for_each(|id| recorder.input(&engine, &trade(id)));
        assert_eq!(scribe.counters().lost_inputs, 25, "behind a hole nothing is tried until a new tape begins");
        write_out(&mut desk, &notes);
        (41..=45).for_each(|id| recorder.input(&engine, &trade(id)));
        write_out(&mut desk, &notes);
        desk.finish(None, 0).unwrap();
        let [broken, whole] = &files(dir.path())[..] else { panic!("two tapes") };
        let mut tape = open(broken);
        assert_eq!((tape.by_ref().count(), tape.ending()), (15, Some(&Ending::Lost(25))));
        let mut tape = open(whole);
        let first = tape.by_ref().next().unwrap().unwrap();
        assert_eq!((first, tape.by_ref().count()), (trade(41), 4));
    }

    #[test]
    fn frames_are_read_back_and_old_files_make_room() {
        let dir = tempfile::tempdir().unwrap();
        let (scribe, mut desk, notes) =
            desk(&settings(dir.path(), 10_000, 60_000), Arc::new(RealClock::new()), 1024).unwrap();
        let url = crate::feed::venue::find("hyperliquid").unwrap().base().to_owned();
        let wire = Arc::new(Wire { name: "hyperliquid/0".to_owned(), url });
        for id in 0..4_000_u64 {
            let noise = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let at = Nanos(1_760_130_903_000_000_000 + id as i64);
            scribe.frame(&wire, at, &format!("{{\"channel\":\"pong\",\"noise\":\"{noise:x}{:x}\"}}", !noise));
            if id % 100 == 0 {
                write_out(&mut desk, &notes);
                let size: u64 = files(dir.path()).iter().map(|path| path.metadata().unwrap().len()).sum();
                assert!(size <= 60_000, "{size}");
            }
        }
        write_out(&mut desk, &notes);
        desk.finish(None, 0).unwrap();
        let counters = scribe.counters();
        assert!(counters.deleted >= 2 && counters.files > counters.deleted && !counters.stopped, "{counters:?}");
        assert_eq!(counters.lost_frames, 0);
        for path in files(dir.path()) {
            let mut source = tape::open(&Spec::new(&path)).unwrap();
            while source.next(&mut Markets::new()).unwrap().is_some() {}
            assert!(!source.report().is_damaged() && source.report().lines > 100, "{:?}", source.report());
        }
    }

    #[test]
    fn a_run_that_ends_in_a_hole_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let (scribe, mut desk, notes) =
            desk(&settings(dir.path(), 1 << 20, 1 << 30), Arc::new(RealClock::new()), 16).unwrap();
        let engine = engine();
        let mut recorder = Recorder::new(scribe, &engine);
        (1..=40).for_each(|id| recorder.input(&engine, &trade(id)));
        for note in notes.try_iter() {
            desk.take(note).unwrap();
        }
        recorder.finish(&engine);
        let Ok(Note::End { digest, lost }) = notes.try_recv() else { panic!("the end") };
        desk.finish(digest.as_deref(), lost).unwrap();
        let mut tape = open(&files(dir.path())[0]);
        assert_eq!((tape.by_ref().count(), tape.ending()), (15, Some(&Ending::Lost(25))));
    }

    #[test]
    fn where_nothing_is_left_to_delete_writing_stops_loudly() {
        let dir = tempfile::tempdir().unwrap();
        let (scribe, desk, notes) = desk(&settings(dir.path(), 1 << 20, 10), Arc::new(RealClock::new()), 1024).unwrap();
        let wire = Arc::new(Wire { name: "okx/0".to_owned(), url: String::new() });
        let thread = std::thread::spawn(move || desk.work(&notes));
        scribe.frame(&wire, Nanos(1), "{}");
        thread.join().unwrap();
        assert!(scribe.counters().stopped);
        assert!(!scribe.has_room() && !scribe.input(&trade(1), false), "nobody writes");
    }
}
