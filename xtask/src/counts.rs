//! How many tests passed and failed, read from what each test runner prints at its end.

use std::ops::AddAssign;

/// Tests that ran, by outcome, and the runner's own lines that say so.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub summary: Vec<String>,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.summary.extend(other.summary);
    }
}

/// Reads nextest's `Summary [0.1s] 4/5 tests run: 3 passed (1 slow), 1 failed, 0 skipped`.
pub fn of_nextest(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines().map(str::trim) {
        let Some((_, outcomes)) = line.split_once("run: ") else {
            continue;
        };
        if !line.starts_with("Summary [") {
            continue;
        }
        for outcome in without_remarks(outcomes).split(',') {
            match number_and_word(outcome) {
                Some((number, "passed")) => counts.passed += number,
                Some((_, "skipped")) | None => {}
                Some((number, _)) => counts.failed += number, // failed, exec failed, timed out
            }
        }
        counts.summary.push(line.to_owned());
    }
    counts
}

/// Reads every `test result: ok. 3 passed; 0 failed; …` of `cargo test`, into one summary line.
pub fn of_cargo_test(text: &str) -> Counts {
    let mut counts = Counts::default();
    let mut binaries = 0;
    for line in text.lines() {
        let Some(outcomes) = line.trim().strip_prefix("test result: ") else {
            continue;
        };
        binaries += 1;
        let outcomes = outcomes.split_once(". ").map_or(outcomes, |(_, rest)| rest);
        for outcome in outcomes.split(';') {
            match number_and_word(outcome) {
                Some((number, "passed")) => counts.passed += number,
                Some((number, "failed")) => counts.failed += number,
                _ => {}
            }
        }
    }
    if binaries > 0 {
        let (passed, failed) = (counts.passed, counts.failed);
        let line = format!("test result of {binaries} binaries: {passed} passed; {failed} failed");
        counts.summary.push(line);
    }
    counts
}

/// Reads node's closing lines `ℹ pass 12`, `ℹ fail 1`, `ℹ cancelled 0` (`#` in place of `ℹ` in TAP).
pub fn of_node(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines().map(str::trim) {
        let mark = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "));
        let Some((word, number)) = mark.and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let Ok(number) = number.trim().parse::<u64>() else {
            continue;
        };
        match word {
            "pass" => counts.passed += number,
            "fail" | "cancelled" => counts.failed += number,
            "tests" | "suites" | "skipped" | "todo" => {}
            _ => continue,
        }
        counts.summary.push(line.to_owned());
    }
    counts
}

/// The text without what stands in parentheses.
fn without_remarks(text: &str) -> String {
    let outside = |piece: &str| {
        piece
            .split_once(')')
            .map_or("", |(_, after)| after)
            .to_owned()
    };
    let mut pieces = text.split('(');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |kept, piece| kept + &outside(piece))
}

/// The number that an outcome begins with, and its last word.
fn number_and_word(outcome: &str) -> Option<(u64, &str)> {
    let (number, words) = outcome.trim().split_once(' ')?;
    Some((number.parse().ok()?, words.trim().split(' ').next_back()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nextest_counts_every_kind_of_failure() {
        let text = "    PASS [ 0.1s] (1/2) orders api::run: 3 passed\n     Summary [   1.2s] 9/12 tests run: \
                    4 passed (1 slow, 1 leaky), 2 failed, 1 exec failed, 2 timed out, 3 skipped\nerror: test run failed";
        let counts = of_nextest(text);
        assert_eq!((counts.passed, counts.failed), (4, 5));
        assert_eq!(counts.summary.len(), 1, "{:?}", counts.summary);
    }

    #[test]
    fn cargo_test_adds_up_all_binaries() {
        let text = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.0s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s";
        let counts = of_cargo_test(text);
        assert_eq!((counts.passed, counts.failed), (4, 2));
        assert_eq!(
            counts.summary,
            ["test result of 2 binaries: 4 passed; 2 failed"]
        );
    }

    #[test]
    fn node_counts_cancelled_tests_as_failed() {
        let text = "✔ a story (3ms)\nℹ tests 4\nℹ suites 1\nℹ pass 2\nℹ fail 1\nℹ cancelled 1\nℹ skipped 0\nℹ todo 0\nℹ duration_ms 12.3";
        let counts = of_node(text);
        assert_eq!((counts.passed, counts.failed), (2, 2));
        assert_eq!(counts.summary.len(), 7);
    }

    #[test]
    fn a_run_that_died_counts_nothing() {
        let text = "error: could not compile `orders`";
        assert_eq!(of_nextest(text), Counts::default());
        assert_eq!(of_cargo_test(text), Counts::default());
        assert_eq!(of_node(text), Counts::default());
    }
}
