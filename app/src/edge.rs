//! The two processes that own nothing: the load balancer and the pages.

use std::sync::Arc;

use axum::Router;
use platform::bus::Bus;

use crate::serve::Parts;

/// The load balancer.
pub fn gateway(_parts: &Parts<'_>) -> anyhow::Result<Router> {
    anyhow::bail!("not yet")
}

/// The pages.
pub async fn web(_parts: &Parts<'_>, _bus: Arc<dyn Bus>) -> anyhow::Result<Router> {
    anyhow::bail!("not yet")
}
