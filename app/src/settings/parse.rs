//! How single settings are read.

use std::time::Duration;

/// Reads `15m`, `90s`, `500ms`, `2h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number and a unit, such as 15m")?;
    let millis = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err("the unit must be ms, s, m or h, such as 15m".to_owned()),
    };
    match millis {
        Some(millis) if (1..=31_536_000_000).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => Err("must be between 1ms and a year".to_owned()),
    }
}

/// Takes `http://host[:port]` or `https://host[:port]`, without a path.
pub fn parse_public_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']) => {
            Ok(text.to_owned())
        }
        _ => Err("write it as https://tickets.example, without a path".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in [
            "",
            "15",
            "m",
            "0s",
            "-1s",
            "1.5h",
            "1d",
            "99999999999999999999s",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_public_url_has_no_path() {
        assert_eq!(
            parse_public_url("https://tickets.example/"),
            Ok("https://tickets.example".to_owned())
        );
        for bad in [
            "tickets.example",
            "ftp://x",
            "https://",
            "https://x/y",
            "https://a@b",
        ] {
            assert!(parse_public_url(bad).is_err(), "{bad}");
        }
    }
}
