//! What can be set about payments.

use std::sync::Arc;
use std::time::Duration;

use crate::provider::Provider;
use crate::provider::sandbox::Sandbox;
use crate::provider::signature::Secret;

/// What can be set about payments.
#[derive(Clone)]
pub struct Settings {
    /// Who holds, takes and gives back the money.
    pub provider: Arc<dyn Provider>,
    /// The sandbox, if that is the provider: its page where customers confirm is then served.
    pub sandbox: Option<Arc<Sandbox>>,
    /// Whether this service also sends the sandbox's notices, to itself: where nobody else does.
    pub tells: bool,
    /// What the provider signs its notices with; several while one is replaced. Without any, no notice
    /// is taken, and the reconciler alone learns.
    pub webhook_secrets: Vec<Secret>,
    /// How long a buyer's request waits for the provider.
    pub answer_within: Duration,
    /// After how long a call to the provider counts as unanswered. Longer than `answer_within`, so
    /// that an answer that is a little late is still heard.
    pub call_timeout: Duration,
    /// How many calls to the provider run at the same time.
    pub in_flight_max: usize,
    /// How often the reconciler compares with the provider.
    pub reconcile_every: Duration,
    /// After how long a request of which the provider has no record can't arrive there any more.
    pub unheard_after: Duration,
    /// How old what the provider holds without a payment of ours must be to be undone.
    pub strangers_after: Duration,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").finish_non_exhaustive()
    }
}

impl Settings {
    /// The defaults, with this provider.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self {
            provider,
            sandbox: None,
            tells: false,
            webhook_secrets: Vec::new(),
            answer_within: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            in_flight_max: 1024,
            reconcile_every: Duration::from_secs(30),
            unheard_after: Duration::from_secs(60),
            strangers_after: Duration::from_secs(60 * 60),
        }
    }

    /// The defaults, with the sandbox as the provider, which signs its notices with these secrets.
    #[must_use]
    pub fn with_sandbox(sandbox: Sandbox, webhook_secrets: Vec<Secret>) -> Self {
        let sandbox = Arc::new(sandbox.signing_with(webhook_secrets.clone()));
        let provider: Arc<dyn Provider> = sandbox.clone();
        Self {
            sandbox: Some(sandbox),
            tells: !webhook_secrets.is_empty(),
            webhook_secrets,
            ..Self::new(provider)
        }
    }
}
