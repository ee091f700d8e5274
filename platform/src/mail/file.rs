//! Mail into files, where no server is set: each message once as mail programs read it, and once for
//! the page that shows it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use contracts::Timestamp;
use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::sync::Mutex;

use super::{MailError, Mailer, Message, compose, fingerprint, mailbox};
use crate::clock::Clock;

/// Writes messages into a directory.
#[derive(Clone)]
pub struct FileMailer {
    directory: PathBuf,
    from: Mailbox,
    clock: Arc<dyn Clock>,
    /// One message at a time, so that two attempts at the same one do not meet in its file.
    turn: Arc<Mutex<()>>,
}

/// A message in the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// What [`FileMailer::read`] finds it by.
    pub id: String,
    /// When it was sent.
    pub sent_at: Timestamp,
    /// The address it went to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its content as plain text.
    pub text: String,
    /// Its content as HTML.
    pub html: String,
}

impl FileMailer {
    /// Writes into `directory`, which is made if need be. `from`: the sender, `Name <address>`.
    ///
    /// # Errors
    /// When the directory can't be made, or the address is malformed.
    pub fn open(directory: &Path, from: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("can't make {}", directory.display()))?;
        let directory = directory.to_owned();
        Ok(Self {
            directory,
            from: mailbox(from)?,
            clock,
            turn: Arc::default(),
        })
    }

    /// The newest messages, newest first.
    ///
    /// # Errors
    /// When the directory can't be read.
    pub async fn list(&self, limit: usize) -> io::Result<Vec<KeptMessage>> {
        let mut messages = Vec::new();
        let mut entries = fs::read_dir(&self.directory).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")) else {
                continue;
            };
            messages.extend(self.read(id).await?);
        }
        messages.sort_by(|one, other| (other.sent_at, &other.id).cmp(&(one.sent_at, &one.id)));
        messages.truncate(limit);
        Ok(messages)
    }

    /// The message with this id, if there is one.
    ///
    /// # Errors
    /// When its file can't be read.
    pub async fn read(&self, id: &str) -> io::Result<Option<KeptMessage>> {
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        match fs::read(self.path(id, "json")).await {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, id: &str, extension: &str) -> PathBuf {
        self.directory.join(format!("{id}.{extension}"))
    }
}

/// Writes a file whole or not at all. Not synced: the messages that count are in the database of
/// whoever sent them, and a sync for each of these files would slow every other one down.
fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    std::fs::write(&unfinished, content)?;
    std::fs::rename(&unfinished, path)
}

#[async_trait]
impl Mailer for FileMailer {
    /// A file is written in milliseconds.
    fn patience(&self) -> Duration {
        Duration::from_secs(20)
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let id = fingerprint(message);
        let sent_at = self.clock.now();
        let composed = compose(message, &self.from, sent_at)?;
        let kept = KeptMessage {
            id: id.clone(),
            sent_at,
            to: message.to.clone(),
            subject: message.subject.clone(),
            text: message.text.clone(),
            html: message.html.clone(),
        };
        let shown = serde_json::to_vec(&kept).map_err(|e| MailError::permanent(&e))?;
        let (for_mail_programs, looked_for) = (self.path(&id, "eml"), self.path(&id, "json"));
        let _turn = self.turn.lock().await;
        let written = tokio::task::spawn_blocking(move || {
            if looked_for.try_exists()? {
                return Ok(());
            }
            // The file that is looked for comes last: when it is there, so is the other.
            write_whole(&for_mail_programs, &composed.formatted())?;
            write_whole(&looked_for, &shown)
        });
        let written = written.await.map_err(|e| MailError::temporary(&e))?;
        written.map_err(|e| MailError::temporary(&e))
    }
}

impl std::fmt::Debug for FileMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileMailer")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::mail::tests::message;

    fn mailer(directory: &Path) -> FileMailer {
        let clock = Arc::new(SystemClock::new());
        FileMailer::open(&directory.join("mail"), "shop@site.example", clock).unwrap()
    }

    #[tokio::test]
    async fn a_message_is_kept_once_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let mailer = mailer(directory.path());
        assert_eq!(mailer.list(10).await.unwrap(), []);
        for id in ["order/1", "order/2", "order/1", "order/3"] {
            mailer.send(&message(id)).await.unwrap();
        }
        let listed = mailer.list(10).await.unwrap();
        assert_eq!(listed.len(), 3);
        assert!(listed.is_sorted_by(|one, other| one.sent_at >= other.sent_at));
        assert_eq!(mailer.list(2).await.unwrap(), listed[..2]);
        let again = mailer.read(&listed[0].id).await.unwrap().unwrap();
        assert_eq!(
            (again.subject.as_str(), again.to.as_str()),
            ("Your things: Ünïcödé", "buyer@mail.example")
        );
        let names = std::fs::read_dir(directory.path().join("mail")).unwrap();
        let eml =
            names.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "eml");
        assert_eq!(eml.count(), 3);
    }

    #[tokio::test]
    async fn nothing_outside_of_the_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("secret.json"), "{}").unwrap();
        let mailer = mailer(directory.path());
        for id in ["../secret", "", "abcdef", "/etc/passwd"] {
            assert_eq!(mailer.read(id).await.unwrap(), None, "{id}");
        }
    }

    #[tokio::test]
    async fn an_address_that_is_none_is_a_permanent_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut nobody = message("order/1");
        nobody.to = "nobody".to_owned();
        assert!(
            !mailer(directory.path())
                .send(&nobody)
                .await
                .unwrap_err()
                .temporary
        );
    }
}
