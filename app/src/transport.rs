//! The bus between processes, as the settings name it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use platform::Clock;
use platform::bus::Bus;
use platform::bus::jetstream::{self, ConnectError};
use platform::tasks::Tasks;

use crate::settings::NatsSettings;

/// The pause before servers that did not answer are asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// Connects, again and again while no server answers.
///
/// # Errors
/// When no server answers within `within`, or what answers is not what it should be; the setting is
/// named.
pub async fn connect(
    settings: &NatsSettings,
    (clock, tasks): (&dyn Clock, &Tasks),
    within: Duration,
) -> anyhow::Result<Arc<dyn Bus>> {
    const SETTING: &str = "--nats-url (TICKETING_NATS_URL)";
    let url = settings
        .nats_url
        .as_deref()
        .with_context(|| format!("{SETTING} is missing: nats://host:4222, with JetStream"))?;
    let wanted = jetstream::Settings {
        namespace: settings.nats_namespace.clone(),
        replicas: settings.nats_replicas.map(usize::from),
        ..jetstream::Settings::new(url)
    };
    let began = clock.elapsed();
    loop {
        match jetstream::connect(&wanted, tasks).await {
            Ok(bus) => return Ok(Arc::new(bus)),
            Err(error @ ConnectError::Unreachable { .. })
                if clock.elapsed().saturating_sub(began) < within =>
            {
                tracing::warn!(%error, "waiting for the bus");
                clock.sleep(AGAIN).await;
            }
            Err(error) => return Err(error).context(SETTING),
        }
    }
}
