//! The connection: what can be wrong with the first one, and how the next ones are made.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};

use super::settings::{Addresses, Login, Settings, addresses, place};
use crate::tls;

/// How often the server is asked whether it is there. Three silences in a row end a connection.
const PING: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to connect again.
const PAUSE_LONGEST: Duration = Duration::from_secs(2);

/// How many messages wait for one who follows, listens or serves before some are dropped.
const QUEUE_MAX: usize = 16_384;

/// How long a request to JetStream, or the confirmation of an event, may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// How often JetStream is asked again at the start, while a cluster chooses its leader.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The list of servers, or the namespace, can't be read.
    #[error("malformed: {0}")]
    Malformed(String),
    /// The file of the credentials can't be read.
    #[error("{0}")]
    CredentialsFile(String),
    /// No server answers.
    #[error("{servers} can't be reached: {reason}")]
    Unreachable {
        /// Hosts and ports.
        servers: String,
        /// What happened at the last of them.
        reason: String,
    },
    /// Something answers that can't prove to be the server: waiting does not help.
    #[error("the certificate of {servers} is not believed: {reason}")]
    Untrusted {
        /// Hosts and ports.
        servers: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server wants to be shown a certificate, or another one.
    #[error("{servers} wants a certificate that it believes: {reason}")]
    CertificateRefused {
        /// Hosts and ports.
        servers: String,
        /// What it says.
        reason: String,
    },
    /// The server does not accept the user, password, token or file.
    #[error(
        "{servers} refuses the credentials, or wants some: nats://user:password@host:4222, or a token"
    )]
    WrongCredentials {
        /// Hosts and ports.
        servers: String,
    },
    /// The server runs without JetStream, or this account may not use it.
    #[error(
        "{servers} runs without JetStream (start nats-server with `-js`, or enable it for the account)"
    )]
    NoJetStream {
        /// Hosts and ports.
        servers: String,
    },
}

/// Connects, and makes sure that JetStream answers.
pub(super) async fn connect(
    settings: &Settings,
) -> Result<(Client, jetstream::Context), ConnectError> {
    let Addresses { servers, login } = addresses(&settings.urls)?;
    let places: Vec<String> = servers.iter().map(place).collect();
    let places = places.join(", ");
    // Servers tell of others, whose scheme they don't say: those must not be shown a password in the clear.
    let is_encrypted = servers.iter().any(ServerAddr::tls_required);
    let options = options(settings, login).await?.require_tls(is_encrypted);
    let attempt = options.connect(servers);
    let unreachable = |reason: String| ConnectError::Unreachable {
        servers: places.clone(),
        reason,
    };
    let client = tokio::time::timeout(settings.connect_timeout, attempt)
        .await
        .map_err(|_| unreachable("no answer in time".to_owned()))?
        .map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                ConnectError::WrongCredentials {
                    servers: places.clone(),
                }
            }
            _ => unconnected(&error, places.clone()),
        })?;
    let jetstream = jetstream::ContextBuilder::new()
        .timeout(ANSWER_WITHIN)
        .build(client.clone());
    let asked = tokio::time::timeout(settings.connect_timeout, ask(&jetstream)).await;
    match asked {
        Ok(true) => Ok((client, jetstream)),
        Ok(false) => Err(ConnectError::NoJetStream { servers: places }),
        Err(_) => Err(unreachable("JetStream does not answer".to_owned())),
    }
}

/// Why there is no connection to these servers, if it is not for who we are.
fn unconnected(error: &async_nats::ConnectError, servers: String) -> ConnectError {
    if let Some(reason) = tls::distrust(error) {
        let reason = reason.to_string();
        return ConnectError::Untrusted { servers, reason };
    }
    if let Some(reason) = tls::refusal(error) {
        let reason = reason.to_string();
        return ConnectError::CertificateRefused { servers, reason };
    }
    let reason = error.to_string();
    ConnectError::Unreachable { servers, reason }
}

/// Whether there is a JetStream; a cluster without a leader is asked again.
///
/// The client's own question wants fields in the answer that servers before 2.10 don't give.
async fn ask(jetstream: &jetstream::Context) -> bool {
    loop {
        let asked = jetstream.request("INFO", &()).await;
        let answer: Response<serde_json::Value> = match asked {
            Ok(answer) => answer,
            Err(error) if error.kind() == RequestErrorKind::NoResponders => return false,
            Err(_) => {
                tokio::time::sleep(ASK_AGAIN).await;
                continue;
            }
        };
        match answer {
            Response::Ok(_) => return true,
            Response::Err { error } => match error.error_code() {
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                    return false;
                }
                _ => tokio::time::sleep(ASK_AGAIN).await,
            },
        }
    }
}

async fn options(
    settings: &Settings,
    login: Option<Login>,
) -> Result<ConnectOptions, ConnectError> {
    let told = Told::default();
    let mut options = ConnectOptions::new()
        .name(&settings.namespace)
        .connection_timeout(settings.connect_timeout)
        .ping_interval(PING)
        .request_timeout(Some(ANSWER_WITHIN))
        .subscription_capacity(QUEUE_MAX)
        .reconnect_delay_callback(pause)
        .event_callback(move |event| {
            told.tell(&event);
            std::future::ready(())
        });
    options = match (login, &settings.token) {
        (Some(Login::Password { user, password }), _) => options.user_and_password(user, password),
        (Some(Login::Token(token)), _) => options.token(token),
        (None, Some(token)) => options.token(token.clone()),
        (None, None) => options,
    };
    if let Some(authorities) = &settings.authorities {
        options = options.add_root_certificates(authorities.file().to_owned());
    }
    if let Some(identity) = &settings.identity {
        let (certificate, key) = (identity.certificate(), identity.key());
        options = options.add_client_certificate(certificate.to_owned(), key.to_owned());
    }
    if let Some(file) = &settings.credentials_file {
        options = options.credentials_file(file).await.map_err(|error| {
            ConnectError::CredentialsFile(format!("{}: {error}", file.display()))
        })?;
    }
    Ok(options)
}

/// At once, then after 50 ms, doubling.
fn pause(attempts: usize) -> Duration {
    let Some(doublings) = attempts.checked_sub(2) else {
        return Duration::ZERO;
    };
    let doublings = u32::try_from(doublings.min(10)).unwrap_or(10);
    (Duration::from_millis(50) * 2_u32.pow(doublings)).min(PAUSE_LONGEST)
}

/// What the log already says of the connection, so that each change is told once.
#[derive(Clone, Default)]
struct Told {
    lost: Arc<AtomicBool>,
    dropping: Arc<AtomicBool>,
}

impl Told {
    fn tell(&self, event: &Event) {
        match event {
            Event::Connected => {
                self.dropping.store(false, Ordering::Relaxed);
                if self.lost.swap(false, Ordering::Relaxed) {
                    tracing::info!("the bus is back");
                } else {
                    tracing::info!("the bus is connected");
                }
            }
            Event::Disconnected => {
                if !self.lost.swap(true, Ordering::Relaxed) {
                    tracing::warn!("the bus is lost; connecting again until it is back");
                }
            }
            Event::SlowConsumer(_) => {
                if !self.dropping.swap(true, Ordering::Relaxed) {
                    tracing::warn!("messages come faster than they are heard; some were dropped");
                }
            }
            other => tracing::debug!(event = %other, "the bus says"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_to_connect_begin_at_once_and_slow_down() {
        let pauses: Vec<u128> = (0..9).map(|attempt| pause(attempt).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 50, 100, 200, 400, 800, 1600, 2000]);
        assert_eq!(pause(usize::MAX), PAUSE_LONGEST);
    }
}
