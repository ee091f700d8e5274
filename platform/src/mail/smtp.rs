//! Mail by SMTP (RFC 5321), with TLS as far as the server and the address allow.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use async_trait::async_trait;
use http::Uri;
use lettre::message::Mailbox;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::{MailError, Mailer, Message, compose, mailbox};
use crate::clock::Clock;

/// How long a server may take for one step; a slower one is tried again later.
const STEP: Duration = Duration::from_secs(20);

/// Hands messages to an SMTP server.
#[derive(Clone)]
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Arc<dyn Clock>,
}

/// Whether the connection is encrypted after it was made (`STARTTLS`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StartTls {
    Never,
    IfOffered,
    Always,
}

impl SmtpMailer {
    /// Sends through the server at `url`: `smtps://user:password@host` (TLS from the beginning), or
    /// `smtp://…`, which turns to TLS: always when there is a password, else if the server offers it,
    /// and never on this machine itself. `?tls=required`, `opportunistic` or `none` decides
    /// otherwise. `from`: the sender, `Name <address>`.
    ///
    /// # Errors
    /// When the URL or the address is malformed. The text has no password in it.
    pub fn new(url: &str, from: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let uri: Uri = url
            .parse()
            .map_err(|_| anyhow!("the SMTP address is not a URL"))?;
        let host = uri.host().context("the SMTP address has no host")?;
        let plain = url.split(['?', '#']).next().unwrap_or(url);
        let malformed = |_| anyhow!("the SMTP address must be smtp://… or smtps://…");
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(plain).map_err(malformed)?;
        if uri.scheme_str() == Some("smtp") {
            let parameters = || TlsParameters::new(host.to_owned());
            builder = match start_tls(&uri, host)? {
                StartTls::Never => builder.tls(Tls::None),
                StartTls::IfOffered => builder.tls(Tls::Opportunistic(parameters()?)),
                StartTls::Always => builder.tls(Tls::Required(parameters()?)),
            };
        }
        let transport = builder.timeout(Some(STEP)).build();
        Ok(Self {
            transport,
            from: mailbox(from)?,
            clock,
        })
    }
}

fn start_tls(uri: &Uri, host: &str) -> anyhow::Result<StartTls> {
    let query = uri.query().unwrap_or_default();
    let wish = query.split('&').find_map(|pair| pair.strip_prefix("tls="));
    let here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
    let has_password = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    match wish {
        Some("required") => Ok(StartTls::Always),
        Some("opportunistic") => Ok(StartTls::IfOffered),
        Some("none") => Ok(StartTls::Never),
        Some(_) => bail!("tls in the SMTP address must be required, opportunistic or none"),
        None if here => Ok(StartTls::Never),
        None if has_password => Ok(StartTls::Always),
        None => Ok(StartTls::IfOffered),
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let composed = compose(message, &self.from, self.clock.now())?;
        match self.transport.send(composed).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(MailError::permanent(&error)),
            Err(error) => Err(MailError::temporary(&error)),
        }
    }
}

impl std::fmt::Debug for SmtpMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpMailer")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::mail::tests::message;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    fn mailer(url: &str) -> anyhow::Result<SmtpMailer> {
        SmtpMailer::new(
            url,
            "Shop <shop@site.example>",
            Arc::new(SystemClock::new()),
        )
    }

    fn policy(url: &str) -> StartTls {
        let uri: Uri = url.parse().unwrap();
        start_tls(&uri, uri.host().unwrap()).unwrap()
    }

    #[test]
    fn passwords_never_travel_in_the_clear_unless_told_to() {
        assert_eq!(
            policy("smtp://user:pass@mail.example:587"),
            StartTls::Always
        );
        assert_eq!(policy("smtp://mail.example"), StartTls::IfOffered);
        assert_eq!(policy("smtp://localhost:1025"), StartTls::Never);
        assert_eq!(policy("smtp://127.0.0.1:1025"), StartTls::Never);
        assert_eq!(policy("smtp://[::1]:1025"), StartTls::Never);
        assert_eq!(
            policy("smtp://user:pass@mail.example/?tls=none"),
            StartTls::Never
        );
        assert_eq!(policy("smtp://localhost/?tls=required"), StartTls::Always);
    }

    #[test]
    fn malformed_settings_are_told_without_the_password() {
        for url in [
            "",
            "mail.example",
            "http://user:secret@mail.example",
            "smtp://user:secret@",
            "smtp://user:secret@mail.example/?tls=maybe",
        ] {
            let error = mailer(url).unwrap_err();
            assert!(!format!("{error:#}").contains("secret"), "{url}: {error:#}");
        }
        assert!(mailer("smtps://user:secret@mail.example").is_ok());
        let clock = Arc::new(SystemClock::new());
        assert!(SmtpMailer::new("smtp://localhost", "nobody", clock).is_err());
    }

    /// A server that takes one message; `verdict` is what it says to the recipient.
    async fn serve_once(listener: TcpListener, verdict: &'static str) -> String {
        let (stream, _) = listener.accept().await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"220 ready\r\n").await.unwrap();
        let (mut received, mut in_data) = (String::new(), false);
        while let Some(line) = lines.next_line().await.unwrap() {
            received.push_str(&line);
            received.push('\n');
            let reply = match line.split(' ').next().unwrap_or_default() {
                "." => "250 taken",
                _ if in_data => continue,
                "RCPT" => verdict,
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 fine",
            };
            in_data = reply.starts_with("354");
            writer
                .write_all(format!("{reply}\r\n").as_bytes())
                .await
                .unwrap();
            if reply.starts_with("221") {
                break;
            }
        }
        received
    }

    async fn send_to(verdict: &'static str) -> (Result<(), MailError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let mailer = mailer(&url).unwrap();
        let message = message("order/1");
        let server = serve_once(listener, verdict);
        tokio::join!(mailer.send(&message), server)
    }

    #[tokio::test]
    async fn a_message_is_handed_over() {
        let (sent, received) = send_to("250 fine").await;
        assert_eq!(sent, Ok(()));
        assert!(
            received.contains("RCPT TO:<buyer@mail.example>"),
            "{received}"
        );
        assert!(received.contains("It is yours."), "{received}");
    }

    #[tokio::test]
    async fn temporary_and_permanent_refusals_are_told_apart() {
        let (sent, _) = send_to("451 later").await;
        assert!(sent.unwrap_err().temporary);
        let (sent, _) = send_to("550 nobody").await;
        assert!(!sent.unwrap_err().temporary);
        let nobody = mailer("smtp://127.0.0.1:1").unwrap();
        assert!(
            nobody
                .send(&message("order/1"))
                .await
                .unwrap_err()
                .temporary
        );
    }
}
