//! `fusewire serve-venue`: a venue on this machine, played from a recording, with faults on demand.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Exit, Fault, replay, say};
use crate::event::Nanos;
use crate::feed::clock::ScaledClock;
use crate::feed::frames::FrameReader;
use crate::feed::venue::VenueRef;
use crate::venue_sim::{Drawn, Fault as Ill, Faults, VenueOptions, VenueServer, endless};

/// Speak a venue's own WebSocket protocol on this machine, from recorded frames, with faults on demand.
///
/// Clients connect and subscribe as at the venue and get what they asked for, dated now. The tape begins with the first
/// subscription. It says where it listens, and ends with the tape or at Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire serve-venue --venue binance-coinm crash.frames.gz
  fusewire serve-venue --venue okx okx.frames.gz --listen 127.0.0.1:8080 --speed 10 --loop
  fusewire serve-venue --venue deribit day.frames.gz --fault stall:60:5 --fault reset:120
  fusewire serve-venue -c desk.toml --venue mydesk mydesk.frames.gz
  fusewire serve-venue --venue bybit-linear day.frames.gz --loop --faults-seed 7 --faults-every 30

Point a feed at it in config.toml: endpoint = \"ws://127.0.0.1:8080\"

Faults, each KIND:AT or KIND:AT:SECS in seconds of the tape (5 where SECS is left out):
  stall            data is lost while signs of life go on
  drop             one frame of four is lost
  duplicate        one frame of four is sent twice
  reorder          one frame of four comes after the next one
  late             data is held back and sent at the end
  garbage          between frames comes what is no message
  half-open        connections stay open and are dead
  slow-handshake   whoever connects waits until the end
  reset            every connection is reset at AT
  silent           subscriptions are acknowledged and never delivered
  skew             the venue's clock is an hour ahead
  shutdown-notice  the venue announces to close, and closes at the end

Exit codes: 0 the tape is over, 1 failure, 2 usage or doubt about a format, 4 input damaged and the rest played.")]
pub(super) struct Args {
    /// Recordings of raw frames (`NANOS JSON` a line, plain or gzipped) of one venue, played one after the other.
    #[arg(required = true, value_name = "TAPE")]
    tapes: Vec<PathBuf>,
    /// The venue whose frames these are.
    #[arg(long, value_name = "V")]
    venue: String,
    /// Config whose venues are known too.
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// So many seconds of the tape in one of ours.
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    speed: f64,
    /// Play again and again; ids of trades go on from lap to lap.
    #[arg(long = "loop")]
    again: bool,
    /// Something that goes wrong; may be given several times.
    #[arg(long, value_name = "KIND:AT[:SECS]")]
    fault: Vec<Ill>,
    /// Draw faults at random; equal seeds draw equal faults.
    #[arg(long, value_name = "S")]
    faults_seed: Option<u64>,
    /// Seconds of the tape from one random fault to the next.
    #[arg(long, value_name = "SECS", default_value = "20", value_parser = speed, requires = "faults_seed")]
    faults_every: f64,
    /// Listen elsewhere than on loopback too: anybody who reaches the address can connect.
    #[arg(long)]
    allow_remote: bool,
}

fn venue(args: &Args) -> Result<VenueRef, Fault> {
    let catalog = replay::settings(args.config.as_deref())?.catalog;
    let doubt = || {
        let (name, names) = (args.venue.escape_debug(), catalog.names().join(", "));
        Fault::usage(format!("--venue {name}: choose from {names}; one of your own needs its config, -c FILE"))
    };
    catalog.venue(&args.venue).ok_or_else(doubt)
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.001..=1e6).contains(number));
    number.ok_or_else(|| "must be a number between 0.001 and 1000000".to_owned())
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    if !args.allow_remote && !args.listen.ip().is_loopback() {
        let words = "anybody who reaches this address could connect; say --allow-remote if that is meant";
        return Err(Fault::usage(format!("--listen {}: {words}", args.listen)));
    }
    let venue = venue(args)?;
    let tally = check(&args.tapes)?;
    // It stands just before the first frame, which waits for the first subscription like the rest.
    let clock = Arc::new(ScaledClock::new(Nanos(tally.first.0.saturating_sub(1_000_000)), args.speed));
    let server = open(args, venue, &clock)?;
    say::text(&format!("{} listens on {}\n", args.venue, server.base()))?;
    say::note("the tape begins with the first subscription");
    if let Some(seed) = args.faults_seed {
        say::note(&format!("faults of seed {seed}, one every {} s of the tape", args.faults_every));
    }
    play(&server, &clock);
    server.stop();
    Ok(if tally.bad == 0 { Exit::Ok } else { Exit::Damaged })
}

fn open(args: &Args, venue: VenueRef, clock: &Arc<ScaledClock>) -> Result<VenueServer, Fault> {
    let drawn = args.faults_seed.map(|seed| Drawn { seed, every_secs: args.faults_every });
    let options = VenueOptions {
        listen: args.listen,
        allow_remote: args.allow_remote,
        venue: venue.clone(),
        live: true,
        faults: Faults { written: args.fault.clone(), drawn },
        ..VenueOptions::default()
    };
    let tapes = args.tapes.clone();
    let again = move || frames(tapes.clone());
    let laps = if args.again { usize::MAX } else { 1 };
    let server = if laps == 1 {
        VenueServer::start(again(), clock.clone(), options)
    } else {
        VenueServer::start(endless(venue, 0.1, again), clock.clone(), options)
    };
    Ok(server.map_err(|why| anyhow::anyhow!("--listen {}: {why}", args.listen))?)
}

/// The frames of all tapes; lines that are none were counted before.
fn frames(tapes: Vec<PathBuf>) -> impl Iterator<Item = (Nanos, String)> + Send {
    let open = |path: PathBuf| FrameReader::new(File::open(path).ok()?).ok();
    tapes.into_iter().filter_map(open).flatten().filter_map(Result::ok)
}

/// Starts the clock with the first subscription and waits for the end of the tape, and a second more for clients to read it.
#[allow(clippy::disallowed_methods, reason = "a driver: it waits for clients and for the tape")]
fn play(server: &VenueServer, clock: &ScaledClock) {
    let look = Duration::from_millis(20);
    while server.progress().subscriptions == 0 {
        std::thread::sleep(look);
    }
    clock.start();
    while !server.progress().done {
        std::thread::sleep(look);
    }
    std::thread::sleep(Duration::from_secs(1));
}

/// What is in the tapes, before anybody connects.
struct Tally {
    first: Nanos,
    bad: u64,
}

fn check(tapes: &[PathBuf]) -> Result<Tally, Fault> {
    let (mut first, mut bad) = (None, 0);
    for path in tapes {
        let shown = path.display();
        let before = bad;
        let file = File::open(path).map_err(|why| anyhow::anyhow!("{shown}: {why}"))?;
        for frame in FrameReader::new(file).map_err(|why| anyhow::anyhow!("{shown}: {why}"))? {
            match frame {
                Ok((at, _)) => first = first.or(Some(at)),
                Err(fault) => {
                    if bad == before {
                        say::note(&format!("{shown}: {fault}"));
                    }
                    bad += 1;
                }
            }
        }
        if first.is_none() {
            return Err(no_frames(path));
        }
    }
    first.map(|first| Tally { first, bad }).ok_or_else(|| no_frames(Path::new("")))
}

fn no_frames(path: &Path) -> Fault {
    Fault::usage(format!("{}: no raw frames in it; a line must be `NANOS JSON`", path.display()))
}
