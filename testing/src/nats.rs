//! Real NATS servers for tests: started on free ports of this machine, killed, paused, restarted, emptied.

mod accounts;
mod launcher;
mod server;

use std::path::Path;

use anyhow::{Context, bail};
use tempfile::TempDir;

pub use accounts::Account;
pub use server::Server;

use crate::certificates::{Authority, Certificate};

/// How often other ports are tried when somebody else took one meanwhile.
const STARTS: usize = 3;

/// A user and a password that [`with_password`] accepts.
pub const USER: (&str, &str) = ("tester", "p@ss word");

/// A server with JetStream.
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn single() -> anyhow::Result<Server> {
    started(|| Server::new("n1", jetstream))
}

/// A server without JetStream.
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn without_jetstream() -> anyhow::Result<Server> {
    started(|| Server::new("n1", |_| String::new()))
}

/// A server with JetStream that wants [`USER`].
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn with_password() -> anyhow::Result<Server> {
    let (user, password) = USER;
    let login = format!("authorization {{ user: \"{user}\", password: \"{password}\" }}\n");
    started(|| Server::new("n1", |store| jetstream(store) + &login))
}

/// A server with JetStream that wants this token.
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn with_token(token: &str) -> anyhow::Result<Server> {
    let login = format!("authorization {{ token: \"{token}\" }}\n");
    started(|| Server::new("n1", |store| jetstream(store) + &login))
}

/// A server with JetStream that wants [`USER`] over an encrypted connection, and shows this certificate.
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn encrypted(certificate: &Certificate) -> anyhow::Result<Server> {
    let (user, password) = USER;
    let login = format!("authorization {{ user: \"{user}\", password: \"{password}\" }}\n");
    showing(certificate, &login, "")
}

/// A server with JetStream that shows this certificate over an encrypted connection, and wants to be shown
/// one that this authority has signed.
///
/// # Errors
/// When there is no `nats-server`, or it does not start.
pub fn asking(certificate: &Certificate, authority: &Authority) -> anyhow::Result<Server> {
    let wants = format!("ca_file: {:?}, verify: true", authority.file());
    showing(certificate, "", &wants)
}

/// A server that shows this certificate, with more in its settings, and in those of its encryption.
fn showing(certificate: &Certificate, more: &str, encryption: &str) -> anyhow::Result<Server> {
    started(|| {
        let server = Server::new("n1", |store| {
            let place = |name: &str| store.with_file_name(name).display().to_string();
            let (shown, key) = (place("server.pem"), place("server.key"));
            jetstream(store)
                + more
                + &format!("tls {{ cert_file: {shown:?}, key_file: {key:?}\n {encryption} }}\n")
        })?;
        server.keep("server.pem", &certificate.certificate)?;
        server.keep("server.key", &certificate.key)?;
        Ok(server)
    })
}

fn started(make: impl Fn() -> anyhow::Result<Server>) -> anyhow::Result<Server> {
    let mut tries = 0;
    loop {
        tries += 1;
        let mut server = make()?;
        match server.start() {
            Ok(()) => return Ok(server),
            Err(error) if tries == STARTS => return Err(error),
            Err(_) => {}
        }
    }
}

fn jetstream(store: &Path) -> String {
    format!(
        "jetstream {{ store_dir: {:?}, max_memory_store: 64MB, max_file_store: 20GB }}\n",
        store.display().to_string()
    )
}

/// Three servers that keep everything three times.
pub struct Cluster {
    /// The servers, by number.
    pub nodes: Vec<Server>,
}

impl Cluster {
    /// Starts three servers, and waits until they have chosen a leader.
    ///
    /// # Errors
    /// When there is no `nats-server`, or one does not start.
    pub fn start() -> anyhow::Result<Self> {
        for _ in 1..STARTS {
            if let Ok(cluster) = Self::try_start() {
                return Ok(cluster);
            }
        }
        Self::try_start()
    }

    fn try_start() -> anyhow::Result<Self> {
        let ports = server::free_ports::<3>()?;
        let routes: Vec<String> = ports
            .iter()
            .map(|port| format!("\"nats-route://127.0.0.1:{port}\""))
            .collect();
        let routes = routes.join(", ");
        let mut nodes = Vec::new();
        for (number, port) in (1..).zip(ports) {
            let cluster = format!(
                "cluster {{ name: tests, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}\n"
            );
            nodes.push(Server::new(&format!("n{number}"), |store| {
                jetstream(store) + &cluster
            })?);
        }
        for node in &mut nodes {
            node.start()?;
        }
        let cluster = Self { nodes };
        cluster.wait_for_a_leader()?;
        Ok(cluster)
    }

    /// Waits until every running server knows who leads.
    ///
    /// # Errors
    /// When none is chosen in time.
    pub fn wait_for_a_leader(&self) -> anyhow::Result<()> {
        for node in self.nodes.iter().filter(|node| node.runs()) {
            node.wait_for("metadata leader")?;
        }
        Ok(())
    }

    /// The URLs of all servers, separated by commas.
    #[must_use]
    pub fn urls(&self) -> String {
        let urls: Vec<String> = self.nodes.iter().map(Server::url).collect();
        urls.join(",")
    }

    /// The number of the server that leads a stream, as the server says that tells who leads.
    ///
    /// # Errors
    /// When no server says so.
    pub fn leader_of(&self, stream: &str) -> anyhow::Result<usize> {
        // `JetStream cluster new stream leader for 'ACCOUNT > STREAM'` stands in the log of the new one.
        let said = format!("> {stream}'");
        let newest = self
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.runs())
            .filter_map(|(number, node)| {
                let at = node.said_last("new stream leader for", &said)?;
                Some((at, number))
            })
            .max();
        match newest {
            Some((_, number)) => Ok(number),
            None => bail!("no server leads {stream}"),
        }
    }
}

fn private_directory() -> anyhow::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("nats-")
        .tempdir()
        .context("make a private directory")
}
