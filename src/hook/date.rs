//! The two calendars of the web: RFC 3339 in bodies, the fixed form of RFC 9110 in `Retry-After`.

use crate::event::Nanos;

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `2025-10-10T21:20:00.000000000Z`.
pub(super) fn rfc3339(at: Nanos) -> String {
    let (secs, nanos) = (at.0.div_euclid(Nanos::SECOND), at.0.rem_euclid(Nanos::SECOND));
    let (days, rest) = (secs.div_euclid(DAY), secs.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`; the obsolete forms are not read.
pub(super) fn http_date(text: &str) -> Option<Nanos> {
    let mut words = text.split_once(", ")?.1.split(' ');
    let day = words.next()?.parse().ok().filter(|day| (1..=31).contains(day))?;
    let name = words.next()?;
    let month = 1 + MONTHS.iter().position(|month| *month == name)? as i64;
    let year = words.next()?.parse().ok().filter(|year| (1970..=9999).contains(year))?;
    let mut clock = words.next()?.split(':').map(|part| part.parse::<i64>().ok().filter(|n| (0..=60).contains(n)));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    (words.next() == Some("GMT"))
        .then(|| Nanos::from_secs(days(year, month, day) * DAY + hour * 3600 + minute * 60 + second))
}

/// Date of a day since 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    (yoe + era * 400 + (month <= 2) as i64, month, day)
}

/// The inverse of [`civil`].
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let y = year - (month <= 2) as i64;
    let (era, yoe) = (y.div_euclid(400), y.rem_euclid(400));
    let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_read_as_the_standards_print_them() {
        assert_eq!(rfc3339(Nanos(1_760_131_200_000_000_001)), "2025-10-10T21:20:00.000000001Z");
        assert_eq!(rfc3339(Nanos(-1)), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Nanos::from_secs(784_111_777)));
        for bad in
            ["", "soon", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "x, 99 Nov 1994 1:1:1 GMT"]
        {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_day_finds_its_way_back() {
        for day in (-200_000..200_000).step_by(97) {
            let (y, m, d) = civil(day);
            assert_eq!(days(y, m, d), day);
        }
    }
}
