//! Who may be sent requests, as everybody else hears of it: late.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::time::Instant;

use super::{Names, Pod};

/// How long news of a pod takes until names and load balancers have it.
const HEARD_AFTER: Duration = Duration::from_millis(1500);

/// How often pods are asked.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Long enough for a machine that is busy with everything else.
const READY_WITHIN: Duration = Duration::from_secs(90);

/// How soon a pod ends that was told to: less than a cluster gives it.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// The pods that are meant to be sent requests, by service.
#[derive(Clone)]
pub struct Endpoints {
    names: Names,
}

impl Endpoints {
    /// Told by these names: `orders` and `orders-pods` stand for the pods of orders.
    #[must_use]
    pub fn new(names: Names) -> Self {
        Self { names }
    }

    /// Where a load balancer in front sends what comes from outside.
    #[must_use]
    pub fn of(&self, service: &str) -> Vec<SocketAddr> {
        let found = self.names.get(service).into_iter();
        found.map(|ip| SocketAddr::from((ip, 3000))).collect()
    }

    /// Waits until pods are ready, then lets everybody hear of them.
    ///
    /// # Errors
    /// When one ends instead, or is not ready in time.
    pub async fn welcome(&self, pods: &mut [Pod]) -> Result<()> {
        let end = Instant::now() + READY_WITHIN;
        for pod in &mut *pods {
            while !pod.is_ready().await {
                let ended = pod.ended()?;
                ensure!(ended.is_none(), "{} ended: {ended:?}", pod.name);
                ensure!(Instant::now() < end, "{} is not ready", pod.name);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        tokio::time::sleep(HEARD_AFTER).await;
        self.change(pods, |known, ip| known.push(ip));
        Ok(())
    }

    /// Tells a pod to stop, lets everybody hear of it only later, and waits for its end.
    ///
    /// # Errors
    /// When it does not end in time, or not well.
    pub async fn part_from(&self, mut pod: Pod) -> Result<()> {
        let told = Instant::now();
        pod.terminate()?;
        tokio::time::sleep(HEARD_AFTER).await;
        self.forget(std::slice::from_ref(&pod));
        loop {
            if let Some(status) = pod.ended()? {
                ensure!(status.success(), "{} ended with {status}", pod.name);
                return Ok(());
            }
            ensure!(told.elapsed() < ENDS_WITHIN, "{} goes on", pod.name);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Everybody hears that these are gone.
    pub fn forget(&self, pods: &[Pod]) {
        self.change(pods, |known, ip| known.retain(|other| *other != ip));
    }

    fn change(&self, pods: &[Pod], change: impl Fn(&mut Vec<Ipv4Addr>, Ipv4Addr)) {
        let mut services: BTreeMap<&str, Vec<Ipv4Addr>> = BTreeMap::new();
        for pod in pods {
            let known = services
                .entry(&pod.service)
                .or_insert_with(|| self.names.get(&pod.service));
            change(known, pod.ip);
        }
        for (service, known) in services {
            self.names.set(service, known.clone());
            self.names.set(&format!("{service}-pods"), known);
        }
    }
}
