//! People: where messages go.

use contracts::events::auth::User;
use platform::{Consumer, Event, Result, Tx};

use crate::store::user_copies;

/// Keeps address and language of each person; of a closed account, nothing but that it is closed.
pub fn consumer() -> Consumer {
    Consumer::of::<User>()
        .copy(&["user_copies"], copy)
        .remove(async |tx: &mut Tx, subject: &str| user_copies::delete(tx, subject).await)
        .build()
}

async fn copy(tx: &mut Tx, event: &Event<User>) -> Result<()> {
    let user = &event.state;
    let email = if user.closed { "" } else { user.email.as_str() };
    user_copies::upsert(tx, user.id, email, &user.language).await
}
