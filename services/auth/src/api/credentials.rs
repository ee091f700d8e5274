//! Judges an address and a password, at the same cost whether anybody has the address or not.

use platform::Result;
use platform::db::Tx;

use super::Auth;
use super::visitor::Visitor;
use crate::commands::open_session::Proven;
use crate::domain::email::Email;
use crate::domain::password::Password;
use crate::domain::refusal::Refusal;
use crate::hashing::Verdict;
use crate::store::users::{self, User};

impl Auth {
    /// Who has this address and this password.
    ///
    /// # Errors
    /// [`Refusal::WrongCredentials`]; [`Refusal::TooManyFailures`] for the account or the network
    /// address; [`Refusal::Busy`].
    pub(super) async fn prove(
        &self,
        email: &Email,
        password: Password,
        visitor: &Visitor,
    ) -> Result<Proven> {
        self.may_try(email, visitor)?;
        let wanted = email.clone();
        let found = self
            .ctx
            .db
            .read(async move |tx: &mut Tx| users::by_email(tx, &wanted).await)
            .await?;
        self.compare(email, found, password, visitor).await
    }

    async fn compare(
        &self,
        email: &Email,
        found: Option<User>,
        password: Password,
        visitor: &Visitor,
    ) -> Result<Proven> {
        let stored = found.as_ref().map(|user| user.password_hash.as_str());
        // Asked again when it is this one's turn: of many tries sent at once only those go on that
        // are within the limit by then.
        let go_on = || self.may_try(email, visitor);
        let on_wrong = self.failure_of(email, visitor);
        let verdict = self
            .hashing
            .verify(password, stored, go_on, on_wrong)
            .await?;
        match (verdict, found) {
            (Verdict::Right, Some(user)) => Ok(Proven {
                user,
                rehashed: None,
            }),
            (Verdict::Outdated(hash), Some(user)) => Ok(Proven {
                user,
                rehashed: Some(hash),
            }),
            _ => Err(Refusal::WrongCredentials.into()),
        }
    }

    /// Counts a wrong password.
    fn failure_of(&self, email: &Email, visitor: &Visitor) -> impl FnOnce() + Send + use<> {
        let (accounts, addresses) = (self.accounts.clone(), self.addresses.clone());
        let (email, address) = (email.clone(), visitor.address.clone());
        move || {
            accounts.record(email.as_str());
            if let Some(address) = &address {
                addresses.record(address);
            }
        }
    }

    fn may_try(&self, email: &Email, visitor: &Visitor) -> Result<()> {
        self.accounts.check(email.as_str())?;
        if let Some(address) = &visitor.address {
            self.addresses.check(address)?;
        }
        Ok(())
    }
}
