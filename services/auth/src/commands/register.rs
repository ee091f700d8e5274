//! Takes a person in, who is signed in at once.

use contracts::events::auth::{User as UserAggregate, UserFact};
use platform::Result;
use platform::db::Tx;

use crate::domain::refusal::Refusal;
use crate::store::sessions::{self, Session};
use crate::store::users::{self, User};

/// Signs a person up, and in.
///
/// # Errors
/// [`Refusal::EmailInUse`] when the address is taken.
pub async fn register(tx: &mut Tx, user: &User, session: &Session) -> Result<()> {
    if !users::insert(tx, user, session.created_at).await? {
        return Err(Refusal::EmailInUse.into());
    }
    let subject = user.id.to_string();
    tx.append::<UserAggregate>(&subject, 0, &UserFact::Registered, &user.public())
        .await?;
    sessions::insert(tx, session).await
}
