//! A letter as plain text and as HTML. The same letter gives the same bytes.

use askama::Template;

use super::letter::Letter;

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

/// The letter as text and as HTML.
///
/// # Errors
/// When a template fails: a fault of our own.
pub fn rendered(letter: &Letter) -> Result<(String, String), askama::Error> {
    Ok((Text { letter }.render()?, Html { letter }.render()?))
}
