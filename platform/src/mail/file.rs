//! Mail into files, where no server is set: one for each message, as mail programs read it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use contracts::Timestamp;
use lettre::message::Mailbox;
use mail_parser::MessageParser;
use tokio::fs;
use tokio::sync::Mutex;

use super::{MailError, Mailer, Message, compose, fingerprint, mailbox};
use crate::clock::Clock;

/// Says when a message was written, more exactly than its date does: the newest is shown first.
const WRITTEN: &str = "X-Written";

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".eml")) else {
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
        match fs::read(self.path(id)).await {
            Ok(bytes) => Ok(kept(id, &bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.directory.join(format!("{id}.eml"))
    }
}

/// A message from its file; none if the file is not one that was written here.
fn kept(id: &str, bytes: &[u8]) -> Option<KeptMessage> {
    let message = MessageParser::default().parse(bytes)?;
    let sent_at = message.header_raw(WRITTEN)?.trim().parse().ok()?;
    Some(KeptMessage {
        id: id.to_owned(),
        sent_at,
        to: message.to()?.first()?.address()?.to_owned(),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0)?.into_owned(),
        html: message.body_html(0)?.into_owned(),
    })
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

    fn at_once(&self) -> usize {
        64
    }

    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let id = fingerprint(message);
        let sent_at = self.clock.now();
        let composed = compose(message, &self.from, sent_at)?;
        let mut text = format!("{WRITTEN}: {sent_at}\r\n").into_bytes();
        text.extend(composed.formatted());
        let path = self.path(&id);
        let _turn = self.turn.lock().await;
        let written = tokio::task::spawn_blocking(move || {
            if path.try_exists()? {
                return Ok(());
            }
            write_whole(&path, &text)
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
        assert_eq!(again.text.trim_end(), "It is yours.");
        assert_eq!(again.html.trim_end(), "<p>It is yours.</p>");
        let names = std::fs::read_dir(directory.path().join("mail")).unwrap();
        let eml =
            names.filter(|entry| entry.as_ref().unwrap().path().extension().unwrap() == "eml");
        assert_eq!(eml.count(), 3);
    }

    #[tokio::test]
    async fn what_was_written_is_what_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let mailer = mailer(directory.path());
        let mut long = message("order/1");
        long.subject = "Ünïcödé 🎫 ".repeat(12).trim_end().to_owned();
        long.text = format!("{}\n= a line with 12,50 €\n.\n", "très long ".repeat(40));
        long.html = format!("<p>{}</p>\n<p>&amp; a=\"b\" 🎫</p>\n", "x".repeat(2000));
        mailer.send(&long).await.unwrap();
        let kept = mailer.list(1).await.unwrap().remove(0);
        let lines = |text: &str| text.replace("\r\n", "\n");
        assert_eq!(lines(&kept.text), long.text);
        assert_eq!(lines(&kept.html), long.html);
        assert_eq!(kept.subject, long.subject);
    }

    #[tokio::test]
    async fn a_file_that_is_no_message_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let mailer = mailer(directory.path());
        let mail = directory.path().join("mail");
        for (name, content) in [("aa.eml", ""), ("ab.eml", "\u{0}\u{1}"), ("ac.txt", "x")] {
            std::fs::write(mail.join(name), content).unwrap();
        }
        mailer.send(&message("order/1")).await.unwrap();
        assert_eq!(mailer.list(10).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nothing_outside_of_the_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(
            directory.path().join("secret.eml"),
            "X-Written: 2026-01-02T03:04:05Z",
        )
        .unwrap();
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
