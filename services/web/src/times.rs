//! Times and durations in words, always of the server's clock and in UTC.

use jiff::Timestamp;

/// A moment for a person: `12 May 2026, 14:05 UTC`.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%-d %B %Y, %H:%M UTC").to_string()
}

/// A day for a person: `12 May 2026`.
pub fn day(at: Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}

/// A moment for a machine, to the second: the value of a `datetime` attribute.
pub fn machine(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// How many seconds are left, rounded up; none when it is over.
pub fn seconds_left(until: Timestamp, now: Timestamp) -> u64 {
    let milliseconds = until.as_millisecond().saturating_sub(now.as_millisecond());
    u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000)
}

/// How long that is: `14 minutes 5 seconds`, `2 hours 1 minute`.
pub fn span(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let words: Vec<String> = parts
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| plural(*count, unit))
        .collect();
    if words.is_empty() {
        "0 seconds".to_owned()
    } else {
        words.join(" ")
    }
}

/// The digits of a countdown, `14:05`.
pub fn digits(seconds: u64) -> String {
    format!("{:02}:{:02}", seconds / 60, seconds % 60)
}

fn plural(count: u64, unit: &str) -> String {
    if count == 1 {
        format!("1 {unit}")
    } else {
        format!("{count} {unit}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_one_says_them() {
        assert_eq!(span(0), "0 seconds");
        assert_eq!(span(1), "1 second");
        assert_eq!(span(899), "14 minutes 59 seconds");
        assert_eq!(span(60), "1 minute");
        assert_eq!(span(7_265), "2 hours 1 minute");
        assert_eq!(span(86_400 * 14), "14 days");
    }

    #[test]
    fn what_is_left_is_rounded_up_and_never_negative() {
        let at = |millisecond| Timestamp::from_millisecond(millisecond).unwrap();
        assert_eq!(seconds_left(at(1001), at(0)), 2);
        assert_eq!(seconds_left(at(1000), at(0)), 1);
        assert_eq!(seconds_left(at(0), at(5000)), 0);
        assert_eq!(digits(899), "14:59");
    }

    #[test]
    fn moments_are_in_utc() {
        let at: Timestamp = "2026-05-02T14:05:09.25+02:00".parse().unwrap();
        assert_eq!(moment(at), "2 May 2026, 12:05 UTC");
        assert_eq!(machine(at), "2026-05-02T12:05:09Z");
        assert_eq!(day(at), "2 May 2026");
    }
}
