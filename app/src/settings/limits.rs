//! How much is taken: how long, how large, how often.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;

use clap::Args;

/// How much is taken: how long, how large, how often.
#[derive(Debug, Clone, Args)]
pub struct LimitSettings {
    /// How many unpaid holds a buyer may have.
    #[arg(long, env = "TICKETING_UNPAID_HOLDS", default_value_t = Self::default().unpaid_holds, value_parser = clap::value_parser!(i64).range(1..=10_000))]
    pub unpaid_holds: i64,
    /// How many characters a listing's title may have.
    #[arg(long, env = "TICKETING_TITLE_LIMIT", default_value_t = Self::default().title_limit, value_parser = clap::value_parser!(u16).range(1..=2_000))]
    pub title_limit: u16,
    /// The highest price, in major units of its currency.
    #[arg(long, env = "TICKETING_PRICE_LIMIT", default_value_t = Self::default().price_limit, value_parser = clap::value_parser!(i64).range(1..=1_000_000_000))]
    pub price_limit: i64,
    /// How many characters a new password must have.
    #[arg(long, env = "TICKETING_PASSWORD_MIN", default_value_t = Self::default().password_min, value_parser = clap::value_parser!(u16).range(8..=64))]
    pub password_min: u16,
    /// How many characters a new password may have.
    #[arg(long, env = "TICKETING_PASSWORD_MAX", default_value_t = Self::default().password_max, value_parser = clap::value_parser!(u16).range(64..=1_024))]
    pub password_max: u16,
    /// How many bytes a request's body may have.
    #[arg(long, env = "TICKETING_BODY_LIMIT", default_value_t = Self::default().body_limit, value_parser = clap::value_parser!(u32).range(4_096..=1_048_576))]
    pub body_limit: u32,
    /// Failed sign-ins per minute, per account and per address.
    #[arg(long, env = "TICKETING_SIGNIN_FAILURES", default_value_t = Self::default().signin_failures, value_parser = clap::value_parser!(u32).range(1..))]
    pub signin_failures: u32,
    /// Requests per second and address above which 429 is answered; no limit without it.
    #[arg(long, env = "TICKETING_REQUEST_LIMIT")]
    pub request_limit: Option<NonZeroU32>,
}

impl LimitSettings {
    /// How many characters a new password has.
    #[must_use]
    pub fn password(&self) -> RangeInclusive<usize> {
        self.password_min.into()..=self.password_max.into()
    }

    /// How many bytes a request's body may have.
    #[must_use]
    pub fn body(&self) -> usize {
        usize::try_from(self.body_limit).unwrap_or(usize::MAX)
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            unpaid_holds: 10,
            title_limit: 200,
            price_limit: 1_000_000,
            password_min: 8,
            password_max: 128,
            body_limit: 65_536,
            signin_failures: 10,
            request_limit: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        limits: LimitSettings,
    }

    #[test]
    fn without_a_word_they_are_the_usual_ones() {
        let line = Line::try_parse_from(["x"]).unwrap();
        let usual = LimitSettings::default();
        assert_eq!(format!("{:?}", line.limits), format!("{usual:?}"));
    }

    #[test]
    fn what_would_lock_everybody_out_is_refused() {
        for wrong in [
            ["--password-min", "7"],
            ["--password-max", "63"],
            ["--title-limit", "0"],
            ["--price-limit", "0"],
            ["--body-limit", "100"],
        ] {
            let said = Line::try_parse_from(["x", wrong[0], wrong[1]]).unwrap_err();
            assert!(said.to_string().contains(wrong[0]), "{said}");
        }
    }
}
