//! Further replicas of a world's services: other processes as far as the databases can tell.

use std::collections::HashMap;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use http::Request;
use platform::gate::Gate;
use platform::run::{begin, open_shared, prepare};
use platform::{Db, Service};

use crate::answered::Answered;
use crate::place::{process, public_half};
use crate::world::{World, ask};

/// A second process with the same services on the same databases. It ends with its world.
///
/// Events come to the newest replica alone, as a bus gives each to one of them; the jobs of all run.
pub struct Replica {
    /// Everything of each service, by name.
    pub gates: HashMap<&'static str, Gate>,
    /// All routes.
    pub router: Router,
}

impl World {
    /// Starts one more replica of these services. The world has to keep its data in PostgreSQL.
    ///
    /// # Errors
    /// When one can't start, or the data can't be shared.
    pub async fn replica(&self, services: Vec<Service>) -> anyhow::Result<Replica> {
        let databases = self.place.databases.as_ref();
        let databases = databases.context("only a database server can be shared")?;
        let public = public_half(&self.signing_key)?;
        let process = process(&self.clock, &self.bus, &self.tasks, public);
        let mut replica = Replica {
            gates: HashMap::new(),
            router: Router::new(),
        };
        for service in services {
            let db = open_shared(&process, &databases.of(service.name)?, service.schema()).await?;
            let mut prepared = prepare(&process, service, db).await?;
            let routes = std::mem::take(&mut prepared.routes);
            replica.router = replica.router.merge(routes.split_for_parts().0);
            let name = prepared.context.service;
            replica.gates.insert(name, begin(prepared).await?.0);
        }
        Ok(replica)
    }
}

impl Replica {
    /// The replica's own connection to the database of a service.
    ///
    /// # Errors
    /// When no such service runs.
    pub fn db(&self, service: &str) -> anyhow::Result<&Db> {
        let gate = self.gates.get(service);
        let gate = gate.with_context(|| format!("no service {service}"))?;
        Ok(&gate.context.db)
    }

    /// Sends a request to the routes.
    ///
    /// # Errors
    /// When the answer's body can't be read.
    pub async fn send(&self, request: Request<Body>) -> anyhow::Result<Answered> {
        ask(&self.router, request).await
    }
}
