//! Plain text as pieces of text and links, for a page that makes the links clickable.

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text as it stands.
    Text(&'a str),
    /// A web address.
    Link(&'a str),
}

/// What an address begins with.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// Signs after an address that belong to the sentence around it.
const TRAILING: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', ']', '’'];

/// The text in pieces; together they are the text.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = SCHEMES.iter().filter_map(|scheme| rest.find(scheme)).min() {
        let (before, from) = rest.split_at(start);
        let end = from.find(|sign: char| sign.is_whitespace() || "\"<>".contains(sign));
        let (word, _) = from.split_at(end.unwrap_or(from.len()));
        let link = word.trim_end_matches(TRAILING);
        let (link, after) = from.split_at(link.len());
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        pieces.push(Piece::Link(link));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use Piece::{Link, Text};

    #[test]
    fn addresses_are_found_and_nothing_is_lost() {
        assert_eq!(
            pieces("Go to https://a.example/x?t=1-_2, or <http://b.example>."),
            [
                Text("Go to "),
                Link("https://a.example/x?t=1-_2"),
                Text(", or <"),
                Link("http://b.example"),
                Text(">."),
            ]
        );
        assert_eq!(pieces("no link"), [Text("no link")]);
        assert_eq!(pieces("https://a.example"), [Link("https://a.example")]);
        assert_eq!(pieces(""), []);
    }

    #[test]
    fn any_text_comes_to_an_end() {
        for text in [
            "http://",
            "https://https://",
            "http:// http://",
            "javascript:alert(1)",
            "http://\"onclick",
            "…http://ü…",
        ] {
            let whole: String = pieces(text)
                .into_iter()
                .map(|piece| match piece {
                    Text(text) | Link(text) => text,
                })
                .collect();
            assert_eq!(whole, text);
        }
        assert_eq!(pieces("javascript:alert(1)"), [Text("javascript:alert(1)")]);
    }
}
