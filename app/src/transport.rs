//! The bus between processes, as the settings name it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use platform::Clock;
use platform::bus::Bus;
use platform::bus::jetstream::{self, ConnectError};
use platform::http::health::Readiness;
use platform::tasks::Tasks;
use platform::tls::{Authorities, Identity};

use crate::settings::NatsSettings;

/// The pause before servers that did not answer are asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// The bus among what must be ready.
pub const CHECK: &str = "bus";

const URL: &str = "--nats-url (TICKETING_NATS_URL)";
const CREDENTIALS: &str = "--nats-credentials (TICKETING_NATS_CREDENTIALS)";
const AUTHORITIES: &str = "--nats-ca (TICKETING_NATS_CA)";
const IDENTITY: &str = "--nats-certificate (TICKETING_NATS_CERTIFICATE)";

/// Connects, again and again while no server answers.
///
/// # Errors
/// When no server answers within `within`, or what answers is not what it should be; the setting is
/// named.
pub async fn connect(
    settings: &NatsSettings,
    (clock, tasks, readiness): (&dyn Clock, &Tasks, &Readiness),
    within: Duration,
) -> anyhow::Result<Arc<dyn Bus>> {
    let url = settings
        .nats_url
        .as_deref()
        .with_context(|| format!("{URL} is missing: nats://host:4222, with JetStream"))?;
    let authorities = settings.nats_ca.as_deref().map(Authorities::read);
    let certificate = settings.nats_certificate.as_deref();
    let identity = certificate.zip(settings.nats_certificate_key.as_deref());
    let identity = identity.map(|(certificate, key)| Identity::find(certificate, key));
    let wanted = jetstream::Settings {
        authorities: authorities.transpose().context(AUTHORITIES)?,
        identity: identity.transpose().context(IDENTITY)?,
        credentials_file: settings.nats_credentials.clone(),
        namespace: settings.nats_namespace.clone(),
        replicas: settings.nats_replicas.map(usize::from),
        ..jetstream::Settings::new(url)
    };
    let began = clock.elapsed();
    loop {
        match jetstream::connect(&wanted, tasks).await {
            Ok(bus) => {
                readiness.set(CHECK, true);
                return Ok(Arc::new(bus));
            }
            Err(error @ ConnectError::Unreachable { .. })
                if clock.elapsed().saturating_sub(began) < within =>
            {
                tracing::warn!(%error, "waiting for the bus");
                readiness.fail(CHECK, &error);
                clock.sleep(AGAIN).await;
            }
            Err(error) => return Err(named(error)),
        }
    }
}

/// The setting that an error is about, in front of it, and what else may mend it behind.
fn named(error: ConnectError) -> anyhow::Error {
    match error {
        ConnectError::CredentialsFile(_) => anyhow::Error::new(error).context(CREDENTIALS),
        ConnectError::WrongCredentials { .. } => {
            anyhow!("{URL}: {error}, or a file with {CREDENTIALS}")
        }
        ConnectError::Untrusted { .. } => anyhow!(
            "{URL}: {error}: name the file of the authority that signed it with {AUTHORITIES}, and the \
             server as its certificate does"
        ),
        ConnectError::CertificateRefused { .. } => {
            anyhow!("{URL}: {error}: name its file with {IDENTITY}")
        }
        _ => anyhow::Error::new(error).context(URL),
    }
}
