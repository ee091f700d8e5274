//! The language that a person wants messages in.

/// Where nothing better is known.
const DEFAULT: &str = "en";

/// The longest language tag that must be expected (RFC 5646 §4.4.1), in bytes.
const LENGTH_MAX: usize = 35;

/// The language tag (BCP 47) that an `Accept-Language` header names with the highest weight; of
/// several with the same weight the first.
#[must_use]
pub fn preferred(accept_language: Option<&str>) -> String {
    let mut best = (0, DEFAULT);
    for entry in accept_language.unwrap_or("").split(',').take(16) {
        let (tag, weight) = entry.split_once(';').unwrap_or((entry, "q=1"));
        let (tag, weight) = (tag.trim(), thousandths(weight.trim()));
        if weight > best.0 && is_tag(tag) {
            best = (weight, tag);
        }
    }
    best.1.to_owned()
}

/// A weight such as `q=0.8` in thousandths (RFC 9110 §12.4.2); 0 when it is none.
fn thousandths(weight: &str) -> u32 {
    let Some(number) = weight.strip_prefix("q=") else {
        return 0;
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    match whole {
        "1" => 1000,
        "0" if fraction.len() <= 3 => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

fn is_tag(tag: &str) -> bool {
    let is_subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    tag.len() <= LENGTH_MAX
        && tag.split('-').all(is_subtag)
        && tag.starts_with(|first: char| first.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_language_wins() {
        assert_eq!(preferred(Some("de-CH, de;q=0.9, en;q=0.8")), "de-CH");
        assert_eq!(preferred(Some("en;q=0.5, fr;q=0.75, *;q=0.1")), "fr");
        assert_eq!(preferred(Some("fr;q=0, de;q=0.001")), "de");
    }

    #[test]
    fn nonsense_is_english() {
        for header in [
            "",
            "*",
            ";;;",
            "de;q=0",
            "<script>",
            "de;q=2",
            "-de",
            "123",
            "averyverylongsubtag",
        ] {
            assert_eq!(preferred(Some(header)), "en", "{header}");
        }
        assert_eq!(preferred(None), "en");
    }
}
