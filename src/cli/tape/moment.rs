//! Times as people write them on a command line.

use std::str::FromStr;

use crate::event::Nanos;
use crate::feed::venue::rfc3339::rfc3339;

/// A time on the command line: a day, an instant in UTC or at an offset, or nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Nanos);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = || {
            format!(
                "`{}` is no time; write 2025-10-10, 2025-10-10T21:15:03.5Z, or nanoseconds since 1970",
                text.escape_debug()
            )
        };
        if text.len() >= 19 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|ns| Self(Nanos(ns))).map_err(|_| help());
        }
        let whole =
            if text.len() == "2025-10-10".len() { format!("{text}T00:00:00Z") } else { text.replacen(' ', "T", 1) };
        rfc3339(&whole).or_else(|_| rfc3339(&format!("{whole}Z"))).map(Self).map_err(|_| help())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, want) in [
            ("2025-10-10", Some(1_760_054_400_000_000_000)),
            ("2025-10-10T21:15:03Z", Some(1_760_130_903_000_000_000)),
            ("2025-10-10T21:15:03.5", Some(1_760_130_903_500_000_000)),
            ("2025-10-10 21:15:03", Some(1_760_130_903_000_000_000)),
            ("2025-10-10T23:15:03+02:00", Some(1_760_130_903_000_000_000)),
            ("1760130903000000001", Some(1_760_130_903_000_000_001)),
            ("1760130903", None),
            ("yesterday", None),
            ("", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(text.parse::<Moment>().ok(), want.map(|ns| Moment(Nanos(ns))), "{text}");
        }
    }
}
