//! Double entry: what a payment's money does to the accounts.

use std::collections::BTreeMap;
use std::fmt;

use contracts::ids::UserId;
use contracts::money::{Currency, Money};

/// Where money stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// What the payment provider holds for the marketplace.
    ProviderClearing,
    /// What was taken from a buyer for an order that is not complete.
    Buyer(UserId),
    /// What a seller has earned.
    Seller(UserId),
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProviderClearing => f.write_str("provider_clearing"),
            Self::Buyer(id) => write!(f, "buyer:{id}"),
            Self::Seller(id) => write!(f, "seller:{id}"),
        }
    }
}

/// One side of a posting. A debit is positive, a credit negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The account.
    pub account: Account,
    /// What changes on it.
    pub amount: Money,
}

/// Entries that sum to zero in each currency; there are no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posting(Vec<Entry>);

/// Entries that do not sum to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the entries do not sum to zero")]
pub struct Unbalanced;

impl Posting {
    /// Takes entries that are balanced.
    ///
    /// # Errors
    /// When they are not, or a sum does not fit 64 bits.
    pub fn new(entries: Vec<Entry>) -> Result<Self, Unbalanced> {
        let mut sums: BTreeMap<&'static str, i64> = BTreeMap::new();
        for entry in &entries {
            let sum = sums.entry(entry.amount.currency.code()).or_default();
            *sum = sum.checked_add(entry.amount.minor).ok_or(Unbalanced)?;
        }
        if sums.values().any(|sum| *sum != 0) {
            return Err(Unbalanced);
        }
        Ok(Self(entries))
    }

    /// Its entries.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Moves an amount: the one account is debited, the other credited.
    fn moves(debited: Account, credited: Account, amount: Money) -> Self {
        let entry = |account, minor| Entry {
            account,
            amount: money(minor, amount.currency),
        };
        Self(vec![
            entry(debited, amount.minor),
            entry(credited, -amount.minor),
        ])
    }

    /// The provider took money from the buyer; it is the buyer's until the order is complete.
    #[must_use]
    pub fn captured(buyer: UserId, amount: Money) -> Self {
        Self::moves(Account::ProviderClearing, Account::Buyer(buyer), amount)
    }

    /// The order is complete: the buyer's money is the seller's.
    #[must_use]
    pub fn earned(buyer: UserId, seller: UserId, amount: Money) -> Self {
        Self::moves(Account::Buyer(buyer), Account::Seller(seller), amount)
    }

    /// The provider gave money back, out of the account that it stood on.
    #[must_use]
    pub fn refunded(from: Account, amount: Money) -> Self {
        Self::moves(from, Account::ProviderClearing, amount)
    }
}

fn money(minor: i64, currency: Currency) -> Money {
    Money { minor, currency }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn user(number: u128) -> UserId {
        Uuid::from_u128(number).into()
    }

    fn entry(account: Account, minor: i64, code: &str) -> Entry {
        Entry {
            account,
            amount: money(minor, code.parse().unwrap()),
        }
    }

    #[test]
    fn only_balanced_entries_are_a_posting() {
        let (clearing, buyer) = (Account::ProviderClearing, Account::Buyer(user(1)));
        assert!(Posting::new(vec![]).is_ok());
        assert!(Posting::new(vec![entry(clearing, 5, "usd"), entry(buyer, -5, "usd")]).is_ok());
        let refused = [
            vec![entry(clearing, 5, "usd")],
            vec![entry(clearing, 5, "usd"), entry(buyer, -4, "usd")],
            vec![entry(clearing, 5, "usd"), entry(buyer, -5, "eur")],
            vec![entry(clearing, i64::MAX, "usd"), entry(buyer, 1, "usd")],
        ];
        for entries in refused {
            assert_eq!(
                Posting::new(entries.clone()),
                Err(Unbalanced),
                "{entries:?}"
            );
        }
    }

    #[test]
    fn accounts_are_named() {
        assert_eq!(Account::ProviderClearing.to_string(), "provider_clearing");
        assert_eq!(
            Account::Buyer(user(1)).to_string(),
            "buyer:00000000-0000-0000-0000-000000000001"
        );
        assert!(Account::Seller(user(1)).to_string().starts_with("seller:"));
    }

    proptest! {
        #[test]
        fn every_posting_of_ours_is_balanced(
            minor in 1i64..1_000_000_000_000,
            code in prop::sample::select(vec!["usd", "jpy", "kwd"]),
        ) {
            let amount = money(minor, code.parse().unwrap());
            let postings = [
                Posting::captured(user(1), amount),
                Posting::earned(user(1), user(2), amount),
                Posting::refunded(Account::Seller(user(2)), amount),
                Posting::refunded(Account::Buyer(user(1)), amount),
            ];
            for posting in postings {
                prop_assert!(Posting::new(posting.entries().to_vec()).is_ok());
            }
        }
    }
}
