//! Text that people typed, made fit for a line of a message.

/// How much of a title a message shows, in characters.
const TITLE_MAX: usize = 120;

/// A title on one line, without control characters and without marks that turn the direction of what
/// follows, cut where it is longer than a line.
#[must_use]
pub fn title(text: &str) -> String {
    let clean: String = text
        .chars()
        .filter(|sign| !turns_direction(*sign))
        .map(|sign| if sign.is_control() { ' ' } else { sign })
        .collect();
    let words: Vec<&str> = clean.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= TITLE_MAX {
        return line;
    }
    let mut cut: String = line.chars().take(TITLE_MAX).collect();
    cut.push('…');
    cut
}

/// The embedding, override and isolate controls of Unicode's bidirectional algorithm (UAX #9 §2).
fn turns_direction(sign: char) -> bool {
    matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_stays_on_its_line() {
        assert_eq!(title("  A\r\nBcc: all\t\u{0}day "), "A Bcc: all day");
        assert_eq!(title("txet\u{202e} evil\u{2066}"), "txet evil");
        assert_eq!(title("Ünïcödé 🎫"), "Ünïcödé 🎫");
    }

    #[test]
    fn a_long_title_is_cut() {
        let long = title(&"ü".repeat(200));
        assert_eq!(long.chars().count(), TITLE_MAX + 1);
        assert!(long.ends_with('…'));
    }
}
