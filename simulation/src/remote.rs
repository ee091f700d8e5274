//! The payment provider at the far end of a line: what it was once asked it does, also when nobody
//! waits for the answer any more.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::money::Money;
use payments::domain::charge::Charge;
use payments::provider::sandbox::Sandbox;
use payments::provider::{Answer, Position, Provider, ProviderError};
use tokio::sync::oneshot;

use crate::executor::{Executor, FOREVER};

/// The provider, far away.
pub struct Remote {
    executor: Executor,
    provider: Arc<Sandbox>,
}

impl Remote {
    /// The way to this provider.
    #[must_use]
    pub fn new(executor: &Executor, provider: &Arc<Sandbox>) -> Self {
        Self {
            executor: executor.clone(),
            provider: Arc::clone(provider),
        }
    }

    async fn far<T, F>(&self, call: impl FnOnce(Arc<Sandbox>) -> F) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let (tell, told) = oneshot::channel();
        let call = call(Arc::clone(&self.provider));
        self.executor.spawn(FOREVER, async move {
            drop(tell.send(call.await));
        });
        told.await.map_err(|_| ProviderError::Timeout)?
    }
}

#[async_trait]
impl Provider for Remote {
    async fn authorize(&self, key: &str, amount: Money, token: &str) -> Answer<Charge> {
        let (key, token) = (key.to_owned(), token.to_owned());
        self.far(|provider| async move { provider.authorize(&key, amount, &token).await })
            .await
    }

    async fn capture(&self, reference: &str, key: &str) -> Answer<Charge> {
        let (reference, key) = (reference.to_owned(), key.to_owned());
        self.far(|provider| async move { provider.capture(&reference, &key).await })
            .await
    }

    async fn void(&self, reference: &str, key: &str) -> Answer<Charge> {
        let (reference, key) = (reference.to_owned(), key.to_owned());
        self.far(|provider| async move { provider.void(&reference, &key).await })
            .await
    }

    async fn refund(&self, reference: &str, amount_minor: i64, key: &str) -> Answer<Charge> {
        let (reference, key) = (reference.to_owned(), key.to_owned());
        self.far(|provider| async move { provider.refund(&reference, amount_minor, &key).await })
            .await
    }

    async fn look_up(&self, key: &str) -> Answer<Option<Charge>> {
        let key = key.to_owned();
        self.far(|provider| async move { provider.look_up(&key).await })
            .await
    }

    async fn list(&self, after: &Position, limit: u32) -> Answer<Vec<Charge>> {
        let after = after.clone();
        self.far(|provider| async move { provider.list(&after, limit).await })
            .await
    }
}
