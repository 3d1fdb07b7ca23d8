//! What single ranges cannot say about detectors: settings that only make sense together.

use super::notebook::Notebook;
use crate::detect::DetectSettings;

/// Notes every pair that stands the wrong way round.
pub(super) fn check(detect: &DetectSettings, notebook: &mut Notebook) {
    let horizons = detect.moves.horizon_secs;
    if !horizons.is_sorted_by(|a, b| a < b) && !notebook.blames("detect.moves.horizon_secs") {
        let problem = format!("must ascend, got {}", super::value::list(&horizons));
        notebook.fault_at("detect.moves.horizon_secs", problem);
    }
    let mut below = |key: &str, low: f64, bound: &str, high: f64, may_equal: bool| {
        let section = key.rsplit_once('.').map_or("", |(section, _)| section);
        let other = format!("{section}.{bound}");
        let holds = low < high || (may_equal && low <= high);
        if !holds && !notebook.blames(key) && !notebook.blames(&other) {
            // The key that stands in the file is the one to blame.
            let (at, problem) = if notebook.holds(key) || !notebook.holds(&other) {
                (key.to_owned(), format!("must be below {bound} ({high}), got {low}"))
            } else {
                let name = key.rsplit_once('.').map_or(key, |(_, name)| name);
                (other, format!("must be above {name} ({low}), got {high}"))
            };
            notebook.fault_at(&at, problem);
        }
    };
    let (base, plausible, stale, jump) = (&detect.base, &detect.plausible, &detect.stale, &detect.jump);
    below("detect.base.fast_secs", base.fast_secs, "slow_secs", base.slow_secs, false);
    below("detect.plausible.factor", plausible.factor, "far_factor", plausible.far_factor, false);
    below("detect.stale.limit_late", stale.limit_late, "limit_dead", stale.limit_dead, false);
    below("detect.stale.late_floor_secs", stale.late_floor_secs, "dead_floor_secs", stale.dead_floor_secs, true);
    below("detect.jump.warm", f64::from(jump.warm), "window", f64::from(jump.window), true);
}
