//! What a seller calls a ticket: one line of text that can be shown next to anything.

/// A title that is fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

/// Why a text is not a title; says what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    /// Nothing that can be seen.
    #[error("must not be empty: say what the ticket is for")]
    Blank,
    /// More characters than allowed.
    #[error("must have at most {max} characters; this has {length}: shorten it")]
    TooLong {
        /// How many Unicode characters are allowed.
        max: usize,
        /// How many there are.
        length: usize,
    },
    /// A character that controls a device instead of being shown.
    #[error(
        "must not contain control characters such as line breaks or NUL (here U+{0:04X}): remove it"
    )]
    Control(u32),
    /// A character that turns the text around it the other way.
    #[error(
        "must not contain characters that override the direction of text (here U+{0:04X}): remove it; text in right-to-left scripts needs none"
    )]
    Direction(u32),
}

impl Title {
    /// Takes a text without the white space around it, of at most `max` Unicode characters.
    ///
    /// # Errors
    /// When it is blank, too long, or holds a character that could break or forge what stands
    /// around it on a page: control characters (general category Cc) and the explicit bidirectional
    /// embeddings, overrides and isolates (UAX #9 §2, the ones that UTS #55 warns of). Right-to-left
    /// letters and marks, joiners and emoji are fine.
    pub fn parse(text: &str, max: usize) -> Result<Self, TitleError> {
        let text = text.trim();
        if text.chars().all(is_invisible) {
            return Err(TitleError::Blank);
        }
        let length = text.chars().count();
        if length > max {
            return Err(TitleError::TooLong { max, length });
        }
        for sign in text.chars() {
            if sign.is_control() {
                return Err(TitleError::Control(u32::from(sign)));
            }
            if overrides_direction(sign) {
                return Err(TitleError::Direction(u32::from(sign)));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// A title that was parsed before it was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn overrides_direction(sign: char) -> bool {
    matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// White space, and what takes up no room or shows nothing (Unicode's default ignorable characters
/// and the blank letters).
fn is_invisible(sign: char) -> bool {
    sign.is_whitespace()
        || matches!(sign,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX: usize = 200;

    fn parsed(text: &str) -> Result<String, TitleError> {
        Title::parse(text, MAX).map(|title| title.as_str().to_owned())
    }

    #[test]
    fn white_space_around_a_title_is_dropped() {
        assert_eq!(parsed("  Jazz night\n").as_deref(), Ok("Jazz night"));
    }

    #[test]
    fn what_cannot_be_seen_is_no_title() {
        for blank in [
            "",
            " ",
            "\t\n",
            "\u{200b}",
            " \u{200d}\u{feff} ",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0041}",
        ] {
            assert_eq!(parsed(blank), Err(TitleError::Blank), "{blank:?}");
        }
    }

    #[test]
    fn the_length_is_counted_in_characters() {
        assert!(parsed(&"é".repeat(200)).is_ok());
        assert_eq!(
            parsed(&"é".repeat(201)),
            Err(TitleError::TooLong {
                max: 200,
                length: 201
            })
        );
        assert!(parsed(&"x".repeat(10_240)).is_err());
        assert!(parsed("x").is_ok());
    }

    #[test]
    fn control_characters_are_refused() {
        for sign in [
            '\0', '\u{1}', '\n', '\r', '\t', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}',
        ] {
            let text = format!("Jazz{sign}night");
            assert_eq!(
                parsed(&text),
                Err(TitleError::Control(u32::from(sign))),
                "{sign:?}"
            );
        }
    }

    #[test]
    fn direction_overrides_are_refused_and_right_to_left_text_is_not() {
        for sign in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
            let text = format!("Jazz {sign}thgin");
            assert_eq!(
                parsed(&text),
                Err(TitleError::Direction(u32::from(sign))),
                "{sign:?}"
            );
        }
        for fine in [
            "حفل موسيقي",
            "קונצרט",
            "Jazz \u{200f}قاعة\u{200e} 5",
            "👩\u{200d}🎤 live 🎸",
            "🏳️\u{200d}🌈",
            "क्\u{200d}ष",
        ] {
            assert_eq!(parsed(fine).as_deref(), Ok(fine));
        }
    }

    #[test]
    fn messages_say_what_to_do() {
        assert_eq!(
            TitleError::TooLong {
                max: 200,
                length: 201
            }
            .to_string(),
            "must have at most 200 characters; this has 201: shorten it"
        );
        assert!(TitleError::Control(0).to_string().contains("U+0000"));
    }

    proptest! {
        #[test]
        fn a_title_is_always_fit_to_be_shown(text in "\\PC{0,250}|.{0,250}") {
            if let Ok(title) = Title::parse(&text, MAX) {
                let shown = title.as_str();
                prop_assert!((1..=MAX).contains(&shown.chars().count()));
                prop_assert!(!shown.chars().any(|c| c.is_control() || overrides_direction(c)));
                prop_assert_eq!(shown, shown.trim());
                prop_assert_eq!(Title::parse(shown, MAX), Ok(title.clone()));
            }
        }
    }
}
