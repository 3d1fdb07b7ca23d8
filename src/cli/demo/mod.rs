//! `fusewire demo`: a real crash over real `WebSockets` on loopback, through the whole product.
//!
//! This process plays the venues, the trading engine and the receiver of webhooks; a second one, started from this same
//! binary as `run -c`, is the daemon.

mod crash;
mod daemon;
mod engine;
mod receiver;
mod story;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use super::{Exit, Fault};
use crate::event::Nanos;
use crate::feed::clock::Clock;
use crate::feed::venue;
use crate::gate::now_mono;
use crate::live::SceneClock;
use crate::venue_sim::{VenueOptions, VenueServer};
use crash::{Crash, Part};
use daemon::Daemon;
use engine::Engine;
use receiver::Receiver;
use story::Story;

/// Play the crash of 10 October 2025 through the whole product, on this machine, in under a minute.
///
/// Starts two venues on loopback that speak Binance COIN-M's and Coinbase's protocols and play a reconstruction of
/// DOTUSD_PERP, TRXUSD_PERP and DOT-USD; starts the daemon against them; reads the gate as a trading engine would; receives
/// its signed webhooks. Needs no key, no server and no network. See fixtures/2025-10-10/README.md for what is measured and what is composed.
#[allow(clippy::doc_markdown, reason = "these lines are the help text, and people read them")]
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire demo
  fusewire demo --speed 120             # faster
  fusewire demo --dir ./demo           # config, store, gate and incident page go there")]
pub(super) struct Args {
    /// So many times as fast as life.
    #[arg(long, default_value_t = 60.0, value_name = "N")]
    speed: f64,
    /// First instant of the scene on 10 October 2025, UTC.
    #[arg(long, default_value = "20:45:00", value_name = "HH:MM:SS", value_parser = crash::instant)]
    from: Nanos,
    /// Last instant of the scene.
    #[arg(long, default_value = "21:26:00", value_name = "HH:MM:SS", value_parser = crash::instant)]
    to: Nanos,
    /// Where config, store, gate and incident page go; a fresh directory under the system's own by default.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Time the daemon gets to start and to warm its detectors, before the scene begins.
const CURTAIN: Duration = Duration::from_secs(4);

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    if !(args.speed.is_finite() && (1.0..=600.0).contains(&args.speed)) {
        return Err(Fault::usage(format!("--speed must be between 1 and 600, got {}", args.speed)));
    }
    if args.from >= args.to {
        return Err(Fault::usage("--from must be before --to"));
    }
    play(args)?;
    Ok(Exit::Ok)
}

#[allow(clippy::disallowed_methods, reason = "a driver: it looks at the gate every few milliseconds")]
fn play(args: &Args) -> Result<()> {
    let mut out = std::io::stdout();
    let dir = stage(args)?;
    let crash = Arc::new(Crash::load(args.from, args.to)?);
    let clock = SceneClock { from: args.from, speed: args.speed, mono: now_mono() + CURTAIN.as_nanos() as u64 };
    let open = |(part, frames): (&Part, _)| {
        let venue = venue::find(part.venue).context(part.venue)?.into();
        let options = VenueOptions { venue, ..VenueOptions::default() };
        VenueServer::start(frames, Arc::new(clock), options).context(part.venue)
    };
    let venues: Vec<VenueServer> = crash.parts().map(open).collect::<Result<_>>()?;
    let endpoints: Vec<String> = venues.iter().map(VenueServer::base).collect();
    let receiver = Receiver::start()?;
    let daemon = Daemon::start(&dir, &endpoints, &receiver, &clock)?;
    writeln!(out, "{}", story::opening(args.speed, &endpoints, &dir, daemon.pid()))?;

    let mut engine = Engine::new(daemon.gate_path(), &daemon.ack_path())?;
    let mut story = Story::new(&crash, args.from, args.to, args.speed);
    daemon.wait_until_beating(Duration::from_secs(60))?;
    while clock.now() < args.to {
        daemon.check()?;
        let now = clock.now();
        for change in engine.look(now, &crash) {
            story.change(&mut out, &change)?;
            engine.remember(change);
        }
        story.progress(now)?;
        std::thread::sleep(Duration::from_millis(4));
    }
    story.end_progress()?;
    let scraped = daemon.scrape();
    let ending = daemon.end()?;
    receiver.settle(Duration::from_secs(3));
    venues.into_iter().for_each(VenueServer::stop);
    write!(out, "{}", story.ending(&engine, &ending, &receiver, scraped.as_deref()))?;
    Ok(())
}

fn stage(args: &Args) -> Result<PathBuf> {
    let dir = match &args.dir {
        Some(dir) => dir.clone(),
        None => std::env::temp_dir().join(format!("fusewire-demo-{}", std::process::id())),
    };
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    dir.canonicalize().with_context(|| dir.display().to_string())
}
