//! Puts a service's process together: its own value, on its machine's disk and clock, at the network.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use axum::Router;
use platform::Service;
use platform::db::memory::Pace;
use platform::gate::{Gate, GateSettings};
use platform::http::health::Readiness;
use platform::run::{Process, begin, catch_up_sessions, open_simulated, prepare};
use platform::session::SigningKey;
use platform::tasks::Tasks;
use testing::random::Seeded;

use super::{Replica, World};
use crate::clock::Machine;
use crate::executor::{Executor, Group, Member};
use crate::network::{Line, Network};
use crate::remote::Remote;

impl World {
    pub(super) async fn open(
        &self,
        replica: Replica,
        group: Group,
    ) -> anyhow::Result<(Router, Gate)> {
        let host = self.host(replica.service)?;
        let site = Site {
            executor: &self.executor,
            network: &self.network,
            choices: &self.choices,
            key: &self.key,
        };
        let process = site.process(replica, group, Arc::clone(host.clock(replica)?))?;
        let value = self.service(replica.service)?;
        let medium = (&host.disk, pace(&self.choices));
        let db = open_simulated(&process, medium, value.schema())?;
        if orders::flaws::SEVERAL_LIVE_ORDERS.is_there() {
            host.disk.tamper("drop index if exists orders_live")?;
        }
        let mut prepared = prepare(&process, value, db).await?;
        let routes = std::mem::take(&mut prepared.routes);
        let (gate, _) = begin(prepared).await?;
        catch_up_sessions(&gate, app::up::SESSIONS_WITHIN).await;
        Ok((routes.split_for_parts().0, gate))
    }

    fn service(&self, service: &str) -> anyhow::Result<Service> {
        let mailer = Arc::clone(&self.post);
        Ok(match service {
            "auth" => auth::service(auth::Settings {
                // What a hash costs is not what is looked at here.
                hash_cost: auth::Cost::new(8, 1)?,
                hash_concurrency: 2,
                failures_per_minute: 1000,
                ..auth::Settings::new(self.key.clone(), mailer)
            }),
            "tickets" => tickets::service(tickets::Settings::default()),
            "orders" => orders::service(orders::Settings {
                hold: self.terms.hold,
                grace: self.terms.grace,
                ..orders::Settings::default()
            }),
            "expiration" => expiration::service(expiration::Settings::default()),
            "payments" => payments::service(payments::Settings {
                answer_within: Duration::from_secs(2),
                call_timeout: Duration::from_secs(4),
                unheard_after: Duration::from_secs(20),
                strangers_after: Duration::from_secs(120),
                sandbox: Some(Arc::clone(&self.provider)),
                webhook_secrets: vec![self.secret.clone()],
                ..payments::Settings::new(Arc::new(Remote::new(&self.executor, &self.provider)))
            }),
            "notifications" => notifications::service(notifications::Settings {
                mailer,
                public_url: "http://tickets.example".to_owned(),
                dev_mail: None,
            }),
            _ => anyhow::bail!("no service {service}"),
        })
    }
}

/// What every process is given.
pub(super) struct Site<'a> {
    pub(super) executor: &'a Executor,
    pub(super) network: &'a Network,
    pub(super) choices: &'a Arc<Seeded>,
    pub(super) key: &'a SigningKey,
}

impl Site<'_> {
    pub(super) fn process(
        &self,
        replica: Replica,
        group: Group,
        clock: Arc<Machine>,
    ) -> anyhow::Result<Process> {
        let public = self.key.public().map_err(|error| anyhow!("{error}"))?;
        Ok(Process {
            clock,
            random: Arc::new(Seeded::new(self.choices.next())),
            bus: Arc::new(Line::new(self.network, replica)),
            tasks: Tasks::on(Arc::new(Member(self.executor.clone(), group))),
            public_keys: vec![public],
            public_url: None,
            readiness: Readiness::default(),
            gate: GateSettings::default(),
        })
    }
}

/// A disk that takes between a tenth of a millisecond and three, and sometimes fifty.
pub(super) fn pace(choices: &Arc<Seeded>) -> Pace {
    let choices = Seeded::new(choices.next());
    Arc::new(move || {
        let slow = choices.below(500) == 0;
        let most = if slow { 50_000 } else { 3000 };
        Duration::from_micros(100 + choices.below(most))
    })
}
