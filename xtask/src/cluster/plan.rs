//! What runs in a cluster: which processes, on which ports, told what.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use servers::postgres::WITH_DATA;

use super::Up;
use super::directory::Directory;

/// The plan of a cluster.
pub struct Plan {
    /// The program.
    pub program: PathBuf,
    /// Where the load balancer listens.
    pub listen: SocketAddr,
    /// The ports of NATS: for clients, and for the other servers.
    pub nats: Vec<(u16, u16)>,
    /// Every process of ours, the load balancer last.
    pub replicas: Vec<Replica>,
    settings: Vec<String>,
    keys: Vec<(String, String)>,
}

/// One process of a service.
#[derive(Debug, Clone)]
pub struct Replica {
    /// The service.
    pub service: &'static str,
    /// Such as `orders-1`.
    pub name: String,
    /// Where it listens.
    pub listen: SocketAddr,
}

impl Plan {
    /// Chooses ports and makes keys.
    ///
    /// # Errors
    /// When the program does not build, or a port can't be had.
    pub fn make(up: &Up, program: PathBuf, directory: &Directory) -> Result<Self> {
        // All are held until all are chosen, so that none is chosen twice.
        let mut held = Vec::new();
        let mut free = || -> Result<u16> {
            let listener = servers::free_listener()?;
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        };
        let mut nats = Vec::new();
        for _ in 0..up.nats_nodes {
            nats.push((free()?, free()?));
        }
        let mut replicas = Vec::new();
        for service in WITH_DATA.into_iter().chain(["web"]) {
            for number in 1..=up.replicas {
                replicas.push(Replica {
                    service,
                    name: format!("{service}-{number}"),
                    listen: SocketAddr::from(([127, 0, 0, 1], free()?)),
                });
            }
        }
        let listen = match up.listen.port() {
            0 => SocketAddr::new(up.listen.ip(), free()?),
            _ => up.listen,
        };
        replicas.push(Replica {
            service: "gateway",
            name: "gateway".to_owned(),
            listen,
        });
        let keys = keys(&program, directory)?;
        Ok(Self {
            program,
            listen,
            nats,
            replicas,
            settings: up.settings.clone(),
            keys,
        })
    }

    /// The servers of NATS.
    pub fn nats_url(&self) -> String {
        let urls: Vec<String> = self
            .nats
            .iter()
            .map(|(port, _)| format!("nats://127.0.0.1:{port}"))
            .collect();
        urls.join(",")
    }

    /// Where every replica answers, as the load balancer is told.
    fn upstreams(&self) -> String {
        let places: Vec<String> = self
            .replicas
            .iter()
            // Nobody asks expiration anything.
            .filter(|replica| !matches!(replica.service, "gateway" | "expiration"))
            .map(|replica| format!("{}={}", replica.service, replica.listen))
            .collect();
        places.join(",")
    }

    /// What every process is told through its environment.
    pub fn environment(&self, directory: &Directory, database_url: &str) -> Vec<(String, String)> {
        let pair = |name: &str, value: String| (name.to_owned(), value);
        let mut variables = vec![
            pair("TICKETING_DATABASE_URL", database_url.to_owned()),
            pair("TICKETING_NATS_URL", self.nats_url()),
            pair("TICKETING_UPSTREAMS", self.upstreams()),
            pair("TICKETING_GATEWAY_URL", format!("http://{}", self.listen)),
            pair("TICKETING_TRUSTED_PROXY", "127.0.0.1/32".to_owned()),
            pair("TICKETING_DATABASE_CONNECTIONS", "8".to_owned()),
            pair(
                "TICKETING_MAIL_DIR",
                directory.join("mail").display().to_string(),
            ),
        ];
        if !self.listen.ip().is_unspecified() {
            let url = format!("http://{}", self.listen);
            variables.push(pair("TICKETING_PUBLIC_URL", url));
        }
        variables.extend(self.keys.iter().cloned());
        variables
    }

    /// The command of one process.
    pub fn command(&self, replica: &Replica, environment: &[(String, String)]) -> Command {
        let mut command = self.bare_command();
        command
            .args(["serve", replica.service, "--listen"])
            .arg(replica.listen.to_string())
            .args(&self.settings)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program, told nothing: what our own environment says of a marketplace is not meant for it.
    pub fn bare_command(&self) -> Command {
        bare_command(&self.program)
    }
}

/// The program, told nothing.
pub fn bare_command(program: &PathBuf) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKETING_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command of the program to its end; what it printed.
///
/// # Errors
/// What it says went wrong.
pub fn said_by(command: &mut Command, name: &str) -> Result<String> {
    let ended = command.output()?;
    if !ended.status.success() {
        let problem = String::from_utf8_lossy(&ended.stderr);
        bail!("ticketing {name}: {problem}");
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// The keys of sessions and notices, made once.
fn keys(program: &PathBuf, directory: &Directory) -> Result<Vec<(String, String)>> {
    let file = directory.join("keys.env");
    if !file.exists() {
        let made = said_by(bare_command(program).arg("keys"), "keys")?;
        fs::write(&file, made)?;
    }
    let text = fs::read_to_string(&file)?;
    text.lines()
        .map(|line| {
            let (name, value) = line.split_once('=').context("keys.env is damaged")?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}
