//! What a browser calls itself, as it is shown in the list of sessions.

/// How much of it is kept, in characters: enough to tell one's devices apart.
const LENGTH_MAX: usize = 200;

/// The `User-Agent` header without control characters, cut to 200 characters.
#[must_use]
pub fn shown(header: Option<&str>) -> String {
    header
        .unwrap_or("")
        .chars()
        .filter(|c| !c.is_control())
        .take(LENGTH_MAX)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_cut_and_cleaned() {
        assert_eq!(shown(Some("curl/8\t.0")), "curl/8.0");
        assert_eq!(shown(Some(&"ü".repeat(300))).chars().count(), 200);
        assert_eq!(shown(None), "");
    }
}
