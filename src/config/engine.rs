//! Sections `[engine]`, `[manual]`, `[incident]`: what the engine is told besides detectors and rules.

use super::section::Section;
use super::value::Range;
use super::{detect, plan, rules, sense};
use crate::breaker::Stance;
use crate::engine::EngineSettings;
use crate::incident::IncidentSettings;

/// What stands in `[engine]` for the drivers and not for the core.
#[derive(Clone, Copy, Debug)]
pub(super) struct Drive {
    /// Room of the channel from feeds to engine, inputs.
    pub(super) channel: usize,
    /// Whether the engine thread spins.
    pub(super) busy_poll: bool,
}

/// Reads all the engine is told.
pub(super) fn read(top: &mut Section<'_, '_>, drive: Drive) -> (EngineSettings, Drive) {
    let default = EngineSettings::default();
    let mut section = top.child("engine");
    let seed = Range { unit: "", min: 0.0, max: 1e18 };
    let plain = i64::try_from(default.seed).unwrap_or(0);
    let seed = section.whole("seed", seed, plain).cast_unsigned();
    let look_ms = section.whole("look_ms", Range { unit: "ms", min: 10.0, max: 5000.0 }, default.look_ms);
    let room = Range { unit: "inputs", min: 1024.0, max: 16_777_216.0 };
    let channel: i64 = section.whole("channel", room, drive.channel.try_into().unwrap_or(i64::MAX));
    let busy_poll = section.flag("busy_poll", drive.busy_poll);
    let mut warming = section.child("warming");
    let permission = plan::permission(&mut warming, &Stance::ALL, default.warming);
    warming.finish();
    section.finish();
    let settings = EngineSettings {
        detect: detect::read(top.child("detect")),
        incident: incident(top.child("incident")),
        rules: rules::read(top),
        manual: manual(top.child("manual"), default.manual),
        warming: permission,
        seed,
        look_ms,
    };
    sense::check(&settings.detect, top.notebook);
    (settings, Drive { channel: usize::try_from(channel).unwrap_or(drive.channel), busy_poll })
}

fn manual(mut section: Section<'_, '_>, default: crate::breaker::Plan) -> crate::breaker::Plan {
    let plan = plan::read(&mut section, default);
    section.finish();
    plan
}

fn incident(mut section: Section<'_, '_>) -> IncidentSettings {
    let default = IncidentSettings::default();
    let regroup = Range { unit: "s", min: 1.0, max: 604_800.0 };
    let open = Range { unit: "", min: 1.0, max: 1_000_000.0 };
    let settings = IncidentSettings {
        regroup_secs: section.number("regroup_secs", regroup, default.regroup_secs),
        open_max: section.whole("open_max", open, default.open_max),
    };
    section.finish();
    settings
}
