//! `fusewire record`: what venues say, onto the disk, and nothing else.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use super::{Exit, Fault, config_of, run, say};
use crate::live::{self, Progress, RecordSettings};
use crate::trip::short;

/// Seconds between two lines where nobody watches a terminal.
const QUIET_SECS: u64 = 30;

/// Record the configured feeds: raw frames and events, without engine, gate or hooks.
///
/// Files lie in `record.dir` (or --out), begin anew every hour and when they are full, and are never written over; the oldest
/// go when all are larger than `record.all_max_gib`. A crash leaves readable files. SIGTERM and SIGINT end it in order.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  fusewire record                          # config.toml in this directory
  fusewire record -c feeds.toml --out /data/tapes --serve
  fusewire tape info /data/tapes/*-inputs.arrows.zst
  fusewire replay --venue binance-coinm /data/tapes/*binance-coinm-0.frames.zst

Exit codes: 0 ended in order, 1 failure, 4 something found no room on its way to the disk, 78 invalid config.")]
pub(super) struct Args {
    /// The config: its feeds and `[record]`.
    #[arg(short, long, default_value = "config.toml", value_name = "FILE")]
    config: PathBuf,
    /// Where recordings go; `record.dir` by default, else fusewire-state/recordings.
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Serve /metrics, /healthz and /readyz at `serve.listen` of the config meanwhile.
    #[arg(long)]
    serve: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, Fault> {
    let mut settings = config_of(&args.config)?;
    let wanted = settings.record.take().unwrap_or_default();
    settings.record = Some(RecordSettings { dir: args.out.clone().unwrap_or(wanted.dir), ..wanted });
    run::log();
    let shutdown = run::signals()?;
    let is_watched = std::io::stderr().is_terminal();
    let (mut before, mut secs) = (Progress::default(), 0);
    let last = live::record(&settings, args.serve, &shutdown, |now| {
        secs += 1;
        if is_watched {
            let _ = write!(std::io::stderr(), "\r{} ", line(&before, now, 1));
            before = *now;
        } else if secs % QUIET_SECS == 0 {
            say::note(&line(&before, now, QUIET_SECS));
            before = *now;
        }
    })?;
    say::note(&format!(
        "{}{} frames, {} inputs; {} files, {} bytes{}",
        if is_watched { "\n" } else { "" },
        last.frames,
        last.inputs,
        last.written.files,
        last.written.bytes,
        lost(&last)
    ));
    let is_whole = last.written.lost_inputs == 0 && last.written.lost_frames == 0;
    Ok(if is_whole { Exit::Ok } else { Exit::Damaged })
}

/// `3 of 4 connections deliver, 812 frames/s, 1203 events/s, 12.1 kB/s written`
fn line(before: &Progress, now: &Progress, secs: u64) -> String {
    let rate = |now: u64, before: u64| short(now.saturating_sub(before) as f64 / secs as f64);
    format!(
        "{} of {} connections deliver, {} frames/s, {} inputs/s, {} bytes/s written, {} bytes in {} files{}{}",
        now.delivering,
        now.connections,
        rate(now.frames, before.frames),
        rate(now.inputs, before.inputs),
        rate(now.written.bytes, before.written.bytes),
        short(now.written.bytes as f64),
        now.written.files,
        if now.bad > 0 { format!(", {} frames refused", now.bad) } else { String::new() },
        lost(now)
    )
}

fn lost(now: &Progress) -> String {
    let (inputs, frames) = (now.written.lost_inputs, now.written.lost_frames);
    if inputs + frames == 0 { String::new() } else { format!("; LOST {inputs} inputs, {frames} frames") }
}
