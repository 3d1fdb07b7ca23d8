//! Sections `[gate]`, `[store]`, `[serve]`, `[record]`: where things lie and who may listen.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::fault::Wrong;
use super::section::Section;
use super::value::{Range, quoted};
use crate::feed::reel::Room;
use crate::gate::SLOTS_MAX;
use crate::live::{GateSettings, RecordSettings, ServeSettings, StoreSettings};

/// The lease must outlast this many beats: one late beat is no reason to halt.
const BEATS: u32 = 4;

/// The gate.
pub(super) fn gate(mut section: Section<'_, '_>) -> GateSettings {
    let default = GateSettings::default();
    let before = section.faults();
    let gate = GateSettings {
        path: section.path("path", default.path),
        lease_ms: section.whole("lease_ms", Range { unit: "ms", min: 20.0, max: 10_000.0 }, default.lease_ms),
        beat_ms: section.whole("beat_ms", Range { unit: "ms", min: 1.0, max: 2500.0 }, default.beat_ms),
        slots: section.whole("slots", Range { unit: "", min: 1.0, max: f64::from(SLOTS_MAX) }, default.slots),
        ack: section.text("ack").map(PathBuf::from),
        ack_owner: ack_owner(&mut section),
    };
    if section.faults() == before && gate.lease_ms < gate.beat_ms.saturating_mul(BEATS) {
        let (lease, beat) = (gate.lease_ms, gate.beat_ms);
        if section.holds("lease_ms") {
            let problem = format!("must be at least {BEATS} times beat_ms ({beat}), got {lease} ms");
            section.wrong("lease_ms", Wrong::new(problem).propose((beat * 10).min(10_000)));
        } else {
            let problem = format!("must be at most lease_ms ({lease}) divided by {BEATS}, got {beat} ms");
            section.wrong("beat_ms", Wrong::new(problem).propose(lease / 10));
        }
    }
    section.finish();
    gate
}

/// Whose acknowledgements are believed; anybody's where nothing is said.
fn ack_owner(section: &mut Section<'_, '_>) -> Option<u32> {
    let range = Range { unit: "", min: 0.0, max: f64::from(u32::MAX) };
    let (before, owner) = (section.faults(), section.whole("ack_owner", range, 1000));
    if !section.holds("ack_owner") || section.faults() > before {
        return None;
    }
    if !section.holds("ack") {
        section.wrong(
            "ack_owner",
            Wrong::new("says whose file to believe, and no file is named").hint("say ack, too".to_owned()),
        );
    }
    Some(owner)
}

/// The store.
pub(super) fn store(mut section: Section<'_, '_>) -> StoreSettings {
    let dir = section.path("dir", StoreSettings::default().dir);
    section.finish();
    StoreSettings { dir }
}

/// What is served.
pub(super) fn serve(mut section: Section<'_, '_>) -> ServeSettings {
    let default = ServeSettings::default();
    let serve = ServeSettings {
        listen: listen(&mut section, default.listen),
        control: section.path("control", default.control),
        reports: section.path("reports", default.reports),
    };
    section.finish();
    serve
}

/// One file of a recording, mebibytes.
const FILE_MIB: Range = Range { unit: "MiB", min: 1.0, max: 65_536.0 };
/// All files of a recording, gibibytes.
const ALL_GIB: Range = Range { unit: "GiB", min: 0.01, max: 1_048_576.0 };
/// So many files must fit below the limit of all: fewer would end a recording that has nothing old to delete.
const FILES: u64 = 4;

/// The recording; off where no directory is said.
pub(super) fn record(mut section: Section<'_, '_>) -> Option<RecordSettings> {
    let default = RecordSettings::default();
    let before = section.faults();
    let dir = section.text("dir").map(PathBuf::from);
    let settings = RecordSettings {
        dir: dir.clone().unwrap_or(default.dir),
        frames: section.flag("frames", default.frames),
        inputs: section.flag("inputs", default.inputs),
        room: Room {
            file: u64::from(section.whole("file_max_mib", FILE_MIB, (default.room.file >> 20) as u32)) << 20,
            all: (section.number("all_max_gib", ALL_GIB, (default.room.all >> 30) as f64) * f64::from(1 << 30)) as u64,
        },
    };
    if section.faults() == before && settings.room.all < FILES * settings.room.file {
        let problem = format!("must be at least {FILES} times file_max_mib: old files are deleted whole");
        section.wrong("all_max_gib", Wrong::new(problem));
    }
    if section.faults() == before && !settings.frames && !settings.inputs && dir.is_some() {
        section.wrong("dir", Wrong::new("nothing is recorded there: frames and inputs are both off".to_owned()));
    }
    section.finish();
    dir.map(|_| settings)
}

/// Other machines may only come in behind TLS.
fn listen(section: &mut Section<'_, '_>, default: SocketAddr) -> SocketAddr {
    let behind_tls = section.flag("behind_tls", false);
    let Some(text) = section.text("listen") else { return default };
    let Ok(listen) = text.parse::<SocketAddr>() else {
        let problem = format!("must be an address and a port, got {}", quoted(&text));
        section.wrong("listen", Wrong::new(problem).propose(quoted(&default.to_string())));
        return default;
    };
    if !listen.ip().is_loopback() && !behind_tls {
        let problem = format!("must be loopback, got {listen}: anyone could read and speak to it in the clear");
        let hint = "behind_tls = true says that TLS and a login stand in front".to_owned();
        section.wrong("listen", Wrong::new(problem).hint(hint));
    }
    listen
}
