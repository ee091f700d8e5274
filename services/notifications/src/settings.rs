//! What an operator can set.

use std::sync::Arc;

use platform::mail::{FileMailer, Mailer};

/// What notifications is given.
#[derive(Clone)]
pub struct Settings {
    /// Sends the messages.
    pub mailer: Arc<dyn Mailer>,
    /// The address under which people reach the site: links in messages begin with it.
    pub public_url: String,
    /// The files that `/dev/mail` shows; without them there is no such page. On a loopback address
    /// only: whoever sees the mail can reset any password.
    pub dev_mail: Option<Arc<FileMailer>>,
}
