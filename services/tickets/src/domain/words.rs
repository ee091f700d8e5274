//! The words of a title and of a search, so that both are cut in the same way.

/// A search matches the beginnings of words from this many characters on; shorter ones match whole
/// words only, because nearly every title has a word that begins with a given letter.
const PREFIX_CHARS_MIN: usize = 3;

/// The distinct words of a text in lower case, in the order in which they first occur.
///
/// Letters and digits make words, everything else parts them; a Chinese or Japanese character and
/// an emoji are words of their own.
#[must_use]
pub fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut end = |word: &mut String| {
        let ended = std::mem::take(word);
        if !ended.is_empty() && !words.contains(&ended) {
            words.push(ended);
        }
    };
    for sign in text.chars().flat_map(char::to_lowercase) {
        if stands_alone(sign) {
            end(&mut word);
            word.push(sign);
            end(&mut word);
        } else if sign.is_alphanumeric() {
            word.push(sign);
        } else {
            end(&mut word);
        }
    }
    end(&mut word);
    words
}

/// The words as they are stored beside a title: each between two spaces.
#[must_use]
pub fn stored_words(words: &[String]) -> String {
    format!(" {} ", words.join(" "))
}

/// A word of a search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term(String);

impl Term {
    /// The words that a title must have, the most telling (the longest) first; none for a text
    /// without words.
    #[must_use]
    pub fn of(search: &str) -> Vec<Self> {
        let mut words = words_of(search);
        words.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        words.into_iter().map(Self).collect()
    }

    /// The word itself: the first, in byte order, that it matches.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.0
    }

    /// Whether it matches every word that begins with it.
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.0.chars().count() >= PREFIX_CHARS_MIN
    }

    /// Beyond every word, in byte order, that it matches.
    #[must_use]
    pub fn end(&self) -> String {
        if self.is_prefix() {
            format!("{}{}", self.0, char::MAX)
        } else {
            format!("{} ", self.0)
        }
    }

    /// The SQL `like` pattern that finds it in [`stored_words`]. Words hold no wildcards.
    #[must_use]
    pub fn pattern(&self) -> String {
        if self.is_prefix() {
            format!("% {}%", self.0)
        } else {
            format!("% {} %", self.0)
        }
    }
}

/// Han, kana, and the blocks of pictographs.
fn stands_alone(sign: char) -> bool {
    matches!(sign,
        '\u{2600}'..='\u{27bf}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1f000}'..='\u{1faff}'
        | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_cut_at_everything_that_is_no_letter_or_digit() {
        assert_eq!(
            words_of("Taylor Swift – The Eras Tour, Row 12"),
            ["taylor", "swift", "the", "eras", "tour", "row", "12"]
        );
        assert_eq!(
            words_of("AC/DC live_at O'Brien's"),
            ["ac", "dc", "live", "at", "o", "brien", "s"]
        );
        assert_eq!(words_of("ÉCOLE École"), ["école"]);
        assert_eq!(
            words_of("東京ドーム 5th"),
            ["東", "京", "ド", "ー", "ム", "5th"]
        );
        assert_eq!(words_of("🎸rock🎸"), ["🎸", "rock"]);
        assert!(words_of(" –!?% ").is_empty());
        assert_eq!(stored_words(&words_of("Jazz night")), " jazz night ");
    }

    #[test]
    fn the_longest_word_leads_a_search() {
        let terms = Term::of("U2 joshua TREE");
        assert_eq!(
            terms.iter().map(Term::word).collect::<Vec<_>>(),
            ["joshua", "tree", "u2"]
        );
        assert_eq!(terms[0].pattern(), "% joshua%");
        assert_eq!(terms[2].pattern(), "% u2 %");
        assert!(Term::of("%_'").is_empty());
    }

    #[test]
    fn a_short_word_matches_itself_alone() {
        let term = &Term::of("u2")[0];
        assert!(term.word() < term.end().as_str());
        assert!("u2b" > term.end().as_str() && "u20" > term.end().as_str());
        let term = &Term::of("spring")[0];
        assert!("springsteen" < term.end().as_str() && "sprint" > term.end().as_str());
    }

    proptest! {
        #[test]
        fn words_hold_nothing_that_means_something_to_sql(text in ".{0,80}") {
            for word in words_of(&text) {
                prop_assert!(!word.contains(['%', '_', '\\', '\'', ' ']), "{word:?}");
            }
        }

        #[test]
        fn a_title_is_found_by_its_own_words(text in ".{0,80}") {
            let stored = stored_words(&words_of(&text));
            for term in Term::of(&text) {
                let pattern = term.pattern();
                prop_assert!(stored.contains(pattern.trim_matches('%')), "{pattern:?} in {stored:?}");
            }
        }
    }
}
