//! Times, delays and permissions as a person writes them.

use crate::breaker::{Permission, Sides};
use crate::event::Nanos;
use crate::trip::short;

/// `2025-10-10 20:49:12.345 UTC`
pub fn moment(at: Nanos) -> String {
    format!("{} UTC", day_and_time(at))
}

/// `20:49:12.345`, with the date in front when it is not that of `day`.
pub fn clock(at: Nanos, day: Nanos) -> String {
    let full = day_and_time(at);
    let same_day = full.get(..10) == day_and_time(day).get(..10);
    full.get(11..).filter(|_| same_day).map_or(full.clone(), str::to_owned)
}

fn day_and_time(at: Nanos) -> String {
    at.to_string().chars().take(23).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// A length of time in its two largest units: `250 ms`, `12.3 s`, `4 min 10 s`, `1 h 2 min`, `2 d 3 h`.
pub fn lasting(secs: f64) -> String {
    let whole = secs.round() as i64;
    let two = |large: i64, name: &str, small: i64, unit: &str| match small {
        0 => format!("{large} {name}"),
        small => format!("{large} {name} {small} {unit}"),
    };
    match whole {
        _ if secs < 1.0 => format!("{} ms", short((secs * 1000.0).round())),
        0..60 => format!("{} s", short((secs * 10.0).round() / 10.0)),
        60..3600 => two(whole / 60, "min", whole % 60, "s"),
        3600..86_400 => two(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// The way from one clock to another; below zero when the clocks disagree, nothing when the first one was not read.
pub fn delay(from: Nanos, to: Nanos) -> String {
    let ns = to.0.saturating_sub(from.0);
    let size = ns.unsigned_abs() as f64;
    let sign = if ns < 0 { "-" } else { "" };
    match ns.unsigned_abs() {
        _ if from.0 <= 0 => "unknown".to_owned(),
        0 => "0".to_owned(),
        1..1_000_000 => format!("{sign}{} µs", short(size / 1e3)),
        1_000_000..1_000_000_000 => format!("{sign}{} ms", short(size / 1e6)),
        _ => format!("{sign}{}", lasting(size / 1e9)),
    }
}

/// `both`, `buy`, `sell` or `none`.
pub const fn sides(sides: Sides) -> &'static str {
    match (sides.buy, sides.sell) {
        (true, true) => "both",
        (true, false) => "buy",
        (false, true) => "sell",
        (false, false) => "none",
    }
}

/// The size factor in per cent.
pub fn size(permission: &Permission) -> String {
    format!("{} %", short(permission.size_factor() * 100.0))
}

/// The largest notional, or `any`.
pub fn max_notional(permission: &Permission) -> String {
    let max = permission.max_notional();
    if max.is_finite() { short(max) } else { "any".to_owned() }
}

/// The price collar, or `any`.
pub fn collar(permission: &Permission) -> String {
    let (low, high) = (permission.collar_low(), permission.collar_high());
    match (low > 0.0, high.is_finite()) {
        (false, false) => "any".to_owned(),
        (true, false) => format!("from {}", short(low)),
        (false, true) => format!("up to {}", short(high)),
        (true, true) => format!("{} to {}", short(low), short(high)),
    }
}

/// So many of a thing, in the right number.
pub fn many(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units_at_most() {
        let told: Vec<_> = [0.0, 0.25, 1.0, 12.34, 59.96, 250.0, 300.0, 3_720.0, 200_000.0].map(lasting).into();
        assert_eq!(told, ["0 ms", "250 ms", "1 s", "12.3 s", "1 min", "4 min 10 s", "5 min", "1 h 2 min", "2 d 7 h"]);
    }

    #[test]
    fn delays_may_be_unknown_or_run_backwards() {
        let at = Nanos::from_secs;
        assert_eq!(delay(Nanos(0), at(5)), "unknown");
        assert_eq!(delay(at(5), at(5)), "0");
        assert_eq!(delay(at(5), Nanos(at(5).0 + 12_345)), "12.35 µs");
        assert_eq!(delay(Nanos(at(5).0 + 7_000_000), at(5)), "-7 ms");
        assert_eq!(delay(at(5), at(95)), "1 min 30 s");
    }

    #[test]
    fn another_day_is_named() {
        let day = Nanos::from_secs(1_760_130_903);
        assert_eq!(clock(day, day), "21:15:03.000");
        assert_eq!(clock(day.plus_secs(86_400.5), day), "2025-10-11 21:15:03.500");
        assert_eq!(moment(day), "2025-10-10 21:15:03.000 UTC");
    }
}
